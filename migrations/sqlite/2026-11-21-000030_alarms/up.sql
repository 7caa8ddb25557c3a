-- What people want to be told of a module, or of all modules of a type; the condition is JSON.
CREATE TABLE alarm_rules (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    severity   TEXT NOT NULL,
    module_id  TEXT REFERENCES modules (id) ON DELETE CASCADE,
    type       TEXT,
    condition  TEXT NOT NULL,
    enabled    BIGINT NOT NULL,
    user_id    TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX alarm_rules_of_module ON alarm_rules (module_id);

-- Alarms; ids made later sort later. What the rule said stands in the row: the rule may be changed or gone.
CREATE TABLE alarms (
    id              TEXT NOT NULL PRIMARY KEY,
    rule_id         TEXT NOT NULL,
    rule_name       TEXT NOT NULL,
    module_id       TEXT NOT NULL REFERENCES modules (id) ON DELETE CASCADE,
    severity        TEXT NOT NULL,
    condition       TEXT NOT NULL,
    value           TEXT,
    since           BIGINT NOT NULL,
    raised_at       BIGINT NOT NULL,
    acknowledged_at BIGINT,
    acknowledged_by TEXT,
    cleared_at      BIGINT,
    cleared_by      TEXT,
    clear_cause     TEXT
);

-- At most one of a rule and a module is not cleared.
CREATE UNIQUE INDEX alarms_open ON alarms (rule_id, module_id) WHERE cleared_at IS NULL;
CREATE INDEX alarms_of_module ON alarms (module_id, id);
CREATE INDEX alarms_by_end ON alarms (cleared_at);
