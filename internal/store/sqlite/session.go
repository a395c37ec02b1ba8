package sqlite

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"

	driver "zombiezen.com/go/sqlite"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// session is a connection to a database with the statements prepared on it. Those are few and their
// texts are constants, so they are kept for as long as the connection.
type session struct {
	path       string          // of the file, or an URL
	context    context.Context // ends what is under way
	conn       *driver.Conn
	statements map[string]*statement
	alone      *sync.Mutex // held while the session is the only one; nil: it is not
}

// statement is a prepared statement. SQLite numbers parameters as it meets them, whatever is in
// their names ($1, $2, ...).
type statement struct {
	*driver.Stmt
	args  []int // for each parameter of SQLite: which argument it is
	count int   // of arguments
	busy  bool  // a query is under way
}

// connect opens a connection to a file, given by its absolute path or as an URL (see [sourceURL]),
// and runs a script on it. The end of the context ends what runs on the connection.
//
// Conn.SetDefensive must not be called: of the two arguments that SQLite reads it passes one, and
// SQLite then writes to wherever the bytes behind that point.
func connect(ctx context.Context, source string, flags driver.OpenFlags, setup string) (*session, error) {
	conn, err := driver.OpenConn(source, flags)
	if err != nil {
		return nil, asFailure(err)
	}
	s := &session{path: source, context: ctx, conn: conn, statements: make(map[string]*statement)}
	conn.SetBusyTimeout(lockWait)
	conn.SetInterrupt(ctx.Done())
	if err := s.script(setup); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close releases the connection; a nil session has none.
func (s *session) close() {
	if s == nil {
		return
	}
	for _, statement := range s.statements {
		statement.Finalize()
	}
	s.conn.Close()
	if s.alone != nil {
		s.alone.Unlock()
	}
}

// failure is an error of SQLite.
type failure struct {
	code driver.ResultCode
	text string
}

func (f *failure) Error() string { return f.text }

// asFailure makes a failure of an error of the driver.
func asFailure(err error) error {
	if err == nil {
		return nil
	}
	code := driver.ErrCode(err)
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner // those around it name functions of the driver
	}
	return &failure{code, fmt.Sprintf("%v (%d)", err, int(code))}
}

// fail returns the reason why a statement has ended early.
func (s *session) fail(err error) error {
	if err != nil && s.context.Err() != nil {
		return s.context.Err()
	}
	return asFailure(err)
}

// script runs statements, one after the other.
func (s *session) script(text string) error {
	for {
		text = strings.TrimLeft(text, " \t\r\n;")
		switch {
		case text == "":
			return nil
		case strings.HasPrefix(text, "--"):
			_, text, _ = strings.Cut(text, "\n")
			continue
		case strings.HasPrefix(text, "/*"):
			_, text, _ = strings.Cut(text, "*/")
			continue
		}
		statement, trailing, err := s.conn.PrepareTransient(text)
		if err != nil {
			return s.fail(err)
		}
		for more := true; more && err == nil; {
			more, err = statement.Step()
		}
		statement.Finalize()
		if err != nil {
			return s.fail(err)
		}
		text = text[len(text)-trailing:]
	}
}

