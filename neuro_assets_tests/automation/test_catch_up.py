"""The safety net: when it requests what stays stale, and how it backs off."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest

from neuro_assets.automation.build import build_automation
from neuro_assets.automation.catch_up import Net, NetState, plan_requests
from neuro_assets.automation.ingest_job import ingest_job
from neuro_assets.automation.landing import IngestRuns, wait_left_s
from neuro_assets.automation.report import report_touched
from neuro_assets.automation.stale import StalePlan
from neuro_assets.resources.home import HomeResource
from neuro_assets_tests.automation.dagster_runs import put_run
from neuro_assets_tests.fitabase_files import steps_per_day_csv, write
from neuro_assets_tests.study_homes import RANGE, StudyHome

PLAN = StalePlan({"staging.a": ["2016-03-12", "2016-03-13"], "baselines.b": ["2016-03-13", "2016-04-01"]}, ["m.p"])
STALE, BUSY, FINE = Net(False, False, PLAN), Net(False, True, StalePlan()), Net(False, False, StalePlan())


class Looks:
    """A safety net that looks again and again."""

    def __init__(self) -> None:
        self.state = NetState()

    def look(self, net: Net, now: float) -> list[dg.RunRequest]:
        """A look; the state is remembered the way the sensor does it."""
        requests, state = plan_requests(net, self.state, now)
        self.state = NetState(**json.loads(json.dumps(asdict(state))))
        return requests


def test_automation_has_the_first_word():
    net = Looks()
    assert net.look(STALE, 0) == []
    requests = net.look(STALE, 30)
    assert [
        (r.tags[RANGE[0]], r.tags[RANGE[1]], sorted(".".join(k.path) for k in r.asset_selection or []))
        for r in requests
    ] == [
        ("2016-03-12", "2016-03-13", ["baselines.b", "staging.a"]),
        ("2016-04-01", "2016-04-01", ["baselines.b"]),
    ]


def test_unpartitioned_assets_come_when_no_day_is_stale_any_more():
    net = Looks()
    only_whole = Net(False, False, StalePlan({}, ["m.p", "m.q"]))
    assert net.look(only_whole, 0) == []
    (request,) = net.look(only_whole, 30)
    assert [".".join(k.path) for k in request.asset_selection or []] == ["m.p", "m.q"]
    assert RANGE[0] not in request.tags


def test_what_changes_between_two_looks_is_left_to_automation():
    net = Looks()
    for n in range(5):
        assert net.look(Net(False, False, StalePlan({"staging.a": [f"2016-03-1{n}"]})), 30 * n) == []


@pytest.mark.parametrize("quiet", [BUSY, FINE])
def test_nothing_is_requested_while_something_runs_or_all_is_current(quiet: Net):
    net = Looks()
    net.look(STALE, 0)
    assert net.look(quiet, 30) == []
    assert net.look(STALE, 60) == []


def request_times(looks: list[tuple[float, Net]]) -> list[float]:
    net = Looks()
    return [now for now, seen in looks if net.look(seen, now)]


def test_a_plan_that_does_not_get_better_is_requested_ever_more_rarely():
    """After 1, 2, 4, 8 minutes, counted from the last request; looked at every 30 s."""
    times = request_times([(now, STALE) for now in range(0, 3600, 30)])
    assert times[:5] == [30, 90, 210, 450, 930]


def test_at_most_an_hour_lies_between_two_requests():
    times = request_times([(now, STALE) for now in range(0, 40 * 3600, 30)])
    waits = [b - a for a, b in pairwise(times)]
    assert max(waits) == 3600
    assert waits[-1] == 3600


def test_it_backs_off_although_each_failing_run_is_seen_under_way():
    """The requested run is seen running for a minute and fails: that is no progress. The third wait is 4 minutes."""
    net = Looks()
    times: list[float] = []
    for now in range(0, 3600, 30):
        under_way = bool(times) and now - times[-1] <= 60
        if net.look(BUSY if under_way else STALE, now):
            times.append(now)
    waits = [b - a for a, b in pairwise(times)]
    assert waits == sorted(waits)
    assert waits[2] >= 240


def test_progress_starts_the_count_anew():
    net = Looks()
    for now in range(0, 1000, 30):
        net.look(STALE, now)
    assert net.look(FINE, 1000) == []
    assert net.look(STALE, 1030) == []
    assert net.look(STALE, 1060) != []


@pytest.mark.parametrize(
    ("failures", "ago", "left"),
    [(0, 0, 0), (1, 0, 10), (1, 4, 6), (1, 11, 0), (2, 0, 20), (3, 5, 35), (7, 0, 640), (8, 0, 900), (30, 0, 900)],
)
def test_a_failed_ingest_waits(failures: int, ago: float, left: float):
    """10 s, doubling, at most 15 minutes after the last failure."""
    assert wait_left_s(IngestRuns(False, failures, 1_000.0), 1_000.0 + ago) == left


def test_without_a_failure_nothing_waits():
    assert wait_left_s(IngestRuns(False, 0, None), time.time()) == 0


@pytest.fixture
def looks(make_home: Callable[..., StudyHome]) -> tuple[StudyHome, Callable[[], list[dg.RunRequest]]]:
    """A home, and its sensors that look for what should have happened, with their cursors kept."""
    home = make_home()
    others = {"landing", "automation"}
    sensors = [
        s
        for s in build_automation(home.settings, home.job.study).sensors
        if s.name not in others and not isinstance(s, dg.RunStatusSensorDefinition)
    ]
    repository = home.definitions.get_repository_def()
    cursors: dict[str, str | None] = {}

    def look() -> list[dg.RunRequest]:
        found: list[dg.RunRequest] = []
        for sensor in sensors:
            context = dg.build_sensor_context(
                home.instance,
                cursors.get(sensor.name),
                repository_def=repository,
                resources={"home": HomeResource.of(home.settings)},
            )
            data = sensor.evaluate_tick(context)
            cursors[sensor.name] = data.cursor
            # A request without a job of its own runs the one its sensor targets.
            found += [
                r if r.job_name else r.with_replaced_attrs(job_name=sensor.job_name) for r in data.run_requests or []
            ]
        return found

    return home, look


def test_the_sensor_finds_what_was_never_reported_then_what_was_never_run(
    looks: tuple[StudyHome, Callable[[], list[dg.RunRequest]]], tmp_path: Path
):
    """A load whose report was lost; once reported, its two days stay stale; a run under way silences the net."""
    home, look = looks
    assert look() == []
    home.load(write(tmp_path, "a.csv", steps_per_day_csv([("1001", "4/1/2016", 1), ("1001", "4/2/2016", 2)])))
    (request,) = look()
    assert request.job_name == ingest_job.name
    assert report_touched(home.job, home.instance.report_runless_asset_event) == 2
    assert look() == []
    run = put_run(home.instance, dg.DagsterRunStatus.STARTED, "other")
    assert look() == []
    home.instance.report_run_canceled(run)
    assert look() == []
    (request,) = look()
    assert (request.tags[RANGE[0]], request.tags[RANGE[1]]) == ("2016-04-01", "2016-04-02")
    assert sorted(".".join(k.path) for k in request.asset_selection or []) == [
        "baselines.daily_user_summary",
        "baselines.stg_daily_activity",
        "baselines.user_daily_activity",
        "staging.daily_activity",
    ]
