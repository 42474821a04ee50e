"""The ingest job: events per touched day, exactly what was loaded, never lost."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from neuro_assets.automation.ingest_job import INGEST_TAG, ingest_job
from neuro_assets.automation.report import report_touched
from neuro_assets.ingest import outbox
from neuro_assets_tests.fitabase_files import hourly_csv, steps_per_day_csv, write
from neuro_assets_tests.study_homes import QUIET, StudyHome

DAILY, HOURLY = "raw/fitabase_daily_activity", "raw/fitabase_hourly_steps"
Event = tuple[str, str | None]


@pytest.fixture(scope="module")
def home(make_home: Callable[..., StudyHome]) -> StudyHome:
    return make_home()


def ingest(home: StudyHome, *names: str, **options: bool) -> dg.ExecuteInProcessResult:
    """Run the job as the sensor would ask for it."""
    config = {"ops": {"ingest_files": {"config": {"names": list(names)}}}} | QUIET
    job = home.definitions.resolve_job_def("ingest")
    return job.execute_in_process(instance=home.instance, run_config=config, **options)


def told(result: dg.ExecuteInProcessResult) -> list[Event]:
    """Asset and day of every materialisation."""
    found = [e.step_materialization_data.materialization for e in result.all_events if e.is_step_materialization]
    return [(m.asset_key.to_user_string(), m.partition) for m in found]


def counts(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    """What the op said it did."""
    (output,) = [e for e in result.all_events if e.is_successful_output]
    return {k: v.value for k, v in output.step_output_data.metadata.items()}


def test_every_touched_day_is_told_once_with_its_rows(home: StudyHome):
    """Two tables, three days, told day by day; the outbox is empty then; the same bytes again tell nothing."""
    daily = steps_per_day_csv([(w, d, 1) for w in ("1001", "1002") for d in ("4/1/2016", "4/2/2016")])
    hourly = hourly_csv("hourly_steps", [("1001", f"4/{d}/2016 9:00:00 AM", 1) for d in (2, 3)])
    write(home.settings.landing, "daily.csv", daily)
    write(home.settings.landing, "sub/hourly.csv", hourly)
    write(home.settings.landing, "junk.csv", "a,b\n1,2\n")
    result = ingest(home, "daily.csv", "sub/hourly.csv", "junk.csv", "gone.csv")
    assert told(result) == [
        (DAILY, "2016-04-01"),
        (DAILY, "2016-04-02"),
        (HOURLY, "2016-04-02"),
        (HOURLY, "2016-04-03"),
    ]
    (first, *_) = [e.step_materialization_data.materialization for e in result.all_events if e.is_step_materialization]
    assert {k: first.metadata[k].value for k in ("dagster/partition_row_count", "causes", "files")} == {
        "dagster/partition_row_count": 2,
        "causes": "ingest",
        "files": 1,
    }
    assert counts(result) == {"loaded": 2, "duplicate": 0, "rejected": 1, "unpacked": 0, "days_reported": 4, "rows": 6}
    assert home.rows("SELECT count(*) FROM ops.outbox") == [(0,)]
    assert not [p for p in home.settings.landing.rglob("*") if p.is_file()]

    write(home.settings.landing, "daily.csv", daily)
    again = ingest(home, "daily.csv")
    assert told(again) == []
    assert counts(again) == {"loaded": 0, "duplicate": 1, "rejected": 0, "unpacked": 0, "days_reported": 0, "rows": 4}


def test_a_file_whose_key_is_missing_lies_in_landing_again_and_the_others_are_told(make_home: Callable[..., StudyHome]):
    """The run fails, so it tells nothing; the next one, which the sensor of leftovers asks for, tells of the others."""
    home = make_home()
    codebook = "name: diary\nversion: 1\ntitle: Diary\nitems: {remark: {text: x, type: text, sensitive: encrypt}}\n"
    write(home.settings.home, "surveys/diary.yaml", codebook)
    diary = write(home.settings.landing, "diary.csv", "participant_id,answered_at,remark\na,2016-04-01 07:00:00,Hush\n")
    write(home.settings.landing, "daily.csv", steps_per_day_csv([("1001", "4/1/2016", 1)]))
    result = ingest(home, "diary.csv", "daily.csv", raise_on_error=False)
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    assert "there is no key: set NEURO_SURVEY_KEY" in str(failure.step_failure_data.error)
    assert told(result) == []
    assert "Hush" not in str(result.all_events)
    assert told(ingest(home)) == [(DAILY, "2016-04-01")]
    assert diary.exists()


def test_its_runs_are_marked_for_the_one_at_a_time_limit():
    assert ingest_job.tags[INGEST_TAG] == "true"


class KilledError(BaseException):
    """Stands for a process that is gone."""


def test_a_report_lost_between_commit_and_clearing_is_repeated(home: StudyHome, tmp_path: Path, monkeypatch):
    """At least once: killed before the outbox is cleared, the next ingest tells the days again."""
    home.load(write(tmp_path, "a.csv", steps_per_day_csv([("1001", "4/1/2016", 1), ("1001", "4/2/2016", 1)])))
    emitted: list[dg.AssetMaterialization] = []

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "clear", killed)
        with pytest.raises(KilledError):
            report_touched(home.job, emitted.append)
    assert [e.partition for e in emitted] == ["2016-04-01", "2016-04-02"]
    result = ingest(home)
    assert told(result) == [(DAILY, "2016-04-01"), (DAILY, "2016-04-02")]
    assert told(ingest(home)) == []


def test_what_a_killed_ingest_left_in_processing_is_settled_by_one_without_names(home: StudyHome):
    write(home.settings.processing, "abc/a.csv", steps_per_day_csv([("1001", "4/5/2016", 1)]))
    assert told(ingest(home)) == [(DAILY, "2016-04-05")]
    assert list(home.settings.processing.iterdir()) == []


def test_many_days_are_reported_in_batches_without_loss(home: StudyHome, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("neuro_assets.automation.report.AT_ONCE", 7)
    days = [(f"4/{d}/2016") for d in range(1, 21)]
    home.load(write(tmp_path, "a.csv", steps_per_day_csv([("1001", day, 1) for day in days])))
    emitted: list[dg.AssetMaterialization] = []
    assert report_touched(home.job, emitted.append) == 20
    assert [e.partition for e in emitted] == [f"2016-04-{d:02}" for d in range(1, 21)]
    assert home.rows("SELECT count(*) FROM ops.outbox") == [(0,)]
