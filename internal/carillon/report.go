package carillon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
)

type reportOptions struct {
	connection
	Account string // id or name; empty for all
	Since   moment
	Format  string
	Out     string // a file; empty for standard output
}

const formatHTML = "html"

// reportCommand declares `carillon report`.
func (p *program) reportCommand() *cobra.Command {
	var o reportOptions
	c := &cobra.Command{
		Use:   "report",
		Short: "count the seats of accounts by license, and who changed them",
		Long: `Count the users of accounts by license: how many seats there are, and how many of
them are invited or suspended. With --since also how the seats have changed, and
who changed how many users.

Beside the seats it tells how many chat rooms and bots each account has, and how
many phone numbers the AWS account has or, with --account-id, the users of the account.

The command asks a service. The changes are read from its audit trail, which the
policy of the key has to allow by carillon:ReadAudit; the seats take ListAccounts
and ListUsers. Rooms, bots and numbers take ListRooms, ListBots and
ListPhoneNumbers: a key that may not is told so, and the report leaves them out.`,
		Example: `carillon report
carillon report --account-id Acme --since 30d
carillon report --since 2026-01-01 --output html -o seats.html`,
		RunE: func(c *cobra.Command, _ []string) error { return p.report(c.Context(), o) },
	}
	f := flagsOf(c)
	f.text(&o.Account, "account-id ACCOUNT", "only this account, by its id or its name (default all)", completedBy(p.serviceAccounts(&o.connection)))
	parsed(f, &o.Since, before, "since WHEN", "", "tell what has changed from this moment on: a date (which begins at midnight UTC), a time, or a duration before now such as 30d")
	outputFlag(f, &o.Format, formatTable, formatCSV, formatJSON, formatHTML)
	outFlag(f, &o.Out, "file to write (default standard output)")
	o.connection.serviceFlags(f)
	return c
}

func (p *program) report(ctx context.Context, o reportOptions) error {
	now := time.Now()
	since := o.Since.by(now)
	if since.After(now) {
		return p.misused("--since is in the future")
	}
	service, err := p.remote(ctx, o.connection)
	if err != nil {
		return err
	}
	defer service.close()
	r := &report{URL: service.url, Time: now, Since: since}
	if err := r.count(ctx, service, o.Account); err != nil {
		return p.named(err)
	}
	if err := r.countOthers(ctx, service, o.Account); err != nil {
		return p.named(err)
	}
	for _, operation := range r.Denied {
		fmt.Fprintf(p.stderr, "carillon: report: the policy of the key does not allow chime:%s: what it lists is left out\n", operation)
	}
	if !since.IsZero() {
		if err := r.compare(ctx, service); err != nil {
			return p.named(err)
		}
	}
	if !r.Pruned.IsZero() {
		fmt.Fprintf(p.stderr, "carillon: report: the audit trail has no records from before %s any more: changes are told from then on\n", r.From())
	}
	format := bulk.Format("")
	if o.Format == formatCSV {
		format = bulk.CSV
	}
	return p.named(p.writeTable(o.Out, format, func(w io.Writer) error { return r.write(w, o.Format) }))
}

// report is what `carillon report` tells.
type report struct {
	URL       string
	Time      time.Time
	Since     time.Time // zero if nothing is told of changes
	Pruned    time.Time // the trail has lost what is from before this moment; zero if that is not after Since
	Accounts  []*accountSeats
	Numbers   []*numbers // by product type
	Denied    []string   // operations that the key may not use: nothing is told of what they list
	ChangedBy []*changer // who changed most comes first
}

// accountSeats are the seats of an account by license.
type accountSeats struct {
	bulk.NamedAccount
	Licenses    map[string]*seats
	Rooms, Bots int
}

// numbers are the phone numbers for a product.
type numbers struct {
	ProductType          string
	Assigned, Unassigned int
	Other                int // on their way to the AWS account, or away from it
}

// seats are the users who have a license.
type seats struct {
	Users, Invited, Suspended int
	Change                    int // since the report's Since
}

// changer is who changed users.
type changer struct {
	Key     string // its name; operator/NAME for an operator
	Users   int
	Changes int
	users   map[string]bool
}

