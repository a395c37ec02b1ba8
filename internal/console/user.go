package console

import (
	"net/url"
	"strings"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
)

// userPage shows a user. What the key may not read is left out.
type userPage struct {
	ofAccount
	ID      string
	User    *document.Object
	Calling *document.Object // the telephony settings, nil if the key may not read them

	Rooms      []*document.Object // nil if there are none, or the account cannot have rooms
	MoreRooms  bool
	History    *history // nil if the key may not read the trail
	Types      []string
	Unassigned []string // some phone numbers that the user could get

	Problem string
	Typed   url.Values // what somebody has sent, if that was refused
}

// Most rooms that the page of a user lists, and most phone numbers that it offers.
const (
	roomsShown     = 50
	numbersOffered = 50
)

func (c *Console) user(v *visit) error {
	p, err := v.userPage()
	if err != nil {
		return err
	}
	return v.show("user", p)
}

// userHead returns what all pages about a user begin with.
func (v *visit) userHead() (*userPage, error) {
	about, err := v.account()
	if err != nil {
		return nil, err
	}
	p := &userPage{ofAccount: about, ID: v.r.PathValue("user")}
	out, err := v.call("GetUser", p.input())
	if err != nil {
		return nil, err
	}
	p.User = object(out, "User")
	return p, nil
}

// input returns the members that name the user, and others.
func (p *userPage) input(namesAndValues ...any) *document.Object {
	return input(append([]any{"AccountId", p.Account.ID, "UserId", p.ID}, namesAndValues...)...)
}

func (v *visit) userPage() (*userPage, error) {
	p, err := v.userHead()
	if err != nil {
		return nil, err
	}
	p.Types = v.valuesOf("UserType")
	if v.may("GetUserSettings") {
		out, err := v.call("GetUserSettings", p.input())
		if err != nil {
			return nil, err
		}
		p.Calling = object(object(out, "UserSettings"), "Telephony")
	}
	if p.Account.Type != string(api.AccountTypeTeam) && v.may("ListRooms") {
		if p.Rooms, p.MoreRooms, err = v.all("ListRooms", input("AccountId", p.Account.ID, "MemberId", p.ID), "Rooms", roomsShown); err != nil {
			return nil, err
		}
	}
	if p.User.Text("PrimaryProvisionedNumber") == "" && v.may("AssociatePhoneNumberWithUser") && v.may("ListPhoneNumbers") {
		out, err := v.call("ListPhoneNumbers", input("Status", string(api.PhoneNumberStatusUnassigned),
			"ProductType", string(api.PhoneNumberProductTypeBusinessCalling), "MaxResults", document.Int(numbersOffered)))
		if err != nil {
			return nil, err
		}
		for _, n := range objects(out, "PhoneNumbers") {
			p.Unassigned = append(p.Unassigned, n.Text("E164PhoneNumber"))
		}
	}
	if v.may("ReadAudit") {
		p.History, err = v.historyOf(p.Account.ID, p.ID)
	}
	return p, err
}

// Chosen returns what a field of a form shows: what somebody has sent, and else a member of the
// user.
func (p *userPage) Chosen(field string) string {
	if p.Typed.Has(field) {
		return p.Typed.Get(field)
	}
	return p.User.Text(field)
}

// Allows reports whether a kind of calling is on, or was sent so.
func (p *userPage) Allows(kind string) bool {
	if p.Typed.Get("do") == "calling" {
		return p.Typed.Has(kind)
	}
	on, _ := p.Calling.Get(kind)
	return on == true
}

// Alexa returns the Alexa for Business metadata of the user, nil if there is none.
func (p *userPage) Alexa() *document.Object {
	if o := object(p.User, "AlexaForBusinessMetadata"); o.Len() > 0 {
		return o
	}
	return nil
}

// callings are the kinds of calling that the settings of a user allow or not.
var callings = []string{"InboundCalling", "OutboundCalling", "SMS"}

