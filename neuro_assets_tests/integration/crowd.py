"""What the processes of a crowded lake do, over and over until the time is up; run by multiprocessing's spawn."""

import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from neuro_assets.assets.baselines import with_dbt_lock
from neuro_assets.assets.failures import backoff_s, is_infrastructure
from neuro_assets.ingest.load import Ingest, ingest_paths
from neuro_assets.lake.errors import OvertakenError, lake_error_in
from neuro_assets.lake.lake import Lake
from neuro_assets.resources.dbt import PROJECT, dbt_executable
from neuro_assets.staging.stage import stage_days
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.fitabase_files import hourly_csv, write

TABLE = "staging.daily_activity"
# A writer marks its rows in their row numbers: its own number and that of the operation.
MARK = 1_000_000


@dataclass
class Tally:
    """What one process did."""

    name: str
    done: int = 0
    retried: int = 0
    overtaken: int = 0
    longest_wait_s: float = 0.0
    failures: list[str] = field(default_factory=list)

    def repeat(self, operation: Callable[[int], None], for_s: float, *, is_disturbed: bool) -> "Tally":
        """Do it for so long; on a disturbed server what is infrastructure's is tried again, as steps do."""
        attempt, until = 0, time.monotonic() + for_s
        while time.monotonic() < until or attempt:
            started = time.monotonic()
            try:
                operation(self.done)
            except Exception as error:
                if not (is_disturbed and is_infrastructure(error) and attempt < 8):
                    self.failures.append(f"{self.name}: {''.join(traceback.format_exception(error))[-3000:]}")
                    return self
                self.retried += 1
                time.sleep(backoff_s(attempt, base_s=0.2, cap_s=3.0))
                attempt += 1
            else:
                self.done += 1
                attempt = 0
                self.longest_wait_s = max(self.longest_wait_s, time.monotonic() - started)
        return self


def rewrite_days(lake: Lake, writer: int, days: list[date], for_s: float, is_disturbed: bool) -> Tally:
    """Replace one day after another by the same rows, marked as this writer's, as staging replaces a day."""
    tally = Tally(f"writer {writer}")

    def once(n: int) -> None:
        day = days[(n * (writer + 1) + writer) % len(days)]
        with lake.connect() as connection:
            connection.execute(f"CREATE TEMP TABLE mine AS SELECT * FROM {TABLE} WHERE day = ?", [day])
            with lake.transaction(connection, [TABLE]):
                connection.execute(f"DELETE FROM {TABLE} WHERE day = ?", [day])
                connection.execute(
                    f"INSERT INTO {TABLE} BY NAME SELECT * REPLACE (?::BIGINT AS row_number) FROM mine",
                    [MARK * (writer + 1) + n],
                )

    return tally.repeat(once, for_s, is_disturbed=is_disturbed)


def run_dbt(lake: Lake, logs: Path, for_s: float, is_disturbed: bool, rests: bool = False) -> Tally:
    """Build all models under the lock that the asset takes; `rests` as long as a build took before the next."""
    tally = Tally("dbt")
    command = [dbt_executable(), "build", "--quiet", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    environment = os.environ | lake.dbt_environment()
    environment |= {"DBT_LOG_PATH": str(logs), "DBT_TARGET_PATH": str(logs / "target")}

    def build() -> Iterator[None]:
        ended = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
        told = ended.stdout + ended.stderr
        if ended.returncode:
            error = lake_error_in(told) or AssertionError(told)
            tally.overtaken += isinstance(error, OvertakenError)
            raise error
        yield

    def once(_: int) -> None:
        started = time.monotonic()
        for _built in with_dbt_lock(lake, build):
            pass
        if rests:
            time.sleep(time.monotonic() - started)

    return tally.repeat(once, for_s, is_disturbed=is_disturbed)


def ingest_files(job: Ingest, for_s: float, is_disturbed: bool = False) -> Tally:
    """Load one small file after another, each of a person of its own, on the last days of the record.

    Not on those of the backfill: days that change three times while they are staged are given back to be tried again.
    """
    tally = Tally("ingest")

    def once(n: int) -> None:
        rows = [(str(1001 + n), f"5/{1 + n % 12}/2016 {h}:00:00 AM", h) for h in range(1, 12)]
        path = write(job.settings.landing, f"{n}.csv", hourly_csv("hourly_steps", rows))
        outcomes = [o.outcome for o in ingest_paths(job, [path])]
        # What an ingest left that the server broke off goes first; the file that is dropped again is then a duplicate.
        assert outcomes == ["loaded"] or (is_disturbed and set(outcomes) <= {"loaded", "duplicate"}), outcomes

    return tally.repeat(once, for_s, is_disturbed=is_disturbed)


def stage_again(job: Ingest, first: date, days: int, for_s: float) -> Tally:
    """Stage one week of hourly steps after another: a backfill."""
    tally = Tally("backfill")

    def once(n: int) -> None:
        start = first + timedelta(7 * n % days)
        stage_days(job, stream("steps"), start, start + timedelta(6))

    return tally.repeat(once, for_s, is_disturbed=False)


def read(lake: Lake, number: int, for_s: float, is_disturbed: bool = False) -> Tally:
    """See that every file whose line is there has all its rows, and no row lacks its file's line."""
    tally = Tally(f"reader {number}")

    def once(_: int) -> None:
        with lake.connect(read_only=True) as connection:
            found = connection.execute(
                "SELECT count(*) FROM (SELECT file_id, count(*) AS n FROM raw.fitabase_hourly_steps GROUP BY 1) r"
                " FULL JOIN (SELECT file_id, rows FROM ops.landing_files"
                " WHERE raw_table = 'raw.fitabase_hourly_steps') f USING (file_id) WHERE n IS DISTINCT FROM rows"
            ).fetchone()
            assert found == (0,), found
            connection.execute("SELECT count(*), sum(value) FROM staging.steps").fetchone()

    return tally.repeat(once, for_s, is_disturbed=is_disturbed)


def _report(queue: Any, work: Callable[..., Tally], arguments: tuple[object, ...]) -> None:
    try:
        queue.put(work(*arguments))
    except BaseException as error:
        queue.put(Tally(work.__name__, failures=[repr(error)]))
        raise


def together(
    works: Iterable[tuple[Callable[..., Tally], tuple[object, ...]]],
    wait_s: float,
    meanwhile: Callable[[], None] | None = None,
) -> list[Tally]:
    """Each in a process of its own; what they did, in the order of their names."""
    context = get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=_report, args=(queue, work, arguments)) for work, arguments in works]
    for process in processes:
        process.start()
    try:
        if meanwhile:
            meanwhile()
        tallies = [queue.get(timeout=wait_s) for _ in processes]
    finally:
        for process in processes:
            process.join(30)
            if process.is_alive():
                process.kill()
    return sorted(tallies, key=lambda t: t.name)


def tell(tallies: list[Tally], commits: int, seconds: float) -> None:
    """The numbers of a proof, on standard output."""
    print(f"\n{seconds:.0f} s: {commits} commits, {sum(len(t.failures) for t in tallies)} failures", file=sys.stdout)
    for t in tallies:
        print(f"  {t.name}: {t.done} times, {t.retried} tries again, longest {t.longest_wait_s:.2f} s", *t.failures)
        if t.overtaken:
            print(f"    {t.overtaken} times overtaken, then done while the others waited")
