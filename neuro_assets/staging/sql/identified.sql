-- Raw rows of one kind of file for a range of days, with the participant they belong to.
-- `refusal` names the identity rule a row breaks; such rows wait in quarantine until the protocol changes.
SELECT
    who.participant_id,
    r.source_participant_id,
    r.day,
    {moment}
    {values},
    {misread} AS misread,
    '{source}' AS source,
    f.file_no,
    r.row_number,
    r.as_of,
    coalesce(z.zone, $default_zone) AS zone,
    coalesce(z.tz_source, 'study') AS tz_source,
    CASE
        WHEN r.source_participant_id IS NULL THEN 'missing_participant'
        WHEN who.participant_id IS NULL THEN 'unknown_participant'
        WHEN r.day < p.first_day THEN 'before_enrolment'
        WHEN r.day > p.last_day THEN 'after_withdrawal'
        WHEN {needs_zone} AND coalesce(z.zone, $default_zone) IS NULL THEN 'unknown_time_zone'
    END AS refusal
FROM {raw_table} r
JOIN candidate_file f ON f.file_id = r.file_id
LEFT JOIN people_alias a ON a.source = '{source}' AND a.alias = r.source_participant_id
CROSS JOIN LATERAL (
    SELECT coalesce(a.participant_id, CASE WHEN $auto_enrol THEN r.source_participant_id END) AS participant_id
) who
LEFT JOIN people_presence p ON p.participant_id = who.participant_id
LEFT JOIN people_zone z
    ON z.participant_id = who.participant_id AND r.day >= z.day_from AND r.day < z.day_to
WHERE r.day BETWEEN $start AND $end
