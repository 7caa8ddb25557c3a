-- What modules were told to do, and what they answered; ids made later sort later. The oldest rows of a module go.
CREATE TABLE commands (
    id           TEXT COLLATE "C"   NOT NULL PRIMARY KEY,
    module_id    TEXT COLLATE "C"   NOT NULL REFERENCES modules (id) ON DELETE CASCADE,
    command      TEXT COLLATE "C"   NOT NULL,
    params       TEXT COLLATE "C"   NOT NULL,
    user_id      TEXT COLLATE "C"   NOT NULL,
    created_at   BIGINT NOT NULL,
    deadline     BIGINT NOT NULL,
    answered_at  BIGINT,
    ok           BIGINT,
    result       TEXT COLLATE "C",
    cancelled_at BIGINT
);

CREATE INDEX commands_of_module ON commands (module_id, id);

-- The state that people want of a module, and the one it says it has.
CREATE TABLE twins (
    module_id        TEXT COLLATE "C"   NOT NULL PRIMARY KEY REFERENCES modules (id) ON DELETE CASCADE,
    desired          TEXT COLLATE "C"   NOT NULL,
    desired_version  BIGINT NOT NULL,
    desired_at       BIGINT,
    reported         TEXT COLLATE "C"   NOT NULL,
    reported_version BIGINT NOT NULL,
    reported_at      BIGINT
);

-- Emergency stops, in force until somebody clears them; target is a module's id, a type, or empty for all.
CREATE TABLE emergency_stops (
    id         TEXT COLLATE "C"   NOT NULL PRIMARY KEY,
    scope      TEXT COLLATE "C"   NOT NULL,
    target     TEXT COLLATE "C"   NOT NULL,
    reason     TEXT COLLATE "C"   NOT NULL,
    user_id    TEXT COLLATE "C"   NOT NULL,
    created_at BIGINT NOT NULL,
    cleared_at BIGINT,
    cleared_by TEXT COLLATE "C"
);

CREATE INDEX emergency_stops_by_end ON emergency_stops (cleared_at);

-- What modules answered to emergency stops; a module in scope without a row has not answered.
CREATE TABLE emergency_stop_answers (
    stop_id     TEXT COLLATE "C"   NOT NULL REFERENCES emergency_stops (id) ON DELETE CASCADE,
    module_id   TEXT COLLATE "C"   NOT NULL REFERENCES modules (id) ON DELETE CASCADE,
    ok          BIGINT NOT NULL,
    result      TEXT COLLATE "C"   NOT NULL,
    answered_at BIGINT NOT NULL,
    PRIMARY KEY (stop_id, module_id)
);

CREATE INDEX emergency_stop_answers_of_module ON emergency_stop_answers (module_id);

-- The hash of the code by which somebody may become the owner of a module, once.
CREATE TABLE claim_codes (
    module_id  TEXT COLLATE "C"   NOT NULL PRIMARY KEY REFERENCES modules (id) ON DELETE CASCADE,
    code_hash  TEXT COLLATE "C"   NOT NULL UNIQUE,
    expires_at BIGINT NOT NULL
);
