"""A day's pull of many participants through the fake server: what it takes, and what asking and parsing alone take."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
from cryptography.fernet import Fernet

from neuro_assets.connectors.google_health.accounts import Accounts
from neuro_assets.connectors.google_health.oauth import Granted
from neuro_assets.connectors.google_health.windows import TypeState, delta, filter_of, ranges
from neuro_assets.home import ensure_home
from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets.lake.lake import Lake
from neuro_assets.settings import load_settings
from neuro_assets.simulate.google_health.oauth import CLIENT_ID, CLIENT_SECRET
from neuro_assets.sources.google_health.data_types import DATA_TYPES, DataType
from neuro_assets.study import Study
from neuro_assets.study_google_health import GoogleHealthRules
from neuro_assets.surveys.load import home_sources
from neuro_assets_tests.benchmarks.report import Section, Target
from neuro_assets_tests.benchmarks.timing import Apart, apart

PEOPLE = int(os.environ.get("NEURO_BENCH_PEOPLE", "1000"))
# Days that lie behind the pull before: as many as are read again.
HISTORY = 9
# Participants whose pages are asked for and parsed, and nothing else.
PLAIN = 20
DAY = timedelta(days=1)
QUOTA_MINUTE = 120_000
SLOWER = 4.0
GB = 1e9
_PULL = """
import json, os, time
from collections import Counter
from datetime import datetime, timedelta
from neuro_assets.connectors.google_health.pull import pull
from neuro_assets.staging.stage import stage_days
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.benchmarks.google_health import job_of
job, now = job_of(os.environ), datetime.fromisoformat("{now}")
started = time.perf_counter()
outcomes = list(pull(job, clock=lambda: now))
told["pull"] = time.perf_counter() - started
with job.lake.connect(read_only=True) as connection:
    days = connection.execute("SELECT raw_table, min(day), max(day) FROM ops.outbox WHERE created_at >= ? GROUP BY 1",
                              [datetime.fromisoformat("{since}")]).fetchall()
spans = {{}}
for table, first, last in days:
    for name in job.sources.by_raw_table(table).spec.streams:
        was = spans.get(name, (first, last))
        spans[name] = min(first, was[0]), max(last, was[1])
started, rows = time.perf_counter(), 0
for name, (first, last) in spans.items():
    if "{stages}":
        rows += stage_days(job, stream(name), first, last).total("rows_staged")
told["stage"], told["rows"] = time.perf_counter() - started, rows
"""


def job_of(environ: "os._Environ[str] | dict[str, str]") -> Ingest:
    """The home of an environment, with a study that takes everybody."""
    settings = load_settings({k: v for k, v in environ.items() if k.startswith("NEURO_") and "BENCH" not in k})
    study = Study.model_validate(
        {
            "id": "bench",
            "default_time_zone": "America/New_York",
            "window": {"start": "2026-01-01"},
            "auto_enrol": True,
            "google_health": {"workers": 6},
        }
    )
    return Ingest(settings, Lake.from_settings(settings), study, home_sources(settings, study))


@contextmanager
def serving(start: date) -> Iterator[str]:
    """The fake server in a process of its own; gives its address. Every 50th answer is validated, where it can be."""
    schema = (
        Path(os.environ.get("SHARED_DATA", "../shared/data")).parent / "spec/google_health_v4/health.v4.jsonschema.json"
    )
    validated = ["--schema", str(schema), "--validate-every", "50"] if schema.exists() else []
    arguments = ["--participants", str(PEOPLE), "--start", str(start), "--days", str(HISTORY), "--travel", "0.1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "neuro_assets.simulate.google_health", *arguments, *validated, "--cache-days", "400"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True)
class _Found:
    """What was measured.

    Attributes:
        first: the pull of everybody's days.
        daily: the pull a day later, and staging.
        sent: requests of that day.
        plain: seconds that asking and parsing alone would take.
        parsed: points that were parsed so.
        broken: types that were not complete that day.
        points: on that day's pages.
        archived: bytes of pull files.
        server: what the server counted.
    """

    first: Apart
    daily: Apart
    sent: int
    plain: float
    parsed: int
    broken: int
    points: int
    archived: int
    server: dict[str, Any]


def google_health(root: Path) -> Section:
    """Everybody's pages of nine days are pulled; a day later, what is new, and the eight days that are read again."""
    found = _measured(root)
    first, daily, highest = found.first, found.daily, found.server["highest"]
    total = daily.told["pull"] + daily.told["stage"]
    # A day of samples is 43,200 points, on nine pages; a roll-up tells which days to read.
    raw = found.sent + PEOPLE * 9
    alone = f"asking for the same pages and json.loads, nothing else, one after the other ({PLAIN} participants)"
    lines = [
        (f"first pull, {HISTORY} days, into raw tables", f"{first.told['pull']:.0f} s"),
        ("a day later: what is new, and 8 days read again, into raw tables", f"{daily.told['pull']:.0f} s"),
        ("touched days into staging, 13 streams", f"{daily.told['stage']:.0f} s"),
        ("requests of that day", f"{found.sent:,} ({found.sent / PEOPLE:.1f} a participant)"),
        ("points on their pages", f"{found.points:,}"),
        ("a minute at that rate, of 120,000 allowed", f"{found.sent / daily.told['pull'] * 60:,.0f}"),
        (
            "most requests in a minute: participant, project",
            f"{highest['user_minute']}, {highest['project_minute']:,}",
        ),
        ("most memory of the pulling process", f"{daily.peak_bytes / GB:.2f} GB"),
        ("pull files of both days in the archive", f"{found.archived / 1e6:,.0f} MB"),
        (
            "answers validated against Google's schema, and wrong",
            f"{found.server['validated']:,}, {len(found.server['invalid'])}",
        ),
        (alone, f"{found.plain:.0f} s"),
        (
            "raw heart rate, projected: requests a day",
            f"{raw:,}; the quota lets them through in {raw / QUOTA_MINUTE:.1f} min",
        ),
        ("raw heart rate, projected: points of the new day", f"{PEOPLE * 43_200:,}"),
    ]
    return Section(
        "Google Health",
        f"{PEOPLE:,} participants at minute resolution, 17 data types, from the fake server, which runs on the same"
        f" cores in a process of its own. Types not complete: {found.broken}. By json {found.parsed:,} were read.",
        ("work", "cost"),
        lines,
        [
            Target("a day's pull into staging over asking and parsing alone", total / found.plain, SLOWER, "x"),
            Target("requests refused for quota", float(found.server["refused"]), 0.0),
        ],
    )


