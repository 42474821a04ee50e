"""Why a day is not there, over all streams."""

from neuro_assets.streams.coverage import DAILY

# Person, day, reason and the minutes missing for it. Streams of samples tell of a day; those with a row a day, which a
# vendor may owe for other reasons, only in a study without samples.
REASONS_OF_DAYS = f"""
    SELECT participant_id, day, reason, sum(missing_min) AS minutes FROM {DAILY.qualified}
    WHERE reason IS NOT NULL
        AND (worn_min IS NOT NULL OR NOT EXISTS (SELECT 1 FROM {DAILY.qualified} WHERE worn_min IS NOT NULL))
    GROUP BY ALL
"""
# Person, day, and the reason of most of what is missing.
MAIN_REASON_OF_DAYS = f"""
    SELECT participant_id, day, arg_max(reason, (minutes, reason)) AS reason FROM ({REASONS_OF_DAYS}) GROUP BY ALL
"""
