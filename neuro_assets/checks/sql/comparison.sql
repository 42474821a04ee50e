-- How far pairs of values agree, with the first of those that do not.
WITH pair AS MATERIALIZED ({pairs}), different AS (
    SELECT * FROM pair WHERE abs(here - there) > $tolerance
)
SELECT
    (SELECT count(*) FROM pair WHERE here IS NOT NULL AND there IS NOT NULL),
    (SELECT count(*) FROM different),
    (SELECT max(abs(here - there)) FROM pair),
    (
        SELECT list(
            {{
                'participant_id': participant_id,
                'at': moment,
                'quantity': quantity,
                'here': here::DOUBLE,
                'there': there::DOUBLE
            }}
        )
        FROM (SELECT * FROM different ORDER BY participant_id, moment, quantity LIMIT $shown)
    )
