-- Requests that meetings call somebody, and what the hook was told of them.
CREATE TABLE dial_outs (
    aws_account_id TEXT COLLATE "C" NOT NULL,
    entry          BIGINT NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    meeting_id     TEXT COLLATE "C" NOT NULL,
    from_number    BIGINT NOT NULL,
    to_number      BIGINT NOT NULL,
    created        BIGINT NOT NULL,
    join_token     TEXT COLLATE "C" NOT NULL,
    status         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (aws_account_id, entry)
);

CREATE UNIQUE INDEX dial_outs_id ON dial_outs (aws_account_id, transaction_id);
CREATE INDEX dial_outs_status ON dial_outs (aws_account_id, status, entry);
