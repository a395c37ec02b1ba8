package sts

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/client"
)

// FuzzReply: no reply breaks the reader, and what it takes for XML, the standard library takes for
// XML with the same elements.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId></Credentials></AssumeRoleResult></AssumeRoleResponse>",
		"<?xml version='1.0'?><E><Error><Code>a&lt;b&#x41;</Code><Message><![CDATA[<]]></Message></Error></E>",
		"<a:b xmlns:a='u'><!-- c --><c/></a:b>", "<a", "<!DOCTYPE a>", "<a>&lt", "", "<a b=\">\"/>",
	} {
		f.Add(seed, 200)
		f.Add(seed, 403)
	}
	f.Fuzz(func(t *testing.T, body string, status int) {
		refusal("AssumeRole", &client.Answer{Status: status, Header: http.Header{}, Body: []byte(body)})
		if reply, err := decode([]byte(body), "AssumeRole", []string{credentials, roleUser, packedSize}); err == nil {
			if v, ok := reply.Get(credentials); !ok || v == nil {
				t.Fatal("a reply without credentials is no error")
			}
		}
		root, err := parseXML(body)
		if err != nil {
			return
		}
		var ours, theirs []string
		var walk func(n *node)
		walk = func(n *node) {
			ours = append(ours, n.name)
			for _, c := range n.children {
				walk(c)
			}
		}
		walk(root)
		d := xml.NewDecoder(strings.NewReader(body))
		d.Strict = false
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return // stricter in attributes, names and instructions, which are dropped here
			}
			if start, ok := token.(xml.StartElement); ok {
				theirs = append(theirs, start.Name.Local)
			}
		}
		if got, want := strings.Join(ours, " "), strings.Join(theirs, " "); got != want && !strings.Contains(want, ":") {
			t.Fatalf("got elements %q, want %q", got, want)
		}
	})
}
