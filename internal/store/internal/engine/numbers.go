package engine

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/store"
)

// Telephone numbers are kept as the integers that their digits make, which sort as they do.

// NumberKeys are the integers of some telephone numbers, in order, each once. What is no number has
// none, and nobody has it.
func NumberKeys(numbers []string) []int64 {
	var keys []int64
	for _, n := range Distinct(numbers) {
		if key, ok := numberKey(n); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

func numberKey(number string) (int64, bool) {
	digits, plus := strings.CutPrefix(number, "+")
	if !plus || len(digits) == 0 || len(digits) > 15 || digits[0] < '1' || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	key, err := strconv.ParseInt(digits, 10, 64)
	return key, err == nil
}

// key is the integer of a number that is to be written.
func (s *SQL) key(number string) (int64, error) {
	key, ok := numberKey(number)
	if !ok {
		return 0, s.Refuse(fmt.Errorf("a telephone number of %d characters is not as in E.164", len(number)))
	}
	return key, nil
}

// numberTo scans a telephone number.
type numberTo struct{ number *string }

func (n numberTo) Scan(v any) error {
	key, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a telephone number is stored as %T", v)
	}
	*n.number = "+" + strconv.FormatInt(key, 10)
	return nil
}

// CapabilityBits binds capabilities as the bits of a number.
func CapabilityBits(c store.Capabilities) (bits int64) {
	for i, has := range []bool{c.InboundCall, c.OutboundCall, c.InboundSMS, c.OutboundSMS, c.InboundMMS, c.OutboundMMS} {
		if has {
			bits |= 1 << i
		}
	}
	return bits
}

// capabilitiesTo scans what [CapabilityBits] binds.
type capabilitiesTo struct{ c *store.Capabilities }

func (t capabilitiesTo) Scan(v any) error {
	bits, ok := v.(int64)
	if !ok {
		return fmt.Errorf("capabilities are stored as %T", v)
	}
	for i, has := range []*bool{&t.c.InboundCall, &t.c.OutboundCall, &t.c.InboundSMS, &t.c.OutboundSMS, &t.c.InboundMMS, &t.c.OutboundMMS} {
		*has = bits&(1<<i) != 0
	}
	return nil
}

// The pool

const poolColumns = `number, aws_account_id, country, type, city, state, area_code, capabilities, failing`

func scanPool(row Row) (n store.PoolNumber, err error) {
	err = row.Scan(numberTo{&n.Number}, &n.Owner, &n.Country, &n.Type, &n.City, &n.State, &n.AreaCode,
		capabilitiesTo{&n.Capabilities}, &n.Failing)
	return n, err
}

// PoolNumbers returns the numbers of the pool that fulfill a condition on $1.
func (s *SQL) PoolNumbers(condition string, arg any) ([]store.PoolNumber, error) {
	return List(s, scanPool, `SELECT `+poolColumns+` FROM number_pool WHERE `+condition+` ORDER BY number`, arg)
}

func (s *SQL) ListPool(filter store.PoolFilter, after store.Entry, limit int) ([]store.PoolNumber, store.Entry, error) {
	conditions, args := []string{"number > $1"}, []any{int64(after)}
	where := func(condition string, arg any) {
		args = append(args, arg)
		conditions = append(conditions, fmt.Sprintf(condition, len(args)))
	}
	// What is not asked for is not in the statement, so that an index can serve it.
	switch {
	case filter.Available:
		where("aws_account_id = $%d", "")
	case filter.Owner != "":
		where("aws_account_id = $%d", filter.Owner)
	case filter.Owned:
		where("aws_account_id <> $%d", "")
	}
	for _, c := range []struct{ condition, value string }{
		{"country = $%d", filter.Country},
		{"type = $%d", filter.Type},
		{"area_code = $%d", filter.AreaCode},
		{"state = $%d", filter.State},
	} {
		if c.value != "" {
			where(c.condition, c.value)
		}
	}
	if filter.City != "" {
		// The engines fold ASCII only: each usual spelling is looked for.
		var spellings []string
		for _, city := range []string{filter.City, strings.ToUpper(filter.City), strings.ToLower(filter.City)} {
			args = append(args, lowerASCII(city))
			spellings = append(spellings, fmt.Sprintf("$%d", len(args)))
		}
		conditions = append(conditions, "lower(city) IN ("+strings.Join(spellings, ", ")+")")
	}
	args = append(args, limit+1)
	numbers, err := List(s, scanPool, fmt.Sprintf(`SELECT %s FROM number_pool WHERE %s ORDER BY number LIMIT $%d`,
		poolColumns, strings.Join(conditions, " AND "), len(args)), args...)
	if err != nil {
		return nil, 0, err
	}
	page, next := CutPage(numbers, limit, func(n *store.PoolNumber) store.Entry {
		key, _ := numberKey(n.Number)
		return store.Entry(key)
	})
	return page, next, nil
}

// lowerASCII does what the engines' lower does.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, text)
}

