package console

import (
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

func (c *Console) createRoom(v *visit) error {
	name := v.r.PostFormValue("name")
	out, err := v.call("CreateRoom", input("AccountId", v.r.PathValue("account"), "Name", name))
	if problem, ok := corrigible(err); ok {
		return v.showRooms(name, problem)
	}
	if err != nil {
		return err
	}
	return v.done("room-created", "/accounts/%s/rooms/%s", v.r.PathValue("account"), object(out, "Room").Text("RoomId"))
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

// callForRoom calls an operation on a room. If that was refused, it shows the room again, and
// reports so.
func (v *visit) callForRoom(operation string, in *document.Object) (again bool, err error) {
	_, err = v.call(operation, in)
	problem, ok := corrigible(err)
	if !ok {
		return false, err
	}
	p, err := v.roomPage()
	if err != nil {
		return false, err
	}
	p.Problem, p.Member = problem, in.Text("MemberId")
	if name, ok := in.Get("Name"); ok {
		p.Name, _ = name.(string)
	}
	return true, v.showAgain("room", p)
}

func (c *Console) renameRoom(v *visit) error {
	if again, err := v.callForRoom("UpdateRoom", v.ofRoom("Name", v.r.PostFormValue("name"))); again || err != nil {
		return err
	}
	return v.done("room-renamed", "/accounts/%s/rooms/%s", v.r.PathValue("account"), v.r.PathValue("room"))
}

// askToDeleteRoom asks whether a room is to go, which cannot be undone.
func (c *Console) askToDeleteRoom(v *visit) error {
	p, err := v.roomPage()
	if err != nil {
		return err
	}
	return v.show("room-delete", p)
}

func (c *Console) deleteRoom(v *visit) error {
	if again, err := v.callForRoom("DeleteRoom", v.ofRoom()); again || err != nil {
		return err
	}
	return v.done("room-deleted", "/accounts/%s/rooms", v.r.PathValue("account"))
}

// addMember adds a user or a bot to a room.
func (c *Console) addMember(v *visit) error {
	in := v.ofRoom("MemberId", v.r.PostFormValue("member"), "Role", v.r.PostFormValue("role"))
	if again, err := v.callForRoom("CreateRoomMembership", in); again || err != nil {
		return err
	}
	return v.done("member-added", "/accounts/%s/rooms/%s", v.r.PathValue("account"), v.r.PathValue("room"))
}

func (c *Console) removeMember(v *visit) error {
	if again, err := v.callForRoom("DeleteRoomMembership", v.ofRoom("MemberId", v.r.PathValue("member"))); again || err != nil {
		return err
	}
	return v.done("member-removed", "/accounts/%s/rooms/%s", v.r.PathValue("account"), v.r.PathValue("room"))
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

func (c *Console) disableBot(v *visit) error {
	if again, err := v.setDisabled(true); again || err != nil {
		return err
	}
	return v.done("bot-disabled", "/accounts/%s/bots/%s", v.r.PathValue("account"), v.r.PathValue("bot"))
}

func (c *Console) enableBot(v *visit) error {
	if again, err := v.setDisabled(false); again || err != nil {
		return err
	}
	return v.done("bot-enabled", "/accounts/%s/bots/%s", v.r.PathValue("account"), v.r.PathValue("bot"))
}

func (v *visit) setDisabled(disabled bool) (again bool, err error) {
	in := v.ofBot()
	in.Set("Disabled", disabled)
	_, err = v.call("UpdateBot", in)
	problem, ok := corrigible(err)
	if !ok {
		return false, err
	}
	p, err := v.botPage()
	if err != nil {
		return false, err
	}
	p.Problem = problem
	return true, v.showAgain("bot", p)
}
