package main

import (
	"strings"
	"testing"
)

// What a contract says and the generated code could not keep must not be dropped in silence.
func TestLoad_refuses(t *testing.T) {
	contract := func(members, output string) string {
		return `{"metadata": {"serviceId": "Some Service", "endpointPrefix": "some"},
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
	c, err := load(`{"metadata": {"serviceId": "Some SDK Service", "endpointPrefix": "some", "signingName": "signed"},
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
	if source := string(tables(c)); !strings.Contains(source, "\npackage somesdkservice\n") {
		t.Errorf("got no package somesdkservice in\n%s", source)
	}
}
