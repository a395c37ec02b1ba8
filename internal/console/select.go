package console

import (
	"context"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
)

// Whom somebody has chosen: the ticked users, those on the page, or all that match.
const (
	whichTicked = "ticked"
	whichShown  = "shown"
	whichAll    = "all"
)

// changeUsers begins the plan of a job for the users that were chosen.
func (c *Console) changeUsers(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return err
	}
	p, err := v.usersPage()
	if err != nil {
		return err
	}
	action, set, ok := bulkAction(p.Do)
	if !ok {
		p.Problem = say("users.do.none")
	}
	ids := v.r.PostForm["user"]
	if p.Which == whichShown {
		ids = v.r.PostForm["shown"]
	}
	if p.Which != whichAll && len(ids) == 0 {
		p.Problem = say("users.which.none")
	}
	if p.Problem != "" {
		return v.showAgain("users", p)
	}
	what := say("users.what.selected", len(ids))
	if p.Which == whichAll {
		what = p.Filter.describe()
	}
	op, _ := c.operation("SearchUsers")
	return v.plan(p.Account, action, what, func(ctx context.Context, calls *client.Client) (bulk.Selection, bulk.PlanOptions, error) {
		options := bulk.PlanOptions{Set: set}
		if p.Which != whichAll {
			return wishes(ids), options, nil
		}
		if len(p.Filter.Fields()) == 0 {
			return bulk.Selection{All: true}, options, nil
		}
		in, _ := p.Filter.search(p.Account.ID)
		in.Set("MaxResults", document.Int(op.Input.Member("MaxResults").Shape.Max))
		var ids []string
		for {
			reply, err := calls.Call(ctx, op, in)
			if err != nil {
				return bulk.Selection{}, options, err
			}
			for _, user := range objects(reply.Output, "Users") {
				ids = append(ids, user.Text("UserId"))
			}
			token := reply.Output.Text("NextToken")
			if token == "" {
				return wishes(ids), options, nil
			}
			in.Set("NextToken", token)
		}
	})
}

// wishes selects users by their ids.
func wishes(ids []string) bulk.Selection {
	list := make([]bulk.Wish, len(ids))
	for i, id := range ids {
		list[i].ID = id
	}
	return bulk.Selection{Wishes: list}
}

// bulkAction reads what a form says is to be done: the name of an action, or that of a field with
// its new value, "LicenseType=Pro".
func bulkAction(do string) (action bulk.Action, set bulk.Values, ok bool) {
	name, value, _ := strings.Cut(do, "=")
	switch name {
	case bulk.License.String():
		return bulk.Update, set.With(bulk.License, value), value != ""
	case bulk.UserType.String():
		return bulk.Update, set.With(bulk.UserType, value), value != ""
	}
	action = bulk.Action(do)
	return action, nil, slices.Contains([]bulk.Action{bulk.Suspend, bulk.Unsuspend, bulk.Logout, bulk.ResetPIN}, action)
}

// invitePage is the form that invites people to a Team account.
type invitePage struct {
	ofAccount
	Addresses string
	Problem   string
}

func (c *Console) inviteForm(v *visit) error {
	about, err := v.account()
	if err != nil {
		return err
	}
	return v.show("invite", invitePage{ofAccount: about})
}

// invite begins the plan of a job that invites people.
func (c *Console) invite(v *visit) error {
	about, err := v.account()
	if err != nil {
		return err
	}
	p := invitePage{ofAccount: about, Addresses: v.r.FormValue("addresses")}
	list := splitAddresses(p.Addresses)
	if len(list) == 0 {
		p.Problem = say("invite.none")
		return v.showAgain("invite", p)
	}
	selection := bulk.Selection{Wishes: make([]bulk.Wish, len(list))}
	for i, email := range list {
		selection.Wishes[i].Email = email
	}
	return v.plan(p.Account, bulk.Invite, say("invite.what", len(list)), func(context.Context, *client.Client) (bulk.Selection, bulk.PlanOptions, error) {
		return selection, bulk.PlanOptions{}, nil
	})
}

// splitAddresses returns the addresses of a text, which semicolons, commas, blanks or lines
// separate. Programs for mail write names before addresses, which then are in angle brackets: the
// names are left out.
func splitAddresses(text string) []string {
	var list []string
	for _, entry := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(";,\r\n", r) }) {
		if _, rest, named := strings.Cut(entry, "<"); named {
			if email, _, closed := strings.Cut(rest, ">"); closed {
				entry = email
			}
		}
		list = append(list, strings.Fields(entry)...)
	}
	return list
}
