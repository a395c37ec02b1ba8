package console_test

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

func (s *service) write(t *testing.T, fn func(store.Tx) error) {
	t.Helper()
	if err := s.store.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// sees demands a page with texts in it, which may have tags, and returns it.
func (p *person) sees(path string, texts ...string) string {
	p.t.Helper()
	page := p.get(path)
	p.has(page, http.StatusOK)
	text := html.UnescapeString(page.text)
	for _, each := range texts {
		if !strings.Contains(text, each) {
			p.t.Errorf("%s lacks %q: %s", path, each, text)
		}
	}
	return text
}

// changes sends fields, which must lead to a page with these texts.
func (p *person) changes(path string, fields []string, texts ...string) {
	p.t.Helper()
	p.has(p.post(path, fields...), http.StatusOK, texts...)
}

func TestNumbers(t *testing.T) {
	s := start(t, nil)
	account := s.enterprise(t, "Example")
	s.people(t, account, 1)
	numbers := make([]store.PhoneNumber, 120)
	for i := range numbers {
		numbers[i] = store.PhoneNumber{AWSAccountID: awsAccount, Number: fmt.Sprintf("+1206555%04d", i), Country: "US", Type: "Local", Capabilities: store.Capabilities{InboundCall: true},
			ProductType: "BusinessCalling", Status: "Unassigned"}
	}
	s.write(t, func(tx store.Tx) error { return tx.InsertPhoneNumbers(numbers) })
	r := s.person(t, s.root)
	link := regexp.MustCompile(`href="/console/ui(/numbers/[^"?]+)">\+1206`)
	found := 0
	var first string
	for path := "/numbers?status=Unassigned"; path != ""; {
		page := r.sees(path, "Phone numbers", "aws chime list-phone-numbers")
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			first = m[1]
			found++
		}
		m := onward.FindStringSubmatch(page)
		if path = ""; m != nil {
			path = m[1]
		}
	}
	if found != len(numbers) {
		t.Errorf("the pages list %d numbers, want %d", found, len(numbers))
	}
	r.sees("/numbers?status=Assigned", "There are no such phone numbers.")
	r.sees(first, "BusinessCalling", "InboundCall", "Delete number", "aws chime get-phone-number")
	r.changes(first, []string{"CallingName", "Example"}, "The number was changed.", "Example")
	r.changes(first, []string{"ProductType", "VoiceConnector"}, "The number was changed.", "Product VoiceConnector")
	r.has(r.post(first, "CallingName", "<b>much too long a name"), http.StatusUnprocessableEntity, "CallingName must match")
	r.changes(first+"/delete", nil, "can be restored for seven days. It was deleted 20", "Restore number")
	if page := r.sees(first, "Restore number"); strings.Contains(page, "Change calling name") {
		t.Error("a number that is deleted can be changed")
	}
	r.changes(first+"/restore", nil, "The number was restored.", "Delete number")
	s.write(t, func(tx store.Tx) error {
		gone := numbers[0]
		gone.Number, gone.Status, gone.Deleted = "+12065559999", "ReleaseInProgress", time.Now().AddDate(0, 0, -8)
		return tx.InsertPhoneNumbers([]store.PhoneNumber{gone})
	})
	if page := r.sees("/numbers/%252B12065559999", "can no longer be restored"); strings.Contains(page, "Restore number") {
		t.Error("a number that is being released can be restored")
	}
	r.sees("/numbers/orders", "There are no orders.")

	ana := s.keyNamed(t, "ana", "AmazonChimeReadOnly")
	reader := s.person(t, ana)
	reader.sees(first, `<button disabled title="Your access key does not allow this.">Change calling name`)
	for _, path := range []string{first, first + "/delete", first + "/restore"} {
		reader.has(reader.post(path, "CallingName", "Eve"), http.StatusForbidden)
	}
}

