"""Pulling from Dagster: the schedule's job, the sensor, and a backfill of days."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml

from neuro_assets.automation.pulling import pull_job
from neuro_assets.connectors.google_health.pull import pull_lock
from neuro_assets.definitions import build_definitions
from neuro_assets.resources.home import HomeResource
from neuro_assets.settings import load_settings
from neuro_assets.simulate.google_health import Fault, Faults, GoogleHealthServer, World
from neuro_assets_tests.google_health.pull_home import PullHome, environment
from neuro_assets_tests.study_homes import QUIET, StudyHome, checks_of, materialised

pytestmark = [pytest.mark.verify, pytest.mark.timeout(900)]
DAY = timedelta(days=1)


class Here:
    """A home with its graph, and the server that it pulls from; the world stands at the real moment."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, server: GoogleHealthServer, **rules: object
    ) -> None:
        self.world, self.server = server.world, server
        study = {
            "id": "t",
            "default_time_zone": "America/New_York",
            "window": {"start": (self.world.now - 60 * DAY).date().isoformat()},
            "auto_enrol": True,
            "expected_streams": ["steps", "heart_rate"],
            "google_health": {"first_days": 3} | rules,
        }
        folder.mkdir(parents=True)
        (folder / "study.yaml").write_text(yaml.safe_dump(study))
        for name, value in environment(folder, server).items():
            monkeypatch.setenv(name, value)
        self.pulls = PullHome.make(folder, self.world, server, **study)
        self.instance = dg.DagsterInstance.ephemeral()
        self.study = StudyHome(load_settings(), build_definitions(load_settings()), self.instance)
        self.definitions = self.study.definitions

    def pull(self, people: list[str] | None = None) -> dg.ExecuteInProcessResult:
        """What the schedule and the sensor start."""
        config = {"ops": {"pull_accounts": {"config": {"people": people or []}}}}
        job = self.definitions.resolve_job_def(pull_job.name)
        return job.execute_in_process(instance=self.instance, run_config=config | QUIET)

    def checks(self) -> dict[str, bool]:
        """What the checks of pulls say now."""
        result = self.study.run(["ops.pulls"])
        return {name: found.passed for name, found in checks_of(result, "ops.pulls").items()}

    def tick(self) -> dg.SensorResult | dg.SkipReason:
        """One look of the sensor."""
        sensor = self.definitions.get_sensor_def("overdue_accounts")
        context = dg.build_sensor_context(
            instance=self.instance, resources={"home": HomeResource.of(self.study.settings)}
        )
        found = sensor(context)
        assert isinstance(found, dg.SensorResult | dg.SkipReason)
        return found


@pytest.fixture
def world() -> World:
    now = datetime.now(UTC).replace(microsecond=0)
    return World(2, (now - 40 * DAY).date(), 21, now=now, travel=0)


def days_of(here: Here, table: str) -> set[date]:
    return {row[0] for row in here.study.rows(f"SELECT DISTINCT day FROM raw.google_health_{table}")}


def test_a_backfill_asks_for_the_days_it_is_given(tmp_path, monkeypatch, world):
    """A month before the first pull, as a range of partitions in one run; staging then has it."""
    with GoogleHealthServer(world) as server:
        here = Here(tmp_path / "home", monkeypatch, server)
        here.pull()
        first, last = (world.now - 35 * DAY).date(), (world.now - 6 * DAY).date()
        assert min(days_of(here, "steps")) > last
        raw = [k.raw_table.qualified for k in here.study.job.sources.kinds if k.source.name == "google_health"]
        assert len(raw) == 15
        result = here.study.run(raw, first, last)
        assert result.success
        assert days_of(here, "steps") >= {first + n * DAY for n in range(2, 28)}
        here.pulls.stage(first, last)
        here.pulls.compare(first + DAY, last - DAY)
        # The daily pull goes on from where it was.
        sent = len(server.log)
        here.pull()
        assert len(server.log) - sent < 80


def test_the_job_reports_the_days_that_were_touched(tmp_path, monkeypatch, world):
    with GoogleHealthServer(world) as server:
        here = Here(tmp_path / "home", monkeypatch, server)
        assert here.pull().success
        key = dg.AssetKey(["raw", "google_health_steps"])
        told = here.instance.get_materialized_partitions(key)
        assert told == {d.isoformat() for d in days_of(here, "steps")}
        staged = here.study.run(["staging.steps"], min(days_of(here, "steps")), max(days_of(here, "steps")))
        assert materialised(staged, "staging.steps")


