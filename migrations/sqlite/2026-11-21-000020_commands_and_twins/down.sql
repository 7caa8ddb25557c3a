DROP TABLE claim_codes;
DROP TABLE emergency_stop_answers;
DROP TABLE emergency_stops;
DROP TABLE twins;
DROP TABLE commands;
