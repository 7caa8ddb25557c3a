CREATE TABLE single AS
    SELECT run.id + pair.key AS id, run.module AS module, json_extract(pair.value, '$[0]') AS ts,
        run.received_at AS received_at, json_extract(pair.value, '$[1]') AS body
    FROM readings AS run, json_each(run.body) AS pair
    WHERE run.count > 1;

DELETE FROM readings WHERE count > 1;

ALTER TABLE readings DROP COLUMN count;
ALTER TABLE readings DROP COLUMN last_ts;

INSERT INTO readings (id, module, ts, received_at, body) SELECT id, module, ts, received_at, body FROM single;

DROP TABLE single;
