package main

import (
	"slices"
	"strings"
	"testing"
)

// What a contract says and the generated code could not keep must not be dropped in silence.
func TestLoad_refuses(t *testing.T) {
	contract := func(members, output string) string {
		return `{"metadata": {"serviceId": "Some Service", "protocol": "rest-json", "endpointPrefix": "some"},
			"operations": {"Get": {"http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "In"}, "output": {"shape": "Out"}}},
			"shapes": {
				"In": {"type": "structure", "members": {` + members + `}},
				"Out": {"type": "structure", "members": {` + output + `}},
				"Text": {"type": "string"},
				"Map": {"type": "map"},
				"Error": {"type": "structure", "members": {"ErrorCode": {"shape": "Text"}}},
				"Errors": {"type": "list", "member": {"shape": "Error"}}
			}}`
	}
	const noMap = `"Map": {"type": "map"},`
	for _, c := range []struct{ name, text, want string }{
		{"nothing", strings.Replace(contract(`"A": {"shape": "Text"}`, `"E": {"shape": "Errors"}`), noMap, "", 1), ""},
		{"another name in a body", strings.Replace(contract(`"A": {"shape": "Text", "locationName": "a"}`, ""), noMap, "", 1),
			`In.A is "a" in a body: both ends know members of a body by their own names only`},
		{"a location", strings.Replace(contract(`"A": {"shape": "Text", "location": "header", "locationName": "a"}`, ""), noMap, "", 1),
			`In.A is in the unknown location "header"`},
		{"a type", contract("", ""), `shape Map is of the unknown type "map"`},
		{"two lists of errors", strings.Replace(contract("", `"E": {"shape": "Errors"}, "F": {"shape": "Errors"}`), noMap, "", 1),
			"the output of Get has two lists of errors, E and F"},
		{"no JSON", "{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"},
	} {
		got := ""
		if _, err := load(c.text, ""); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// Names follow from what the contract calls things.
func TestLoad_names(t *testing.T) {
	c, err := load(`{"metadata": {"serviceId": "Some SDK Service", "protocol": "rest-json", "endpointPrefix": "some", "signingName": "signed"},
		"operations": {"ResetPersonalPIN": {"http": {"method": "POST", "requestUri": "/a/{b}?operation=reset", "responseCode": 201}}}, "shapes": {}}`, "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	s, op := c.service, c.service.Operations[0]
	got := []string{s.Command, s.ID, s.EndpointPrefix, s.SigningName, s.GlobalRegion, op.Name, op.Command, op.Path, op.Query}
	want := []string{"some-sdk-service", "Some SDK Service", "some", "signed", "us-east-1", "ResetPersonalPIN", "reset-personal-pin", "/a/{b}", "operation=reset"}
	if strings.Join(got, "|") != strings.Join(want, "|") || op.Status != 201 {
		t.Errorf("got %q with status %d, want %q with 201", got, op.Status, want)
	}
}

// tiny is a contract with one operation.
const tiny = `{
	"metadata": {"serviceId": "Tiny", "endpointPrefix": "tiny", "protocol": "rest-json"},
	"operations": {
		"PutThing": {
			"http": {"method": "PUT", "requestUri": "/things/{id}", "responseCode": 200},
			"input": {"shape": "PutThingRequest"},
			"errors": [{"shape": "NotFoundException"}]
		}
	},
	"shapes": {
		"PutThingRequest": {
			"type": "structure",
			"required": ["Id"],
			"members": {"Id": {"shape": "Text", "location": "uri", "locationName": "id"}, "Name": {"shape": "Text"}}
		},
		"Text": {"type": "string", "max": 9},
		"NotFoundException": {
			"type": "structure",
			"members": {"Code": {"shape": "Text"}, "Message": {"shape": "Text"}},
			"error": {"httpStatusCode": 404},
			"exception": true
		}
	}
}`

// A fact of the contract that the generator would drop stops it, and is named with its place.
func TestLoad_unknownFacts(t *testing.T) {
	c, err := load(tiny, "")
	if err != nil {
		t.Fatal(err)
	}
	if m := c.service.Operations[0].Input.Member("Id"); m.WireName != "id" || m.Shape.Max != 9 {
		t.Errorf("got %+v", m)
	}
	if got := c.errors["PutThing"]; !slices.Equal(got, []string{"NotFoundException"}) {
		t.Errorf("the errors of PutThing are %v", got)
	}
	for _, test := range []struct{ old, new, want string }{
		{`"Name": {`, `"Name": {"jsonvalue": true, `, `PutThingRequest.Name has "jsonvalue", which the generator does not know`},
		{`"Name": {"shape": "Text"`, `"Name": {"shape": "Txt"`, `PutThingRequest.Name is of the unknown shape "Txt"`},
		{`"max": 9`, `"document": true`, `shape Text has "document", which the generator does not know`},
		{`"type": "string"`, `"type": "timestamp", "timestampFormat": "unixTimestamp"`, `shape Text is a timestamp of the unknown format "unixTimestamp"`},
		{`"responseCode": 200`, `"responseCode": 200, "hostPrefix": "x"`, `operation PutThing has "hostPrefix", which the generator does not know`},
		{`"input": {`, `"input": {"payload": "Name", `, `the input of PutThing has "payload", which the generator does not know`},
		{`"input": {"shape": "PutThingRequest"}`, `"input": {"shape": "Other"}`, `the input of PutThing: the shape "Other" is unknown`},
		{`{"shape": "NotFoundException"}`, `{"shape": "GoneException"}`, `an error of PutThing: the exception "GoneException" is unknown`},
		{`{"shape": "NotFoundException"}`, `{"shape": "NotFoundException", "fault": true}`, `an error of PutThing has "fault", which the generator does not know`},
		{`"httpStatusCode": 404`, `"httpStatusCode": 404, "senderFault": true`, `exception NotFoundException has "senderFault", which the generator does not know`},
		{`"Message": {`, `"Reason": {`, `exception NotFoundException has "Reason", which the generator does not know`},
		{`rest-json`, `json`, `the protocol "json" is unknown`},
		{`"serviceId"`, `"uid": "x", "serviceId"`, `the metadata has "uid", which the generator does not know`},
		{`"metadata": {`, `"examples": {}, "metadata": {`, `the contract has "examples", which the generator does not know`},
	} {
		text := strings.Replace(tiny, test.old, test.new, 1)
		if text == tiny {
			t.Fatalf("%s: the contract does not have it", test.old)
		}
		if _, err := load(text, ""); err == nil || err.Error() != test.want {
			t.Errorf("with %s: got error %v, want %s", test.new, err, test.want)
		}
	}
}
