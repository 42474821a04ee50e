select
    participant_id,
    day,
    sleep_records,
    minutes_asleep,
    minutes_in_bed,
    source,
    file_id,
    row_number
from {{ source('staging', 'daily_sleep') }}
