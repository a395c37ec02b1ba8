package directory

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// AuditQuery selects records of the audit trail; an empty member selects all.
type AuditQuery struct {
	AWSAccountID string
	AccountID    string
	User         string    // a user id or, with an @, an address, also of a user who has left or moved
	Key          string    // the id or the name of a key, such as "operator/alice"
	Job          string    // a bulk job: the ID in "job/ID" of the user agent
	Since        time.Time // this moment and later
	Until        time.Time // before this moment
}

// auditPiece is how many records are removed at a time: a removal should not hold the writer for
// long.
const auditPiece = 10_000

// AuditEntry is a record of the audit trail, with the address of the user who was changed: as it is
// now or, for a user who is gone, as the record says it. It is empty if no user was changed, or if
// nobody knows any more.
type AuditEntry struct {
	store.AuditRecord
	TargetEmail string
}

// Audit reads the audit trail, the oldest record first. It ends after the first error.
func (o *Operator) Audit(ctx context.Context, query AuditQuery) iter.Seq2[AuditEntry, error] {
	return func(yield func(AuditEntry, error) bool) {
		err := o.walk(ctx, query, withEmails, func(e AuditEntry) bool { return yield(e, nil) })
		if err != nil {
			yield(AuditEntry{}, err)
		}
	}
}

// withEmails makes entries of records.
func withEmails(tx store.ReadTx, records []store.AuditRecord) ([]AuditEntry, error) {
	targets := map[string][]string{} // by account
	for _, r := range records {
		if r.AccountID != "" && r.Target != r.AccountID {
			targets[r.AccountID] = append(targets[r.AccountID], r.Target)
		}
	}
	emails := map[string]string{}
	for account, ids := range targets {
		slices.Sort(ids)
		users, err := tx.Users(account, slices.Compact(ids))
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			emails[u.UserID] = u.Email
		}
	}
	entries := withoutEmails(records)
	for i, r := range records {
		entries[i].TargetEmail = cmp.Or(emails[r.Target], emailIn(r.After), emailIn(r.Before))
	}
	return entries, nil
}

func withoutEmails(records []store.AuditRecord) []AuditEntry {
	entries := make([]AuditEntry, len(records))
	for i, r := range records {
		entries[i].AuditRecord = r
	}
	return entries
}

// AuditDocument returns a record as it is printed and exported: an object that always has these
// members, in this order. Each is a string, which may be empty, unless said otherwise.
//
//	Time          2026-03-01T12:00:00.123Z
//	AwsAccountId  12 digits
//	AccountId     empty for what belongs to the AWS account as a whole
//	Operation     one of [Operations]
//	Target        id of the user, account, room, bot, order, AWS account or key, name of the domain, or
//	              telephone number, that changed; the id of the user whose membership of a room changed;
//	              the name of a bulk job
//	Before        object of the members that differ, of RoomId if it is about a room or a membership,
//	              of BotId if it is about a bot, of PhoneNumberId if it is about a number, and of
//	              PhoneNumberOrderId if it is about an order; null if it did not exist
//	After         the same members as they are now; null if it no longer exists
//	KeyName       who did it; operator/NAME for an operator
//	KeyId         empty for an operator
//	RequestId     the same in all records of one request
//	UserAgent     as the client sent it
//	TargetEmail   the address of the user who was changed, see [AuditEntry]
func AuditDocument(r AuditEntry) *document.Object {
	parsed := func(text string) any {
		if v, err := document.Parse(text); err == nil {
			return v
		}
		return nil
	}
	return document.NewObject(
		document.Member{Key: "Time", Value: stampOf(r.Time).String()},
		document.Member{Key: "AwsAccountId", Value: r.AWSAccountID},
		document.Member{Key: "AccountId", Value: r.AccountID},
		document.Member{Key: "Operation", Value: r.Operation},
		document.Member{Key: "Target", Value: r.Target},
		document.Member{Key: "Before", Value: parsed(r.Before)},
		document.Member{Key: "After", Value: parsed(r.After)},
		document.Member{Key: "KeyName", Value: r.KeyName},
		document.Member{Key: "KeyId", Value: r.KeyID},
		document.Member{Key: "RequestId", Value: r.RequestID},
		document.Member{Key: "UserAgent", Value: r.UserAgent},
		document.Member{Key: "TargetEmail", Value: r.TargetEmail},
	)
}

// PruneAudit removes the records from before a time, which must not be in the future, of one AWS
// account or, if that is empty, of all. It returns how many it removed, also with an error: it
// works in pieces, each of which leaves a record of its own.
func (o *Operator) PruneAudit(ctx context.Context, awsAccountID string, before time.Time) (int, error) {
	if before.IsZero() || before.After(o.options.Clock()) {
		return 0, api.BadRequest("The audit trail can be pruned up to now, not up to %s", stampOf(before))
	}
	owners, err := o.awsAccounts(ctx, awsAccountID)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, owner := range owners {
		for removed := auditPiece; removed >= auditPiece; {
			err := o.update(ctx, opPruneAudit, func(c *change) (err error) {
				removed, err = c.DeleteAudit(owner, before, auditPiece)
				if removed > 0 {
					c.recordOwned(owner, owner, []document.Member{
						{Key: "Records", Value: document.Int(removed)},
						{Key: "Before", Value: stampOf(before).String()},
					}, nil)
				}
				return err
			})
			if err != nil {
				return total, err
			}
			total += removed
		}
	}
	return total, nil
}

// Copy is a backup, as the audit trail tells of it.
type Copy struct {
	File   string
	Time   time.Time // of what is in it
	SHA256 string
	Users  int64
}

