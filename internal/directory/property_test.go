package directory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// person is a user in the model below.
type person struct {
	license, kind, registration string
	alexa                       bool
	arn                         string
}

func (p person) String() string {
	words := []string{p.license, p.kind, p.registration}
	if p.alexa {
		words = append(words, "alexa")
	}
	if p.arn != "" {
		words = append(words, p.arn)
	}
	return strings.Join(words, " ")
}

// item is one of BatchUpdateUser; a nil member is not sent.
type item struct {
	UserId                   string
	LicenseType              *string        `json:",omitempty"`
	UserType                 *string        `json:",omitempty"`
	AlexaForBusinessMetadata map[string]any `json:",omitzero"`
}

// become is the model of one item: the rules of the specification one after the other, each for
// itself, where the service interleaves deciding and changing.
func (p person) become(accountType string, it item) (person, string) {
	after := p
	if it.LicenseType != nil {
		after.license = *it.LicenseType
	}
	if it.UserType != nil {
		after.kind = *it.UserType
	}
	if after.kind == "PrivateUser" {
		after.alexa, after.arn = false, ""
	}
	enabled, sentEnabled := it.AlexaForBusinessMetadata["IsAlexaForBusinessEnabled"].(bool)
	if sentEnabled {
		after.alexa = enabled
	}
	arn, sentARN := it.AlexaForBusinessMetadata["AlexaForBusinessRoomArn"].(string)
	if sentARN {
		after.arn = arn
	}

	directoryManaged := accountType == "EnterpriseDirectory" || accountType == "EnterpriseOIDC"
	relicensed := after.license != p.license
	switch {
	case relicensed && after.license != "Basic" && after.license != "Pro":
		return p, "BadRequest"
	case relicensed && directoryManaged && after.kind == "PrivateUser":
		return p, "Forbidden"
	case after.kind != p.kind && p.registration != "Registered":
		return p, "PreconditionFailed"
	case after.kind == "PrivateUser" && enabled:
		return p, "Unprocessable"
	case sentARN && arn != "" && !strings.HasPrefix(arn, "arn:"):
		return p, "BadRequest"
	case after.kind == "PrivateUser" && arn != "":
		return p, "Unprocessable"
	}
	return after, ""
}

// Any sequence of batches leaves the account, answers and audits as the model does.
func TestBatchesAgreeWithModel(t *testing.T) {
	h := newHouse(t)
	ids := []string{"reg", "pro", "dev", "inv", "sus", "nobody"}
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		account := fmt.Sprintf("A%d", runs)
		accountType := rapid.SampledFrom([]string{"Team", "EnterpriseLWA", "EnterpriseDirectory", "EnterpriseOIDC"}).Draw(t, "type")
		h.populate(account, accountType)
		model := map[string]person{
			"reg": {license: "Basic", kind: "PrivateUser", registration: "Registered"},
			"pro": {license: "Pro", kind: "PrivateUser", registration: "Registered"},
			"dev": {license: "Pro", kind: "SharedDevice", registration: "Registered", alexa: true, arn: "arn:room:1"},
			"inv": {license: "Basic", kind: "PrivateUser", registration: "Unregistered"},
			"sus": {license: "Basic", kind: "PrivateUser", registration: "Suspended"},
		}
		audited := 0
		user := rapid.SampledFrom(ids)

		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			before := maps.Clone(model)
			want := []string{}
			refuse := func(id, code string) { want = append(want, id+" "+code) }
			operation := rapid.SampledFrom([]string{"BatchUpdateUser", "BatchUpdateUser", "BatchSuspendUser", "BatchUnsuspendUser"}).Draw(t, "operation")
			var body any
			var whole api.Exception
			if operation == "BatchUpdateUser" {
				items := rapid.SliceOfN(items(user), 0, 20).Draw(t, "items")
				body = map[string]any{"UpdateUserRequestItems": items}
				for _, it := range items {
					p, known := model[it.UserId]
					if !known {
						refuse(it.UserId, "NotFound")
						continue
					}
					after, code := p.become(accountType, it)
					if code != "" {
						refuse(it.UserId, code)
					}
					model[it.UserId] = after
				}
			} else {
				named := rapid.SliceOfN(user, 0, 6).Draw(t, "users")
				body = map[string]any{"UserIdList": named}
				if accountType != "EnterpriseLWA" && (operation == "BatchUnsuspendUser" || accountType != "Team") {
					whole, named = api.BadRequestException, nil
				}
				for _, id := range named {
					p, known := model[id]
					switch {
					case !known:
						refuse(id, "NotFound")
					case accountType == "Team":
						delete(model, id)
					case operation == "BatchSuspendUser" && p.registration == "Unregistered":
						refuse(id, "PreconditionFailed")
					case operation == "BatchSuspendUser":
						p.registration = "Suspended"
						model[id] = p
					case p.registration == "Suspended":
						p.registration = "Registered"
						model[id] = p
					}
				}
			}

			text, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			out, err := h.call(operation, "accountId="+account, "", string(text))
			if got := exception(err); got != whole || (err != nil && whole == "") {
				t.Fatalf("%s %s in %s: got error %v, want exception %q", operation, text, accountType, err, whole)
			}
			if whole == "" {
				if got := h.batchErrors(out); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("%s %s in %s: got errors %q, want %q", operation, text, accountType, got, want)
				}
			}
			for id, p := range before {
				if after, still := model[id]; !still || after != p {
					audited++
				}
			}

			states := make(map[string]string)
			for id, p := range model {
				states[id] = p.String()
			}
			if got := h.users(account); fmt.Sprint(got) != fmt.Sprint(states) {
				t.Fatalf("after %s %s in %s: got users %v, want %v", operation, text, accountType, got, states)
			}
		}

		var trail []store.AuditRecord
		err := h.store.View(context.Background(), func(tx store.ReadTx) (err error) {
			trail, _, err = tx.Audit(awsAccount, store.AuditFilter{AccountID: account}, 0, 1000)
			return err
		})
		if err != nil || len(trail) != audited {
			t.Fatalf("audit: got %d records, error %v; want one for each of %d changed users", len(trail), err, audited)
		}
	})
}

func items(user *rapid.Generator[string]) *rapid.Generator[item] {
	return rapid.Custom(func(t *rapid.T) item {
		it := item{UserId: user.Draw(t, "user")}
		if rapid.Bool().Draw(t, "has license") {
			it.LicenseType = new(rapid.SampledFrom([]string{"Basic", "Pro", "Plus", "ProTrial"}).Draw(t, "license"))
		}
		if rapid.Bool().Draw(t, "has type") {
			it.UserType = new(rapid.SampledFrom([]string{"PrivateUser", "SharedDevice"}).Draw(t, "type"))
		}
		if rapid.Bool().Draw(t, "has metadata") {
			it.AlexaForBusinessMetadata = map[string]any{}
			if rapid.Bool().Draw(t, "has enabled") {
				it.AlexaForBusinessMetadata["IsAlexaForBusinessEnabled"] = rapid.Bool().Draw(t, "enabled")
			}
			if rapid.Bool().Draw(t, "has ARN") {
				it.AlexaForBusinessMetadata["AlexaForBusinessRoomArn"] = rapid.SampledFrom([]string{"", "arn:a", "arn:b", "room"}).Draw(t, "ARN")
			}
		}
		return it
	})
}
