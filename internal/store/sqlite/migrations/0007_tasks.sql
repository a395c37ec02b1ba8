-- What the service is to do by itself: with the users of an account, or with what belongs to the AWS
-- account as a whole. A task is ready when it is due, or when its lease ends if that is later.

CREATE TABLE account_tasks (
    account_id     TEXT    NOT NULL,
    kind           TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    aws_account_id TEXT    NOT NULL,
    due            INTEGER NOT NULL,
    leased         INTEGER NOT NULL,
    ready          INTEGER NOT NULL,
    PRIMARY KEY (account_id, kind, target)
) STRICT, WITHOUT ROWID;

CREATE INDEX account_tasks_ready ON account_tasks (ready, kind);

CREATE TABLE tasks (
    aws_account_id TEXT    NOT NULL,
    kind           TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    due            INTEGER NOT NULL,
    leased         INTEGER NOT NULL,
    ready          INTEGER NOT NULL,
    PRIMARY KEY (aws_account_id, kind, target)
) STRICT, WITHOUT ROWID;

CREATE INDEX tasks_ready ON tasks (ready, kind);