// changeUser makes one of the changes that the page of a user has.
func (c *Console) changeUser(v *visit) (*change, error) {
	p, err := v.userHead()
	if err != nil {
		return nil, err
	}
	who := whose(p.User)
	ch := &change{About: who, account: p.Account, page: local("/accounts/%s/users/%s", p.Account.ID, p.ID), again: v.refusedChange}
	one := input("AccountId", p.Account.ID, "UserIdList", []any{p.ID})
	set := func(operation string, input *document.Object, title, will, said string) {
		ch.Operation, ch.input, ch.Title, ch.Will, ch.said = operation, input, title, will, said
	}
	switch v.r.FormValue("do") {
	case "license":
		license := v.r.FormValue("LicenseType")
		in := p.input()
		in.Set("LicenseType", license) // also an empty one, which the API refuses
		set("UpdateUser", in, say("user.license.title"), say("user.license.will", who, license), "done.user.license")
	case "type":
		kind := v.r.FormValue("UserType")
		in := p.input()
		in.Set("UserType", kind)
		set("UpdateUser", in, say("user.type.title"), say("user.type.will", who, kind), "done.user.type")
	case "suspend":
		if p.Account.Type == string(api.AccountTypeTeam) {
			set("BatchSuspendUser", one, say("users.do.remove"), say("user.remove.will", who), "done.user.remove")
			ch.Final = true
			ch.then = func(*document.Object) string { return local("/accounts/%s/users", p.Account.ID) }
			break
		}
		set("BatchSuspendUser", one, say("users.do.suspend"), say("user.suspend.will", who), "done.user.suspend")
	case "unsuspend":
		set("BatchUnsuspendUser", one, say("users.do.unsuspend"), say("user.unsuspend.will", who), "done.user.unsuspend")
	case "logout":
		set("LogoutUser", p.input(), say("users.do.logout"), say("user.logout.will", who), "done.user.logout")
		ch.Final = true
	case "pin":
		set("ResetPersonalPIN", p.input(), say("users.do.pin"), say("user.pin.will", who), "done.user.pin")
		ch.Final = true
	case "calling":
		telephony := document.NewObject()
		for _, kind := range callings {
			telephony.Set(kind, v.r.FormValue(kind) != "")
		}
		settings := document.NewObject(document.Member{Key: "Telephony", Value: telephony})
		set("UpdateUserSettings", p.input("UserSettings", settings), say("user.calling.title"), say("user.calling.will", who), "done.user.calling")
	case "give-number":
		number := strings.TrimSpace(v.r.FormValue("E164PhoneNumber"))
		set("AssociatePhoneNumberWithUser", p.input("E164PhoneNumber", number), say("user.number.give"), say("user.number.give.will", who, number), "done.user.number.give")
	case "take-number":
		set("DisassociatePhoneNumberFromUser", p.input(), say("user.number.take"), say("user.number.take.will", who, p.User.Text("PrimaryProvisionedNumber")), "done.user.number.take")
	default:
		return nil, errNoChange()
	}
	return ch, nil
}

// refusedChange shows the user again, with what was sent.
func (v *visit) refusedChange(problem string) error {
	p, err := v.userPage()
	if err != nil {
		return err
	}
	p.Problem, p.Typed = problem, v.r.PostForm
	return v.showAgain("user", p)
}

// history is what the trail says of a user, the newest first.
type history struct {
	Records []record
	Next    string // the token of what is older, empty at the end
}

// record is a record of the trail.
type record struct {
	*document.Object
	Changes changes
}

// changes are the members of what a record is about. New and Gone say that there is only one side:
// something was made, or is no more.
type changes struct {
	Members   []sides
	New, Gone bool
}

// few is how many members of one side are shown without asking.
const few = 5

// Few says that all members can be shown at once.
func (c changes) Few() bool { return len(c.Members) <= few }

// sides is a member before and after a change.
type sides struct{ Name, Before, After string }

// A page of the history has so many records at most, and takes so many calls at most to find them
// among those of the account.
const (
	historyShown = 50
	historyCalls = 4
)

// historyOf reads the trail of a user from the token of the request on.
func (v *visit) historyOf(account, user string) (*history, error) {
	h := &history{Next: v.r.FormValue("history")}
	for range historyCalls {
		in := input("AccountId", account, "Target", user, "Newest", true, "MaxResults", document.Int(historyShown-len(h.Records)), "NextToken", h.Next)
		out, err := v.call("ReadAudit", in)
		if err != nil {
			return nil, err
		}
		for _, o := range objects(out, "AuditRecords") {
			h.Records = append(h.Records, record{o, changesOf(o.Text("Before"), o.Text("After"))})
		}
		if h.Next = out.Text("NextToken"); h.Next == "" || len(h.Records) >= historyShown {
			break
		}
	}
	return h, nil
}

// changesOf returns what two JSON objects of a record say, either of which may be empty.
func changesOf(before, after string) changes {
	was, is := membersOf(before), membersOf(after)
	var list []sides
	for _, m := range was.Members() {
		list = append(list, sides{m.Key, spell(was, m.Key), spell(is, m.Key)})
	}
	for _, m := range is.Members() {
		if _, both := was.Get(m.Key); !both {
			list = append(list, sides{m.Key, "", spell(is, m.Key)})
		}
	}
	return changes{Members: list, New: was.Len() == 0, Gone: is.Len() == 0}
}

func membersOf(text string) *document.Object {
	value, err := document.Parse(text)
	if o, ok := value.(*document.Object); ok && err == nil {
		return o
	}
	return document.NewObject()
}
