package directory_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

// addRoom makes a room and returns its id.
func (h *house) addRoom(account, name string) string {
	h.t.Helper()
	var made struct{ Room struct{ RoomId string } }
	parse(h.t, h.must("CreateRoom", "accountId="+account, "", fmt.Sprintf(`{"Name":%q}`, name)), &made)
	return made.Room.RoomId
}

// in names a room, and a member if one is given, for the labels of a call.
func in(account, room string, member ...string) string {
	labels := "accountId=" + account + "&roomId=" + room
	for _, id := range member {
		labels += "&memberId=" + id
	}
	return labels
}

func (h *house) addMember(account, room, member string) {
	h.t.Helper()
	h.must("CreateRoomMembership", in(account, room), "", fmt.Sprintf(`{"MemberId":%q}`, member))
}

// rooms returns the names that a page of ListRooms has, and the token of the next.
func (h *house) rooms(account, query string) (names []string, next string) {
	h.t.Helper()
	var page struct {
		Rooms     []struct{ Name string }
		NextToken string
	}
	parse(h.t, h.must("ListRooms", "accountId="+account, query, ""), &page)
	names = []string{}
	for _, r := range page.Rooms {
		names = append(names, r.Name)
	}
	return names, page.NextToken
}

// members returns "id role" of those on a page of ListRoomMemberships, and the token of the next.
func (h *house) members(account, room, query string) (members []string, next string) {
	h.t.Helper()
	var page struct {
		RoomMemberships []struct {
			Member struct{ MemberId string }
			Role   string
		}
		NextToken string
	}
	parse(h.t, h.must("ListRoomMemberships", in(account, room), query, ""), &page)
	members = []string{}
	for _, m := range page.RoomMemberships {
		members = append(members, m.Member.MemberId+" "+m.Role)
	}
	return members, page.NextToken
}

// later is the house when some time has passed.
func (h *house) later(d time.Duration) *house {
	h.t.Helper()
	return houseAt(h.t, h.store, now.Add(d))
}

const (
	arn   = `arn:aws:iam::111122223333:user/admin`
	stamp = `2026-03-01T12:00:00.123Z`
)

func TestRooms(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseLWA")
		made := h.must("CreateRoom", "accountId=A", "", `{"Name":"Release planning"}`)
		var parsed struct{ Room struct{ RoomId string } }
		parse(t, made, &parsed)
		id := parsed.Room.RoomId
		show := func(name, updated string) string {
			return fmt.Sprintf(`{"RoomId":"%s","Name":"%s","AccountId":"A","CreatedBy":"%s","CreatedTimestamp":"%s","UpdatedTimestamp":"%s"}`,
				id, name, arn, stamp, updated)
		}
		want := show("Release planning", stamp)
		equal(t, "CreateRoom", made, `{"Room":`+want+`}`)
		equal(t, "GetRoom", h.must("GetRoom", in("A", id), "", ""), `{"Room":`+want+`}`)
		equal(t, "ListRooms", h.must("ListRooms", "accountId=A", "", ""), `{"Rooms":[`+want+`]}`)
		members, _ := h.members("A", id, "")
		equal(t, "members of a new room", members, []string{})

		// What changes nothing leaves the time of the last change.
		later := h.later(time.Hour)
		for _, body := range []string{"", "{}", `{"Name":null}`, `{"Name":"Release planning"}`} {
			equal(t, "UpdateRoom "+body, later.must("UpdateRoom", in("A", id), "", body), `{"Room":`+want+`}`)
		}
		want = show("Party", "2026-03-01T13:00:00.123Z")
		equal(t, "UpdateRoom", later.must("UpdateRoom", in("A", id), "", `{"Name":"Party"}`), `{"Room":`+want+`}`)
		equal(t, "GetRoom", h.must("GetRoom", in("A", id), "", ""), `{"Room":`+want+`}`)

		other := h.addRoom("A", "Party") // names need not be unique
		h.addUsers(registered("A", "u1"))
		h.addMember("A", id, "u1")
		h.addMember("A", other, "u1")
		equal(t, "DeleteRoom", h.must("DeleteRoom", in("A", id), "", ""), "")
		for _, operation := range []string{"GetRoom", "UpdateRoom", "DeleteRoom", "ListRoomMemberships"} {
			h.refused(api.NotFoundException, operation, in("A", id), "", "")
		}
		names, _ := h.rooms("A", "member-id=u1")
		equal(t, "rooms left to a member", names, []string{"Party"})

		equal(t, "audit", h.audited(0), []string{
			"CreateRoom " + id + `  {"RoomId": "` + id + `", "Name": "Release planning", "CreatedBy": "` + arn + `", "CreatedTimestamp": "` + stamp + `"}`,
			"UpdateRoom " + id + ` {"RoomId": "` + id + `", "Name": "Release planning"} {"RoomId": "` + id + `", "Name": "Party"}`,
			"CreateRoom " + other + `  {"RoomId": "` + other + `", "Name": "Party", "CreatedBy": "` + arn + `", "CreatedTimestamp": "` + stamp + `"}`,
			`CreateRoomMembership u1  {"RoomId": "` + id + `", "Role": "Member", "InvitedBy": "` + arn + `"}`,
			`CreateRoomMembership u1  {"RoomId": "` + other + `", "Role": "Member", "InvitedBy": "` + arn + `"}`,
			`DeleteRoom u1 {"RoomId": "` + id + `", "Role": "Member", "InvitedBy": "` + arn + `"} `,
			"DeleteRoom " + id + ` {"RoomId": "` + id + `", "Name": "Party", "CreatedBy": "` + arn + `", "CreatedTimestamp": "` + stamp + `"} `,
		})
	})
}

