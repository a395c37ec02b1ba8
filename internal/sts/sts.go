// Package sts asks the Security Token Service of AWS for the credentials of a role, as version 1 of
// the AWS CLI does, down to the words of its errors.
//
// Start at [AssumeRole] and [AssumeRoleWithWebIdentity]. The requests are forms and the replies
// XML, the query protocol of older services: xml.go reads as much of XML as that takes.
package sts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
)

// MaxReply is the longest reply that is worth reading, in bytes: see [client.Config].
const MaxReply = 1 << 20

// Parameter is a part of a request. A number is in decimal digits.
type Parameter struct{ Name, Value string }

// AssumeRole asks for the credentials of a role, in exchange for those of the client. The reply has
// the members that version 1 keeps in its cache, in their order: Credentials, which is there and an
// object, AssumedRoleUser, what else the service says, ResponseMetadata.
func AssumeRole(ctx context.Context, c *client.Client, parameters []Parameter) (*document.Object, error) {
	return call(ctx, c, "AssumeRole", parameters, []string{credentials, roleUser, packedSize, "SourceIdentity"})
}

// AssumeRoleWithWebIdentity asks for the credentials of a role in exchange for a token, in a
// request without a signature. The client has no credentials. The reply is like that of
// [AssumeRole].
func AssumeRoleWithWebIdentity(ctx context.Context, c *client.Client, parameters []Parameter) (*document.Object, error) {
	return call(ctx, c, "AssumeRoleWithWebIdentity", parameters,
		[]string{credentials, "SubjectFromWebIdentityToken", roleUser, packedSize, "Provider", "Audience", "SourceIdentity"})
}

const (
	credentials = "Credentials"
	roleUser    = "AssumedRoleUser"
	packedSize  = "PackedPolicySize"
)

// structure returns the members of those members of replies that have some.
func structure(name string) []string {
	switch name {
	case credentials:
		return []string{"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}
	case roleUser:
		return []string{"AssumedRoleId", "Arn"}
	}
	return nil
}

func call(ctx context.Context, c *client.Client, operation string, parameters []Parameter, members []string) (*document.Object, error) {
	form := "Action=" + operation + "&Version=2011-06-15"
	for _, p := range parameters {
		form += "&" + p.Name + "=" + url.QueryEscape(p.Value)
	}
	answer, err := c.Send(ctx, &client.Message{
		Operation: operation, Method: http.MethodPost,
		Body: []byte(form), Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}},
		Refused: func(a *client.Answer) error {
			if a.Status == http.StatusMultipleChoices { // to version 1 an error that is read as a success
				if _, err := decode(a.Body, operation, members); err != nil {
					return err
				}
			}
			return refusal(operation, a)
		},
		Codes: []string{"IDPCommunicationError"},
	})
	if err != nil {
		return nil, err
	}
	reply, err := decode(answer.Body, operation, members)
	if err != nil {
		return nil, err
	}
	metadata, _ := reply.Get(responseMetadata)
	describe(metadata.(*document.Object), answer)
	return reply, nil
}

const responseMetadata = "ResponseMetadata"

// Minima returns what version 1 says of parameters that are too short or too small, nil if none is.
// It leaves all else to the service.
func Minima(parameters []Parameter) error {
	var wrong []string
	for _, p := range parameters {
		least := map[string]int{
			"RoleArn": 20, "RoleSessionName": 2, "ExternalId": 2, "SerialNumber": 9, "TokenCode": 6, "WebIdentityToken": 4,
		}[p.Name]
		if n := python.Len(p.Value); n < least {
			wrong = append(wrong, fmt.Sprintf("Invalid length for parameter %s, value: %d, valid min length: %d", p.Name, n, least))
		}
		if p.Name == "DurationSeconds" && document.Number(p.Value).Float64() < 900 {
			wrong = append(wrong, fmt.Sprintf("Invalid value for parameter DurationSeconds, value: %s, valid min value: 900", p.Value))
		}
	}
	if wrong == nil {
		return nil
	}
	return errors.New("Parameter validation failed:\n" + strings.Join(wrong, "\n"))
}

