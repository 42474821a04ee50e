-- `candidate_base` cut at the steps of the clock: rows of a group also share offset, pass and quality of time.
-- Rows of one slot can be the same measurement, rows of two slots cannot.
-- Where an hour repeats there is a group for each thing that `passes` may tell of a row; some of them stay empty.
CREATE OR REPLACE TEMP TABLE candidate_group AS
WITH told(pass_quality, is_unresolved) AS (
    SELECT NULL::VARCHAR, false
    UNION ALL
    SELECT q, u FROM (VALUES ('dst_overlap'), ('dst_ambiguous')) a(q), (VALUES (false), (true)) b(u) WHERE $repeats
)
SELECT
    (row_number() OVER (ORDER BY b.base_no, c.local_start, c.fold, t.pass_quality, t.is_unresolved))::INTEGER
        AS group_no,
    (dense_rank() OVER (ORDER BY b.day, b.participant_id, b.period_s, coalesce(b.own_fold, c.fold)))::INTEGER
        AS slot_no,
    b.* EXCLUDE (refusal, zone),
    coalesce(b.own_fold, c.fold, 0)::TINYINT AS fold,
    coalesce(b.own_offset_min, c.utc_offset_min) AS utc_offset_min,
    coalesce(t.pass_quality, c.time_quality, 'ok') AS time_quality,
    coalesce(c.day_length_min, {unknown_length}) AS day_length_min,
    coalesce(c.local_start, '-infinity'::TIMESTAMP) AS local_start,
    coalesce(c.local_end, 'infinity'::TIMESTAMP) AS local_end,
    t.pass_quality,
    t.is_unresolved,
    CASE WHEN b.refusal IS NOT NULL THEN b.refusal WHEN t.is_unresolved THEN 'dst_overlap_unresolved' END AS refusal
FROM candidate_base b
LEFT JOIN ({clock}) c ON c.zone = b.zone AND c.day = b.day AND b.own_offset_min IS NULL
JOIN told t ON b.own_offset_min IS NULL OR t.pass_quality IS NULL
