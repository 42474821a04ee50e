"""What does not show on a usual day: clocks of half hours, days of 23 hours beside a day, and who goes by the hour."""

from datetime import date, datetime, timedelta

import pytest

from neuro_assets.imputation.resolutions import resolutions_of
from neuro_assets.science.imputation.series import HOUR, MINUTE
from neuro_assets.series.grid import read_grids
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.imputation.conftest import MakePlanted, Planted, moment, walk
from neuro_assets_tests.series.conftest import ONE_DAY

HOWE = "Australia/Lord_Howe"


@pytest.mark.parametrize(
    ("day", "minutes", "around"),
    [
        # At 02:00 it is 02:30.
        (date(2019, 10, 6), 1410, [(119, 1, 59, 0), (120, 2, 30, 0), (149, 2, 59, 0), (150, 3, 0, 0)]),
        # At 02:00 it is 01:30 once more.
        (date(2020, 4, 5), 1470, [(119, 1, 59, 0), (120, 1, 30, 1), (149, 1, 59, 1), (150, 2, 0, 0)]),
    ],
)
def test_a_clock_that_changes_by_half_an_hour(make_planted: MakePlanted, day: date, minutes: int, around: list[tuple]):
    """The minute of the day -> hour, minute and fold of the clock."""
    study = make_planted(window={"start": day, "end": day}, default_time_zone=HOWE).job.study
    connection = make_planted().connection
    (grid,) = read_grids(connection, study, stream("steps"), MINUTE, ["a"], day, day)
    assert len(grid.cells.start_min) == minutes
    clock = [(n, *divmod(int(grid.cells.minute[n]), 60), int(grid.cells.fold[n])) for n, *_ in around]
    assert clock == around


def asked_of(study: Planted, who: str, days: list[date]) -> None:
    """Hours of coverage, which ask for the days."""
    study.write(
        *(
            f"""
            INSERT INTO coverage.hourly BY NAME
            SELECT '{who}' AS participant_id, DATE '{day}' AS day, 'steps' AS stream,
                0 AS hour, 0 AS fold, TIMESTAMPTZ '{day} 00:00:00+00' AS ts, 60 AS length_min, 60 AS expected_min,
                0 AS observed_min, 0 AS valid_min, 60 AS missing_min
            """
            for day in days
        )
    )


def seen(study: Planted, who: str, day: date, finest: str) -> None:
    """Something is there."""
    study.write(
        f"""
        INSERT INTO imputed.series_1d BY NAME SELECT '{who}' AS participant_id, DATE '{day}' AS day, 'steps' AS stream,
            1440 AS length_min, 1 AS n, 5 AS total, 5 AS mean, 5 AS min, 5 AS max, 5 AS first_value, 5 AS last_value,
            '{finest}' AS finest
        """
    )


@pytest.mark.verify
def test_a_day_goes_by_the_same_resolution_whatever_days_are_made_with_it(make_planted: MakePlanted):
    """`a` had hours on the first day and nothing for forty days; most others have minutes."""
    study = make_planted(window={"start": "2019-10-01", "end": "2019-12-31"})
    first, last = date(2019, 10, 1), date(2019, 11, 10)
    days = [first + n * ONE_DAY for n in range(41)]
    asked_of(study, "a", days)
    seen(study, "a", first, "1h")
    for n in (0, 10, 20, 30, 40):
        seen(study, "b", days[n], "1m")

    def told(since: date, until: date) -> dict[date, set[str]]:
        found, _ = resolutions_of(study.connection, stream("steps"), since, until)
        return {day: {r for r, of in found.items() if "a" in of.get(day, ())} for day in days}

    at_once = told(first, last)
    alone = {day: told(day, day)[day] for day in days}
    assert alone[first] == alone[first + timedelta(35)] == {"1h"}
    assert alone[last] == {"1m"}
    assert at_once == alone


@pytest.mark.verify
def test_a_day_after_one_of_23_hours_is_the_same_alone_and_with_others(make_planted: MakePlanted):
    """New York, 2016-03-13, calories by the hour; on Monday and Tuesday two hours are missing."""
    thu, tue = date(2016, 3, 10), date(2016, 3, 15)
    study = make_planted(
        window={"start": thu, "end": tue}, default_time_zone="America/New_York", expected_streams=("calories",),
        imputation={"mode": "past_only"},
    )  # fmt: skip
    sunday = datetime(2016, 3, 13)
    # An average of days that differ: what is seen two days before counts.
    days = [[v * (1 + n % 3) for v in walk(40 + n, 24)] for n in range(6)]
    for n, values in enumerate(days):
        begin = moment(thu) + n * ONE_DAY
        offset = -300 if begin <= sunday else -240
        if begin == sunday:
            study.put("calories", "a", begin, values[:2], period_s=3600, offset_min=-300)
            study.put("calories", "a", begin + timedelta(hours=3), values[3:], period_s=3600, offset_min=-240)
        elif begin > sunday:
            study.put("calories", "a", begin, values[:1], period_s=3600, offset_min=offset)
            study.put("calories", "a", begin + timedelta(hours=3), values[3:], period_s=3600, offset_min=offset)
        else:
            study.put("calories", "a", begin, values, period_s=3600, offset_min=offset)
    study.everything(thu, tue)
    expected = study.imputed()
    assert study.rows("SELECT day, count(*) FROM imputed.calories_1h WHERE is_imputed GROUP BY 1 ORDER BY 1") == [
        (tue - ONE_DAY, 2), (tue, 2),
    ]  # fmt: skip
    for day in (tue, tue - ONE_DAY):
        study.impute(day)
    assert study.imputed() == expected


def test_an_hour_of_the_grid_of_a_day_of_23_hours_sees_two_days_back(make_planted: MakePlanted):
    """What decides a day is as much as the context says, whatever days are read with it."""
    day = date(2016, 3, 14)
    study = make_planted(default_time_zone="America/New_York")
    reach = -(-HOUR.context_min // 1440)
    (grid,) = read_grids(study.connection, study.job.study, stream("steps"), HOUR, ["a"], day - reach * ONE_DAY, day)
    assert grid.cells.of_day(day).start == 47
    assert HOUR.context == 48
