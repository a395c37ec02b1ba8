-- Requests that meetings call somebody, and what the hook was told of them.
CREATE TABLE dial_outs (
    aws_account_id TEXT    NOT NULL,
    entry          INTEGER NOT NULL,
    transaction_id TEXT    NOT NULL,
    meeting_id     TEXT    NOT NULL,
    from_number    INTEGER NOT NULL,
    to_number      INTEGER NOT NULL,
    created        INTEGER NOT NULL,
    join_token     TEXT    NOT NULL,
    status         TEXT    NOT NULL,
    PRIMARY KEY (aws_account_id, entry)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX dial_outs_id ON dial_outs (aws_account_id, transaction_id);
CREATE INDEX dial_outs_status ON dial_outs (aws_account_id, status, entry);
