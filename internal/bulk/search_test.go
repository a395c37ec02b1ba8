package bulk_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/bulk"
)

func TestSearch(t *testing.T) {
	acme, beta, upper := bulk.NamedAccount{ID: "1", Name: "Acme"}, bulk.NamedAccount{ID: "2", Name: "Beta"}, bulk.NamedAccount{ID: "3", Name: "ACME"}
	zurich := bulk.NamedAccount{ID: "4", Name: "Zürich"}
	evil := bulk.NamedAccount{ID: "5", Name: "Gam\nma"}
	twelve := []bulk.NamedAccount{}
	for i := range 12 {
		twelve = append(twelve, bulk.NamedAccount{ID: fmt.Sprint(i), Name: "N"})
	}
	list := func(from, to int) string {
		texts := []string{}
		for i := from; i < to; i++ {
			texts = append(texts, fmt.Sprintf("N (%d)", i))
		}
		return strings.Join(texts, ", ")
	}
	for _, tt := range []struct {
		word     string
		accounts []bulk.NamedAccount
		want     string // the id, or the error
	}{
		{"", []bulk.NamedAccount{acme}, "1"},
		{"", nil, "there is no account, or none that you can see"},
		{"Acme", nil, "there is no account, or none that you can see"},
		{"", []bulk.NamedAccount{acme, beta}, "there are 2 accounts: Acme (1), Beta (2)"},
		{"", twelve, "there are 12 accounts: " + list(0, 10) + ", and 2 more"},
		{"N", twelve, `12 accounts have the name "N", give the id of one: ` + list(0, 10) + ", and 2 more"},
		{"Acme", []bulk.NamedAccount{upper, beta, acme}, "1"},
		{"acme", []bulk.NamedAccount{beta, acme}, "1"},
		{"acme", []bulk.NamedAccount{upper, acme}, `2 accounts have the name "acme", give the id of one: ACME (3), Acme (1)`},
		{"2", []bulk.NamedAccount{{ID: "9", Name: "2"}, beta}, "2"}, // ids come first
		{"zu\u0308rich", []bulk.NamedAccount{acme, zurich}, "4"},
		{"Acm", []bulk.NamedAccount{beta, acme}, `no account has the id or the name "Acm" (did you mean "Acme"?)`},
		{"elsewhere", []bulk.NamedAccount{acme, beta}, `no account has the id or the name "elsewhere"; there are Acme (1), Beta (2)`},
		{"Gamma", []bulk.NamedAccount{acme, evil}, `no account has the id or the name "Gamma" (did you mean "Gam\nma"?)`},
	} {
		search := bulk.NewSearch(tt.word)
		for _, a := range tt.accounts {
			search.See(a)
		}
		found, err := search.Found()
		got := found.ID
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.word, got, tt.want)
		}
	}
}

func TestIsAccountID(t *testing.T) {
	for word, want := range map[string]bool{
		account: true, "01890A5D-ac96-774b-bcce-b302099a8057": true,
		"": false, "Acme": false, "01890a5dac96774bbcceb302099a8057": false, "{01890a5d-ac96-774b-bcce-b302099a805}": false,
	} {
		if got := bulk.IsAccountID(word); got != want {
			t.Errorf("%q: got %v, want %v", word, got, want)
		}
	}
}
