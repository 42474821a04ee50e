-- The columns every kind of file brings, with their types and no rows: a kind that leaves out a nullable column of
-- the stream gives NULL there, and a stream without a kind of file is empty.
SELECT
    NULL::VARCHAR AS participant_id,
    NULL::VARCHAR AS source_participant_id,
    NULL::DATE AS day,
    NULL::TIMESTAMP AS local_ts,
    NULL::INTEGER AS period_s,
    {mapped},
    NULL::MAP(VARCHAR, VARCHAR) AS misread,
    NULL::VARCHAR AS source,
    NULL::INTEGER AS file_no,
    NULL::BIGINT AS row_number,
    NULL::TIMESTAMP AS as_of,
    NULL::VARCHAR AS zone,
    NULL::VARCHAR AS tz_source,
    NULL::VARCHAR AS refusal
LIMIT 0
