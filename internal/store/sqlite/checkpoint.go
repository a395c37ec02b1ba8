package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// How the log is kept short. A commit appends to the log. What is in the log has to be copied into
// the database at some time: that is a checkpoint. SQLite would do it within a commit, while
// everybody waits. Here a goroutine does it, on a connection of its own, while the writer goes on.
//
// As long as commits go on, there is always some of the log that is not copied yet, and so it would
// never start again from its beginning. Once it is long enough, the goroutine stops the writer for
// a moment, copies the last few frames and waits for the readers that still need the log.
const (
	// restartFrames is the length, in frames (pages of 4 KiB), at which the log is started again:
	// 64 MiB. After a crash not much more than that is read again.
	restartFrames = 16000
	frameSize     = 4096 + 24 // bytes, of a page and its header

	// One part in checkpointShare of that is copied at once. More frames hold more versions of the
	// same page, of which only the last is copied; fewer are done sooner.
	checkpointShare = 4

	// restartWait is the longest time that updates wait for readers of the log. While a reader goes
	// on for longer, as a backup does, the log grows.
	restartWait = 100 * time.Millisecond
)

// checkpoints is the goroutine that keeps the log short until the database is closed. A failure,
// such as a full disk, leaves everything in the log; the next commit makes it try again.
func (d *database) checkpoints() {
	defer close(d.checkpointed)
	c := checkpointer{db: d}
	defer c.reset()
	for {
		select {
		case <-d.committed:
			if err := c.run(); err != nil {
				d.counters.FailedCheckpoints.Add(1)
				if d.halfCopied.Load() {
					d.letWriterSecure()
				}
				c.reset()
			}
		case <-d.quit:
			return
		}
	}
}

// checkpointer is what the goroutine keeps from one commit to the next.
type checkpointer struct {
	db      *database
	session *session // nil until first needed, and after a failure
	held    int      // the length of the log when readers last kept it from starting again; 0: it has started since
}

func (c *checkpointer) reset() {
	c.session.close()
	c.session = nil
}

// run copies what is in the log if that is much, and starts the log again if it has become long.
func (c *checkpointer) run() (err error) {
	if c.session == nil {
		c.session, err = c.db.newSession(context.Background(), shared, fmt.Sprintf("PRAGMA busy_timeout = %d", restartWait.Milliseconds()))
		if err != nil {
			return err
		}
	}
	if c.db.inDoubt() {
		return nil
	}
	before, err := checkpoint(c.session, "NOOP")
	if err == nil && before.length < c.held {
		c.held = 0 // a commit that found everything copied and nobody reading has started the log again
	}
	if err != nil || before.length-before.copied < c.db.restartFrames/checkpointShare {
		return err
	}
	log, err := c.copy("PASSIVE")
	if err != nil || log.length < c.held+c.db.restartFrames || log.copied == before.copied { // a reader needs the next frame
		return err
	}
	c.db.writing.Lock()
	defer c.db.writing.Unlock()
	if log, err = c.copy("RESTART"); err != nil {
		return err
	}
	c.held = 0
	if log.busy {
		c.held = max(0, log.length) // -1 if another process is at a checkpoint
	}
	return nil
}

// copy runs a checkpoint. A sync that fails is noted before anybody else copies the rest and lets
// the log start again.
func (c *checkpointer) copy(mode string) (logState, error) {
	c.db.copying.Lock()
	defer c.db.copying.Unlock()
	log, err := checkpoint(c.session, mode)
	if failedSync(err) {
		c.db.halfCopied.Store(true)
	}
	return log, err
}

// inDoubt reports whether the log can have frames in it that only memory has, or the database
// pages. The writer sees to them when it opens its connection.
func (d *database) inDoubt() bool { return d.doubtful.Load() || d.halfCopied.Load() }

// letWriterSecure lets the writer open another connection, after a sync of a checkpoint has failed.
func (d *database) letWriterSecure() {
	d.writing.Lock()
	defer d.writing.Unlock()
	d.abandon()
}

// logState is what SQLite says of the log, in frames.
type logState struct {
	busy           bool // readers, or another process, kept the checkpoint from being complete
	length, copied int
}

// checkpoint runs a checkpoint of a mode. NOOP only asks. PASSIVE copies what can be copied without
// waiting. RESTART waits for writers and readers; then the next commit begins a new log.
func checkpoint(s *session, mode string) (log logState, err error) {
	err = s.Query("PRAGMA wal_checkpoint("+mode+")", func(row engine.Row) error {
		return row.Scan(&log.busy, &log.length, &log.copied)
	})
	return log, err
}
