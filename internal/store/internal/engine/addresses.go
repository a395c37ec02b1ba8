package engine

import (
	"cmp"
	"slices"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/store"
)

// Statements is what a migration runs its statements on: a transaction that is committed
// afterwards. The methods are those of [Conn].
type Statements interface {
	Query(query string, scan func(Row) error, args ...any) error
	Exec(statement string, args ...any) (int64, error)
}

// setKeys gives users and domains the keys of package address. Older releases compared addresses
// and domains in lower case only, so that several users, or claims, can turn out to be the same.
// One of them gets the key. The others stay, and lose nothing but that they are found by it.
func setKeys(s Statements, found *store.Upgraded) error {
	claimed, err := setDomainKeys(s, found)
	if err != nil {
		return err
	}
	changed := make(map[string][]*holder) // by the key that they should have
	moving := make(map[[2]string]bool)    // by ids of account and user
	err = s.Query(`SELECT account_id, entry, user_id, email, email_key, registration FROM users ORDER BY account_id, entry`,
		func(row Row) error {
			var h holder
			var email, registration string
			if err := row.Scan(&h.accountID, &h.entry, &h.userID, &email, &h.key, &registration); err != nil {
				return err
			}
			h.registered = registration != store.Unregistered
			a, failure := address.Parse(email)
			key := a.Key
			if failure != nil {
				found.Unfit = append(found.Unfit, h.user())
				key = address.Key(email)
			}
			if key == h.key {
				return nil
			}
			found.Users++
			h.right = key
			changed[key] = append(changed[key], &h)
			moving[[2]string{h.accountID, h.userID}] = true
			if owner := claimed[a.Domain]; owner != "" && owner != h.accountID {
				found.Claimed = append(found.Claimed, h.user())
			}
			return nil
		})
	if err != nil {
		return err
	}
	var all []*holder
	for key, holders := range changed {
		err := s.Query(`SELECT u.account_id, u.entry, u.user_id, e.registered FROM emails AS e
			JOIN users AS u ON u.account_id = e.account_id AND u.user_id = e.user_id WHERE e.email_key = $1`,
			func(row Row) error {
				h := holder{key: key, right: key}
				if err := row.Scan(&h.accountID, &h.entry, &h.userID, &h.registered); err != nil {
					return err
				}
				if !moving[[2]string{h.accountID, h.userID}] {
					holders = append(holders, &h)
				}
				return nil
			}, key)
		if err != nil {
			return err
		}
		contend(holders)
		all = append(all, holders...)
	}
	slices.SortFunc(all, func(a, b *holder) int {
		return cmp.Or(cmp.Compare(a.accountID, b.accountID), cmp.Compare(a.entry, b.entry))
	})
	for _, h := range all {
		if !h.won {
			found.Doubled = append(found.Doubled, h.user())
		}
	}
	return moveKeys(s, all)
}

// holder is a user whose key is to change, or who has a key that another needs.
type holder struct {
	accountID  string
	entry      store.Entry
	userID     string
	key        string // as it is
	right      string // the one of the address
	registered bool
	won        bool // gets the right key
}

func (h *holder) user() store.UserName {
	return store.UserName{AccountID: h.accountID, UserID: h.userID}
}

// spare is a key that is free, and that nobody asks for: no address has a blank in it.
func (h *holder) spare() string { return h.right + " " + h.accountID + " " + h.userID }

// contend decides who of the holders of one address has its key: one in each account, of whom one
// is registered. A member goes before an invited user, then who has the key, then the oldest.
func contend(holders []*holder) {
	slices.SortFunc(holders, func(a, b *holder) int {
		return cmp.Or(-compareBool(a.registered, b.registered), -compareBool(a.key == a.right, b.key == b.right),
			cmp.Compare(a.entry, b.entry), cmp.Compare(a.accountID, b.accountID))
	})
	accounts := make(map[string]bool)
	for i, h := range holders {
		if accounts[h.accountID] || h.registered && i > 0 {
			continue
		}
		accounts[h.accountID] = true
		h.won = true
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// moveKeys writes what was decided. All give up their keys first, since one may need another's.
func moveKeys(s Statements, holders []*holder) error {
	holders = slices.DeleteFunc(holders, func(h *holder) bool { return h.won && h.key == h.right })
	for _, h := range holders {
		if _, err := s.Exec(`DELETE FROM emails WHERE email_key = $1 AND account_id = $2`, h.key, h.accountID); err != nil {
			return err
		}
		if _, err := s.Exec(`UPDATE users SET email_key = $1 WHERE account_id = $2 AND entry = $3`,
			h.spare(), h.accountID, h.entry); err != nil {
			return err
		}
	}
	for _, h := range holders {
		key := h.spare()
		if h.won {
			key = h.right
		}
		if _, err := s.Exec(`UPDATE users SET email_key = $1 WHERE account_id = $2 AND entry = $3`,
			key, h.accountID, h.entry); err != nil {
			return err
		}
		if _, err := s.Exec(`INSERT INTO emails (email_key, account_id, user_id, registered) VALUES ($1, $2, $3, $4)`,
			key, h.accountID, h.userID, h.registered); err != nil {
			return err
		}
	}
	return nil
}

// setDomainKeys gives claims their keys, and returns who has claimed what. Of two claims on one
// domain that with the key is kept, or else the older one.
func setDomainKeys(s Statements, found *store.Upgraded) (owners map[string]string, err error) {
	claims := make(map[string][]store.Domain) // by key
	err = s.Query(`SELECT `+DomainColumns+` FROM domains`, func(row Row) error {
		d, err := ScanDomain(row)
		if err != nil {
			return err
		}
		key, unfit := address.Domain(d.Name)
		if unfit != nil {
			found.Domains = append(found.Domains, d)
			return nil
		}
		claims[key] = append(claims[key], d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	owners = make(map[string]string)
	for key, doubled := range claims {
		slices.SortFunc(doubled, func(a, b store.Domain) int {
			return cmp.Or(-compareBool(a.Name == key, b.Name == key), a.Claimed.Compare(b.Claimed), cmp.Compare(a.Name, b.Name))
		})
		owners[key] = doubled[0].AccountID
		found.Domains = append(found.Domains, doubled[1:]...)
		if doubled[0].Name == key {
			continue
		}
		if _, err := s.Exec(`UPDATE domains SET name = $1 WHERE name = $2`, key, doubled[0].Name); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(found.Domains, func(a, b store.Domain) int { return cmp.Compare(a.Name, b.Name) })
	return owners, nil
}
