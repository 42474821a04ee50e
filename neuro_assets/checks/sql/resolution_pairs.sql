-- Complete hours of a finer resolution, summed, beside the hour's own row: same participant, wall clock and fold.
SELECT h.participant_id, h.local_ts AS moment, f.period_s || ' s' AS quantity, f.total AS here, h.value AS there
FROM {table} h
JOIN (
    SELECT participant_id, day, date_trunc('hour', local_ts) AS hour, fold, period_s, sum(value) AS total
    FROM {table}
    WHERE period_s < 3600
    GROUP BY ALL
    HAVING count(*) * period_s = 3600
) f ON f.participant_id = h.participant_id AND f.day = h.day AND f.hour = h.local_ts AND f.fold = h.fold
WHERE h.period_s = 3600
