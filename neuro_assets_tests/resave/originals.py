"""The real files that are re-saved, the large ones cut down to some people and days."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path

from neuro_assets_tests.resave.export import Export, read_export

_FOLDERS = {
    "p1": "period1_2016-03-12_2016-04-11",
    "p2": "period2_2016-04-12_2016-05-12",
    "partial": "heartrate_partial",
}


@dataclass(frozen=True)
class Original:
    """A real file; of the steps alone and of the pairs, one in so many is tried on it."""

    stem: str
    period: str
    alone_one_in: int
    pairs_one_in: int

    @property
    def label(self) -> str:
        """Short name for a test's id."""
        return f"{self.stem.removesuffix('_merged')}-{self.period}"

    def path(self, shared_data: Path) -> Path:
        """The untouched file."""
        return shared_data / "fitabase" / _FOLDERS[self.period] / f"{self.stem}.csv"

    def export(self, shared_data: Path) -> Export:
        """The table, cut down where it is large."""
        return _cut_down_export(self.path(shared_data))


ORIGINALS = (
    Original("dailyActivity_merged", "p1", 2, 16),
    Original("dailyActivity_merged", "p2", 10, 32),
    Original("dailySteps_merged", "p2", 8, 20),
    Original("dailyCalories_merged", "p2", 12, 40),
    Original("dailyIntensities_merged", "p2", 12, 40),
    Original("hourlySteps_merged", "p1", 2, 16),
    Original("hourlySteps_merged", "p2", 10, 32),
    Original("hourlyCalories_merged", "p1", 12, 40),
    Original("hourlyCalories_merged", "p2", 12, 40),
    Original("hourlyIntensities_merged", "p1", 12, 40),
    Original("hourlyIntensities_merged", "p2", 10, 28),
    Original("minuteStepsWide_merged", "p2", 12, 48),
    Original("minuteIntensitiesWide_merged", "p2", 12, 64),
    Original("sleepDay_merged", "p2", 2, 16),
    Original("weightLogInfo_merged", "p1", 10, 40),
    Original("weightLogInfo_merged", "p2", 2, 16),
    Original("heartrate_seconds_merged", "partial", 6, 32),
)


def some_people(export: Export, people: int, keep: Callable[[datetime], bool] = lambda _: True) -> Export:
    """The rows of the first people, at the moments to keep."""
    position = export.where("id")[0]
    first = list(dict.fromkeys(row[position] for row in export.rows))[:people]
    rows = [r for r, m in zip(export.rows, export.moments, strict=True) if r[position] in first and keep(m)]
    return replace(export, rows=tuple(rows))


def cut_down(export: Export) -> Export:
    """Hourly: three people; wide minutes: one, two weeks around the turn of a month; heart rate: every 12th reading."""
    if export.stem.startswith("hourly"):
        return some_people(export, 3)
    if "Wide" in export.stem:
        return some_people(export, 1, lambda m: datetime(2016, 4, 25) <= m < datetime(2016, 5, 7))
    if export.stem.startswith("heartrate"):
        return replace(export, rows=export.rows[::12])
    return export


@cache
def _cut_down_export(path: Path) -> Export:
    return cut_down(read_export(path))
