"""Features written by hand: a dozen people's days with known levels, and what must not count among them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from neuro_assets.analytics.changes import judge
from neuro_assets.analytics.measures import put_values
from neuro_assets.analytics.population import summarise
from neuro_assets.analytics.write import ensure_table, write_table
from neuro_assets.features.by_minute import ensure_features
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Connection, look_here_first
from neuro_assets.streams.analytics import ANALYTICS_TABLES, CHANGE_POINT, POPULATION_SUMMARY
from neuro_assets.streams.coverage import VALID_DAY
from neuro_assets.streams.features import MINUTE_TABLES, SLEEP_NIGHT
from neuro_assets.streams.features_use import FEATURES_DATA_YIELD, FEATURES_SURVEY
from neuro_assets.streams.model import Table
from neuro_assets_tests.science.series_of_days import alike

FIRST = date(2019, 9, 2)
DAYS = 63
LAST = FIRST + timedelta(days=DAYS - 1)
CHANGE_DAY = FIRST + timedelta(days=30)
STEPS = MINUTE_TABLES["steps"][0]
TABLES = (STEPS, SLEEP_NIGHT, FEATURES_DATA_YIELD, FEATURES_SURVEY, VALID_DAY)
Row = dict[str, Any]


def day_of(n: int) -> date:
    return FIRST + timedelta(days=n)


@dataclass(frozen=True)
class Planted:
    """A lake with tables of features."""

    job: Ingest
    connection: Connection

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        """Rows with some of a table's columns; the others are null."""
        with self.job.lake.transaction(self.connection, [table.qualified]):
            self.connection.register("frame_planted", pl.DataFrame(rows, infer_schema_length=None).to_arrow())
            self.connection.execute(f"INSERT INTO {table.qualified} BY NAME SELECT * FROM frame_planted")
            self.connection.unregister("frame_planted")

    def values(self) -> pl.DataFrame:
        """What counts, in an order of its own."""
        look_here_first(self.connection)
        put_values(self.connection)
        return self.connection.execute("SELECT * FROM analytics_values ORDER BY ALL").pl()

    def tell(self) -> dict[str, pl.DataFrame]:
        """Write both tables of analytics; their rows."""
        self.values()
        found = {POPULATION_SUMMARY: summarise(self.connection), CHANGE_POINT: judge(self.connection)}
        for table, frame in found.items():
            ensure_table(self.connection, self.job, table)
            write_table(self.connection, self.job, table, frame)
        return {table.name: frame for table, frame in found.items()}


def steps_of(who: str, values: Sequence[float | None], segment: str = "day") -> list[Row]:
    """Rows of steps from the first day on."""
    return [
        {"participant_id": who, "day": day_of(n), "segment": segment, "basis": "1m", "total": v, "active_min": None}
        for n, v in enumerate(values)
    ]


def days_of(who: str, count: int = DAYS, **told: object) -> list[Row]:
    """Rows of coverage: valid days, unless told otherwise."""
    common = {"participant_id": who, "length_min": 1440, "is_handed_over": True, "is_valid": True} | told
    return [common | {"day": day_of(n)} for n in range(count)]


def people() -> dict[str, list[float]]:
    """`p00` to `p09` hold their level; `down` falls by 4,000 on the 31st day, `away` is 4,000 less for three weeks.

    Weekends are 1,500 more; `short` has ten days.
    """
    noise = 1000 * alike(np.random.default_rng(11), 13, DAYS, 0.3)
    weekend = 1500.0 * np.array([day_of(n).isoweekday() >= 6 for n in range(DAYS)])
    place = np.arange(DAYS)
    level = {f"p{n:02}": np.full(DAYS, 6000.0 + 500 * n) for n in range(10)}
    level |= {"down": 9000 - 4000.0 * (place >= 30), "away": 9000 - 4000.0 * ((place >= 21) & (place < 42))}
    found = {who: (own + weekend + noise[n]).round().tolist() for n, (who, own) in enumerate(level.items())}
    return found | {"short": (7000 + noise[12][:10]).round().tolist()}


@pytest.fixture(scope="session")
def make_analytics(make_job: Callable[..., Ingest]) -> Iterator[Callable[[], Planted]]:
    """`make_analytics()`: a lake with empty tables of features."""
    with ExitStack() as stack:

        def make() -> Planted:
            job = make_job(window={"start": FIRST, "end": LAST}, default_time_zone="UTC")
            planted = Planted(job, stack.enter_context(job.lake.connect()))
            ensure_features(planted.connection, job, TABLES)
            return planted

        yield make


def put_people(study: Planted, *, backwards: bool = False) -> None:
    """The people above, with nights of some and answers of others, in the order of days or against it."""
    rng = np.random.default_rng(12)
    of: dict[Table, list[Row]] = {t: [] for t in TABLES}
    for who, values in people().items():
        of[STEPS] += steps_of(who, values)
        of[VALID_DAY] += days_of(who)
    for who in ("p01", "p02", "p03"):
        asleep = (420 + 40 * rng.standard_normal(DAYS)).round(1)
        of[SLEEP_NIGHT] += [
            {"participant_id": who, "day": day_of(n), "basis": "logs", "total_asleep_min": float(v), "efficiency": 0.9}
            for n, v in enumerate(asleep)
            if n % 5
        ]
        of[FEATURES_SURVEY] += [
            {"participant_id": who, "day": day_of(n), "instrument": "phq9", "score_name": "total",
             "score": float(n // 14), "age_days": n % 14}
            for n in range(56)
        ]  # fmt: skip
    for table, rows in of.items():
        if rows:
            study.put(table, rows[::-1] if backwards else rows)


@pytest.fixture(scope="session")
def told(make_analytics: Callable[[], Planted]) -> Planted:
    """The people above with their analytics; tests do not change it."""
    study = make_analytics()
    put_people(study)
    study.tell()
    return study


def table_of(study: Planted, name: str) -> pl.DataFrame:
    """A table of analytics, as it is in the lake."""
    table = next(t for t in ANALYTICS_TABLES if t.name == name)
    return study.connection.execute(f"SELECT * FROM {table.qualified} ORDER BY {', '.join(table.sort_by)}").pl()
