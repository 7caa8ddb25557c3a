CREATE TABLE users (
    id            TEXT   NOT NULL PRIMARY KEY,
    email         TEXT   NOT NULL UNIQUE,
    name          TEXT   NOT NULL,
    password_hash TEXT   NOT NULL,
    roles         TEXT   NOT NULL,
    disabled      BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    last_login_at BIGINT
);

CREATE TABLE logins (
    id           TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    cookie_hash  TEXT   NOT NULL UNIQUE,
    refresh_hash TEXT   NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    revoked_at   BIGINT,
    address      TEXT   NOT NULL,
    user_agent   TEXT   NOT NULL
);

CREATE INDEX logins_of_user ON logins (user_id);
CREATE INDEX logins_by_expiry ON logins (expires_at);

-- Refresh tokens that have worked once: seeing one again means that it was stolen.
CREATE TABLE spent_refresh_tokens (
    hash     TEXT   NOT NULL PRIMARY KEY,
    login_id TEXT   NOT NULL REFERENCES logins (id) ON DELETE CASCADE,
    spent_at BIGINT NOT NULL
);

CREATE INDEX spent_refresh_tokens_of_login ON spent_refresh_tokens (login_id);

CREATE TABLE modules (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    type       TEXT   NOT NULL,
    user_id    TEXT   REFERENCES users (id) ON DELETE SET NULL,
    token_hash TEXT   NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX modules_of_user ON modules (user_id);

CREATE TABLE module_states (
    module_id    TEXT   NOT NULL PRIMARY KEY REFERENCES modules (id) ON DELETE CASCADE,
    telemetry    TEXT   NOT NULL,
    telemetry_at BIGINT,
    last_seen    BIGINT
);
