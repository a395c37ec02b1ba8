-- Times are milliseconds since 1970, 0 for never; lists are JSON arrays of strings; truth is 0 or 1.

CREATE TABLE accounts (
    aws_account_id         TEXT    NOT NULL,
    entry                  INTEGER NOT NULL,
    account_id             TEXT    NOT NULL,
    name                   TEXT    NOT NULL,
    type                   TEXT    NOT NULL,
    status                 TEXT    NOT NULL,
    default_license        TEXT    NOT NULL,
    supported_licenses     TEXT    NOT NULL,
    created                INTEGER NOT NULL,
    signin_delegate_groups TEXT    NOT NULL,
    disable_remote_control INTEGER NOT NULL,
    enable_dial_out        INTEGER NOT NULL,
    deleted                INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (aws_account_id, entry)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX accounts_id ON accounts (aws_account_id, account_id);

-- Account ids are unique across AWS accounts, so that users can be kept by account id alone.
CREATE TABLE account_owners (
    account_id     TEXT NOT NULL PRIMARY KEY,
    aws_account_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Kept in the order of listings: neighbors on a page of the API are neighbors on disk. What
-- changes often (license, type, registration) is in no index.
CREATE TABLE users (
    account_id         TEXT    NOT NULL,
    entry              INTEGER NOT NULL,
    user_id            TEXT    NOT NULL,
    email_key          TEXT    NOT NULL,
    email              TEXT    NOT NULL,
    display_name       TEXT    NOT NULL,
    license            TEXT    NOT NULL,
    type               TEXT    NOT NULL,
    registration       TEXT    NOT NULL,
    registered_on      INTEGER NOT NULL,
    invitation         TEXT    NOT NULL,
    invite_id          TEXT    NOT NULL,
    invited_on         INTEGER NOT NULL,
    alexa_enabled      INTEGER NOT NULL,
    alexa_arn          TEXT    NOT NULL,
    personal_pin       TEXT    NOT NULL,
    phone_number       TEXT    NOT NULL,
    phone_product_type TEXT    NOT NULL,
    inbound_calling    INTEGER NOT NULL,
    outbound_calling   INTEGER NOT NULL,
    sms                INTEGER NOT NULL,
    PRIMARY KEY (account_id, entry)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX users_id ON users (account_id, user_id);
CREATE UNIQUE INDEX users_email ON users (account_id, email_key);

-- Who holds an address, in all accounts; one holder at most is registered.
CREATE TABLE emails (
    email_key  TEXT    NOT NULL,
    account_id TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    registered INTEGER NOT NULL,
    PRIMARY KEY (email_key, account_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX emails_registered ON emails (email_key) WHERE registered = 1;

CREATE TABLE pins (
    pin        TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    user_id    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE domains (
    name           TEXT    NOT NULL PRIMARY KEY,
    aws_account_id TEXT    NOT NULL,
    account_id     TEXT    NOT NULL,
    claimed        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX domains_account ON domains (account_id, name);

CREATE TABLE access_keys (
    key_id         TEXT    NOT NULL PRIMARY KEY,
    aws_account_id TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    policy         TEXT    NOT NULL,
    root           INTEGER NOT NULL,
    sealed_secret  BLOB    NOT NULL,
    created        INTEGER NOT NULL,
    expires        INTEGER NOT NULL,
    disabled       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX access_keys_owner ON access_keys (aws_account_id, created, key_id);

CREATE TABLE global_settings (
    aws_account_id          TEXT NOT NULL PRIMARY KEY,
    business_calling_bucket TEXT NOT NULL,
    voice_connector_bucket  TEXT NOT NULL
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

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
