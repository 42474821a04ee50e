"""The rows of a model once more, from lists of rows by loops and dictionaries; nothing of the package is used."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from statistics import fmean, median, stdev
from typing import Any

Rows = Mapping[str, list[dict[str, Any]]]
Row = dict[str, Any]
NIGHT = {"sleep.efficiency", "sleep.asleep_min"}


def outcomes(rows: Rows, judge: Callable[[float, list[float]], bool | None]) -> list[Row]:
    """One a person and day: the last of record with a score."""
    last: dict[tuple, Row] = {}
    for row in rows.get("baselines.survey_score", []):
        if row["is_of_record"] and row["score"] is not None and row["score_name"] == "total":
            key = (row["participant_id"], row["day"])
            if key not in last or row["ts"] > last[key]["ts"]:
                last[key] = row
    found = []
    for (who, day), row in sorted(last.items()):
        earlier = [r["score"] for (other, d), r in last.items() if other == who and d < day]
        verdict = judge(row["score"], earlier)
        if verdict is not None:
            found.append(row | {"is_positive": verdict})
    return found


def above_own_median(score: float, earlier: list[float]) -> bool | None:
    """Above the median of five earlier ones or more."""
    return score > median(earlier) if len(earlier) >= 5 else None


def value(rows: Rows, name: str, outcome: Row, horizon: int, same_morning: bool = False) -> float | None:
    """A feature of a person's day."""
    who, day = outcome["participant_id"], outcome["day"] - timedelta(days=horizon)
    if name.startswith("survey.ema_mood."):
        return _item(rows, who, name.rsplit(".", 1)[1], day, outcome["ts"])
    if same_morning and name in NIGHT:
        day = outcome["day"]
    for table, row in _of_person(rows, who):
        if row["day"] != day:
            continue
        found = _called(table, row)
        if name in found:
            if same_morning and name in NIGHT and (row["until"] is None or row["until"] > outcome["ts"]):
                return None
            return found[name]
    return None


def summary(rows: Rows, name: str, outcome: Row, horizon: int, over: int, statistic: str) -> float | None:
    """A feature of a person's days; three sevenths of them at least, unless the last one is asked for."""
    days = [outcome["day"] - timedelta(days=horizon + n) for n in range(over)]
    found = {}
    for table, row in _of_person(rows, outcome["participant_id"]):
        if row["day"] in days and _called(table, row).get(name) is not None:
            found[row["day"]] = _called(table, row)[name]
    if statistic == "last":
        return found[max(found)] if found else None
    if len(found) * 7 < over * 3:
        return None
    return fmean(found.values()) if statistic == "mean" else stdev(found.values()) if len(found) > 1 else None


def _of_person(rows: Rows, who: str):
    for table, own in rows.items():
        if table.startswith("features."):
            yield from ((table, row) for row in own if row["participant_id"] == who)


def _called(table: str, row: Row) -> dict[str, float | None]:
    """What references call the numbers of a row."""
    if table == "features.steps":
        segment = "" if row["segment"] == "day" else f"[{row['segment']}]"
        return {f"steps.total{segment}": row["total"]}
    if table == "features.steps_trailing":
        return {f"steps.total:{row['window_days']}d.mean": row["total_mean"]}
    if table == "features.sleep":
        return {f"sleep.{c}": row[c] for c in ("efficiency", "asleep_min", "naps")}
    if table == "features.circadian":
        return {f"circadian.l5:{row['window_days']}d": row["l5"]}
    if table == "features.survey":
        return {f"survey.{row['instrument']}.{row['score_name']}": row["score"]}
    return {}


def _item(rows: Rows, who: str, item: str, day, at: datetime) -> float | None:
    """The answer in the last response of four weeks."""
    of_record = [
        r["ts"]
        for r in rows.get("baselines.survey_submission", [])
        if r["participant_id"] == who and day - timedelta(days=27) <= r["day"] <= day and r["ts"] <= at
    ]
    last = max(of_record, default=datetime.min.replace(tzinfo=UTC))
    for row in rows.get("staging.survey_response", []):
        if row["participant_id"] == who and row["ts"] == last and row["item"] == item:
            return row["value"]
    return None