// of returns the seats of a license.
func (a *accountSeats) of(license string) *seats {
	s, ok := a.Licenses[license]
	if !ok {
		s = new(seats)
		a.Licenses[license] = s
	}
	return s
}

// count reads accounts, all or the one that a word means, and their users.
func (r *report) count(ctx context.Context, service *remote, word string) error {
	all, err := service.accounts(ctx, word)
	if err != nil {
		return err
	}
	for _, a := range all {
		seats := &accountSeats{NamedAccount: a, Licenses: map[string]*seats{}}
		r.Accounts = append(r.Accounts, seats)
		input := document.NewObject(document.Member{Key: "AccountId", Value: a.ID}, document.Member{Key: "MaxResults", Value: document.Int(bulk.UserPage)})
		err := service.pages(ctx, chime.Service.Operation("ListUsers"), input, "Users", func(o *document.Object) error {
			s := seats.of(o.Text("LicenseType"))
			s.Users++
			switch api.RegistrationStatus(o.Text("UserRegistrationStatus")) {
			case api.RegistrationStatusUnregistered:
				s.Invited++
			case api.RegistrationStatusSuspended:
				s.Suspended++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// otherPage is how many rooms, bots or numbers are asked for at a time, the most there can be.
const otherPage = 99

// countOthers counts the rooms and bots of the accounts, which only Enterprise accounts have, and
// the phone numbers: those of the AWS account or, if the report is about one account, of its users.
func (r *report) countOthers(ctx context.Context, service *remote, word string) error {
	ask := func(operation, list string, fn func(*document.Object), input ...document.Member) error {
		if slices.Contains(r.Denied, operation) {
			return nil
		}
		input = append(input, document.Member{Key: "MaxResults", Value: document.Int(otherPage)})
		err := service.pages(ctx, chime.Service.Operation(operation), document.NewObject(input...), list, func(o *document.Object) error {
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
	if word != "" && len(r.Accounts) == 1 {
		filter = []document.Member{{Key: "FilterName", Value: string(api.PhoneNumberAssociationNameAccountId)}, {Key: "FilterValue", Value: r.Accounts[0].ID}}
	}
	byProduct := map[string]*numbers{}
	err := ask("ListPhoneNumbers", "PhoneNumbers", func(o *document.Object) {
		product := o.Text("ProductType")
		n := byProduct[product]
		if n == nil {
			n = &numbers{ProductType: product}
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
	slices.SortFunc(r.Numbers, func(a, b *numbers) int { return cmp.Compare(a.ProductType, b.ProductType) })
	return err
}

// compare reads from the trail how the seats have changed, and by whom.
func (r *report) compare(ctx context.Context, service *remote) error {
	input := document.NewObject(document.Member{Key: "Since", Value: when(r.Since)})
	byID := map[string]*accountSeats{}
	for _, a := range r.Accounts {
		byID[a.ID] = a
	}
	byKey := map[string]*changer{}
	err := service.entries(ctx, input, func(e directory.AuditEntry) bool {
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
			return true
		}
		for _, id := range []string{"RoomId", "BotId", "MessageId", "ConversationId"} {
			if textIn(e.Before, id) != "" || textIn(e.After, id) != "" {
				return true
			}
		}
		if license := textIn(e.Before, "LicenseType"); license != "" {
			a.of(license).Change--
		}
		if license := textIn(e.After, "LicenseType"); license != "" {
			a.of(license).Change++
		}
		by := byKey[e.KeyName]
		if by == nil {
			by = &changer{Key: e.KeyName, users: map[string]bool{}}
			byKey[e.KeyName] = by
			r.ChangedBy = append(r.ChangedBy, by)
		}
		by.Changes++
		by.users[e.AccountID+"/"+e.Target] = true
		return true
	})
	for _, by := range r.ChangedBy {
		by.Users = len(by.users)
	}
	slices.SortFunc(r.ChangedBy, func(a, b *changer) int {
		return cmp.Or(b.Users-a.Users, b.Changes-a.Changes, cmp.Compare(a.Key, b.Key))
	})
	return err
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
