package sqlite

import (
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

func (t *tx) PoolNumbers(numbers []string) ([]store.PoolNumber, error) {
	return t.sql.PoolNumbers(`number IN (SELECT value FROM json_each($1))`, list(engine.NumberKeys(numbers)))
}

func (t *tx) ListPool(filter store.PoolFilter, after store.Entry, limit int) ([]store.PoolNumber, store.Entry, error) {
	return t.sql.ListPool(filter, after, limit)
}

func (t *tx) PutPoolNumbers(numbers []store.PoolNumber) error { return t.sql.PutPoolNumbers(numbers) }

func (t *tx) DeletePoolNumbers(numbers []string) error {
	_, err := t.sql.Write(`DELETE FROM number_pool WHERE number IN (SELECT value FROM json_each($1))`, list(engine.NumberKeys(numbers)))
	return err
}

func (t *tx) PhoneNumbers(awsAccountID string, numbers []string) ([]store.PhoneNumber, error) {
	return t.sql.PhoneNumbers(`phone_numbers INDEXED BY phone_numbers_number`, `number IN (SELECT value FROM json_each($2))`,
		awsAccountID, list(engine.NumberKeys(numbers)))
}

func (t *tx) ListPhoneNumbers(awsAccountID string, filter store.PhoneNumberFilter, after store.Entry, limit int) ([]store.PhoneNumber, store.Entry, error) {
	return t.sql.ListPhoneNumbers(awsAccountID, filter, after, limit)
}

func (t *tx) CountPhoneNumbers(awsAccountID string) (int, error) {
	return t.sql.CountPhoneNumbers(awsAccountID)
}

func (t *tx) InsertPhoneNumbers(numbers []store.PhoneNumber) error {
	return t.sql.InsertPhoneNumbers(numbers)
}

func (t *tx) UpdatePhoneNumbers(numbers []store.PhoneNumber) error {
	return t.sql.UpdatePhoneNumbers(numbers)
}

func (t *tx) DeletePhoneNumbers(numbers []store.PhoneNumber) error {
	return t.sql.DeletePhoneNumbers(numbers)
}

func (t *tx) PhoneNumberOrder(awsAccountID, orderID string) (store.PhoneNumberOrder, error) {
	return t.sql.PhoneNumberOrder(awsAccountID, orderID)
}

func (t *tx) ListPhoneNumberOrders(awsAccountID string, before store.Entry, limit int) ([]store.PhoneNumberOrder, store.Entry, error) {
	return t.sql.ListPhoneNumberOrders(awsAccountID, before, limit)
}

func (t *tx) InsertPhoneNumberOrder(o *store.PhoneNumberOrder) error {
	return t.sql.InsertPhoneNumberOrder(o)
}

func (t *tx) UpdatePhoneNumberOrder(o store.PhoneNumberOrder) error {
	return t.sql.UpdatePhoneNumberOrder(o)
}

func (t *tx) PhoneNumberSettings(awsAccountID string) (store.PhoneNumberSettings, error) {
	return t.sql.PhoneNumberSettings(awsAccountID)
}

func (t *tx) PutPhoneNumberSettings(awsAccountID string, p store.PhoneNumberSettings) error {
	return t.sql.PutPhoneNumberSettings(awsAccountID, p)
}

func (t *tx) PhoneNumberRestrictions(awsAccountID string) ([]store.PhoneNumberRestriction, error) {
	return t.sql.PhoneNumberRestrictions(awsAccountID)
}

func (t *tx) PutPhoneNumberRestriction(r store.PhoneNumberRestriction) error {
	return t.sql.PutPhoneNumberRestriction(r)
}

func (t *tx) DeletePhoneNumberRestriction(r store.PhoneNumberRestriction) error {
	return t.sql.DeletePhoneNumberRestriction(r)
}
