package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

func session(aws, id, keyID string) store.Session {
	return store.Session{SessionID: id, AWSAccountID: aws, KeyID: keyID, Created: said, Seen: said, Expires: said.Add(12 * time.Hour),
		Address: "192.0.2.1", UserAgent: "browser of " + id}
}

func testSessions(t *testing.T, f *fixture) {
	first, second, third := session(awsA, "s2", "AKIA1"), session(awsA, "s1", "AKIA2"), session(awsA, "s3", "AKIA1")
	first.Created = said.Add(-time.Hour)
	other := session(awsB, "s4", "AKIA3")
	link := store.SignInLink{LinkID: "l1", KeyID: "AKIA1", Expires: said.Add(2 * time.Minute)}
	otherLink := store.SignInLink{LinkID: "l2", KeyID: "AKIA2", Expires: said.Add(3 * time.Minute)}
	f.update(func(tx store.Tx) error {
		return errors.Join(tx.InsertSession(third), tx.InsertSession(second), tx.InsertSession(first), tx.InsertSession(other),
			tx.InsertSignInLink(link), tx.InsertSignInLink(otherLink))
	})
	check := func(what string, want []store.Session, links ...string) {
		t.Helper()
		f.view(func(r store.ReadTx) error {
			got, err := r.Sessions(awsA)
			same(t, "Sessions "+what, got, want)
			var have []string
			for _, id := range []string{"l1", "l2"} {
				l, problem := r.SignInLink(id)
				if problem == nil {
					have = append(have, l.LinkID)
				} else if !errors.Is(problem, store.ErrNotFound) {
					err = problem
				}
			}
			same(t, "links "+what, have, links)
			return err
		})
	}
	check("at first", []store.Session{first, second, third}, "l1", "l2")
	f.view(func(r store.ReadTx) error {
		got, err := r.Session("s4")
		same(t, "Session", got, other)
		gotLink, err2 := r.SignInLink("l1")
		same(t, "SignInLink", gotLink, link)
		return errors.Join(err, err2)
	})
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Session("S4"); return err })
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.SignInLink("L1"); return err })
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertSession(session(awsB, "s1", "AKIA3")) })
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertSignInLink(link) })

	// The latest use counts, whoever comes last.
	used := said.Add(time.Minute)
	for _, at := range []time.Time{said, used, said} {
		f.update(func(tx store.Tx) error { return errors.Join(tx.UseSession("s2", at), tx.UseSession("s0", at)) })
	}
	first.Seen = used
	check("after a use", []store.Session{first, second, third}, "l1", "l2")

	f.update(func(tx store.Tx) error { return errors.Join(tx.DeleteSession("s1"), tx.DeleteSignInLink("l2")) })
	check("after a deletion", []store.Session{first, third}, "l1")
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.DeleteSession("s1") })
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.DeleteSignInLink("l2") })

	f.update(func(tx store.Tx) error {
		return errors.Join(tx.InsertSession(second), tx.InsertSignInLink(otherLink), tx.DeleteSessionsOf("AKIA1"))
	})
	check("without a key's", []store.Session{second}, "l2")

	// Neither what was seen later, nor what expires later, has ended.
	early := session(awsA, "s5", "AKIA2")
	early.Expires = said.Add(time.Minute)
	f.update(func(tx store.Tx) error {
		return errors.Join(tx.InsertSession(early), tx.InsertSession(first), tx.InsertSignInLink(link),
			tx.DeleteEndedSessions(said.Add(-time.Millisecond), said.Add(time.Minute-time.Millisecond)))
	})
	check("that have not ended", []store.Session{first, second, early}, "l1", "l2")
	f.update(func(tx store.Tx) error {
		return tx.DeleteEndedSessions(said.Add(-time.Millisecond), said.Add(2*time.Minute))
	})
	check("that have not expired", []store.Session{first, second}, "l2")
	f.update(func(tx store.Tx) error { return tx.DeleteEndedSessions(said, said) })
	check("that were seen", []store.Session{first}, "l2")
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Session("s4"); return err })
}

// sessionTurns are the turns of what reads sessions and links.
func sessionTurns() []turn {
	return []turn{
		{"Session", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.Session("alone" + round)
			return missing(err)
		}, func(tx store.Tx, round, _ string) error {
			return tx.InsertSession(session(awsA, "alone"+round, "AKIA"))
		}},
		{"Sessions", func(tx store.Tx, round string) (bool, error) {
			all, err := tx.Sessions("listed" + round)
			return empty(len(all), err)
		}, func(tx store.Tx, round, who string) error {
			return tx.InsertSession(session("listed"+round, "listed"+round+who, "AKIA"))
		}},
		{"SignInLink", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.SignInLink("link" + round)
			return missing(err)
		}, func(tx store.Tx, round, _ string) error {
			return tx.InsertSignInLink(store.SignInLink{LinkID: "link" + round, KeyID: "AKIA", Expires: said})
		}},
		{"SignInLink, which one takes", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.SignInLink("used" + round)
			absent, err := missing(err)
			return !absent, err
		}, func(tx store.Tx, round, _ string) error { return tx.DeleteSignInLink("used" + round) }},
	}
}
