package directory_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// search walks a search, and returns the ids of the users and the token of its first page.
func (h *house) search(account, query string) (ids []string, first string) {
	h.t.Helper()
	for n, token := 0, ""; ; n++ {
		var list struct {
			Users     []apiUser
			NextToken string
		}
		parse(h.t, h.must("SearchUsers", "accountId="+account, query+"&next-token="+url.QueryEscape(token), ""), &list)
		for _, u := range list.Users {
			ids = append(ids, u.UserId)
		}
		if token = list.NextToken; token == "" {
			return ids, first
		}
		if n == 0 {
			first = token
		}
	}
}

func TestSearchUsers(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "Team")
		h.addAccount("B", "Team", func(a *store.Account) { a.AWSAccountID = foreignAccount })
		h.addUsers(
			registered("A", "zoe", func(u *store.User) { u.DisplayName, u.License = "Zoë Anders", "Pro" }),
			registered("A", "yulia", func(u *store.User) { u.DisplayName, u.PersonalPIN = "Юлия Петрова", "1234567890" }),
			registered("A", "anders"),
			registered("A", "hall", device, suspended),
			registered("A", "new", invited),
			registered("B", "anders"),
		)
		find := func(query string) string {
			t.Helper()
			all, _ := h.search("A", query)
			for _, size := range []int{1, 2, 200} {
				pages, _ := h.search("A", fmt.Sprintf("%s&max-results=%d", query, size))
				equal(t, fmt.Sprintf("%s, %d a page", query, size), pages, all)
			}
			return strings.Join(all, " ")
		}
		for query, want := range map[string]string{
			"":                        "zoe yulia anders hall new",
			"text=%20ANDERS%20":       "anders zoe",
			"text=a.example":          "zoe yulia anders hall new",
			"text=ZO%C3%8B":           "zoe",
			"text=%D0%BB%D0%B8%D0%AF": "yulia", // лиЯ
			"text=nobody":             "",
			"license=Pro":             "zoe hall",
			"user-type=SharedDevice":  "hall",
			"registration=Suspended":  "hall",
			"text=anders&license=Pro": "zoe",
			"registration=":           "zoe yulia anders hall new",
			"license=Plus":            "",
			"registration=Registered": "zoe yulia anders",
			"user-type=PrivateUser":   "zoe yulia anders new",
			"registered-since=" + inQuery(now.Add(-time.Hour)):                                 "zoe yulia anders hall",
			"registered-since=" + inQuery(now):                                                 "",
			"registered-until=" + inQuery(now.Add(-time.Hour)):                                 "",
			"registered-until=" + inQuery(now):                                                 "zoe yulia anders hall",
			"invited-since=" + inQuery(now.Add(-time.Hour)) + "&invited-until=" + inQuery(now): "new",
			"invited-until=" + inQuery(now) + "&text=the":                                      "new",
		} {
			equal(t, query, find(query), want)
		}
		const yulia = "text=yulia@"
		got, want := h.must("SearchUsers", "accountId=A", yulia, ""), h.must("ListUsers", "accountId=A", "user-email=yulia@a.example", "")
		equal(t, "a user, as ListUsers shows one", got, want)

		_, token := h.search("A", "text=a&max-results=1")
		for _, query := range []string{
			"license=Gold", "user-type=Robot", "registration=registered", "text=" + strings.Repeat("x", 321), "text=a%00b", "text=%FF",
			"registered-since=yesterday", "invited-until=2026-03-01", "max-results=0", "max-results=201", "max-results=x", "next-token=x",
			"text=b&max-results=1&next-token=" + token, "text=a&license=Pro&max-results=1&next-token=" + token, // of another search
		} {
			h.refused(api.BadRequestException, "SearchUsers", "accountId=A", query, "")
		}
		h.must("SearchUsers", "accountId=A", "text=a&max-results=2&next-token="+token, "")
		h.refused(api.BadRequestException, "ListUsers", "accountId=A", "max-results=1&next-token="+token, "")
		for _, account := range []string{"B", "C"} {
			h.refused(api.NotFoundException, "SearchUsers", "accountId="+account, "text=a", "")
			h.refused(api.NotFoundException, "CountUsers", "accountId="+account, "", "")
		}
		h.as(foreignAccount).refused(api.NotFoundException, "SearchUsers", "accountId=A", "", "")
	})
}

func inQuery(t time.Time) string { return url.QueryEscape(t.Format(time.RFC3339)) }

func TestCountUsers(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		count := func(h *house, account string) string {
			t.Helper()
			var out struct {
				Counts []struct {
					License, Registration string
					Users                 int
				}
				Time string
			}
			parse(t, h.must("CountUsers", "accountId="+account, "", ""), &out)
			return fmt.Sprint(out)
		}
		want := func(counts string, after time.Duration) string {
			return "{[" + counts + "] " + api.FormatTime(now.Add(after)) + "}"
		}
		h.addAccount("A", "Team")
		h.addAccount("B", "Team")
		h.addAccount("F", "Team", func(a *store.Account) { a.AWSAccountID = foreignAccount })
		h.addUsers(registered("A", "a"), registered("A", "b"), registered("A", "c", suspended), registered("A", "d", invited), registered("A", "e", device))
		first := want("{Basic Registered 2} {Basic Suspended 1} {Basic Unregistered 1} {Pro Registered 1}", 0)
		equal(t, "count", count(h, "A"), first)
		h.addUsers(registered("A", "f"), registered("B", "g"))
		h.advance(59 * time.Second)
		equal(t, "count within a minute", count(h, "A"), first)
		h.as(foreignAccount).refused(api.NotFoundException, "CountUsers", "accountId=A", "", "")
		equal(t, "count of another account", count(h, "B"), want("{Basic Registered 1}", 59*time.Second))
		h.advance(time.Second)
		equal(t, "count after a minute", count(h, "A"), want("{Basic Registered 3} {Basic Suspended 1} {Basic Unregistered 1} {Pro Registered 1}", time.Minute))
		equal(t, "count of nobody", count(h.as(foreignAccount), "F"), want("", time.Minute))
		h.advance(-time.Hour)
		equal(t, "count at an earlier time", count(h, "B"), want("{Basic Registered 1}", time.Minute-time.Hour))
	})
}

// The race detector sees what many who ask at once share.
func TestCountUsers_AtOnce(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	h.addMany("A", 200)
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			got, err := h.call("CountUsers", "accountId=A", "", "")
			if err != nil || !strings.Contains(got, `"Users": 200`) {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
	asking.Wait()
}
