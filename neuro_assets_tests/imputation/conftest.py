"""Staged samples written by hand, and what imputation makes of them; one lake with a model that many tests read."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from neuro_assets.imputation.compute import ImputationReport, ensure_imputation, imputation_tables, impute_days
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Lake
from neuro_assets.settings import load_settings
from neuro_assets.study import Study
from neuro_assets_tests.series.conftest import ONE_DAY
from neuro_assets_tests.series.conftest import Planted as Staged
from neuro_assets_tests.tables import put_syncs
from neuro_assets_tests.threads import THREADS

MakePlanted = Callable[..., "Planted"]


@dataclass(frozen=True)
class Planted(Staged):
    """A study with staged samples, their coverage, rollups and imputation."""

    def impute(self, first: date, last: date | None = None, now: datetime | None = None) -> ImputationReport:
        return impute_days(self.connection, self.job, first, last or first, now)

    def prepare(self, first: date, last: date | None = None) -> None:
        """Coverage and rollups."""
        self.cover(first, last)
        self.roll_up(first, last)

    def everything(self, first: date, last: date | None = None) -> ImputationReport:
        self.prepare(first, last)
        return self.impute(first, last)

    def syncs(self, who: str, given: Iterable[tuple[datetime, int | None]]) -> None:
        """Syncs in UTC with their charge."""
        put_syncs(self.job, self.connection, who, given)

    def write(self, *statements: str) -> None:
        """Change tables behind the program's back, in one transaction."""
        with self.job.lake.transaction(self.connection, ["planted"]):
            for statement in statements:
                self.connection.execute(statement)

    @contextmanager
    def tried(self, *statements: str) -> Iterator[None]:
        """Change tables behind the program's back for the while."""
        self.connection.execute("BEGIN TRANSACTION")
        try:
            for statement in statements:
                self.connection.execute(statement)
            yield
        finally:
            self.connection.execute("ROLLBACK")

    def imputed(self, *besides: str) -> dict[str, list[tuple]]:
        """Every row of every table of imputation but the named ones, in an order of its own."""
        tables = [t for t in imputation_tables(self.job.study) if t.name not in besides]
        return {t.name: self.rows(f"SELECT * FROM {t.qualified} ORDER BY ALL") for t in tables}


GAP = "timezone('UTC', ts), timezone('UTC', until_ts), gap_min, reason, part_of_day, is_over, is_allowed, refusal"


def gaps(study: Planted, who: str, stream: str = "steps", columns: str = GAP) -> list[tuple]:
    """Someone's gaps in order."""
    return study.rows(
        f"SELECT {columns} FROM imputed.gap WHERE participant_id = ? AND stream = ? ORDER BY ts", who, stream
    )


def by_day(first: date, last: date) -> list[date]:
    return [first + n * ONE_DAY for n in range((last - first).days + 1)]


def moment(of: date, hour: int = 0, minute: int = 0) -> datetime:
    """A wall time."""
    return datetime(of.year, of.month, of.day) + timedelta(hours=hour, minutes=minute)


@pytest.fixture(scope="session")
def make_planted(make_job: Callable[..., Ingest]) -> Iterator[MakePlanted]:
    """`make_planted(**study)`: an empty study in UTC that expects steps."""
    with ExitStack() as stack:

        def make(**overrides: object) -> Planted:
            fields: dict[str, object] = {"default_time_zone": "UTC", "expected_streams": ("steps",)}
            return opened(stack, make_job(**(fields | overrides)))

        yield make


def opened(stack: ExitStack, job: Ingest) -> Planted:
    study = Planted(job, stack.enter_context(job.lake.connect()))
    ensure_imputation(study.connection, job)
    return study


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[Callable[..., Planted]]:
    """`copied(study, **other_rules)`: the same lake at another place, to be changed freely."""
    with ExitStack() as stack:

        def copy(study: Planted, **overrides: object) -> Planted:
            home = tmp_path / f"home{len(list(tmp_path.iterdir()))}"
            shutil.copytree(study.job.settings.home, home)
            settings = load_settings({"NEURO_HOME": str(home), "NEURO_THREADS": THREADS})
            rules = study.job.study.model_dump(exclude={"people"}) | {"people": study.job.study.people} | overrides
            job = Ingest(settings, Lake.from_settings(settings), Study.model_validate(rules), study.job.sources)
            return opened(stack, job)

        yield copy


def walk(seed: int, count: int, level: float = 60.0) -> list[float]:
    """Values that hang on to each other, none of them a whole number: what is estimated of them is never by chance."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 4, count)
    found = np.empty(count)
    state = 0.0
    for n in range(count):
        state = 0.9 * state + steps[n]
        found[n] = max(level + state, 1.0)
    return np.round(found, 3).tolist()


# From a Thursday on: what is learned of four days holds from the Monday on.
FIRST, LAST = date(2019, 10, 31), date(2019, 11, 6)
THU, FRI, SAT, SUN, MON, TUE, WED = by_day(FIRST, LAST)
# Of calories, by the minute: one without a model, two after it, over midnight, too long for values, and one at the end.
GAPS_OF_A = (
    (moment(THU, 10), 20), (moment(MON, 8), 5), (moment(MON, 14, 30), 60), (moment(MON, 23, 50), 20),
    (moment(TUE, 12), 121), (moment(WED, 23, 30), 30),
)  # fmt: skip
# By the hour.
GAPS_OF_B = ((moment(THU, 3), 120), (moment(TUE, 8), 180), (moment(TUE, 22), 240), (moment(WED, 12), 60))


def cut(begin: datetime, values: Sequence[float], step_min: int, gaps: Iterable[tuple[datetime, int]]) -> Iterator:
    """What is left of values from a wall time on without gaps: where each part begins, and its values."""
    since = 0
    for at, length in sorted(gaps):
        place = int((at - begin).total_seconds() // 60) // step_min
        if place > since:
            yield begin + timedelta(minutes=since * step_min), list(values[since:place])
        since = place + length // step_min
    if since < len(values):
        yield begin + timedelta(minutes=since * step_min), list(values[since:])


def put_hours(it: Planted) -> None:
    """`b` with gaps and `c` without one, by the hour."""
    for part in cut(moment(FIRST), walk(2, 24 * 7), 60, GAPS_OF_B):
        it.put("calories", "b", *part, period_s=3600)
    it.put("calories", "c", moment(FIRST), walk(3, 24 * 7), period_s=3600)


@pytest.fixture(scope="session")
def by_hours(make_planted: MakePlanted) -> Planted:
    """Calories by the hour; tests do not change it."""
    it = make_planted(
        window={"start": FIRST, "end": LAST}, expected_streams=("calories",), imputation={"mode": "past_only"}
    )
    put_hours(it)
    it.everything(FIRST, LAST)
    return it


@pytest.fixture(scope="session")
def filled(make_planted: MakePlanted) -> Planted:
    """Calories of `a` and of `d`, of whom nothing is known by Monday, by the minute; tests do not change it."""
    it = make_planted(
        window={"start": FIRST, "end": LAST}, expected_streams=("calories",), imputation={"mode": "past_only"}
    )
    put_hours(it)
    for part in cut(moment(FIRST), walk(1, 1440 * 7), 1, GAPS_OF_A):
        it.put("calories", "a", *part)
    it.put("calories", "d", moment(TUE), walk(4, 600))
    it.put("calories", "d", moment(TUE, 10, 15), walk(5, 1440 + 825))
    it.everything(FIRST, LAST)
    return it