func TestRooms_CreatedByRoot(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "EnterpriseLWA")
	ctx := directory.WithCaller(t.Context(), directory.Caller{AWSAccountID: awsAccount, KeyName: "root"})
	out, err := h.service.CreateRoom(ctx, &api.CreateRoomInput{AccountId: "A", Name: "x"})
	if err != nil || *out.Room.CreatedBy != "arn:aws:iam::111122223333:root" {
		t.Errorf("a room made with the root key: got %+v, %v, want it created by the root of the AWS account", out, err)
	}
}

func TestRooms_Names(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseOIDC")
		id := h.addRoom("A", "kept")
		for name, fits := range map[string]bool{
			"x": true, strings.Repeat("x", 256): true, strings.Repeat("é", 256): true, " x ": true, "\u0001": true,
			"": false, " \t ": false, "\u3000": false, strings.Repeat("x", 257): false, strings.Repeat("é", 257): false,
		} {
			body, _ := json.Marshal(map[string]string{"Name": name})
			for operation, labels := range map[string]string{"CreateRoom": "accountId=A", "UpdateRoom": in("A", id)} {
				out, err := h.call(operation, labels, "", string(body))
				if fits {
					var got struct{ Room struct{ Name string } }
					if err == nil {
						parse(t, out, &got)
					}
					if err != nil || got.Room.Name != name {
						t.Errorf("%s of %q: got %s, error %v", operation, name, out, err)
					}
				} else if exception(err) != api.BadRequestException || len(name) > 9 && strings.Contains(err.Error(), name[:9]) {
					t.Errorf("%s of %q: got %s, error %v; want BadRequestException that does not tell the name", operation, name, out, err)
				}
			}
		}
		h.refused(api.BadRequestException, "CreateRoom", "accountId=A", "", `{}`)
		h.refused(api.BadRequestException, "CreateRoom", "accountId=A", "", `{"Name":null}`)
		h.refused(api.BadRequestException, "CreateRoom", "accountId=A", "", `{"Name":1}`)
	})
}

// What each operation on rooms is called with when all is well.
var roomCalls = []struct {
	operation, labels, body string
	reads                   bool
}{
	{"CreateRoom", "", `{"Name":"x"}`, false},
	{"GetRoom", "R", "", true},
	{"ListRooms", "", "", true},
	{"UpdateRoom", "R", `{"Name":"y"}`, false},
	{"CreateRoomMembership", "R", `{"MemberId":"u2"}`, false},
	{"BatchCreateRoomMembership", "R", `{"MembershipItemList":[{"MemberId":"u3"}]}`, false},
	{"ListRoomMemberships", "R", "", true},
	{"UpdateRoomMembership", "RM", `{"Role":"Administrator"}`, false},
	{"DeleteRoomMembership", "RM", "", false},
	{"DeleteRoom", "R", "", false},
}

