"""What must hold of analytics whatever the data: they are of the values that are there, computed another way."""

import dagster as dg

from neuro_assets.analytics.measures import VALUES
from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.analytics import CHANGE_POINT, POPULATION_SUMMARY
from neuro_assets.streams.model import Table

AS_VALUES, IN_ORDER = "people_are_those_of_the_values", "spreads_are_in_order"
AS_LEVELS, SURE = "levels_are_those_of_the_days", "verdicts_follow_from_chances"
_TOLD = {
    AS_VALUES: "People, days and means of each measure are those of the features, computed another way.",
    IN_ORDER: "Quartiles and intervals are in order, and more days than were expected are nowhere.",
    AS_LEVELS: "Levels are the medians of the days between changes, and each person's measure is there, as SQL has it.",
    SURE: "No verdict is surer than its chances, and control makes none of them smaller.",
}
_UNLIKE_VALUES = f"""
WITH told AS (
    SELECT measure, count(*) AS people, sum(days)::BIGINT AS days, avg(mean) AS mean FROM (
        SELECT measure, count(*) AS days, avg(value) AS mean FROM {VALUES} GROUP BY measure, participant_id
    ) GROUP BY measure
)
SELECT count(*) FROM told t FULL JOIN {POPULATION_SUMMARY.qualified} s USING (measure)
WHERE s.people IS DISTINCT FROM t.people OR s.days IS DISTINCT FROM t.days
    OR coalesce(abs(s.mean - t.mean) > 1e-6 + 1e-9 * abs(t.mean), true)
"""
_OUT_OF_ORDER = f"""
SELECT count(*) FROM {POPULATION_SUMMARY.qualified}
WHERE q25 > median OR median > q75 OR mean_lower > mean OR mean > mean_upper OR weekend_people > people
    OR weekend_lower > weekend_difference OR weekend_difference > weekend_upper OR people > days OR first_day > last_day
    OR sd_between < 0 OR sd_within < 0 OR icc NOT BETWEEN 0 AND 1 OR missing_share NOT BETWEEN 0 AND 1
"""
_UNLIKE_LEVELS = f"""
WITH spans AS (
    SELECT participant_id, measure, change, day,
        coalesce(lag(day) OVER own, first_day) AS since, coalesce(lead(day) OVER own, last_day + 1) AS until,
        level_before, level_after, days_before, days_after, weekend_effect
    FROM {CHANGE_POINT.qualified} WHERE change > 0 WINDOW own AS (PARTITION BY participant_id, measure ORDER BY change)
), made AS (
    SELECT s.participant_id, s.measure, s.change,
        median(v.value - s.weekend_effect * (isodow(v.day) >= 6)::INTEGER) FILTER (v.day < s.day) AS before,
        median(v.value - s.weekend_effect * (isodow(v.day) >= 6)::INTEGER) FILTER (v.day >= s.day) AS after,
        count(*) FILTER (v.day < s.day) AS n_before, count(*) FILTER (v.day >= s.day) AS n_after
    FROM spans s JOIN {VALUES} v
        ON v.participant_id = s.participant_id AND v.measure = s.measure AND v.day >= s.since AND v.day < s.until
    GROUP BY ALL
), records AS (
    SELECT participant_id, measure, count(*) AS days FROM {VALUES} GROUP BY ALL
)
SELECT (
    SELECT count(*) FROM spans s LEFT JOIN made m USING (participant_id, measure, change)
    WHERE s.days_before IS DISTINCT FROM m.n_before OR s.days_after IS DISTINCT FROM m.n_after
        OR coalesce(abs(s.level_before - m.before) > 1e-6 + 1e-9 * abs(m.before), true)
        OR coalesce(abs(s.level_after - m.after) > 1e-6 + 1e-9 * abs(m.after), true)
) + (
    SELECT count(*) FROM records r FULL JOIN (
        SELECT DISTINCT participant_id, measure, days FROM {CHANGE_POINT.qualified}
    ) c USING (participant_id, measure)
    WHERE r.days IS DISTINCT FROM c.days
)
"""
_UNSURE = f"""
SELECT count(*) FROM {CHANGE_POINT.qualified}
WHERE q < p OR (verdict = 'changed') <> coalesce(change > 0 AND q <= 0.05, false)
    OR (verdict IN ('changed', 'perhaps')) <> (change > 0) OR (verdict = 'not_tested') <> (p IS NULL)
    OR (change > 0) <> (day IS NOT NULL) OR difference NOT BETWEEN lower AND upper
    OR abs(level_after - level_before - difference) > 1e-6
"""
_QUESTIONS = {
    POPULATION_SUMMARY: {AS_VALUES: _UNLIKE_VALUES, IN_ORDER: _OUT_OF_ORDER},
    CHANGE_POINT: {AS_LEVELS: _UNLIKE_LEVELS, SURE: _UNSURE},
}


def analytics_check_specs(table: Table) -> list[dg.AssetCheckSpec]:
    """Specs of the checks of a table of analytics."""
    return [dg.AssetCheckSpec(name, asset=key_of(table), description=_TOLD[name]) for name in _QUESTIONS[table]]


def analytics_check_results(connection: Connection, table: Table) -> list[dg.AssetCheckResult]:
    """The results for the table as it is; the connection has the table of values."""
    results = []
    for name, sql in _QUESTIONS[table].items():
        wrong = int(connection.execute(sql).fetchall()[0][0])
        results.append(
            dg.AssetCheckResult(
                check_name=name,
                asset_key=key_of(table),
                passed=not wrong,
                severity=dg.AssetCheckSeverity.ERROR,
                metadata={"rows_wrong": wrong},
            )
        )
    return results
