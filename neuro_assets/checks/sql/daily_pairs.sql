-- One column of a table of daily totals beside the same column of the vendor's daily summary.
SELECT s.participant_id, s.day::TIMESTAMP AS moment, '{column}' AS quantity, s.{column} AS here, d.{column} AS there
FROM {table} s
JOIN {summary} d USING (participant_id, day)
