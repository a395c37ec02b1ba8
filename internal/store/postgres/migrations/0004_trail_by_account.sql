-- The records of an account move to a trail of their own, which is kept by account id as its users
-- are; audit keeps what belongs to an AWS account as a whole. Renaming spares what is most of it.

ALTER TABLE audit RENAME TO account_audit;
ALTER TABLE account_audit DROP CONSTRAINT audit_pkey;

CREATE TABLE audit (LIKE account_audit, PRIMARY KEY (aws_account_id, entry));
INSERT INTO audit SELECT * FROM account_audit WHERE account_id = '';
DELETE FROM account_audit WHERE account_id = '';

ALTER TABLE account_audit ADD PRIMARY KEY (account_id, entry);
CREATE INDEX account_audit_owner ON account_audit (aws_account_id, entry);

-- A row for each update of the last hour, by which is known whether it was committed. It lies where
-- the update has written: with the users of an account, or with what belongs to no account. A row
-- that is undone keeps an update that was taken for lost from being committed after all. A token
-- begins with the time, milliseconds since 1970 shifted left by 20 bits.

DROP TABLE commits;

CREATE TABLE account_commits (
    token      BIGINT NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    undone     BOOLEAN NOT NULL,
    PRIMARY KEY (token, account_id)
);

CREATE TABLE commits (
    token  BIGINT NOT NULL PRIMARY KEY,
    undone BOOLEAN NOT NULL
);
