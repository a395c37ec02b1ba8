package sqlite

import (
	"context"
	"database/sql"
	"errors"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// session is a connection with the statements prepared on it. Those are few and their texts are
// constants, so they are kept for as long as the connection.
type session struct {
	db         *database
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	alone      bool // holds the lock of this name
}

// sessions holds those of some sessions that are idle; nil stands for one that is not open yet.
type sessions chan *session

func makeSessions(n int) sessions {
	s := make(sessions, n)
	for range n {
		s <- nil
	}
	return s
}

// end takes all sessions, and waits for those in use, to end each of them.
func (s sessions) end(each func(*session)) {
	for range cap(s) {
		each(<-s)
	}
}

// noRoom reports whether an error says that the disk is full, or that files may not grow.
func noRoom(err error) bool {
	e, ok := errors.AsType[*driver.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_FULL || e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE)
}

// openSession returns a new session. If there is no room for one, it is alone: nobody else can use
// the database until it is closed.
func (d *database) openSession(setup string) (*session, error) {
	s, err := d.newSession(d.shared, setup)
	if !noRoom(err) {
		return s, err
	}
	d.alone.Lock()
	if s, err = d.newSession(d.exclusive, setup); err != nil {
		d.alone.Unlock()
		return nil, err
	}
	s.alone = true
	return s, nil
}

func (d *database) newSession(pool *sql.DB, setup string) (*session, error) {
	// SQLite would take the log of the database for one of the file that is in its place now, and
	// remove it.
	if err := d.databaseInPlace(); err != nil {
		return nil, err
	}
	conn, err := pool.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	opened := &session{db: d, conn: conn, statements: make(map[string]*sql.Stmt)}
	if _, err = opened.Exec(setup); err == nil {
		err = d.databaseInPlace() // or this is a connection to another database
	}
	if err != nil {
		opened.close()
		return nil, err
	}
	return opened, nil
}

// close releases the connection; a nil session has none.
func (s *session) close() {
	if s != nil {
		s.forget()
		s.conn.Close()
		if s.alone {
			s.db.alone.Unlock()
		}
	}
}

// forget closes the statements.
func (s *session) forget() {
	for _, statement := range s.statements {
		statement.Close()
	}
	clear(s.statements)
}

// Statements run without the caller's context: an update that has begun is carried through, a read
// is short, and the driver would start a goroutine for each statement to watch a context.

func (s *session) prepare(query string) (*sql.Stmt, error) {
	statement, ok := s.statements[query]
	if !ok {
		var err error
		if statement, err = s.conn.PrepareContext(context.Background(), query); err != nil {
			return nil, err
		}
		s.statements[query] = statement
	}
	return statement, nil
}

// Exec runs a statement and returns how many rows it changed.
func (s *session) Exec(query string, args ...any) (int64, error) {
	statement, err := s.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := statement.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Query runs a query and calls scan for each row.
func (s *session) Query(query string, scan func(engine.Row) error, args ...any) error {
	statement, err := s.prepare(query)
	if err != nil {
		return err
	}
	rows, err := statement.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s *session) Explain(err error) (kind, explained error) {
	if e, ok := errors.AsType[*driver.Error](err); ok &&
		(e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE) {
		return store.ErrExists, err
	}
	return nil, s.db.explain(err)
}
