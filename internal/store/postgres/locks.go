package postgres

import (
	"hash/fnv"
	"slices"
)

// locks keep apart the updates that meet: what one of them has read, no other can change before it
// ends. They are advisory locks of the server, on
//
//	account     an account with its users and domains
//	accounts    the accounts of an AWS account
//	rooms       the rooms of an account with their memberships
//	bots        the bots of an account
//	bot events  what waits for the bots of an account
//	task        a task
//	chats       who is in any conversation: several accounts are in one
//	messages    the messages that an account keeps
//	dial-outs   the dial-outs of an AWS account
//	jobs        the bulk jobs of an AWS account
//	email       who holds an address, users and bots alike
//	emails      who holds any address, shared by those who lock a few
//	numbers     the telephone numbers of an AWS account, its orders of them and rules for them
//	number      a number of the pool
//	pool        the pool of numbers, shared by those who lock a few
//	domain      the claim on a domain
//	keys        all access keys, and the sessions that began with one
//	settings    the settings of an AWS account
//	setting     a setting of the installation
//	trail       all audit trails, and which AWS accounts there are
//
// and row locks on users. A batch shares its account with other batches and locks the users that it
// reads. An update that inserts or removes users, or relies on a listing, takes the account alone.
// One that has shared a lock and then wants it alone does not wait, since another may do the same:
// it starts again and takes the lock alone from the first.
type locks struct {
	held  map[int64]bool // true: alone
	alone map[int64]bool // to be taken alone whatever is asked for
}

// share and take lock some keys of a class until the transaction ends: shared with others who share
// them, or alone. Unless it must be known at once whether a lock is free, the request goes out
// together with the next statement.
func (t *tx) share(class string, keys ...string) { t.lock(false, class, keys) }
func (t *tx) take(class string, keys ...string)  { t.lock(true, class, keys) }

func (t *tx) lock(alone bool, class string, keys []string) {
	if t.locks == nil || t.sql.Doom != nil {
		return
	}
	var wanted [2][]int64 // shared, alone
	var upgrades []int64
	for _, key := range keys {
		id := t.db.lockID(class, key)
		alone := alone || t.locks.alone[id]
		held, ok := t.locks.held[id]
		switch {
		case !ok && alone:
			wanted[1] = append(wanted[1], id)
		case !ok:
			wanted[0] = append(wanted[0], id)
		case alone && !held:
			upgrades = append(upgrades, id)
		default:
			continue
		}
		t.locks.held[id] = alone
	}
	for alone, text := range []string{
		`SELECT pg_advisory_xact_lock_shared(id) FROM unnest($1::bigint[]) AS id`,
		`SELECT pg_advisory_xact_lock(id) FROM unnest($1::bigint[]) AS id`,
	} {
		ids := wanted[alone]
		if len(ids) == 0 {
			continue
		}
		slices.Sort(ids) // everybody in the same order
		if n := len(t.conn.queue); n > 0 && t.conn.queue[n-1].text == text {
			earlier := &t.conn.queue[n-1].args[0] // which one statement can take, too
			*earlier = append((*earlier).([]int64), ids...)
			continue
		}
		t.conn.enqueue(statement{text: text, args: []any{ids}})
	}
	if len(upgrades) == 0 {
		return
	}
	free := true
	if err := t.sql.ReadRow(`SELECT bool_and(pg_try_advisory_xact_lock(id)) FROM unnest($1::bigint[]) AS id`, []any{upgrades}, &free); err != nil {
		return // the next statement returns it too
	}
	if !free {
		for _, id := range upgrades {
			t.locks.alone[id] = true
		}
		t.sql.Refuse(errLostRace)
	}
}

// manyLocks is the number of addresses beyond which all addresses are locked. The server has room
// for some thousands of locks.
const manyLocks = 200

// takeEmails locks who holds these addresses.
func (t *tx) takeEmails(keys []string) {
	if len(keys) > manyLocks {
		t.take("emails", "")
		return
	}
	t.share("emails", "")
	t.take("email", keys...)
}

// lockID is the number of a lock of PostgreSQL, which knows locks by numbers only. Two that happen
// to share a number merely wait for each other.
func (d *database) lockID(class, key string) int64 {
	h := fnv.New64a()
	for _, part := range []string{d.schema, class, key} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return int64(h.Sum64())
}
