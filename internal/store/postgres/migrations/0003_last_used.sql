-- The day (UTC) on which a key was last used, as the time at which it began.

ALTER TABLE access_keys ADD COLUMN last_used BIGINT NOT NULL DEFAULT 0;
