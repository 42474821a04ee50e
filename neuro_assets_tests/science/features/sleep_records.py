"""Records of sleep for tests, as the lake would have them: by hand, any, of PMData and of Fitabase."""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import strategies as st

EPOCH = timedelta(seconds=30)
_LOG_COLUMNS: dict[str, Any] = {
    **{"participant_id": pl.String, "ts": pl.Datetime("us", "UTC"), "local_ts": pl.Datetime("us")},
    **{"end_local_ts": pl.Datetime("us"), "utc_offset_min": pl.Int16, "sleep_type": pl.String},
    **dict.fromkeys(("duration_s", "minutes_asleep", "minutes_awake"), pl.Int32),
    **dict.fromkeys(("minutes_to_fall_asleep", "minutes_after_wakeup", "minutes_in_bed", "efficiency_pct"), pl.Int32),
    **{"is_main_sleep": pl.Boolean, "log_id": pl.String},
}
_STAGE_COLUMNS: dict[str, Any] = {
    **{"participant_id": pl.String, "ts": pl.Datetime("us", "UTC"), "local_ts": pl.Datetime("us")},
    **{"log_id": pl.String, "period_s": pl.Int32, "stage": pl.String},
}
_TOTAL_COLUMNS: dict[str, Any] = {
    **{"participant_id": pl.String, "day": pl.Date, "sleep_records": pl.Int32},
    **{"minutes_asleep": pl.Int32, "minutes_in_bed": pl.Int32},
}


@dataclass(frozen=True)
class Log:
    """A log of sleep. Its stages are (wall clock, stage) of 30 s each, in the order of true time."""

    person: str
    log_id: str
    zone: str
    start: datetime
    end: datetime
    asleep: int
    awake: int
    duration_s: int
    stages: tuple[tuple[datetime, str], ...] = ()
    latency: int | None = 0
    lying: int | None = 0
    efficiency: int | None = None
    kind: str = "stages"
    end_fold: int = 0
    folds: frozenset[int] = field(default_factory=frozenset)

    @property
    def begin_utc(self) -> datetime:
        return utc(self.start, self.zone)

    @property
    def end_utc(self) -> datetime:
        return utc(self.end, self.zone, self.end_fold)


def utc(wall: datetime, zone: str, fold: int = 0) -> datetime:
    """The moment of a wall clock, naive; one that did not occur by the offset before the change, as staging does it."""
    return wall.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC).replace(tzinfo=None)


def by_hand(
    start: str, end: str, runs: str = "", *, person: str = "a", log_id: str = "", zone: str = "UTC", **changes: Any
) -> Log:
    """A log of "2020-01-01 23:00" to another wall clock; runs such as "wake 10, light 60" are minutes in true time.

    Minutes asleep and awake are those of the runs unless they are given.
    """
    at, until = datetime.fromisoformat(start), datetime.fromisoformat(end)
    end_fold = changes.pop("end_fold", 0)
    begin = utc(at, zone)
    stages: list[tuple[datetime, str]] = []
    folds: set[int] = set()
    for run in filter(None, runs.split(", ")):
        stage, minutes = run.split()
        for _ in range(round(float(minutes) * 2)):
            wall = (begin + len(stages) * EPOCH).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
            folds |= {len(stages)} if wall.fold else set()
            stages.append((wall.replace(tzinfo=None, fold=0), stage))
    minutes_of = {s: sum(found == s for _, found in stages) / 2 for s in {s for _, s in stages}}
    asleep = sum(minutes_of.get(s, 0) for s in ("asleep", "light", "deep", "rem"))
    given = {
        "asleep": int(asleep),
        "awake": int(sum(minutes_of.values()) - asleep),
        "duration_s": round((utc(until, zone, end_fold) - begin).total_seconds()),
        "kind": "classic" if {"asleep", "restless", "awake"} & set(minutes_of) else "stages",
    }
    more = {"stages": tuple(stages), "folds": frozenset(folds), "end_fold": end_fold}
    return Log(person, log_id or f"{person}{start}", zone, at, until, **(given | more | changes))


_RUNS = st.lists(
    st.tuples(st.sampled_from(["light", "deep", "rem", "wake"]), st.integers(1, 80)), min_size=1, max_size=6
)


