"""Two accounts of the same thing: what is held against what, when it counts as different, and what a person sees."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl
import pytest

from neuro_assets.checks.agreement import SHOWN, Difference, check_of, compare
from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets.keys import key_of_name
from neuro_assets.streams.catalogue import STREAMS, stream
from neuro_assets_tests.fitabase_files import daily_activity_csv, hourly_csv, write
from neuro_assets_tests.staging.fitabase_kinds import at, intensities_csv, minutes_csv, totals_csv
from neuro_assets_tests.study_homes import StudyHome, checks_of

DAY, NEXT = date(2016, 4, 5), date(2016, 4, 6)
DAILY, RESOLUTIONS = "agrees_with_daily_activity", "resolutions_agree"


def test_which_streams_are_held_against_another_account():
    """Not the steps of one exercise, nor the energy of one heart-rate zone, against those of the day."""
    assert {s.name: check_of(s) for s in STREAMS if check_of(s)} == {
        "steps": RESOLUTIONS,
        "distance": RESOLUTIONS,
        "calories": RESOLUTIONS,
        "intensity": RESOLUTIONS,
        "activity_counts": RESOLUTIONS,
        "daily_distance": DAILY,
        "daily_steps": DAILY,
        "daily_calories": DAILY,
        "daily_intensity": DAILY,
    }


# Rows put into the tables by hand.


def put(job: Ingest, name: str, *rows: tuple) -> None:
    """Sample rows as (participant, local_ts, fold, period_s, value)."""
    columns = ("participant_id", "local_ts", "fold", "period_s", "value")
    frame = pl.DataFrame(list(rows), columns, orient="row").with_columns(pl.col("local_ts").dt.date().alias("day"))
    with job.lake.connect() as connection:
        connection.register("frame", frame.to_arrow())
        connection.execute(f"INSERT INTO staging.{name} BY NAME SELECT * FROM frame")


def hour_of(who: str, hour: datetime, minute_value: float, hour_value: float, fold: int = 0, count: int = 60) -> list:
    """An hour of equal minutes, and its own row."""
    minutes = [(who, hour + timedelta(minutes=n), fold, 60, minute_value) for n in range(count)]
    return [*minutes, (who, hour, fold, 3600, hour_value)]


@pytest.fixture(scope="module")
def by_hand(make_job) -> Ingest:
    job = make_job()
    prepare_lake(job.lake, job.tables)
    autumn = at(date(2016, 11, 6), 1)
    put(
        job,
        "steps",
        *hour_of("equal", at(DAY, 10), 2, 120),
        *hour_of("different", at(DAY, 10), 2, 121),
        *hour_of("different", at(NEXT, 9), 2, 100),
        *hour_of("a_minute_short", at(DAY, 10), 2, 1, count=59),
        # the passes of a repeated hour are hours of their own
        *hour_of("repeated", autumn, 1, 60, fold=0),
        *hour_of("repeated", autumn, 3, 181, fold=1),
        ("minutes_alone", at(DAY, 10), 0, 60, 1),
        ("hours_alone", at(DAY, 10), 0, 3600, 1),
    )
    # A finer resolution than minutes is compared as well.
    seconds = [("by_second", at(DAY, 10) + timedelta(seconds=n), 0, 1, 1) for n in range(3600)]
    put(job, "intensity", *seconds, ("by_second", at(DAY, 10), 0, 3600, 3599))
    put(
        job,
        "calories",
        *hour_of("rounded_up", at(DAY, 10), 0.7973, 48),
        *hour_of("rounded_down", at(DAY, 10), 0.7865, 47),
        *hour_of("half", at(DAY, 10), 0.725, 43),
        *hour_of("cut_off", at(DAY, 10), 0.7973, 47),
    )
    return job


def found(job: Ingest, name: str, shown: int = SHOWN):
    with job.lake.connect(read_only=True) as connection:
        result = compare(connection, stream(name), shown)
    assert result is not None
    return result


def test_complete_hours_are_held_against_their_own_row(by_hand: Ingest):
    """Of eight people's hours five are there twice and complete: 1 + 2 + 2."""
    result = found(by_hand, "steps")
    assert (result.check, result.compared, result.different, result.largest) == (RESOLUTIONS, 5, 3, 20)
    assert result.first == [
        Difference("different", at(DAY, 10), "60 s", 120, 121),
        Difference("different", at(NEXT, 9), "60 s", 120, 100),
        Difference("repeated", at(date(2016, 11, 6), 1), "60 s", 180, 181),
    ]
    assert found(by_hand, "steps", shown=1).first == result.first[:1]


def test_seconds_are_summed_like_minutes(by_hand: Ingest):
    result = found(by_hand, "intensity")
    assert (result.compared, result.different) == (1, 1)
    assert result.first == [Difference("by_second", at(DAY, 10), "1 s", 3600, 3599)]


