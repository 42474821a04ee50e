-- Chains of rows: a row continues the one before it where both are of one group and it is of a later time. A slot whose
-- rows are one chain has every time once, in whatever order chains come; only the others can repeat a measurement.
CREATE OR REPLACE TEMP TABLE slot AS
SELECT slot_no, count(*) AS chains
FROM (
    SELECT group_no FROM (
        SELECT group_no, coalesce(group_no = lag(group_no) OVER () AND {is_later}, false) AS is_next FROM candidate_row
    )
    WHERE NOT is_next
)
JOIN candidate_group USING (group_no)
GROUP BY slot_no
