package directory

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// A page token is a place in a listing and the first 16 bytes of an HMAC-SHA256 over it and the
// scope of the listing, in URL-safe base64. In most listings the place is the entry of the last row
// looked at (8 bytes, big-endian). A token is valid for its own listing only, with pages of any
// size.
const macSize = 16

// pageKeySetting is where the store keeps the key.
const pageKeySetting = "page-token-key"

// pageKey returns the key that authenticates page tokens. It makes one if there is none.
func pageKey(st store.Store, random io.Reader) (key []byte, err error) {
	ctx := context.Background()
	err = st.View(ctx, func(tx store.ReadTx) (err error) {
		key, err = tx.Setting(pageKeySetting)
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		return key, err
	}
	err = st.Update(ctx, func(tx store.Tx) (err error) {
		key, err = tx.Setting(pageKeySetting) // another process may have been first
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		key = make([]byte, sha256.Size)
		if _, err := io.ReadFull(random, key); err != nil {
			return err
		}
		return tx.PutSetting(pageKeySetting, key)
	})
	return key, err
}

// listing gives out and checks the tokens of one listing.
type listing struct {
	key   []byte
	scope string
}

// listing returns the listing of an operation with some filters, the caller among them.
func (s *Service) listing(operation string, filters ...string) listing {
	scope := operation
	for _, f := range filters {
		scope += fmt.Sprintf(" %d:%s", len(f), f) // the length keeps filters apart
	}
	return listing{s.pageKey, scope}
}

// token returns the token that continues the listing after a row; nil for 0, its end.
func (l listing) token(last store.Entry) *string {
	if last == 0 {
		return nil
	}
	return new(l.seal(binary.BigEndian.AppendUint64(nil, uint64(last))))
}

// after returns the entry of a token, 0 for no token.
func (l listing) after(token *string) (store.Entry, error) {
	place, err := l.open(token)
	if place == nil {
		return 0, err
	}
	return store.Entry(binary.BigEndian.Uint64(place)), nil
}

// seal returns the token of a place.
func (l listing) seal(place []byte) string {
	return base64.URLEncoding.EncodeToString(append(place, l.mac(place)...))
}

// open returns the place of a token, nil for no token. It takes the one spelling that seal makes.
func (l listing) open(token *string) ([]byte, error) {
	if token == nil || *token == "" {
		return nil, nil
	}
	b, err := base64.URLEncoding.DecodeString(*token)
	if err == nil && len(b) > macSize {
		if place := b[: len(b)-macSize : len(b)-macSize]; hmac.Equal(b[len(place):], l.mac(place)) && *token == l.seal(place) {
			return place, nil
		}
	}
	return nil, api.BadRequest("NextToken was not given out for this listing: " +
		"send the NextToken of the page before, with the same filters")
}

func (l listing) mac(place []byte) []byte {
	h := hmac.New(sha256.New, l.key)
	h.Write(place)
	io.WriteString(h, l.scope)
	return h.Sum(nil)[:macSize]
}

// How many rows a page has if the request does not say. Those of accounts, users and bots are
// Amazon Chime's, which said nothing of rooms and their members.
const (
	userPage = 100
	botPage  = 10
	roomPage = 50
)

// pageSize returns the number of rows of a page.
func pageSize(maxResults *int, usual int) int {
	if maxResults == nil {
		return usual
	}
	return *maxResults
}
