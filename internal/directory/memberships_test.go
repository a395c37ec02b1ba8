package directory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

// memberErrors adds members by a batch, and returns "id code" of those that were refused.
func (h *house) memberErrors(account, room, items string) []string {
	h.t.Helper()
	var out struct {
		Errors []struct{ MemberId, ErrorCode, ErrorMessage string }
	}
	parse(h.t, h.must("BatchCreateRoomMembership", in(account, room), "", `{"MembershipItemList":[`+items+`]}`), &out)
	refused := []string{}
	for _, e := range out.Errors {
		if e.ErrorMessage == "" {
			h.t.Errorf("%s was refused without a message", e.MemberId)
		}
		refused = append(refused, e.MemberId+" "+e.ErrorCode)
	}
	return refused
}

func TestMemberships(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseLWA")
		h.addAccount("B", "EnterpriseLWA")
		h.addUsers(registered("A", "ana"), registered("A", "bo"), registered("A", "room", device), registered("A", "sue", suspended),
			registered("A", "ivy", invited), registered("B", "eve"))
		room := h.addRoom("A", "x")
		show := func(id, role, updated string) string {
			return fmt.Sprintf(`{"RoomId":"%s","Member":{"MemberId":"%s","MemberType":"User","Email":"%[2]s@a.example","FullName":"The %[2]s","AccountId":"A"},`+
				`"Role":"%s","InvitedBy":"%s","UpdatedTimestamp":"%s"}`, room, id, role, arn, updated)
		}
		equal(t, "CreateRoomMembership", h.must("CreateRoomMembership", in("A", room), "", `{"MemberId":"ana","Role":"Administrator"}`),
			`{"RoomMembership":`+show("ana", "Administrator", stamp)+`}`)
		equal(t, "CreateRoomMembership without a role", h.must("CreateRoomMembership", in("A", room), "", `{"MemberId":"bo","Role":null}`),
			`{"RoomMembership":`+show("bo", "Member", stamp)+`}`)
		h.addMember("A", room, "room") // a device

		for body, want := range map[string]api.Exception{
			`{"MemberId":"nobody"}`:                     api.NotFoundException,
			`{"MemberId":"eve"}`:                        api.NotFoundException, // of another account
			`{"MemberId":"ana"}`:                        api.ConflictException,
			`{"MemberId":"ana","Role":"Administrator"}`: api.ConflictException,
			`{"MemberId":"sue"}`:                        api.BadRequestException,
			`{"MemberId":"ivy"}`:                        api.BadRequestException,
			`{"MemberId":"ana@a.example"}`:              api.NotFoundException,
			`{}`:                                        api.BadRequestException,
			`{"MemberId":" "}`:                          api.BadRequestException,
			`{"MemberId":"bo","Role":"Owner"}`:          api.BadRequestException,
			`{"MemberId":"bo","Role":"member"}`:         api.BadRequestException,
			`{"MemberId":"bo","Role":""}`:               api.BadRequestException,
		} {
			h.refused(want, "CreateRoomMembership", in("A", room), "", body)
		}
		equal(t, "ListRoomMemberships", h.must("ListRoomMemberships", in("A", room), "", ""), `{"RoomMemberships":[`+
			show("ana", "Administrator", stamp)+","+show("bo", "Member", stamp)+","+show("room", "Member", stamp)+`]}`)

		// Roles. The last administrator may go; what changes nothing leaves the time of the last change.
		later := h.later(time.Hour)
		const hour = "2026-03-01T13:00:00.123Z"
		for _, body := range []string{"", "{}", `{"Role":"Administrator"}`} {
			equal(t, "UpdateRoomMembership "+body, later.must("UpdateRoomMembership", in("A", room, "ana"), "", body),
				`{"RoomMembership":`+show("ana", "Administrator", stamp)+`}`)
		}
		records := len(h.audit())
		equal(t, "UpdateRoomMembership", later.must("UpdateRoomMembership", in("A", room, "ana"), "", `{"Role":"Member"}`),
			`{"RoomMembership":`+show("ana", "Member", hour)+`}`)
		equal(t, "audit of a role", h.audited(records), []string{
			`UpdateRoomMembership ana {"RoomId": "` + room + `", "Role": "Administrator"} {"RoomId": "` + room + `", "Role": "Member"}`})
		h.refused(api.NotFoundException, "UpdateRoomMembership", in("A", room, "nobody"), "", `{"Role":"Member"}`)
		h.refused(api.NotFoundException, "UpdateRoomMembership", in("A", room, "sue"), "", `{"Role":"Member"}`)
		h.refused(api.BadRequestException, "UpdateRoomMembership", in("A", room, "ana"), "", `{"Role":"Owner"}`)
		h.refused(api.BadRequestException, "UpdateRoomMembership", in("A", room, " "), "", `{"Role":"Member"}`)

		// Whoever is suspended stays a member, and can be changed and removed like any other.
		h.must("BatchSuspendUser", "accountId=A", "", `{"UserIdList":["ana"]}`)
		members, _ := h.members("A", room, "")
		equal(t, "members", members, []string{"ana Member", "bo Member", "room Member"})
		h.refused(api.ConflictException, "CreateRoomMembership", in("A", room), "", `{"MemberId":"ana"}`)
		h.must("UpdateRoomMembership", in("A", room, "ana"), "", `{"Role":"Administrator"}`)
		h.must("LogoutUser", "accountId=A&userId=bo", "", "")
		members, _ = h.members("A", room, "")
		equal(t, "members after a logout", members, []string{"ana Administrator", "bo Member", "room Member"})
		equal(t, "DeleteRoomMembership", h.must("DeleteRoomMembership", in("A", room, "ana"), "", ""), "")
		h.refused(api.NotFoundException, "DeleteRoomMembership", in("A", room, "ana"), "", "")
		h.refused(api.NotFoundException, "DeleteRoomMembership", in("A", room, "nobody"), "", "")
		h.refused(api.BadRequestException, "CreateRoomMembership", in("A", room), "", `{"MemberId":"ana"}`) // suspended
		h.must("BatchUnsuspendUser", "accountId=A", "", `{"UserIdList":["ana"]}`)
		h.addMember("A", room, "ana")
		members, _ = h.members("A", room, "")
		equal(t, "members at the end", members, []string{"bo Member", "room Member", "ana Member"})
	})
}

