"""A day's pull of many participants through the fake server: what it takes, and what asking and parsing alone take."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

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
from neuro_assets_tests.benchmarks.timing import apart

PEOPLE = int(os.environ.get("NEURO_BENCH_PEOPLE", "1000"))
# Days that lie behind the pull before: as many as are read again.
HISTORY = 9
# Participants whose pages are asked for and parsed, and nothing else.
PLAIN = 20
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


def google_health(root: Path) -> Section:
    """Everybody's pages of nine days are pulled; a day later, what is new, and the eight days that are read again."""
    start = datetime.now(UTC).date() - timedelta(days=HISTORY + 3)
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
        accounts, tokens = Accounts(job.settings, job.study), requests.get(f"{url}/_world/tokens", timeout=300).json()
        for who, token in tokens.items():
            if who != "now":
                accounts.accept(who, Granted(token["access_token"], 3599, token["refresh_token"]))
        now = datetime.combine(start + timedelta(days=HISTORY), datetime.min.time(), UTC) + timedelta(hours=5)
        requests.get(f"{url}/_world/advance", {"to": now.isoformat()}, timeout=60).raise_for_status()
        began = datetime.now(UTC)
        first = apart(_PULL.format(now=now, since=began, stages=""), Path(folder), **given)
        now += timedelta(days=1)
        requests.get(f"{url}/_world/advance", {"to": now.isoformat()}, timeout=60).raise_for_status()
        before = requests.get(f"{url}/_world/quota", timeout=60).json()
        began = datetime.now(UTC)
        daily = apart(_PULL.format(now=now, since=began, stages="yes"), Path(folder), **given)
        after = requests.get(f"{url}/_world/quota", timeout=60).json()
        fresh = requests.get(f"{url}/_world/tokens", timeout=300).json()
        some = [t["access_token"] for who, t in sorted(fresh.items()) if who != "now"][:PLAIN]
        started = time.perf_counter()
        parsed = sum(_plain(url, token, now) for token in some)
        plain = (time.perf_counter() - started) / len(some) * PEOPLE
        with job.lake.connect(read_only=True) as connection:
            counted = connection.execute(
                "SELECT count(*) FILTER (outcome <> 'complete'), sum(points)::BIGINT FROM ops.pulls"
                " WHERE fetched_at > ?",
                [now - timedelta(hours=1)],
            ).fetchall()[0]
        megabytes = sum(p.stat().st_size for p in (Path(folder) / "archive").rglob("*.pull.zip")) / 1e6
    sent = after["requests"] - before["requests"]
    total = daily.told["pull"] + daily.told["stage"]
    # A day of samples is 43,200 points, on nine pages; a roll-up tells which days to read.
    raw = sent + PEOPLE * 9
    lines = [
        (f"first pull, {HISTORY} days, into raw tables", f"{first.told['pull']:.0f} s"),
        ("a day later: what is new, and 8 days read again, into raw tables", f"{daily.told['pull']:.0f} s"),
        ("touched days into staging, 13 streams", f"{daily.told['stage']:.0f} s"),
        ("requests of that day", f"{sent:,} ({sent / PEOPLE:.1f} a participant)"),
        ("points on their pages", f"{counted[1]:,}"),
        ("a minute at that rate, of 120,000 allowed", f"{sent / daily.told['pull'] * 60:,.0f}"),
        ("most requests in a minute: participant, project", f"{after['highest']['user_minute']}, "
         f"{after['highest']['project_minute']:,}"),
        ("most memory of the pulling process", f"{daily.peak_bytes / GB:.2f} GB"),
        ("pull files of both days in the archive", f"{megabytes:,.0f} MB"),
        ("answers validated against Google's schema, and wrong", f"{after['validated']:,}, {len(after['invalid'])}"),
        (f"asking for the same pages and json.loads, nothing else, one after the other ({PLAIN} participants)",
         f"{plain:.0f} s"),
        ("raw heart rate, projected: requests a day", f"{raw:,}; the quota lets them through in"
         f" {raw / QUOTA_MINUTE:.1f} min"),
        ("raw heart rate, projected: points of the new day", f"{PEOPLE * 43_200:,}"),
    ]  # fmt: skip
    return Section(
        "Google Health",
        f"{PEOPLE:,} participants at minute resolution, 17 data types, from the fake server, which runs on the same"
        f" cores in a process of its own. Types not complete: {counted[0]}. By json {parsed:,} points were read.",
        ("work", "cost"),
        lines,
        [
            Target("a day's pull into staging over asking and parsing alone", total / plain, SLOWER, "x"),
            Target("requests refused for quota", float(after["refused"]), 0.0),
        ],
    )


def _plain(url: str, token: str, now: datetime) -> int:
    """A participant's pages, asked for and parsed; returns how many points they have."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    rules, state = GoogleHealthRules(), TypeState(now - timedelta(days=1), now - timedelta(days=1), date(2026, 1, 1))
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