// numberRows is how many rows of numbers a statement adds at most: those of a full batch.
const numberRows = 50

func (s *SQL) PutPoolNumbers(numbers []store.PoolNumber) error {
	for len(numbers) > 0 {
		some := numbers[:min(len(numbers), numberRows)]
		numbers = numbers[len(some):]
		var args []any
		for _, n := range some {
			key, err := s.key(n.Number)
			if err != nil {
				return err
			}
			args = append(args, key, n.Owner, n.Country, n.Type, n.City, n.State, n.AreaCode, CapabilityBits(n.Capabilities), n.Failing)
		}
		if _, err := s.Write(InsertText("number_pool", poolColumns, len(some), 9)+` ON CONFLICT (number) DO UPDATE SET
			aws_account_id = excluded.aws_account_id, country = excluded.country, type = excluded.type, city = excluded.city,
			state = excluded.state, area_code = excluded.area_code, capabilities = excluded.capabilities,
			failing = excluded.failing`, args...); err != nil {
			return err
		}
	}
	return nil
}

// Numbers of AWS accounts

const phoneNumberColumns = `aws_account_id, entry, number, country, type, capabilities, created, order_id, product_type, status,
	account_id, user_id, associated, calling_name, calling_name_status, updated, deleted`

func scanPhoneNumber(row Row) (n store.PhoneNumber, err error) {
	err = row.Scan(&n.AWSAccountID, &n.Entry, numberTo{&n.Number}, &n.Country, &n.Type, capabilitiesTo{&n.Capabilities},
		millisTo{&n.Created}, &n.OrderID, &n.ProductType, &n.Status, &n.AccountID, &n.UserID, millisTo{&n.Associated}, &n.CallingName,
		&n.CallingNameStatus, millisTo{&n.Updated}, millisTo{&n.Deleted})
	return n, err
}

// PhoneNumbers returns the numbers of an AWS account that fulfill a condition on $2. The table may
// come with a hint.
func (s *SQL) PhoneNumbers(table, condition, awsAccountID string, arg any) ([]store.PhoneNumber, error) {
	return List(s, scanPhoneNumber, `SELECT `+phoneNumberColumns+` FROM `+table+` WHERE aws_account_id = $1 AND `+condition+`
		ORDER BY entry`, awsAccountID, arg)
}

func (s *SQL) ListPhoneNumbers(awsAccountID string, filter store.PhoneNumberFilter, after store.Entry, limit int) ([]store.PhoneNumber, store.Entry, error) {
	numbers, err := List(s, scanPhoneNumber, `SELECT `+phoneNumberColumns+` FROM (
			SELECT * FROM phone_numbers WHERE aws_account_id = $1 AND entry > $2 ORDER BY entry LIMIT $3
		) AS scanned WHERE ($4 = '' OR status = $4) AND ($5 = '' OR product_type = $5) AND ($6 = '' OR account_id = $6)
			AND ($7 = '' OR user_id = $7) LIMIT $8`,
		awsAccountID, after, scan(limit), filter.Status, filter.ProductType, filter.AccountID, filter.UserID, limit+1)
	if err != nil {
		return nil, 0, err
	}
	l := listing{"phone_numbers", "aws_account_id", awsAccountID, after, limit, filter == store.PhoneNumberFilter{}}
	return endPage(s, l, numbers, func(n *store.PhoneNumber) store.Entry { return n.Entry })
}

func (s *SQL) CountPhoneNumbers(awsAccountID string) (n int, err error) {
	err = s.ReadRow(`SELECT COUNT(*) FROM phone_numbers WHERE aws_account_id = $1 AND deleted = 0`, []any{awsAccountID}, &n)
	return n, err
}

