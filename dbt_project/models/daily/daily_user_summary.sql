-- Both sides have one row per person-day, so the full join counts nothing twice and keeps days that only one side has.
with activity as (
    select * from {{ ref('user_daily_activity') }} where {{ in_days('day') }}
),

sleep as (
    select * from {{ ref('stg_sleep') }} where {{ in_days('day') }}
)

select
    coalesce(a.participant_id, s.participant_id) as participant_id,
    coalesce(a.day, s.day) as day,
    a.participant_id is not null as has_activity,
    s.participant_id is not null as has_sleep,
    a.steps,
    a.distance_km,
    a.calories_kcal,
    a.very_active_min,
    a.fairly_active_min,
    a.lightly_active_min,
    a.sedentary_min,
    a.is_active_day,
    s.sleep_records,
    s.minutes_asleep,
    s.minutes_in_bed,
    s.minutes_asleep / nullif(s.minutes_in_bed, 0)::double as sleep_efficiency
from activity as a
full join sleep as s
    on a.participant_id = s.participant_id and a.day = s.day
order by day, participant_id
