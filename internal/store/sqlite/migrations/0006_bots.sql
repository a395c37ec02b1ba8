-- Bots, with where their events are to be sent.

CREATE TABLE bots (
    account_id     TEXT    NOT NULL,
    entry          INTEGER NOT NULL,
    bot_id         TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    email          TEXT    NOT NULL,
    created        INTEGER NOT NULL,
    disabled       INTEGER NOT NULL,
    security_token TEXT    NOT NULL,
    updated        INTEGER NOT NULL,
    https_endpoint TEXT    NOT NULL,
    lambda_arn     TEXT    NOT NULL,
    PRIMARY KEY (account_id, entry)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX bots_id ON bots (account_id, bot_id);

-- An address is that of one bot in the installation.
CREATE TABLE bot_emails (
    email_key  TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    bot_id     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
