package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	driver "zombiezen.com/go/sqlite"

	"github.com/carillon-project/carillon/internal/atomicfile"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// What the database holds at one moment can be saved in a file, and be put back while the service
// goes on: tests want the same state again and again. The pages are copied as they are. Putting
// them back is one transaction in the writer's turn, so everybody sees the state that was or the
// one that is loaded, and a process that is killed leaves either.
//
// Who is signed in, and who works on a task, is not part of a state. It is taken out of what is
// saved, and sessions go on over a load.

// notState takes out of a saved state what is none.
const notState = `DELETE FROM sessions; DELETE FROM sign_in_links;
	UPDATE tasks SET leased = 0, ready = due WHERE leased <> 0;
	UPDATE account_tasks SET leased = 0, ready = due WHERE leased <> 0`

// hasMore tells whether there is any of it. Most states have none, and a statement that changes
// something takes a new connection longer than to copy a small database.
const hasMore = `SELECT EXISTS (SELECT 1 FROM sessions) OR EXISTS (SELECT 1 FROM sign_in_links)
	OR EXISTS (SELECT 1 FROM tasks WHERE leased <> 0) OR EXISTS (SELECT 1 FROM account_tasks WHERE leased <> 0)`

// goOn takes sessions over from the running database, of keys that the loaded one has, too.
const goOn = `INSERT INTO sessions SELECT * FROM running.sessions WHERE key_id IN (SELECT key_id FROM access_keys);
	INSERT INTO sign_in_links SELECT * FROM running.sign_in_links WHERE key_id IN (SELECT key_id FROM access_keys)`

// savedState is a file with a state that is known to be sound. To check one takes longer than to
// load it.
type savedState struct {
	file   os.FileInfo // as it was then
	schema int
	check  string // of the secret key: see [seal.CheckSetting]
}

// Save saves what the database holds at one moment in a file (mode 0600), in place of one that is
// there. Neither readers nor writers wait. An error leaves the file as it was.
func (d *database) Save(ctx context.Context, file string) error {
	path, err := filepath.Abs(file)
	if err == nil {
		err = d.save(ctx, path)
	}
	if err != nil {
		return fmt.Errorf("saving to %s: %w", file, explain(err))
	}
	return nil
}

func (d *database) save(ctx context.Context, file string) error {
	f, err := atomicfile.New(file, 0o600)
	if err != nil {
		return err
	}
	defer f.Discard()
	f.Volatile = d.volatile
	var saved savedState
	err = d.view(ctx, d.readers, func(t *tx) error {
		// The first read takes the snapshot.
		check, err := t.Setting(seal.CheckSetting)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		saved.check = string(check)
		if err := t.sql.ReadRow("SELECT user_version FROM pragma_user_version", nil, &saved.schema); err != nil {
			return err
		}
		var more bool
		if err := t.sql.ReadRow(hasMore, nil, &more); err != nil {
			return err
		}
		finish := ""
		if more {
			finish = notState
		}
		reader := t.sql.Conn.(*session)
		return copyPages(ctx, reader, f.TempName(), finish, func(copying *driver.Backup) error {
			_, err := copying.Step(-1)
			return reader.fail(err)
		})
	})
	if err != nil {
		return err
	}
	if err := f.Replace(); err != nil {
		return err
	}
	if saved.file, err = os.Stat(file); err != nil {
		return err
	}
	d.savedStates.Store(file, saved)
	return nil
}

// Load makes a state that [database.Save] has saved what the database holds. Updates wait
// meanwhile. A view that has begun goes on with what it has seen. Then loaded is called, before
// any update works on the state; its error is returned, and changes nothing.
//
// An older schema is upgraded. A file that does not exist gives fs.ErrNotExist; one that is
// damaged, was saved by a newer release or before the secret key was replaced, is an error, too.
// After an error that is not loaded's, the database is as it was.
func (d *database) Load(ctx context.Context, file string, loaded func(store.ReadTx) error) error {
	var saved savedState
	path, err := filepath.Abs(file)
	if err == nil {
		saved, err = d.checkState(ctx, path)
	}
	if err != nil {
		return fmt.Errorf("loading %s: %w", file, err)
	}
	return d.inTurn(ctx, func() error {
		patience := time.Now().Add(d.turnWait)
		if err := d.openWriter(func() bool { return time.Now().Before(patience) }); err != nil {
			return fmt.Errorf("%w: beginning to write: %w", store.ErrUnavailable, d.explain(err))
		}
		if err := d.replace(ctx, path, saved); err != nil {
			d.abandon()
			return fmt.Errorf("loading %s: %w", file, explain(err))
		}
		d.counters.Commit()
		return d.readWriter(loaded)
	})
}