// decode reads a successful reply.
func decode(body []byte, operation string, members []string) (*document.Object, error) {
	root, err := parse(body)
	if err != nil {
		return nil, err
	}
	result := root.child(operation + "Result")
	if result == nil {
		return nil, missing(operation + "Result")
	}
	reply := document.NewObject()
	for _, name := range members {
		member := result.child(name)
		if member == nil {
			continue
		}
		switch parts := structure(name); {
		case parts != nil:
			o := document.NewObject()
			for _, part := range parts {
				if n := member.child(part); n != nil {
					o.Set(part, n.text)
				}
			}
			reply.Set(name, o)
		case name == packedSize:
			digits, err := python.ParseInt(member.text)
			if err != nil {
				return nil, err
			}
			reply.Set(name, document.Number(digits))
		default:
			reply.Set(name, member.text)
		}
	}
	keys, _ := reply.Get(credentials)
	if keys == nil {
		return nil, missing(credentials)
	}
	user, _ := reply.Get(roleUser)
	if user, ok := user.(*document.Object); ok {
		if part := strings.SplitN(user.Text("Arn"), ":", 6); len(part) == 6 && part[0] == "arn" {
			keys.(*document.Object).Set("AccountId", part[4])
		}
	}
	metadata := document.NewObject()
	if given := root.child(responseMetadata); given != nil {
		for _, n := range given.children {
			metadata.Set(n.name, textOf(n))
		}
	}
	reply.Set(responseMetadata, metadata)
	return reply, nil
}

// missing is the error for a part of a reply that is not there: to version 1, the name.
func missing(name string) error { return errors.New(python.Repr(name)) }

// textOf returns the text of an element, nil for none.
func textOf(n *node) any {
	if !n.hasText {
		return nil
	}
	return n.text
}

// describe adds what version 1 keeps of the answer itself. Go does not say in which order headers
// came, so those that the service always sends go first, in its order.
func describe(metadata *document.Object, answer *client.Answer) {
	headers := document.NewObject()
	first := []string{"X-Amzn-Requestid", "Content-Type", "Content-Length", "Date"}
	var rest []string
	for name := range answer.Header {
		if !slices.Contains(first, name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	for _, name := range append(first, rest...) {
		if values := answer.Header.Values(name); values != nil {
			headers.Set(strings.ToLower(name), strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD"))
		}
	}
	metadata.Set("HTTPStatusCode", document.Int(answer.Status))
	metadata.Set("HTTPHeaders", headers)
	metadata.Set("RetryAttempts", document.Int(answer.Retries))
}

// refusal reads an answer that is none of the operation. One that is not XML is an error of its
// own, except for the pages of failing proxies.
func refusal(operation string, a *client.Answer) error {
	e := &client.ServiceError{Code: "Unknown", Message: "Unknown", Operation: operation, Status: a.Status, RequestID: a.Header.Get("X-Amzn-Requestid")}
	if a.Status == http.StatusMultipleChoices {
		return e
	}
	if page := string(python.StripBytes(a.Body)); a.Status >= 500 && (page == "" || strings.HasPrefix(page, "<html>")) {
		e.Code, e.Message = strconv.Itoa(a.Status), http.StatusText(a.Status)
		return e
	}
	root, err := parse(a.Body)
	if err != nil {
		return err
	}
	found := root.child("Error")
	if errors := root.child("Errors"); errors != nil {
		found = errors.child("Error")
	}
	for _, part := range []struct {
		name string
		to   *string
	}{{"Code", &e.Code}, {"Message", &e.Message}} {
		if n := found.child(part.name); n != nil {
			*part.to = "None"
			if n.hasText {
				*part.to = n.text
			}
		}
	}
	if id := root.child("RequestId"); id != nil {
		e.RequestID = id.text
	}
	return e
}

// parse reads the body of a reply.
func parse(body []byte) (*node, error) {
	root, err := parseXML(string(body))
	if err == nil {
		return root, nil
	}
	shown := python.ReprBytes(body)
	if strings.Contains(shown, "SecretAccessKey") || strings.Contains(shown, "SessionToken") {
		shown = "(not shown, since it holds keys)"
	}
	//lint:ignore ST1005 version 1's text
	return nil, fmt.Errorf("Unable to parse response (%w), invalid XML received. Further retries may succeed:\n%s", err, shown)
}
