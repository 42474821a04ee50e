"""Each person's measures against the own record before: changes of level, and control of how many are by chance."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from neuro_assets.analytics.measures import VALUES, measure_of
from neuro_assets.analytics.write import frame_of
from neuro_assets.lake.lake import Connection
from neuro_assets.science.change_points import ALPHA, ChangePoint, Record, find_change_points
from neuro_assets.streams.analytics import CHANGE_POINT

_EPOCH = date(1970, 1, 1)
_ALIKE_DAYS = 3


def judge(connection: Connection) -> pl.DataFrame:
    """The rows of `analytics.change_point`; the connection has the table of values.

    One hypothesis is that a person's record of a measure has one level. Those with too few days are not tested and
    count for nothing.
    """
    names = [name for (name,) in connection.execute(f"SELECT DISTINCT measure FROM {VALUES} ORDER BY 1").fetchall()]
    records = [each for name in names for each in _records(connection, name)]
    p = np.array([r.p for _, _, _, r in records if r.p is not None])
    q = iter(adjusted(p))
    rejected = int((adjusted(p) <= ALPHA).sum())
    rows: list[dict[str, Any]] = []
    for who, name, span, record in records:
        own_q = None if record.p is None else float(next(q))
        rows += _rows(who, name, span, record, own_q, _factor(len(p), rejected))
    _count_alike(rows)
    return frame_of(CHANGE_POINT, rows)


def _count_alike(rows: Sequence[dict[str, Any]]) -> None:
    """Tell of each change how many other people's measure changed in the same direction about then."""
    who: dict[tuple[str, str | None, date], set[str]] = {}
    changes = [row for row in rows if row["change"]]
    for row in changes:
        who.setdefault((row["measure"], row["direction"], row["day"]), set()).add(row["participant_id"])
    for row in changes:
        near = (row["day"] + timedelta(days=n) for n in range(-_ALIKE_DAYS, _ALIKE_DAYS + 1))
        people = set[str]().union(*(who.get((row["measure"], row["direction"], day), ()) for day in near))
        row["people_alike"] = len(people - {row["participant_id"]})


def adjusted(p: ArrayLike) -> NDArray[np.float64]:
    """Chances after control of the false discovery rate, in the order given.

    Benjamini and Hochberg 1995, JRSS B 57:289. It holds where tests are independent or go the same way, as those of
    measures of the same days mostly do (Benjamini and Yekutieli 2001, Ann Stat 29:1165).
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    ranks = np.arange(len(values), 0, -1)
    found = np.empty(len(values))
    found[order] = np.minimum(1, np.minimum.accumulate(values[order] * len(values) / ranks))
    return found


def _factor(tested: int, rejected: int) -> float:
    """What p of a single change is multiplied by: changes are looked at in records that were selected.

    Benjamini and Bogomolov 2014, JRSS B 76:297: within those, the level is that of the selection, rejected / tested.
    """
    return tested / max(1, rejected)


def _records(connection: Connection, name: str) -> Iterator[tuple[str, str, tuple[date, date], Record]]:
    """Who, the measure, first and last day, and what the record says; in the order of people."""
    found = connection.execute(
        "SELECT participant_id, date_diff('day', DATE '1970-01-01', day) AS day, value"
        f" FROM {VALUES} WHERE measure = ? ORDER BY participant_id, day",
        [name],
    ).fetchnumpy()
    people, days, values = (np.asarray(found[c]) for c in ("participant_id", "day", "value"))
    starts = np.flatnonzero(np.append(True, people[1:] != people[:-1]))
    for begin, end in zip(starts, np.append(starts[1:], len(people)), strict=True):
        span = _date(days[begin]), _date(days[end - 1])
        yield str(people[begin]), name, span, find_change_points(days[begin:end], values[begin:end])


def _rows(
    who: str, name: str, span: tuple[date, date], record: Record, q: float | None, factor: float
) -> Iterator[dict[str, Any]]:
    common = {
        "participant_id": who,
        "measure": name,
        "unit": measure_of(name).unit,
        "days": record.n_days,
        "first_day": span[0],
        "last_day": span[1],
        "level": record.level,
        "sd": record.sd,
        "weekend_effect": record.weekend,
        "phi": record.phi,
        "detectable_sd": record.detectable_sd,
    }
    if record.p is None or q is None:
        yield common | {"verdict": "not_tested", "change": 0}
    elif not record.changes:
        yield common | {"verdict": "holding", "change": 0, "p": record.p, "q": q}
    for number, change in enumerate(record.changes, start=1):
        is_of_record = change.p == record.p
        of_change = max(q or 0.0, 0.0 if is_of_record else min(1.0, change.p * factor))
        verdict = "changed" if of_change <= ALPHA else "perhaps"
        yield common | _of_change(change) | {"verdict": verdict, "change": number, "q": of_change}


def _of_change(change: ChangePoint) -> dict[str, Any]:
    return {
        "day": _date(change.day),
        "direction": None if change.difference == 0 else "up" if change.difference > 0 else "down",
        "level_before": change.before,
        "level_after": change.after,
        "difference": change.difference,
        "lower": change.lower,
        "upper": change.upper,
        "difference_sd": change.difference_sd,
        "days_before": change.days_before,
        "days_after": change.days_after,
        "p": change.p,
    }


def _date(day: Any) -> date:
    return _EPOCH + timedelta(days=int(day))


def tally(found: pl.DataFrame) -> pl.DataFrame:
    """People by measure and what became of their records: changed (up or down, or both), perhaps, holding, not tested.

    Args:
        found: rows of `analytics.change_point`.
    """
    best = pl.col("verdict").replace_strict({"changed": 0, "perhaps": 1, "holding": 2, "not_tested": 3})
    people = found.group_by("measure", "participant_id").agg(
        best.min().alias("verdict"),
        *(((pl.col("verdict") == "changed") & (pl.col("direction") == way)).any().alias(way) for way in ("up", "down")),
    )
    kinds = ("changed", "perhaps", "holding", "not_tested")
    return (
        people.group_by("measure")
        .agg(
            *(pl.col(way).sum() for way in ("up", "down")),
            *((pl.col("verdict") == n).sum().alias(kind) for n, kind in enumerate(kinds)),
        )
        .select("measure", "changed", "up", "down", *kinds[1:])
        .sort("measure")
    )


def surest(found: pl.DataFrame, count: int) -> Sequence[dict[str, Any]]:
    """The changes with the least q, one of each person and measure; the greatest first where q is the same."""
    changes = found.filter(pl.col("verdict") == "changed").with_columns(size=-pl.col("difference_sd").abs())
    order = ["q", "size", "participant_id", "measure", "change"]
    first = changes.sort(order).unique(["participant_id", "measure"], keep="first", maintain_order=True)
    return first.head(count).drop("size").rows(named=True)
