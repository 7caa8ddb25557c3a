-- The last time, in Unix milliseconds, that the hub gave to a reading of the module that named none: the next is later.
ALTER TABLE module_states ADD COLUMN clock BIGINT;
