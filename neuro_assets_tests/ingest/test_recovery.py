"""An ingest that was killed at each of its steps: the next one settles everything, nothing is lost or doubled."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from neuro_assets.ingest import inbox, load, manifest, rows
from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.load import Ingest
from neuro_assets_tests.fitabase_files import steps_per_day_csv, write
from neuro_assets_tests.tables import load as load_files
from neuro_assets_tests.tables import query

RAW = "raw.fitabase_daily_activity"
FRESH = count(1001)


class KilledError(BaseException):
    """Stands for a process that is gone: nothing catches it."""


@pytest.fixture(scope="module")
def job(make_job) -> Ingest:
    return make_job()


@pytest.fixture
def who() -> str:
    """An id of this test's own; its file is called after it."""
    return str(next(FRESH))


@pytest.fixture
def kill_at(job: Ingest, who: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Load a landed file and be killed when the named function is reached."""

    def run(module: object, function: str, text: str, choice: Choice | None = None) -> None:
        def killed(*_: object, **__: object) -> None:
            raise KilledError

        path = write(job.settings.landing, f"{who}.csv", text)
        with monkeypatch.context() as patch:
            patch.setattr(module, function, killed)
            with pytest.raises(KilledError):
                load_files(job, path, choice=choice)
        assert not path.exists()
        assert [p.name for p in job.settings.processing.rglob("*.csv")] == [f"{who}.csv"]

    return run


def good(who: str) -> str:
    return steps_per_day_csv((who, f"3/{d}/2016", d) for d in range(13, 20))


def day_first(who: str) -> str:
    """3 April, which month-first would be 4 March: outside the window, so the order is open."""
    return steps_per_day_csv([(who, "3/4/2016", 1)])


def bad(who: str) -> str:
    return f"a,b\n{who},2\n"


def places(job: Ingest, who: str) -> list[str]:
    """Where this test's file is, after the next ingest."""
    found = [p for p in job.settings.home.rglob(f"{who}.csv*") if p.is_file()]
    return sorted(f"{p.relative_to(job.settings.home).parts[0]}/{p.name}" for p in found)


def lines(job: Ingest, who: str) -> list[tuple]:
    sql = "SELECT status, reason_code, date_order FROM ops.landing_files WHERE original_name = ?"
    return query(job.lake, sql, [f"{who}.csv"])


def rows_and_announced(job: Ingest, who: str) -> tuple:
    (found,) = query(
        job.lake,
        f"SELECT (SELECT count(*) FROM {RAW} WHERE source_participant_id = ?), (SELECT count(*) FROM ops.outbox"
        " JOIN ops.landing_files USING (file_id) WHERE original_name = ?)",
        [who, f"{who}.csv"],
    )
    return found


@pytest.mark.parametrize(
    ("module", "function", "finally_told"),
    [
        pytest.param(load, "plan_load", "loaded", id="before it was read"),
        pytest.param(rows.Tray, "write", "loaded", id="inside the transaction, before the rows"),
        pytest.param(manifest, "write_lines", "loaded", id="inside the transaction, after the rows"),
        pytest.param(manifest, "record_arrivals", "loaded", id="just before the commit"),
        pytest.param(inbox, "settle", "duplicate", id="after the commit, before the move"),
    ],
)
def test_a_killed_load(job: Ingest, who: str, kill_at: Callable, module: object, function: str, finally_told: str):
    kill_at(module, function, good(who))
    (outcome,) = load_files(job)
    assert (outcome.outcome, outcome.name) == (finally_told, f"{who}.csv")
    assert rows_and_announced(job, who) == (7, 7)
    assert lines(job, who) == [("loaded", None, "mdy")]
    assert places(job, who) == [f"archive/{who}.csv"]


@pytest.mark.parametrize(
    ("module", "function"),
    [
        pytest.param(manifest, "write_lines", id="before the rejection's commit"),
        pytest.param(inbox, "write_reason", id="after the rejection's commit"),
        pytest.param(inbox, "settle", id="after the reason was written"),
    ],
)
def test_a_killed_rejection(job: Ingest, who: str, kill_at: Callable, module: object, function: str):
    kill_at(module, function, bad(who))
    (outcome,) = load_files(job)
    assert outcome.outcome == "rejected"
    assert lines(job, who) == [("rejected", "unknown_layout", None)]
    assert places(job, who) == [f"rejected/{who}.csv", f"rejected/{who}.csv.reason.json"]


def test_a_killed_duplicate(job: Ingest, who: str, kill_at: Callable):
    load_files(job, write(job.settings.landing, f"{who}.csv", good(who)))
    kill_at(inbox, "discard_copy", good(who))
    (outcome,) = load_files(job)
    assert outcome.outcome == "duplicate"
    assert rows_and_announced(job, who) == (7, 7)
    assert places(job, who) == [f"archive/{who}.csv"]


def test_a_killed_release_leaves_nothing_in_rejected(job: Ingest, who: str, kill_at: Callable):
    load_files(job, write(job.settings.landing, f"{who}.csv", day_first(who)))
    assert places(job, who)[0] == f"rejected/{who}.csv"
    kill_at(inbox, "settle", day_first(who), Choice(date_order="dmy"))
    load_files(job)
    assert rows_and_announced(job, who) == (1, 1)
    assert places(job, who) == [f"archive/{who}.csv"]


def test_a_decision_survives_the_crash_of_its_call(job: Ingest, who: str, kill_at: Callable):
    """Killed after the commit: the order that the person gave stands, the file is not judged anew."""
    kill_at(inbox, "settle", day_first(who), Choice(date_order="dmy", actor="rosa"))
    (outcome,) = load_files(job)
    assert (outcome.outcome, outcome.line.date_order) == ("duplicate", "dmy")
    sql = "SELECT actor, action FROM ops.audit WHERE detail = ?"
    assert query(job.lake, sql, [f"{who}.csv"]) == [("rosa", "date_order=dmy")]


def test_several_left_over_files_are_settled_before_new_ones(job: Ingest, who: str, tmp_path: Path):
    for name, text in {"old0.csv": good(who), "old1.csv": bad(who)}.items():
        inbox.take(job.settings, write(job.settings.landing, name, text), name, keep_original=False)
    outcomes = load_files(job, write(tmp_path, "new.csv", good(str(next(FRESH)))))
    assert {o.name: o.outcome for o in outcomes} == {
        "old0.csv": "loaded",
        "old1.csv": "rejected",
        "new.csv": "loaded",
    }
    assert outcomes[-1].name == "new.csv"
    assert load_files(job) == []


def test_bytes_missing_from_the_archive_are_put_back_by_their_next_arrival(job: Ingest, who: str, tmp_path: Path):
    path = write(tmp_path, f"{who}.csv", good(who))
    (first,) = load_files(job, path)
    stored = job.settings.home / first.line.stored_path
    stored.unlink()
    (again,) = load_files(job, path)
    assert again.outcome == "duplicate"
    assert stored.read_text() == good(who)
