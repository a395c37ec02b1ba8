package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// pooled is a number of the pool that nobody owns.
func pooled(number string) store.PoolNumber {
	return store.PoolNumber{
		Number: number, Country: "US", Type: "Local", City: "Seattle", State: "WA", AreaCode: "206",
		Capabilities: store.Capabilities{InboundCall: true, OutboundCall: true},
	}
}

func phoneNumber(awsAccountID, number string) store.PhoneNumber {
	return store.PhoneNumber{
		AWSAccountID: awsAccountID, Number: number, Country: "US", Type: "Local",
		Capabilities: store.Capabilities{InboundSMS: true, OutboundMMS: true},
		Created:      time.Date(2026, 3, 1, 11, 0, 0, 7e6, time.UTC), Updated: time.Date(2026, 3, 1, 11, 30, 0, 0, time.UTC),
		OrderID: "order of " + number, ProductType: "BusinessCalling", Status: "Unassigned", CallingNameStatus: "Unassigned",
	}
}

func order(awsAccountID, id string, numbers ...string) store.PhoneNumberOrder {
	o := store.PhoneNumberOrder{
		AWSAccountID: awsAccountID, OrderID: id, ProductType: "VoiceConnector", Status: "Processing",
		Created: time.Date(2026, 3, 1, 11, 0, 0, 7e6, time.UTC), Updated: time.Date(2026, 3, 1, 11, 30, 0, 0, time.UTC),
	}
	for _, n := range numbers {
		o.Numbers = append(o.Numbers, store.OrderedNumber{Number: n, Status: "Processing"})
	}
	return o
}

func (f *fixture) putPool(numbers ...store.PoolNumber) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.PutPoolNumbers(numbers) })
}

func (f *fixture) insertNumbers(numbers ...store.PhoneNumber) []store.PhoneNumber {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.InsertPhoneNumbers(numbers) })
	return numbers
}

