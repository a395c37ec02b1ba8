package chimesdk_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/chimesdk"
	"github.com/carillon-project/carillon/internal/model"
)

// The services have the operations that version 1 of the AWS CLI has at its end, and the embedded
// form says of a service what the generated source says.
func TestServices(t *testing.T) {
	operations := map[string]int{}
	for _, s := range chimesdk.Services {
		operations[s.Command] = len(s.All())
		for _, op := range s.All() {
			if op.Method == "" || op.Path == "" || s.OperationOf(op.Command) != op {
				t.Errorf("%s %s is not whole: %+v", s.Command, op.Command, op)
			}
		}
		read, err := model.Open(*s.Flat)
		if err != nil {
			t.Fatal(err)
		}
		if read.Command != s.Command || read.ID != s.ID || read.EndpointPrefix != s.EndpointPrefix || read.SigningName != "chime" || s.SigningName != "chime" {
			t.Errorf("the flat form is of %q (%q), the source of %q (%q)", read.Command, read.ID, s.Command, s.ID)
		}
	}
	want := map[string]int{
		"chime-sdk-identity": 30, "chime-sdk-media-pipelines": 31, "chime-sdk-meetings": 16, "chime-sdk-messaging": 51, "chime-sdk-voice": 96,
	}
	if diff := cmp.Diff(want, operations); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}
