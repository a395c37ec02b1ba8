package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

func bot(accountID, id string) store.Bot {
	return store.Bot{
		AccountID: accountID, BotID: id, Name: "Name of " + id, Email: id + "-chimebot@" + accountID + ".example",
		Created: time.Date(2026, 3, 1, 11, 0, 0, 7e6, time.UTC), Updated: time.Date(2026, 3, 1, 11, 30, 0, 0, time.UTC),
		SecurityToken: "token of " + id,
	}
}

func (f *fixture) insertBot(b store.Bot) store.Bot {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.InsertBot(&b) })
	return b
}

func testBots(t *testing.T, f *fixture) {
	b := f.insertBot(bot("a1", "b1"))
	other := f.insertBot(bot("a2", "b1"))
	full := bot("a1", "b2")
	full.Disabled, full.HTTPSEndpoint, full.LambdaARN = true, "https://bots.example.com/x", "arn:x"
	full = f.insertBot(full)
	check := func(want store.Bot) {
		t.Helper()
		f.view(func(r store.ReadTx) error {
			got, err := r.Bot(want.AccountID, want.BotID)
			same(t, "Bot", got, want)
			return err
		})
	}
	for _, want := range []store.Bot{b, other, full} {
		check(want)
	}
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Bot("a2", "b2"); return err })
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Bot("a1", "b1\x00"); return err })

	changed := b
	changed.Disabled, changed.SecurityToken, changed.Updated = true, "new token", b.Updated.Add(time.Hour)
	changed.HTTPSEndpoint, changed.LambdaARN = "https://bots.example.com/y", "arn:y"
	f.update(func(tx store.Tx) error { return tx.UpdateBot(changed) })
	for _, want := range []store.Bot{changed, other, full} {
		check(want)
	}
	emptied := changed
	emptied.Disabled, emptied.HTTPSEndpoint, emptied.LambdaARN = false, "", ""
	f.update(func(tx store.Tx) error { return tx.UpdateBot(emptied) })
	check(emptied)
	gone := emptied
	gone.BotID = "b3"
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.UpdateBot(gone) })

	// Ids are those of an account, addresses those of all.
	taken := bot("a1", "b1")
	taken.Email = "free@a1.example"
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertBot(&taken) })
	taken = bot("a3", "b9")
	taken.Email = "B1-ChimeBot@A1.example"
	err := f.Update(context.Background(), func(tx store.Tx) error { return tx.InsertBot(&taken) })
	if !errors.Is(err, store.ErrExists) || strings.Contains(strings.ToLower(err.Error()), "chimebot") {
		t.Errorf("an address of another bot: got error %v, want %v, without the address", err, store.ErrExists)
	}
	f.view(func(r store.ReadTx) error {
		got, err := r.BotEmails([]string{other.Email, b.Email, "B1-chimebot@A1.EXAMPLE", "free@a1.example", "b1-chimebot@a3.example", ""})
		want := []string{strings.ToLower(b.Email), strings.ToLower(other.Email)}
		slices.Sort(want)
		same(t, "BotEmails", got, want)
		return err
	})
	for account, want := range map[string]int{"a1": 2, "a2": 1, "a3": 0} {
		f.view(func(r store.ReadTx) error {
			got, err := r.CountBots(account)
			same(t, "CountBots of "+account, got, want)
			return err
		})
	}
}

func testBotListing(t *testing.T, f *fixture) {
	var want []store.Bot
	for i := range 10 {
		f.insertBot(bot("a2", fmt.Sprint("b", i)))
		want = append(want, f.insertBot(bot("a1", fmt.Sprint("b", (i*7)%10)))) // ids in another order than entries
	}
	for _, limit := range []int{1, 3, 10, 99} {
		var got []store.Bot
		for after, more := store.Entry(0), true; more; {
			f.view(func(r store.ReadTx) error {
				page, next, err := r.ListBots("a1", after, limit)
				if len(page) > limit {
					t.Errorf("a page of %d bots, want %d at most", len(page), limit)
				}
				got = append(got, page...)
				more, after = next != 0, next
				return err
			})
		}
		same(t, fmt.Sprint("ListBots, ", limit, " a page"), got, want)
	}
	f.view(func(r store.ReadTx) error {
		page, next, err := r.ListBots("a3", 0, 10)
		if len(page) > 0 || next != 0 {
			t.Errorf("ListBots of an account without any: got %v, %d", page, next)
		}
		return err
	})
}