def test_a_gap_of_twenty_days_is_filled_by_the_new_consent_alone(tmp_path, monkeypatch, world):
    """Consent is taken back; twenty days later it is given again: one look of the sensor, one run, nothing by hand."""
    now = world.now
    then = World(2, (now - 40 * DAY).date(), 21, now=now - 20 * DAY, travel=0)
    lost, other = list(then.people)
    with GoogleHealthServer(then) as server:
        here = Here(tmp_path / "home", monkeypatch, server, first_days=10)
        here.pulls.pull()
        then.revoke(lost)
        then.advance(now)
        result = here.pull()
        assert result.success
        outcomes = dict(
            here.study.rows("SELECT participant_id, arg_max(outcome, fetched_at) FROM ops.pulls GROUP BY ALL")
        )
        assert outcomes == {lost: "needs_reconsent", other: "complete"}
        assert {c.participant_id: c.status for c in here.pulls.accounts.people()}[lost] == "needs_reconsent"
        assert isinstance(here.tick(), dg.SkipReason)
        sent = sum(r.person == lost for r in server.log)
        here.pull()
        assert sum(r.person == lost for r in server.log) == sent  # nobody is asked for without consent

        here.pulls.connect(lost)
        with pull_lock(here.study.job):  # such as by `neuro pull`
            assert isinstance(here.tick(), dg.SkipReason)
        found = here.tick()
        assert isinstance(found, dg.SensorResult)
        (request,) = found.run_requests or ()
        assert request.run_config["ops"]["pull_accounts"]["config"] == {"people": [lost]}
        here.pull([lost])
        first, last = (now - 25 * DAY).date(), (now - DAY).date()
        here.pulls.stage(first, last)
        here.pulls.compare(first, last, [lost])
        assert isinstance(here.tick(), dg.SkipReason)


def test_nobody_stops_the_others(tmp_path, monkeypatch, world):
    faults = Faults([Fault("403_permission", person="P001", type="steps"), Fault("410", person="P001", type="weight")])
    with GoogleHealthServer(world, faults) as server:
        here = Here(tmp_path / "home", monkeypatch, server)
        assert here.pull().success
        told = here.study.rows(
            "SELECT participant_id, data_type, outcome, error_code FROM ops.pulls WHERE outcome <> 'complete'"
            " ORDER BY ALL"
        )
        assert told == [("P001", "steps", "paused", "permission_denied"), ("P001", "weight", "retired", "gone")]
        asked = sum(r.person == "P001" and r.type in {"steps", "weight"} for r in server.log)
        assert asked == 3 + 1
        here.pull()  # both rest
        assert sum(r.person == "P001" and r.type in {"steps", "weight"} for r in server.log) == asked
        assert days_of(here, "steps")


def test_the_schedule_runs_when_the_protocol_says(tmp_path, monkeypatch, world):
    with GoogleHealthServer(world) as server:
        here = Here(tmp_path / "home", monkeypatch, server, pull_at="04:15")
        schedule = here.definitions.get_schedule_def("pull_each_day")
        assert (schedule.cron_schedule, schedule.execution_timezone) == ("15 4 * * *", "America/New_York")


def test_a_study_without_accounts_has_none_of_it(graph):
    assert "pull" not in {j.name for j in graph.jobs or ()}
    assert not [k for k in graph.resolve_asset_graph().get_all_asset_keys() if "google_health" in k.path[-1]]


def test_what_has_to_be_looked_at_is_a_check_that_warns(tmp_path, monkeypatch, world):
    """Each check of pulls fails on what it is there for, and passes without it."""
    with GoogleHealthServer(world) as server:
        here = Here(tmp_path / "home", monkeypatch, server)
        here.pull()
        assert here.checks() == {
            "nobody_needs_reconsent": True,
            "every_type_is_complete": True,
            "answers_are_of_the_contract": True,
            # One of the two lives in another zone than the protocol says of everybody.
            "zones_agree": False,
        }
        columns = "participant_id, source, fetched_at, requests, points, changed_days, pull_id, data_type, outcome"
        later = (world.now + timedelta(hours=1)).isoformat()
        for n, (outcome, code) in enumerate(
            [("needs_reconsent", "invalid_grant"), ("failed", "server_error"), ("complete", "unknown_fields")]
        ):
            here.study.write(
                f"INSERT INTO ops.pulls ({columns}, error_code) VALUES ('P001', 'google_health',"
                f" TIMESTAMPTZ '{later}', 1, 0, 0, 'x', 'steps{n}', '{outcome}', '{code}')"
            )
        assert set(here.checks().values()) == {False}


def test_syncs_of_devices_alone_ask_for_nothing_else(tmp_path, monkeypatch, world):
    with GoogleHealthServer(world) as server:
        here = Here(tmp_path / "home", monkeypatch, server, types=["steps", "weight"])
        day = (world.now - 2 * DAY).date()
        assert here.study.run(["raw.google_health_device_sync"], day).success
        assert {r.type for r in server.log if r.path.startswith("/v4/")} == {"identity", "settings", "pairedDevices"}
        # What the protocol does not pull is not asked for by a backfill either.
        assert here.study.run(["raw.google_health_sleep_session", "raw.google_health_weight"], day).success
        assert {r.type for r in server.log if "/dataTypes/" in r.path} == {"weight"}
