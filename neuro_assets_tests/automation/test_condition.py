"""`on_touched_days` on the real graph and an ephemeral instance: what is requested, tick by tick."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from neuro_assets.keys import key_of_name
from neuro_assets_tests.automation.dagster_runs import put_run_under_way

NOON = datetime(2016, 4, 20, 12, tzinfo=UTC)
ACTIVITY, SLEEP = "raw.fitabase_daily_activity", "raw.fitabase_sleep_day"
BY_DAY = ("staging.daily_activity", *(f"baselines.{n}" for n in ("stg_daily_activity", "user_daily_activity")))
SUMMARY = "baselines.daily_user_summary"
BY_PERSON = tuple(
    f"baselines.{n}" for n in ("user_baseline_activity", "user_activity_deviation", "user_engagement_trend")
)
NIGHTS = ("features.sleep", "features.sleep_trailing", "features.sleep_regularity")
OF_ALL_FEATURES = ("features.catalog", "analytics.population_summary", "analytics.change_point")
Requests = dict[str, set[str | None]]


class Ticker:
    """An instance and the daemon's cursor between ticks."""

    def __init__(self, graph: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self.graph, self.instance, self.cursor, self.now = graph, instance, None, NOON
        self.names = [".".join(k.path) for k in graph.resolve_asset_graph().materializable_asset_keys]
        assert self.tick() == {}

    def tick(self, later: timedelta = timedelta(seconds=5)) -> Requests:
        """What this tick requests: asset -> days (None for an unpartitioned asset)."""
        self.now += later
        result: Any = dg.evaluate_automation_conditions(
            self.graph, self.instance, cursor=self.cursor, evaluation_time=self.now
        )
        self.cursor = result.cursor
        found = {name: set(result.get_requested_partitions(key_of_name(name))) for name in self.names}
        return {name: days for name, days in found.items() if days}

    def touch(self, name: str, *days: str | None) -> None:
        """Something new in these days, told by an event."""
        for day in days:
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key_of_name(name), partition=day))

    def do(self, requests: Requests) -> None:
        """Carry out what was requested, upstream first."""
        order = [*BY_DAY, "staging.daily_sleep", "baselines.stg_sleep", SUMMARY, *BY_PERSON, *NIGHTS, *OF_ALL_FEATURES]
        assert set(requests) <= set(order)
        for name in order:
            self.touch(name, *sorted(requests.get(name, ()), key=str))

    def settle(self) -> Requests:
        """Tick and do until nothing is requested; returns everything that was, each asset and day once."""
        done: Requests = {}
        for _ in range(6):
            asked = self.tick()
            if not asked:
                return done
            for name, days in asked.items():
                assert not days & done.get(name, set()), f"{name} was requested twice for {days}"
                done.setdefault(name, set()).update(days)
            self.do(asked)
        raise AssertionError("it never settles")


@pytest.fixture
def ticker(graph: dg.Definitions, new_instance: Callable[[], dg.DagsterInstance]) -> Ticker:
    return Ticker(graph, new_instance())


def on(names: Iterable[str], *days: str | None) -> Requests:
    return {name: set(days) for name in names}


def test_old_touched_days_are_requested_and_no_others(ticker: Ticker):
    """Weeks before the latest window, and with one of the summary's two streams missing."""
    days = ("2016-03-13", "2016-03-14", "2016-04-01")
    ticker.touch(ACTIVITY, *days)
    assert ticker.settle() == on((*BY_DAY, SUMMARY), *days) | on(BY_PERSON, None)


@pytest.mark.verify
def test_nothing_new_requests_nothing_at_a_later_tick_nor_after_midnight(ticker: Ticker):
    """Midnight brings a new partition; it has nothing new."""
    ticker.touch(ACTIVITY, "2016-04-19")
    ticker.settle()
    assert ticker.tick(timedelta(minutes=1)) == {}
    assert ticker.tick(timedelta(hours=13)) == {}
    assert ticker.tick(timedelta(days=3)) == {}


def test_a_day_touched_again_is_requested_again(ticker: Ticker):
    ticker.touch(ACTIVITY, "2016-04-19")
    ticker.settle()
    ticker.touch(ACTIVITY, "2016-04-19")
    assert ticker.settle() == on((*BY_DAY, SUMMARY), "2016-04-19") | on(BY_PERSON, None)


@pytest.mark.verify
def test_the_other_stream_of_the_day_runs_what_depends_on_it_alone(ticker: Ticker):
    ticker.touch(ACTIVITY, "2016-04-19")
    ticker.settle()
    ticker.touch(SLEEP, "2016-04-19")
    names = ("staging.daily_sleep", "baselines.stg_sleep", SUMMARY, *NIGHTS)
    assert ticker.settle() == on(names, "2016-04-19") | on(OF_ALL_FEATURES, None)


@pytest.mark.verify
def test_a_day_under_way_is_not_requested_beside_itself_but_afterwards(ticker: Ticker):
    """The day is touched while it is being staged: it waits, other days do not; then it runs, once."""
    run = put_run_under_way(ticker.instance, ["staging.daily_activity"], "2016-04-18")
    ticker.touch(ACTIVITY, "2016-04-18", "2016-04-19")
    asked = ticker.tick()
    assert asked["staging.daily_activity"] == {"2016-04-19"}
    assert "2016-04-18" not in asked.get(SUMMARY, set())
    ticker.do(asked)
    assert "2016-04-18" not in {d for days in ticker.tick().values() for d in days}
    ticker.instance.report_run_failed(run)
    assert ticker.tick()["staging.daily_activity"] == {"2016-04-18"}


@pytest.mark.verify
def test_a_failed_day_is_not_requested_over_and_over(ticker: Ticker):
    ticker.touch(ACTIVITY, "2016-04-18")
    assert ticker.tick()["staging.daily_activity"] == {"2016-04-18"}
    ticker.instance.report_run_failed(put_run_under_way(ticker.instance, ["staging.daily_activity"], "2016-04-18"))
    for _ in range(3):
        assert "staging.daily_activity" not in ticker.tick()
