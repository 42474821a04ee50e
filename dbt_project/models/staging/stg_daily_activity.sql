select
    participant_id,
    day,
    steps,
    distance_km,
    calories_kcal,
    very_active_min,
    fairly_active_min,
    lightly_active_min,
    sedentary_min,
    source,
    file_id,
    row_number
from {{ source('staging', 'daily_activity') }}
