-- What all rows of one kind, file, person as the vendor names them, and day have in common: whose they are, which zone
-- they were in, how far the file had seen (`as_of`), the offset from UTC where the file says it. `refusal` names the identity rule they break; such rows wait in quarantine
-- until the protocol changes.
CREATE OR REPLACE TEMP TABLE candidate_base AS
SELECT
    (row_number() OVER (
        ORDER BY r.day, r.source_participant_id, r.file_no, r.kind_no, r.as_of, r.own_offset_min, r.own_fold, r.own_period_s,
            r.claim_no
    ))::INTEGER AS base_no,
    r.kind_no,
    r.file_no,
    r.source_participant_id,
    r.day,
    k.source,
    coalesce(r.own_period_s, k.period_s) AS period_s,
    r.own_period_s,
    r.claim_no,
    who.participant_id,
    r.as_of,
    coalesce(z.zone, $default_zone) AS zone,
    coalesce(r.tz_source, z.tz_source, 'study') AS tz_source,
    r.own_fold,
    r.own_offset_min,
    CASE
        WHEN r.source_participant_id IS NULL THEN 'missing_participant'
        WHEN who.participant_id IS NULL THEN 'unknown_participant'
        WHEN r.day < p.first_day THEN 'before_enrolment'
        WHEN r.day > p.last_day THEN 'after_withdrawal'
        WHEN $needs_zone AND r.own_offset_min IS NULL AND (k.is_utc OR coalesce(z.zone, $default_zone) IS NULL)
            THEN 'unknown_time_zone'
    END AS refusal
FROM ({who_and_when}) r
JOIN candidate_kind k USING (kind_no)
LEFT JOIN people_alias a ON a.source = k.source AND a.alias = r.source_participant_id
CROSS JOIN LATERAL (
    SELECT coalesce(a.participant_id, CASE WHEN $auto_enrol THEN r.source_participant_id END) AS participant_id
) who
LEFT JOIN people_presence p ON p.participant_id = who.participant_id
LEFT JOIN people_zone z
    ON z.participant_id = who.participant_id AND r.day >= z.day_from AND r.day < z.day_to
