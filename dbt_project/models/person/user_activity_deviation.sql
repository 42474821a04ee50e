-- Every person-day against the person's own baseline. A day without steps deviates by -100 %; whether it was worn is
-- coverage's question, not this table's.
select
    d.participant_id,
    d.day,
    d.steps,
    b.baseline_steps,
    b.baseline_days,
    d.steps / b.baseline_steps as steps_pct_of_baseline,
    d.steps - b.baseline_steps as steps_delta_from_baseline,
    d.day between b.baseline_first_day and b.baseline_last_day as is_baseline_window
from {{ ref('user_daily_activity') }} as d
left join {{ ref('user_baseline_activity') }} as b
    on d.participant_id = b.participant_id
order by d.participant_id, d.day
