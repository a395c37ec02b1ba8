-- Sessions of people who have signed in with an access key, and links by which somebody may sign in
-- once. Their ids are hashes of what lets people in.
CREATE TABLE sessions (
    session_id     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    aws_account_id TEXT COLLATE "C" NOT NULL,
    key_id         TEXT COLLATE "C" NOT NULL,
    created        BIGINT NOT NULL,
    seen           BIGINT NOT NULL,
    expires        BIGINT NOT NULL,
    address        TEXT COLLATE "C" NOT NULL,
    user_agent     TEXT COLLATE "C" NOT NULL
);

CREATE INDEX sessions_owner ON sessions (aws_account_id, created, session_id);

CREATE TABLE sign_in_links (
    link_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    key_id  TEXT COLLATE "C" NOT NULL,
    expires BIGINT NOT NULL
);
