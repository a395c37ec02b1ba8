package main

import (
	"slices"
	"strings"
	"testing"
)

// tiny is a contract with one operation.
const tiny = `{
	"metadata": {"serviceId": "Tiny", "apiVersion": "2030-01-01", "endpointPrefix": "tiny", "protocol": "rest-json"},
	"operations": {
		"PutThing": {
			"http": {"method": "PUT", "requestUri": "/things/{id}", "responseCode": 200},
			"input": {"shape": "PutThingRequest"},
			"output": {"shape": "PutThingResponse"},
			"errors": [{"shape": "NotFoundException"}],
			"paginator": {"input_token": "Name", "output_token": "Next", "result_key": "Errors"}
		}
	},
	"shapes": {
		"PutThingRequest": {
			"type": "structure",
			"required": ["Id"],
			"members": {"Id": {"shape": "Text", "location": "uri", "locationName": "id"}, "Name": {"shape": "Text"}}
		},
		"PutThingResponse": {"type": "structure", "members": {"Errors": {"shape": "Errors"}, "Next": {"shape": "Text"}, "At": {"shape": "Time"}}},
		"Errors": {"type": "list", "member": {"shape": "Error"}},
		"Error": {"type": "structure", "members": {"ErrorCode": {"shape": "Text"}}},
		"Time": {"type": "timestamp", "timestampFormat": "iso8601"},
		"Text": {"type": "string", "max": 9},
		"NotFoundException": {
			"type": "structure",
			"members": {"Code": {"shape": "Text"}, "Message": {"shape": "Text"}},
			"error": {"httpStatusCode": 404},
			"exception": true
		}
	}
}`

func TestLoad(t *testing.T) {
	c, err := load(tiny, "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	op := c.service.Operations[0]
	if m := op.Input.Member("Id"); m.WireName != "id" || m.Shape.Max != 9 {
		t.Errorf("got %+v", m)
	}
	if op.ItemErrors != "Errors" || op.Paginator == nil || c.service.GlobalRegion != "us-east-1" {
		t.Errorf("got %+v of a service in %s", op, c.service.GlobalRegion)
	}
	if got := c.errors["PutThing"]; !slices.Equal(got, []string{"NotFoundException"}) {
		t.Errorf("the errors of PutThing are %v", got)
	}
	if want := (exception{"NotFoundException", "404"}); len(c.exceptions) != 1 || c.exceptions[0] != want {
		t.Errorf("got the exceptions %v, want %v", c.exceptions, want)
	}
}

// A fact of the contract that the generator would drop stops it, and is named with its place.
func TestLoad_refuses(t *testing.T) {
	for _, test := range []struct{ old, new, want string }{
		{`"Name": {`, `"Name": {"jsonvalue": true, `, `PutThingRequest.Name has "JSONValue", which the generator does not know`},
		{`"Name": {`, `"Name": {"locationName": "name", `, `PutThingRequest.Name has "WireName", which the generator does not know`},
		{`"location": "uri"`, `"location": "header"`, `PutThingRequest.Id has "Location", which the generator does not know`},
		{`"Name": {"shape": "Text"`, `"Name": {"shape": "Txt"`, `PutThingRequest.Name: the shape "Txt" is missing`},
		{`"max": 9`, `"aura": true`, `the shape Text has "aura", which is unknown`},
		{`"type": "list"`, `"flattened": true, "type": "list"`, `shape Errors has "Flattened", which the generator does not know`},
		{`"type": "string"`, `"type": "blob"`, `shape Text is of an unknown kind`},
		{`"timestampFormat": "iso8601"`, `"timestampFormat": "rfc822"`, `shape Time has "Format", which the generator does not know`},
		{`"Next": {"shape": "Text"}`, `"Next": {"shape": "Text", "flattened": false}`, `shape Text differs by reference`},
		{`"Errors": {"type"`, `"Errors": {"eventstream": true, "type"`, `operation PutThing streams events`},
		{`"Next": {"shape": "Text"}`, `"F": {"shape": "Errors"}`, `the output of PutThing has two lists of errors, Errors and F`},
		{`"http": {`, `"endpoint": {"hostPrefix": "x"}, "http": {`, `operation PutThing has "HostPrefix", which the generator does not know`},
		{`"input": {`, `"input": {"payload": "Name", `, `shape PutThingRequest has "Payload", which the generator does not know`},
		{`"input": {"shape": "PutThingRequest"}`, `"input": {"shape": "Other"}`, `the input of PutThing: the shape "Other" is missing`},
		{`{"shape": "NotFoundException"}`, `{"shape": "GoneException"}`, `an error of PutThing: the exception "GoneException" is unknown`},
		{`{"shape": "NotFoundException"}`, `{"shape": "NotFoundException", "fault": true}`, `an error of PutThing has "fault", which the generator does not know`},
		{`"httpStatusCode": 404`, `"httpStatusCode": 404, "senderFault": true`, `exception NotFoundException has "senderFault", which the generator does not know`},
		{`"Message": {`, `"Reason": {`, `exception NotFoundException has "Reason", which the generator does not know`},
		{`rest-json`, `json`, `the protocol "json" is unknown`},
		{`"serviceId"`, `"jsonVersion": "1.1", "serviceId"`, `the contract has "JSONVersion", which the generator does not know`},
		{`"metadata": {`, `"rooms": {}, "metadata": {`, `the contract has "rooms", which is unknown`},
		{tiny, `{`, `Expecting property name enclosed in double quotes: line 1 column 2 (char 1)`},
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
