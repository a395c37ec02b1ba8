-- The records of an account move to a trail of their own, which is kept by account id as its users
-- are; audit keeps what belongs to an AWS account as a whole. The former table is dropped as a whole,
-- since that is fast.

ALTER TABLE audit RENAME TO former_audit;

CREATE TABLE account_audit (
    aws_account_id TEXT    NOT NULL,
    entry          INTEGER NOT NULL,
    time           INTEGER NOT NULL,
    request_id     TEXT    NOT NULL,
    key_id         TEXT    NOT NULL,
    key_name       TEXT    NOT NULL,
    user_agent     TEXT    NOT NULL,
    operation      TEXT    NOT NULL,
    account_id     TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    before         TEXT    NOT NULL,
    after          TEXT    NOT NULL,
    PRIMARY KEY (account_id, entry)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    aws_account_id TEXT    NOT NULL,
    entry          INTEGER NOT NULL,
    time           INTEGER NOT NULL,
    request_id     TEXT    NOT NULL,
    key_id         TEXT    NOT NULL,
    key_name       TEXT    NOT NULL,
    user_agent     TEXT    NOT NULL,
    operation      TEXT    NOT NULL,
    account_id     TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    before         TEXT    NOT NULL,
    after          TEXT    NOT NULL,
    PRIMARY KEY (aws_account_id, entry)
) STRICT, WITHOUT ROWID;

INSERT INTO account_audit SELECT * FROM former_audit WHERE account_id <> '' ORDER BY account_id, entry;
INSERT INTO audit SELECT * FROM former_audit WHERE account_id = '' ORDER BY aws_account_id, entry;

DROP TABLE former_audit;

CREATE INDEX account_audit_owner ON account_audit (aws_account_id, entry);
