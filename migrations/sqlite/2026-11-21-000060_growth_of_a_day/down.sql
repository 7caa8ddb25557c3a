ALTER TABLE history_growth DROP COLUMN received_until;
ALTER TABLE history_growth DROP COLUMN received_from;
