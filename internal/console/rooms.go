package console

import (
	"net/http"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
)

// roomsPage is a page of the chat rooms of an account.
type roomsPage struct {
	ofAccount
	Rooms   []*document.Object
	Next    string // the token of the page that follows, empty at the end
	Name    string // of a room that somebody wants to create
	Command string
	Problem string
}

// IsTeam reports whether the account is one without rooms and bots.
func (o ofAccount) IsTeam() bool { return o.Account.Type == "Team" }

func (c *Console) rooms(v *visit) error { return v.showRooms("", "") }

// showRooms shows the list, again if a room that was to have a name was refused.
func (v *visit) showRooms(name, problem string) error {
	about, err := v.account()
	if err != nil {
		return err
	}
	p := roomsPage{ofAccount: about, Name: name, Problem: problem}
	if !p.IsTeam() {
		in := input("AccountId", about.Account.ID, "MaxResults", document.Int(listShown))
		p.Command = v.awsCommand("ListRooms", in)
		if token := v.r.FormValue("next"); token != "" {
			in.Set("NextToken", token)
		}
		out, err := v.call("ListRooms", in)
		if err != nil {
			return err
		}
		p.Rooms, p.Next = objects(out, "Rooms"), out.Text("NextToken")
	}
	if problem != "" {
		return v.showAgain("rooms", p)
	}
	return v.show("rooms", p)
}

func (c *Console) createRoom(v *visit) (*change, error) {
	about, err := v.account()
	if err != nil {
		return nil, err
	}
	name := v.r.FormValue("name")
	page := local("/accounts/%s/rooms", about.Account.ID)
	return &change{
		Operation: "CreateRoom", Title: say("rooms.create.button"), account: about.Account, page: page, said: "done.room-created",
		input: document.NewObject(document.Member{Key: "AccountId", Value: about.Account.ID}, document.Member{Key: "Name", Value: name}),
		again: func(problem string) error { return v.showRooms(name, problem) },
		then:  func(out *document.Object) string { return page + local("/%s", object(out, "Room").Text("RoomId")) },
	}, nil
}

// roomPage is a chat room and a page of its members.
type roomPage struct {
	ofAccount
	Room    *document.Object
	Members []roomMember
	Next    string
	Roles   []string
	Name    string // as it is, or as somebody has typed it
	Member  string // whom somebody wants to add
	Command string
	Problem string
}

// roomMember is who is in a room.
type roomMember struct {
	*document.Object
	Member *document.Object
}

// Who returns the address of a member, or what else names who it is.
func (m roomMember) Who() string {
	for _, name := range []string{"Email", "FullName", "MemberId"} {
		if text := m.Member.Text(name); text != "" {
			return text
		}
	}
	return ""
}

func (c *Console) room(v *visit) error {
	p, err := v.roomPage()
	if err != nil {
		return err
	}
	return v.show("room", p)
}

func (v *visit) roomPage() (*roomPage, error) {
	about, err := v.account()
	if err != nil {
		return nil, err
	}
	in := v.ofRoom()
	out, err := v.call("GetRoom", in)
	if err != nil {
		return nil, err
	}
	p := &roomPage{ofAccount: about, Room: object(out, "Room"), Roles: v.Service.Operation("CreateRoomMembership").Input.Member("Role").Shape.Enum}
	p.Name = p.Room.Text("Name")
	p.Command = v.awsCommand("GetRoom", in)
	if v.may("ListRoomMemberships") {
		in.Set("MaxResults", document.Int(listShown))
		if token := v.r.FormValue("next"); token != "" {
			in.Set("NextToken", token)
		}
		if out, err = v.call("ListRoomMemberships", in); err != nil {
			return nil, err
		}
		for _, o := range objects(out, "RoomMemberships") {
			p.Members = append(p.Members, roomMember{o, object(o, "Member")})
		}
		p.Next = out.Text("NextToken")
	}
	return p, nil
}

