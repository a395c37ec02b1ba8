package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/carillon-project/carillon/internal/store"
)

func dialOut(aws, id string) store.DialOut {
	return store.DialOut{
		AWSAccountID: aws, TransactionID: id, MeetingID: "meeting of " + id, From: "+12065550100", To: "+4989123456",
		Created: said, JoinToken: "token of " + id, Status: "Waiting",
	}
}

func testDialOuts(t *testing.T, f *fixture) {
	var all []store.DialOut
	f.update(func(tx store.Tx) error {
		all = nil
		for i := range 7 {
			d, other := dialOut(awsA, fmt.Sprint("d", (i*3)%7)), dialOut(awsB, fmt.Sprint("d", i))
			if err := errors.Join(tx.InsertDialOut(&d), tx.InsertDialOut(&other)); err != nil {
				return err
			}
			all = append(all, d)
		}
		return nil
	})
	check := func(filter store.DialOutFilter, want []store.DialOut) {
		t.Helper()
		for _, limit := range []int{1, 3, 7, 99} {
			var got []store.DialOut
			for after, more := store.Entry(0), true; more; {
				f.view(func(r store.ReadTx) error {
					page, next, err := r.ListDialOuts(awsA, filter, after, limit)
					if len(page) > limit {
						t.Errorf("a page of %d dial-outs, want %d at most", len(page), limit)
					}
					got = append(got, page...)
					more, after = next != 0, next
					return err
				})
			}
			same(t, fmt.Sprint("ListDialOuts of ", filter, ", ", limit, " a page"), got, want)
		}
		if filter.Status != "" {
			f.view(func(r store.ReadTx) error {
				n, err := r.CountDialOuts(awsA, filter.Status)
				same(t, "CountDialOuts of "+filter.Status, n, len(want))
				return err
			})
		}
	}
	check(store.DialOutFilter{}, all)
	check(store.DialOutFilter{Status: "Waiting"}, all)
	check(store.DialOutFilter{Status: "Delivered"}, nil)
	for _, i := range []int{0, 3} {
		all[i].Status, all[i].JoinToken = "Delivered", ""
		f.update(func(tx store.Tx) error { return tx.UpdateDialOut(all[i]) })
	}
	check(store.DialOutFilter{}, all)
	check(store.DialOutFilter{Status: "Delivered"}, []store.DialOut{all[0], all[3]})

	gone := all[0]
	gone.TransactionID = "d9"
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.UpdateDialOut(gone) })
	taken := dialOut(awsA, "d1")
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertDialOut(&taken) })
}

// dialOutTurns are the turns of what reads dial-outs.
func dialOutTurns() []turn {
	insert := func(tx store.Tx, aws, id string) error {
		d := dialOut(aws, id)
		return tx.InsertDialOut(&d)
	}
	return []turn{
		{"ListDialOuts", func(tx store.Tx, round string) (bool, error) {
			all, _, err := tx.ListDialOuts("listed"+round, store.DialOutFilter{}, 0, 1)
			return empty(len(all), err)
		}, func(tx store.Tx, round, who string) error { return insert(tx, "listed"+round, who) }},
		{"CountDialOuts", func(tx store.Tx, round string) (bool, error) {
			return empty(tx.CountDialOuts("counted"+round, "Waiting"))
		}, func(tx store.Tx, round, who string) error { return insert(tx, "counted"+round, who) }},
		{"ListDialOuts, one that changes", func(tx store.Tx, round string) (bool, error) {
			all, _, err := tx.ListDialOuts("called", store.DialOutFilter{Status: "Waiting"}, 0, 1)
			return len(all) == 1 && all[0].JoinToken != "round "+round, err
		}, func(tx store.Tx, round, _ string) error {
			all, _, err := tx.ListDialOuts("called", store.DialOutFilter{Status: "Waiting"}, 0, 1)
			if err != nil {
				return err
			}
			all[0].JoinToken = "round " + round
			return tx.UpdateDialOut(all[0])
		}},
	}
}
