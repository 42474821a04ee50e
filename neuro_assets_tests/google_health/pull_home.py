"""A study that pulls from the fake server, all on this machine: connected participants, pulls at the world's time."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import ceil
from pathlib import Path

from cryptography.fernet import Fernet

from neuro_assets.connectors.google_health.accounts import Accounts
from neuro_assets.connectors.google_health.oauth import Granted
from neuro_assets.connectors.google_health.pull import PullReport, pull, report_of
from neuro_assets.connectors.google_health.windows import Days, ranges
from neuro_assets.home import ensure_home
from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets.lake.lake import Lake
from neuro_assets.settings import Settings, load_settings
from neuro_assets.simulate.google_health import GoogleHealthServer, Query, World, rollups
from neuro_assets.sources.google_health.data_types import ACCOUNT, BY_NAME, DataType
from neuro_assets.staging.stage import stage_days
from neuro_assets.streams.catalogue import stream
from neuro_assets.study import Study
from neuro_assets.surveys.load import home_sources
from neuro_assets_tests.google_health.oracle import DAY_S, STREAMS, Oracle, compare, number
from neuro_assets_tests.threads import THREADS

# What the server puts on a page at most.
PAGE, ROLLED_PAGE = 5_000, 10_000
TOKEN_KEY = Fernet.generate_key().decode()


@dataclass
class PullHome:
    """A home, its server and the world behind it."""

    world: World
    server: GoogleHealthServer
    job: Ingest
    accounts: Accounts
    days: list[PullReport] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path, world: World, server: GoogleHealthServer, **study: object) -> "PullHome":
        """A new home in which everybody of the world is connected."""
        settings = load_settings(environment(folder, server))
        ensure_home(settings)
        job = job_of(settings, **study)
        prepare_lake(job.lake, job.tables)
        home = cls(world, server, job, Accounts(settings, job.study))
        for participant in world.people:
            home.connect(participant)
        return home

    def connect(self, participant: str) -> None:
        """The participant consents, or consents again."""
        given = self.server.connect(participant)
        granted = Granted(given["access_token"], given["expires_in"], given["refresh_token"])
        self.accounts.accept(participant, granted)

    def pull(
        self,
        people: Sequence[str] | None = None,
        days: tuple[date, date] | None = None,
        types: Sequence[str] | None = None,
    ) -> PullReport:
        """A pull at the world's time."""
        started = time.monotonic()
        outcomes = list(pull(self.job, people, days, types=types, clock=lambda: self.world.now))
        report = report_of(self.job, outcomes, started)
        self.days.append(report)
        return report

    def stage(self, first: date, last: date, streams: Iterable[str] = STREAMS) -> None:
        """Stage some days; nothing may be held or kept out."""
        for name in streams:
            told = stage_days(self.job, stream(name), first, last).totals()
            assert (told["rows_quarantined"], told["days_held"]) == (0, 0), (name, told)

    def stage_touched(self, streams: Iterable[str] | None = None) -> set[date]:
        """Stage exactly the days that pulls have touched since they were last staged, as the automation does."""
        asked = None if streams is None else set(streams)
        with self.job.lake.connect() as connection:
            found = connection.execute("SELECT DISTINCT raw_table, day FROM ops.outbox").fetchall()
            with self.job.lake.transaction(connection, ["ops.outbox"]):
                connection.execute("DELETE FROM ops.outbox")
        days: dict[str, set[date]] = {}
        for table, day in found:
            for name in self.job.sources.by_raw_table(table).spec.streams:
                days.setdefault(name, set()).add(day)
        days = {name: touched for name, touched in days.items() if asked is None or name in asked}
        for name, touched in days.items():
            for first, last in _runs(sorted(touched)):
                self.stage(first, last, [name])
        return {day for touched in days.values() for day in touched}

    def compare(
        self, first: date, last: date, people: Iterable[str] | None = None, streams: Iterable[str] = STREAMS
    ) -> dict[str, int]:
        """Staging is what the server has; returns rows by stream."""
        oracle = Oracle(self.world, people or self.world.people, first, last)
        with self.job.lake.connect(read_only=True) as connection:
            return compare(connection, oracle, streams)

    def asked(self) -> dict[tuple[str, str], tuple[date, date]]:
        """(participant, data type) -> the days of its last pull."""
        with self.job.lake.connect(read_only=True) as connection:
            rows = connection.execute(
                "SELECT participant_id, data_type, arg_max(first_day, fetched_at), arg_max(last_day, fetched_at)"
                " FROM ops.pulls WHERE first_day IS NOT NULL GROUP BY ALL"
            ).fetchall()
        return {(who, name): (first, last) for who, name, first, last in rows}

    def least_requests(self) -> int:
        """The fewest requests that can have read what the last pull of everybody asked for.

        Of each person the three that tell of the account, and of each data type as many pages as its points fill on
        whole local days, one if there is no point; roll-ups range by range.
        """
        asked = self.asked()
        return len(ACCOUNT) * len({who for who, _ in asked}) + sum(
            self._least(who, BY_NAME[name], *days) for (who, name), days in asked.items()
        )

    def _least(self, who: str, data_type: DataType, first: date, last: date) -> int:
        low, high = number(first) * DAY_S, (number(last) + 1) * DAY_S
        if data_type.method == "rollup":
            # Windows that the person lived: one each where there is a value.
            track = self.world.person(who).track
            spans = ranges(Days(first, last, is_open=True), self.world.now)
            starts = [
                w["start_s"]
                for w in rollups.truth(self.world, who, data_type.name, low - DAY_S, high + DAY_S)
                if low <= w["start_s"] + track.offset(w["start_s"]) < high
            ]
            held = [sum(a.timestamp() <= s < b.timestamp() for s in starts) for a, b in spans]
            return sum(max(1, ceil(n / ROLLED_PAGE)) for n in held)
        by, form = ("end" if data_type.name == "sleep" else "start"), "date" if data_type.dialect == "date" else "civil"
        points = self.world.points(who, data_type.name, Query(by=by, form=form, ranges=((low, high),)))  # type: ignore[arg-type]
        return max(1, ceil(len(points) / min(PAGE, data_type.page_size)))


