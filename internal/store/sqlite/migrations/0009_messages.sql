-- Messages of chat rooms and conversations, and for how long they are kept.

-- Each account that has a user in a conversation has a row for it; home_id keeps the messages.
CREATE TABLE conversations (
    account_id      TEXT    NOT NULL,
    conversation_id TEXT    NOT NULL,
    home_id         TEXT    NOT NULL,
    members         TEXT    NOT NULL,
    shared          INTEGER NOT NULL,
    PRIMARY KEY (account_id, conversation_id)
) STRICT, WITHOUT ROWID;

-- Kept in the order of a discussion, which is a room (its entry is not 0) or a conversation.
CREATE TABLE messages (
    account_id      TEXT    NOT NULL,
    room_entry      INTEGER NOT NULL,
    conversation_id TEXT    NOT NULL,
    entry           INTEGER NOT NULL,
    room_id         TEXT    NOT NULL,
    message_id      TEXT    NOT NULL,
    sender_id       TEXT    NOT NULL,
    sender          TEXT    NOT NULL,
    created         INTEGER NOT NULL,
    retention       TEXT    NOT NULL,
    content         TEXT    NOT NULL,
    redacted        INTEGER NOT NULL,
    PRIMARY KEY (account_id, room_entry, conversation_id, entry)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX messages_id ON messages (account_id, message_id);
CREATE INDEX messages_age ON messages (account_id, retention, created, message_id);

ALTER TABLE accounts ADD COLUMN room_retention_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN conversation_retention_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN initiate_deletion INTEGER NOT NULL DEFAULT 0;