func testNumberPool(t *testing.T, f *fixture) {
	full := store.PoolNumber{
		Number: "+442079460000", Owner: awsA, Country: "GB", Type: "TollFree", City: "London", State: "LND", AreaCode: "20",
		Capabilities: store.Capabilities{InboundMMS: true, OutboundSMS: true}, Failing: true,
	}
	first, second := pooled("+12065550100"), pooled("+12065550101")
	second.City, second.State, second.AreaCode, second.Type = "", "", "", "TollFree"
	long := pooled("+123456789012345")
	f.putPool(full, second, long, first)
	check := func(numbers []string, want ...store.PoolNumber) {
		t.Helper()
		f.view(func(r store.ReadTx) error {
			got, err := r.PoolNumbers(numbers)
			same(t, fmt.Sprint("PoolNumbers of ", numbers), got, want)
			return err
		})
	}
	all := []string{full.Number, "12065550100", first.Number, first.Number, second.Number, "+0", "+", "", "+12065550102",
		"+1234567890123456", "+1206555010O", long.Number}
	check(all, first, second, full, long)
	first.Owner, first.Failing, first.Capabilities, first.City = awsB, true, store.Capabilities{}, "Tacoma"
	f.putPool(first)
	check(all, first, second, full, long)
	f.update(func(tx store.Tx) error {
		return tx.DeletePoolNumbers([]string{full.Number, "+12065550102", "x"})
	})
	check(all, first, second, long)
	bad := pooled("12065550100")
	if err := f.Update(t.Context(), func(tx store.Tx) error { return tx.PutPoolNumbers([]store.PoolNumber{bad}) }); err == nil {
		t.Error("PutPoolNumbers of a number without a plus sign: got no error")
	}

	// More than a statement holds, in another order than that of the listing.
	var many, want []store.PoolNumber
	for i := range 120 {
		n := pooled(fmt.Sprintf("+1206556%04d", (i*7)%120))
		if i%3 == 0 {
			n.Owner = awsA
		}
		many = append(many, n)
	}
	f.putPool(many...)
	want = slices.SortedFunc(slices.Values(many), func(a, b store.PoolNumber) int {
		if a.Number < b.Number {
			return -1
		}
		return 1
	})
	list := func(filter store.PoolFilter, limit int) (all []store.PoolNumber) {
		t.Helper()
		for after, more := store.Entry(0), true; more; {
			f.view(func(r store.ReadTx) error {
				page, next, err := r.ListPool(filter, after, limit)
				if len(page) > limit {
					t.Errorf("a page of %d numbers, want %d at most", len(page), limit)
				}
				all = append(all, page...)
				more, after = next != 0, next
				return err
			})
		}
		return all
	}
	upper, mixed := pooled("+17195550102"), pooled("+17875550103")
	upper.State, upper.City, mixed.State, mixed.City = "CO", "CAÑON CITY", "PR", "Bayamón"
	f.putPool(upper, mixed)
	want = append(want, upper, mixed)
	everything := slices.Concat([]store.PoolNumber{first, second}, want, []store.PoolNumber{long})
	for _, test := range []struct {
		filter store.PoolFilter
		pass   func(store.PoolNumber) bool
	}{
		{store.PoolFilter{}, func(store.PoolNumber) bool { return true }},
		{store.PoolFilter{Available: true}, func(n store.PoolNumber) bool { return n.Owner == "" }},
		{store.PoolFilter{Owned: true}, func(n store.PoolNumber) bool { return n.Owner != "" }},
		{store.PoolFilter{Owner: awsB}, func(n store.PoolNumber) bool { return n.Owner == awsB }},
		{store.PoolFilter{Available: true, Country: "US", AreaCode: "206"}, func(n store.PoolNumber) bool { return n.Owner == "" && n.AreaCode == "206" }},
		{store.PoolFilter{Country: "US", Type: "TollFree"}, func(n store.PoolNumber) bool { return n.Type == "TollFree" }},
		{store.PoolFilter{Country: "GB"}, func(n store.PoolNumber) bool { return false }},
		{store.PoolFilter{State: "WA", City: "tACOMA"}, func(n store.PoolNumber) bool { return n.City == "Tacoma" }},
		{store.PoolFilter{State: "CO", City: "CAÑON CITY"}, func(n store.PoolNumber) bool { return n.State == "CO" }},
		{store.PoolFilter{State: "CO", City: "Cañon City"}, func(n store.PoolNumber) bool { return n.State == "CO" }},
		{store.PoolFilter{State: "CO", City: "Canon City"}, func(n store.PoolNumber) bool { return false }},
		{store.PoolFilter{State: "PR", City: "BAYAMÓN"}, func(n store.PoolNumber) bool { return n.State == "PR" }},
		{store.PoolFilter{State: "PR", City: "bayamón"}, func(n store.PoolNumber) bool { return n.State == "PR" }},
	} {
		var want []store.PoolNumber
		for _, n := range everything {
			if test.pass(n) {
				want = append(want, n)
			}
		}
		for _, limit := range []int{7, 500} {
			same(t, fmt.Sprintf("ListPool %+v, %d a page", test.filter, limit), list(test.filter, limit), want)
		}
	}
}