// ofRoom is the input of an operation on the room that the path names.
func (v *visit) ofRoom(more ...any) *document.Object {
	return input(append([]any{"AccountId", v.r.PathValue("account"), "RoomId", v.r.PathValue("room")}, more...)...)
}

// roomChange returns a change of the room that the path names, or of its members.
func (v *visit) roomChange(operation, title, said string, input *document.Object) (*change, error) {
	about, err := v.account()
	if err != nil {
		return nil, err
	}
	out, err := v.call("GetRoom", v.ofRoom())
	if err != nil {
		return nil, err
	}
	return &change{
		Operation: operation, Title: title, About: object(out, "Room").Text("Name"), account: about.Account, input: input, said: said,
		page: local("/accounts/%s/rooms/%s", about.Account.ID, v.r.PathValue("room")),
		again: func(problem string) error {
			p, err := v.roomPage()
			if err != nil {
				return err
			}
			p.Problem, p.Member = problem, v.r.FormValue("member")
			if name, ok := input.Get("Name"); ok {
				p.Name, _ = name.(string)
			}
			return v.showAgain("room", p)
		},
	}, nil
}

func (c *Console) renameRoom(v *visit) (*change, error) {
	in := v.ofRoom()
	in.Set("Name", v.r.FormValue("name"))
	return v.roomChange("UpdateRoom", say("room.rename"), "done.room-renamed", in)
}

// deleteRoom deletes a room, which cannot be undone.
func (c *Console) deleteRoom(v *visit) (*change, error) {
	ch, err := v.roomChange("DeleteRoom", say("room.delete"), "done.room-deleted", v.ofRoom())
	if err != nil {
		return nil, err
	}
	ch.Will, ch.Final = say("room.delete.warning", ch.About), true
	ch.then = func(*document.Object) string { return local("/accounts/%s/rooms", v.r.PathValue("account")) }
	return ch, nil
}

// addMember adds a user or a bot to a room.
func (c *Console) addMember(v *visit) (*change, error) {
	id, wrong, err := v.member(strings.TrimSpace(v.r.FormValue("member")))
	if err != nil {
		return nil, err
	}
	in := v.ofRoom("Role", v.r.FormValue("role"))
	in.Set("MemberId", id)
	ch, err := v.roomChange("CreateRoomMembership", say("room.add"), "done.member-added", in)
	if ch != nil {
		ch.wrong = wrong
	}
	return ch, err
}

// member returns the id of a user or a bot of the account, of which somebody has typed the address
// or the id. wrong says what is wrong with an address.
func (v *visit) member(text string) (id, wrong string, err error) {
	if at := strings.IndexByte(text, '@'); at <= 0 || at == len(text)-1 {
		return text, "", nil
	}
	account := v.r.PathValue("account")
	var found []string
	if v.may("ListUsers") {
		out, err := v.call("ListUsers", input("AccountId", account, "UserEmail", text))
		if problem, ok := corrigible(err); ok {
			return "", problem, nil
		}
		if err != nil {
			return "", "", err
		}
		for _, u := range objects(out, "Users") {
			found = append(found, u.Text("UserId"))
		}
	}
	if len(found) == 0 && v.may("ListBots") {
		bots, _, err := v.all("ListBots", input("AccountId", account), "Bots", mostMembers)
		if err != nil {
			return "", "", err
		}
		for _, b := range bots {
			if strings.EqualFold(b.Text("BotEmail"), text) {
				found = append(found, b.Text("BotId"))
			}
		}
	}
	switch {
	case len(found) == 1:
		return found[0], "", nil
	case len(found) > 1:
		return "", say("room.add.several", text), nil
	case !v.may("ListUsers"):
		return "", say("room.add.denied"), nil
	}
	return "", say("room.add.unknown", text), nil
}

// mostMembers is how many members of a room are looked through for one.
const mostMembers = 10_000

