-- Rows with everything that is known of them; `rid` identifies one.
CREATE OR REPLACE TEMP VIEW candidate AS
SELECT r.rowid AS rid, r.* EXCLUDE (group_no), {told} g.* EXCLUDE (local_start, local_end),
    f.file_id, f.first_arrived_at, f.supersedes_at
FROM candidate_row r
JOIN candidate_group g USING (group_no)
JOIN candidate_file f USING (file_no)
