"""Runs whose process is gone, and finished runs in `ops.pipeline_runs`."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from neuro_assets.automation.run_records import record_runs
from neuro_assets.automation.runs import (
    HOST_TAG,
    PID_TAG,
    HostRunLauncher,
    consecutive_failures,
    fail_orphans,
    is_alive,
    is_shared,
    process_tag,
)
from neuro_assets_tests.automation.dagster_runs import put_failed_run, put_run
from neuro_assets_tests.study_homes import QUIET, StudyHome

STARTED = dg.DagsterRunStatus.STARTED
LONG_AGO = 946_684_800.0  # 1 January 2000: before any process of this machine


@pytest.fixture
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_this_process_is_alive():
    assert is_alive(os.getpid(), time.time())


def test_an_ended_process_is_not(dead_pid: int):
    assert not is_alive(dead_pid, time.time())


def test_a_number_that_another_process_bears_now_is_not_the_process_of_then():
    assert not is_alive(os.getpid(), LONG_AGO)


def test_a_process_nobody_has_waited_for_is_not_alive():
    """A killed run launcher's child stays in the table until its parent looks."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    for _ in range(200):
        if "\nState:\tZ" in Path(f"/proc/{process.pid}/status").read_text():
            break
        time.sleep(0.02)
    assert not is_alive(process.pid, time.time())
    process.wait()


def test_only_runs_of_dead_processes_of_this_machine_are_failed(
    new_instance: Callable[[], dg.DagsterInstance], dead_pid: int
):
    instance = new_instance()
    dead = {PID_TAG: f"{socket.gethostname()}:{dead_pid}"}
    gone = put_run(instance, STARTED, **dead)
    starting = put_run(instance, dg.DagsterRunStatus.STARTING, **dead)
    mine = put_run(instance, STARTED, **{PID_TAG: process_tag()})
    elsewhere = put_run(instance, STARTED, **{PID_TAG: f"another-machine:{dead_pid}"})
    just_starting = put_run(instance, dg.DagsterRunStatus.STARTING)
    planned = put_run(instance, dg.DagsterRunStatus.NOT_STARTED, **dead)
    waiting = put_run(instance, dg.DagsterRunStatus.NOT_STARTED)
    done = put_run(instance, dg.DagsterRunStatus.SUCCESS, **dead)
    assert set(fail_orphans(instance)) == {gone.run_id, starting.run_id, planned.run_id}

    def status(run: dg.DagsterRun) -> str:
        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        return found.status.value

    assert [status(r) for r in (gone, starting, mine, elsewhere, just_starting, waiting, done)] == [
        "FAILURE",
        "FAILURE",
        "STARTED",
        "STARTED",
        "STARTING",
        "NOT_STARTED",
        "SUCCESS",
    ]
    assert fail_orphans(instance) == []


def test_in_a_shared_database_only_runs_that_say_they_live_here_are_looked_at(
    new_instance: Callable[[], dg.DagsterInstance], dead_pid: int, monkeypatch: pytest.MonkeyPatch
):
    """Another machine's run has a process number that means nothing here, or somebody else."""
    instance = new_instance()
    monkeypatch.setattr("neuro_assets.automation.runs._process_of", lambda *_: (dead_pid, time.time()))
    monkeypatch.setattr("neuro_assets.automation.runs.is_shared", lambda _: True)
    monkeypatch.setattr(type(instance), "run_launcher", HostRunLauncher())
    here = put_run(instance, STARTED, **{HOST_TAG: socket.gethostname()})
    elsewhere = put_run(instance, STARTED, **{HOST_TAG: "another-machine"})
    silent = put_run(instance, STARTED)
    assert fail_orphans(instance) == [here.run_id]
    monkeypatch.setattr("neuro_assets.automation.runs.is_shared", lambda _: False)
    assert fail_orphans(instance) == [silent.run_id]
    assert elsewhere.run_id not in fail_orphans(instance)


@pytest.mark.verify
def test_a_run_that_waited_long_in_the_queue_is_given_time_to_start(
    new_instance: Callable[[], dg.DagsterInstance], monkeypatch: pytest.MonkeyPatch
):
    instance = new_instance()
    monkeypatch.setattr("neuro_assets.automation.runs._START_GRACE_S", 1.0)
    monkeypatch.setattr(type(instance), "run_launcher", HostRunLauncher())
    run = put_run(instance, dg.DagsterRunStatus.NOT_STARTED)
    time.sleep(1.5)
    starting = dg.DagsterEvent(dg.DagsterEventType.PIPELINE_STARTING.value, run.job_name)
    instance.report_dagster_event(starting, run.run_id)
    assert fail_orphans(instance) == []
    time.sleep(1.5)
    assert fail_orphans(instance) == [run.run_id]