func (s *SQL) InsertPhoneNumbers(numbers []store.PhoneNumber) error {
	if err := s.OwnedByOne(numbers); err != nil {
		return err
	}
	rows := s.NewRows("phone_numbers", "aws_account_id", nil)
	for len(numbers) > 0 {
		some := numbers[:min(len(numbers), numberRows)]
		numbers = numbers[len(some):]
		var args []any
		for i := range some {
			n := &some[i]
			key, err := s.key(n.Number)
			if err != nil {
				return err
			}
			if n.Entry, err = rows.Next(n.AWSAccountID); err != nil {
				return err
			}
			args = append(args, n.AWSAccountID, n.Entry, key, n.Country, n.Type, CapabilityBits(n.Capabilities), Millis(n.Created),
				n.OrderID, n.ProductType, n.Status, n.AccountID, n.UserID, Millis(n.Associated), n.CallingName, n.CallingNameStatus,
				Millis(n.Updated), Millis(n.Deleted))
		}
		if _, err := s.Write(InsertText("phone_numbers", phoneNumberColumns, len(some), 17), args...); err != nil {
			return err
		}
	}
	return nil
}

func (s *SQL) UpdatePhoneNumbers(numbers []store.PhoneNumber) error {
	if err := s.OwnedByOne(numbers); err != nil {
		return err
	}
	for _, n := range numbers {
		key, err := s.key(n.Number)
		if err != nil {
			return err
		}
		if err := s.WriteOne(`UPDATE phone_numbers SET product_type = $1, status = $2, account_id = $3, user_id = $4,
			associated = $5, calling_name = $6, calling_name_status = $7, updated = $8, deleted = $9
			WHERE aws_account_id = $10 AND entry = $11 AND number + 0 = $12`,
			n.ProductType, n.Status, n.AccountID, n.UserID, Millis(n.Associated), n.CallingName, n.CallingNameStatus,
			Millis(n.Updated), Millis(n.Deleted), n.AWSAccountID, n.Entry, key); err != nil {
			return err
		}
	}
	return nil
}

func (s *SQL) DeletePhoneNumbers(numbers []store.PhoneNumber) error {
	if err := s.OwnedByOne(numbers); err != nil {
		return err
	}
	for _, n := range numbers {
		key, err := s.key(n.Number)
		if err != nil {
			return err
		}
		if err := s.WriteOne(`DELETE FROM phone_numbers WHERE aws_account_id = $1 AND entry = $2 AND number + 0 = $3`,
			n.AWSAccountID, n.Entry, key); err != nil {
			return err
		}
	}
	return nil
}

// OwnedByOne refuses numbers of several AWS accounts.
func (s *SQL) OwnedByOne(numbers []store.PhoneNumber) error {
	for i := range numbers {
		if owner := numbers[i].AWSAccountID; owner != numbers[0].AWSAccountID {
			return s.Refuse(fmt.Errorf("telephone numbers of AWS accounts %s and %s in one call", numbers[0].AWSAccountID, owner))
		}
	}
	return nil
}

// Orders

const orderColumns = `aws_account_id, entry, order_id, product_type, created, status, numbers, statuses, updated`

func scanOrder(row Row) (o store.PhoneNumberOrder, err error) {
	var numbers, statuses []string
	err = row.Scan(&o.AWSAccountID, &o.Entry, &o.OrderID, &o.ProductType, millisTo{&o.Created}, &o.Status,
		stringListTo{&numbers}, stringListTo{&statuses}, millisTo{&o.Updated})
	if err == nil && len(numbers) != len(statuses) {
		err = fmt.Errorf("order %s has %d numbers and %d statuses", o.OrderID, len(numbers), len(statuses))
	}
	if err != nil {
		return o, err
	}
	for i := range numbers {
		o.Numbers = append(o.Numbers, store.OrderedNumber{Number: numbers[i], Status: statuses[i]})
	}
	return o, nil
}

// orderLists are the columns of what was ordered.
func orderLists(o store.PhoneNumberOrder) (numbers, statuses string) {
	var n, s []string
	for _, ordered := range o.Numbers {
		n, s = append(n, ordered.Number), append(s, ordered.Status)
	}
	return stringList(n), stringList(s)
}