func testPhoneNumbers(t *testing.T, f *fixture) {
	full := phoneNumber(awsA, "+12065550101")
	full.Associated, full.Deleted = full.Created.Add(time.Hour), full.Created.Add(2*time.Hour)
	full.AccountID, full.UserID, full.CallingName = "a1", "u1", "Name"
	inserted := f.insertNumbers(phoneNumber(awsA, "+12065550100"), full)
	n, full := inserted[0], inserted[1]
	other := f.insertNumbers(phoneNumber(awsB, "+12065550102"))[0]
	check := func(aws string, want ...store.PhoneNumber) {
		t.Helper()
		f.view(func(r store.ReadTx) error {
			got, err := r.PhoneNumbers(aws, []string{"+12065550102", "+12065550101", "x", "+12065550100", "+12065550100"})
			same(t, "PhoneNumbers of "+aws, got, want)
			return err
		})
	}
	count := func(aws string, want int) {
		t.Helper()
		f.view(func(r store.ReadTx) error {
			got, err := r.CountPhoneNumbers(aws)
			same(t, "CountPhoneNumbers of "+aws, got, want)
			return err
		})
	}
	check(awsA, n, full)
	check(awsB, other)
	check(awsC)
	count(awsA, 1) // one is in the queue
	count(awsC, 0)

	n.ProductType, n.Status, n.AccountID, n.UserID, n.Associated = "VoiceConnector", "Assigned", "a2", "u2", n.Created.Add(time.Minute)
	n.CallingName, n.CallingNameStatus, n.Updated = "Other", "UpdateInProgress", n.Created.Add(3*time.Hour)
	f.update(func(tx store.Tx) error { return tx.UpdatePhoneNumbers([]store.PhoneNumber{n}) })
	check(awsA, n, full)
	n.Deleted = full.Deleted
	full.AccountID, full.UserID, full.Associated, full.CallingName, full.Deleted = "", "", time.Time{}, "", time.Time{}
	f.update(func(tx store.Tx) error { return tx.UpdatePhoneNumbers([]store.PhoneNumber{full, n}) })
	check(awsA, n, full)
	check(awsB, other)
	count(awsA, 1)

	gone := full
	gone.Entry++
	for _, numbers := range [][]store.PhoneNumber{{gone}, {n, gone}} {
		f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.UpdatePhoneNumbers(numbers) })
		f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.DeletePhoneNumbers(numbers) })
	}
	again := phoneNumber(awsA, "+12065550100")
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertPhoneNumbers([]store.PhoneNumber{again}) })
	mixed := []store.PhoneNumber{n, other}
	for name, fn := range map[string]func(store.Tx) error{
		"InsertPhoneNumbers": func(tx store.Tx) error { return tx.InsertPhoneNumbers(mixed) },
		"UpdatePhoneNumbers": func(tx store.Tx) error { return tx.UpdatePhoneNumbers(mixed) },
		"DeletePhoneNumbers": func(tx store.Tx) error { return tx.DeletePhoneNumbers(mixed) },
	} {
		if err := f.Update(t.Context(), fn); err == nil {
			t.Errorf("%s with numbers of two AWS accounts: got no error", name)
		}
	}
	check(awsA, n, full)
	f.update(func(tx store.Tx) error { return tx.DeletePhoneNumbers([]store.PhoneNumber{n}) })
	check(awsA, full)
	check(awsB, other)
}

func testPhoneNumberListing(t *testing.T, f *fixture) {
	var all []store.PhoneNumber
	for i := range 60 { // more than a statement holds
		n := phoneNumber(awsA, fmt.Sprintf("+1206556%04d", (i*7)%60))
		switch i % 4 {
		case 1:
			n.Status, n.AccountID, n.UserID = "Assigned", "a1", fmt.Sprint("u", i)
		case 2:
			n.ProductType = "VoiceConnector"
		}
		all = append(all, n)
	}
	all = f.insertNumbers(all...)
	f.insertNumbers(phoneNumber(awsB, "+12065550102"))
	for _, test := range []struct {
		filter store.PhoneNumberFilter
		pass   func(store.PhoneNumber) bool
	}{
		{store.PhoneNumberFilter{}, func(store.PhoneNumber) bool { return true }},
		{store.PhoneNumberFilter{Status: "Assigned"}, func(n store.PhoneNumber) bool { return n.Status == "Assigned" }},
		{store.PhoneNumberFilter{ProductType: "VoiceConnector"}, func(n store.PhoneNumber) bool { return n.ProductType == "VoiceConnector" }},
		{store.PhoneNumberFilter{AccountID: "a1"}, func(n store.PhoneNumber) bool { return n.AccountID == "a1" }},
		{store.PhoneNumberFilter{UserID: "u5"}, func(n store.PhoneNumber) bool { return n.UserID == "u5" }},
		{store.PhoneNumberFilter{UserID: "u5", Status: "Unassigned"}, func(n store.PhoneNumber) bool { return false }},
	} {
		var want []store.PhoneNumber
		for _, n := range all {
			if test.pass(n) {
				want = append(want, n)
			}
		}
		for _, limit := range []int{1, 7, 99} {
			var got []store.PhoneNumber
			for after, more := store.Entry(0), true; more; {
				f.view(func(r store.ReadTx) error {
					page, next, err := r.ListPhoneNumbers(awsA, test.filter, after, limit)
					if len(page) > limit {
						t.Errorf("a page of %d numbers, want %d at most", len(page), limit)
					}
					got = append(got, page...)
					more, after = next != 0, next
					return err
				})
			}
			same(t, fmt.Sprintf("ListPhoneNumbers %+v, %d a page", test.filter, limit), got, want)
		}
	}
}

