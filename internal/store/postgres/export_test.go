package postgres

import (
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

// NextRelease returns the options as a release has them that brings one more migration.
func (o Options) NextRelease() Options {
	o.files = storetest.NextRelease(embedded)
	return o
}

// FirstRelease returns the options as the first release had them.
func (o Options) FirstRelease() Options {
	o.files = storetest.FirstRelease(embedded)
	return o
}

// Token names an update.
type Token = token

// NewToken returns the token of an update in an account.
func NewToken(account string) Token { return newToken(account) }

// Number returns the number of a token.
func (t token) Number() int64 { return t.number }

// Settle finds out whether the update with a token was committed.
func Settle(s store.Store, t Token) (bool, error) { return s.(*database).settle(t) }
