"""The resolution that fits a range, and what is said where the stream has none so fine."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from neuro_assets.series.read import SeriesError, read_series, resolution_for
from neuro_assets_tests.series.conftest import ONE_DAY, Planted, at, minutes

DAY = date(2019, 11, 5)


@pytest.mark.parametrize(("days", "told"), [(1, "1m"), (8, "1m"), (9, "1h"), (200, "1h"), (201, "1d"), (5000, "1d")])
def test_the_longer_the_range_the_coarser(days: int, told: str):
    assert resolution_for(days) == told


@pytest.fixture
def study(planted) -> Planted:
    """`a` has minutes on two days, `b` hours on the second of them, `c` two hours in one row."""
    it: Planted = planted()
    it.put("steps", "a", at(5), minutes([1.0], 48))
    it.put("steps", "b", at(6), [60.0] * 24, period_s=3600)
    it.put("steps", "b", at(5), minutes([1.0], 24))
    it.put("steps", "c", at(5, 8), [500.0], period_s=7200)
    it.roll_up(DAY, DAY + ONE_DAY)
    return it


def test_a_range_is_read_at_its_resolution(study: Planted):
    day = read_series(study.connection, "a", "steps", DAY, DAY)
    assert (day.resolution, day.frame.height, day.note, day.rows_left_out) == ("1m", 1440, "", 0)
    assert day.frame["ts"].is_sorted()
    assert day.frame["day"].unique().to_list() == [DAY]
    month = read_series(study.connection, "a", "steps", DAY - timedelta(days=20), DAY + timedelta(days=20))
    assert (month.resolution, month.frame.height, month.frame["total"].sum()) == ("1h", 48, 2880)
    year = read_series(study.connection, "a", "steps", DAY - timedelta(days=300), DAY + timedelta(days=20))
    assert (year.resolution, year.frame["n"].to_list()) == ("1d", [1440, 1440])


@pytest.mark.parametrize("days", [89, 90, 91, 400])
def test_a_range_of_any_length_holds_its_days_and_no_others(study: Planted, days: int):
    length = timedelta(days=days - 1)
    for since, until, expected in (
        (DAY - length, DAY, [DAY]),
        (DAY + ONE_DAY, DAY + ONE_DAY + length, [DAY + ONE_DAY]),
        (DAY, DAY + length, [DAY, DAY + ONE_DAY]),
    ):
        assert read_series(study.connection, "a", "steps", since, until, "1d").frame["day"].to_list() == expected


def test_what_has_no_minutes_is_shown_by_the_hour_and_that_is_said(study: Planted):
    found = read_series(study.connection, "b", "steps", DAY, DAY + ONE_DAY)
    assert (found.resolution, found.frame.height) == ("1h", 48)
    assert found.note == "24 of 1,464 rows stand for longer than a minute; shown by the hour"
    found = read_series(study.connection, "c", "steps", DAY, DAY)
    assert (found.resolution, found.frame["total"].to_list()) == ("1d", [500])
    assert found.note.endswith("1 of 1 rows stand for longer than an hour; shown by the day")


def test_a_resolution_that_is_named_is_taken_and_what_it_lacks_is_said(study: Planted):
    found = read_series(study.connection, "b", "steps", DAY, DAY + ONE_DAY, "1m")
    assert (found.resolution, found.frame.height, found.rows_left_out) == ("1m", 1440, 24)
    assert found.note == "24 of 1,464 rows stand for longer than a minute and are left out"
    assert read_series(study.connection, "a", "steps", DAY, DAY, "1d").frame.height == 1


def test_who_has_nothing_has_an_empty_frame(study: Planted):
    found = read_series(study.connection, "nobody", "steps", DAY, DAY)
    assert (found.frame.height, found.note) == (0, "")


def test_only_the_files_of_the_range_are_read(study: Planted):
    """The files of another day are out of reach: who reads them fails."""
    for table in ("series_1m", "series_1h"):
        files = study.rows(f"SELECT DISTINCT filename FROM imputed.{table} WHERE day = ?", DAY + ONE_DAY)
        assert files
        for (file,) in files:
            Path(file).unlink()
    assert read_series(study.connection, "a", "steps", DAY, DAY).frame.height == 1440
    assert read_series(study.connection, "a", "steps", DAY, DAY, "1h").frame.height == 24


def test_what_cannot_be_read_is_told_with_the_remedy(study: Planted, planted):
    def refused(*given: object) -> str:
        with pytest.raises(SeriesError) as told:
            read_series(study.connection, "a", *given)  # type: ignore[arg-type]
        return str(told.value)

    assert "there are of heart_rate, steps" in refused("weight", DAY, DAY)
    assert "give the earlier day first" in refused("steps", DAY + ONE_DAY, DAY)
    with pytest.raises(SeriesError, match="`neuro run` writes them"):
        read_series(planted().connection, "a", "steps", DAY, DAY)
