package storetest

import (
	"fmt"
	"testing"

	"github.com/carillon-project/carillon/internal/store"
)

// RunUserNumbers tests the upgrade of a database from a release that imported the telephone numbers
// of users, and kept no other record of them. old is that of [RunAddresses].
func RunUserNumbers(t *testing.T, old func(*testing.T) (exec func(sql string), open func() (store.Store, store.Upgraded))) {
	exec, open := old(t)
	for account, owner := range map[string]string{"a1": awsA, "a2": awsA, "b1": awsB} {
		exec(fmt.Sprintf(`INSERT INTO account_owners (account_id, aws_account_id) VALUES ('%s', '%s')`, account, owner))
	}
	insertUser := func(account string, entry int, id, number, product string) {
		t.Helper()
		exec(fmt.Sprintf(`INSERT INTO users (account_id, entry, user_id, email_key, email, display_name, license, type, registration,
			registered_on, invitation, invite_id, invited_on, alexa_enabled, alexa_arn, personal_pin, phone_number, phone_product_type,
			inbound_calling, outbound_calling, sms)
			VALUES ('%s', %d, '%s', '%[3]s@example.com', '%[3]s@example.com', '', 'Pro', 'PrivateUser', 'Registered', 0, '', '', 0, FALSE, '', '',
			'%s', '%s', TRUE, TRUE, TRUE)`, account, entry, id, number, product))
	}
	insertUser("a1", 10, "none", "", "")
	insertUser("a1", 30, "late", "+12065550100", "BusinessCalling")
	insertUser("a2", 20, "early", "12065550100", "BusinessCalling") // the same number in another spelling
	insertUser("a1", 40, "free", "+18005550101", "")
	insertUser("a2", 50, "german", "+49301234567", "VoiceConnector")
	insertUser("b1", 60, "foreign", "+49301234567", "VoiceConnector")
	insertUser("b1", 70, "nowhere", "+7000000", "BusinessCalling")
	many := map[string]string{} // more than go into one statement
	for i := range 120 {
		id := fmt.Sprintf("many%03d", i)
		many[id] = fmt.Sprintf("+1787555%04d", i)
		insertUser("b1", 100+i, id, many[id], "BusinessCalling")
	}

	s, found := open()
	same(t, "what the upgrade found", found, store.Upgraded{
		Numbers:     124,
		NumberTaken: []store.UserName{{AccountID: "a1", UserID: "late"}, {AccountID: "b1", UserID: "foreign"}},
	})
	s.Close()
	s, found = open()
	defer s.Close()
	same(t, "what the next start found", found, store.Upgraded{})

	view := func(fn func(store.ReadTx) error) {
		t.Helper()
		if err := s.View(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	all := store.Capabilities{InboundCall: true, OutboundCall: true, InboundSMS: true, OutboundSMS: true, InboundMMS: true, OutboundMMS: true}
	held := func(owner, number, country, kind, product, account, user string) store.PhoneNumber {
		return store.PhoneNumber{AWSAccountID: owner, Number: number, Country: country, Type: kind, Capabilities: all, ProductType: product,
			Status: "Assigned", AccountID: account, UserID: user, CallingNameStatus: "Unassigned"}
	}
	want := []store.PhoneNumber{
		held(awsA, "+12065550100", "US", "Local", "BusinessCalling", "a2", "early"),
		held(awsA, "+18005550101", "US", "TollFree", "BusinessCalling", "a1", "free"),
		held(awsA, "+49301234567", "DE", "Local", "VoiceConnector", "a2", "german"),
		held(awsB, "+7000000", "", "Local", "BusinessCalling", "b1", "nowhere"),
	}
	for i := range 120 {
		id := fmt.Sprintf("many%03d", i)
		want = append(want, held(awsB, many[id], "PR", "Local", "BusinessCalling", "b1", id))
	}
	var got []store.PhoneNumber
	for _, owner := range []string{awsA, awsB} {
		view(func(r store.ReadTx) error {
			numbers, next, err := r.ListPhoneNumbers(owner, store.PhoneNumberFilter{}, 0, 200)
			if next != 0 {
				t.Errorf("numbers of %s go on after %d", owner, next)
			}
			for _, n := range numbers {
				n.Entry = 0
				got = append(got, n)
			}
			return err
		})
	}
	same(t, "numbers", got, want)
	for _, n := range want {
		pool := store.PoolNumber{Number: n.Number, Owner: n.AWSAccountID, Country: n.Country, Type: n.Type, Capabilities: all}
		if n.Country == "US" || n.Country == "PR" {
			pool.AreaCode = n.Number[2:5]
		}
		view(func(r store.ReadTx) error {
			got, err := r.PoolNumbers([]string{n.Number})
			same(t, "in the pool", got, []store.PoolNumber{pool})
			return err
		})
		view(func(r store.ReadTx) error {
			users, err := r.Users(n.AccountID, []string{n.UserID})
			if err == nil {
				same(t, "number of "+n.UserID, users[0].PhoneNumber, n.Number)
				same(t, "calls of "+n.UserID, users[0].InboundCalling, true)
			}
			return err
		})
	}
	for _, name := range []store.UserName{{AccountID: "a1", UserID: "late"}, {AccountID: "b1", UserID: "foreign"}} {
		view(func(r store.ReadTx) error {
			users, err := r.Users(name.AccountID, []string{name.UserID})
			if err == nil {
				u := users[0]
				same(t, "what is left to "+name.UserID, []any{u.PhoneNumber, u.PhoneProductType, u.InboundCalling, u.OutboundCalling, u.SMS},
					[]any{"", "", false, false, false})
			}
			return err
		})
	}

	// A number that is ordered later comes after those.
	Update(t, s, func(tx store.Tx) error {
		return tx.InsertPhoneNumbers([]store.PhoneNumber{{AWSAccountID: awsA, Number: "+12065550109"}})
	})
	view(func(r store.ReadTx) error {
		numbers, _, err := r.ListPhoneNumbers(awsA, store.PhoneNumberFilter{}, 0, 200)
		same(t, "the last number", numbers[len(numbers)-1].Number, "+12065550109")
		return err
	})
}
