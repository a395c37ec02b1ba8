package model_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/model"
)

// zoo is a service that has everything that a service can have.
func zoo() *model.Service {
	text := &model.Shape{Name: "Text", Kind: model.String, Enum: []string{"a", "b"}, Pattern: "x+", Min: 1, Max: 1 << 40, Sensitive: true}
	when := &model.Shape{Name: "When", Kind: model.Timestamp, Format: "rfc822", Min: model.Unbounded, Max: model.Unbounded}
	bytes := &model.Shape{Name: "Bytes", Kind: model.Blob, Min: -7, Max: model.Unbounded}
	pairs := &model.Shape{Name: "Pairs", Kind: model.Map, Key: text, Value: when, KeyName: "k", ValueName: "v", Flattened: true}
	tree := &model.Shape{Name: "Tree", Kind: model.Structure, Required: []string{"Name"}, Union: true, Namespace: model.Namespace{URI: "u", Prefix: "p"}}
	list := &model.Shape{Name: "Trees", Kind: model.List, Element: tree, ElementName: "item"}
	tree.Members = []model.Member{
		{Name: "Name", Option: "name", Shape: text, Required: true, XMLAttribute: true, WireName: "p:name"},
		{Name: "Children", Option: "children", Shape: list, QueryName: "Child"}, // reaches itself
	}
	in := &model.Shape{Name: "In", Kind: model.Structure, Payload: "Body", Members: []model.Member{
		{Name: "Id", Shape: text, Location: model.URI, WireName: "id", HostLabel: true, IdempotencyToken: true},
		{Name: "Body", Shape: bytes, Streaming: true},
		{Name: "Head", Shape: pairs, Location: model.Headers, JSONValue: true},
	}}
	return &model.Service{
		Command: "zoo", ID: "Zoo", Version: "2030-01-01", Protocol: model.RESTXML, EndpointPrefix: "zoo", SigningName: "zooo", GlobalRegion: "r",
		Auth: model.Bearer, TargetPrefix: "T", JSONVersion: "1.1", QueryMode: true, Namespace: model.Namespace{URI: "x"}, Rules: "{}",
		Waiters: []*model.Waiter{{Name: "Done", Command: "done", Operation: "Put", Delay: 3, MaxAttempts: 4,
			Acceptors: []model.Acceptor{{State: "success", Matcher: "path", Argument: "A", Expected: "1"}}}},
		Operations: []*model.Operation{
			{Name: "Put", Command: "put", Method: "PUT", Path: "/{id}", Query: "q", Status: 201, Input: in, Output: tree, ItemErrors: "E", HostPrefix: "h",
				Auth: model.NoAuth, Checksum: true, ContextParams: []model.ContextParam{{Name: "Flag", Value: "true"}, {Name: "Key", Path: "Id"}}, ResultWrapper: "R", Root: "Root", Namespace: model.Namespace{URI: "n"},
				Paginator: &model.Paginator{InputTokens: []string{"a", "b"}, OutputTokens: []string{"c"}, LimitKey: "l", ResultKeys: []string{"r"}, MoreResults: "m", NonAggregate: []string{"n"}}},
			{Name: "Get", Command: "get", Method: "GET", Path: "/", Status: 200, Output: list.Element},
			{Name: "Lost", Command: "lost", Method: "POST", Path: "/", Status: 200, Fault: "the shape X is missing"},
		},
	}
}

var sameService = cmp.Options{cmpopts.IgnoreUnexported(model.Service{}), cmpopts.IgnoreFields(model.Service{}, "Flat", "Operations")}

// What was written is read again, whole or one operation at a time, and the same shape is one.
func TestFlat(t *testing.T) {
	want := zoo()
	got, err := model.Open(string(model.AppendFlat(nil, want)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, sameService); diff != "" {
		t.Errorf("the service (-want +got):\n%s", diff)
	}
	get := got.OperationOf("get")
	if get == nil || got.Operation("Get") != get || got.All()[1] != get || got.Operation("get") != nil {
		t.Fatalf("got %v by command, %v by name, want the same operation", get, got.Operation("Get"))
	}
	if diff := cmp.Diff(want.Operations, got.All()); diff != "" {
		t.Errorf("the operations (-want +got):\n%s", diff)
	}
	if get.Output != got.All()[0].Output || get.Output.Member("Children").Shape.Element != get.Output {
		t.Error("a shape was read twice")
	}
	if diff := cmp.Diff([]string{"put", "get", "lost"}, got.Commands()); diff != "" {
		t.Errorf("the commands (-want +got):\n%s", diff)
	}
	former := strings.Replace(string(model.AppendFlat(nil, want)), "carillon model 3", "carillon model 2", 1)
	for _, text := range []string{former, "", "carillon model", "carillon model 0\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"} {
		if _, err := model.Open(text); err == nil {
			t.Errorf("Open of %.40q succeeds", text)
		}
	}
}

// Whatever the text is, reading it ends, without an exception, and takes no more than its size
// allows.
func FuzzFlat(f *testing.F) {
	whole := string(model.AppendFlat(nil, zoo()))
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(string(model.AppendFlat(nil, chime.Service))[:4096])
	f.Fuzz(func(t *testing.T, text string) {
		s, err := model.Open(text)
		if err != nil {
			return
		}
		for i, op := range s.All() {
			if s.Commands()[i] == "" && op.Name == "" {
				continue
			}
			for _, shape := range []*model.Shape{op.Input, op.Output} {
				if shape == nil {
					continue
				}
				for j := range shape.Members {
					if m := &shape.Members[j]; m.Shape == nil || m.Shape.Kind == model.List && m.Shape.Element == nil || m.Shape.Kind == model.Map && m.Shape.Value == nil {
						t.Fatalf("%s.%s has no shape", shape.Name, m.Name)
					}
				}
			}
		}
	})
}
