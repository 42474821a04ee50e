"""PMData's eight people, as folders and as one zip each: the same tables, and what their JSON says row for row."""

import json
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from neuro_assets.ingest.inbox import list_landing
from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets_tests.tables import load, query, read_table, stage

pytestmark = [pytest.mark.verify, pytest.mark.timeout(900)]

FIRST, LAST = date(2019, 11, 1), date(2020, 3, 31)
OSLO = ZoneInfo("Europe/Oslo")
STREAMS = (
    *("steps", "sleep_session", "sleep_stage", "sleep_score", "exercise", "daily_vitals"),
    *("heart_rate_zones", "daily_active_minutes"),
)
EPOCH = timedelta(seconds=30)


@dataclass(frozen=True)
class Home:
    job: Ingest
    outcomes: list[FileOutcome]


@pytest.fixture(scope="module")
def people(shared_data: Path) -> list[Path]:
    return sorted(p for p in (shared_data / "pmdata").iterdir() if p.is_dir())


def filled(job: Ingest) -> Home:
    """Load what is in the landing folder and stage everything."""
    landing = job.settings.landing
    outcomes = load(job, *(landing / f.name for f in list_landing(landing)))
    for name in STREAMS:
        stage(job, name, FIRST, LAST)
    return Home(job, outcomes)


@pytest.fixture(scope="module")
def make(make_job: Callable[..., Ingest]) -> Callable[[], Ingest]:
    return lambda: make_job(window={"start": FIRST, "end": LAST}, default_time_zone="Europe/Oslo")


@pytest.fixture(scope="module")
def folders(make: Callable[[], Ingest], people: list[Path]) -> Home:
    job = make()
    for person in people:
        shutil.copytree(person, job.settings.landing / person.name, copy_function=shutil.copyfile)
    return filled(job)


