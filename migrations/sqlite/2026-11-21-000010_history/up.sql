-- When each newest value was measured: a JSON array in the order of the keys, or one time for all.
ALTER TABLE module_states ADD COLUMN telemetry_times TEXT;

-- The number of each module in the history; one whose module is gone has no name, and its history goes in slices.
CREATE TABLE history_modules (
    number    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    module_id TEXT    UNIQUE REFERENCES modules (id) ON DELETE SET NULL
);

INSERT INTO history_modules (module_id) SELECT id FROM modules;

-- The hot tail: readings as they came, one a row, until they are sealed into chunks. No index: the hub knows their ids.
CREATE TABLE readings (
    id          INTEGER NOT NULL PRIMARY KEY,
    module      BIGINT  NOT NULL,
    ts          BIGINT  NOT NULL,
    received_at BIGINT  NOT NULL,
    body        TEXT    NOT NULL
);

-- One key of one module. What was measured before `raw_from` may be gone; the rest says how much is kept of each level.
CREATE TABLE series (
    id             INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    module         BIGINT NOT NULL,
    key            TEXT NOT NULL,
    raw_from       BIGINT NOT NULL,
    samples        BIGINT NOT NULL DEFAULT 0,
    raw_bytes      BIGINT NOT NULL DEFAULT 0,
    minutes_bytes  BIGINT NOT NULL DEFAULT 0,
    quarters_bytes BIGINT NOT NULL DEFAULT 0,
    hours_bytes    BIGINT NOT NULL DEFAULT 0,
    days_bytes     BIGINT NOT NULL DEFAULT 0,
    UNIQUE (module, key)
);

-- Up to 240 samples of a series, compressed; chunks of a series do not overlap.
CREATE TABLE chunks (
    series   BIGINT NOT NULL,
    first_ts BIGINT NOT NULL,
    last_ts  BIGINT NOT NULL,
    samples  BIGINT NOT NULL,
    data     BLOB   NOT NULL,
    PRIMARY KEY (series, first_ts)
);

-- Up to 360 windows of a level (0: minutes, 1: quarters of an hour, 2: hours, 3: days) of a series, compressed.
CREATE TABLE rollups (
    series   BIGINT NOT NULL,
    level    BIGINT NOT NULL,
    start    BIGINT NOT NULL,
    windows  BIGINT NOT NULL,
    data     BLOB   NOT NULL,
    PRIMARY KEY (series, level, start)
);

-- How long which level is kept, in milliseconds; 0 for ever, null as it is for others. `scope` is `all`, `type` or
-- `module`, `name` which type or module.
CREATE TABLE retention_rules (
    scope    TEXT NOT NULL,
    name     TEXT NOT NULL,
    raw      BIGINT,
    minutes  BIGINT,
    quarters BIGINT,
    hours    BIGINT,
    days     BIGINT,
    PRIMARY KEY (scope, name)
);

-- How much was added to the history on each day (days since 1970).
CREATE TABLE history_growth (
    day      BIGINT NOT NULL PRIMARY KEY,
    readings BIGINT NOT NULL,
    bytes    BIGINT NOT NULL
);
