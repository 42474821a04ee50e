-- What became of the rows that are not simply staged: a row without a verdict is the only one of its measurement, and
-- nothing is wrong with it. Several rows of one measurement: which one stands. In this order: a person's word (supersedes_at), the view that
-- saw most of the day (as_of) and, where complete views disagree, the valid row of the file that arrived last. Equal
-- views are told apart by content alone, so that the order of arrival leaves no trace.
-- An invalid row is answered by a valid one that arrived after it. Until then it fails, and counts against its day,
-- even where an earlier view of the same completeness stands in for it.
CREATE OR REPLACE TEMP TABLE verdict AS
WITH repeated AS (
    SELECT {key}
    FROM candidate
    SEMI JOIN (SELECT slot_no FROM slot WHERE chains > 1) USING (slot_no)
    WHERE refusal IS NULL
    GROUP BY ALL
    HAVING count(*) > 1
), standing AS (
    SELECT c.rid, c.rid NOT IN (SELECT rid FROM failure) AS is_valid, c.file_id, c.row_number, c.first_arrived_at,
        {key_c}, row({values_c}) AS measured,
        rank() OVER (PARTITION BY {key_c} ORDER BY c.supersedes_at DESC NULLS LAST, c.as_of DESC NULLS LAST) AS place
    FROM candidate c
    SEMI JOIN repeated r ON {key_join}
    WHERE c.refusal IS NULL
), best AS (
    SELECT *,
        bool_or(is_valid) OVER (PARTITION BY {key}) AS has_valid,
        max(first_arrived_at) FILTER (is_valid) OVER (PARTITION BY {key}) AS last_valid_at
    FROM standing
    WHERE place = 1
), agreeing AS (
    SELECT *,
        min(measured) OVER k = max(measured) OVER k AS is_agreed,
        (first_arrived_at, file_id) = max((first_arrived_at, file_id)) OVER k AS is_latest
    FROM best
    WHERE is_valid
    WINDOW k AS (PARTITION BY {key})
), chosen AS (
    SELECT *,
        min(measured) OVER w = max(measured) OVER w AS is_clear,
        row_number() OVER (PARTITION BY {key}, is_agreed OR is_latest ORDER BY file_id, row_number) AS turn
    FROM agreeing
    WINDOW w AS (PARTITION BY {key}, is_agreed OR is_latest)
)
SELECT DISTINCT c.rid, 'quarantined' AS outcome, false AS is_disagreement, false AS has_stand_in
FROM candidate c
SEMI JOIN failure f ON f.rid = c.rid
ANTI JOIN repeated r ON {key_join}
WHERE c.refusal IS NULL
UNION ALL
SELECT rid, 'superseded', false, false FROM standing WHERE place > 1
UNION ALL
SELECT rid, CASE WHEN last_valid_at > first_arrived_at THEN 'superseded' ELSE 'quarantined' END, false, has_valid
FROM best
WHERE NOT is_valid
UNION ALL
SELECT rid,
    CASE
        WHEN NOT is_agreed AND NOT is_latest THEN 'superseded'
        WHEN NOT is_clear THEN 'conflicting'
        WHEN turn = 1 THEN 'staged'
        ELSE 'duplicate'
    END,
    NOT is_agreed AND is_latest AND is_clear AND turn = 1,
    false
FROM chosen
UNION ALL
SELECT rid, 'quarantined', false, false FROM candidate WHERE refusal IS NOT NULL
