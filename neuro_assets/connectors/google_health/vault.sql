-- Who is connected. What names an account or opens it is sealed; the rest is in clear, to be read without a key.
CREATE TABLE IF NOT EXISTS connection (
    participant_id TEXT PRIMARY KEY,
    status TEXT NOT NULL DEFAULT 'not_connected'
        CHECK (status IN ('not_connected', 'denied', 'connected', 'needs_reconsent', 'disconnected')),
    since TEXT NOT NULL,
    scopes TEXT NOT NULL DEFAULT '',
    health_user_id BLOB,
    legacy_user_id BLOB,
    tokens BLOB,
    access_expires_at TEXT,
    -- Set before a refresh is asked for, and emptied with its answer: a refresh that was cut off stays visible.
    refresh_begun_at TEXT
) STRICT;

-- What happened to consents, in order. Never a token.
CREATE TABLE IF NOT EXISTS consent_history (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    participant_id TEXT NOT NULL,
    at TEXT NOT NULL,
    what TEXT NOT NULL,
    scopes TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TRIGGER IF NOT EXISTS consent_history_is_not_changed BEFORE UPDATE ON consent_history
BEGIN SELECT RAISE(ABORT, 'the history of consents is only added to'); END;

CREATE TRIGGER IF NOT EXISTS consent_history_is_not_deleted BEFORE DELETE ON consent_history
BEGIN SELECT RAISE(ABORT, 'the history of consents is only added to'); END;
