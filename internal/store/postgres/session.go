package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// statementTime bounds the wait for an answer of the server, in case it has vanished.
const statementTime = 30 * time.Second

// session is a transaction on a connection of the pool. A statement whose answer can wait is
// queued; it goes out together with the next one whose answer is needed, in one round trip.
type session struct {
	db      *database
	purpose int // of the connection
	conn    *connection

	queue     []statement
	once      bool  // the next statement that is sent is the only one to read: the end goes out with it
	answered  bool  // a statement has been, or a row of it, so that another connection cannot take over
	lost      bool  // the connection has broken, and the transaction with it
	uncertain bool  // the commit has failed, or may have: what was written may be there all the same
	resent    int32 // how often another connection has taken over
}

type statement struct {
	text string
	args []any
	scan func(engine.Row) error // called for each row; nil where there is none to be read
}

func (s *session) enqueue(next statement) {
	s.queue = append(s.queue, next)
}

func (s *session) Query(query string, scan func(engine.Row) error, args ...any) error {
	_, err := s.send(statement{query, args, scan})
	return err
}

func (s *session) Exec(text string, args ...any) (int64, error) {
	return s.send(statement{text: text, args: args})
}

// send sends what is queued and a statement, and returns how many rows the latter read or changed.
func (s *session) send(last statement) (int64, error) {
	statements := append(s.queue, last)
	s.queue = nil
	if s.once {
		statements = append(statements, statement{text: `COMMIT`})
	}
	for {
		_, tag, err := s.sendAll(statements)
		if err == nil {
			s.answered = true
			return tag.RowsAffected(), nil
		}
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "25006" {
			s.conn.Conn().Close(context.Background()) // a standby now: the next connection is to the new primary
		}
		s.lost = s.conn.Conn().IsClosed()
		silent := errors.Is(err, context.DeadlineExceeded) // and may be so on any connection, each for as long
		if !s.lost || silent || s.answered || s.resent > s.db.pool.Config().MaxConns {
			return 0, err
		}
		// The connection has broken since it was last used, so the first statement starts again on
		// another. After a restart of the server all connections of the pool have, so the next may
		// be no better.
		s.resent++
		if failure := s.reconnect(); failure != nil {
			return 0, errors.Join(err, failure)
		}
	}
}

func (s *session) reconnect() error {
	ctx, cancel := context.WithTimeout(context.Background(), statementTime)
	defer cancel()
	s.conn.Release()
	s.conn = nil
	conn, err := s.db.acquire(ctx, s.purpose)
	if err == nil {
		s.conn, s.lost = conn, false
	}
	return err
}

// commit sends what is queued and ends the transaction. With an error the session is uncertain,
// unless a statement before the commit has failed.
func (s *session) commit() error {
	s.answered = true // from here on nothing may be sent twice
	forgetWarning(s.conn)
	s.enqueue(statement{text: `COMMIT`})
	statements := s.queue
	s.queue = nil
	done, tag, err := s.sendAll(statements)
	s.lost = s.conn.Conn().IsClosed()
	if err == nil {
		// A server only warns if it has stopped to wait for a standby, or a coordinator of several
		// nodes if one of them has not committed.
		if err = warningOf(s.conn); err == nil && tag.String() != "COMMIT" {
			err = fmt.Errorf("the server has answered %q to COMMIT", tag)
		}
	}
	_, said := errors.AsType[*pgconn.PgError](err)
	s.uncertain = err != nil && (s.lost || !said || done >= len(statements)-1)
	return err
}

// warningKey is where a connection keeps the last warning of the server.
const warningKey = "warning"

// keepWarning keeps what the server says besides its answers.
func keepWarning(conn *pgconn.PgConn, notice *pgconn.Notice) {
	if notice.SeverityUnlocalized == "WARNING" {
		conn.CustomData()[warningKey] = error((*pgconn.PgError)(notice))
	}
}

func forgetWarning(c *connection) { delete(c.Conn().PgConn().CustomData(), warningKey) }

// warningOf returns the last warning since it was forgotten, or nil.
func warningOf(c *connection) error {
	warning, _ := c.Conn().PgConn().CustomData()[warningKey].(error)
	return warning
}

// sendAll sends statements in one go and reads all answers. It returns how many have been
// answered, and the tag of the last. It does without the caller's context: an update that has begun
// is carried through, and a read is short.
func (s *session) sendAll(statements []statement) (done int, tag pgconn.CommandTag, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.db.statementTime)
	defer cancel()
	batch := &pgx.Batch{}
	for _, statement := range statements {
		batch.Queue(statement.text, clean(statement.args)...)
	}
	results := s.conn.SendBatch(ctx, batch)
	defer func() {
		if failure := results.Close(); err == nil {
			err = failure
		}
	}()
	for _, statement := range statements {
		rows, err := results.Query()
		if err != nil {
			return done, tag, err
		}
		for rows.Next() {
			if statement.scan == nil {
				continue
			}
			s.answered = true // or else its rows would be read twice
			if err := statement.scan(rows); err != nil {
				rows.Close()
				return done, tag, err
			}
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return done, tag, err
		}
		tag = rows.CommandTag()
		done++
	}
	return done, tag, nil
}

// end gives the connection back and rolls back what was not committed. Nobody waits for that.
func (s *session) end() {
	conn := s.conn
	if conn == nil {
		return
	}
	s.conn = nil
	if pg := conn.Conn().PgConn(); pg.IsClosed() || pg.TxStatus() == 'I' {
		conn.Release()
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), statementTime)
		defer cancel()
		conn.Exec(ctx, "ROLLBACK") // a connection on which this fails is not used again
		conn.Release()
	}()
}

func (s *session) Explain(err error) (kind, explained error) {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && isDuplicate(e) && !entryTaken(e) {
		kind = store.ErrExists
	} else if s.lost || repeatable(err) {
		kind = store.ErrUnavailable // nothing is kept of a transaction that was not committed
	}
	return kind, explain(err)
}

// clean makes the texts among the arguments what PostgreSQL can keep: U+FFFD stands for NUL and for
// bytes that are no UTF-8.
func clean(args []any) []any {
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			if cleaned := cleanText(arg); cleaned != arg {
				args[i] = cleaned
			}
		case []string:
			for i, text := range arg {
				arg[i] = cleanText(text)
			}
		}
	}
	return args
}

func cleanText(s string) string {
	if strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
