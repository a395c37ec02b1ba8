package store

// Stats is what a store has done since it was opened, in this process.
type Stats struct {
	// Updates by how they ended: what they wrote was kept (also where that was nothing); it was
	// undone, because the function or the context said so or a rule of the records was broken; or
	// the storage failed (ErrUnavailable, ErrFailed).
	Committed, Undone, Failed uint64

	// Commits counts the waits for the disk: transactions with changes that were committed. On
	// SQLite updates that meet share one, on PostgreSQL each has its own.
	Commits uint64

	// Repeats counts attempts at an update that PostgreSQL made again: after a deadlock, a lost
	// race for a lock, or a lost connection. SQLite has none.
	Repeats uint64

	// LogBytes is the size of SQLite's log beside the database. It stays 0 on PostgreSQL.
	LogBytes int64
}
