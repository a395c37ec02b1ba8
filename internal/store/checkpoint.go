package store

import (
	"fmt"
	"time"
)

// How the log is kept short. A commit appends to the log, and what the log holds has to be copied
// into the database at some time, a checkpoint. SQLite would do so within a commit, while all that
// are waiting wait; here a goroutine does it, on a connection of its own, beside the writer.
//
// While commits go on the log never comes to an end that has been copied, and so would never start
// again from the beginning. Once it is long enough, then, the writer is stopped for the moment that
// the last few frames and the readers take which still need the log.
const (
	// restartFrames is the length, in frames (pages of 4 KiB), from which the log is started again:
	// 64 MiB. What is read again after a crash is not much more.
	restartFrames = 16000
	frameSize     = 4096 + 24 // bytes, of a page and its header

	// checkpointShare of that is copied at once. More frames hold more versions of the same page, of
	// which only the last is copied; fewer are sooner done.
	checkpointShare = 4

	// restartWait is the longest that updates wait for readers of the log. One that goes on for longer,
	// such as a backup, lets the log grow until it ends.
	restartWait = 100 * time.Millisecond
)

// checkpoint is the goroutine that keeps the log short until the store is closed. A failure, such as
// a full disk, leaves all in the log, and the next commit makes it try again.
func (s *sqliteStore) checkpoint() {
	defer close(s.checkpointed)
	c := checkpointer{store: s}
	defer c.reset()
	for {
		select {
		case <-s.committed:
			if err := c.run(); err != nil {
				c.reset()
			}
		case <-s.quit:
			return
		}
	}
}

// checkpointer is what that goroutine keeps from one commit to the next.
type checkpointer struct {
	store   *sqliteStore
	session *sqliteSession // nil until first needed, and after a failure
	held    int            // the length at which readers last kept the log from starting again; 0: it has since
}

func (c *checkpointer) reset() {
	c.session.close()
	c.session = nil
}

// run copies what the log holds if that is much, and starts it again if it has become long.
func (c *checkpointer) run() (err error) {
	if c.session == nil {
		c.session, err = c.store.newSession(fmt.Sprintf("PRAGMA busy_timeout = %d", restartWait.Milliseconds()))
		if err != nil {
			return err
		}
	}
	before, err := c.checkpoint("NOOP")
	if err == nil && before.length < c.held {
		c.held = 0 // a commit that found all copied and nobody reading has started it again
	}
	if err != nil || before.length-before.copied < c.store.restartFrames/checkpointShare {
		return err
	}
	log, err := c.checkpoint("PASSIVE")
	if err != nil || log.length < c.held+c.store.restartFrames || log.copied == before.copied { // a reader holds on to the next frame
		return err
	}
	c.store.writing.Lock()
	defer c.store.writing.Unlock()
	if log, err = c.checkpoint("RESTART"); err != nil {
		return err
	}
	c.held = 0
	if log.busy {
		c.held = max(0, log.length) // -1 if another process is at a checkpoint
	}
	return nil
}

// logState is what SQLite says of the log, in frames.
type logState struct {
	busy           bool // readers, or another process, kept a checkpoint from being complete
	length, copied int
}

// checkpoint runs a checkpoint of a mode: NOOP only asks, PASSIVE copies what can be copied without
// waiting, RESTART waits for writers and readers, and the next commit begins a new log then.
func (c *checkpointer) checkpoint(mode string) (log logState, err error) {
	err = c.session.query("PRAGMA wal_checkpoint("+mode+")", func(row scanner) error {
		return row.Scan(&log.busy, &log.length, &log.copied)
	})
	return log, err
}
