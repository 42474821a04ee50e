-- Which pass of a repeated autumn hour a row belongs to, told by the order of the file: the clock steps back once
-- between the passes. A file that gives the hour once has no step; one that is not in time order has several.
-- The minutes of a wide line share its row number and follow each other. `{logs}`: further columns that keep apart.
CREATE OR REPLACE TEMP TABLE passes AS
WITH repeated AS (
    SELECT i.rid, i.file_no, i.source_participant_id, i.row_number, i.day, i.local_ts, c.local_start{logs},
        coalesce(i.period_s >= epoch(c.local_end - c.local_start), false) AS is_whole_overlap
    FROM identified i
    JOIN people_clock c
      ON c.zone = i.zone AND c.day = i.day AND c.fold = 1
     AND i.local_ts >= c.local_start AND i.local_ts < c.local_end
    WHERE i.own_offset_min IS NULL
), direction AS (
    -- A file that lists the newest row first gives the second pass first: its order tells nothing we may trust.
    SELECT i.file_no, i.source_participant_id, i.day,
        regr_slope(epoch(i.local_ts), i.row_number) < 0 AS is_newest_first
    FROM identified i
    SEMI JOIN repeated r ON r.file_no = i.file_no AND r.source_participant_id = i.source_participant_id AND r.day = i.day
    GROUP BY ALL
), steps AS (
    SELECT r.*, d.is_newest_first,
        -- The same time twice is a step back only where one row fills the repeated hour; else it is a row given twice.
        CASE WHEN is_whole_overlap THEN local_ts <= lag(local_ts) OVER w ELSE local_ts < lag(local_ts) OVER w END
            AS is_step_back,
        count(*) OVER (PARTITION BY r.file_no, r.source_participant_id, r.local_ts{logs}) AS times_given
    FROM repeated r
    JOIN direction d ON d.file_no = r.file_no AND d.source_participant_id = r.source_participant_id AND d.day = r.day
    WINDOW w AS (
        PARTITION BY r.file_no, r.source_participant_id, r.local_start{logs} ORDER BY r.row_number, r.local_ts
    )
), counted AS (
    SELECT *,
        coalesce(count(*) FILTER (is_step_back) OVER so_far, 0) AS steps_so_far,
        count(*) FILTER (is_step_back) OVER (PARTITION BY file_no, source_participant_id, local_start{logs}) AS steps_in_all,
        max(times_given) OVER (PARTITION BY file_no, source_participant_id, local_start{logs}) AS most_given
    FROM steps
    WINDOW so_far AS (
        PARTITION BY file_no, source_participant_id, local_start{logs} ORDER BY row_number, local_ts
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
)
SELECT
    rid,
    CASE WHEN steps_in_all = 1 AND NOT is_newest_first THEN steps_so_far ELSE 0 END AS fold,
    CASE WHEN steps_in_all = 1 AND NOT is_newest_first THEN 'dst_overlap' ELSE 'dst_ambiguous' END AS time_quality,
    most_given > 1 AND (steps_in_all > 1 OR steps_in_all = 1 AND is_newest_first) AS is_unresolved
FROM counted