// RecordBackup records in the trail of each AWS account that all was saved in a backup.
func (o *Operator) RecordBackup(ctx context.Context, b Copy) error {
	return o.update(ctx, opBackup, func(c *change) error { return c.recordCopy(b) })
}

// RecordRestore records in the trail of each AWS account that all is from a backup. Sessions that
// have ended since then, and links that were used, may be in the backup, so all of them end.
func (o *Operator) RecordRestore(ctx context.Context, b Copy) error {
	return o.update(ctx, opRestore, func(c *change) error {
		err := eachOwner(c, func(_ string, keys []store.AccessKey) error {
			for _, key := range keys {
				if err := c.DeleteSessionsOf(key.KeyID); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		return c.recordCopy(b)
	})
}

func (c *change) recordCopy(b Copy) error {
	owners, err := c.AWSAccounts()
	for _, owner := range owners {
		c.recordOwned(owner, owner, nil, []document.Member{
			{Key: "File", Value: b.File},
			{Key: "Time", Value: stampOf(b.Time)},
			{Key: "SHA256", Value: b.SHA256},
			{Key: "Users", Value: document.Int(int(b.Users))},
		})
	}
	return err
}

// trail is the audit trail of one AWS account while it is being read.
type trail struct {
	owner string
	page  []AuditEntry // read, and not returned yet
	after store.Entry
	ended bool
}

// entriesOf makes entries of records.
type entriesOf func(store.ReadTx, []store.AuditRecord) ([]AuditEntry, error)

// walk calls fn for each record that the query selects, until fn returns false.
func (o *Operator) walk(ctx context.Context, query AuditQuery, entries entriesOf, fn func(AuditEntry) bool) error {
	filter := store.AuditFilter{AccountID: query.AccountID, Key: query.Key, Job: query.Job, Since: query.Since, Until: query.Until}
	var ids map[string]bool
	if strings.Contains(query.User, "@") {
		var err error
		if ids, err = o.userIDs(ctx, query); err != nil {
			return err
		}
	} else {
		filter.Target = query.User
	}
	owners, err := o.awsAccounts(ctx, query.AWSAccountID)
	if err != nil {
		return err
	}
	trails := make([]*trail, len(owners))
	for i, owner := range owners {
		trails[i] = &trail{owner: owner}
	}
	for {
		var oldest *trail
		for _, t := range trails {
			if err := t.fill(ctx, o.store, filter, entries); err != nil {
				return err
			}
			if len(t.page) > 0 && (oldest == nil || t.page[0].Time.Before(oldest.page[0].Time)) {
				oldest = t
			}
		}
		if oldest == nil {
			return nil
		}
		r := oldest.page[0]
		oldest.page = oldest.page[1:]
		if (ids == nil || ids[r.Target]) && !fn(r) {
			return nil
		}
	}
}

// fill reads on, to the next record that passes the filter, if what was read is used up.
func (t *trail) fill(ctx context.Context, st store.Store, filter store.AuditFilter, entries entriesOf) error {
	for len(t.page) == 0 && !t.ended {
		err := st.View(ctx, func(tx store.ReadTx) error {
			records, next, err := tx.Audit(t.owner, filter, t.after, lookPage)
			if err != nil {
				return err
			}
			t.after = next
			t.page, err = entries(tx, records)
			return err
		})
		if err != nil {
			return err
		}
		t.ended = t.after == 0
	}
	return nil
}

// userIDs returns the ids of all users who have or had an address: those who have it now, and those
// in the trail, which has the address wherever a user was added or removed.
func (o *Operator) userIDs(ctx context.Context, query AuditQuery) (map[string]bool, error) {
	ids := make(map[string]bool)
	err := o.store.View(ctx, func(tx store.ReadTx) error {
		holders, err := tx.Addresses([]string{query.User})
		for _, h := range holders {
			ids[h.UserID] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	key := address.Key(query.User)
	everything := AuditQuery{AWSAccountID: query.AWSAccountID, AccountID: query.AccountID}
	plain := func(_ store.ReadTx, records []store.AuditRecord) ([]AuditEntry, error) {
		return withoutEmails(records), nil
	}
	err = o.walk(ctx, everything, plain, func(e AuditEntry) bool {
		if saysEmail(e.AuditRecord, key) {
			ids[e.Target] = true
		}
		return true
	})
	return ids, err
}

// saysEmail reports whether a record says the address with this [address.Key].
func saysEmail(r store.AuditRecord, key string) bool {
	return address.Key(emailIn(r.Before)) == key || address.Key(emailIn(r.After)) == key
}

// emailIn returns the address in the before or after of a record.
func emailIn(text string) string {
	if !strings.Contains(text, `"PrimaryEmail"`) { // parsing every record would be slow
		return ""
	}
	v, err := document.Parse(text)
	if err != nil {
		return ""
	}
	o, ok := v.(*document.Object)
	if !ok {
		return ""
	}
	return o.Text("PrimaryEmail")
}

func (o *Operator) awsAccounts(ctx context.Context, awsAccountID string) (ids []string, err error) {
	err = o.store.View(ctx, func(tx store.ReadTx) (err error) {
		ids, err = awsAccounts(tx, awsAccountID)
		return err
	})
	return ids, err
}

// awsAccounts returns the one AWS account that is named, or all.
func awsAccounts(tx store.ReadTx, awsAccountID string) ([]string, error) {
	if awsAccountID != "" {
		return []string{awsAccountID}, nil
	}
	return tx.AWSAccounts()
}
