-- Events that wait to be sent to bots, in the order in which they came.

CREATE TABLE bot_events (
    account_id TEXT COLLATE "C" NOT NULL,
    bot_id     TEXT COLLATE "C" NOT NULL,
    entry      BIGINT NOT NULL,
    type       TEXT COLLATE "C" NOT NULL,
    room_id    TEXT COLLATE "C" NOT NULL,
    membership BIGINT NOT NULL,
    sender_id  TEXT COLLATE "C" NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    created    BIGINT NOT NULL,
    PRIMARY KEY (account_id, bot_id, entry)
);
