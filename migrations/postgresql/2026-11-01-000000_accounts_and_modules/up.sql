-- Counts who has begun to write, see `src/store/connection.rs`.
CREATE SEQUENCE store_writes;

CREATE TABLE users (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email         TEXT COLLATE "C" NOT NULL UNIQUE,
    name          TEXT COLLATE "C" NOT NULL,
    password_hash TEXT COLLATE "C" NOT NULL,
    roles         TEXT COLLATE "C" NOT NULL,
    disabled      BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    last_login_at BIGINT
);

CREATE TABLE logins (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id      TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    cookie_hash  TEXT COLLATE "C" NOT NULL UNIQUE,
    refresh_hash TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    revoked_at   BIGINT,
    address      TEXT COLLATE "C" NOT NULL,
    user_agent   TEXT COLLATE "C" NOT NULL
);

CREATE INDEX logins_of_user ON logins (user_id);
CREATE INDEX logins_by_expiry ON logins (expires_at);

-- Refresh tokens that have worked once: seeing one again means that it was stolen.
CREATE TABLE spent_refresh_tokens (
    hash     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    login_id TEXT COLLATE "C" NOT NULL REFERENCES logins (id) ON DELETE CASCADE,
    spent_at BIGINT NOT NULL
);

CREATE INDEX spent_refresh_tokens_of_login ON spent_refresh_tokens (login_id);

CREATE TABLE modules (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL,
    type       TEXT COLLATE "C" NOT NULL,
    user_id    TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL,
    token_hash TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX modules_of_user ON modules (user_id);

CREATE TABLE module_states (
    module_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES modules (id) ON DELETE CASCADE,
    telemetry    TEXT COLLATE "C" NOT NULL,
    telemetry_at BIGINT,
    last_seen    BIGINT
);