def environment(folder: Path, server: GoogleHealthServer) -> dict[str, str]:
    """What a process needs to work on the home."""
    return {
        "NEURO_HOME": str(folder),
        "NEURO_THREADS": THREADS,
        "NEURO_TOKEN_KEY": TOKEN_KEY,
        "NEURO_GOOGLE_HEALTH_URL": server.url,
        "NEURO_GOOGLE_TOKEN_URL": f"{server.url}/token",
        "NEURO_GOOGLE_REVOKE_URL": f"{server.url}/revoke",
        "NEURO_GOOGLE_AUTH_URL": f"{server.url}/o/oauth2/v2/auth",
        "NEURO_GOOGLE_CLIENT_ID": server.client_id,
        "NEURO_GOOGLE_CLIENT_SECRET": server.client_secret,
    }


def job_of(settings: Settings, **study: object) -> Ingest:
    """The home with a study that takes everybody."""
    fields: dict[str, object] = {
        "id": "t",
        "default_time_zone": "America/New_York",
        "window": {"start": "2026-09-01"},
        "auto_enrol": True,
        "google_health": {},
    }
    protocol = Study.model_validate(fields | study)
    return Ingest(settings, Lake.from_settings(settings), protocol, home_sources(settings, protocol))


@contextmanager
def serving(world: World, **options: object) -> Iterator[GoogleHealthServer]:
    """The world behind a server."""
    with GoogleHealthServer(world, **options) as server:  # type: ignore[arg-type]
        yield server


def _runs(days: list[date]) -> Iterator[tuple[date, date]]:
    start = 0
    for n in range(1, len(days) + 1):
        if n == len(days) or days[n] - days[n - 1] > timedelta(days=1):
            yield days[start], days[n - 1]
            start = n


Clock = Callable[[], datetime]