// labels are those of a call, for an account and a room with the member u1.
func labels(kind, account, room string) string {
	switch kind {
	case "":
		return "accountId=" + account
	case "R":
		return in(account, room)
	}
	return in(account, room, "u1")
}

// Rooms are those of Enterprise accounts of the caller, which can be read only while suspended.
func TestRooms_Accounts(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		people := func(account string) []store.User {
			return []store.User{registered(account, "u1"), registered(account, "u2"), registered(account, "u3")}
		}
		for _, kind := range []string{"EnterpriseLWA", "EnterpriseDirectory", "EnterpriseOIDC"} {
			h.addAccount(kind, kind)
			h.addUsers(people(kind)...)
		}
		h.addAccount("Team", "Team")
		h.addUsers(people("Team")...)
		room := h.addRoom("EnterpriseOIDC", "x")
		h.addMember("EnterpriseOIDC", room, "u1")
		setStatus := func(status string) {
			h.write(func(tx store.Tx) error {
				a, err := tx.FindAccount("EnterpriseOIDC")
				a.Status = status
				if err == nil {
					err = tx.UpdateAccount(a)
				}
				return err
			})
		}
		records := len(h.audit())
		foreign := h.as("444455556666")
		setStatus("Suspended")
		for _, c := range roomCalls {
			h.refused(api.BadRequestException, c.operation, labels(c.labels, "Team", room), "", c.body)
			h.refused(api.NotFoundException, c.operation, labels(c.labels, "nowhere", room), "", c.body)
			foreign.refused(api.NotFoundException, c.operation, labels(c.labels, "EnterpriseOIDC", room), "", c.body)
			h.refused(api.BadRequestException, c.operation, labels(c.labels, " ", room), "", c.body)
			if c.labels != "" {
				h.refused(api.NotFoundException, c.operation, labels(c.labels, "EnterpriseLWA", room), "", c.body)
				h.refused(api.NotFoundException, c.operation, labels(c.labels, "EnterpriseLWA", "nowhere"), "", c.body)
				h.refused(api.BadRequestException, c.operation, labels(c.labels, "EnterpriseLWA", " "), "", c.body)
			}
			if c.reads {
				h.must(c.operation, labels(c.labels, "EnterpriseOIDC", room), "", c.body)
			} else {
				h.refused(api.ForbiddenException, c.operation, labels(c.labels, "EnterpriseOIDC", room), "", c.body)
			}
		}
		// A status that forbids comes before a type that does not fit.
		h.write(func(tx store.Tx) error {
			a, err := tx.FindAccount("Team")
			a.Status = "Suspended"
			if err == nil {
				err = tx.UpdateAccount(a)
			}
			return err
		})
		h.refused(api.ForbiddenException, "CreateRoom", "accountId=Team", "", `{"Name":"x"}`)
		h.refused(api.BadRequestException, "ListRooms", "accountId=Team", "", "")
		if got := h.audited(records); len(got) > 0 {
			t.Errorf("what was refused is in the trail: %q", got)
		}

		setStatus("Active")
		for _, c := range roomCalls {
			h.must(c.operation, labels(c.labels, "EnterpriseOIDC", room), "", c.body)
		}
		for _, kind := range []string{"EnterpriseLWA", "EnterpriseDirectory"} {
			h.addMember(kind, h.addRoom(kind, "x"), "u1")
		}
	})
}

// A room outlasts the time in which its account is a Team account, though nobody sees it then.
func TestRooms_ReleasedDomain(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		op := directory.NewOperator(h.store, directory.Options{})
		h.addAccount("A", "Team")
		claim := func() {
			t.Helper()
			ok[api.Account](t)(op.ClaimDomain(t.Context(), "A", "a.example"))
		}
		claim()
		h.addUsers(registered("A", "stays"), registered("A", "goes"))
		room := h.addRoom("A", "x")
		h.addMember("A", room, "goes")
		h.addMember("A", room, "stays")
		ok[api.Account](t)(op.ReleaseDomain(t.Context(), "A", "a.example"))
		h.refused(api.BadRequestException, "GetRoom", in("A", room), "", "")

		// Whoever is removed from the account meanwhile leaves the room.
		records := len(h.audit())
		h.must("BatchSuspendUser", "accountId=A", "", `{"UserIdList":["goes"]}`)
		trail := h.audited(records)
		gone := `BatchSuspendUser goes {"RoomId": "` + room + `", "Role": "Member", "InvitedBy": "` + arn + `"} `
		if len(trail) != 2 || !slices.Contains(trail, gone) {
			t.Errorf("audit of a removal: got %q, want two records, and %q among them", trail, gone)
		}
		claim()
		members, _ := h.members("A", room, "")
		equal(t, "members", members, []string{"stays Member"})
		names, _ := h.rooms("A", "member-id=goes")
		equal(t, "rooms of the one who was removed", names, []string{})
		ok[api.User](t)(op.RegisterUser(t.Context(), "A", "goes@a.example"))
		members, _ = h.members("A", room, "")
		equal(t, "members after the return", members, []string{"stays Member"})
	})
}

