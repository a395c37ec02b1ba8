package directory

import (
	"context"
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/extension"
)

// ListKeys answers [extension.ListKeys] with the keys of the caller's AWS account.
func (k *Keys) ListKeys(ctx context.Context, _ api.Request) ([]byte, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := k.List(ctx, caller.AWSAccountID)
	if err != nil {
		return nil, err
	}
	rows := []any{}
	for _, key := range keys {
		rows = append(rows, keyDocument(key))
	}
	return document.AppendCompact(nil, document.NewObject(document.Member{Key: "Keys", Value: rows})), nil
}

// CreateKey answers [extension.CreateKey] by a key in the caller's AWS account. Whatever the policy
// of the caller's key says, that of the new one may allow more.
func (k *Keys) CreateKey(ctx context.Context, r api.Request) ([]byte, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	var in struct{ Name, Policy, Expires string }
	if json.Unmarshal(r.Body, &in) != nil {
		return nil, api.BadRequest("The body must be a JSON object of Name, Policy and Expires, which are texts")
	}
	if utf8.RuneCountInString(in.Policy) > extension.PolicyLength {
		return nil, api.BadRequest("Policy must have at most %d characters", extension.PolicyLength)
	}
	request := NewKey{AWSAccountID: caller.AWSAccountID, Name: in.Name, Policy: in.Policy}
	if request.Expires, err = timeNamed("Expires", in.Expires); err != nil {
		return nil, err
	}
	key, err := k.create(ctx, caller, request)
	if err != nil {
		return nil, err
	}
	return document.AppendCompact(nil, document.NewObject(
		document.Member{Key: "Key", Value: keyDocument(key)},
		document.Member{Key: "SecretAccessKey", Value: key.Secret},
	)), nil
}

// DisableKey answers [extension.DisableKey].
func (k *Keys) DisableKey(ctx context.Context, r api.Request) ([]byte, error) {
	return k.answerDisabled(ctx, opDisableKey, r)
}

// EnableKey answers [extension.EnableKey].
func (k *Keys) EnableKey(ctx context.Context, r api.Request) ([]byte, error) {
	return k.answerDisabled(ctx, opEnableKey, r)
}

func (k *Keys) answerDisabled(ctx context.Context, op operation, r api.Request) ([]byte, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	key, err := k.setDisabled(ctx, caller, op, r.Label("keyId"))
	if err != nil {
		return nil, err
	}
	return document.AppendCompact(nil, document.NewObject(document.Member{Key: "Key", Value: keyDocument(key)})), nil
}

// DeleteKey answers [extension.DeleteKey].
func (k *Keys) DeleteKey(ctx context.Context, r api.Request) ([]byte, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	return nil, k.remove(ctx, caller, r.Label("keyId"))
}

// keyDocument shows a key without its secret.
func keyDocument(k Key) *document.Object {
	o := document.NewObject(
		document.Member{Key: "KeyId", Value: k.ID},
		document.Member{Key: "Name", Value: k.Name},
		document.Member{Key: "Policy", Value: k.Policy},
		document.Member{Key: "Root", Value: k.Root},
		document.Member{Key: "Disabled", Value: k.Disabled},
		document.Member{Key: "Created", Value: api.FormatTime(k.Created)},
	)
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"Expires", k.Expires}, {"LastUsed", k.LastUsed}} {
		if !t.at.IsZero() {
			o.Set(t.name, api.FormatTime(t.at))
		}
	}
	return o
}

// timeNamed reads the time that a request names so; empty is the zero time.
func timeNamed(name, text string) (at time.Time, err error) {
	if text != "" {
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			return at, api.BadRequest("%s must be a time such as 2026-03-01T12:00:00Z, not %.60q", name, text)
		}
	}
	return at, nil
}
