package engine

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/e164"
	"github.com/carillon-project/carillon/internal/store"
)

// caller is a user with a telephone number.
type caller struct {
	accountID string
	entry     store.Entry
	userID    string
	number    string // as it was imported: with or without a plus sign
	product   string
	owner     string // the AWS account of the account
	key       int64
}

// giveNumbers makes numbers of AWS accounts out of the numbers of users that an earlier release
// imported, which nothing kept from being given to somebody else. Nobody knows more of them than
// what the digits tell. If several users have one number, the first user keeps it.
func giveNumbers(s Statements, found *store.Upgraded) error {
	callers, err := readCallers(s)
	if err != nil || len(callers) == 0 {
		return err
	}
	pool := make(map[int64]string) // owners
	if err := s.Query(`SELECT number, aws_account_id FROM number_pool`, func(row Row) error {
		var key int64
		var owner string
		err := row.Scan(&key, &owner)
		pool[key] = owner
		return err
	}); err != nil {
		return err
	}
	kept := make(map[int64]store.PhoneNumber)
	last := make(map[string]store.Entry) // by AWS account
	if err := s.Query(`SELECT `+phoneNumberColumns+` FROM phone_numbers`, func(row Row) error {
		n, err := scanPhoneNumber(row)
		key, _ := numberKey(n.Number)
		kept[key] = n
		last[n.AWSAccountID] = max(last[n.AWSAccountID], n.Entry)
		return err
	}); err != nil {
		return err
	}

	var added []caller
	for _, c := range callers {
		n, exists := kept[c.key]
		switch {
		case exists && n.AccountID == c.accountID && n.UserID == c.userID: // as it should be
		case exists && n.AWSAccountID == c.owner && n.Status == "Unassigned":
			if _, err := s.Exec(`UPDATE phone_numbers SET status = 'Assigned', account_id = $1, user_id = $2
				WHERE aws_account_id = $3 AND entry = $4`, c.accountID, c.userID, n.AWSAccountID, n.Entry); err != nil {
				return err
			}
			n.Status, n.AccountID, n.UserID = "Assigned", c.accountID, c.userID
			kept[c.key] = n
			found.Numbers++
		case exists || pool[c.key] != "":
			found.NumberTaken = append(found.NumberTaken, store.UserName{AccountID: c.accountID, UserID: c.userID})
			if _, err := s.Exec(`UPDATE users SET phone_number = '', phone_product_type = '', inbound_calling = FALSE,
				outbound_calling = FALSE, sms = FALSE WHERE account_id = $1 AND entry = $2`, c.accountID, c.entry); err != nil {
				return err
			}
			continue
		default:
			added = append(added, c)
			pool[c.key] = c.owner
			found.Numbers++
		}
		if plain := "+" + strconv.FormatInt(c.key, 10); plain != c.number {
			if _, err := s.Exec(`UPDATE users SET phone_number = $1 WHERE account_id = $2 AND entry = $3`, plain, c.accountID, c.entry); err != nil {
				return err
			}
		}
	}
	for some := range slices.Chunk(added, numberRows) {
		if err := addNumbers(s, some, last); err != nil {
			return err
		}
	}
	slices.SortFunc(found.NumberTaken, func(a, b store.UserName) int {
		return cmp.Or(cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.UserID, b.UserID))
	})
	return nil
}

// readCallers returns the users with telephone numbers, in the order of their entry.
func readCallers(s Statements) (callers []caller, err error) {
	owners := make(map[string]string)
	if err := s.Query(`SELECT account_id, aws_account_id FROM account_owners`, func(row Row) error {
		var account, owner string
		err := row.Scan(&account, &owner)
		owners[account] = owner
		return err
	}); err != nil {
		return nil, err
	}
	err = s.Query(`SELECT account_id, entry, user_id, phone_number, phone_product_type FROM users WHERE phone_number <> ''`,
		func(row Row) error {
			var c caller
			if err := row.Scan(&c.accountID, &c.entry, &c.userID, &c.number, &c.product); err != nil {
				return err
			}
			key, ok := numberKey("+" + strings.TrimPrefix(c.number, "+"))
			if !ok { // no import has let such a number in
				return nil
			}
			c.key, c.owner = key, owners[c.accountID]
			callers = append(callers, c)
			return nil
		})
	slices.SortFunc(callers, func(a, b caller) int {
		return cmp.Or(cmp.Compare(a.entry, b.entry), cmp.Compare(a.accountID, b.accountID))
	})
	return callers, err
}

// addNumbers adds the numbers of users, after the last entries of their AWS accounts.
func addNumbers(s Statements, callers []caller, last map[string]store.Entry) error {
	all := CapabilityBits(store.Capabilities{InboundCall: true, OutboundCall: true, InboundSMS: true, OutboundSMS: true, InboundMMS: true, OutboundMMS: true})
	var pool, numbers []any
	for _, c := range callers {
		number := "+" + strconv.FormatInt(c.key, 10)
		country, kind := e164.Country(number), e164.Type(number)
		last[c.owner]++
		pool = append(pool, c.key, c.owner, country, kind, "", "", e164.AreaCode(number), all, false)
		numbers = append(numbers, c.owner, last[c.owner], c.key, country, kind, all, 0, "", cmp.Or(c.product, "BusinessCalling"), "Assigned",
			c.accountID, c.userID, 0, "", "Unassigned", 0, 0)
	}
	// The pool may have a number already, that nobody owned.
	if _, err := s.Exec(InsertText("number_pool", poolColumns, len(callers), 9)+
		` ON CONFLICT (number) DO UPDATE SET aws_account_id = excluded.aws_account_id`, pool...); err != nil {
		return err
	}
	_, err := s.Exec(InsertText("phone_numbers", phoneNumberColumns, len(callers), 17), numbers...)
	return err
}
