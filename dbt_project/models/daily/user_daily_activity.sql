select
    a.participant_id,
    a.day,
    a.steps,
    a.distance_km,
    a.calories_kcal,
    a.very_active_min,
    a.fairly_active_min,
    a.lightly_active_min,
    a.sedentary_min,
    a.steps > 0 as is_active_day,
    a.day >= f.as_of::date as is_partial_day
from {{ ref('stg_daily_activity') }} as a
left join {{ source('ops', 'landing_files') }} as f
    on a.file_id = f.file_id
where {{ in_days('a.day') }}
order by a.day, a.participant_id
