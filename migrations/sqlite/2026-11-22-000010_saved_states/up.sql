-- Readings of the tail from this id on are newer than the state, which is stored a while after them; the next start has it
-- follow them. So far both were stored together.
ALTER TABLE module_states ADD COLUMN saved_to BIGINT NOT NULL DEFAULT 0;

UPDATE module_states SET saved_to = coalesce((SELECT id + count FROM readings ORDER BY id DESC LIMIT 1), 0);
