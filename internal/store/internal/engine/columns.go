package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/carillon-project/carillon/internal/address"
)

// Millis binds a time as milliseconds since 1970; the zero time is 0.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// millisTo scans what [Millis] binds.
type millisTo struct{ t *time.Time }

func (m millisTo) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", v)
	}
	*m.t = time.Time{}
	if n != 0 {
		*m.t = time.UnixMilli(n).UTC()
	}
	return nil
}

// stringList binds a list of strings as a JSON array.
func stringList(list []string) string {
	if len(list) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(list) // strings always encode
	return string(b)
}

// stringListTo scans what [stringList] binds.
type stringListTo struct{ list *[]string }

func (l stringListTo) Scan(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("a list is stored as %T", v)
	}
	*l.list = nil
	if s == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(s), l.list)
}

// blob keeps an empty value from being bound as NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Distinct returns the keys sorted, each once.
func Distinct(keys []string) []string {
	keys = slices.Clone(keys)
	slices.Sort(keys)
	return slices.Compact(keys)
}

// EmailKeys returns addresses as keys: sorted, each once.
func EmailKeys(emails []string) []string {
	keys := make([]string, len(emails))
	for i, email := range emails {
		keys[i] = address.Key(email)
	}
	return Distinct(keys)
}
