package servicefile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/help"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/params"
	"github.com/carillon-project/carillon/internal/servicefile"
)

func TestWord(t *testing.T) {
	for name, want := range map[string]string{
		"BatchUpdateUser": "batch-update-user", "ResetPersonalPIN": "reset-personal-pin", "ListEBSVolumes2": "list-ebs-volumes2",
		"GetHTTPThing": "get-http-thing", "ListARNs": "list-arns", "E164PhoneNumbers": "e164-phone-numbers", "ListIPs": "list-ips",
		"CreateCachediSCSIVolume": "create-cached-iscsi-volume", "x-amz": "x-amz", "PutMFADevice": "put-mfa-device", "A": "a", "": "",
		"S3BucketName": "s3-bucket-name", "ValidateE911Address": "validate-e911-address",
	} {
		if got := servicefile.Word(name); got != want {
			t.Errorf("Word(%q) = %q, want %q", name, got, want)
		}
	}
}

// toy is a model; parts of it are replaced by each test.
const toy = `{
	"version": "2.0",
	"metadata": {"apiVersion": "2024-01-01", "endpointPrefix": "toy", "protocol": "rest-json", "serviceId": "Toy", "signatureVersion": "v4"},
	"operations": {"Put": {"name": "Put", "http": {"method": "PUT", "requestUri": "/{id}?x=1"}, "input": {"shape": "In"}, "output": {"shape": "Out"}}},
	"shapes": {
		"In": {"type": "structure", "required": ["Id"], "members": {"Id": {"shape": "Text", "location": "uri", "locationName": "id"}, "When": {"shape": "Time", "timestampFormat": "rfc822"}}},
		"Out": {"type": "structure", "members": {"All": {"shape": "List"}, "When": {"shape": "Time"}}},
		"List": {"type": "list", "member": {"shape": "Text"}},
		"Text": {"type": "string"},
		"Time": {"type": "timestamp"}
	}
}`

// A model says what it is, and a reference may say more about a shape than the shape does.
func TestRead(t *testing.T) {
	files := servicefile.Files{Model: toy, Strict: true,
		Paginators: `{"pagination": {"Put": {"input_token": "Marker", "output_token": ["Next"], "result_key": "All", "limit_key": "Max"}, "None": {}}}`,
		Waiters:    `{"version": 2, "waiters": {"PutDone": {"operation": "Put", "delay": 3, "maxAttempts": 4, "acceptors": [{"state": "success", "matcher": "status", "expected": 200}]}, "Lost": {"operation": "Gone"}}}`}
	s, err := files.Read("toy-service")
	if err != nil {
		t.Fatal(err)
	}
	op := s.OperationOf("put")
	if s.Command != "toy-service" || s.SettingName() != "toy_service" || s.SigningName != "toy" || s.Version != "2024-01-01" || op == nil || op.Path != "/{id}" || op.Query != "x=1" {
		t.Fatalf("got %+v, %+v", s, op)
	}
	if in, out := op.Input.Member("When").Shape, op.Output.Member("When").Shape; in.Format != "rfc822" || out.Format != "" || in.Name != out.Name {
		t.Errorf("got the times %+v and %+v, want only the first in a form of its own", in, out)
	}
	if p := op.Paginator; p == nil || p.InputTokens[0] != "Marker" || p.OutputTokens[0] != "Next" || p.ResultKeys[0] != "All" || !p.Takes("Max") {
		t.Errorf("got the paginator %+v", op.Paginator)
	}
	if w := s.Waiter("put-done"); w == nil || w.Delay != 3 || w.MaxAttempts != 4 || w.Acceptors[0].Expected != "200" {
		t.Errorf("got the waiter %+v", w)
	}
	if len(s.Waiters) != 1 { // the operations of a model are of use without a waiter that has none
		t.Errorf("got %d waiters, want only that of an operation that is there", len(s.Waiters))
	}
}

// What is broken, or not understood, is named with its place.
func TestRead_refuses(t *testing.T) {
	for _, tt := range []struct {
		old, new string
		strict   bool
		want     string // "" if it is read
	}{
		{`"serviceId": "Toy", `, ``, false, "The model being used for the service toy is missing the serviceId metadata property, which is required."},
		{`"endpointPrefix": "toy", `, ``, false, `"endpointPrefix" not defined in the metadata of the model: ServiceModel(toy)`},
		{`rest-json`, `smithy-rpc-v2-cbor`, false, "the service toy speaks the protocol smithy-rpc-v2-cbor, which this aws does not know"},
		{`"v4"`, `"v9"`, false, "Unknown Signature Version: v9."},
		{`"shape": "List"`, `"shape": "Lost"`, false, `Out.All: the shape "Lost" is missing`},
		{`"member": {"shape": "Text"}`, `"member": {}`, false, `the elements of List: the shape "" is missing`},
		{`"type": "timestamp"`, `"type": "moment"`, false, `the shape Time is of the unknown type "moment"`},
		{`rfc822`, `julian`, false, `In.When is a timestamp of the unknown format "julian"`},
		{`"location": "uri"`, `"location": "trailer"`, false, `In.Id is in the unknown location "trailer"`},
		{`"required": ["Id"]`, `"payload": "Body"`, false, `the payload "Body" of the shape In is none of its members`},
		{`"input": {"shape": "In"}`, `"input": {"shape": "Text"}`, false, `the input of Put: the shape "Text" is not a structure`},
		{`"input": {"shape": "In"}`, `"auth": ["aws.auth#sigv9"]`, false, "the operation Put is signed by aws.auth#sigv9, which this aws cannot do"},
		{`"shapes": {`, `"shapes": {"X": 1, `, false, ""},
		{`"shapes": {`, `"shapes": {"X": 1, `, true, "the shape X is not an object"},
		{`"type": "string"`, `"type": "moment"`, true, `the shape Text is of the unknown type "moment"`},
		{`"Text": {"type": "string"}`, `"Text": 1`, false, "the shape Text is not an object"},
		{`"type": "string"`, `"type": "string", "aura": true`, false, ""},
		{`"type": "string"`, `"type": "string", "aura": true`, true, `the shape Text has "aura", which is unknown`},
		{`{
	"version"`, `[{"version"`, false, "Expecting ',' delimiter: line 11 column 2 (char 728)"},
	} {
		text := strings.Replace(toy, tt.old, tt.new, 1)
		if text == toy {
			t.Fatalf("the model has no %s", tt.old)
		}
		files := servicefile.Files{Model: text, Strict: tt.strict}
		s, err := files.Read("toy")
		if err == nil && s.Operation("Put").Fault != "" {
			err = errors.New(s.Operation("Put").Fault)
		}
		if got := fmt.Sprint(err); got != tt.want && (err != nil || tt.want != "") {
			t.Errorf("%s: got %s, want %s", tt.new, got, tt.want)
		}
	}
}