func botEvent(accountID, botID, kind string) store.BotEvent {
	return store.BotEvent{
		AccountID: accountID, BotID: botID, Type: kind, RoomID: "r1", Membership: 7, SenderID: "sender", MessageID: "m1",
		Created: time.Date(2026, 3, 1, 11, 0, 0, 7e6, time.UTC),
	}
}

func testBotEvents(t *testing.T, f *fixture) {
	insert := func(e store.BotEvent) store.BotEvent {
		t.Helper()
		f.update(func(tx store.Tx) error { return tx.InsertBotEvent(&e) })
		return e
	}
	check := func(accountID, botID string, limit int, want ...store.BotEvent) {
		t.Helper()
		f.view(func(r store.ReadTx) error {
			got, err := r.BotEvents(accountID, botID, limit)
			same(t, "BotEvents", got, want)
			return err
		})
	}
	first := insert(botEvent("a1", "b1", "Invite"))
	f.clock.advance(-time.Hour) // which changes no order
	second := insert(botEvent("a1", "b1", "Mention"))
	third := insert(botEvent("a1", "b1", "Remove"))
	neighbor := insert(botEvent("a1", "b2", "Invite"))
	foreign := insert(botEvent("a2", "b1", "Invite"))
	check("a1", "b1", 2, first, second)
	check("a1", "b1", 10, first, second, third)
	check("a3", "b1", 10)
	f.view(func(r store.ReadTx) error {
		n, err := r.CountBotEvents("a1", "b1")
		same(t, "CountBotEvents", n, 3)
		return err
	})

	f.update(func(tx store.Tx) error { return tx.DeleteBotEvents("a1", "b1", second.Entry) })
	f.update(func(tx store.Tx) error { return tx.DeleteBotEvents("a1", "b1", first.Entry) }) // which are none
	check("a1", "b1", 10, third)
	check("a1", "b2", 10, neighbor)
	check("a2", "b1", 10, foreign)
	f.update(func(tx store.Tx) error { return tx.DeleteBotEvents("a1", "b1", third.Entry) })
	if again := insert(botEvent("a1", "b1", "Invite")); again.Entry <= third.Entry {
		t.Errorf("the entry %d comes after %d, which was deleted", again.Entry, third.Entry)
	}
}

// botTurns are the turns of what reads bots. The account bots has one of each round.
func botTurns() []turn {
	insert := func(tx store.Tx, b store.Bot) error { return tx.InsertBot(&b) }
	return []turn{
		{"Bot", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.Bot("botty", "only"+round)
			return missing(err)
		}, func(tx store.Tx, round, _ string) error { return insert(tx, bot("botty", "only"+round)) }},
		{"Bot that changes", func(tx store.Tx, round string) (bool, error) {
			b, err := tx.Bot("bots", "bot"+round)
			return b.SecurityToken != "changed", err
		}, func(tx store.Tx, round, _ string) error {
			b, err := tx.Bot("bots", "bot"+round)
			if err != nil {
				return err
			}
			b.SecurityToken = "changed"
			return tx.UpdateBot(b)
		}},
		{"ListBots", func(tx store.Tx, round string) (bool, error) {
			all, _, err := tx.ListBots("listed"+round, 0, 1)
			return empty(len(all), err)
		}, func(tx store.Tx, round, who string) error { return insert(tx, bot("listed"+round, who)) }},
		{"CountBots", func(tx store.Tx, round string) (bool, error) {
			return empty(tx.CountBots("counted" + round))
		}, func(tx store.Tx, round, who string) error { return insert(tx, bot("counted"+round, who)) }},
		{"BotEvents", func(tx store.Tx, round string) (bool, error) {
			all, err := tx.BotEvents("events", "bot"+round, 1)
			return empty(len(all), err)
		}, func(tx store.Tx, round, who string) error {
			e := botEvent("events", "bot"+round, who)
			return tx.InsertBotEvent(&e)
		}},
		{"CountBotEvents", func(tx store.Tx, round string) (bool, error) {
			return empty(tx.CountBotEvents("events", "counted"+round))
		}, func(tx store.Tx, round, who string) error {
			e := botEvent("events", "counted"+round, who)
			return tx.InsertBotEvent(&e)
		}},
		{"BotEmails", func(tx store.Tx, round string) (bool, error) {
			has, err := tx.BotEmails([]string{"wanted" + round + "@bots.example"})
			return empty(len(has), err)
		}, func(tx store.Tx, round, who string) error {
			b := bot("bots of "+who, "wanted"+round)
			b.Email = "Wanted" + round + "@bots.example"
			return insert(tx, b)
		}},
	}
}
