package directory_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// page returns the ids on one page of users and the token of the next.
func (h *house) page(account, query, token string) (ids []string, next string) {
	h.t.Helper()
	var list struct {
		Users     []apiUser
		NextToken *string
	}
	parse(h.t, h.must("ListUsers", "accountId="+account, query+"&next-token="+url.QueryEscape(token), ""), &list)
	for _, u := range list.Users {
		ids = append(ids, u.UserId)
	}
	if list.NextToken == nil {
		return ids, ""
	}
	return ids, *list.NextToken
}

func (h *house) addMany(account string, n int) (ids []string) {
	h.t.Helper()
	var users []store.User
	for i := range n {
		users = append(users, registered(account, fmt.Sprintf("u%03d", i)))
		ids = append(ids, users[i].UserID)
	}
	h.addUsers(users...)
	return ids
}

func TestPages(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	all := h.addMany("A", 201)

	first, token := h.page("A", "", "")
	if len(first) != 100 || token == "" {
		t.Errorf("default page: got %d users, token %q; want 100 and a token", len(first), token)
	}
	second, token := h.page("A", "max-results=200", token) // the size may change on the way
	equal(t, "both pages", append(first, second...), all)
	if token != "" {
		t.Errorf("the last page has the token %q, want none", token)
	}
	if exact, token := h.page("A", "max-results=1&user-type=SharedDevice", ""); exact != nil || token != "" {
		t.Errorf("an empty page: got %q and token %q, want nothing", exact, token)
	}
	h.addAccount("B", "Team")
	h.addUsers(registered("B", "only"))
	if exact, token := h.page("B", "max-results=1", ""); len(exact) != 1 || token != "" {
		t.Errorf("a page that holds exactly all: got %q and token %q, want the user and no token", exact, token)
	}
}

func TestPagesOfAccounts(t *testing.T) {
	h := newHouse(t)
	var want []string
	for i := range 5 {
		id := fmt.Sprintf("Chapel-%d", i)
		h.addAccount(id, "Team")
		h.addAccount(fmt.Sprintf("Other-%d", i), "Team")
		want = append(want, id)
	}
	var got []string
	for token := ""; ; {
		var list struct {
			Accounts  []struct{ AccountId string }
			NextToken string
		}
		parse(t, h.must("ListAccounts", "", "name=Chapel&max-results=2&next-token="+url.QueryEscape(token), ""), &list)
		for _, a := range list.Accounts {
			got = append(got, a.AccountId)
		}
		if token = list.NextToken; token == "" {
			break
		}
	}
	equal(t, "accounts", got, want)
}

// Whoever was in the account before the walk and stays is seen once, whatever comes and goes.
func TestPagesWhileUsersComeAndGo(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	all := h.addMany("A", 60)
	stop := make(chan struct{})
	var busy sync.WaitGroup
	busy.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := h.call("InviteUsers", "accountId=A", "", fmt.Sprintf(`{"UserEmailList":["new%d@example.com"]}`, i)); err != nil {
				t.Errorf("InviteUsers: %v", err)
			}
		}
	})
	seen := make(map[string]int)
	pages := 0
	for token := ""; ; pages++ {
		if pages == 5 {
			h.must("BatchSuspendUser", "accountId=A", "", `{"UserIdList":["u003","u050"]}`) // passed by, and still to come
		}
		var ids []string
		ids, token = h.page("A", fmt.Sprintf("max-results=%d", 4+pages%3), token)
		for _, id := range ids {
			seen[id]++
		}
		if token == "" || pages == 200 {
			break
		}
	}
	close(stop)
	busy.Wait()
	for _, id := range all {
		want := 1
		if id == "u050" {
			want = 0
		}
		if seen[id] != want {
			t.Errorf("%s was seen %d times, want %d", id, seen[id], want)
		}
	}
	for id, n := range seen {
		if n > 1 {
			t.Errorf("%s was seen %d times", id, n)
		}
	}
}

func TestPageTokenHoldsForItsListingOnly(t *testing.T) {
	dir := t.TempDir()
	h := houseOver(t, open(t, dir))
	for _, account := range []string{"A", "B"} {
		h.addAccount(account, "Team", func(a *store.Account) { a.Name = "Same" })
		h.addMany(account, 3)
	}
	h.addAccount("F", "Team", func(a *store.Account) { a.AWSAccountID = "444455556666" })
	const first = "max-results=1"
	_, token := h.page("A", first, "")
	with := func(query string) string { return query + "&next-token=" + url.QueryEscape(token) }

	h.refused(api.BadRequestException, "ListUsers", "accountId=B", with(first), "")
	h.refused(api.BadRequestException, "ListUsers", "accountId=A", with(first+"&user-type=PrivateUser"), "")
	h.refused(api.BadRequestException, "ListUsers", "accountId=A", with(first+"&user-email=u000@a.example"), "")
	h.refused(api.BadRequestException, "ListAccounts", "", with(first), "")
	var list struct{ NextToken string }
	parse(t, h.must("ListAccounts", "", first, ""), &list)
	token = list.NextToken
	h.refused(api.BadRequestException, "ListUsers", "accountId=A", with(first), "")
	h.refused(api.BadRequestException, "ListAccounts", "", with("name=Same"), "")
	h.as("444455556666").refused(api.BadRequestException, "ListAccounts", "", with(first), "")
	h.must("ListAccounts", "", with("max-results=2"), "")

	// Another process over the same data knows the token, and one over other data does not.
	h.store.Close()
	h = houseOver(t, open(t, dir))
	h.must("ListAccounts", "", with(first), "")
	newHouse(t).refused(api.BadRequestException, "ListAccounts", "", with(first), "")
}

func TestPageTokenAltered(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	h.addMany("A", 3)
	_, token := h.page("A", "max-results=1", "")
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \n\r%.é"
	try := func(altered string) {
		t.Helper()
		_, err := h.call("ListUsers", "accountId=A", "next-token="+url.QueryEscape(altered), "")
		if exception(err) != api.BadRequestException {
			t.Errorf("token %q altered to %q: got error %v, want BadRequestException", token, altered, err)
		}
	}
	for i := range token {
		for _, r := range alphabet {
			if string(r) != token[i:i+1] {
				try(token[:i] + string(r) + token[i+1:])
			}
		}
		try(token[:i] + token[i+1:])
		try(token[:i] + "\n" + token[i:])
		try(token[:i] + "A" + token[i:])
	}
	try(token + token)
	try(strings.ToLower(token) + "=")
}

// FuzzPageToken sends texts that were not given out as a token: none is let pass.
func FuzzPageToken(f *testing.F) {
	h := newHouse(f)
	h.addAccount("A", "Team")
	h.addMany("A", 3)
	given := map[string]bool{}
	for token := ""; ; {
		if _, token = h.page("A", "max-results=1", token); token == "" {
			break
		}
		given[token] = true
		f.Add(token)
		f.Add(strings.ToUpper(token))
	}
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, token string) {
		h := *h
		h.t = t
		_, err := h.call("ListUsers", "accountId=A", url.Values{"next-token": {token}}.Encode(), "")
		if good := given[token] || token == ""; good != (err == nil) || err != nil && exception(err) != api.BadRequestException {
			t.Errorf("token %q: got error %v, given out: %t", token, err, given[token])
		}
	})
}
