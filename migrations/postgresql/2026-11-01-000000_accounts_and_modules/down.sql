DROP TABLE module_states;
DROP TABLE modules;
DROP TABLE spent_refresh_tokens;
DROP TABLE logins;
DROP TABLE users;
DROP SEQUENCE store_writes;
