"""One home in which everything has been run once; the tests of this folder read it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from neuro_assets.ingest.replay import reconcile_study
from neuro_assets_tests.fitabase_files import sleep_day_csv, steps_per_day_csv, write
from neuro_assets_tests.study_homes import StudyHome, write_study

FIRST, LAST = date(2016, 3, 12), date(2016, 5, 13)
BY_DAY = ("stg_daily_activity", "stg_sleep", "user_daily_activity", "daily_user_summary")
ACTIVITY_ONLY = ("stg_daily_activity", "user_daily_activity", "daily_user_summary")
BY_PERSON = ("user_baseline_activity", "user_activity_deviation", "user_engagement_trend")
# Made people: one whose only day vanishes, one with sleep alone, and four whose course is known.
LEAVES, SLEEPS = "900000001", "900000002"
FALLS, HOLDS, SHORT, NEVER = "900000011", "900000012", "900000013", "900000014"
SLEPT_ON = date(2016, 3, 14)


def known_courses() -> list[tuple[str, date, int]]:
    """14 days at 10,000 steps, then 200 fewer each day for 30; always 8,000; five days; three days without a step."""
    days = [FIRST + timedelta(n) for n in range(44)]
    rows = [(FALLS, day, 10_000 - 200 * max(0, n - 13)) for n, day in enumerate(days)]
    rows += [(HOLDS, day, 8_000) for day in days]
    rows += [(SHORT, day, 100 * (n + 1)) for n, day in enumerate(days[:5])]
    rows += [(NEVER, day, 0) for day in days[:3]]
    return rows


@dataclass(frozen=True)
class Flow:
    """The home after everything ran, and what the first run alone had made."""

    home: StudyHome
    after_one_stream: dict[str, list[tuple]]
    results: dict[str, dg.ExecuteInProcessResult]


@pytest.fixture(scope="session")
def flow(make_home: Callable[..., StudyHome], fitabase: dict[str, list[Path]], tmp_path_factory) -> Flow:
    """First the window's last day with activity alone; then the public data and the made ones, all days, everything."""
    home, folder = make_home(), tmp_path_factory.mktemp("files")
    results = {}
    home.load(write(folder, "leaves.csv", steps_per_day_csv([(LEAVES, LAST, 4_321)])))
    results["staging_day"] = home.run(["staging.daily_activity"], LAST)
    results["by_day_one_stream"] = home.run([f"baselines.{n}" for n in ACTIVITY_ONLY], LAST)
    first_look = {
        n: home.rows(f"SELECT * EXCLUDE (is_active_day) FROM baselines.{n}")
        for n in ("user_daily_activity", "daily_user_summary")
    }
    home.load(
        *fitabase["daily_activity"],
        *fitabase["sleep_day"],
        write(folder, "courses.csv", steps_per_day_csv(known_courses())),
        write(folder, "sleeps.csv", sleep_day_csv([(SLEEPS, SLEPT_ON, 400, 500)])),
    )
    people = f"participant_id,withdrawn_on\n{LEAVES},{LAST - timedelta(1)}\n"
    write_study(home.settings.home, participants_csv=people)
    reconcile_study(home.job)
    results["staging"] = home.run(["staging.daily_activity", "staging.daily_sleep"], FIRST, LAST)
    results["by_day"] = home.run([f"baselines.{n}" for n in BY_DAY], FIRST, LAST)
    results["by_person"] = home.run([f"baselines.{n}" for n in BY_PERSON])
    return Flow(home, first_look, results)
