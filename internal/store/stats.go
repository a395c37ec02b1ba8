package store

import "time"

// Stats is what a store has done since it was opened, in this process.
type Stats struct {
	// Updates by how they ended: what they wrote was kept (even if that was nothing); it was
	// undone, because the function or the context said so, or because a rule of the records was
	// broken; or the storage failed (ErrUnavailable, ErrFailed).
	Committed, Undone, Failed uint64

	// Commits counts the waits for the disk: transactions with changes that were committed. On
	// SQLite, updates at the same time share one; on PostgreSQL each has its own.
	Commits uint64

	// Repeats counts attempts at an update that were made again: after a deadlock, a lost race for
	// a lock, or a lost connection. Only PostgreSQL has any.
	Repeats uint64

	// LastCommit is when changes were last committed, by the clock of the machine; zero if none were.
	LastCommit time.Time

	// FailedSyncs counts the commits, and FailedCheckpoints the copies of the log into the database,
	// that SQLite could not bring to stable storage, or not at all. Both are 0 on PostgreSQL.
	FailedSyncs, FailedCheckpoints uint64

	// FreeBytes is how much room the disk of the database has for this process; nil on PostgreSQL,
	// and where nobody can tell.
	FreeBytes *uint64

	// LogBytes is the size of SQLite's log beside the database; 0 on PostgreSQL.
	LogBytes int64
}