func TestMemberships_Batch(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseLWA")
		h.addUsers(registered("A", "ana"), registered("A", "bo"), registered("A", "cy"), registered("A", "sue", suspended), registered("A", "ivy", invited))
		room := h.addRoom("A", "x")
		h.addMember("A", room, "cy")
		records := len(h.audit())
		refused := h.memberErrors("A", room, `{"MemberId":"bo","Role":"Administrator"},{"MemberId":"nobody"},{"MemberId":"cy","Role":"Administrator"},`+
			`{"MemberId":"sue"},{"MemberId":"ivy"},{"MemberId":"ana"},{"MemberId":"bo"},{"MemberId":"nobody"}`)
		equal(t, "errors", refused, []string{"nobody NotFound", "cy Conflict", "sue PreconditionFailed", "ivy PreconditionFailed", "bo Conflict", "nobody NotFound"})
		members, _ := h.members("A", room, "")
		equal(t, "members", members, []string{"cy Member", "bo Administrator", "ana Member"})
		equal(t, "audit", h.audited(records), []string{
			`BatchCreateRoomMembership bo  {"RoomId": "` + room + `", "Role": "Administrator", "InvitedBy": "` + arn + `"}`,
			`BatchCreateRoomMembership ana  {"RoomId": "` + room + `", "Role": "Member", "InvitedBy": "` + arn + `"}`,
		})

		items := func(n int) string {
			return strings.TrimSuffix(strings.Repeat(`{"MemberId":"nobody"},`, n), ",")
		}
		equal(t, "errors of the largest batch", len(h.memberErrors("A", room, items(50))), 50)
		equal(t, "an empty batch", h.must("BatchCreateRoomMembership", in("A", room), "", `{"MembershipItemList":[]}`), `{"Errors":[]}`)
		records = len(h.audit())
		for _, body := range []string{
			``, `{}`, `{"MembershipItemList":null}`, `{"MembershipItemList":[` + items(51) + `]}`, `{"MembershipItemList":[{"MemberId":"sue"},{"Role":"Member"}]}`,
			`{"MembershipItemList":[{"MemberId":"sue"},{}]}`, `{"MembershipItemList":[null]}`, `{"MembershipItemList":[{"MemberId":""}]}`,
			`{"MembershipItemList":[{"MemberId":"ana"},{"MemberId":"bo","Role":"Owner"}]}`, `{"MembershipItemList":{"MemberId":"ana"}}`,
		} {
			h.refused(api.BadRequestException, "BatchCreateRoomMembership", in("A", room), "", body)
		}
		_, err := h.call("BatchCreateRoomMembership", in("A", room), "", `{"MembershipItemList":[{"MemberId":"ana"},{}]}`)
		if err == nil || !strings.Contains(err.Error(), "MembershipItemList[1].MemberId") {
			t.Errorf("a batch without an id: got error %v, want it to name the member", err)
		}
		if got := h.audited(records); len(got) > 0 {
			t.Errorf("batches that were refused are in the trail: %q", got)
		}
	})
}