// Whoever moves to another account leaves the rooms of the former one.
func TestRooms_Move(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		op := directory.NewOperator(h.store, directory.Options{})
		h.addAccount("A", "EnterpriseLWA")
		h.addUsers(registered("A", "ana"), registered("A", "bo"))
		room := h.addRoom("A", "x")
		h.addMember("A", room, "ana")
		h.addMember("A", room, "bo")
		toType := func(kind string) {
			h.write(func(tx store.Tx) error {
				a, err := tx.FindAccount("A")
				a.Type = kind
				if err == nil {
					err = tx.UpdateAccount(a)
				}
				return err
			})
		}
		toType("Team")
		h.addAccount("B", "Team")
		h.must("InviteUsers", "accountId=B", "", `{"UserEmailList":["ana@a.example"]}`)
		ok[api.User](t)(op.RegisterUser(t.Context(), "B", "ana@a.example"))
		toType("EnterpriseLWA")
		members, _ := h.members("A", room, "")
		equal(t, "members", members, []string{"bo Member"})
	})
}

func TestRooms_RepeatedRequests(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseLWA")
		h.addAccount("B", "EnterpriseLWA")
		id := func(h *house, account, name, token string) string {
			t.Helper()
			var made struct{ Room struct{ RoomId, Name string } }
			parse(t, h.must("CreateRoom", "accountId="+account, "", fmt.Sprintf(`{"Name":%q,"ClientRequestToken":%q}`, name, token)), &made)
			return made.Room.RoomId
		}
		first := id(h, "A", "x", "token-1")
		records := len(h.audit())
		equal(t, "the same request", id(h, "A", "x", "token-1"), first)
		equal(t, "the same request, almost a day later", id(h.later(24*time.Hour-time.Millisecond), "A", "x", "token-1"), first)
		for _, other := range []string{"y", "X", "x "} {
			h.refused(api.BadRequestException, "CreateRoom", "accountId=A", "", fmt.Sprintf(`{"Name":%q,"ClientRequestToken":"token-1"}`, other))
		}
		if got := h.audited(records); len(got) > 0 {
			t.Errorf("requests that were done before are in the trail: %q", got)
		}
		h.must("UpdateRoom", in("A", first), "", `{"Name":"renamed"}`)
		equal(t, "the same request after a renaming", id(h, "A", "x", "token-1"), first)
		h.refused(api.BadRequestException, "CreateRoom", "accountId=A", "", `{"Name":"renamed","ClientRequestToken":"token-1"}`)

		distinct := []string{first, id(h, "A", "x", "token-2"), id(h, "A", "x", "TOKEN-1"), id(h, "B", "x", "token-1"), h.addRoom("A", "x"), h.addRoom("A", "x")}
		day := h.later(24 * time.Hour)
		next := id(day, "A", "z", "token-1")
		distinct = append(distinct, next)
		equal(t, "the same request as that of a day later", id(day, "A", "z", "token-1"), next)
		h.must("DeleteRoom", in("A", next), "", "")
		distinct = append(distinct, id(day, "A", "z", "token-1")) // a deleted room is not shown
		slices.Sort(distinct)
		if len(slices.Compact(distinct)) != 8 {
			t.Errorf("got rooms %q, want eight", distinct)
		}
		for token, fits := range map[string]bool{"ab": true, strings.Repeat("a", 64): true, "-_": true, "a": false, strings.Repeat("a", 65): false, "a b": false, "é!": false} {
			_, err := h.call("CreateRoom", "accountId=A", "", fmt.Sprintf(`{"Name":"x","ClientRequestToken":%q}`, token))
			if fits != (err == nil) || !fits && exception(err) != api.BadRequestException {
				t.Errorf("token %q: got error %v", token, err)
			}
		}
	})
}

