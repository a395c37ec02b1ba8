// Package sts asks the Security Token Service of AWS for the credentials of a role, as version 1 of
// the AWS CLI does, down to the words of its errors.
//
// Start at [AssumeRole] and [AssumeRoleWithWebIdentity].
package sts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
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
	return call(ctx, c, operation("AssumeRole", credentials, roleUser, packedSize, "SourceIdentity"), parameters)
}

// AssumeRoleWithWebIdentity asks for the credentials of a role in exchange for a token, in a
// request without a signature. The client has no credentials. The reply is like that of
// [AssumeRole].
func AssumeRoleWithWebIdentity(ctx context.Context, c *client.Client, parameters []Parameter) (*document.Object, error) {
	return call(ctx, c, operation("AssumeRoleWithWebIdentity",
		credentials, "SubjectFromWebIdentityToken", roleUser, packedSize, "Provider", "Audience", "SourceIdentity"), parameters)
}

const (
	credentials = "Credentials"
	roleUser    = "AssumedRoleUser"
	packedSize  = "PackedPolicySize"
)

// operation is what the contract of the service says of the replies to an operation.
func operation(name string, members ...string) *model.Operation {
	return &model.Operation{Name: name, ResultWrapper: name + "Result", Output: structure(members...)}
}

func structure(members ...string) *model.Shape {
	s := &model.Shape{Kind: model.Structure}
	for _, name := range members {
		shape := &model.Shape{Kind: model.String}
		switch name {
		case credentials:
			shape = structure("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
		case roleUser:
			shape = structure("AssumedRoleId", "Arn")
		case packedSize:
			shape.Kind = model.Integer
		}
		s.Members = append(s.Members, model.Member{Name: name, Shape: shape})
	}
	return s
}

func call(ctx context.Context, c *client.Client, op *model.Operation, parameters []Parameter) (*document.Object, error) {
	form := "Action=" + op.Name + "&Version=2011-06-15"
	for _, p := range parameters {
		form += "&" + p.Name + "=" + url.QueryEscape(p.Value)
	}
	answer, err := c.Send(ctx, &client.Message{
		Operation: op.Name, Method: http.MethodPost,
		Body: []byte(form), Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}},
		Refused: func(a *client.Answer) error { return refusal(op, a) },
		Codes:   []string{"IDPCommunicationError"},
	})
	if err != nil {
		return nil, err
	}
	reply, err := decode(op, answer)
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
func decode(op *model.Operation, a *client.Answer) (*document.Object, error) {
	reply, metadata, err := a.Output(op)
	if err != nil {
		return nil, hideKeys(err, a)
	}
	keys, _ := reply.Get(credentials)
	if keys == nil { // to version 1, the name is the error
		return nil, errors.New(python.Repr(credentials))
	}
	user, _ := reply.Get(roleUser)
	if user, ok := user.(*document.Object); ok {
		if part := strings.SplitN(user.Text("Arn"), ":", 6); len(part) == 6 && part[0] == "arn" {
			keys.(*document.Object).Set("AccountId", part[4])
		}
	}
	reply.Set(responseMetadata, metadata)
	return reply, nil
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
func refusal(op *model.Operation, a *client.Answer) error {
	if a.Status == http.StatusMultipleChoices { // to version 1 an error that is read as a success
		if _, err := decode(op, a); err != nil {
			return err
		}
	}
	err := client.Refusal(model.AWSQuery, op.Name)(a)
	if unreadable, ok := errors.AsType[*client.ReplyError](err); ok {
		return hideKeys(unreadable.Err, a)
	}
	return err
}

// hideKeys returns an error that does not show an answer that may hold keys.
func hideKeys(err error, a *client.Answer) error {
	shown := python.ReprBytes(a.Body)
	if !strings.Contains(shown, "SecretAccessKey") && !strings.Contains(shown, "SessionToken") {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), shown, "(not shown, since it holds keys)"))
}
