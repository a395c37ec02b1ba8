-- Times are milliseconds since 1970, 0 for never; lists are JSON arrays of strings. Text is compared
-- byte by byte, as SQLite does it, whatever the locale of the database.
--
-- Every key begins with what its rows belong to, so that any of the tables can be distributed by its
-- first key column.

CREATE TABLE accounts (
    aws_account_id         TEXT COLLATE "C" NOT NULL,
    entry                  BIGINT  NOT NULL,
    account_id             TEXT COLLATE "C" NOT NULL,
    name                   TEXT COLLATE "C" NOT NULL,
    type                   TEXT COLLATE "C" NOT NULL,
    status                 TEXT COLLATE "C" NOT NULL,
    default_license        TEXT COLLATE "C" NOT NULL,
    supported_licenses     TEXT COLLATE "C" NOT NULL,
    created                BIGINT  NOT NULL,
    signin_delegate_groups TEXT COLLATE "C" NOT NULL,
    disable_remote_control BOOLEAN NOT NULL,
    enable_dial_out        BOOLEAN NOT NULL,
    deleted                BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (aws_account_id, entry)
);

CREATE UNIQUE INDEX accounts_id ON accounts (aws_account_id, account_id);

-- Account ids are unique across AWS accounts, so that users can be kept by account id alone.
CREATE TABLE account_owners (
    account_id     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    aws_account_id TEXT COLLATE "C" NOT NULL
);

-- What changes often (license, type, registration) is in no index, and pages keep room for it, so
-- that such a change touches no index and leaves nothing for VACUUM to do.
CREATE TABLE users (
    account_id         TEXT COLLATE "C" NOT NULL,
    entry              BIGINT  NOT NULL,
    user_id            TEXT COLLATE "C" NOT NULL,
    email_key          TEXT COLLATE "C" NOT NULL,
    email              TEXT COLLATE "C" NOT NULL,
    display_name       TEXT COLLATE "C" NOT NULL,
    license            TEXT COLLATE "C" NOT NULL,
    type               TEXT COLLATE "C" NOT NULL,
    registration       TEXT COLLATE "C" NOT NULL,
    registered_on      BIGINT  NOT NULL,
    invitation         TEXT COLLATE "C" NOT NULL,
    invite_id          TEXT COLLATE "C" NOT NULL,
    invited_on         BIGINT  NOT NULL,
    alexa_enabled      BOOLEAN NOT NULL,
    alexa_arn          TEXT COLLATE "C" NOT NULL,
    personal_pin       TEXT COLLATE "C" NOT NULL,
    phone_number       TEXT COLLATE "C" NOT NULL,
    phone_product_type TEXT COLLATE "C" NOT NULL,
    inbound_calling    BOOLEAN NOT NULL,
    outbound_calling   BOOLEAN NOT NULL,
    sms                BOOLEAN NOT NULL,
    PRIMARY KEY (account_id, entry)
) WITH (fillfactor = 85);

CREATE UNIQUE INDEX users_id ON users (account_id, user_id);
CREATE UNIQUE INDEX users_email ON users (account_id, email_key);

-- Who holds an address, in all accounts; one holder at most is registered.
CREATE TABLE emails (
    email_key  TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    user_id    TEXT COLLATE "C" NOT NULL,
    registered BOOLEAN NOT NULL,
    PRIMARY KEY (email_key, account_id)
);

CREATE UNIQUE INDEX emails_registered ON emails (email_key) WHERE registered;

CREATE TABLE pins (
    pin        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL,
    user_id    TEXT COLLATE "C" NOT NULL
);

CREATE TABLE domains (
    name           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    aws_account_id TEXT COLLATE "C" NOT NULL,
    account_id     TEXT COLLATE "C" NOT NULL,
    claimed        BIGINT NOT NULL
);

CREATE INDEX domains_account ON domains (account_id, name);

CREATE TABLE access_keys (
    key_id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    aws_account_id TEXT COLLATE "C" NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    policy         TEXT COLLATE "C" NOT NULL,
    root           BOOLEAN NOT NULL,
    sealed_secret  BYTEA   NOT NULL,
    created        BIGINT  NOT NULL,
    expires        BIGINT  NOT NULL,
    disabled       BOOLEAN NOT NULL
);

CREATE INDEX access_keys_owner ON access_keys (aws_account_id, created, key_id);

CREATE TABLE global_settings (
    aws_account_id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    business_calling_bucket TEXT COLLATE "C" NOT NULL,
    voice_connector_bucket  TEXT COLLATE "C" NOT NULL
);

CREATE TABLE audit (
    aws_account_id TEXT COLLATE "C" NOT NULL,
    entry          BIGINT NOT NULL,
    time           BIGINT NOT NULL,
    request_id     TEXT COLLATE "C" NOT NULL,
    key_id         TEXT COLLATE "C" NOT NULL,
    key_name       TEXT COLLATE "C" NOT NULL,
    user_agent     TEXT COLLATE "C" NOT NULL,
    operation      TEXT COLLATE "C" NOT NULL,
    account_id     TEXT COLLATE "C" NOT NULL,
    target         TEXT COLLATE "C" NOT NULL,
    before         TEXT COLLATE "C" NOT NULL,
    after          TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (aws_account_id, entry)
);

CREATE TABLE settings (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

-- A row for each update that left no audit record to know it by, in case the answer to its commit is
-- lost.
CREATE TABLE commits (
    token BIGINT NOT NULL PRIMARY KEY,
    time  BIGINT NOT NULL
);