// Requests at the same time make one room for one token, and one member of one user.
func TestRooms_AtOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseLWA")
		h.addUsers(registered("A", "u1"))
		const times = 8
		atOnce := func(operation, labels, body string) (answers []string, refused []api.Exception) {
			var mu sync.Mutex
			var all sync.WaitGroup
			for range times {
				all.Go(func() {
					out, err := h.call(operation, labels, "", body)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						refused = append(refused, exception(err))
						return
					}
					answers = append(answers, out)
				})
			}
			all.Wait()
			return answers, refused
		}
		answers, refused := atOnce("CreateRoom", "accountId=A", `{"Name":"x","ClientRequestToken":"token"}`)
		if len(answers) != times || len(slices.Compact(answers)) != 1 {
			t.Fatalf("CreateRoom: got answers %q and %q, want the same %d times", answers, refused, times)
		}
		var made struct{ Room struct{ RoomId string } }
		parse(t, answers[0], &made)
		answers, refused = atOnce("CreateRoomMembership", in("A", made.Room.RoomId), `{"MemberId":"u1"}`)
		if len(answers) != 1 || !slices.Equal(slices.Compact(refused), []api.Exception{api.ConflictException}) {
			t.Errorf("CreateRoomMembership: got answers %q and %q, want one, and conflicts", answers, refused)
		}
		names, _ := h.rooms("A", "")
		equal(t, "rooms", names, []string{"x"})
	})
}

func TestRooms_Quotas(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseLWA")
		h.addAccount("B", "EnterpriseLWA")
		h.write(func(tx store.Tx) error {
			for i := range 1499 {
				if err := tx.InsertRoom(&store.Room{AccountID: "A", RoomID: fmt.Sprint("r", i), Name: "x", Created: now, Updated: now}); err != nil {
					return err
				}
			}
			return nil
		})
		room := h.addRoom("A", "the last")
		h.refused(api.ResourceLimitExceededException, "CreateRoom", "accountId=A", "", `{"Name":"x"}`)
		h.addRoom("B", "x")
		h.must("DeleteRoom", in("A", "r7"), "", "")
		h.must("CreateRoom", "accountId=A", "", `{"Name":"x","ClientRequestToken":"token"}`)
		h.refused(api.ResourceLimitExceededException, "CreateRoom", "accountId=A", "", `{"Name":"x"}`)
		h.must("CreateRoom", "accountId=A", "", `{"Name":"x","ClientRequestToken":"token"}`) // which is done

		users := make([]store.User, 1003)
		memberships := make([]store.RoomMembership, 998)
		for i := range users {
			users[i] = registered("A", fmt.Sprint("u", i))
			if i < len(memberships) {
				memberships[i] = store.RoomMembership{MemberID: users[i].UserID, Role: "Member", Updated: now}
			}
		}
		h.addUsers(users...)
		h.write(func(tx store.Tx) error {
			r, err := tx.Room("A", room)
			if err != nil {
				return err
			}
			return tx.InsertRoomMemberships(r, memberships)
		})
		h.addMember("A", room, "u998")
		equal(t, "a batch that fills the room", h.memberErrors("A", room, `{"MemberId":"u5"},{"MemberId":"u999"},{"MemberId":"u1000"},{"MemberId":"nobody"},{"MemberId":"u1001"}`),
			[]string{"u5 Conflict", "u1000 ResourceLimitExceeded", "nobody NotFound", "u1001 ResourceLimitExceeded"})
		h.refused(api.ResourceLimitExceededException, "CreateRoomMembership", in("A", room), "", `{"MemberId":"u1002"}`)
		h.refused(api.ConflictException, "CreateRoomMembership", in("A", room), "", `{"MemberId":"u1"}`)
		h.must("DeleteRoomMembership", in("A", room, "u1"), "", "")
		h.addMember("A", room, "u1002")

		// All of them leave a trace.
		records := len(h.audit())
		h.must("DeleteRoom", in("A", room), "", "")
		if got := h.audited(records); len(got) != 1001 {
			t.Errorf("deleting a room of 1000 left %d records, want one for each member and one for the room", len(got))
		}
	})
}

