"""A day whose rows fail too often keeps its previous version, until a better one comes."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets.staging.stage import StagingReport
from neuro_assets_tests.fitabase_files import steps_per_day_csv, write
from neuro_assets_tests.tables import load, query, stage

PEOPLE = [str(n) for n in range(1001, 1011)]
FIRST, LAST = date(2016, 3, 12), date(2016, 4, 11)
HELD, AT_THE_LIMIT, OTHER = date(2016, 3, 20), date(2016, 3, 21), date(2016, 4, 20)
DAYS = [FIRST + timedelta(n) for n in range(31)]


def month(broken: dict[date, int]) -> str:
    """Ten people, 31 days, 2000 steps a day; on some days the first n people have an impossible count."""
    return steps_per_day_csv(
        (who, day, -1 if n < broken.get(day, 0) else 2000) for day in DAYS for n, who in enumerate(PEOPLE)
    )


@dataclass
class Moment:
    """What the lake said after one file was loaded and staged."""

    report: StagingReport
    steps: dict[date, list[int]]
    holds: list[tuple]
    quarantined: int


def staged_moment(job: Ingest, path: Path) -> Moment:
    load(job, path)
    report = stage(job, "daily_activity", FIRST, OTHER)
    steps: dict[date, list[int]] = {}
    for day, value in query(job.lake, "SELECT day, steps FROM staging.daily_activity ORDER BY ALL"):
        steps.setdefault(day, []).append(value)
    holds = query(
        job.lake,
        "SELECT day, failed_rows, total_rows, released_at IS NULL FROM ops.day_holds ORDER BY held_at",
    )
    (quarantined,) = query(job.lake, "SELECT count(*) FROM ops.quarantine WHERE day = ?", [HELD])[0]
    return Moment(report, steps, holds, quarantined)


@pytest.fixture(scope="module")
def story(make_job, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Moment]:
    """A good part of the day; the month with that day broken; a good file of another day; the day mended."""
    job, folder = make_job(), tmp_path_factory.mktemp("gate")
    texts = {
        "part": steps_per_day_csv((who, HELD, 700) for who in PEOPLE),
        "broken": month({HELD: 4, AT_THE_LIMIT: 2}),
        "other": steps_per_day_csv((who, OTHER, 3000) for who in PEOPLE),
        "mended": month({}),
    }
    return {name: staged_moment(job, write(folder, f"{name}.csv", text)) for name, text in texts.items()}


def test_a_broken_day_keeps_its_previous_version_and_the_others_flow(story: dict[str, Moment]):
    assert story["part"].steps == {HELD: [700] * 10}
    broken = story["broken"]
    assert broken.report.held == [HELD]
    assert broken.steps.pop(HELD) == [700] * 10
    assert broken.steps.pop(AT_THE_LIMIT) == [2000] * 8
    assert broken.steps == {day: [2000] * 10 for day in DAYS if day not in {HELD, AT_THE_LIMIT}}


def test_the_hold_is_on_record_with_its_numbers(story: dict[str, Moment]):
    assert story["part"].holds == []
    assert story["broken"].holds == [(HELD, 4, 10, True)]
    assert story["broken"].quarantined == 4


def test_the_limit_itself_is_let_through(story: dict[str, Moment]):
    """2 of 10 is the 20 % that the protocol allows."""
    (day,) = [d for d in story["broken"].report.days if d.day == AT_THE_LIMIT]
    assert (day.status, day.failed, day.judged, day.rows_staged) == ("accepted", 2, 10, 8)


def test_a_good_file_of_another_day_releases_nothing(story: dict[str, Moment]):
    other = story["other"]
    assert other.holds == [(HELD, 4, 10, True)]
    assert other.report.held == [HELD]
    assert (other.steps[OTHER], other.steps[HELD]) == ([3000] * 10, [700] * 10)


def test_a_good_version_of_the_day_releases_it(story: dict[str, Moment]):
    mended = story["mended"]
    assert mended.report.held == []
    assert mended.holds == [(HELD, 4, 10, False)]
    assert (mended.steps[HELD], mended.steps[AT_THE_LIMIT]) == ([2000] * 10, [2000] * 10)
    assert mended.quarantined == 0


def test_every_moment_accounts_for_every_row(story: dict[str, Moment]):
    for moment, rows in zip(story.values(), (10, 320, 330, 640), strict=True):
        assert moment.report.total("rows_in") == rows
        parts = ("rows_staged", "rows_duplicate", "rows_superseded", "rows_quarantined")
        assert sum(moment.report.total(p) for p in parts) == rows


def test_a_stream_may_have_a_gate_of_its_own(make_job, tmp_path: Path):
    job = make_job(stream_gates={"daily_activity": {"max_failed_share": 0.4}})
    load(job, write(tmp_path, "a.csv", month({HELD: 4})))
    assert stage(job, "daily_activity", HELD).held == []
    assert query(job.lake, "SELECT count(*) FROM staging.daily_activity") == [(6,)]


def test_strangers_hold_no_day(make_job, tmp_path: Path):
    """Rows of people the study does not know are kept out, but are nobody's failure of measurement."""
    people = [{"participant_id": "1001", "zones": [{"zone": "UTC"}]}]
    job = make_job(auto_enrol=False, people=people)
    load(job, write(tmp_path, "a.csv", month({})))
    (day,) = stage(job, "daily_activity", HELD).days
    assert (day.status, day.rows_staged, day.rows_quarantined, day.judged) == ("accepted", 1, 9, 1)
