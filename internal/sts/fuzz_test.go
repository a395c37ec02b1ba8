package sts

import (
	"net/http"
	"testing"

	"github.com/carillon-project/carillon/internal/client"
)

// FuzzReply: whatever answers, a reply has credentials, or is an error.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId></Credentials></AssumeRoleResult></AssumeRoleResponse>",
		"<?xml version='1.0'?><E><Error><Code>a&lt;b&#x41;</Code><Message><![CDATA[<]]></Message></Error></E>", "<a", "",
	} {
		f.Add(seed, 200)
		f.Add(seed, 403)
	}
	f.Fuzz(func(t *testing.T, body string, status int) {
		op, a := operation("AssumeRole", credentials, roleUser, packedSize), &client.Answer{Status: status, Header: http.Header{}, Body: []byte(body)}
		refusal(op, a)
		if reply, err := decode(op, a); err == nil {
			if v, ok := reply.Get(credentials); !ok || v == nil {
				t.Fatal("a reply without credentials is no error")
			}
		}
	})
}
