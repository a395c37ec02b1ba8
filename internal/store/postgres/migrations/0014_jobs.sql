-- What bulk jobs have told of themselves.
CREATE TABLE jobs (
    aws_account_id TEXT COLLATE "C" NOT NULL,
    entry          BIGINT NOT NULL,
    job_id         TEXT COLLATE "C" NOT NULL,
    account_id     TEXT COLLATE "C" NOT NULL,
    action         TEXT COLLATE "C" NOT NULL,
    begun_by       TEXT COLLATE "C" NOT NULL,
    undoes         TEXT COLLATE "C" NOT NULL,
    key_id         TEXT COLLATE "C" NOT NULL,
    key_name       TEXT COLLATE "C" NOT NULL,
    began          BIGINT NOT NULL,
    latest         BIGINT NOT NULL,
    rows_left      BIGINT NOT NULL,
    rows_done      BIGINT NOT NULL,
    rows_failed    BIGINT NOT NULL,
    outcome        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (aws_account_id, entry)
);

CREATE UNIQUE INDEX jobs_id ON jobs (aws_account_id, job_id);
CREATE INDEX jobs_account ON jobs (aws_account_id, account_id, entry);
