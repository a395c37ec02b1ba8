package main

// Folders of the sources.
const (
	sqlite   = "internal/store/sqlite/"
	postgres = "internal/store/postgres/"
	bulk     = "internal/bulk/"
	files    = "internal/atomicfile/"
)

var fewLosses = []string{"-power-losses=100"}

var list = []mutant{
	// A group of updates, from the first to the acknowledgement.
	{
		name: "sync-normal", promise: "a commit waits for the disk", fast: true,
		file: sqlite + "session.go", old: `"PRAGMA synchronous = FULL;`, new: `"PRAGMA synchronous = NORMAL;`,
		tests: []string{"TestSettings", "TestSyncs"},
	},
	{
		name: "sync-off", promise: "a commit waits for the disk",
		file: sqlite + "session.go", old: `"PRAGMA synchronous = FULL;`, new: `"PRAGMA synchronous = OFF;`,
		tests: []string{"TestSettings", "TestSyncs", "TestPowerLoss"}, args: fewLosses,
	},
	{
		name: "sync-to-cache", promise: "the disk of a Mac empties its own cache",
		file: sqlite + "session.go", old: ` PRAGMA fullfsync = ON;`, new: ``,
		tests: []string{"TestSettings", "TestSyncs"},
	},
	{
		name: "all-volatile", promise: "only data of tests do without the disk",
		file: sqlite + "session.go", old: `durability(!d.volatile)`, new: `durability(false)`,
		tests: []string{"TestSettings", "TestSyncs"},
	},
	{
		name: "writer-unsynced", promise: "a commit waits for the disk",
		file: sqlite + "writer.go", old: `PRAGMA cache_size = -32768;`, new: `PRAGMA synchronous = OFF; PRAGMA cache_size = -32768;`,
		tests: []string{"TestSettings", "TestSyncs"},
	},
	{
		name: "ack-before-commit", promise: "nothing is acknowledged before it is committed", fast: true,
		file: sqlite + "writer.go", old: `_, failure = d.writer.Exec("COMMIT")`,
		new:   `for _, u := range kept { u.done <- nil }; _, failure = d.writer.Exec("COMMIT")`,
		tests: []string{"TestPing_failedSync", "TestUpdate_failedSync"},
	},
	{
		name: "commit-error-swallowed", promise: "a commit that failed is no success", fast: true,
		file: sqlite + "writer.go", old: `_, failure = d.writer.Exec("COMMIT")`, new: `d.writer.Exec("COMMIT")`,
		tests: []string{"TestPing_failedSync", "TestUpdate_failedSync"},
	},
	{
		name: "savepoint-kept", promise: "an update that fails leaves nothing", fast: true,
		file: sqlite + "writer.go", old: `d.writer.Exec("ROLLBACK TO one")`, new: `d.writer.Exec("SELECT 1")`,
		tests: []string{"TestStore/AllOrNothing", "TestStore/FailingNeighbors"},
	},
	{
		name: "panic-kept", promise: "an update that panics leaves nothing",
		file: sqlite + "writer.go", old: `u.err = engine.ErrAbandoned`, new: `u.err = nil`,
		tests: []string{"TestStore/AllOrNothing", "TestStore/FailingNeighbors"},
	},
	{
		name: "hidden-error-kept", promise: "an update whose function hides an error leaves nothing",
		file: sqlite + "writer.go", old: `err = t.sql.Doom`, new: `err = nil`,
		tests: []string{"TestStore/HiddenErrors"},
	},
	{
		name: "left-update-acknowledged", promise: "an update that was not run is not acknowledged",
		file: sqlite + "writer.go", old: `u.err = u.ctx.Err()`, new: `u.err = nil`,
		tests: []string{"TestUpdate_left"},
	},
	{
		name: "audit-outside", promise: "a change and its record are one transaction",
		file: "internal/directory/directory.go", old: `return tx.AppendAudit(c.audit)`,
		new:   `go st.Update(context.Background(), func(tx store.Tx) error { return tx.AppendAudit(c.audit) }); return nil`,
		tests: []string{"TestTrailOrNothing"},
	},

	{
		name: "root-key-unsaved", promise: "no root key is in the database that nobody has got",
		file: "internal/directory/keys.go", old: `err = save(key)`, new: `save(key)`,
		tests: []string{"TestRootKeySaved"},
	},
	{
		name: "rotated-key-unwritten", promise: "a rotation ends when the new secret key is in its file",
		file: "internal/seal/seal.go", old: `err := replaceKey(s.keyFile, k.bytes)`, new: `err := error(nil)`,
		tests: []string{"TestRotate"},
	},

	// After a failure.
	{
		name: "writer-kept", promise: "after a failed commit nothing is built on what it has left",
		file: sqlite + "writer.go", old: "d.doubtful.Store(true)\n\t\td.abandon()", new: `d.doubtful.Store(true)`,
		tests: []string{"TestUpdate_failedSync"},
	},
	{
		name: "never-doubtful", promise: "after a failed commit the log starts again first, whoever reads", fast: true,
		file: sqlite + "writer.go", old: `d.doubtful.Store(true)`, new: ``,
		tests: []string{"TestUpdate_failedSync"},
	},
	{
		name: "log-not-secured", promise: "nothing is built on a log that may not be on the disk", fast: true,
		file: sqlite + "writer.go", old: `err = d.secureLog(tryAgain)`, new: `err = nil`,
		tests: []string{"TestUpdate_failedSync", "TestOpen_unsyncedLog"},
	},
	{
		name: "log-secured-in-passing", promise: "nothing is built on a log that may not be on the disk",
		file: sqlite + "writer.go", old: `checkpoint(d.writer, "RESTART")`, new: `checkpoint(d.writer, "PASSIVE")`,
		tests: []string{"TestUpdate_failedSync", "TestOpen_unsyncedLog"},
	},
	{
		name: "place-unchecked-before", promise: "nothing is committed into a file that was replaced",
		file: sqlite + "writer.go", old: `err := d.inPlace()`, new: `err := error(nil)`,
		tests: []string{"TestFilesReplaced", "TestFilesReplaced_underWay"},
	},
	{
		name: "place-unchecked-after", promise: "nothing is acknowledged into a file that was replaced", fast: true,
		file: sqlite + "writer.go", old: `failure = d.inPlace()`, new: `failure = nil`,
		tests: []string{"TestFilesReplaced_underWay"},
	},
	{
		name: "place-of-log-unchecked", promise: "nothing is acknowledged into a log that was replaced",
		file: sqlite + "place.go", old: `err := inPlace(d.path+"-wal", *log);`, new: `err := error(nil);`,
		tests: []string{"TestFilesReplaced"},
	},
	{
		name: "any-file-in-place", promise: "a file of the same name is not taken for the one that was opened",
		file: sqlite + "place.go", old: `err == nil && os.SameFile(now, opened)`, new: `err == nil && now != nil`,
		tests: []string{"TestFilesReplaced"},
	},
	{
		name: "ready-without-probe", promise: "a service whose last change failed is not ready before one succeeds",
		file: sqlite + "sqlite.go", old: `return engine.Probe(ctx, d.Update)`, new: `return nil`,
		tests: []string{"TestPing_failedSync"},
	},
	{
		name: "failure-not-noted", promise: "a service whose last change failed is not ready before one succeeds",
		file: "internal/store/internal/engine/counters.go", old: `c.failing.Store(true)`, new: ``,
		in: "internal/store/sqlite", tests: []string{"TestPing_failedSync"},
	},
	{
		name: "ready-without-file", promise: "a service whose database, or its log, was removed is not ready",
		file: sqlite + "sqlite.go", old: `replaced := d.filesInPlace(); replaced != nil`, new: `replaced := d.databaseInPlace(); replaced != nil`,
		tests: []string{"TestFilesReplaced"},
	},
	{
		name: "emptied", promise: "a database that was emptied is not taken for a new one",
		file: sqlite + "sqlite.go", old: `cmp.Or(usable(dir), notEmptied(dir, opts.Companions))`, new: `cmp.Or(usable(dir))`,
		tests: []string{"TestOpenRefuses"},
	},
	{
		name: "two-services", promise: "a directory whose lock was removed is not served twice",
		file: sqlite + "dir.go", old: `err == nil && !here`, new: `err == nil && !here && false`,
		tests: []string{"TestLockDir"},
	},

	// Checkpoints.
	{
		name: "checkpoint-unsynced", promise: "the log starts again when the database is on the disk", fast: true,
		file: sqlite + "checkpoint.go", old: `"PRAGMA busy_timeout = %d"`, new: `"PRAGMA synchronous = OFF; PRAGMA busy_timeout = %d"`,
		tests: []string{"TestSyncs_checkpoint"},
	},
	{
		name: "checkpoint-unsynced-power-loss", promise: "the log starts again when the database is on the disk",
		file: sqlite + "checkpoint.go", old: `"PRAGMA busy_timeout = %d"`, new: `"PRAGMA synchronous = OFF; PRAGMA busy_timeout = %d"`,
		tests: []string{"TestPowerLoss"}, args: []string{"-power-losses=2000"},
	},
	{
		name: "autocheckpoint", promise: "none: the log is copied within commits",
		file: sqlite + "writer.go", old: `PRAGMA wal_autocheckpoint = 0; `, new: ``,
		tests: []string{"TestSyncs", "TestSyncs_checkpoint", "TestUpdate_failedSync", "TestPowerLoss"}, args: []string{"-power-losses=400"},
		survives: "SQLite's own checkpoints sync as ours do; only commits take longer",
	},
	{
		name: "last-to-close", promise: "the log stays while it is in doubt",
		file: sqlite + "sqlite.go", old: `driver.OpenReadOnly, shared+soon`, new: `driver.OpenReadWrite, shared+soon`,
		tests: []string{"TestCheckpoint_failedSync", "TestClose_unsyncedLog"},
	},
	{
		name: "backup-of-doubt", promise: "the log stays while it is in doubt",
		file: sqlite + "backup.go", old: `driver.OpenReadOnly, "BEGIN"`, new: `driver.OpenReadWrite, "BEGIN"`,
		tests: []string{"TestClose_unsyncedLog"},
	},

	// Files of the database.
	{
		name: "schema-in-pieces", promise: "a schema is there as a whole, and says of which release",
		file: sqlite + "migrate.go", old: `s.script(script)`, new: `s.script(script+"; COMMIT; BEGIN IMMEDIATE")`,
		in: "cmd/carillon", tests: []string{"TestFirstStart_Killed"},
	},
	{
		name: "lock-ignored", promise: "a directory belongs to one service",
		file: sqlite + "dir.go", old: `if !ok {`, new: `if !ok && dir == "" {`,
		tests: []string{"TestLockDir"},
	},

	// Backups.
	{
		name: "manifest-unverified", promise: "a backup that was changed is refused",
		file: sqlite + "backup.go", old: `err := b.verify(ctx, keyFile)`, new: `err := error(nil)`,
		tests: []string{"TestBackup_Tampered"},
	},
	{
		name: "seal-unverified", promise: "a manifest that was changed is refused",
		file: sqlite + "manifest.go", old: `string(sum) != string(want[:])`, new: `len(sum) != len(want)`,
		tests: []string{"TestBackup_Tampered"},
	},
	{
		name: "digest-unverified", promise: "a backup whose database was changed is refused",
		file: sqlite + "manifest.go", old: `sha != b.SHA256`, new: `sha == ""`,
		tests: []string{"TestBackup_Tampered"},
	},
	{
		name: "restored-unverified", promise: "what is restored is what was checked",
		file: sqlite + "backup.go", old: `hex.EncodeToString(sum.Sum(nil)) != b.SHA256`, new: `hex.EncodeToString(sum.Sum(nil)) == ""`,
		tests: []string{"TestRestoreRefuses"},
	},
	{
		name: "restored-over-database", promise: "no database is restored over another",
		file: sqlite + "backup.go", old: `err := Vacant(dir)`, new: `err := error(nil)`,
		tests: []string{"TestRestoreRefuses"},
	},
	{
		name: "manifest-unsynced", promise: "a backup is on stable storage",
		file: sqlite + "manifest.go", old: `errors.Join(err, f.Sync(), f.Close())`, new: `errors.Join(err, f.Close())`,
		tests: []string{"TestBackup"}, survives: "the whole file is synced when it gets its name",
	},
	{
		name: "state-error-swallowed", promise: "a state that could not be loaded is not taken for loaded",
		file: sqlite + "state.go", old: `err := d.replace(ctx, path, saved); err != nil`, new: `err := d.replace(ctx, path, saved); err != nil && loaded == nil`,
		tests: []string{"TestLoad_failedSync"},
	},

	// Files that are there whole or not at all.
	{
		name: "file-unsynced", promise: "a file is on the disk before it has its name", fast: true,
		file: files + "atomicfile.go", old: `err = flush(f.temp)`, new: `err = nil`,
		tests: []string{"TestSynced"},
	},
	{
		name: "file-error-swallowed", promise: "a file that is not on the disk is no success",
		file: files + "atomicfile.go", old: `err = flush(f.temp)`, new: `flush(f.temp)`,
		tests: []string{"TestSynced"},
	},
	{
		name: "name-unsynced", promise: "the name of a file is on the disk", fast: true,
		file: files + "atomicfile.go", old: `return SyncDir(filepath.Dir(f.path))`, new: `return nil`,
		tests: []string{"TestSynced"},
	},
	{
		name: "name-error-swallowed", promise: "a name that is not on the disk is no success",
		file: files + "atomicfile.go", old: `return fmt.Errorf("syncing directory %s: %w", path, err)`, new: `fmt.Sprint(err); return nil`,
		tests: []string{"TestSynced"},
	},
	{
		name: "written-in-place", promise: "a file is replaced as a whole",
		file: files + "atomicfile.go", old: `return write(path, data, perm, (*File).Replace)`, new: `return os.WriteFile(path, data, perm)`,
		tests: []string{"TestSynced", "TestWriteFile_Readers"},
	},
	{
		name: "made-in-place", promise: "a file is made as a whole",
		file: files + "atomicfile.go", old: `return write(path, data, perm, (*File).Create)`, new: `return os.WriteFile(path, data, perm)`,
		tests: []string{"TestSynced", "TestCreateFile"},
	},
	{
		name: "key-in-place", promise: "a first start that is killed leaves a whole secret key or none",
		file: "internal/seal/seal.go", old: `atomicfile.CreateMissing(path, lineOf(newKey()), 0o600)`,
		new: `func() error {
			f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			_, err = f.Write(lineOf(newKey()))
			return errors.Join(err, f.Sync(), f.Close())
		}()`,
		in: "cmd/carillon", tests: []string{"TestFirstStart_Killed"},
	},
	{
		name: "root-key-in-place", promise: "a first start that is killed leaves the whole lines of the root key or none",
		file: "internal/carillon/serve.go", old: `return atomicfile.WriteFile(filepath.Join(o.Data, rootKeyFile), []byte(lines), 0o600)`,
		new: `atomicfile.SyncDir(o.Data); return os.WriteFile(filepath.Join(o.Data, rootKeyFile), []byte(lines), 0o600)`,
		in:  "cmd/carillon", tests: []string{"TestFirstStart_Killed"},
		survives: "as long as the root key was not saved, each start makes another and saves that",
	},

	// Files that the program makes, when the power fails.
	{
		name: "service-volatile", promise: "a service waits for the disk",
		file: "internal/carillon/database.go", old: `Volatile: test`, new: `Volatile: true`,
		in: "cmd/carillon", tests: []string{"TestPowerLoss_FirstStart"}, args: fewLosses,
	},
	{
		name: "directory-unsynced", promise: "the names of new directories are on the disk",
		file: files + "atomicfile.go", old: `return SyncDir(parent)`, new: `return nil`,
		in: "cmd/carillon", tests: []string{"TestPowerLoss_FirstStart", "TestPowerLoss_Restore"}, args: fewLosses,
	},
	{
		name: "key-unsynced", promise: "the secret key is on the disk before anything is sealed with it",
		file: "internal/seal/seal.go", old: `return atomicfile.CreateMissing(path, lineOf(newKey()), 0o600)`,
		new: `f, err := atomicfile.New(path, 0o600)
			if err == nil {
				f.Volatile = true
				f.Write(lineOf(newKey()))
				err = f.Create()
			}
			return err`,
		in: "cmd/carillon", tests: []string{"TestPowerLoss_FirstStart"}, args: fewLosses,
	},
	{
		name: "rotated-key-unsynced", promise: "a new secret key is on the disk when a rotation ends",
		file: "internal/seal/seal.go", old: `return f.Replace()`, new: `f.Volatile = true; return f.Replace()`,
		in: "cmd/carillon", tests: []string{"TestPowerLoss_RotateSecret"}, args: fewLosses,
	},
	{
		name: "root-key-unsynced", promise: "the lines of the root key are on the disk before the database has it",
		file: "internal/carillon/serve.go", old: `return atomicfile.WriteFile(filepath.Join(o.Data, rootKeyFile), []byte(lines), 0o600)`,
		new: `f, err := atomicfile.New(filepath.Join(o.Data, rootKeyFile), 0o600)
			if err != nil {
				return err
			}
			f.Volatile = true
			f.Write([]byte(lines))
			return f.Replace()`,
		in: "cmd/carillon", tests: []string{"TestPowerLoss_FirstStart"}, args: fewLosses,
	},
	{
		name: "backup-unsynced", promise: "a backup is on stable storage",
		file: sqlite + "backup.go", old: `return b, f.Create()`, new: `f.Volatile = true; return b, f.Create()`,
		in: "cmd/carillon", tests: []string{"TestPowerLoss_Backup"}, args: fewLosses,
	},
	{
		name: "restore-unsynced", promise: "what was restored is on stable storage",
		file: sqlite + "backup.go", old: `	return f.Create()`, new: `	f.Volatile = true; return f.Create()`,
		in: "cmd/carillon", tests: []string{"TestPowerLoss_Restore"}, args: fewLosses,
	},
	{
		name: "ledger-name-unsynced", promise: "the name of a ledger is on the disk before its first call",
		file: bulk + "ledger.go", old: `SyncDir(filepath.Dir(path))`, new: `SyncDir(filepath.Join(filepath.Dir(path), ".."))`,
		in: "cmd/carillon", tests: []string{"TestPowerLoss_Bulk/apply"}, args: fewLosses,
	},
	{
		name: "ledger-cut-unsynced", promise: "what was cut off a ledger is not mixed up with what is written later",
		file: bulk + "ledger.go", old: `errors.Join(l.file.Truncate(size), l.file.Sync())`, new: `l.file.Truncate(size)`,
		in: "cmd/carillon", tests: []string{"TestPowerLoss_Bulk/resume"}, args: []string{"-power-losses=2000"},
	},
	{
		name: "ledger-zeros-read", promise: "a ledger can be gone on with when its last lines are lost in part",
		file: bulk + "ledger.go", old: ` || bytes.IndexByte(text, 0) >= 0`, new: ``,
		in: "cmd/carillon", tests: []string{"TestPowerLoss_Bulk/apply"}, args: fewLosses,
	},
	{
		name: "ledger-unsynced-power-loss", promise: "a call is on the disk, in the ledger, before it is made",
		file: bulk + "ledger.go", old: `err = l.file.Sync()`, new: `err = nil`,
		in: "cmd/carillon", tests: []string{"TestPowerLoss_Bulk/apply"}, args: fewLosses,
	},

	// Ledgers of bulk jobs.
	{
		name: "ledger-unsynced", promise: "a call is on the disk, in the ledger, before it is made", fast: true,
		file: bulk + "ledger.go", old: `err = l.file.Sync()`, new: `err = nil`,
		tests: []string{"TestRunWithoutSync"},
	},
	{
		name: "call-before-ledger", promise: "a call is on the disk, in the ledger, before it is made",
		file: bulk + "run.go", old: `err := r.ledger.commit()`, new: `err := error(nil)`,
		tests: []string{"TestRunWithoutSync"},
	},
	{
		name: "done-before-reply", promise: "the ledger says done when the service has said so",
		file: bulk + "run.go", old: `row.Status = Sent`, new: `row.Status = Done`,
		tests: []string{"TestLedgerLines"},
	},
	{
		name: "ledger-failure-forgotten", promise: "a ledger that could not be written takes nothing more",
		file: bulk + "ledger.go", old: `l.broken = fmt.Errorf("writing the ledger: %w", err)`, new: `return fmt.Errorf("writing the ledger: %w", err)`,
		tests: []string{"TestRunWithoutSync"},
	},
	{
		name: "last-lines-unsynced", promise: "a run that has ended is on record",
		file: bulk + "run.go", old: `e := l.commit(); e != nil`, new: `e := l.broken; e != nil`,
		tests: []string{"TestRunIsInterruptedWithoutDisk"},
	},
	{
		name: "torn-line-kept", promise: "a ledger goes on after a line that was torn",
		file: bulk + "ledger.go", old: `err = l.cut(read.whole)`, new: `err = nil`,
		tests: []string{"TestResumeEqualsOneCleanRun", "TestLedgerDamage"},
	},
	{
		name: "sent-again-unseen", promise: "a call that may have been made is settled by reading",
		file: bulk + "run.go", old: `			unsure = append(unsure, row)`, new: `			todo = append(todo, row)`,
		in: "cmd/carillon", tests: []string{"TestPowerLoss_Bulk/reset-pin"}, args: fewLosses,
	},
	{
		name: "head-unsynced", promise: "a plan is on the disk before its first call",
		file: bulk + "ledger.go", old: `err = file.Sync()`, new: `err = nil`,
		tests:    []string{"TestRunWithoutSync", "TestLedgerLines"},
		survives: "the first line about a call is synced before the call, and the whole file with it",
	},

	// PostgreSQL.
	{
		name: "pg-commit-error-swallowed", promise: "a commit that failed is no success",
		file: postgres + "update.go", old: `err := t.conn.commit()`, new: `t.conn.commit(); var err error`,
		tests: []string{"TestCommitUnknown"},
	},
	{
		name: "pg-lost-answer-fails", promise: "an update whose answer was lost is applied once",
		file: postgres + "update.go", old: `if done {`, new: `if done && t == nil {`,
		tests: []string{"TestCommitAnswerLost"},
	},
	{
		name: "pg-lost-answer-succeeds", promise: "an update whose commit was lost is not acknowledged",
		file: postgres + "update.go", old: `if done {`, new: `if done || t != nil {`,
		tests: []string{"TestCommitAnswerLost"},
	},
	{
		name: "pg-unknown-tried-again", promise: "an update that may have been committed is not run again",
		file: postgres + "update.go", old: `if unknown != nil {`, new: `if unknown != nil && t == nil {`,
		tests: []string{"TestStandby_gone"},
	},
	{
		name: "pg-token-unwritten", promise: "whether an update was committed can be found out",
		file: postgres + "update.go", old: `t.conn.enqueue(token.insert(false))`, new: ``,
		tests: []string{"TestCommitAnswerLost"},
	},
	{
		name: "pg-old-token-believed", promise: "a token that may be deleted says nothing",
		file: postgres + "update.go", old: `age > tokenTime/2`, new: `age > 1000*tokenTime`,
		tests: []string{"TestSettle_tooLate"},
	},
	{
		name: "pg-token-read-only", promise: "what is found out is what the standbys have, too",
		file: postgres + "update.go", old: `UPDATE account_commits SET undone = undone WHERE token = $1 AND account_id = $2 RETURNING undone`,
		new:   `SELECT undone FROM account_commits WHERE token = $1 AND account_id = $2`,
		tests: []string{"TestStandby_gone"},
	},
	{
		name: "pg-warning-ignored", promise: "a commit that the server warns about is looked into",
		file: postgres + "session.go", old: `err = warningOf(s.conn); err == nil`, new: `err == nil`,
		tests: []string{"TestCommitUnknown"},
	},
	{
		name: "pg-commit-off", promise: "a commit waits for the disk of the server, whatever that is set to",
		file: postgres + "settings.go", old: `THEN 'on' ELSE`, new: `THEN 'off' ELSE`,
		tests: []string{"TestSynchronousCommit"},
	},
	{
		name: "pg-settings-unset", promise: "each transaction sets what it needs",
		file: postgres + "postgres.go", old: `range d.settings {`, new: `range d.settings[:0] {`,
		tests: []string{"TestSynchronousCommit"},
	},
	{
		name: "pg-migration-off", promise: "a migration waits for the disk of the server",
		file: postgres + "settings.go", old: `set_config('synchronous_commit', 'on', true)`, new: `set_config('synchronous_commit', 'off', true)`,
		tests: []string{"TestSynchronousCommit"},
	},
	{
		name: "pg-citus-off", promise: "a commit waits for the disks of all nodes",
		file: postgres + "settings.go", old: `value = "on"`, new: `value = "off"`,
		tests: []string{"TestCitusSettings"},
	},
	{
		name: "pg-ready-without-probe", promise: "a service whose last change failed is not ready before one succeeds",
		file: postgres + "postgres.go", old: `return engine.Probe(ctx, d.Update)`, new: `return nil`,
		tests: []string{"TestPing_noChanges"},
	},
}
