-- Chat rooms and who is in them.

CREATE TABLE rooms (
    account_id    TEXT    NOT NULL,
    entry         INTEGER NOT NULL,
    room_id       TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    created_by    TEXT    NOT NULL,
    created       INTEGER NOT NULL,
    updated       INTEGER NOT NULL,
    request_token TEXT    NOT NULL,
    request_name  TEXT    NOT NULL,
    PRIMARY KEY (account_id, entry)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX rooms_id ON rooms (account_id, room_id);
CREATE INDEX rooms_request ON rooms (account_id, request_token);

-- Kept in the order of a room's listing. The index lists the rooms of a member in their order.
CREATE TABLE room_memberships (
    account_id TEXT    NOT NULL,
    room_entry INTEGER NOT NULL,
    entry      INTEGER NOT NULL,
    room_id    TEXT    NOT NULL,
    member_id  TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    invited_by TEXT    NOT NULL,
    updated    INTEGER NOT NULL,
    PRIMARY KEY (account_id, room_entry, entry)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX room_memberships_member ON room_memberships (account_id, member_id, room_entry);