func TestRooms(t *testing.T) {
	s := start(t, nil)
	account := s.enterprise(t, "Example")
	s.people(t, account, 3)
	r := s.person(t, s.root)
	rooms := "/accounts/" + account + "/rooms"
	r.sees(rooms, "The account has no chat rooms.")
	hostile := `Lounge <script>alert(1)</script>`
	r.changes(rooms, []string{"name", hostile}, "The room was created.", "Nobody is in this room.")
	room := regexp.MustCompile(`href="/console/ui(` + rooms + `/[^"]+)">Lounge`).FindStringSubmatch(r.sees(rooms, "Lounge"))
	if room == nil {
		t.Fatal("the list has no link to the room")
	}
	r.changes(room[1]+"/members", []string{"member", "u1", "role", "Administrator"}, "The member was added.", "person1@example.com", "Administrator")
	r.has(r.post(room[1]+"/members", "member", "nobody", "role", "Member"), http.StatusUnprocessableEntity)
	r.changes(room[1]+"/members/u1/remove", nil, "The member was removed.", "Nobody is in this room.")

	// People know addresses.
	bot := store.Bot{AccountID: account, BotID: "b1", Name: "Clerk", Email: "clerk-chimebot@example.com", SecurityToken: "much-secret", Created: time.Now()}
	s.write(t, func(tx store.Tx) error { return tx.InsertBot(&bot) })
	r.changes(room[1]+"/members", []string{"member", " Person2@Example.com ", "role", "Member"}, "The member was added.", "person2@example.com u2 User")
	r.has(r.post(room[1]+"/members", "member", "Clerk-chimebot@example.com", "role", "Member"), http.StatusUnprocessableEntity, "Bot b1 has no events configuration")
	again := r.post(room[1]+"/members", "member", "nobody@example.com", "role", "Member")
	r.has(again, http.StatusUnprocessableEntity, "Nobody in this account has the address nobody@example.com.")
	if !strings.Contains(again.text, `value="nobody@example.com"`) {
		t.Error("what was typed is gone")
	}
	r.has(r.get(room[1]+"/members/ask?role=Member&member=nobody@example.com"), http.StatusUnprocessableEntity, "Nobody in this account has the address")
	r.sees(room[1]+"/members/ask?role=Member&member=person1@example.com", "--member-id u1")
	clerk := s.person(t, s.keyNamed(t, "clerk", `{"Statement": {"Effect": "Allow", "Action": ["chime:Get*", "chime:CreateRoomMembership"], "Resource": "*"}}`))
	clerk.has(clerk.post(room[1]+"/members", "member", "person1@example.com", "role", "Member"), http.StatusUnprocessableEntity, "Your access key may not look for addresses.")
	r.changes(room[1]+"/members/u2/remove", nil, "The member was removed.")

	r.changes(room[1], []string{"name", "Salon"}, "The room was renamed.", "Salon")
	r.sees(room[1]+"/delete/ask", "Room Salon is deleted for good")
	r.has(r.post(rooms, "name", strings.Repeat("x", 300)), http.StatusUnprocessableEntity, "Name must have")

	ana := s.keyNamed(t, "ana", "AmazonChimeReadOnly")
	reader := s.person(t, ana)
	reader.sees(room[1], `<button disabled title="Your access key does not allow this.">Rename room`)
	for _, path := range []string{rooms, room[1], room[1] + "/delete", room[1] + "/members", room[1] + "/members/u1/remove"} {
		reader.has(reader.post(path, "name", "Eve", "member", "u2", "role", "Member"), http.StatusForbidden)
	}
	r.changes(room[1]+"/delete", nil, "The room was deleted.", "The account has no chat rooms.")

	team, err := s.operator.CreateAccount(t.Context(), awsAccount, "Team", api.AccountTypeTeam)
	if err != nil {
		t.Fatal(err)
	}
	r.sees("/accounts/"+team.AccountId+"/rooms", "This is a Team account.")
	r.sees("/accounts/"+team.AccountId+"/bots", "This is a Team account.")
}

func TestBots(t *testing.T) {
	s := start(t, nil)
	account := s.enterprise(t, "Example")
	bot := store.Bot{AccountID: account, BotID: "b1", Name: "Clerk <b>", Email: "clerk-chimebot@example.com", SecurityToken: "much-secret", Created: time.Now(), HTTPSEndpoint: "https://bot.example.com/x"}
	s.write(t, func(tx store.Tx) error { return tx.InsertBot(&bot) })
	r := s.person(t, s.root)
	bots := "/accounts/" + account + "/bots"
	if page := r.sees(bots, "Clerk", "clerk-chimebot@example.com", "In use"); strings.Contains(page, "much-secret") {
		t.Error("the list shows the security token")
	}
	r.sees(bots+"/b1", "Clerk", "https://bot.example.com/x", "<summary>Show</summary>", "much-secret")
	r.changes(bots+"/b1/disable", nil, "The bot was disabled.", "Enable bot")
	r.sees(bots, "Disabled</span>")
	r.changes(bots+"/b1/enable", nil, "The bot was enabled.", "Disable bot")

	ana := s.keyNamed(t, "ana", "AmazonChimeReadOnly")
	reader := s.person(t, ana)
	reader.sees(bots+"/b1", `<button disabled title="Your access key does not allow this.">Disable bot`)
	reader.has(reader.post(bots+"/b1/disable"), http.StatusForbidden)
}

func TestScenario_numbersRoomsBots(t *testing.T) {
	scenario(t, "a room and a bot", func(t *testing.T, v visitor) {
		s := start(t, nil)
		account := s.enterprise(t, "Example")
		s.people(t, account, 2)
		bot := store.Bot{AccountID: account, BotID: "b1", Name: "Clerk", Email: "clerk-chimebot@example.com", SecurityToken: "much-secret", Created: time.Now()}
		s.write(t, func(tx store.Tx) error { return tx.InsertBot(&bot) })
		number := store.PhoneNumber{AWSAccountID: awsAccount, Number: "+12065550100", Country: "US", Type: "Local", ProductType: "BusinessCalling", Status: "Unassigned"}
		s.write(t, func(tx store.Tx) error { return tx.InsertPhoneNumbers([]store.PhoneNumber{number}) })
		signIn(t, v, s)
		v.follow("Example")
		v.follow("Rooms")
		v.fill("Name of the new room", "Lounge")
		v.press("Create room")
		v.sees("The room was created.")
		v.fill("Address or ID of a user or a bot", "person1@example.com")
		v.press("Add member")
		v.sees("The member was added.", "person1@example.com")
		accessible(t, v)
		v.press("Remove person1@example.com: aws command")
		v.sees("Remove person1@example.com", "aws chime delete-room-membership", "--member-id u1")
		accessible(t, v)
		v.follow("Cancel")
		v.sees("person1@example.com")
		v.follow("Rooms")
		v.sees("Lounge")
		accessible(t, v)
		v.follow("Bots")
		accessible(t, v)
		v.follow("Clerk")
		accessible(t, v)
		v.press("Disable bot")
		v.sees("The bot was disabled.")
		v.follow("Phone numbers")
		accessible(t, v)
		v.follow("Orders")
		v.sees("There are no orders.")
		accessible(t, v)
		v.back()
		v.follow("+12065550100")
		accessible(t, v)
		v.fill("Calling name", "Example")
		v.press("Change calling name")
		v.sees("The number was changed.")
		v.press("Delete number")
		v.sees("can be restored for seven days.")
		v.press("Restore number")
		v.sees("The number was restored.")
	})
}