// checkState returns what is known of a saved state, and looks at the file if that is nothing.
func (d *database) checkState(ctx context.Context, file string) (savedState, error) {
	info, err := os.Stat(file)
	if err != nil {
		return savedState{}, err
	}
	if known, ok := d.savedStates.Load(file); ok {
		saved := known.(savedState)
		if os.SameFile(info, saved.file) && info.Size() == saved.file.Size() && info.ModTime().Equal(saved.file.ModTime()) {
			return saved, nil
		}
	}
	var b Backup
	_, log, err := readHeader(file)
	if err == nil && log {
		err = errors.New("it was copied from a running database")
	}
	var check []byte
	if err == nil {
		check, err = b.inspect(ctx, file)
	}
	if err != nil {
		if code(err) != 0 && ctx.Err() == nil {
			err = fmt.Errorf("the file is damaged, cut short or no database: %w", err)
		}
		return savedState{}, err
	}
	saved := savedState{info, b.Schema, string(check)}
	d.savedStates.Store(file, saved)
	return saved, nil
}

// replace puts a saved state in place of what the writer's database holds.
func (d *database) replace(ctx context.Context, file string, saved savedState) error {
	var schema int
	var check []byte
	var signedIn bool
	err := d.writer.Query(`SELECT v.user_version, (SELECT value FROM settings WHERE name = $1),
		EXISTS (SELECT 1 FROM sessions) OR EXISTS (SELECT 1 FROM sign_in_links) FROM pragma_user_version AS v`,
		func(row engine.Row) error { return row.Scan(&schema, &check, &signedIn) }, seal.CheckSetting)
	if err != nil {
		return err
	}
	if saved.check != string(check) {
		return errors.New("it was saved before the secret key was replaced, which encrypts access keys: save it anew")
	}
	if signedIn || saved.schema < schema {
		f, err := atomicfile.New(file, 0o600)
		if err != nil {
			return err
		}
		defer f.Discard()
		if err := d.amend(ctx, file, f); err != nil {
			return err
		}
		file = f.TempName()
	}
	source, err := openCopy(ctx, file)
	if err != nil {
		return err
	}
	defer source.close()
	restoring, err := driver.NewBackup(d.writer.conn, "main", source.conn, "main")
	if err != nil {
		return asFailure(err)
	}
	defer restoring.Close()
	// Another process may be writing.
	for patience := time.Now().Add(d.turnWait); ; {
		_, err = restoring.Step(-1)
		if err = asFailure(err); code(err) != driver.ResultBusy || time.Now().After(patience) || ctx.Err() != nil {
			return err
		}
	}
}

// readWriter lets fn read by the writer's connection.
func (d *database) readWriter(fn func(store.ReadTx) error) error {
	defer func() {
		if d.writer != nil && d.writer.alone != nil {
			d.abandon()
		}
	}()
	if _, err := d.writer.Exec("BEGIN"); err != nil {
		d.abandon()
		return fmt.Errorf("%w: beginning to read: %w", store.ErrUnavailable, d.explain(err))
	}
	t := &tx{sql: engine.SQL{Conn: d.writer, Context: context.Background()}}
	err := fn(t)
	t.sql.End()
	if _, end := d.writer.Exec("ROLLBACK"); end != nil {
		d.abandon()
	}
	return err
}

// amend copies a saved state, and makes the copy one of this release in which sessions go on.
func (d *database) amend(ctx context.Context, file string, to *atomicfile.File) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if err := copyFile(ctx, file, to, info.Size()); err != nil {
		return err
	}
	s, err := connect(ctx, sourceURL(to.TempName(), ""), driver.OpenReadWrite|driver.OpenURI, "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
	if err != nil {
		return err
	}
	defer s.close()
	if err := migrate(s, d.migrations); err != nil {
		return err
	}
	if _, err := s.Exec("ATTACH $1 AS running", sourceURL(d.path, "mode=ro")); err != nil {
		return err
	}
	return s.script("BEGIN; " + goOn + "; COMMIT")
}