// prepare returns a statement with its parameters set.
func (s *session) prepare(query string, args []any) (*statement, error) {
	known, ok := s.statements[query]
	if !ok {
		// Not Conn.Prepare: to clear all parameters of a statement, as that does each time, can make
		// SQLite plan it anew.
		prepared, trailing, err := s.conn.PrepareTransient(query)
		if err != nil {
			return nil, s.fail(err)
		}
		if trailing > 0 {
			prepared.Finalize()
			return nil, fmt.Errorf("more than one statement: %s", query)
		}
		known = &statement{Stmt: prepared, args: make([]int, prepared.BindParamCount())}
		for i := range known.args {
			n, err := strconv.Atoi(strings.TrimPrefix(prepared.BindParamName(i+1), "$"))
			if err != nil || n < 1 {
				prepared.Finalize()
				return nil, fmt.Errorf("parameter %s has no number: %s", prepared.BindParamName(i+1), query)
			}
			known.args[i] = n - 1
			known.count = max(known.count, n)
		}
		s.statements[query] = known
	}
	switch {
	case known.busy:
		return nil, fmt.Errorf("a query runs within itself: %s", query)
	case known.count != len(args):
		return nil, fmt.Errorf("%d arguments for %d parameters: %s", len(args), known.count, query)
	}
	for i, n := range known.args {
		if err := bind(known.Stmt, i+1, args[n]); err != nil {
			return nil, fmt.Errorf("argument %d: %w", n+1, err)
		}
	}
	return known, nil
}

func bind(statement *driver.Stmt, n int, arg any) error {
	switch v := arg.(type) {
	case string:
		statement.BindText(n, v)
	case int64:
		statement.BindInt64(n, v)
	case int:
		statement.BindInt64(n, int64(v))
	case store.Entry:
		statement.BindInt64(n, int64(v))
	case bool:
		statement.BindBool(n, v)
	case []byte:
		statement.BindBytes(n, v)
	case nil:
		statement.BindNull(n)
	default:
		plain, err := sqldriver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return err
		}
		switch plain.(type) {
		case string, int64, bool, []byte, nil:
			return bind(statement, n, plain)
		}
		return fmt.Errorf("a %T has no form in a column", arg)
	}
	return nil
}

// Exec runs a statement and returns how many rows it changed.
func (s *session) Exec(query string, args ...any) (int64, error) {
	statement, err := s.prepare(query, args)
	if err != nil {
		return 0, err
	}
	if _, err = statement.Step(); err != nil {
		return 0, s.fail(err) // Step has reset the statement
	}
	n := int64(s.conn.Changes())
	return n, s.fail(statement.Reset())
}

// Query runs a query and calls scan for each row.
func (s *session) Query(query string, scan func(engine.Row) error, args ...any) error {
	statement, err := s.prepare(query, args)
	if err != nil {
		return err
	}
	statement.busy = true
	defer func() {
		statement.busy = false
		statement.Reset()
	}()
	var found engine.Row = row{statement.Stmt}
	for {
		more, err := statement.Step()
		if err != nil || !more {
			return s.fail(err)
		}
		if err := scan(found); err != nil {
			return err
		}
	}
}

// queryRow reads the one row of a query. If there is none, dest stays as it is.
func (s *session) queryRow(query string, args []any, dest ...any) error {
	return s.Query(query, func(row engine.Row) error { return row.Scan(dest...) }, args...)
}

// row is the row that a query has come to. NULL is read by what expects it only, as on PostgreSQL:
// the tables have none, so it would be a mistake of a statement.
type row struct{ statement *driver.Stmt }

func (r row) Scan(dest ...any) error {
	for i, d := range dest {
		var none bool // whether the column may be NULL
		switch to := d.(type) {
		case *string:
			*to = r.statement.ColumnText(i)
			none = *to == ""
		case *int64:
			*to = r.statement.ColumnInt64(i)
			none = *to == 0
		case *int:
			*to = int(r.statement.ColumnInt64(i))
			none = *to == 0
		case *store.Entry:
			*to = store.Entry(r.statement.ColumnInt64(i))
			none = *to == 0
		case *bool:
			*to = r.statement.ColumnBool(i)
			none = !*to
		case *[]byte:
			*to = r.bytes(i)
			continue
		case sql.Scanner:
			if err := to.Scan(r.value(i)); err != nil {
				return fmt.Errorf("column %d: %w", i+1, err)
			}
			continue
		default:
			v := reflect.Indirect(reflect.ValueOf(d))
			if !r.readKind(i, v) {
				return fmt.Errorf("column %d: nothing is read into a %T", i+1, d)
			}
			none = v.IsZero()
		}
		if none && r.statement.ColumnIsNull(i) {
			return fmt.Errorf("column %d is NULL, which a %T cannot hold", i+1, d)
		}
	}
	return nil
}