def test_an_hour_in_whole_kilocalories_may_differ_by_its_rounding(by_hand: Ingest):
    """47.838 is 48 and 47.19 is 47; 43.5 may be either; 47.838 is not 47."""
    result = found(by_hand, "calories")
    assert (result.compared, result.different) == (4, 1)
    assert [d.participant_id for d in result.first] == ["cut_off"]
    assert result.largest == pytest.approx(0.838)


def test_nothing_to_compare_is_no_difference(by_hand: Ingest):
    for name in ("activity_counts", "daily_steps"):
        assert (found(by_hand, name).compared, found(by_hand, name).different) == (0, 0)
    with by_hand.lake.connect(read_only=True) as connection:
        assert compare(connection, stream("heart_rate")) is None


# The checks as Dagster shows them.


def latest(home: StudyHome, name: str) -> Any:
    """The check of the daily totals as Dagster shows it now, whichever run it came from."""
    key = dg.AssetCheckKey(key_of_name(name), DAILY)
    record = home.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    event = record.event.dagster_event if record.event else None
    assert event is not None
    return event.asset_check_evaluation_data


@pytest.fixture(scope="module")
def story(make_home: Callable[..., StudyHome], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Three people, two days. The files of daily totals differ from the summary in three places, one row is missing.
    The daily steps are staged before the summary, the others after it."""
    home, folder = make_home(), tmp_path_factory.mktemp("agreement")
    days = [(who, day) for day in (DAY, NEXT) for who in ("1001", "1002", "1003")]
    steps = [(who, day, 5007 if (who, day) == ("1002", NEXT) else 5000) for who, day in days[:-1]]
    odd = {("1001", DAY): {"LightlyActiveMinutes": 190, "SedentaryMinutes": 1210}}
    minutes = [("1001", at(DAY, 10) + timedelta(minutes=n), 1) for n in range(120)]
    files = {
        "dailyActivity": daily_activity_csv((who, day, {}) for who, day in days),
        "dailySteps": totals_csv("StepTotal", steps),
        "dailyCalories": totals_csv("Calories", [(who, day, 2000) for who, day in days]),
        "dailyIntensities": intensities_csv((who, day, odd.get((who, day), {})) for who, day in days),
        "hourlySteps": hourly_csv("hourly_steps", [("1001", at(DAY, 10), 60), ("1001", at(DAY, 11), 59)]),
        "minuteStepsNarrow": minutes_csv("minute_steps", minutes),
    }
    home.load(*(write(folder, f"{name}_merged.csv", text) for name, text in files.items()))
    first = home.run(["staging.daily_steps"], DAY, NEXT)
    home.run(["staging.daily_activity"], DAY, NEXT)
    after = latest(home, "staging.daily_steps")
    names = ("staging.daily_calories", "staging.daily_intensity", "staging.steps")
    last = home.run(names, DAY, NEXT)
    return {
        "steps alone": checks_of(first, "staging.daily_steps")[DAILY],
        "steps after the summary": after,
        "calories": checks_of(last, names[0])[DAILY],
        "intensity": checks_of(last, names[1])[DAILY],
        "minutes": checks_of(last, names[2])[RESOLUTIONS],
    }


def numbers(check: Any) -> tuple:
    """Compared, different, the largest difference."""
    return tuple(check.metadata[n].value for n in ("compared", "different", "largest_difference"))


def test_before_the_summary_is_there_the_check_passes_and_says_so(story: dict[str, Any]):
    check = story["steps alone"]
    assert (check.passed, check.severity) == (True, dg.AssetCheckSeverity.WARN)
    assert check.description == "nothing to compare: there is only one account"
    assert numbers(check) == (0, 0, 0)


def test_the_summary_that_comes_later_is_held_against_what_was_there(story: dict[str, Any]):
    """The run of the summary itself tells it: the run of the daily steps is over."""
    check = story["steps after the summary"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.description == "1 of 5 differ, by up to 7"
    assert numbers(check) == (5, 1, 7)
    (row,) = check.metadata["differences"].records
    assert row.data == {
        "participant": "1002",
        "at": "2016-04-06 00:00:00",
        "what": "steps",
        "here": 5007,
        "there": 5000,
    }


def test_daily_totals_that_agree_and_minutes_that_do_not(story: dict[str, Any]):
    assert story["calories"].passed
    assert story["calories"].description == "6 compared, none differs"
    check = story["intensity"]
    assert not check.passed
    assert numbers(check) == (24, 2, 10)
    assert [r.data["what"] for r in check.metadata["differences"].records] == ["lightly_active_min", "sedentary_min"]


def test_minutes_and_hours_that_differ_are_a_warning_on_the_stream(story: dict[str, Any]):
    """60 minutes of one step: the first hour says 60, the second 59."""
    check = story["minutes"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert numbers(check) == (2, 1, 1)
    assert check.metadata["tolerance"].value == pytest.approx(0, abs=1e-5)
