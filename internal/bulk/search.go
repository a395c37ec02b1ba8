package bulk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/sheet"
)

// NamedAccount is an account as people know it.
type NamedAccount struct {
	ID   string
	Name string // empty if it is not known
	Type string // the same: "Team", "EnterpriseLWA"
}

// String returns the name and the id, for messages: "Acme (01890a5d-...)".
func (n NamedAccount) String() string {
	if n.Name == "" {
		return sheet.Visible(n.ID)
	}
	return fmt.Sprintf("%s (%s)", sheet.Visible(n.Name), sheet.Visible(n.ID))
}

// Search finds the account that a person means among those that it is shown: the one with the id,
// else the one with the name, else the one whose name differs in case alone. An empty word means
// the only account that there is.
type Search struct {
	word               string
	byID, exact, alike matches
	all                matches
	names              []string // of all
}

// NewSearch begins a search for a word that a person has typed.
func NewSearch(word string) *Search { return &Search{word: word} }

// IsAccountID reports whether a word has the form of the ids that the service makes. Such a word is
// never taken for a name.
func IsAccountID(word string) bool { return len(word) == 36 && uuid.Validate(word) == nil }

// matches are accounts that may be meant, of which the first few are kept.
type matches struct {
	count int
	some  []NamedAccount
}

func (m *matches) add(n NamedAccount) {
	const most = 10
	if m.count++; len(m.some) < most {
		m.some = append(m.some, n)
	}
}

func (m *matches) String() string {
	texts := make([]string, len(m.some))
	for i, n := range m.some {
		texts[i] = n.String()
	}
	if rest := m.count - len(m.some); rest > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(texts, ", ")
}

// See shows an account to the search.
func (s *Search) See(n NamedAccount) {
	s.all.add(n)
	switch {
	case s.word == "":
		return
	case n.ID == s.word:
		s.byID.add(n)
	case n.Name == s.word:
		s.exact.add(n)
	case strings.EqualFold(norm.NFC.String(n.Name), norm.NFC.String(s.word)):
		s.alike.add(n)
	}
	s.names = append(s.names, n.Name)
}

// Found returns the account after all have been seen. If it is not clear which one is meant, the
// error is an [*InputError] that names those that may be.
func (s *Search) Found() (NamedAccount, error) {
	list := []*matches{&s.byID, &s.exact, &s.alike}
	if s.word == "" {
		list = []*matches{&s.all}
	}
	for _, m := range list {
		switch {
		case m.count == 1:
			return m.some[0], nil
		case m.count > 1 && s.word == "":
			return NamedAccount{}, badInput("", 0, "there are %d accounts: %v", m.count, m)
		case m.count > 1:
			return NamedAccount{}, badInput("", 0, "%d accounts have the name %.100q, give the id of one: %v", m.count, s.word, m)
		}
	}
	if s.all.count == 0 {
		return NamedAccount{}, badInput("", 0, "there is no account, or none that you can see")
	}
	problem := fmt.Sprintf("no account has the id or the name %.100q", s.word)
	if near := didYouMean(s.word, s.names, `"`); near != "" {
		return NamedAccount{}, badInput("", 0, "%s%s", problem, sheet.Visible(near))
	}
	return NamedAccount{}, badInput("", 0, "%s; there are %v", problem, &s.all)
}

// Find makes the account that a person means the one of all calls; see [Search]. A word with the
// form of an id needs no listing.
func (a *Account) Find(ctx context.Context, word string) error {
	if IsAccountID(word) {
		a.config.Account = word
		_, err := a.describe(ctx)
		if refusal, ok := errors.AsType[*client.ServiceError](err); ok && refusal.Status == http.StatusForbidden {
			return nil // who may change its users need not be allowed to read an account
		}
		return err
	}
	search := NewSearch(word)
	input := document.NewObject(document.Member{Key: "MaxResults", Value: document.Int(AccountPage)})
	err := a.pages(ctx, "ListAccounts", "Accounts", "the accounts", input, func(o *document.Object) error {
		search.See(NamedAccount{ID: o.Text("AccountId"), Name: o.Text("Name")})
		return nil
	})
	if err != nil {
		return err
	}
	found, err := search.Found()
	if err == nil {
		a.config.Account, a.name = found.ID, found.Name
	}
	return err
}

// AccountPage is the largest page of accounts that every service returns.
const AccountPage = 100

// String returns the account for messages.
func (a *Account) String() string { return NamedAccount{ID: a.config.Account, Name: a.name}.String() }
