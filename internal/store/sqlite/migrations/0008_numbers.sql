-- Telephone numbers, which belong to an AWS account as a whole, kept as the integers of their digits.

-- All that the installation knows: who owns each, or nobody ('') if it can be ordered.
CREATE TABLE number_pool (
    number         INTEGER NOT NULL PRIMARY KEY,
    aws_account_id TEXT    NOT NULL,
    country        TEXT    NOT NULL,
    type           TEXT    NOT NULL,
    city           TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    area_code      TEXT    NOT NULL,
    capabilities   INTEGER NOT NULL,
    failing        INTEGER NOT NULL
) STRICT;

CREATE INDEX number_pool_country ON number_pool (aws_account_id, country, number);
CREATE INDEX number_pool_area ON number_pool (aws_account_id, country, area_code, number);
CREATE INDEX number_pool_state ON number_pool (aws_account_id, country, state, number);

CREATE TABLE phone_numbers (
    aws_account_id      TEXT    NOT NULL,
    entry               INTEGER NOT NULL,
    number              INTEGER NOT NULL,
    country             TEXT    NOT NULL,
    type                TEXT    NOT NULL,
    capabilities        INTEGER NOT NULL,
    created             INTEGER NOT NULL,
    order_id            TEXT    NOT NULL,
    product_type        TEXT    NOT NULL,
    status              TEXT    NOT NULL,
    account_id          TEXT    NOT NULL,
    user_id             TEXT    NOT NULL,
    associated          INTEGER NOT NULL,
    calling_name        TEXT    NOT NULL,
    calling_name_status TEXT    NOT NULL,
    updated             INTEGER NOT NULL,
    deleted             INTEGER NOT NULL,
    PRIMARY KEY (aws_account_id, entry)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX phone_numbers_number ON phone_numbers (aws_account_id, number);

-- The numbers of an order, and what became of each, are two lists of one length.
CREATE TABLE number_orders (
    aws_account_id TEXT    NOT NULL,
    entry          INTEGER NOT NULL,
    order_id       TEXT    NOT NULL,
    product_type   TEXT    NOT NULL,
    created        INTEGER NOT NULL,
    status         TEXT    NOT NULL,
    numbers        TEXT    NOT NULL,
    statuses       TEXT    NOT NULL,
    updated        INTEGER NOT NULL,
    PRIMARY KEY (aws_account_id, entry)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX number_orders_id ON number_orders (aws_account_id, order_id);

CREATE TABLE number_settings (
    aws_account_id       TEXT    NOT NULL PRIMARY KEY,
    calling_name         TEXT    NOT NULL,
    calling_name_updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What an AWS account may not use; '' stands for all.
CREATE TABLE number_restrictions (
    aws_account_id TEXT NOT NULL,
    product_type   TEXT NOT NULL,
    country        TEXT NOT NULL,
    PRIMARY KEY (aws_account_id, product_type, country)
) STRICT, WITHOUT ROWID;