// What is broken is of no concern to the operations that do without it.
func TestRead_faults(t *testing.T) {
	text := strings.Replace(toy, `"operations": {`, `"operations": {"Odd": 1, "Lost": {"http": {}, "input": {"shape": "Gone"}}, "Get": {"http": {}, "output": {"shape": "Deep"}}, `, 1)
	text = strings.Replace(text, `"shapes": {`, `"shapes": {"Deep": {"type": "structure", "members": {"Back": {"shape": "Deep"}, "Map": {"shape": "Map"}}},
		"Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Strange"}}, "Strange": {"type": "strange"}, `, 1)
	files := servicefile.Files{Model: text}
	s, err := files.Read("toy")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := model.Open(string(model.AppendFlat(nil, s)))
	if err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]string{
		"put": "", "odd": "the operation Odd is not an object", "lost": `the input of Lost: the shape "Gone" is missing`, "get": `the shape Strange is of the unknown type "strange"`,
	} {
		for _, op := range []*model.Operation{s.OperationOf(command), kept.OperationOf(command)} {
			if op == nil || op.Fault != want || want != "" && (op.Input != nil || op.Output != nil) {
				t.Errorf("%s: got %+v, want the fault %q", command, op, want)
			}
		}
	}
}

// Few shapes can make very many values, or reach themselves: pages and samples end all the same.
func TestRead_hostile(t *testing.T) {
	shapes := `"Out": {"type": "structure", "members": {"A": {"shape": "Out"}, "L": {"shape": "L"}, "M": {"shape": "M"}}}, "L": {"type": "list", "member": {"shape": "L"}}, ` +
		`"M": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "M"}}, "Text": {"type": "string"}, "S40": {"type": "string"}`
	for i := range 40 {
		shapes += fmt.Sprintf(`, "S%d": {"type": "structure", "members": {"A": {"shape": "S%d"}, "B": {"shape": "S%d"}}}`, i, i+1, i+1)
	}
	text := `{"metadata": {"apiVersion": "1", "endpointPrefix": "toy", "protocol": "json", "serviceId": "Toy", "targetPrefix": "T"},
		"operations": {"Put": {"http": {}, "input": {"shape": "S0"}, "output": {"shape": "Out"}}}, "shapes": {` + shapes + `}}`
	files := servicefile.Files{Model: text}
	s, err := files.Read("toy")
	if err != nil {
		t.Fatal(err)
	}
	use(s)
}

// use does with a service what needs all of its shapes.
func use(s *model.Service) {
	flat, err := model.Open(string(model.AppendFlat(nil, s)))
	if err != nil {
		panic(err)
	}
	help.Service(s, 80)
	for i, op := range flat.All() {
		for _, shape := range []*model.Shape{op.Input, op.Output} {
			params.OutputSkeleton(shape, true)
		}
		if s.Operations[i].Input == nil {
			continue
		}
		var options []help.Option
		for j := range op.Input.Members {
			options = append(options, help.Option{Name: "--" + op.Input.Members[j].Option, Value: "<value>", Member: &op.Input.Members[j]})
		}
		help.Operation(s, op, options, nil, 80)
	}
}

// Whatever the files hold, reading them gives a service that can be used, or an error.
func FuzzRead(f *testing.F) {
	f.Add(toy, `{"pagination": {"Put": {"input_token": "A", "output_token": "B", "result_key": "C"}}}`, `{"version": 2, "waiters": {"W": {"operation": "Put", "acceptors": [{}]}}}`)
	f.Add(strings.ReplaceAll(toy, "rest-json", "rest-xml"), "", "{}")
	f.Fuzz(func(t *testing.T, text, paginators, waiters string) {
		files := servicefile.Files{Model: text, Paginators: paginators, Waiters: waiters, Manual: true}
		s, err := files.Read("toy")
		if err != nil {
			if err.Error() == "" {
				t.Fatalf("an error without text: %#v", err)
			}
			return
		}
		if len(s.Operations) < 20 {
			use(s)
		}
		if _, err := document.Parse(text); err != nil {
			t.Fatalf("a model that is no JSON was read: %v", err)
		}
	})
}
