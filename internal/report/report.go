// Package report makes what is written of a service for people elsewhere: a [Report] of its seats
// and who changed them, and its audit trail as a table ([WriteTrailCSV]). The command line and the
// console write the same. Everything is read from a service by operations, through [Pages].
package report

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// Pages calls fn for the elements of a list in all pages of a listing, until it returns an error.
type Pages func(ctx context.Context, op *model.Operation, input *document.Object, list string, fn func(*document.Object) error) error

// Report tells how many seats accounts have, and what has changed. Count and CountOthers, and
// Compare if there is a Since, fill it.
type Report struct {
	Service   *model.Service // whose operations are called
	URL       string
	Time      time.Time
	Since     time.Time // zero if nothing is told of changes
	Pruned    time.Time // the trail has lost what is from before this moment; zero if that is not after Since
	Accounts  []*AccountSeats
	Numbers   []*Numbers // by product type
	Denied    []string   // operations that the key may not use: nothing is told of what they list
	ChangedBy []*Changer // who changed most comes first

	days map[string]map[string]int // how seats by license have changed, by day (2026-03-01); nil if nothing is told of changes
}

// AccountSeats are the seats of an account by license.
type AccountSeats struct {
	bulk.NamedAccount
	Licenses    map[string]*Seats
	Rooms, Bots int
}

// Numbers are the phone numbers for a product.
type Numbers struct {
	ProductType          string
	Assigned, Unassigned int
	Other                int // on their way to the AWS account, or away from it
}

// Seats are the users who have a license.
type Seats struct {
	Users, Invited, Suspended int
	Change                    int // since the report's Since
}

// Changer is who changed users.
type Changer struct {
	Key     string // its name; operator/NAME for an operator
	Users   int
	Changes int
	users   map[string]bool
}

// of returns the seats of a license.
func (a *AccountSeats) of(license string) *Seats {
	s, ok := a.Licenses[license]
	if !ok {
		s = new(Seats)
		a.Licenses[license] = s
	}
	return s
}

