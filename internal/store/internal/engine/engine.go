// Package engine holds what the two engines of package store have in common: how records are kept
// in rows, the statements that SQLite and PostgreSQL both understand, and the bookkeeping around
// them.
//
// Start at [SQL], the statements of one transaction. An engine keeps one as a field and calls what
// it needs; it does not embed it, so that the compiler names a method of the contract that it
// forgets.
package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/carillon-project/carillon/internal/store"
)

// Conn is a connection with a transaction open on it: what the statements need of an engine.
type Conn interface {
	// Query runs a query and calls scan for each row.
	Query(query string, scan func(Row) error, args ...any) error
	// Exec runs a statement and returns how many rows it changed.
	Exec(statement string, args ...any) (int64, error)
	// Explain says which error of package store an error of the engine stands for (nil if that
	// depends on when it came) and adds what an operator can do.
	Explain(err error) (kind, explained error)
}

// Row is the row that a query has come to.
type Row interface{ Scan(dest ...any) error }

// SQL is a transaction under way: its state, and the statements that both engines run. What is
// named like a method of [store.Tx] does what the contract says, locks excepted.
//
// Statements number their parameters in the order in which they first appear, since some drivers
// bind them in that order whatever the numbers are.
type SQL struct {
	Conn    Conn
	Context context.Context // its end ends a view between two statements
	Entries *Sequence       // nil in a transaction that only reads

	Wrote bool  // a statement that writes has been run
	Doom  error // what every further call returns; see Update in [store.Store]
}

// ErrClosed is what a store returns after Close.
var ErrClosed = fmt.Errorf("%w: it is closed", store.ErrUnavailable)

var errOver = errors.New("the transaction is over: a Tx must not be kept")

// End makes further use of the transaction an error.
func (s *SQL) End() { s.Refuse(errOver) }

// Refuse dooms the transaction, unless it is doomed already, and returns the reason.
func (s *SQL) Refuse(reason error) error {
	if s.Doom == nil {
		s.Doom = reason
	}
	return s.Doom
}

// fail turns an error of the engine into what callers are told, and dooms the transaction.
func (s *SQL) fail(err error) error {
	kind, err := s.Conn.Explain(err)
	switch {
	case kind != nil:
	case s.Wrote:
		kind = store.ErrFailed
	default:
		kind = store.ErrUnavailable
	}
	return s.Refuse(fmt.Errorf("%w: %w", kind, err))
}

// Read runs a query and calls scan for each row.
func (s *SQL) Read(query string, scan func(Row) error, args ...any) error {
	if s.Doom != nil {
		return s.Doom
	}
	if err := s.Context.Err(); err != nil {
		return err
	}
	if err := s.Conn.Query(query, scan, args...); err != nil {
		return s.fail(err)
	}
	return nil
}

// ReadRow reads the one row of a query into dest, or returns ErrNotFound.
func (s *SQL) ReadRow(query string, args []any, dest ...any) error {
	err := store.ErrNotFound
	scan := func(row Row) error {
		err = nil
		return row.Scan(dest...)
	}
	if failure := s.Read(query, scan, args...); failure != nil {
		return failure
	}
	return err
}

// Write runs a statement and returns how many rows it changed.
func (s *SQL) Write(statement string, args ...any) (int64, error) {
	if s.Doom != nil {
		return 0, s.Doom
	}
	s.Wrote = true
	n, err := s.Conn.Exec(statement, args...)
	if err != nil {
		return 0, s.fail(err)
	}
	return n, nil
}

// WriteOne runs a statement that must change a row; if it changes none, the transaction is doomed
// by ErrNotFound.
//
// A statement that names a row by its key, and for certainty by its id, makes an expression of the
// id: SQLite would otherwise look in the index of ids first, which is one tree more.
func (s *SQL) WriteOne(statement string, args ...any) error {
	n, err := s.Write(statement, args...)
	if err == nil && n == 0 {
		err = s.Refuse(store.ErrNotFound)
	}
	return err
}

// List reads all rows of a query.
func List[T any](s *SQL, scan func(Row) (T, error), query string, args ...any) ([]T, error) {
	var all []T
	err := s.Read(query, func(row Row) error {
		record, err := scan(row)
		all = append(all, record)
		return err
	}, args...)
	if err != nil {
		return nil, err
	}
	return all, nil
}

// one returns the record of a list that holds one at most, or ErrNotFound.
func one[T any](all []T, err error) (T, error) {
	if err == nil && len(all) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return *new(T), err
	}
	return all[0], nil
}
