-- Bots, with where their events are to be sent.

CREATE TABLE bots (
    account_id     TEXT COLLATE "C" NOT NULL,
    entry          BIGINT NOT NULL,
    bot_id         TEXT COLLATE "C" NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    email          TEXT COLLATE "C" NOT NULL,
    created        BIGINT NOT NULL,
    disabled       BOOLEAN NOT NULL,
    security_token TEXT COLLATE "C" NOT NULL,
    updated        BIGINT NOT NULL,
    https_endpoint TEXT COLLATE "C" NOT NULL,
    lambda_arn     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, entry)
);

CREATE UNIQUE INDEX bots_id ON bots (account_id, bot_id);

-- An address is that of one bot in the installation.
CREATE TABLE bot_emails (
    email_key  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL,
    bot_id     TEXT COLLATE "C" NOT NULL
);
