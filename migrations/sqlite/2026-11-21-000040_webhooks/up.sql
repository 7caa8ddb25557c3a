-- Who outside is told of alarms; events is a JSON list of names, secret signs what is sent and so is here as it is.
CREATE TABLE webhooks (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    url        TEXT   NOT NULL,
    events     TEXT   NOT NULL,
    enabled    BIGINT NOT NULL,
    secret     TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- What they are told; ids made later sort later. state is pending, delivered or failed; next_at is when a pending one is tried
-- (again). The oldest rows of a webhook go.
CREATE TABLE webhook_deliveries (
    id          TEXT   NOT NULL PRIMARY KEY,
    webhook_id  TEXT   NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event       TEXT   NOT NULL,
    module_id   TEXT,
    body        TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    attempts    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    next_at     BIGINT NOT NULL,
    finished_at BIGINT,
    status      BIGINT,
    error       TEXT
);

CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (webhook_id, state, id);
CREATE INDEX webhook_deliveries_by_id ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (state, created_at);
