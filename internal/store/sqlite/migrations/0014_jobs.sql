-- What bulk jobs have told of themselves.
CREATE TABLE jobs (
    aws_account_id TEXT    NOT NULL,
    entry          INTEGER NOT NULL,
    job_id         TEXT    NOT NULL,
    account_id     TEXT    NOT NULL,
    action         TEXT    NOT NULL,
    begun_by       TEXT    NOT NULL,
    undoes         TEXT    NOT NULL,
    key_id         TEXT    NOT NULL,
    key_name       TEXT    NOT NULL,
    began          INTEGER NOT NULL,
    latest         INTEGER NOT NULL,
    rows_left      INTEGER NOT NULL,
    rows_done      INTEGER NOT NULL,
    rows_failed    INTEGER NOT NULL,
    outcome        TEXT    NOT NULL,
    PRIMARY KEY (aws_account_id, entry)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX jobs_id ON jobs (aws_account_id, job_id);
CREATE INDEX jobs_account ON jobs (aws_account_id, account_id, entry);