func (c *Console) removeMember(v *visit) (*change, error) {
	id := v.r.PathValue("member")
	who := id
	if v.r.Method == http.MethodGet { // the page names the member
		all, _, err := v.all("ListRoomMemberships", v.ofRoom(), "RoomMemberships", mostMembers)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(all, func(m *document.Object) bool { return object(m, "Member").Text("MemberId") == id })
		if at < 0 {
			return nil, errNoChange()
		}
		who = roomMember{all[at], object(all[at], "Member")}.Who()
	}
	return v.roomChange("DeleteRoomMembership", say("room.remove.whom", who), "done.member-removed", v.ofRoom("MemberId", id))
}

// botsPage is a page of the bots of an account.
type botsPage struct {
	ofAccount
	Bots    []*document.Object
	Next    string
	Command string
}

func (c *Console) bots(v *visit) error {
	about, err := v.account()
	if err != nil {
		return err
	}
	p := botsPage{ofAccount: about}
	if !p.IsTeam() {
		in := input("AccountId", about.Account.ID, "MaxResults", document.Int(listShown))
		p.Command = v.awsCommand("ListBots", in)
		if token := v.r.FormValue("next"); token != "" {
			in.Set("NextToken", token)
		}
		out, err := v.call("ListBots", in)
		if err != nil {
			return err
		}
		p.Bots, p.Next = objects(out, "Bots"), out.Text("NextToken")
	}
	return v.show("bots", p)
}

// botPage is a bot, and where its events go.
type botPage struct {
	ofAccount
	Bot      *document.Object
	Disabled bool
	Events   *document.Object // nil if there is no endpoint, or the key may not see it
	Command  string
	Problem  string
}

func (c *Console) bot(v *visit) error {
	p, err := v.botPage()
	if err != nil {
		return err
	}
	return v.show("bot", p)
}

func (v *visit) botPage() (*botPage, error) {
	about, err := v.account()
	if err != nil {
		return nil, err
	}
	in := v.ofBot()
	out, err := v.call("GetBot", in)
	if err != nil {
		return nil, err
	}
	p := &botPage{ofAccount: about, Bot: object(out, "Bot"), Command: v.awsCommand("GetBot", in)}
	disabled, _ := p.Bot.Get("Disabled")
	p.Disabled = disabled == true
	if v.may("GetEventsConfiguration") {
		switch out, err := v.call("GetEventsConfiguration", in); {
		case err == nil:
			p.Events = object(out, "EventsConfiguration")
		case !refusedWith(err, 404):
			return nil, err
		}
	}
	return p, nil
}

// ofBot is the input of an operation on the bot that the path names.
func (v *visit) ofBot() *document.Object {
	return input("AccountId", v.r.PathValue("account"), "BotId", v.r.PathValue("bot"))
}

func (c *Console) disableBot(v *visit) (*change, error) {
	return v.botChange("bot.disable", "done.bot-disabled", true)
}

func (c *Console) enableBot(v *visit) (*change, error) {
	return v.botChange("bot.enable", "done.bot-enabled", false)
}

// botChange returns the change that disables or enables the bot that the path names.
func (v *visit) botChange(title, said string, disabled bool) (*change, error) {
	about, err := v.account()
	if err != nil {
		return nil, err
	}
	in := v.ofBot()
	out, err := v.call("GetBot", in)
	if err != nil {
		return nil, err
	}
	in.Set("Disabled", disabled)
	return &change{
		Operation: "UpdateBot", Title: say(title), About: object(out, "Bot").Text("DisplayName"), account: about.Account, input: in, said: said,
		page: local("/accounts/%s/bots/%s", about.Account.ID, v.r.PathValue("bot")),
		again: func(problem string) error {
			p, err := v.botPage()
			if err != nil {
				return err
			}
			p.Problem = problem
			return v.showAgain("bot", p)
		},
	}, nil
}