func TestPagesOfRooms(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseLWA")
		h.addAccount("B", "EnterpriseLWA")
		h.addUsers(registered("A", "pat"))
		ids := h.addMany("A", 120)
		var all, ofPat, everybody []string
		rooms := map[string]string{}
		for i := range 110 {
			name := fmt.Sprintf("room %d", (i*7)%110)
			rooms[name] = h.addRoom("A", name)
			all = append(all, name)
			if i%2 == 0 {
				h.addMember("A", rooms[name], "pat")
				ofPat = append(ofPat, name)
			}
		}
		full := rooms["room 7"] // pat is not in it
		for batch := range slices.Chunk(ids, 50) {
			var items []string
			for _, id := range batch {
				items = append(items, fmt.Sprintf(`{"MemberId":%q}`, id))
				everybody = append(everybody, id+" Member")
			}
			h.must("BatchCreateRoomMembership", in("A", full), "", `{"MembershipItemList":[`+strings.Join(items, ",")+`]}`)
		}
		type listing func(query string) ([]string, string)
		ofRooms := func(query string) ([]string, string) { return h.rooms("A", query) }
		ofMember := func(query string) ([]string, string) { return h.rooms("A", "member-id=pat&"+query) }
		ofMembers := func(query string) ([]string, string) { return h.members("A", full, query) }
		tokens := map[string]string{}
		for name, test := range map[string]struct {
			list listing
			want []string
		}{"rooms": {ofRooms, all}, "rooms of pat": {ofMember, ofPat}, "members": {ofMembers, everybody}} {
			page, next := test.list("")
			if len(page) != 50 || next == "" {
				t.Errorf("the first page of %s: got %d rows and the token %q, want 50 and a token", name, len(page), next)
			}
			tokens[name] = next
			for _, sizes := range [][]int{{99}, {7}, {1, 99, 13}} { // the size may change on the way
				var got []string
				for token, i := "", 0; i == 0 || token != ""; i++ {
					size := sizes[i%len(sizes)]
					page, next := test.list(fmt.Sprintf("max-results=%d&next-token=%s", size, url.QueryEscape(token)))
					if len(page) > size {
						t.Errorf("a page of %d %s, want %d at most", len(page), name, size)
					}
					got, token = append(got, page...), next
				}
				equal(t, fmt.Sprintf("%s in pages of %d", name, sizes), got, test.want)
			}
		}

		// A token is good for its own listing alone.
		for name, query := range map[string]string{"rooms": "", "rooms of pat": "member-id=pat&", "rooms of another": "member-id=u001&"} {
			for of, token := range tokens {
				_, err := h.call("ListRooms", "accountId=A", query+"next-token="+url.QueryEscape(token), "")
				if good := of == name; good != (err == nil) || !good && exception(err) != api.BadRequestException {
					t.Errorf("%s with a token of %s: got error %v", name, of, err)
				}
			}
		}
		for of, token := range tokens {
			query := "next-token=" + url.QueryEscape(token)
			h.refused(api.BadRequestException, "ListRooms", "accountId=B", query, "")
			h.refused(api.BadRequestException, "ListRoomMemberships", in("A", rooms["room 0"]), query, "")
			h.refused(api.BadRequestException, "ListUsers", "accountId=A", query, "")
			if of != "members" {
				h.refused(api.BadRequestException, "ListRoomMemberships", in("A", full), query, "")
			}
			altered := []byte(token)
			altered[3] ^= 1
			h.refused(api.BadRequestException, "ListRoomMemberships", in("A", full), "next-token="+url.QueryEscape(string(altered)), "")
		}
		for _, size := range []string{"0", "100", "-1", "x", "1.5", "", "99999999999999999999"} {
			h.refused(api.BadRequestException, "ListRooms", "accountId=A", "max-results="+size, "")
			h.refused(api.BadRequestException, "ListRoomMemberships", in("A", full), "max-results="+size, "")
		}
		for _, blank := range []string{"", "%20"} {
			equal(t, "rooms of a blank member", h.must("ListRooms", "accountId=A", "member-id="+blank, ""), `{"Rooms":[]}`)
		}
		names, _ := h.rooms("A", "member-id=nobody")
		equal(t, "rooms of nobody", names, []string{})
		equal(t, "an empty listing", h.must("ListRooms", "accountId=B", "", ""), `{"Rooms":[]}`)
	})
}
