-- When the first reading was received of what was added to the history on a day, and when the last: over which time it came.
ALTER TABLE history_growth ADD COLUMN received_from BIGINT;
ALTER TABLE history_growth ADD COLUMN received_until BIGINT;
