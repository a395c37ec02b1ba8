-- Sessions of people who have signed in with an access key, and links by which somebody may sign in
-- once. Their ids are hashes of what lets people in.
CREATE TABLE sessions (
    session_id     TEXT    NOT NULL PRIMARY KEY,
    aws_account_id TEXT    NOT NULL,
    key_id         TEXT    NOT NULL,
    created        INTEGER NOT NULL,
    seen           INTEGER NOT NULL,
    expires        INTEGER NOT NULL,
    address        TEXT    NOT NULL,
    user_agent     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_owner ON sessions (aws_account_id, created, session_id);

CREATE TABLE sign_in_links (
    link_id TEXT    NOT NULL PRIMARY KEY,
    key_id  TEXT    NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
