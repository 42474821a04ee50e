"""Days as partitions."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_assets.partitions import DayRange, contiguous, daily_partitions, range_of
from neuro_assets.study import Window
from neuro_assets_tests.conftest import study_of

DAYS = st.lists(st.dates(date(2016, 2, 20), date(2016, 4, 10)), max_size=60)


def keys(start: date, end: date | None, now: datetime) -> list[str]:
    partitions = daily_partitions(study_of(window=Window(start=start, end=end)))
    with dg.partition_loading_context(effective_dt=now):
        return list(partitions.get_partition_keys())


def test_both_ends_of_a_past_window_are_partitions_and_nothing_beyond():
    found = keys(date(2016, 3, 12), date(2016, 5, 13), datetime(2020, 1, 1, tzinfo=UTC))
    assert (found[0], found[-1], len(found)) == ("2016-03-12", "2016-05-13", 63)


@pytest.mark.parametrize("hour", [0, 12, 23])
def test_an_open_window_has_today_and_tomorrow_at_any_hour(hour: int):
    found = keys(date(2024, 2, 27), None, datetime(2024, 2, 28, hour, 59, tzinfo=UTC))
    assert found == ["2024-02-27", "2024-02-28", "2024-02-29"]


@pytest.mark.parametrize(
    ("end", "last"),
    [
        (date(2024, 2, 27), "2024-02-27"),
        (date(2024, 2, 28), "2024-02-28"),
        (date(2024, 2, 29), "2024-02-29"),
        (date(2024, 3, 5), "2024-02-29"),
    ],
)
def test_a_window_that_ends_soon_never_goes_beyond_its_end_nor_beyond_tomorrow(end: date, last: str):
    assert keys(date(2024, 2, 20), end, datetime(2024, 2, 28, 6, tzinfo=UTC))[-1] == last


def test_the_last_partition_is_the_last_day_that_the_ingest_accepts():
    """The window by which rows are placed and the partitions by which they are staged are the same days."""
    window = Window(start=date(2024, 2, 20))
    today = datetime(2024, 2, 28, 23, 59, tzinfo=UTC)
    assert keys(window.start, None, today)[-1] == str(window.closed(today.date()).end)


def test_a_one_day_window_is_one_partition():
    assert keys(date(2016, 3, 12), date(2016, 3, 12), datetime(2020, 1, 1, tzinfo=UTC)) == ["2016-03-12"]


def test_contiguous_by_hand():
    days = [date(2016, 3, 1), date(2016, 2, 28), date(2016, 2, 29), date(2016, 3, 5), date(2016, 3, 5)]
    assert contiguous(days) == [
        DayRange(date(2016, 2, 28), date(2016, 3, 1)),
        DayRange(date(2016, 3, 5), date(2016, 3, 5)),
    ]
    assert contiguous([]) == []
    assert str(contiguous(days)[0]) == "2016-02-28...2016-03-01"


@given(DAYS)
def test_contiguous_ranges_hold_exactly_the_days_and_are_the_fewest(days: list[date]):
    found = contiguous(days)
    assert [d for span in found for d in span.days] == sorted(set(days))
    assert all(later.start - earlier.end > timedelta(1) for earlier, later in pairwise(found))


def test_a_step_sees_every_day_of_its_range():
    seen: list[DayRange] = []

    @dg.asset(
        partitions_def=daily_partitions(study_of()),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def probe(context: dg.AssetExecutionContext) -> None:
        seen.append(range_of(context))

    tags = {
        "dagster/asset_partition_range_start": "2016-03-30",
        "dagster/asset_partition_range_end": "2016-04-02",
    }
    assert dg.materialize([probe], tags=tags).success
    assert dg.materialize([probe], partition_key="2016-03-13").success
    assert seen == [
        DayRange(date(2016, 3, 30), date(2016, 4, 2)),
        DayRange(date(2016, 3, 13), date(2016, 3, 13)),
    ]
    assert [str(d) for d in seen[0].days] == ["2016-03-30", "2016-03-31", "2016-04-01", "2016-04-02"]
