"""What has to be looked at of pulls: each check tells of the latest line of every participant and data type.

Who has left, or has ended the connection, is told of for eight days.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.pulls import PULLS, SOURCE_BREAK
from neuro_assets.study import Study, zone_periods

if TYPE_CHECKING:
    import polars as pl

_SHOWN = 20
_ASKED, _COMPLETE, _CONTRACT, _ZONES = (
    "nobody_needs_reconsent",
    "every_type_is_complete",
    "answers_are_of_the_contract",
    "zones_agree",
)
# What has ended rests for a week; what was not asked for in more days is not asked for any more.
_STILL_ASKED = 8
_SEAM = "sources_follow_each_other"
_LONG_GAP = 7
_GAP = ["participant_id", "stream", "gap_days"]
_SPECS = {
    _ASKED: "Everybody who is connected lets the study read all that it asks for.",
    _COMPLETE: "The last pull of each participant's data types had every page.",
    _CONTRACT: "Nothing in the last answers is unknown, or otherwise than the contract has it.",
    _ZONES: "The accounts are in the time zones that the protocol gives their participants.",
}
_LATEST = f"""
SELECT participant_id, data_type, arg_max(outcome, fetched_at) AS outcome, arg_max_null(error_code, fetched_at) AS code,
    arg_max_null(error, fetched_at) AS error
FROM {PULLS.qualified} WHERE fetched_at > (SELECT max(fetched_at) FROM {PULLS.qualified}) - INTERVAL {_STILL_ASKED} DAY
GROUP BY ALL
"""
_FOUND = {
    _ASKED: "outcome = 'needs_reconsent'",
    _COMPLETE: "outcome IN ('failed', 'paused', 'retired')",
    _CONTRACT: "code IN ('contract', 'unknown_fields')",
}


def pull_check_specs() -> list[dg.AssetCheckSpec]:
    """Specs of the checks of pulls."""
    return [dg.AssetCheckSpec(name, asset=key_of(PULLS), description=told) for name, told in _SPECS.items()]


def pull_check_results(connection: Connection, study: Study) -> Iterator[dg.AssetCheckResult]:
    """The results as of now; none of them holds anything up."""
    for name, test in _FOUND.items():
        rows = connection.execute(
            f"SELECT participant_id, data_type, code, error FROM ({_LATEST}) WHERE {test} ORDER BY ALL"
        ).fetchall()
        yield _result(name, [" ".join(str(c) for c in row if c) for row in rows])
    yield _result(_ZONES, _other_zones(connection, study))


def break_check_spec() -> dg.AssetCheckSpec:
    """Spec of the check of breaks."""
    told = f"Nobody has more than {_LONG_GAP} days without rows where a stream changes its source."
    return dg.AssetCheckSpec(_SEAM, asset=key_of(SOURCE_BREAK), description=told)


def break_check_result(breaks: "pl.DataFrame") -> dg.AssetCheckResult:
    """The result for all breaks."""
    long = breaks.filter(breaks["gap_days"] > _LONG_GAP).sort("gap_days", descending=True)
    told = [f"{who} {stream}: {days} days" for who, stream, days in long.select(_GAP).head(_SHOWN).iter_rows()]
    return dg.AssetCheckResult(
        asset_key=key_of(SOURCE_BREAK),
        check_name=_SEAM,
        passed=long.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"found": long.height, "examples": "; ".join(told) or "none"},
    )


def _result(name: str, told: list[str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key_of(PULLS),
        check_name=name,
        passed=not told,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"found": len(told), "examples": "; ".join(told[:_SHOWN]) or "none"},
    )


def _other_zones(connection: Connection, study: Study) -> list[str]:
    """Participants whose account is in another zone than the protocol has them in on the day it was last seen."""
    people = {p.participant_id: p for p in study.people}
    found = []
    for participant, zone, day in connection.execute(
        f"SELECT participant_id, arg_max(zone, fetched_at), max(fetched_at)::DATE FROM {PULLS.qualified}"
        " WHERE zone IS NOT NULL GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        person = people.get(participant)
        periods = zone_periods(study, person) if person else []
        told = next((z[2] for z in periods if z[0] <= day < z[1]), study.default_time_zone)
        if told is not None and told != zone:
            found.append(f"{participant}: the account says {zone}, the protocol {told}")
    return found