@pytest.fixture(scope="module")
def zips(make: Callable[[], Ingest], people: list[Path]) -> Home:
    job = make()
    job.settings.landing.mkdir(parents=True, exist_ok=True)
    for person in people:
        with zipfile.ZipFile(job.settings.landing / f"{person.name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(p for p in person.rglob("*") if p.is_file()):
                archive.write(path, path.relative_to(person))
    return filled(job)


@pytest.fixture(scope="module")
def said(people: list[Path]) -> dict[str, dict[str, Any]]:
    """Person -> name of a file -> what it holds."""
    return {p.name: {f.stem: json.loads(f.read_text()) for f in (p / "fitbit").glob("*.json")} for p in people}


def test_every_file_of_the_archive_is_loaded_and_only_the_surveys_wait(folders: Home):
    told = Counter((o.outcome, "fitbit" in o.name.split("/")) for o in folders.outcomes)
    print(f"\n{told}")
    assert {o.name.split("/")[1] for o in folders.outcomes if o.outcome == "rejected"} == {"pmsys", "googledocs"}
    assert told["unpacked", True] == 8 * 9 + 1
    assert told["loaded", True] == 8 * 10 + 1
    held = query(folders.job.lake, "SELECT count(*) FROM ops.day_holds")
    rules = query(folders.job.lake, "SELECT DISTINCT table_name, rule FROM ops.quarantine")
    assert held == [(0,)]
    assert {rule for _, rule in rules} <= {"outside_window"}


@pytest.mark.parametrize("name", STREAMS)
def test_as_folders_and_as_zips_the_tables_are_the_same(folders: Home, zips: Home, name: str):
    order = ", ".join(read_table(folders.job.lake, f"staging.{name}", "1").columns)
    mine, other = (read_table(h.job.lake, f"staging.{name}", order) for h in (folders, zips))
    print(f"\nstaging.{name}: {mine.height} rows")
    assert mine.height > 0
    assert mine.equals(other)


def test_sleep_is_there_once(folders: Home, said: dict[str, dict[str, Any]]):
    for person, files in said.items():
        logs = {(str(log["logId"]), moment(log["startTime"])) for log in files["sleep"]}
        sql = "SELECT log_id, local_ts FROM staging.sleep_session WHERE participant_id = ?"
        found = query(folders.job.lake, sql, [person])
        assert len(found) == len(set(found))
        assert set(found) == logs
    repeated = (
        sum(len(f["sleep"]) for f in said.values())
        - query(folders.job.lake, "SELECT count(*) FROM staging.sleep_session")[0][0]
    )
    print(f"\n{repeated} repeated logs")
    assert repeated == 37


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def epochs(log: dict[str, Any]) -> dict[datetime, str]:
    """A log by half minutes, short wakes over stages: written once more, by another road."""
    found: dict[datetime, str] = {}
    for part in log["levels"]["data"]:
        if part["level"] != "unknown":
            found |= dict.fromkeys(half_minutes(part), part["level"])
    for part in log["levels"].get("shortData", ()):
        found |= {at: part["level"] for at in half_minutes(part) if at in found}
    end = moment(log["endTime"])
    return {at: stage for at, stage in found.items() if at < end}


def half_minutes(part: dict[str, Any]) -> list[datetime]:
    return [moment(part["dateTime"]) + n * EPOCH for n in range(part["seconds"] // 30)]


def test_stages_are_those_of_the_logs_by_half_minutes(folders: Home, said: dict[str, dict[str, Any]]):
    for person, files in said.items():
        expected = {(str(log["logId"]), at): stage for log in files["sleep"] for at, stage in epochs(log).items()}
        sql = "SELECT log_id, local_ts, stage FROM staging.sleep_stage WHERE participant_id = ?"
        found = {(log, at): stage for log, at, stage in query(folders.job.lake, sql, [person])}
        assert found == expected


def test_a_resting_heart_rate_is_a_reading_and_never_0(folders: Home, said: dict[str, dict[str, Any]]):
    for person, files in said.items():
        expected = {
            (datetime.fromisoformat(d["dateTime"]).date(), d["value"]["value"])
            for d in files["resting_heart_rate"]
            if d["value"]["date"]
        }
        sql = "SELECT day, value FROM staging.daily_vitals WHERE participant_id = ? AND vital = 'resting_heart_rate'"
        assert set(query(folders.job.lake, sql, [person])) == expected
    missing = sum(d["value"]["date"] is None for f in said.values() for d in f["resting_heart_rate"])
    lowest = query(folders.job.lake, "SELECT min(value), count(*) FROM staging.daily_vitals")
    print(f"\n{lowest[0][1]} resting heart rates, the lowest {lowest[0][0]:.1f}; {missing} days without one")
    assert lowest[0][0] > 30


def test_steps_lie_on_the_wall_clock_and_nearly_stop_in_bed(folders: Home, said: dict[str, dict[str, Any]]):
    expected = {}
    for d in said["p03"]["steps"]:
        local = moment(d["dateTime"]).replace(tzinfo=UTC).astimezone(OSLO)
        if FIRST <= local.date() <= LAST:
            expected[local.replace(tzinfo=None), local.fold] = int(d["value"])
    sql = "SELECT local_ts, fold, value FROM staging.steps WHERE participant_id = 'p03'"
    assert {(at, fold): value for at, fold, value in query(folders.job.lake, sql)} == expected

    def in_bed(shift_h: int) -> float:
        sql = (
            "SELECT sum(value) FROM staging.steps s WHERE EXISTS (FROM staging.sleep_session z"
            " WHERE z.participant_id = s.participant_id AND s.ts + to_hours(?) >= z.ts"
            " AND s.ts + to_hours(?) < z.ts + to_seconds(z.duration_s))"
        )
        return query(folders.job.lake, sql, [shift_h, shift_h])[0][0]

    as_local, right = in_bed(-1), in_bed(0)
    print(f"\nsteps in bed: {right:.0f}; read as local time {as_local:.0f}: {as_local / right:.1f} x")
    assert as_local / right > 10


def test_exercise_has_the_steps_of_its_minutes(folders: Home, said: dict[str, dict[str, Any]]):
    for person, files in said.items():
        logs = {str(e["logId"]) for e in files["exercise"]}
        sql = "SELECT DISTINCT log_id FROM staging.exercise WHERE participant_id = ?"
        assert {i for (i,) in query(folders.job.lake, sql, [person])} == logs
    sql = """
        SELECT median(abs(m.steps - e.steps) / e.steps), count(*)
        FROM staging.exercise e
        JOIN LATERAL (SELECT sum(value) AS steps FROM staging.steps s WHERE s.participant_id = e.participant_id
            AND s.ts >= date_trunc('minute', e.ts) AND s.ts <= e.ts + to_seconds(e.duration_s)) m ON true
        WHERE e.participant_id = 'p03' AND e.steps > 0
    """
    ((off, walks),) = query(folders.job.lake, sql)
    print(f"\n{walks} exercises of p03: their steps are {off:.1%} off those of their minutes")
    assert walks == 57
    assert off < 0.05


def test_days_by_level_and_by_zone(folders: Home, said: dict[str, dict[str, Any]]):
    names = {"sedentary": "sedentary_minutes", "lightly": "lightly_active_minutes"}
    names |= {"fairly": "moderately_active_minutes", "very": "very_active_minutes"}
    for person, files in said.items():
        expected = {
            (moment(d["dateTime"]).date(), level, int(d["value"])) for level, n in names.items() for d in files[n]
        }
        sql = "SELECT day, level, minutes FROM staging.daily_active_minutes WHERE participant_id = ?"
        assert set(query(folders.job.lake, sql, [person])) == expected
        by_age = [
            minutes
            for d in files["time_in_heart_rate_zones"]
            for zone, minutes in d["value"]["valuesInZones"].items()
            if "DEFAULT" in zone
        ]
        sql = "SELECT count(*), sum(minutes) FROM staging.heart_rate_zones WHERE participant_id = ?"
        assert query(folders.job.lake, sql, [person]) == [(len(by_age), sum(by_age))]
