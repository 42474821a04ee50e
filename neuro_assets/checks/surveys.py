"""What must hold of scores whatever the data: every response is scored or says why not, within what is possible."""

from collections.abc import Sequence

import dagster as dg

from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange
from neuro_assets.streams.model import Table
from neuro_assets.streams.surveys import SURVEY_ANOMALY, SURVEY_FLAG, SURVEY_RESPONSE, SURVEY_SCORE, SURVEY_SUBMISSION

ACCOUNTED, FEW_ODD, ALL_THERE = "responses_accounted_for", "few_odd_responses", "a_row_for_each_response"
STILL_THERE = "anomalies_of_responses_that_are_there"
_MOST_ODD = 0.2


def survey_check_specs(wide: Sequence[Table]) -> list[dg.AssetCheckSpec]:
    """Specs of the checks that the survey assets yield; `wide` are the views of the instruments."""
    return [
        dg.AssetCheckSpec(
            ACCOUNTED,
            asset=key_of(SURVEY_SCORE),
            description="Every score is there or has a reason why not, and no response is scored that is not staged.",
        ),
        dg.AssetCheckSpec(
            ALL_THERE,
            asset=key_of(SURVEY_SUBMISSION),
            description="As many rows as there are responses, no response in two of them.",
        ),
        dg.AssetCheckSpec(
            FEW_ODD,
            asset=key_of(SURVEY_FLAG),
            description=f"At most {_MOST_ODD:.0%} of the responses of an instrument and of these days have a flag.",
        ),
        *(
            dg.AssetCheckSpec(
                ALL_THERE,
                asset=key_of(t),
                description="As many rows as there are responses, no response in two of them.",
            )
            for t in wide
        ),
    ]


def survey_check_results(connection: Connection, days: DayRange, wide: Sequence[Table]) -> list[dg.AssetCheckResult]:
    """The results for days that were just written."""
    bound = {"first": days.start, "last": days.end}
    unaccounted = connection.execute(_UNACCOUNTED, bound).fetchall()[0][0]
    odd = connection.execute(_ODD, bound).fetchall()
    many = {name: f"{flagged} of {of}" for name, flagged, of in odd if flagged > _MOST_ODD * of}
    return [
        dg.AssetCheckResult(
            asset_key=key_of(SURVEY_SCORE),
            check_name=ACCOUNTED,
            passed=unaccounted == 0,
            metadata={"scores_without_score_or_reason_or_response": unaccounted},
        ),
        dg.AssetCheckResult(
            asset_key=key_of(SURVEY_FLAG),
            check_name=FEW_ODD,
            passed=not many,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"flagged_responses": {name: f"{n} of {of}" for name, n, of in odd} | many},
        ),
        *(_all_there(connection, days, t) for t in (SURVEY_SUBMISSION, *wide)),
    ]


def anomaly_check_specs() -> list[dg.AssetCheckSpec]:
    """The spec of the check on anomalies."""
    return [
        dg.AssetCheckSpec(
            STILL_THERE,
            asset=key_of(SURVEY_ANOMALY),
            description="No anomaly is about a response that is not there, or not so any more.",
        )
    ]


def anomaly_check_results(connection: Connection) -> list[dg.AssetCheckResult]:
    """The result for what is written."""
    astray = connection.execute(_ASTRAY).fetchall()[0][0]
    return [
        dg.AssetCheckResult(
            asset_key=key_of(SURVEY_ANOMALY),
            check_name=STILL_THERE,
            passed=astray == 0,
            metadata={"anomalies_without_their_response": astray},
        )
    ]


def _all_there(connection: Connection, days: DayRange, wide: Table) -> dg.AssetCheckResult:
    """A response whose answers disagree in what they say of the response would fall apart into two rows."""
    name = None if wide is SURVEY_SUBMISSION else wide.name.removeprefix("survey_wide_")
    inside = "day BETWEEN ? AND ?"
    rows = f"SELECT count(*) FROM {wide.qualified} WHERE {inside}"
    responses = (
        "SELECT count(DISTINCT (participant_id, instrument, local_ts, fold, response_id))"
        f" FROM {SURVEY_RESPONSE.qualified} WHERE {inside} AND instrument = coalesce(?, instrument)"
    )
    found = connection.execute(rows, [days.start, days.end]).fetchall()[0][0]
    wanted = connection.execute(responses, [days.start, days.end, name]).fetchall()[0][0]
    return dg.AssetCheckResult(
        asset_key=key_of(wide),
        check_name=ALL_THERE,
        passed=found == wanted,
        metadata={"rows": found, "responses": wanted},
    )


_UNACCOUNTED = f"""
SELECT count(*) FROM {SURVEY_SCORE.qualified} s
LEFT JOIN (
    SELECT DISTINCT participant_id, day, instrument, local_ts, response_id FROM {SURVEY_RESPONSE.qualified}
    WHERE day BETWEEN $first AND $last
) r USING (participant_id, day, instrument, local_ts, response_id)
WHERE s.day BETWEEN $first AND $last
    AND (r.day IS NULL OR (s.score IS NULL) = (s.unscored_reason IS NULL) OR s.items_answered > s.items)
"""
_ASTRAY = f"""
SELECT count(*) FROM {SURVEY_ANOMALY.qualified} a
ANTI JOIN {SURVEY_RESPONSE.qualified} r
    ON r.participant_id = a.participant_id AND r.day = a.day AND r.instrument = a.instrument AND r.ts = a.ts
    AND r.response_id = a.response_id AND (a.item IS NULL OR (r.item = a.item AND r.value = a.value))
"""
_ODD = f"""
SELECT instrument, count(*) FILTER (f.instrument IS NOT NULL), count(*) FROM (
    SELECT DISTINCT participant_id, day, instrument, local_ts, response_id FROM {SURVEY_RESPONSE.qualified}
    WHERE day BETWEEN $first AND $last
) LEFT JOIN (
    SELECT DISTINCT participant_id, day, instrument, local_ts, response_id FROM {SURVEY_FLAG.qualified}
    WHERE day BETWEEN $first AND $last
) f USING (participant_id, day, instrument, local_ts, response_id)
GROUP BY instrument ORDER BY instrument
"""
