-- Messages of chat rooms and conversations, and for how long they are kept.

-- Each account that has a user in a conversation has a row for it; home_id keeps the messages.
CREATE TABLE conversations (
    account_id      TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL,
    home_id         TEXT COLLATE "C" NOT NULL,
    members         TEXT COLLATE "C" NOT NULL,
    shared          BOOLEAN NOT NULL,
    PRIMARY KEY (account_id, conversation_id)
);

-- Kept in the order of a discussion, which is a room (its entry is not 0) or a conversation.
CREATE TABLE messages (
    account_id      TEXT COLLATE "C" NOT NULL,
    room_entry      BIGINT NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL,
    entry           BIGINT NOT NULL,
    room_id         TEXT COLLATE "C" NOT NULL,
    message_id      TEXT COLLATE "C" NOT NULL,
    sender_id       TEXT COLLATE "C" NOT NULL,
    sender          TEXT COLLATE "C" NOT NULL,
    created         BIGINT NOT NULL,
    retention       TEXT COLLATE "C" NOT NULL,
    content         TEXT COLLATE "C" NOT NULL,
    redacted        BOOLEAN NOT NULL,
    PRIMARY KEY (account_id, room_entry, conversation_id, entry)
);

CREATE UNIQUE INDEX messages_id ON messages (account_id, message_id);
CREATE INDEX messages_age ON messages (account_id, retention, created, message_id);

ALTER TABLE accounts ADD COLUMN room_retention_days BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN conversation_retention_days BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN initiate_deletion BIGINT NOT NULL DEFAULT 0;