// An account whose users are gone can be deleted, whatever rooms it has; they go with it.
func TestMemberships_DeletedAccount(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseOIDC")
		room := h.addRoom("A", "x")
		h.must("DeleteAccount", "accountId=A", "", "")
		h.refused(api.NotFoundException, "GetRoom", in("A", room), "", "")
		h.refused(api.NotFoundException, "ListRooms", "accountId=A", "", "")
	})
}

// Any sequence of operations leaves rooms and members, answers and trail as a model does, in which
// a room is a list of its members.
func TestMembershipsAgreeWithModel(t *testing.T) {
	t.Parallel() // most of it is waiting for PostgreSQL
	onEngines(t, func(t *testing.T, h *house) {
		op := directory.NewOperator(h.store, directory.Options{})
		runs := 0
		rapid.Check(t, func(t *rapid.T) {
			runs++
			account := fmt.Sprintf("A%d", runs)
			domain := strings.ToLower(account) + ".example"
			h.addAccount(account, "Team")
			if _, err := op.ClaimDomain(context.Background(), account, domain); err != nil {
				t.Fatal(err)
			}
			state := map[string]string{} // of users, by id
			for _, id := range []string{"u0", "u1", "u2", "u3"} {
				h.addUsers(registered(account, id))
				state[id] = "Registered"
			}
			team := false
			var rooms []string
			members := map[string][]string{} // of rooms, "id role" each
			audited := 2                     // the domain, and the type of the account
			at := func(room, id string) int {
				return slices.IndexFunc(members[room], func(m string) bool { return strings.HasPrefix(m, id+" ") })
			}
			user := rapid.SampledFrom([]string{"u0", "u1", "u2", "u3", "nobody"})
			role := rapid.SampledFrom([]string{"Member", "Administrator"})
			// refusal is what the rules have against one more member.
			refusal := func(room, id string) (whole api.Exception, item string) {
				switch {
				case state[id] == "":
					return api.NotFoundException, "NotFound"
				case at(room, id) >= 0:
					return api.ConflictException, "Conflict"
				case state[id] != "Registered":
					return api.BadRequestException, "PreconditionFailed"
				}
				return "", ""
			}

			// look compares what the service shows with the model.
			look := func(t *rapid.T) {
				if team {
					return
				}
				count := map[string]int{} // rooms, by user
				for _, room := range rooms {
					if got, _ := h.members(account, room, ""); !slices.Equal(got, members[room]) {
						t.Fatalf("members of %s: got %q, want %q", room, got, members[room])
					}
					for _, m := range members[room] {
						id, _, _ := strings.Cut(m, " ")
						count[id]++
					}
				}
				for id := range state {
					if got, _ := h.rooms(account, "member-id="+id+"&max-results=99"); len(got) != count[id] {
						t.Fatalf("%s is in %d rooms, want %d", id, len(got), count[id])
					}
				}
			}

			t.Repeat(map[string]func(*rapid.T){
				"create room": func(t *rapid.T) {
					out, err := h.call("CreateRoom", "accountId="+account, "", `{"Name":"x"}`)
					if team {
						expect(t, err, api.BadRequestException)
						return
					}
					expect(t, err, "")
					var made struct{ Room struct{ RoomId string } }
					if err := json.Unmarshal([]byte(out), &made); err != nil {
						t.Fatal(err)
					}
					rooms = append(rooms, made.Room.RoomId)
					members[made.Room.RoomId] = []string{}
					audited++
				},
				"delete room": func(t *rapid.T) {
					room := draw(t, rooms)
					_, err := h.call("DeleteRoom", in(account, room), "", "")
					switch {
					case team:
						expect(t, err, api.BadRequestException)
					case members[room] == nil:
						expect(t, err, api.NotFoundException)
					default:
						expect(t, err, "")
						audited += 1 + len(members[room])
						delete(members, room)
						rooms = slices.DeleteFunc(rooms, func(r string) bool { return r == room })
					}
				},
				"add": func(t *rapid.T) {
					room, id, as := draw(t, rooms), user.Draw(t, "user"), role.Draw(t, "role")
					_, err := h.call("CreateRoomMembership", in(account, room), "", fmt.Sprintf(`{"MemberId":%q,"Role":%q}`, id, as))
					whole, _ := refusal(room, id)
					switch {
					case team:
						whole = api.BadRequestException
					case members[room] == nil:
						whole = api.NotFoundException
					}
					expect(t, err, whole)
					if whole == "" {
						members[room] = append(members[room], id+" "+as)
						audited++
					}
				},
				"add many": func(t *rapid.T) {
					room := draw(t, rooms)
					if team || members[room] == nil {
						return
					}
					var items, want []string
					for _, id := range rapid.SliceOfN(user, 0, 8).Draw(t, "users") {
						as := role.Draw(t, "role")
						items = append(items, fmt.Sprintf(`{"MemberId":%q,"Role":%q}`, id, as))
						if _, code := refusal(room, id); code != "" {
							want = append(want, id+" "+code)
							continue
						}
						members[room] = append(members[room], id+" "+as)
						audited++
					}
					if got := h.memberErrors(account, room, strings.Join(items, ",")); fmt.Sprint(got) != fmt.Sprint(want) {
						t.Fatalf("batch of %s: got errors %q, want %q", items, got, want)
					}
				},
				"change role": func(t *rapid.T) {
					room, id, as := draw(t, rooms), user.Draw(t, "user"), role.Draw(t, "role")
					_, err := h.call("UpdateRoomMembership", in(account, room, id), "", fmt.Sprintf(`{"Role":%q}`, as))
					i := at(room, id)
					switch {
					case team:
						expect(t, err, api.BadRequestException)
					case i < 0:
						expect(t, err, api.NotFoundException)
					default:
						expect(t, err, "")
						if members[room][i] != id+" "+as {
							members[room][i] = id + " " + as
							audited++
						}
					}
				},
				"remove": func(t *rapid.T) {
					room, id := draw(t, rooms), user.Draw(t, "user")
					_, err := h.call("DeleteRoomMembership", in(account, room, id), "", "")
					i := at(room, id)
					switch {
					case team:
						expect(t, err, api.BadRequestException)
					case i < 0:
						expect(t, err, api.NotFoundException)
					default:
						expect(t, err, "")
						members[room] = slices.Delete(members[room], i, i+1)
						audited++
					}
				},
				"suspend": func(t *rapid.T) {
					id := user.Draw(t, "user")
					_, err := h.call("BatchSuspendUser", "accountId="+account, "", fmt.Sprintf(`{"UserIdList":[%q]}`, id))
					expect(t, err, "")
					switch {
					case state[id] == "":
					case team: // which removes the user
						delete(state, id)
						audited++
						for _, room := range rooms {
							if i := at(room, id); i >= 0 {
								members[room] = slices.Delete(members[room], i, i+1)
								audited++
							}
						}
					case state[id] == "Registered":
						state[id] = "Suspended"
						audited++
					}
				},
				"unsuspend": func(t *rapid.T) {
					id := user.Draw(t, "user")
					_, err := h.call("BatchUnsuspendUser", "accountId="+account, "", fmt.Sprintf(`{"UserIdList":[%q]}`, id))
					if team {
						expect(t, err, api.BadRequestException)
						return
					}
					expect(t, err, "")
					if state[id] == "Suspended" {
						state[id] = "Registered"
						audited++
					}
				},
				"claim or release the domain": func(t *rapid.T) {
					var err error
					if team {
						_, err = op.ClaimDomain(context.Background(), account, domain)
						team = false
						audited += 2
					} else {
						_, err = op.ReleaseDomain(context.Background(), account, domain)
						if slices.Contains(values(state), "Suspended") {
							expect(t, err, api.UnprocessableEntityException)
							return
						}
						team = true
						audited += 2
					}
					expect(t, err, "")
				},
				"look": look,
			})
			look(t)
			if got := h.trailLength(account); got != audited {
				t.Fatalf("the trail has %d records, want %d", got, audited)
			}
		})
	})
}

// draw returns one of the rooms, or one that there is not.
func draw(t *rapid.T, rooms []string) string {
	return rapid.SampledFrom(append([]string{"nowhere"}, rooms...)).Draw(t, "room")
}

func values(m map[string]string) (all []string) {
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

// expect checks how an operation ended.
func expect(t *rapid.T, err error, want api.Exception) {
	if got := exception(err); got != want || err != nil && want == "" {
		t.Fatalf("got error %v, want exception %q", err, want)
	}
}

func (h *house) trailLength(account string) int {
	h.t.Helper()
	n := 0
	err := h.store.View(context.Background(), func(tx store.ReadTx) error {
		records, _, err := tx.Audit(awsAccount, store.AuditFilter{AccountID: account}, 0, 10_000)
		n = len(records)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}
