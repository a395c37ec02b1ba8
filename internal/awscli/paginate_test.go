package awscli

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

var usersPaginator = &model.Paginator{InputTokens: []string{"NextToken"}, OutputTokens: []string{"NextToken"}, LimitKey: "MaxResults", ResultKeys: []string{"Users"}}

// pagedService is a service with one listing: canned replies by token ("" for the first page).
type pagedService struct {
	replies map[string]string // JSON
	inputs  []string          // what was asked, as JSON
}

func (l *pagedService) call(input *document.Object) (*document.Object, error) {
	l.inputs = append(l.inputs, string(document.AppendCompact(nil, input)))
	token, _ := input.Get("NextToken")
	key, _ := token.(string)
	text, ok := l.replies[key]
	if !ok {
		return nil, fmt.Errorf("no page at %v", token)
	}
	reply, err := document.Parse(text)
	if err != nil {
		return nil, err
	}
	return reply.(*document.Object), nil
}

// all runs a pager to its end and returns its result as JSON.
func (l *pagedService) all(p pageOptions) (string, error) {
	input := document.NewObject(document.Member{Key: "AccountId", Value: "a"})
	reply, err := (&listing{model: usersPaginator, options: p, call: l.call, input: input}).all()
	if err != nil {
		return "", err
	}
	return string(document.AppendCompact(nil, reply)), nil
}

func pointer[T any](v T) *T { return &v }