def _measured(root: Path) -> _Found:
    start = datetime.now(UTC).date() - timedelta(days=HISTORY + 3)
    now = datetime.combine(start + timedelta(days=HISTORY), datetime.min.time(), UTC) + timedelta(hours=5)
    with TemporaryDirectory(dir=root) as folder, serving(start) as url:
        environ = {
            "NEURO_HOME": folder,
            "NEURO_TOKEN_KEY": Fernet.generate_key().decode(),
            "NEURO_GOOGLE_HEALTH_URL": url,
            "NEURO_GOOGLE_TOKEN_URL": f"{url}/token",
            "NEURO_GOOGLE_CLIENT_ID": CLIENT_ID,
            "NEURO_GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
        }
        given = {k: v for k, v in environ.items() if k != "NEURO_HOME"}
        job = job_of(environ)
        ensure_home(job.settings)
        prepare_lake(job.lake, job.tables)
        accounts = Accounts(job.settings, job.study)
        for who, token in _tokens(url).items():
            accounts.accept(who, Granted(token["access_token"], 3599, token["refresh_token"]))
        _world(url, "advance", to=now.isoformat())
        first = apart(_PULL.format(now=now, since=datetime.now(UTC), stages=""), Path(folder), **given)
        now += timedelta(days=1)
        _world(url, "advance", to=now.isoformat())
        before = _world(url, "quota")["requests"]
        daily = apart(_PULL.format(now=now, since=datetime.now(UTC), stages="yes"), Path(folder), **given)
        server = _world(url, "quota")
        some = [token["access_token"] for _, token in sorted(_tokens(url).items())][:PLAIN]
        started = time.perf_counter()
        parsed = sum(_plain(url, token, now) for token in some)
        plain = (time.perf_counter() - started) / len(some) * PEOPLE
        with job.lake.connect(read_only=True) as connection:
            broken, points = connection.execute(
                "SELECT count(*) FILTER (outcome <> 'complete'), sum(points)::BIGINT FROM ops.pulls"
                " WHERE fetched_at > ?",
                [now - timedelta(hours=1)],
            ).fetchall()[0]
        archived = sum(p.stat().st_size for p in (Path(folder) / "archive").rglob("*.pull.zip"))
    sent = server["requests"] - before
    return _Found(first, daily, sent, plain, parsed, broken, points, archived, server)


def _world(url: str, what: str, **parameters: str) -> dict[str, Any]:
    """Steer the server, or ask what it has counted."""
    answer = requests.get(f"{url}/_world/{what}", parameters, timeout=300)
    answer.raise_for_status()
    return answer.json()


def _tokens(url: str) -> dict[str, dict[str, Any]]:
    """Participant -> tokens."""
    return {who: token for who, token in _world(url, "tokens").items() if who != "now"}


def _plain(url: str, token: str, now: datetime) -> int:
    """A participant's pages, asked for and parsed; returns how many points they have."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    rules, state = GoogleHealthRules(), TypeState(now - DAY, (now - DAY,), date(2026, 1, 1))
    points = 0
    for data_type in DATA_TYPES:
        days = delta(data_type, state, now, "America/New_York", rules, (date(2026, 1, 1), None))
        assert days is not None
        if data_type.method == "points":
            points += _listed(session, url, data_type, filter_of(data_type, days, now))
            continue
        for since, until in ranges(days, now):
            span = {"startTime": f"{since:%Y-%m-%dT%H:%M:%SZ}", "endTime": f"{until:%Y-%m-%dT%H:%M:%SZ}"}
            body: dict[str, object] = {"range": span, "windowSize": "60s", "pageSize": data_type.page_size}
            while True:
                path = f"{url}/v4/users/me/dataTypes/{data_type.name}/dataPoints:rollUp"
                page = json.loads(session.post(path, json=body, timeout=60).content)
                points += len(page.get("rollupDataPoints", ()))
                if not (token := page.get("nextPageToken", "")):
                    break
                body["pageToken"] = token
    return points


def _listed(session: requests.Session, url: str, data_type: DataType, told: str) -> int:
    points, query = 0, {"filter": told, "pageSize": str(data_type.page_size)}
    while True:
        path = f"{url}/v4/users/me/dataTypes/{data_type.name}/dataPoints:reconcile"
        page = json.loads(session.get(path, params=query, timeout=60).content)
        points += len(page.get("dataPoints", ()))
        if not (token := page.get("nextPageToken", "")):
            return points
        query["pageToken"] = token
