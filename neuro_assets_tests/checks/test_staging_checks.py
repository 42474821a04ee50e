"""The checks of staging tables, through the asset: what they say over a story of good and bad files."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
import pytest

from neuro_assets.checks.staging import staging_check_results
from neuro_assets.partitions import DayRange
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.fitabase_files import daily_activity_csv, steps_per_day_csv, write
from neuro_assets_tests.study_homes import StudyHome, checks_of

NAME = "staging.daily_activity"
PEOPLE = [str(n) for n in range(1001, 1011)]
BAD, OTHER = date(2016, 3, 20), date(2016, 3, 21)


@dataclass(frozen=True)
class Story:
    """The home, and the checks after each of its runs."""

    home: StudyHome
    checks: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def story(make_home: Callable[..., StudyHome], tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Ten people. A day with three impossible and one unreadable count; then a good file of another day, with one
    person over-long; then a good file of the first day."""
    home, folder, checks = make_home(), tmp_path_factory.mktemp("story"), {}

    def loaded_and_run(name: str, text: str, day: date) -> None:
        home.load(write(folder, f"{name}.csv", text))
        checks[name] = checks_of(home.run([NAME], day), NAME)

    steps = [-1, -1, -1, "many", *[2000] * 6]
    loaded_and_run("bad", steps_per_day_csv(zip(PEOPLE, [BAD] * 10, steps, strict=True)), BAD)
    long = [(who, OTHER, {"SedentaryMinutes": 1400} if who == PEOPLE[0] else {}) for who in PEOPLE]
    loaded_and_run("other", daily_activity_csv(long), OTHER)
    # This export saw beyond the bad day, so its rows stand.
    good = [(who, BAD, 3000) for who in PEOPLE] + [("1999", OTHER, 1)]
    loaded_and_run("good", steps_per_day_csv(good), BAD)
    return Story(home, checks)


def test_a_held_day_fails_the_check_as_an_error(story: Story):
    check = story.checks["bad"]["no_days_held"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert check.metadata["days_held"].value == 1
    assert (check.description or "").startswith("2016-03-20: 4 of 10 ")


def test_it_stays_failed_after_a_good_run_of_another_day(story: Story):
    check = story.checks["other"]["no_days_held"]
    assert not check.passed
    assert (check.description or "").startswith("2016-03-20: 4 of 10 ")


def test_it_passes_once_the_day_itself_is_good(story: Story):
    assert story.checks["good"]["no_days_held"].passed
    assert story.home.rows(f"SELECT count(*), min(steps) FROM {NAME} WHERE day = ?", BAD) == [(10, 3000)]


def test_rows_in_quarantine_warn_with_counts_by_rule(story: Story):
    check = story.checks["bad"]["rows_valid"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.metadata["rows_quarantined"].value == 4
    assert check.description == "3 rows: steps_range; 1 rows: unreadable_value"
    records = [r.data for r in check.metadata["by_rule"].records]
    assert records[0] == {"rule": "steps_range", "rows": 3, "days": 1, "from": "2016-03-20", "to": "2016-03-20"}


def test_the_warning_tells_all_days_and_shrinks_as_they_are_mended(story: Story):
    other, good = (story.checks[n]["rows_valid"] for n in ("other", "good"))
    assert other.metadata["rows_quarantined"].value == 5
    assert good.description == "1 rows: minutes_fit_the_day"
    assert good.metadata["rows_quarantined"].value == 1


def test_a_planted_second_row_of_a_person_day_fails_keys_unique(story: Story):
    """Only the days just written are looked at: the other day's check passes."""
    assert all(c["keys_unique"].passed for c in story.checks.values())
    story.home.write(f"INSERT INTO {NAME} SELECT * FROM {NAME} WHERE day = DATE '2016-03-21' LIMIT 1")
    with story.home.lake.connect(read_only=True) as connection:
        found = {
            day: next(
                r
                for r in staging_check_results(connection, stream("daily_activity"), DayRange(day, day))
                if r.check_name == "keys_unique"
            )
            for day in (BAD, OTHER)
        }
    assert (found[BAD].passed, found[OTHER].passed) == (True, False)
    assert found[OTHER].severity == dg.AssetCheckSeverity.ERROR
    assert found[OTHER].metadata["repeated_keys"].value == 1
    assert found[OTHER].description == "1 repeated keys from 2016-03-21 to 2016-03-21"
