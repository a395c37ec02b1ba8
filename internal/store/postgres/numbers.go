package postgres

import (
	"time"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// Whatever an update does with the telephone numbers of an AWS account, with its orders of them and
// the rules for them, it locks them all first, and shares that lock with nobody. Of the pool it
// locks the numbers that it names.

// takePool locks these numbers of the pool.
func (t *tx) takePool(numbers []string) {
	if len(numbers) > manyLocks {
		t.take("pool", "")
		return
	}
	t.share("pool", "")
	t.take("number", engine.Distinct(numbers)...)
}

func (t *tx) PoolNumbers(numbers []string) ([]store.PoolNumber, error) {
	t.takePool(numbers)
	return t.sql.PoolNumbers(`number = ANY($1)`, engine.NumberKeys(numbers))
}

func (t *tx) ListPool(filter store.PoolFilter, after store.Entry, limit int) ([]store.PoolNumber, store.Entry, error) {
	t.take("pool", "")
	return t.sql.ListPool(filter, after, limit)
}

func (t *tx) PutPoolNumbers(numbers []store.PoolNumber) error {
	t.takePool(column(numbers, func(n *store.PoolNumber) string { return n.Number }))
	return t.sql.PutPoolNumbers(numbers)
}

func (t *tx) DeletePoolNumbers(numbers []string) error {
	t.takePool(numbers)
	_, err := t.sql.Write(`DELETE FROM number_pool WHERE number = ANY($1)`, engine.NumberKeys(numbers))
	return err
}

func (t *tx) PhoneNumbers(awsAccountID string, numbers []string) ([]store.PhoneNumber, error) {
	t.take("numbers", awsAccountID)
	return t.sql.PhoneNumbers(`phone_numbers`, `number = ANY($2)`, awsAccountID, engine.NumberKeys(numbers))
}

// takeNumbers locks the telephone numbers of the AWS account that some belong to.
func (t *tx) takeNumbers(numbers []store.PhoneNumber) {
	t.take("numbers", engine.Distinct(column(numbers, func(n *store.PhoneNumber) string { return n.AWSAccountID }))...)
}

func (t *tx) ListPhoneNumbers(awsAccountID string, filter store.PhoneNumberFilter, after store.Entry, limit int) ([]store.PhoneNumber, store.Entry, error) {
	t.take("numbers", awsAccountID)
	return t.sql.ListPhoneNumbers(awsAccountID, filter, after, limit)
}

func (t *tx) CountPhoneNumbers(awsAccountID string) (int, error) {
	t.take("numbers", awsAccountID)
	return t.sql.CountPhoneNumbers(awsAccountID)
}

func (t *tx) InsertPhoneNumbers(numbers []store.PhoneNumber) error {
	t.takeNumbers(numbers)
	return t.sql.InsertPhoneNumbers(numbers)
}

// UpdatePhoneNumbers names the entries twice, as UpdateUsers does.
func (t *tx) UpdatePhoneNumbers(numbers []store.PhoneNumber) error {
	t.takeNumbers(numbers)
	if len(numbers) < 2 {
		return t.sql.UpdatePhoneNumbers(numbers)
	}
	if err := t.sql.OwnedByOne(numbers); err != nil {
		return err
	}
	text := func(get func(*store.PhoneNumber) string) []string { return column(numbers, get) }
	moment := func(get func(*store.PhoneNumber) time.Time) []int64 {
		return column(numbers, func(n *store.PhoneNumber) int64 { return engine.Millis(get(n)) })
	}
	n, err := t.sql.Write(`UPDATE phone_numbers SET product_type = v.product_type, status = v.status, account_id = v.account_id,
			user_id = v.user_id, associated = v.associated, calling_name = v.calling_name,
			calling_name_status = v.calling_name_status, updated = v.updated, deleted = v.deleted
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::bigint[], $10::bigint[])
			AS v (entry, product_type, status, account_id, user_id, associated, calling_name, calling_name_status, updated, deleted)
		WHERE phone_numbers.aws_account_id = $11 AND phone_numbers.entry = ANY($1) AND phone_numbers.entry = v.entry`,
		column(numbers, func(n *store.PhoneNumber) int64 { return int64(n.Entry) }),
		text(func(n *store.PhoneNumber) string { return n.ProductType }),
		text(func(n *store.PhoneNumber) string { return n.Status }),
		text(func(n *store.PhoneNumber) string { return n.AccountID }),
		text(func(n *store.PhoneNumber) string { return n.UserID }),
		moment(func(n *store.PhoneNumber) time.Time { return n.Associated }),
		text(func(n *store.PhoneNumber) string { return n.CallingName }),
		text(func(n *store.PhoneNumber) string { return n.CallingNameStatus }),
		moment(func(n *store.PhoneNumber) time.Time { return n.Updated }),
		moment(func(n *store.PhoneNumber) time.Time { return n.Deleted }),
		numbers[0].AWSAccountID)
	if err == nil && n != int64(len(numbers)) {
		err = t.sql.Refuse(store.ErrNotFound)
	}
	return err
}

func (t *tx) DeletePhoneNumbers(numbers []store.PhoneNumber) error {
	t.takeNumbers(numbers)
	return t.sql.DeletePhoneNumbers(numbers)
}

func (t *tx) PhoneNumberOrder(awsAccountID, orderID string) (store.PhoneNumberOrder, error) {
	t.take("numbers", awsAccountID)
	return t.sql.PhoneNumberOrder(awsAccountID, orderID)
}

func (t *tx) ListPhoneNumberOrders(awsAccountID string, before store.Entry, limit int) ([]store.PhoneNumberOrder, store.Entry, error) {
	t.take("numbers", awsAccountID)
	return t.sql.ListPhoneNumberOrders(awsAccountID, before, limit)
}

func (t *tx) InsertPhoneNumberOrder(o *store.PhoneNumberOrder) error {
	t.take("numbers", o.AWSAccountID)
	return t.sql.InsertPhoneNumberOrder(o)
}

func (t *tx) UpdatePhoneNumberOrder(o store.PhoneNumberOrder) error {
	t.take("numbers", o.AWSAccountID)
	return t.sql.UpdatePhoneNumberOrder(o)
}

func (t *tx) PhoneNumberSettings(awsAccountID string) (store.PhoneNumberSettings, error) {
	t.take("numbers", awsAccountID)
	return t.sql.PhoneNumberSettings(awsAccountID)
}

func (t *tx) PutPhoneNumberSettings(awsAccountID string, p store.PhoneNumberSettings) error {
	t.take("numbers", awsAccountID)
	return t.sql.PutPhoneNumberSettings(awsAccountID, p)
}

func (t *tx) PhoneNumberRestrictions(awsAccountID string) ([]store.PhoneNumberRestriction, error) {
	t.take("numbers", awsAccountID)
	return t.sql.PhoneNumberRestrictions(awsAccountID)
}

func (t *tx) PutPhoneNumberRestriction(r store.PhoneNumberRestriction) error {
	t.take("numbers", r.AWSAccountID)
	return t.sql.PutPhoneNumberRestriction(r)
}

func (t *tx) DeletePhoneNumberRestriction(r store.PhoneNumberRestriction) error {
	t.take("numbers", r.AWSAccountID)
	return t.sql.DeletePhoneNumberRestriction(r)
}
