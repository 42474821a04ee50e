"""Which days would each valid-day rule keep? A study's findings should not hang on the rule that was chosen."""

from collections.abc import Sequence

import polars as pl

from neuro_assets.coverage.standing import Standing
from neuro_assets.coverage.valid import sentence
from neuro_assets.lake.lake import Connection
from neuro_assets.science.valid_days import RULES
from neuro_assets.streams.coverage import VALID_DAY, VALID_DAY_SENSITIVITY
from neuro_assets.study import Study


def sensitivity(connection: Connection, study: Study, standings: Sequence[Standing]) -> pl.DataFrame:
    """A row for each person and rule, with the columns of `coverage.valid_day_sensitivity`.

    The protocol's rule is told with the protocol's thresholds, the others with those of their sources.
    """
    chosen = study.coverage.valid_day
    people = pl.DataFrame(
        {
            "participant_id": [s.participant_id for s in standings],
            "first_day": [s.person.first_day for s in standings],
            "until": [s.until for s in standings],
            "known": [s.known_until for s in standings],
        },
        {"participant_id": pl.String, "first_day": pl.Date, "until": pl.Date, "known": pl.Date},
    )
    rules = pl.DataFrame(
        [
            (name, name == chosen.rule, sentence(chosen) if name == chosen.rule else rule.describe())
            for name, rule in RULES.items()
        ],
        schema={"rule": pl.String, "is_protocol_rule": pl.Boolean, "told": pl.String},
        orient="row",
    )
    connection.register("frame_people", people.to_arrow())
    connection.register("frame_rules", rules.to_arrow())
    verdicts = ", ".join(f"by_{name} AS {name}" for name in RULES)
    try:
        found = connection.execute(
            f"""
            WITH long AS (
                UNPIVOT (SELECT participant_id, day, is_valid, {verdicts} FROM {VALID_DAY.qualified})
                ON {", ".join(RULES)} INTO NAME rule VALUE is_kept
            ), counted AS (
                SELECT p.participant_id, r.rule, any_value(r.is_protocol_rule) AS is_protocol_rule,
                    any_value(r.told) AS told,
                    greatest(any_value(p.until - p.first_day) + 1, 0)::INTEGER AS days,
                    count(*) FILTER (CASE WHEN r.is_protocol_rule THEN v.is_valid ELSE l.is_kept END)::INTEGER
                        AS days_kept,
                    count(*) FILTER (NOT CASE WHEN r.is_protocol_rule THEN v.is_valid ELSE l.is_kept END)::INTEGER
                        AS days_not_kept
                FROM frame_people p
                CROSS JOIN frame_rules r
                LEFT JOIN {VALID_DAY.qualified} v
                    ON v.participant_id = p.participant_id AND v.day BETWEEN p.first_day AND p.known
                LEFT JOIN long l ON l.participant_id = v.participant_id AND l.day = v.day AND l.rule = r.rule
                GROUP BY p.participant_id, r.rule
            )
            SELECT *, days - days_kept - days_not_kept AS days_undecided FROM counted ORDER BY participant_id, rule
            """
        ).pl()
    finally:
        connection.unregister("frame_people")
        connection.unregister("frame_rules")
    return found.select(VALID_DAY_SENSITIVITY.column_names)
