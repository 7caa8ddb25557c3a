CREATE TABLE single AS
    SELECT run.id + pair.place - 1 AS id, run.module AS module, (pair.value ->> 0)::bigint AS ts,
        run.received_at AS received_at, (pair.value -> 1)::text AS body
    FROM readings AS run, json_array_elements(run.body::json) WITH ORDINALITY AS pair (value, place)
    WHERE run.count > 1;

DELETE FROM readings WHERE count > 1;

ALTER TABLE readings DROP COLUMN count;
ALTER TABLE readings DROP COLUMN last_ts;

INSERT INTO readings (id, module, ts, received_at, body) SELECT id, module, ts, received_at, body FROM single;

DROP TABLE single;
