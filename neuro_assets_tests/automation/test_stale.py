"""What is out of date, from storage ids alone."""

from datetime import date

import pytest

from neuro_assets.automation.stale import WHOLE, AssetState, StalePlan, plan_stale
from neuro_assets.partitions import DayRange

A, B, C = "2016-03-12", "2016-03-13", "2016-03-20"


def source(**latest: int) -> AssetState:
    return AssetState("raw.a", (), True, days(latest), is_source=True)


def by_day(name: str, *upstream: str, **latest: int) -> AssetState:
    return AssetState(name, upstream, True, days(latest))


def whole(name: str, *upstream: str, at: int | None = None) -> AssetState:
    return AssetState(name, upstream, False, {} if at is None else {WHOLE: at})


def days(latest: dict[str, int]) -> dict[str, int]:
    return {{"a": A, "b": B, "c": C}[k]: v for k, v in latest.items()}


@pytest.mark.parametrize(
    ("raw", "staged", "stale"),
    [
        ({"a": 5}, {}, [A]),
        ({"a": 5}, {"a": 4}, [A]),
        ({"a": 5}, {"a": 6}, []),
        ({"a": 5, "b": 9, "c": 1}, {"a": 6, "b": 8}, [B, C]),
        ({}, {"a": 6}, []),
    ],
)
def test_a_day_is_stale_when_its_source_is_newer(raw: dict, staged: dict, stale: list[str]):
    plan = plan_stale([source(**raw), by_day("staging.a", "raw.a", **staged)])
    assert plan == StalePlan({"staging.a": stale} if stale else {}, [])


def test_a_source_itself_is_never_stale():
    """Not even one with something upstream: files come from outside."""
    states = [by_day("x.a", a=9), AssetState("raw.a", ("x.a",), True, days({"a": 1}), is_source=True)]
    assert plan_stale(states).is_empty


def test_a_stale_day_makes_everything_below_it_stale_that_day_only():
    states = [
        source(a=7, b=1),
        by_day("s", "raw.a", a=2, b=2),
        by_day("t", "s", a=8, b=8),
        whole("p", "t", at=20),
        whole("q", "p", at=30),
    ]
    assert plan_stale(states) == StalePlan({"s": [A], "t": [A]}, ["p", "q"])


def test_a_diamond_with_one_arm_behind():
    """left was redone after the source, right was not: right and what joins them are stale, left is not."""
    states = [
        source(a=5),
        by_day("left", "raw.a", a=6),
        by_day("right", "raw.a", a=4),
        by_day("join", "left", "right", a=9),
    ]
    assert plan_stale(states) == StalePlan({"right": [A], "join": [A]}, [])


def test_a_diamond_that_is_current_but_joined_before_one_arm():
    states = [
        source(a=1),
        by_day("left", "raw.a", a=2),
        by_day("right", "raw.a", a=8),
        by_day("join", "left", "right", a=7),
    ]
    assert plan_stale(states) == StalePlan({"join": [A]}, [])


@pytest.mark.parametrize(("at", "stale"), [(None, ["p"]), (8, ["p"]), (10, [])])
def test_an_unpartitioned_asset_follows_the_newest_day_below_which_it_lies(at: int | None, stale: list[str]):
    states = [source(a=1, b=2), by_day("s", "raw.a", a=3, b=9), whole("p", "s", at=at)]
    assert plan_stale(states) == StalePlan({}, stale)


def test_an_unpartitioned_asset_below_nothing_at_all_waits():
    assert plan_stale([source(), by_day("s", "raw.a"), whole("p", "s")]).is_empty


def test_ranges_are_contiguous_days_with_the_assets_stale_on_any_of_them():
    plan = StalePlan({"s": [A, B, C], "t": [B], "u": [C]})
    assert plan.ranges() == [
        (DayRange(date(2016, 3, 12), date(2016, 3, 13)), ["s", "t"]),
        (DayRange(date(2016, 3, 20), date(2016, 3, 20)), ["s", "u"]),
    ]