func testPhoneNumberOrders(t *testing.T, f *fixture) {
	var all []store.PhoneNumberOrder // the newest first
	for i := range 10 {
		o := order(awsA, fmt.Sprint("o", i), "+12065550100", fmt.Sprint("+1206555020", i))
		other := order(awsB, o.OrderID, "+12065550101")
		f.update(func(tx store.Tx) error {
			if err := tx.InsertPhoneNumberOrder(&other); err != nil {
				return err
			}
			return tx.InsertPhoneNumberOrder(&o)
		})
		all = append([]store.PhoneNumberOrder{o}, all...)
	}
	for _, limit := range []int{1, 3, 10, 99} {
		var got []store.PhoneNumberOrder
		for before, more := store.Entry(0), true; more; {
			f.view(func(r store.ReadTx) error {
				page, next, err := r.ListPhoneNumberOrders(awsA, before, limit)
				if len(page) > limit {
					t.Errorf("a page of %d orders, want %d at most", len(page), limit)
				}
				got = append(got, page...)
				more, before = next != 0, next
				return err
			})
		}
		same(t, fmt.Sprint("ListPhoneNumberOrders, ", limit, " a page"), got, all)
	}
	o := all[3]
	o.Status, o.Updated = "Partial", o.Updated.Add(time.Hour)
	o.Numbers = []store.OrderedNumber{{Number: "+12065550100", Status: "Acquired"}, {Number: "+12065550206", Status: "Failed"}}
	f.update(func(tx store.Tx) error { return tx.UpdatePhoneNumberOrder(o) })
	for _, want := range []store.PhoneNumberOrder{o, all[2]} {
		f.view(func(r store.ReadTx) error {
			got, err := r.PhoneNumberOrder(awsA, want.OrderID)
			same(t, "PhoneNumberOrder", got, want)
			return err
		})
	}
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.PhoneNumberOrder(awsC, "o1"); return err })
	gone := o
	gone.OrderID = "o10"
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.UpdatePhoneNumberOrder(gone) })
	taken := order(awsA, "o1", "+12065550100")
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertPhoneNumberOrder(&taken) })
}

func testPhoneNumberRules(t *testing.T, f *fixture) {
	settings := func(aws string, want store.PhoneNumberSettings) {
		t.Helper()
		f.view(func(r store.ReadTx) error {
			got, err := r.PhoneNumberSettings(aws)
			same(t, "PhoneNumberSettings of "+aws, got, want)
			return err
		})
	}
	settings(awsA, store.PhoneNumberSettings{})
	for _, p := range []store.PhoneNumberSettings{
		{CallingName: "Example", CallingNameUpdated: time.Date(2026, 3, 1, 11, 0, 0, 7e6, time.UTC)},
		{CallingNameUpdated: time.Date(2026, 3, 8, 11, 0, 0, 7e6, time.UTC)},
	} {
		f.update(func(tx store.Tx) error { return tx.PutPhoneNumberSettings(awsA, p) })
		settings(awsA, p)
		settings(awsB, store.PhoneNumberSettings{})
	}

	restrictions := func(aws string, want ...store.PhoneNumberRestriction) {
		t.Helper()
		f.view(func(r store.ReadTx) error {
			got, err := r.PhoneNumberRestrictions(aws)
			same(t, "PhoneNumberRestrictions of "+aws, got, want)
			return err
		})
	}
	restrictions(awsA)
	every, calling := store.PhoneNumberRestriction{AWSAccountID: awsA}, store.PhoneNumberRestriction{AWSAccountID: awsA, ProductType: "BusinessCalling"}
	german := store.PhoneNumberRestriction{AWSAccountID: awsA, Country: "DE"}
	f.update(func(tx store.Tx) error {
		for _, r := range []store.PhoneNumberRestriction{calling, german, every, calling} {
			if err := tx.PutPhoneNumberRestriction(r); err != nil {
				return err
			}
		}
		return nil
	})
	restrictions(awsA, every, german, calling)
	restrictions(awsB)
	f.update(func(tx store.Tx) error { return tx.DeletePhoneNumberRestriction(german) })
	restrictions(awsA, every, calling)
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.DeletePhoneNumberRestriction(german) })
}