func (s *SQL) PhoneNumberOrder(awsAccountID, orderID string) (store.PhoneNumberOrder, error) {
	return one(List(s, scanOrder, `SELECT `+orderColumns+` FROM number_orders WHERE aws_account_id = $1 AND order_id = $2`, awsAccountID, orderID))
}

func (s *SQL) ListPhoneNumberOrders(awsAccountID string, before store.Entry, limit int) ([]store.PhoneNumberOrder, store.Entry, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	orders, err := List(s, scanOrder, `SELECT `+orderColumns+` FROM number_orders WHERE aws_account_id = $1 AND entry < $2
		ORDER BY entry DESC LIMIT $3`, awsAccountID, before, limit+1)
	if err != nil {
		return nil, 0, err
	}
	page, next := CutPage(orders, limit, func(o *store.PhoneNumberOrder) store.Entry { return o.Entry })
	return page, next, nil
}

func (s *SQL) InsertPhoneNumberOrder(o *store.PhoneNumberOrder) (err error) {
	if o.Entry, err = s.NewRows("number_orders", "aws_account_id", nil).Next(o.AWSAccountID); err != nil {
		return err
	}
	numbers, statuses := orderLists(*o)
	_, err = s.Write(`INSERT INTO number_orders (`+orderColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		o.AWSAccountID, o.Entry, o.OrderID, o.ProductType, Millis(o.Created), o.Status, numbers, statuses, Millis(o.Updated))
	return err
}

func (s *SQL) UpdatePhoneNumberOrder(o store.PhoneNumberOrder) error {
	numbers, statuses := orderLists(o)
	return s.WriteOne(`UPDATE number_orders SET status = $1, numbers = $2, statuses = $3, updated = $4
		WHERE aws_account_id = $5 AND entry = $6 AND order_id || '' = $7`,
		o.Status, numbers, statuses, Millis(o.Updated), o.AWSAccountID, o.Entry, o.OrderID)
}

// Settings and restrictions

func (s *SQL) PhoneNumberSettings(awsAccountID string) (store.PhoneNumberSettings, error) {
	all, err := List(s, func(row Row) (p store.PhoneNumberSettings, err error) {
		err = row.Scan(&p.CallingName, millisTo{&p.CallingNameUpdated})
		return p, err
	}, `SELECT calling_name, calling_name_updated FROM number_settings WHERE aws_account_id = $1`, awsAccountID)
	if err != nil || len(all) == 0 {
		return store.PhoneNumberSettings{}, err
	}
	return all[0], nil
}

func (s *SQL) PutPhoneNumberSettings(awsAccountID string, p store.PhoneNumberSettings) error {
	_, err := s.Write(`INSERT INTO number_settings (aws_account_id, calling_name, calling_name_updated) VALUES ($1, $2, $3)
		ON CONFLICT (aws_account_id) DO UPDATE SET calling_name = excluded.calling_name,
			calling_name_updated = excluded.calling_name_updated`, awsAccountID, p.CallingName, Millis(p.CallingNameUpdated))
	return err
}

func (s *SQL) PhoneNumberRestrictions(awsAccountID string) ([]store.PhoneNumberRestriction, error) {
	return List(s, func(row Row) (store.PhoneNumberRestriction, error) {
		r := store.PhoneNumberRestriction{AWSAccountID: awsAccountID}
		err := row.Scan(&r.ProductType, &r.Country)
		return r, err
	}, `SELECT product_type, country FROM number_restrictions WHERE aws_account_id = $1 ORDER BY product_type, country`, awsAccountID)
}

func (s *SQL) PutPhoneNumberRestriction(r store.PhoneNumberRestriction) error {
	_, err := s.Write(`INSERT INTO number_restrictions (aws_account_id, product_type, country) VALUES ($1, $2, $3)
		ON CONFLICT (aws_account_id, product_type, country) DO NOTHING`, r.AWSAccountID, r.ProductType, r.Country)
	return err
}

func (s *SQL) DeletePhoneNumberRestriction(r store.PhoneNumberRestriction) error {
	return s.WriteOne(`DELETE FROM number_restrictions WHERE aws_account_id = $1 AND product_type = $2 AND country = $3`,
		r.AWSAccountID, r.ProductType, r.Country)
}
