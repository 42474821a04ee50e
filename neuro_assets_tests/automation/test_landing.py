"""The landing sensor: two looks, one request, patience after failures."""

import os
import time
from collections.abc import Callable

import dagster as dg
import pytest

from neuro_assets.automation.landing import IngestRuns, build_landing_sensor, ingest_runs, wait_left_s
from neuro_assets.settings import Settings
from neuro_assets_tests.automation.dagster_runs import put_failed_run, put_run
from neuro_assets_tests.fitabase_files import write


class Sensor:
    """The sensor of a home between its looks."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.settings, self.instance, self.cursor = settings, instance, None
        self.sensor, self.told = build_landing_sensor(settings), ""

    def drop(self, name: str, text: str = "x", seconds_ago: float = 60) -> None:
        path = write(self.settings.landing, name, text)
        at = time.time() - seconds_ago
        os.utime(path, (at, at))

    def look(self) -> list[list[str]]:
        """The names each requested run is given."""
        data = self.sensor.evaluate_tick(dg.build_sensor_context(self.instance, self.cursor))
        self.told = data.skip_message or ""
        # As the daemon does it: a skipped tick without a new cursor keeps the old one.
        self.cursor = data.cursor if data.cursor is not None else self.cursor
        return [r.run_config["ops"]["ingest_files"]["config"]["names"] for r in data.run_requests or []]


@pytest.fixture
def landing(home: Settings, new_instance: Callable[[], dg.DagsterInstance]) -> Sensor:
    return Sensor(home, new_instance())


def test_the_first_look_waits_and_the_second_asks_for_one_run_with_the_names(landing: Sensor):
    landing.drop("b.csv", seconds_ago=60)
    landing.drop("person 1/a.csv", seconds_ago=120)
    assert landing.look() == []
    assert landing.told == "2 files are still settling"
    assert landing.look() == [["person 1/a.csv", "b.csv"]]


def test_a_file_still_being_written_waits_and_does_not_hold_up_the_others(landing: Sensor):
    landing.drop("done.csv")
    landing.drop("growing.csv", "x")
    landing.look()
    landing.drop("growing.csv", "xx", seconds_ago=0)
    assert landing.look() == [["done.csv"]]
    (landing.settings.landing / "done.csv").unlink()
    landing.drop("growing.csv", "xx", seconds_ago=60)
    assert landing.look() == []
    assert landing.look() == [["growing.csv"]]


def test_unfinished_downloads_and_hidden_files_are_no_files(landing: Sensor):
    for name in ("a.csv.part", "b.csv.crdownload", "c.TMP", ".d.csv"):
        landing.drop(name)
    assert [landing.look(), landing.look()] == [[], []]
    assert landing.told == "landing/ is empty"
    landing.drop("a.csv")
    landing.look()
    assert landing.look() == [["a.csv"]]


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
def test_nothing_is_asked_for_while_an_ingest_is_under_way(landing: Sensor, status: dg.DagsterRunStatus):
    landing.drop("a.csv")
    landing.look()
    run = put_run(landing.instance, status)
    assert landing.look() == []
    assert landing.told == "an ingest is under way"
    landing.instance.report_run_canceled(run)
    assert landing.look() == [["a.csv"]]


def test_runs_of_other_jobs_are_no_reason_to_wait(landing: Sensor):
    landing.drop("a.csv")
    landing.look()
    put_run(landing.instance, dg.DagsterRunStatus.STARTED, "maintenance")
    put_failed_run(landing.instance, "maintenance")
    assert landing.look() == [["a.csv"]]


def test_a_failing_ingest_backs_off_and_a_good_one_ends_that(landing: Sensor):
    """After two failures in a row the next try comes 20 s after the last."""
    landing.drop("a.csv")
    landing.look()
    for _ in range(2):
        put_failed_run(landing.instance)
    assert landing.look() == []
    assert landing.told.startswith("the last ingest failed 2 times; next try in ")
    assert 0 < int(landing.told.split()[-2]) <= 20
    assert ingest_runs(landing.instance).failures == 2
    put_run(landing.instance, dg.DagsterRunStatus.SUCCESS)
    assert landing.look() == [["a.csv"]]


def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(landing: Sensor):
    """Whether missing rights or a lost mount: the tick fails, and what was seen before is not forgotten."""
    landing.drop("a.csv")
    landing.look()
    cursor = landing.cursor
    broken = landing.settings.landing / "sub"
    broken.mkdir()
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        with pytest.raises(PermissionError):
            landing.look()
    assert landing.cursor == cursor
    assert landing.look() == [["a.csv"]]


def test_a_failure_later_than_now_is_not_waited_for():
    """The clock was set back since; before that the same failure is waited for."""
    assert wait_left_s(IngestRuns(False, 3, 1_000.0), now=1_010.0) == 30.0
    assert wait_left_s(IngestRuns(False, 3, 4_600.0), now=1_000.0) == 0.0