// readKind reads a column into a variable of a type that is a kind of string or number.
func (r row) readKind(column int, to reflect.Value) bool {
	switch to.Kind() {
	case reflect.String:
		to.SetString(r.statement.ColumnText(column))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		to.SetInt(r.statement.ColumnInt64(column))
	default:
		return false
	}
	return true
}

// bytes returns the bytes of a column, nil for NULL.
func (r row) bytes(column int) []byte {
	if r.statement.ColumnIsNull(column) {
		return nil
	}
	b := make([]byte, r.statement.ColumnLen(column))
	r.statement.ColumnBytes(column, b)
	return b
}

func (r row) value(column int) any {
	switch r.statement.ColumnType(column) {
	case driver.TypeInteger:
		return r.statement.ColumnInt64(column)
	case driver.TypeText:
		return r.statement.ColumnText(column)
	case driver.TypeBlob:
		return r.bytes(column)
	default:
		return nil
	}
}

func (s *session) Explain(err error) (kind, explained error) {
	if f, ok := errors.AsType[*failure](err); ok &&
		(f.code == driver.ResultConstraintPrimaryKey || f.code == driver.ResultConstraintUnique) {
		return store.ErrExists, err
	}
	return nil, explainFile(s.path, err)
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

// close closes all sessions, and waits for those in use.
func (s sessions) close() {
	for range cap(s) {
		(<-s).close()
	}
}

// openSession returns a new session of a store. If there is no room for one, it is alone: nobody
// else can use the database until it is closed.
//
// Statements run to their end whatever becomes of the caller: an update that has begun is carried
// through, and a read is short.
func (d *database) openSession(setup string) (*session, error) {
	s, err := d.newSession(context.Background(), shared, setup)
	if !noRoom(err) {
		return s, err
	}
	d.alone.Lock()
	if s, err = d.newSession(context.Background(), exclusive, setup); err != nil {
		d.alone.Unlock()
		return nil, err
	}
	s.alone = &d.alone
	return s, nil
}

func (d *database) newSession(ctx context.Context, sharing, setup string) (*session, error) {
	// SQLite would take the log of the database for one of the file that is in its place now, and
	// remove it.
	if err := d.databaseInPlace(); err != nil {
		return nil, err
	}
	s, err := connect(ctx, d.path, driver.OpenReadWrite, sharing+durability(!d.volatile)+setup)
	if err != nil {
		return nil, err
	}
	if err := d.databaseInPlace(); err != nil { // or this is a connection to another database
		s.close()
		return nil, err
	}
	return s, nil
}

// noRoom reports whether an error says that the disk is full, or that files may not grow.
func noRoom(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && (f.code == driver.ResultFull || f.code == driver.ResultIOErrSHMSize)
}

// durability is the script that makes a commit wait until the log is on stable storage: NORMAL does
// not, and on macOS nothing does but its own way of syncing, which other systems ignore.
func durability(durable bool) string {
	if !durable {
		return "PRAGMA synchronous = OFF;"
	}
	return "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;"
}

// What a session begins with. Those that share a database share the index of its log through a
// file beside it, for which a full disk has no room. One that has the database for itself needs no
// such file: it can read, though what it writes fails for want of room. So a service can start on a
// full disk.
const (
	shared    = "PRAGMA locking_mode = NORMAL;"
	exclusive = "PRAGMA locking_mode = EXCLUSIVE;"
)

// sourceURL is the name for SQLite of the file at an absolute path, whatever characters it has,
// with parameters.
func sourceURL(path, parameters string) string {
	path = filepath.ToSlash(path)
	if path[0] != '/' { // C:/...
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: parameters}).String()
}
