-- What the service is to do by itself: with the users of an account, or with what belongs to the AWS
-- account as a whole. A task is ready when it is due, or when its lease ends if that is later.

CREATE TABLE account_tasks (
    account_id     TEXT COLLATE "C" NOT NULL,
    kind           TEXT COLLATE "C" NOT NULL,
    target         TEXT COLLATE "C" NOT NULL,
    aws_account_id TEXT COLLATE "C" NOT NULL,
    due            BIGINT           NOT NULL,
    leased         BIGINT           NOT NULL,
    ready          BIGINT           NOT NULL,
    PRIMARY KEY (account_id, kind, target)
);

CREATE INDEX account_tasks_ready ON account_tasks (ready, kind);

CREATE TABLE tasks (
    aws_account_id TEXT COLLATE "C" NOT NULL,
    kind           TEXT COLLATE "C" NOT NULL,
    target         TEXT COLLATE "C" NOT NULL,
    due            BIGINT           NOT NULL,
    leased         BIGINT           NOT NULL,
    ready          BIGINT           NOT NULL,
    PRIMARY KEY (aws_account_id, kind, target)
);

CREATE INDEX tasks_ready ON tasks (ready, kind);
