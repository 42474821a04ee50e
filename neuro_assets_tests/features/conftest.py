"""Staged samples written by hand, and the features that are told from them; one lake that many tests read."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from neuro_assets.features.by_minute import ensure_features, tell_days
from neuro_assets.features.trailing import tell_spans
from neuro_assets.ingest.load import Ingest
from neuro_assets.streams.coverage import COVERAGE_TABLES
from neuro_assets.streams.features import MINUTE_FAMILIES, MINUTE_TABLES
from neuro_assets.streams.series import SERIES_TABLES
from neuro_assets_tests.series.conftest import ONE_DAY
from neuro_assets_tests.series.conftest import Planted as Staged

FIRST, LAST = date(2019, 10, 20), date(2019, 11, 6)
TABLES = tuple(t for tables in MINUTE_TABLES.values() for t in tables)


@dataclass(frozen=True)
class Planted(Staged):
    """A study with staged samples, their coverage, rollups and features."""

    def tell(self, first: date, last: date | None = None) -> dict[str, frozenset[date]]:
        """Features of days; those that were told beside them, by table."""
        beside: dict[str, frozenset[date]] = {}
        for family in MINUTE_FAMILIES:
            base, spans = MINUTE_TABLES[family.name]
            report = tell_days(self.connection, self.job, family, first, last or first)
            told = tell_spans(self.connection, self.job, family, base, first, last or first, report.days_beside)
            beside |= {base.name: report.days_beside, spans.name: told[1]}
        return beside

    def prepare(self, first: date, last: date | None = None) -> None:
        """Coverage and rollups."""
        ensure_features(self.connection, self.job, (*COVERAGE_TABLES, *SERIES_TABLES, *TABLES))
        self.cover(first, last)
        self.roll_up(first, last)

    def features(self) -> dict[str, list[tuple]]:
        """Every row of every table of features, in an order of its own."""
        return {t.name: self.rows(f"SELECT * FROM {t.qualified} ORDER BY ALL") for t in TABLES}


def walks(seed: int, minutes: int) -> list[float]:
    """Steps in bouts; never a whole hour without any."""
    rng = np.random.default_rng(seed)
    bouts = np.repeat(rng.random(minutes // 6 + 1) < 0.4, 6)[:minutes]
    return np.where(bouts, rng.integers(0, 140, minutes), 0).astype(float).tolist()


MakePlanted = Callable[..., Planted]


@pytest.fixture(scope="session")
def make_features(make_job: Callable[..., Ingest]) -> Iterator[MakePlanted]:
    """`make_features(**study)`: an empty study in UTC that expects steps."""
    with ExitStack() as stack:

        def make(**overrides: object) -> Planted:
            fields: dict[str, object] = {
                "window": {"start": FIRST, "end": LAST},
                "default_time_zone": "UTC",
                "expected_streams": ("steps", "heart_rate"),
            }
            job = make_job(**(fields | overrides))
            return Planted(job, stack.enter_context(job.lake.connect()))

        yield make


def put_two_weeks(study: Planted) -> None:
    """`a` by the minute with a heart rate, `b` by the hour with days missing, `c` for two days at the end."""
    for n in range((LAST - FIRST).days + 1):
        day = datetime.combine(FIRST + n * ONE_DAY, datetime.min.time())
        study.put("steps", "a", day + timedelta(hours=6), walks(n, 16 * 60))
        study.put("heart_rate", "a", day + timedelta(hours=6), [60.0 + n + m % 50 for m in range(16 * 60)])
        if n % 3:
            study.put("steps", "b", day, [100.0 * ((h * 7 + n) % 11) for h in range(24)], period_s=3600)
    study.put("steps", "c", datetime(2019, 11, 5), walks(99, 2880))


@pytest.fixture(scope="session")
def told(make_features: MakePlanted) -> Planted:
    """Two and a half weeks; tests do not change it."""
    study = make_features()
    put_two_weeks(study)
    study.prepare(FIRST, LAST)
    study.tell(FIRST, LAST)
    return study