def test_sqlite_and_memory_are_of_one_machine(new_instance: Callable[[], dg.DagsterInstance], tmp_path: Path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as on_disk:
        assert (is_shared(new_instance()), is_shared(on_disk)) == (False, False)


def test_failures_in_a_row_end_at_the_last_success(new_instance: Callable[[], dg.DagsterInstance]):
    instance = new_instance()
    assert consecutive_failures(instance, "ingest") == (0, None)
    put_failed_run(instance)
    put_run(instance, dg.DagsterRunStatus.SUCCESS)
    for _ in range(2):
        put_failed_run(instance)
    put_failed_run(instance, "another_job")
    count, last = consecutive_failures(instance, "ingest")
    assert count == 2
    assert last == pytest.approx(time.time(), abs=30)


VALUES = ("'1503960366'", '"Rosa M."', "'a'")


@dg.op
def refuse() -> None:
    raise ValueError(f"can't convert {VALUES[0]} of {VALUES[1]} (row {VALUES[2]})\nsecond line 4711")


@dg.job
def refusing() -> None:
    refuse()


@dg.op
def agree() -> None:
    return None


@dg.job
def agreeing() -> None:
    agree()


@pytest.fixture(scope="module")
def recorded(make_home: Callable[..., StudyHome]) -> tuple[StudyHome, list[str], list[int]]:
    """A good run, a failed one and a cancelled one; recorded twice, and once more after another run."""
    home = make_home()
    good = agreeing.execute_in_process(
        instance=home.instance, run_config=QUIET, tags={"dagster/partition": "2016-04-01"}
    )
    bad = refusing.execute_in_process(instance=home.instance, run_config=QUIET, raise_on_error=False)
    cancelled = put_run(home.instance, dg.DagsterRunStatus.CANCELED)
    put_run(home.instance, STARTED, "under_way")
    counts = [record_runs(home.job, home.instance) for _ in range(2)]
    later = agreeing.execute_in_process(instance=home.instance, run_config=QUIET)
    counts.append(record_runs(home.job, home.instance))
    return home, [good.run_id, bad.run_id, cancelled.run_id, later.run_id], counts


def test_a_finished_run_is_recorded_once(recorded: tuple):
    home, ids, counts = recorded
    assert counts == [3, 0, 1]
    rows = home.rows("SELECT run_id, job, status, partition_start, partition_end FROM ops.pipeline_runs")
    assert sorted(rows) == sorted(
        [
            (ids[0], "agreeing", "SUCCESS", "2016-04-01", "2016-04-01"),
            (ids[1], "refusing", "FAILURE", None, None),
            (ids[2], "ingest", "CANCELED", None, None),
            (ids[3], "agreeing", "SUCCESS", None, None),
        ]
    )


def test_the_duration_is_the_difference_of_the_ends(recorded: tuple):
    home, ids, _ = recorded
    ((took, apart),) = home.rows(
        "SELECT duration_ms, epoch_ms(ended_at) - epoch_ms(started_at) FROM ops.pipeline_runs WHERE run_id = ?", ids[0]
    )
    assert abs(took - apart) <= 1
    assert took > 0


def test_the_error_of_a_failed_run_has_no_quoted_value_and_one_line(recorded: tuple):
    """An apostrophe is no quote, and double quotes are quotes; the class is named once."""
    home, ids, _ = recorded
    ((error,),) = home.rows("SELECT error FROM ops.pipeline_runs WHERE run_id = ?", ids[1])
    assert [secret for secret in ("1503960366", "Rosa", "4711") if secret in error] == []
    assert error.startswith("ValueError: can't convert ")


def test_every_step_has_one_line_in_the_log(recorded: tuple):
    home, ids, _ = recorded
    lines = [json.loads(li) for li in (home.settings.home / "logs" / "steps.jsonl").read_text().splitlines()]
    assert [(li["run_id"], li["step"], li["status"], li["attempts"]) for li in lines] == [
        (ids[0], "agree", "SUCCESS", 1),
        (ids[1], "refuse", "FAILURE", 1),
        (ids[3], "agree", "SUCCESS", 1),
    ]