// startAt is the value of --starting-token.
func startAt(token string) pageOptions { return pageOptions{start: token, started: true} }

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestListing(t *testing.T) {
	three := map[string]string{
		"":   `{"Other": 1, "Users": [1, 2], "NextToken": "t1"}`,
		"t1": `{"Users": [], "NextToken": "t2"}`,
		"t2": `{"Users": [3, 4]}`,
		"t3": `{"Users": [9], "NextToken": ""}`,
	}
	max := func(n int) pageOptions { return pageOptions{maxItems: &n} }
	for _, tt := range []struct {
		name        string
		replies     map[string]string
		pageOptions pageOptions
		want        string
		inputs      []string
	}{
		{"all pages", three, pageOptions{}, `{"Users": [1, 2, 3, 4]}`, []string{
			`{"AccountId": "a"}`, `{"AccountId": "a", "NextToken": "t1"}`, `{"AccountId": "a", "NextToken": "t2"}`,
		}},
		{"nothing there", map[string]string{"": `{}`}, pageOptions{}, `{}`, nil},
		{"an empty page", map[string]string{"": `{"Users": []}`}, pageOptions{}, `{"Users": []}`, nil},
		{"a page without items", map[string]string{"": `{"NextToken": "t"}`, "t": `{"Users": [1]}`}, pageOptions{}, `{"Users": [1]}`, nil},
		{"a page size", three, pageOptions{pageSize: document.Number("7")}, `{"Users": [1, 2, 3, 4]}`, []string{
			`{"AccountId": "a", "MaxResults": 7}`, `{"AccountId": "a", "MaxResults": 7, "NextToken": "t1"}`, `{"AccountId": "a", "MaxResults": 7, "NextToken": "t2"}`,
		}},
		{"an empty token ends", three, startAt("t3"), `{"Users": [9]}`, []string{`{"AccountId": "a", "NextToken": "t3"}`}},

		{"stop within a page", three, max(1), `{"Users": [1], "NextToken": "` + encoded(`{"NextToken": null, "boto_truncate_amount": 1}`) + `"}`,
			[]string{`{"AccountId": "a"}`}},
		{"stop at the end of a page", three, max(2), `{"Users": [1, 2], "NextToken": "` + encoded(`{"NextToken": "t1"}`) + `"}`,
			[]string{`{"AccountId": "a"}`}},
		{"stop within a later page", three, max(3), `{"Users": [1, 2, 3], "NextToken": "` + encoded(`{"NextToken": "t2", "boto_truncate_amount": 1}`) + `"}`, nil},
		{"stop at the end", three, max(4), `{"Users": [1, 2, 3, 4]}`, nil},
		{"more than there is", three, max(100), `{"Users": [1, 2, 3, 4]}`, nil},

		{"go on within the first page", three, startAt(encoded(`{"NextToken": null, "boto_truncate_amount": 1}`)), `{"Users": [2, 3, 4]}`, []string{
			`{"AccountId": "a"}`, `{"AccountId": "a", "NextToken": "t1"}`, `{"AccountId": "a", "NextToken": "t2"}`,
		}},
		{"go on at a page", three, startAt(encoded(`{"NextToken": "t2"}`)), `{"Users": [3, 4]}`, []string{`{"AccountId": "a", "NextToken": "t2"}`}},
		{"go on at the service's own token", three, startAt("t2"), `{"Users": [3, 4]}`, nil},
		{"go on by a token of old releases", three, startAt("t2___1"), `{"Users": [4]}`, nil},
		{"go on at the start by such a token", three, startAt("None___1"), `{"Users": [2, 3, 4]}`, []string{
			`{"AccountId": "a"}`, `{"AccountId": "a", "NextToken": "t1"}`, `{"AccountId": "a", "NextToken": "t2"}`,
		}},
		{"an underscore token that is the service's", map[string]string{"a___b": `{"Users": [5]}`}, startAt("a___b"), `{"Users": [5]}`, nil},
		{"go on and stop", three, pageOptions{start: "t2", started: true, maxItems: pointer(1)},
			`{"Users": [3], "NextToken": "` + encoded(`{"NextToken": "t2", "boto_truncate_amount": 1}`) + `"}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			service := &pagedService{replies: tt.replies}
			got, err := service.all(tt.pageOptions)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if tt.inputs != nil && !slices.Equal(service.inputs, tt.inputs) {
				t.Errorf("asked\n %s\nwant\n %s", strings.Join(service.inputs, "\n "), strings.Join(tt.inputs, "\n "))
			}
		})
	}
}

func TestListing_errors(t *testing.T) {
	for _, tt := range []struct {
		name        string
		replies     map[string]string
		pageOptions pageOptions
		want        string
	}{
		{"a circle", map[string]string{"": `{"NextToken": "t"}`, "t": `{"NextToken": "t"}`}, pageOptions{},
			"Error during pagination: The same next token was received twice: {'NextToken': 't'}"},
		{"two amounts", nil, startAt("a___b___2"), "Bad starting token: a___b___2"},
		{"a failing call", map[string]string{"": `{"NextToken": "gone"}`}, pageOptions{}, "no page at gone"},
	} {
		got, err := (&pagedService{replies: tt.replies}).all(tt.pageOptions)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %s, %v, want the error %s", tt.name, got, err, tt.want)
		}
	}
}

// Whatever the pages are like: going on from each NextToken that --max-items left shows every
// item once, in order, and ends.
func TestListing_resumes(t *testing.T) {
	for _, sizes := range [][]int{{5}, {0, 3}, {1, 1, 1}, {2, 0, 0, 3}, {3, 4, 1}, {0}} {
		replies := map[string]string{}
		var items []string
		for i, size := range sizes {
			var page []string
			for range size {
				item := fmt.Sprint(len(items))
				page, items = append(page, item), append(items, item)
			}
			key, next := "", ""
			if i > 0 {
				key = fmt.Sprintf("t%d", i)
			}
			if i < len(sizes)-1 {
				next = fmt.Sprintf(`, "NextToken": "t%d"`, i+1)
			}
			replies[key] = fmt.Sprintf(`{"Users": [%s]%s}`, strings.Join(page, ", "), next)
		}
		for most := 1; most <= 4; most++ {
			var got []string
			p := pageOptions{maxItems: &most}
			for round := 0; ; round++ {
				if round > len(items)+1 {
					t.Fatalf("pages of %v, %d at a time: no end", sizes, most)
				}
				pages := &listing{model: usersPaginator, options: p, call: (&pagedService{replies: replies}).call, input: document.NewObject()}
				reply, err := pages.all()
				if err != nil {
					t.Fatal(err)
				}
				users, _ := reply.Get("Users")
				list, _ := users.([]any)
				if len(list) > most {
					t.Errorf("pages of %v: got %d items, want at most %d", sizes, len(list), most)
				}
				for _, item := range list {
					got = append(got, document.Spell(item))
				}
				token, more := reply.Get("NextToken")
				if !more {
					break
				}
				p.start, p.started = token.(string), true
			}
			if !slices.Equal(got, items) {
				t.Errorf("pages of %v, %d at a time: got %v, want %v", sizes, most, got, items)
			}
		}
	}
}