// Count reads the users of accounts.
func (r *Report) Count(ctx context.Context, pages Pages, accounts []bulk.NamedAccount) error {
	for _, a := range accounts {
		seats := r.Add(a)
		input := document.NewObject(document.Member{Key: "AccountId", Value: a.ID}, document.Member{Key: "MaxResults", Value: document.Int(bulk.UserPage)})
		err := pages(ctx, r.Service.Operation("ListUsers"), input, "Users", func(o *document.Object) error {
			seats.Add(o.Text("LicenseType"), o.Text("UserRegistrationStatus"), 1)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Add adds an account without seats to the report.
func (r *Report) Add(account bulk.NamedAccount) *AccountSeats {
	a := &AccountSeats{NamedAccount: account, Licenses: map[string]*Seats{}}
	r.Accounts = append(r.Accounts, a)
	return a
}

// Add adds users with a license and a registration status to the seats of an account.
func (a *AccountSeats) Add(license, registration string, users int) {
	s := a.of(license)
	s.Users += users
	switch api.RegistrationStatus(registration) {
	case api.RegistrationStatusUnregistered:
		s.Invited += users
	case api.RegistrationStatusSuspended:
		s.Suspended += users
	}
}

// otherPage is how many rooms, bots or numbers are asked for at a time, the most there can be.
const otherPage = 99

// CountOthers counts the rooms and bots of the accounts, which only Enterprise accounts have, and
// the phone numbers: those of the AWS account or, if the report is about one account, of its users.
// What the key may not list is left out, and told in Denied.
func (r *Report) CountOthers(ctx context.Context, pages Pages, aboutOne bool) error {
	ask := func(operation, list string, fn func(*document.Object), input ...document.Member) error {
		if slices.Contains(r.Denied, operation) {
			return nil
		}
		input = append(input, document.Member{Key: "MaxResults", Value: document.Int(otherPage)})
		err := pages(ctx, r.Service.Operation(operation), document.NewObject(input...), list, func(o *document.Object) error {
			fn(o)
			return nil
		})
		if refusal, ok := errors.AsType[*client.ServiceError](err); ok && refusal.Code == string(api.ForbiddenException) {
			r.Denied = append(r.Denied, operation)
			return nil
		}
		return err
	}
	for _, a := range r.Accounts {
		if a.Type == string(api.AccountTypeTeam) {
			continue
		}
		of := document.Member{Key: "AccountId", Value: a.ID}
		if err := ask("ListRooms", "Rooms", func(*document.Object) { a.Rooms++ }, of); err != nil {
			return err
		}
		if err := ask("ListBots", "Bots", func(*document.Object) { a.Bots++ }, of); err != nil {
			return err
		}
	}
	var filter []document.Member
	if aboutOne && len(r.Accounts) == 1 {
		filter = []document.Member{{Key: "FilterName", Value: string(api.PhoneNumberAssociationNameAccountId)}, {Key: "FilterValue", Value: r.Accounts[0].ID}}
	}
	byProduct := map[string]*Numbers{}
	err := ask("ListPhoneNumbers", "PhoneNumbers", func(o *document.Object) {
		product := o.Text("ProductType")
		n := byProduct[product]
		if n == nil {
			n = &Numbers{ProductType: product}
			byProduct[product] = n
			r.Numbers = append(r.Numbers, n)
		}
		switch api.PhoneNumberStatus(o.Text("Status")) {
		case api.PhoneNumberStatusAssigned:
			n.Assigned++
		case api.PhoneNumberStatusUnassigned:
			n.Unassigned++
		default:
			n.Other++
		}
	}, filter...)
	slices.SortFunc(r.Numbers, func(a, b *Numbers) int { return cmp.Compare(a.ProductType, b.ProductType) })
	return err
}

// Compare reads from the trail how the seats have changed since the moment of the report, and by
// whom. The accounts were counted before.
func (r *Report) Compare(ctx context.Context, pages Pages) error {
	r.days = map[string]map[string]int{}
	byID := map[string]*AccountSeats{}
	for _, a := range r.Accounts {
		byID[a.ID] = a
	}
	byKey := map[string]*Changer{}
	for e, err := range Trail(ctx, pages, document.NewObject(document.Member{Key: "Since", Value: api.FormatTime(r.Since)})) {
		if err != nil {
			return err
		}
		if e.Operation == "PruneAudit" {
			if before, err := time.Parse(time.RFC3339, textIn(e.Before, "Before")); err == nil && before.After(r.Since) && before.After(r.Pruned) {
				r.Pruned = before
			}
		}
		a := byID[e.AccountID]
		// A user has an address or, made without one, an id like that of an account. So have rooms,
		// bots, messages and conversations, but records of them, and of who is in a room, say which it
		// is.
		if a == nil || e.Target == e.AccountID || e.TargetEmail == "" && !bulk.IsAccountID(e.Target) {
			continue
		}
		if ofRoomOrBot(e) {
			continue
		}
		if license := textIn(e.Before, "LicenseType"); license != "" {
			a.of(license).Change--
			r.change(e.Time, license, -1)
		}
		if license := textIn(e.After, "LicenseType"); license != "" {
			a.of(license).Change++
			r.change(e.Time, license, 1)
		}
		by := byKey[e.KeyName]
		if by == nil {
			by = &Changer{Key: e.KeyName, users: map[string]bool{}}
			byKey[e.KeyName] = by
			r.ChangedBy = append(r.ChangedBy, by)
		}
		by.Changes++
		by.users[e.AccountID+"/"+e.Target] = true
	}
	for _, by := range r.ChangedBy {
		by.Users = len(by.users)
	}
	slices.SortFunc(r.ChangedBy, func(a, b *Changer) int {
		return cmp.Or(b.Users-a.Users, b.Changes-a.Changes, cmp.Compare(a.Key, b.Key))
	})
	return nil
}

// ofRoomOrBot reports whether a record is about a room, a bot, a message or a conversation.
func ofRoomOrBot(e directory.AuditEntry) bool {
	return slices.ContainsFunc([]string{"RoomId", "BotId", "MessageId", "ConversationId"}, func(id string) bool {
		return textIn(e.Before, id) != "" || textIn(e.After, id) != ""
	})
}

func (r *Report) change(at time.Time, license string, by int) {
	day := at.UTC().Format(time.DateOnly)
	if r.days[day] == nil {
		r.days[day] = map[string]int{}
	}
	r.days[day][license] += by
}

// Day is how many seats there were of each license at the end of a day, which is one of UTC.
type Day struct {
	Date  string // 2026-03-01
	Seats map[string]int
}

// History returns the seats of all accounts together from the day of Since on, the oldest day
// first; nil if the report does not compare.
func (r *Report) History() []Day {
	if r.days == nil {
		return nil
	}
	now := map[string]int{}
	for _, a := range r.Accounts {
		for license, s := range a.Licenses {
			now[license] += s.Users
		}
	}
	var all []Day
	from := r.Since.UTC().Format(time.DateOnly)
	for at := r.Time.UTC(); ; at = at.AddDate(0, 0, -1) {
		day := Day{at.Format(time.DateOnly), maps.Clone(now)}
		if day.Date < from {
			break
		}
		all = append(all, day)
		for license, change := range r.days[day.Date] {
			now[license] -= change
		}
	}
	slices.Reverse(all)
	return all
}

// textIn returns a member of the before or after of a record, empty if it has not changed.
func textIn(text, name string) string {
	v, err := document.Parse(text)
	if err != nil {
		return ""
	}
	if o, ok := v.(*document.Object); ok {
		return o.Text(name)
	}
	return ""
}
