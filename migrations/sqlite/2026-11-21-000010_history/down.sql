DROP TABLE history_growth;
DROP TABLE retention_rules;
DROP TABLE rollups;
DROP TABLE chunks;
DROP TABLE series;
DROP TABLE readings;
DROP TABLE history_modules;
ALTER TABLE module_states DROP COLUMN telemetry_times;
