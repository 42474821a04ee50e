-- Which pass of a repeated autumn hour a row belongs to, told by the order of the file: the clock steps back once
-- between the passes. A file that gives the hour once has no step; one that is not in time order has several.
CREATE OR REPLACE TEMP TABLE passes AS
WITH repeated AS (
    SELECT i.rid, i.file_id, i.source_participant_id, i.row_number, i.local_ts, c.local_start
    FROM identified i
    JOIN people_clock c
      ON c.zone = i.zone AND c.day = i.day AND c.fold = 1
     AND i.local_ts >= c.local_start AND i.local_ts < c.local_end
), steps AS (
    SELECT *,
        local_ts <= lag(local_ts) OVER (PARTITION BY file_id, source_participant_id, local_start ORDER BY row_number)
            AS is_step_back,
        count(*) OVER (PARTITION BY file_id, source_participant_id, local_ts) AS times_given
    FROM repeated
), counted AS (
    SELECT *,
        coalesce(count(*) FILTER (is_step_back) OVER so_far, 0) AS steps_so_far,
        count(*) FILTER (is_step_back) OVER (PARTITION BY file_id, source_participant_id, local_start) AS steps_in_all,
        max(times_given) OVER (PARTITION BY file_id, source_participant_id, local_start) AS most_given
    FROM steps
    WINDOW so_far AS (
        PARTITION BY file_id, source_participant_id, local_start ORDER BY row_number
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
)
SELECT
    rid,
    CASE WHEN steps_in_all = 1 THEN steps_so_far ELSE 0 END AS fold,
    CASE WHEN steps_in_all = 1 THEN 'dst_overlap' ELSE 'dst_ambiguous' END AS time_quality,
    steps_in_all > 1 AND most_given > 1 AS is_unresolved
FROM counted
