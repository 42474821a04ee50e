"""Do two accounts of the same thing agree? The vendor's daily files with its daily summary, minutes with hours.

A difference is reported, not mended: which account is right is for a person to say.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any

import dagster as dg

from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.catalogue import STREAMS, stream
from neuro_assets.streams.model import Stream

SUMMARY = stream("daily_activity")
DAILY, RESOLUTIONS = "agrees_with_daily_activity", "resolutions_agree"
SHOWN = 20
# Fitabase gives minutes with decimals and hours in whole kcal. It rounds them to the nearest: in the public export an
# hour of 60 x 0.7973 kcal is 48, one of 60 x 0.7865 kcal is 47. Counts are whole in both, and must be equal.
# Distances are given with two decimals in some places and with more in others.
_ROUNDING = {"kcal": 0.5, "km": 0.005}
_FLOAT_SUM = 1e-6


@dataclass(frozen=True)
class Difference:
    """One pair of values that do not agree: `here` in the table that is checked, `there` in what it is held against."""

    participant_id: str
    at: datetime
    quantity: str
    here: float
    there: float


@dataclass(frozen=True)
class Comparison:
    """All pairs of a table: how many, how many differ by more than the tolerance, by how much, and the first ones."""

    check: str
    tolerance: float
    compared: int = 0
    different: int = 0
    largest: float = 0.0
    first: list[Difference] = field(default_factory=list)


def check_of(target: Stream) -> str | None:
    """The agreement check of a stream; None where there is nothing to hold it against."""
    if target.sampling == "interval":
        return RESOLUTIONS
    is_daily_total = target.key == SUMMARY.key and target.name != SUMMARY.name
    return DAILY if is_daily_total and _shared(target) else None


def compare(connection: Connection, target: Stream, shown: int = SHOWN) -> Comparison | None:
    """Hold a table against its other account, over all days of the lake.

    Args:
        connection: on the lake; nothing is written.
        target: the stream; None is returned for one without an agreement check.
        shown: how many differences to give, by participant and time.
    """
    check = check_of(target)
    if check is None:
        return None
    tolerance = _ROUNDING.get(target.unit, 0.0)
    tolerance += _FLOAT_SUM if tolerance or check == RESOLUTIONS else 0.0
    row = connection.execute(
        _statement("comparison").format(pairs=_pairs(target, check)), {"tolerance": tolerance, "shown": shown}
    ).fetchone()
    compared, different, largest, first = row or (0, 0, None, None)
    return Comparison(check, tolerance, compared, different, largest or 0.0, [Difference(**d) for d in first or []])


def agreement_check_specs(target: Stream) -> list[dg.AssetCheckSpec]:
    """Specs of the agreement checks that a staging asset yields: one or none."""
    told = {
        DAILY: f"The daily totals are those of {SUMMARY.qualified}.",
        RESOLUTIONS: "Hours that are there minute by minute as well have the sum of their minutes.",
    }
    check = check_of(target)
    return [dg.AssetCheckSpec(check, asset=key_of(target), description=told[check])] if check else []


def agreement_check_results(connection: Connection, target: Stream) -> Iterator[dg.AssetCheckResult]:
    """The result for the table as it is now; one or none."""
    found = compare(connection, target)
    if found is not None:
        yield dg.AssetCheckResult(asset_key=key_of(target), **_told(found))


def agreement_of_others(connection: Connection, changed: Stream) -> Iterator[dg.AssetCheckEvaluation]:
    """What a new version of the daily summary means for the tables held against it, whose own runs may be over."""
    for target in STREAMS if changed.name == SUMMARY.name else ():
        found = compare(connection, target) if check_of(target) == DAILY else None
        if found and found.compared:
            yield dg.AssetCheckEvaluation(asset_key=key_of(target), **_told(found))


def _told(found: Comparison) -> dict[str, Any]:
    if not found.compared:
        description = "nothing to compare: there is only one account"
    elif found.different:
        description = f"{found.different} of {found.compared} differ, by up to {found.largest:g}"
    else:
        description = f"{found.compared} compared, none differs"
    table = [
        dg.TableRecord(
            {"participant": d.participant_id, "at": str(d.at), "what": d.quantity, "here": d.here, "there": d.there}
        )
        for d in found.first
    ]
    metadata = {
        "compared": found.compared,
        "different": found.different,
        "largest_difference": found.largest,
        "tolerance": found.tolerance,
        **({"differences": dg.MetadataValue.table(table)} if table else {}),
    }
    return {
        "check_name": found.check,
        "passed": not found.different,
        "severity": dg.AssetCheckSeverity.WARN,
        "description": description,
        "metadata": metadata,
    }


def _shared(target: Stream) -> list[str]:
    return [v for v in target.values if v in SUMMARY.values]


def _pairs(target: Stream, check: str) -> str:
    if check == RESOLUTIONS:
        return _statement("resolution_pairs").format(table=target.qualified)
    pairs = _statement("daily_pairs")
    return " UNION ALL ".join(
        f"({pairs.format(column=c, table=target.qualified, summary=SUMMARY.qualified)})" for c in _shared(target)
    )


def _statement(name: str) -> str:
    return (files("neuro_assets.checks") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
