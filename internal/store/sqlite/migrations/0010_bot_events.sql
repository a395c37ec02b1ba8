-- Events that wait to be sent to bots, in the order in which they came.

CREATE TABLE bot_events (
    account_id TEXT    NOT NULL,
    bot_id     TEXT    NOT NULL,
    entry      INTEGER NOT NULL,
    type       TEXT    NOT NULL,
    room_id    TEXT    NOT NULL,
    membership INTEGER NOT NULL,
    sender_id  TEXT    NOT NULL,
    message_id TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    PRIMARY KEY (account_id, bot_id, entry)
) STRICT, WITHOUT ROWID;