// numberTurns are the turns of what reads telephone numbers.
func numberTurns() []turn {
	number := func(round string) string { return "+1206555010" + round }
	owned := func(tx store.Tx, n store.PoolNumber) error { return tx.PutPoolNumbers([]store.PoolNumber{n}) }
	insert := func(tx store.Tx, aws, number string) error {
		return tx.InsertPhoneNumbers([]store.PhoneNumber{phoneNumber(aws, number)})
	}
	return []turn{
		{"PoolNumbers", func(tx store.Tx, round string) (bool, error) {
			found, err := tx.PoolNumbers([]string{number(round)})
			return empty(len(found), err)
		}, func(tx store.Tx, round, _ string) error { return owned(tx, pooled(number(round))) }},
		{"PoolNumbers, many", func(tx store.Tx, round string) (bool, error) {
			wanted := []string{number(round)}
			for i := range 1000 {
				wanted = append(wanted, fmt.Sprint("+1999", i))
			}
			found, err := tx.PoolNumbers(wanted)
			return err == nil && found[0].Owner == "", err
		}, func(tx store.Tx, round, who string) error {
			n := pooled(number(round))
			n.Owner = who
			return owned(tx, n)
		}},
		{"PoolNumbers, given up", func(tx store.Tx, round string) (bool, error) {
			found, err := tx.PoolNumbers([]string{number(round)})
			return len(found) == 1, err
		}, func(tx store.Tx, round, _ string) error { return tx.DeletePoolNumbers([]string{number(round)}) }},
		{"ListPool", func(tx store.Tx, round string) (bool, error) {
			found, _, err := tx.ListPool(store.PoolFilter{Country: "R" + round}, 0, 1)
			return empty(len(found), err)
		}, func(tx store.Tx, round, who string) error {
			n := pooled("+1206557" + round + who)
			n.Country = "R" + round
			return owned(tx, n)
		}},
		{"PhoneNumbers", func(tx store.Tx, round string) (bool, error) {
			found, err := tx.PhoneNumbers("numbers"+round, []string{number(round)})
			return empty(len(found), err)
		}, func(tx store.Tx, round, _ string) error { return insert(tx, "numbers"+round, number(round)) }},
		{"PhoneNumbers that change", func(tx store.Tx, round string) (bool, error) {
			found, err := tx.PhoneNumbers("numbers"+round, []string{number(round)})
			return err == nil && found[0].Status == "Unassigned", err
		}, func(tx store.Tx, round, _ string) error {
			found, err := tx.PhoneNumbers("numbers"+round, []string{number(round)})
			if err != nil {
				return err
			}
			found[0].Status = "Assigned"
			return tx.UpdatePhoneNumbers(found)
		}},
		{"ListPhoneNumbers", func(tx store.Tx, round string) (bool, error) {
			found, _, err := tx.ListPhoneNumbers("listed"+round, store.PhoneNumberFilter{}, 0, 1)
			return empty(len(found), err)
		}, func(tx store.Tx, round, who string) error { return insert(tx, "listed"+round, number(who)) }},
		{"CountPhoneNumbers", func(tx store.Tx, round string) (bool, error) {
			return empty(tx.CountPhoneNumbers("counted" + round))
		}, func(tx store.Tx, round, who string) error { return insert(tx, "counted"+round, number(who)) }},
		{"PhoneNumberOrder", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.PhoneNumberOrder(awsA, "order"+round)
			return missing(err)
		}, func(tx store.Tx, round, _ string) error {
			o := order(awsA, "order"+round)
			return tx.InsertPhoneNumberOrder(&o)
		}},
		{"ListPhoneNumberOrders", func(tx store.Tx, round string) (bool, error) {
			found, _, err := tx.ListPhoneNumberOrders("ordering"+round, 0, 1)
			return empty(len(found), err)
		}, func(tx store.Tx, round, who string) error {
			o := order("ordering"+round, who)
			return tx.InsertPhoneNumberOrder(&o)
		}},
		{"PhoneNumberSettings", func(tx store.Tx, round string) (bool, error) {
			p, err := tx.PhoneNumberSettings("calling" + round)
			return p.CallingName == "", err
		}, func(tx store.Tx, round, who string) error {
			return tx.PutPhoneNumberSettings("calling"+round, store.PhoneNumberSettings{CallingName: who})
		}},
		{"PhoneNumberRestrictions", func(tx store.Tx, round string) (bool, error) {
			found, err := tx.PhoneNumberRestrictions("restricted" + round)
			return empty(len(found), err)
		}, func(tx store.Tx, round, who string) error {
			return tx.PutPhoneNumberRestriction(store.PhoneNumberRestriction{AWSAccountID: "restricted" + round, Country: who})
		}},
	}
}
