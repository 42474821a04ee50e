"""Studies of staged events whose episodes and features are told, for tests of the use of phones."""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta

from neuro_assets.features.by_minute import FeatureReport, ensure_features
from neuro_assets.features.use import tell_use
from neuro_assets.ingest.load import Ingest, prepare_tables
from neuro_assets.streams.episodes import EPISODE_TABLES
from neuro_assets.streams.events import EVENT
from neuro_assets.streams.features_use import USE_TABLES
from neuro_assets_tests.sessions.conftest import Planted as Logged
from neuro_assets_tests.tables import query

FIRST, LAST = date(2020, 1, 1), date(2020, 12, 31)
DAY = timedelta(days=1)
CATEGORIES = {"chat": "social", "video": "fun", "mail": "work"}
SEGMENTS = ("day", "night", "morning", "afternoon", "evening")
QUARTERS = {"day": (0, 1440)} | {name: (360 * n, 360 * (n + 1)) for n, name in enumerate(SEGMENTS[1:])}


@dataclass(frozen=True)
class Planted(Logged):
    """A study with staged events, their episodes and features."""

    def tell(self, first: date = FIRST, last: date | None = None) -> FeatureReport:
        """Episodes and features of days."""
        self.sessionise(first, last or first)
        return tell_use(self.connection, self.job, first, last or first)

    def on(self, sql: str, day: date) -> list[tuple]:
        """Rows of a day."""
        return query(self.job.lake, sql, [day])

    def features(self) -> dict[str, list[tuple]]:
        """Every row of every table, in an order of its own."""
        return {t.name: self.rows(f"SELECT * FROM {t.qualified} ORDER BY ALL") for t in USE_TABLES.values()}

    def of(self, kind: str, columns: str, where: str = "true") -> list[tuple]:
        """Some columns, by day and part of the day in the order of the day."""
        order = "list_position(['day', 'night', 'morning', 'afternoon', 'evening'], segment)"
        return self.rows(f"SELECT {columns} FROM features.{kind} WHERE {where} ORDER BY day, {order}")


STUDY: dict[str, object] = {
    "window": {"start": FIRST, "end": LAST},
    "default_time_zone": "America/New_York",
    "events": {"categories": CATEGORIES, "distracting": ["fun"]},
}


def planted(job: Ingest, stack: ExitStack) -> Planted:
    """A study without events, open until the stack is closed."""
    connection = stack.enter_context(job.lake.connect())
    prepare_tables(job.lake, connection, (EVENT,))
    ensure_features(connection, job, (*EPISODE_TABLES, *USE_TABLES.values()))
    return Planted(job, connection)
