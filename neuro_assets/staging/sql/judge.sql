-- The account of each day: rows in, staged, people staged, duplicate, superseded, quarantined, disagreements, failed,
-- and failed without another row that stands in. Rows that a later pull no longer found are superseded; they are no
-- candidates.
WITH counted AS (
    SELECT group_no, count(*) AS n FROM candidate_row GROUP BY group_no
), marked AS (
    SELECT r.group_no,
        count(*) FILTER (v.outcome <> 'staged') AS away,
        count(*) FILTER (v.outcome = 'duplicate') AS duplicate,
        count(*) FILTER (v.outcome = 'superseded') AS superseded,
        count(*) FILTER (v.outcome = 'quarantined') AS quarantined,
        count(*) FILTER (v.is_disagreement) AS disagreements,
        count(*) FILTER (v.outcome = 'quarantined' AND NOT v.has_stand_in) AS alone
    FROM verdict v
    JOIN candidate_row r ON r.rowid = v.rid
    GROUP BY r.group_no
), accounted AS (
    SELECT g.day, g.participant_id, c.n, c.n - coalesce(m.away, 0) AS staged, m.* EXCLUDE (group_no, away),
        {is_judged} AS is_judged
    FROM counted c
    JOIN candidate_group g USING (group_no)
    LEFT JOIN marked m USING (group_no)
)
SELECT d.day::DATE,
    (coalesce(sum(a.n), 0) + coalesce(any_value(w.rows), 0))::BIGINT,
    coalesce(sum(a.staged), 0)::BIGINT,
    count(DISTINCT a.participant_id) FILTER (a.staged > 0),
    coalesce(sum(a.duplicate), 0)::BIGINT,
    (coalesce(sum(a.superseded), 0) + coalesce(any_value(w.rows), 0))::BIGINT,
    coalesce(sum(a.quarantined), 0)::BIGINT,
    coalesce(sum(a.disagreements), 0)::BIGINT,
    coalesce(sum(a.quarantined) FILTER (a.is_judged), 0)::BIGINT,
    coalesce(sum(a.alone) FILTER (a.is_judged), 0)::BIGINT
FROM (SELECT unnest(generate_series(?::DATE, ?::DATE, INTERVAL 1 DAY)) AS day) d
LEFT JOIN accounted a ON a.day = d.day
LEFT JOIN withdrawn_rows w ON w.day = d.day
GROUP BY d.day
ORDER BY d.day
