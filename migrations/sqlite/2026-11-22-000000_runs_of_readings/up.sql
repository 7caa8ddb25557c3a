-- Readings that came together are one row: `count` of them, from `id` on, measured between `ts` and `last_ts`. The body of
-- several is a JSON array of pairs: when it was measured, its values.
ALTER TABLE readings ADD COLUMN last_ts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE readings ADD COLUMN count BIGINT NOT NULL DEFAULT 1;

UPDATE readings SET last_ts = ts;