@st.composite
def any_logs(draw: st.DrawFn) -> list[Log]:
    """Logs of two people and a few days, near to and over each other, some of them without stages."""
    found = []
    for n in range(draw(st.integers(0, 7))):
        at = datetime(2020, 1, 1) + timedelta(minutes=draw(st.integers(0, 5 * 144)) * 10)
        runs = draw(_RUNS)
        minutes = sum(m for _, m in runs)
        told = ", ".join(f"{s} {m}" for s, m in runs) if draw(st.booleans()) else ""
        more: dict[str, Any] = {} if told else {"asleep": draw(st.integers(0, minutes)), "awake": 0}
        until = at + timedelta(minutes=minutes)
        found.append(by_hand(str(at), str(until), told, person=draw(st.sampled_from("ab")), log_id=str(n), **more))
    return found


def holds(row: dict[str, Any], **expected: float | None) -> None:
    """Assert some columns of a row."""
    assert {name: row[name] for name in expected} == {
        name: value if value is None else pytest.approx(value) for name, value in expected.items()
    }


def log_frame(logs: Iterable[Log]) -> pl.DataFrame:
    """staging.sleep_session of these logs."""
    rows = [
        (
            *(log.person, log.begin_utc, log.start, log.end),
            round((log.start - log.begin_utc).total_seconds() / 60),
            *(log.kind, log.duration_s, log.asleep, log.awake, log.latency, log.lying),
            *(log.duration_s // 60, log.efficiency, True, log.log_id),
        )
        for log in logs
    ]
    return _frame(rows, _LOG_COLUMNS)


def stage_frame(logs: Iterable[Log]) -> pl.DataFrame:
    """staging.sleep_stage of these logs."""
    rows = [
        (log.person, utc(wall, log.zone, int(n in log.folds)), wall, log.log_id, 30, stage)
        for log in logs
        for n, (wall, stage) in enumerate(log.stages)
    ]
    return _frame(rows, _STAGE_COLUMNS)


def total_frame(rows: Sequence[tuple[Any, ...]] = ()) -> pl.DataFrame:
    """staging.daily_sleep of (participant_id, day, sleep_records, minutes_asleep, minutes_in_bed)."""
    return _frame(rows, _TOTAL_COLUMNS)


def _frame(rows: Sequence[tuple[Any, ...]], columns: dict[str, Any]) -> pl.DataFrame:
    naive = {name: pl.Datetime("us") if name == "ts" else kind for name, kind in columns.items()}
    frame = pl.DataFrame(rows, schema=naive, orient="row")
    return frame.with_columns(pl.col("ts").dt.replace_time_zone("UTC")) if "ts" in columns else frame


def pmdata_logs(shared_data: Path, person: str) -> list[Log]:
    """The logs of a PMData person, each once. Zone and kind of log as they are; times on the 30 s."""
    text = (shared_data / "pmdata" / person / "fitbit/sleep.json").read_text(encoding="utf-8")
    found: dict[str, Log] = {}
    for item in json.loads(text):
        cells: dict[datetime, str] = {}
        for segment in item["levels"]["data"]:
            cells |= dict.fromkeys(_cells(segment), str(segment["level"]))
        cells = {at: stage for at, stage in cells.items() if stage != "unknown"}
        for segment in item["levels"].get("shortData", []):
            cells |= {at: str(segment["level"]) for at in _cells(segment) if at in cells}
        log_id = str(item["logId"])
        found.setdefault(
            log_id,
            Log(
                person,
                log_id,
                "Europe/Oslo",
                datetime.fromisoformat(item["startTime"]),
                datetime.fromisoformat(item["endTime"]),
                item["minutesAsleep"],
                item["minutesAwake"],
                item["duration"] // 1000,
                tuple(sorted(cells.items())),
                item["minutesToFallAsleep"],
                item["minutesAfterWakeup"],
                item["efficiency"],
                item["type"],
            ),
        )
    return list(found.values())


def _cells(segment: dict[str, Any]) -> list[datetime]:
    at = datetime.fromisoformat(segment["dateTime"])
    return [at + n * EPOCH for n in range(segment["seconds"] // 30)]


def fitabase_totals(path: Path) -> list[tuple[Any, ...]]:
    """Rows of sleepDay_merged.csv for `total_frame`, exact duplicates once."""
    with path.open(encoding="utf-8") as file:
        rows = {tuple(row) for row in list(csv.reader(file))[1:]}
    return [
        (who, datetime.strptime(day, "%m/%d/%Y %H:%M:%S %p").date(), int(n), int(slept), int(lay))
        for who, day, n, slept, lay in sorted(rows)
    ]
