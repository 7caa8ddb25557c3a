DROP TABLE alarms;
DROP TABLE alarm_rules;
