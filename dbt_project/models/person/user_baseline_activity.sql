-- A person's first 14 active days are their baseline window; a person with fewer has a baseline on those there are,
-- and baseline_days says so.
with active as (
    select
        participant_id,
        day,
        steps,
        row_number() over (partition by participant_id order by day) as active_day_number
    from {{ ref('user_daily_activity') }}
    where is_active_day
)

select
    participant_id,
    median(steps) as baseline_steps,
    min(day) as baseline_first_day,
    max(day) as baseline_last_day,
    count(*) as baseline_days,
    count(*) = {{ var('baseline_active_days') }} as is_baseline_complete
from active
where active_day_number <= {{ var('baseline_active_days') }}
group by participant_id
order by participant_id
