ALTER TABLE module_states DROP COLUMN clock;
