ALTER TABLE module_states DROP COLUMN saved_to;
