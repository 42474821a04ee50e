"""Taking turns: nobody waits for another, files are whole one after the other, and an error stops everything."""

import threading
import time
from datetime import UTC, datetime

import pytest

from neuro_assets.connectors.google_health.engine import Engine
from neuro_assets.sources.google_health.pull_file import PersonPull, PullReader, PullWriter


class Job:
    """A participant whose pull takes some steps; it writes down when it had its turn."""

    def __init__(self, name: str, steps: int, log: list, wait: float = 0.0, error: Exception | None = None) -> None:
        self.name, self.steps, self.log, self.wait, self.error = name, steps, log, wait, error
        self.turns = threading.Lock()

    def run(self):
        for n in range(self.steps):
            assert self.turns.acquire(blocking=False)  # never two threads at once
            self.log.append(self.name)
            if self.error and n == self.steps - 1:
                raise self.error
            self.turns.release()
            yield self.wait

    def finish(self, writer: PullWriter) -> None:
        page = writer.page("steps", "GET", datetime(2026, 3, 1, tzinfo=UTC), b"{}")
        writer.person(PersonPull(self.name, None, None, [], [page]))


def people_in(path) -> list[str]:
    reader = PullReader(path)
    try:
        return [p.participant_id for p in reader.manifest.people]
    finally:
        reader.close()


def run(folder, jobs, workers=3, per_file=2) -> list[list[str]]:
    return [people_in(p) for p in Engine(folder, workers=workers, people_per_file=per_file).run(jobs)]


def test_everybody_is_in_a_file_once(tmp_path):
    log: list[str] = []
    files = run(tmp_path, [Job(f"P{n}", n % 4, log) for n in range(11)])
    assert sorted(p for f in files for p in f) == sorted(f"P{n}" for n in range(11))
    assert [len(f) for f in files] == [2] * 5 + [1]
    assert [p.name[-14:] for p in sorted(tmp_path.iterdir())] == [f"0000{n}.pull.zip" for n in "123456"]


def test_nobody_has_a_second_turn_before_the_others_had_theirs(tmp_path):
    log: list[str] = []
    run(tmp_path, [Job(n, 5, log) for n in "abcd"], workers=1)
    assert log == [*"abcd"] * 5


def test_who_has_to_wait_keeps_nobody_waiting(tmp_path):
    log: list[str] = []
    started = time.monotonic()
    run(tmp_path, [Job("slow", 2, log, wait=0.4), *(Job(f"P{n}", 3, log) for n in range(3))], workers=1)
    assert log.index("slow") == 0
    assert log[-1] == "slow"  # its second turn, when all others were done
    assert 0.4 <= time.monotonic() - started < 3


def test_those_first_in_line_are_finished_first(tmp_path):
    log: list[str] = []
    files = run(tmp_path, [Job(f"P{n:02d}", 2, log) for n in range(12)], workers=1, per_file=2)
    assert files[0] == ["P00", "P01"]
    assert log.index("P08") > max(n for n, name in enumerate(log) if name == "P03")


@pytest.mark.parametrize("workers", [1, 4])
def test_an_error_stops_it_and_leaves_whole_files_alone(tmp_path, workers):
    log: list[str] = []
    jobs = [Job("a", 1, log), Job("b", 1, log), Job("c", 400, log), Job("bad", 60, log, error=OSError("disk full"))]
    with pytest.raises(OSError, match="disk full"):
        list(Engine(tmp_path, workers=workers, people_per_file=2).run(jobs))
    # Whole by then, and taken by the next ingest.
    assert [people_in(p) for p in tmp_path.glob("*.pull.zip")] == [["a", "b"]]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_stopping_early_leaves_no_parts(tmp_path):
    log: list[str] = []
    pulling = Engine(tmp_path, workers=2, people_per_file=1).run([Job(f"P{n}", 3, log) for n in range(20)])
    assert next(pulling).exists()
    pulling.close()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_without_anybody_there_is_no_file(tmp_path):
    assert run(tmp_path, []) == []
