-- The journal: every event that each subscriber must get, by its place in the order.
CREATE TABLE events (
    "offset" BIGINT NOT NULL PRIMARY KEY,
    name     TEXT COLLATE "C" NOT NULL,
    ended    TEXT COLLATE "C",
    audience TEXT COLLATE "C" NOT NULL,
    data     TEXT COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL
);

-- One row: which order this is, which places may have been given away, and up to which one events were pruned.
CREATE TABLE event_order (
    id       BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch    TEXT COLLATE "C" NOT NULL,
    reserved BIGINT NOT NULL,
    pruned   BIGINT NOT NULL
);

-- Events of changes that are made already, not yet in the journal; each was added together with its change.
CREATE TABLE announcements (
    id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name     TEXT COLLATE "C" NOT NULL,
    ended    TEXT COLLATE "C",
    audience TEXT COLLATE "C" NOT NULL,
    data     TEXT COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL
);

-- One row, written to see whether the disk takes anything.
CREATE TABLE heartbeat (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    at BIGINT NOT NULL
);

-- The modules whose last event about their presence in the journal says that they are online.
CREATE TABLE told_online (
    module_id TEXT COLLATE "C" NOT NULL PRIMARY KEY
);
