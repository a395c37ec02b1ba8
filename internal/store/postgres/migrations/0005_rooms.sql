-- Chat rooms and who is in them.

CREATE TABLE rooms (
    account_id    TEXT COLLATE "C" NOT NULL,
    entry         BIGINT NOT NULL,
    room_id       TEXT COLLATE "C" NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    created_by    TEXT COLLATE "C" NOT NULL,
    created       BIGINT NOT NULL,
    updated       BIGINT NOT NULL,
    request_token TEXT COLLATE "C" NOT NULL,
    request_name  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, entry)
);

CREATE UNIQUE INDEX rooms_id ON rooms (account_id, room_id);
CREATE INDEX rooms_request ON rooms (account_id, request_token);

-- Kept in the order of a room's listing. The index lists the rooms of a member in their order.
CREATE TABLE room_memberships (
    account_id TEXT COLLATE "C" NOT NULL,
    room_entry BIGINT NOT NULL,
    entry      BIGINT NOT NULL,
    room_id    TEXT COLLATE "C" NOT NULL,
    member_id  TEXT COLLATE "C" NOT NULL,
    role       TEXT COLLATE "C" NOT NULL,
    invited_by TEXT COLLATE "C" NOT NULL,
    updated    BIGINT NOT NULL,
    PRIMARY KEY (account_id, room_entry, entry)
);

CREATE UNIQUE INDEX room_memberships_member ON room_memberships (account_id, member_id, room_entry);
