-- Telephone numbers, which belong to an AWS account as a whole, kept as the integers of their digits.

-- All that the installation knows: who owns each, or nobody ('') if it can be ordered.
CREATE TABLE number_pool (
    number         BIGINT NOT NULL PRIMARY KEY,
    aws_account_id TEXT COLLATE "C" NOT NULL,
    country        TEXT COLLATE "C" NOT NULL,
    type           TEXT COLLATE "C" NOT NULL,
    city           TEXT COLLATE "C" NOT NULL,
    state          TEXT COLLATE "C" NOT NULL,
    area_code      TEXT COLLATE "C" NOT NULL,
    capabilities   BIGINT NOT NULL,
    failing        BOOLEAN NOT NULL
);

CREATE INDEX number_pool_country ON number_pool (aws_account_id, country, number);
CREATE INDEX number_pool_area ON number_pool (aws_account_id, country, area_code, number);
CREATE INDEX number_pool_state ON number_pool (aws_account_id, country, state, number);

CREATE TABLE phone_numbers (
    aws_account_id      TEXT COLLATE "C" NOT NULL,
    entry               BIGINT NOT NULL,
    number              BIGINT NOT NULL,
    country             TEXT COLLATE "C" NOT NULL,
    type                TEXT COLLATE "C" NOT NULL,
    capabilities        BIGINT NOT NULL,
    created             BIGINT NOT NULL,
    order_id            TEXT COLLATE "C" NOT NULL,
    product_type        TEXT COLLATE "C" NOT NULL,
    status              TEXT COLLATE "C" NOT NULL,
    account_id          TEXT COLLATE "C" NOT NULL,
    user_id             TEXT COLLATE "C" NOT NULL,
    associated          BIGINT NOT NULL,
    calling_name        TEXT COLLATE "C" NOT NULL,
    calling_name_status TEXT COLLATE "C" NOT NULL,
    updated             BIGINT NOT NULL,
    deleted             BIGINT NOT NULL,
    PRIMARY KEY (aws_account_id, entry)
);

CREATE UNIQUE INDEX phone_numbers_number ON phone_numbers (aws_account_id, number);

-- The numbers of an order, and what became of each, are two lists of one length.
CREATE TABLE number_orders (
    aws_account_id TEXT COLLATE "C" NOT NULL,
    entry          BIGINT NOT NULL,
    order_id       TEXT COLLATE "C" NOT NULL,
    product_type   TEXT COLLATE "C" NOT NULL,
    created        BIGINT NOT NULL,
    status         TEXT COLLATE "C" NOT NULL,
    numbers        TEXT COLLATE "C" NOT NULL,
    statuses       TEXT COLLATE "C" NOT NULL,
    updated        BIGINT NOT NULL,
    PRIMARY KEY (aws_account_id, entry)
);

CREATE UNIQUE INDEX number_orders_id ON number_orders (aws_account_id, order_id);

CREATE TABLE number_settings (
    aws_account_id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    calling_name         TEXT COLLATE "C" NOT NULL,
    calling_name_updated BIGINT NOT NULL
);

-- What an AWS account may not use; '' stands for all.
CREATE TABLE number_restrictions (
    aws_account_id TEXT COLLATE "C" NOT NULL,
    product_type   TEXT COLLATE "C" NOT NULL,
    country        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (aws_account_id, product_type, country)
);
