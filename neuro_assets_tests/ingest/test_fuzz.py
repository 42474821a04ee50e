"""Broken and random files: loaded or refused with a reason, quickly, nothing written elsewhere, and no row lost."""

import csv
import hashlib
import io
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.load import Ingest, ingest_paths
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.lake.lake import Connection, Lake
from neuro_assets.settings import load_settings
from neuro_assets.staging.stage import stage_days_on
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.conftest import FITABASE_WINDOW, study_of
from neuro_assets_tests.ingest.broken_containers import gzips, json_files, member_bytes, parquet, xlsx, zips
from neuro_assets_tests.ingest.broken_files import (
    FILE_NAMES,
    LARGE,
    SOURCES,
    BrokenFile,
    byte_damage,
    cell_damage,
    damaged,
    encodings,
    head_damage,
    header_damage,
    named,
    random_bytes,
    random_text,
    text_damage,
    valid,
)
from neuro_assets_tests.threads import THREADS

MAX_SECONDS = 10
# Kind of damage -> (files, how many `make verify` tries).
KINDS: dict[str, tuple[st.SearchStrategy[BrokenFile], int]] = {
    "noise": (random_bytes.map(named("noise.bin")), 150),
    "text": (random_text.map(named("text.txt")), 150),
    "damaged csv": (damaged(valid, text_damage).map(named("export.csv")), 550),
    "cells": (damaged(valid, st.one_of(cell_damage, cell_damage, text_damage)).map(named("cells.csv")), 400),
    "headers": (damaged(valid, header_damage).map(named("headers.csv")), 130),
    "heads": (damaged(valid, head_damage, 2).map(named("heads.csv")), 80),
    "sizes": (st.builds(lambda data, change: change(data), valid, st.sampled_from(LARGE)).map(named("large.csv")), 80),
    "encodings": (damaged(encodings, byte_damage, 1, 0).map(named("encoding.csv")), 120),
    "gzip": (gzips.map(named("export.csv.gz")), 90),
    "zip": (zips.map(named("export.zip")), 170),
    "xlsx": (xlsx.map(named("export.xlsx")), 170),
    "parquet": (parquet.map(named("export.parquet")), 120),
    "json": (json_files.map(named("export.json")), 150),
    "names": (st.builds(BrokenFile, st.sampled_from(FILE_NAMES), st.one_of(valid, valid, member_bytes)), 150),
}
# Every eighth file comes with a person's word on it.
SAID = (
    Choice(date_order="dmy"),
    Choice(kind="heartrate_seconds"),
    Choice(decimal="comma", date_order="mdy"),
    Choice(supersedes=True, date_order="ymd"),
    Choice(kind="no such kind"),
)
OUTCOMES = {"loaded", "duplicate", "rejected", "unpacked"}
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
PLANTED = ("/tmp/neuro_fuzz_evil.csv", "/evil.csv")
DAYS = (FITABASE_WINDOW.start, FITABASE_WINDOW.end)
AS_TOLD = examples(
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class KeptLake(Lake):
    """A lake whose connection stays open from file to file, as in one ingest of many: opening it is half the time."""

    stack: ExitStack = field(default_factory=ExitStack, compare=False)
    kept: list[Connection] = field(default_factory=list, compare=False)

    @contextmanager
    def connect(self, **_: object) -> Iterator[Connection]:
        if not self.kept:
            self.kept.append(self.stack.enter_context(super().connect()))
        yield self.kept[0]


class Trial:
    """A home that is given one broken file after the other."""

    def __init__(self, job: Ingest) -> None:
        lake = KeptLake(**{f.name: getattr(job.lake, f.name) for f in fields(Lake)})
        self.job = replace(job, lake=lake)
        self.home = job.settings.home
        self.incoming = self.home / "incoming"
        self.incoming.mkdir(parents=True)
        self.counts: Counter[str] = Counter()
        self.slowest: tuple[float, str] = (0, "")
        self.loaded: dict[str, FileOutcome] = {}
        self.files = 0

    def query(self, sql: str, *parameters: object) -> list[tuple]:
        with self.job.lake.connect() as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def take(self, file: BrokenFile) -> None:
        """Give the home a file, every second one through landing/, and look at what became of it."""
        self.files += 1
        landed = bool(self.files % 2)
        path = (self.job.settings.landing if landed else self.incoming) / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        outcomes = self._timed(path, file)
        assert outcomes, file
        for outcome in outcomes:
            self._check(outcome)
        digest = hashlib.sha256(file.content).hexdigest()
        assert digest in {o.file_id for o in outcomes}, f"{file}: its own bytes have no line"
        assert path.exists() != landed, f"{file}: moved from landing/, copied from elsewhere"
        path.unlink(missing_ok=True)
        self._nothing_left_behind(file)

    def _timed(self, path: Path, file: BrokenFile) -> list[FileOutcome]:
        """What became of a file. The clock is the processor's: the machine may be busy with other things."""
        cpu, wall = time.process_time(), time.monotonic()
        outcomes = list(ingest_paths(self.job, [path], self._choice(), root=self.incoming))
        spent = time.process_time() - cpu
        self.slowest = max(self.slowest, (spent, repr(file)))
        assert spent < MAX_SECONDS, f"{file} took {spent:.1f} s of work"
        assert time.monotonic() - wall < 6 * MAX_SECONDS, f"{file} waited"
        return outcomes

    def _choice(self) -> Choice | None:
        return SAID[self.files // 8 % len(SAID)] if self.files % 8 == 0 else None

    def _check(self, outcome: FileOutcome) -> None:
        line, stored = outcome.line, self.home / outcome.line.stored_path
        assert outcome.outcome in OUTCOMES
        assert stored.resolve().is_relative_to(self.home), stored
        assert hashlib.sha256(stored.read_bytes()).hexdigest() == outcome.file_id, "the bytes are not what they were"
        ((status, place),) = self.query(
            "SELECT status, stored_path FROM ops.landing_files WHERE file_id = ?", outcome.file_id
        )
        assert place == line.stored_path
        self.counts[outcome.outcome] += 1
        if outcome.outcome == "rejected":
            self.counts[f"  {line.reason_code}"] += 1
            if outcome.file_id in self.loaded:  # a person's word that does not fit a loaded file changes nothing
                assert (status, bool(self._choice()), bool(line.reason)) == ("loaded", True, True)
                return
            assert (status, line.stored_path.split("/")[0]) == ("rejected", "rejected")
            self._check_reason(outcome, stored)
            return
        assert line.stored_path.startswith(f"archive/{outcome.file_id[:2]}/{outcome.file_id}/")
        assert status == ("unpacked" if line.raw_table is None else "loaded")
        if outcome.outcome == "loaded":
            self.loaded[outcome.file_id] = outcome

    def _check_reason(self, outcome: FileOutcome, stored: Path) -> None:
        told = json.loads(stored.with_name(f"{stored.name}.reason.json").read_text(encoding="utf-8"))
        assert (told["code"], told["file_id"]) == (outcome.line.reason_code, outcome.file_id)
        assert told["code"]
        assert told["reason"] == outcome.line.reason
        assert len(told["what"]) > 10
        assert len(told["reason"]) < 1_500
        for inner in (str(self.home), "processing/", "scratch/", "Traceback", "read_csv", "read_json", "Error:"):
            assert inner not in told["reason"], told["reason"]

    def _nothing_left_behind(self, file: BrokenFile) -> None:
        """Nothing in between, and nothing beside the home or at the paths that archives name."""
        for folder in ("landing", "processing", "scratch", "incoming"):
            left = [p for p in (self.home / folder).rglob("*") if not p.is_dir()]
            assert not left, f"{file}: left in {folder}/: {left}"
        assert not [p for p in ((self.home / "processing"), (self.home / "scratch")) if p.exists() and any(p.iterdir())]
        known = {"landing", "processing", "scratch", "incoming", "archive", "rejected", "lake", "processing.lock"}
        assert set(os.listdir(self.home)) <= known  # noqa: PTH208
        assert os.listdir(self.home.parent) == [self.home.name]  # noqa: PTH208
        assert not [p for p in PLANTED if Path(p).exists()]

    # -- nothing lost ----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """The accounts: lines of the files, raw rows, and what staging made of them."""
        self._check_folders()
        for outcome in self.loaded.values():
            self._check_lines(outcome)
        tables = {o.line.raw_table for o in self.loaded.values()}
        names = {s for k in SOURCES.kinds if k.raw_table.qualified in tables for s in k.spec.streams}
        with self.job.lake.connect() as connection:
            for name in sorted(names):
                stage_days_on(connection, self.job, stream(name), *DAYS)  # pyright: ignore[reportArgumentType]
        for name in names:
            self._check_stream(name)

    def _check_folders(self) -> None:
        """archive/ and rejected/ hold the files of the manifest, and nothing else."""
        lines = {row[0] for row in self.query("SELECT stored_path FROM ops.landing_files")}
        lines |= {f"{path}.reason.json" for path in lines if path.startswith("rejected/")}
        found = {
            p.relative_to(self.home).as_posix()
            for folder in ("archive", "rejected")
            for p in (self.home / folder).rglob("*")
            if not p.is_dir()
        }
        assert found == lines

    def _check_lines(self, outcome: FileOutcome) -> None:
        """Lines of the file = raw rows + left out; raw rows without a day in the window are in quarantine."""
        line, kind = outcome.line, SOURCES.by_raw_table(outcome.line.raw_table or "")
        start, end = DAYS
        ((rows, lines, placed),) = self.query(
            "SELECT count(*), count(DISTINCT row_number), count(*) FILTER (coalesce(day BETWEEN ? AND ?, false))"
            f" FROM {line.raw_table} WHERE file_id = ?",
            start,
            end,
            outcome.file_id,
        )
        ((quarantined,),) = self.query(
            "SELECT count(*) FROM ops.quarantine WHERE file_id = ? AND table_name = ?", outcome.file_id, line.raw_table
        )
        assert placed + quarantined == rows, line.stored_path
        if kind.spec.wide is None:
            assert (rows, lines) == (line.rows, line.rows), line.stored_path
        reading = json.loads(line.reading or "{}")
        assert line.rows is not None
        assert line.rows + (line.rows_left_out or 0) == _records(self.home / line.stored_path, reading), (
            line.stored_path
        )

    def _check_stream(self, name: str) -> None:
        """Each day: raw rows = rows in = staged + duplicate + superseded + quarantined, and these are in the tables."""
        raw = " UNION ALL ".join(f"SELECT day FROM {k.raw_table.qualified}" for k in SOURCES.feeding(name))
        table = stream(name).qualified
        unequal = self.query(
            f"""
            WITH raw_days AS (SELECT day, count(*) AS n FROM ({raw}) WHERE day BETWEEN ? AND ? GROUP BY day),
            staged AS (SELECT day, count(*) AS n FROM {table} GROUP BY day),
            bad AS (SELECT day, count(DISTINCT (file_id, row_number)) AS n FROM ops.quarantine WHERE table_name = ?
                    GROUP BY day)
            SELECT * FROM ops.staging_days a LEFT JOIN raw_days r USING (day) LEFT JOIN staged s USING (day)
            LEFT JOIN bad b USING (day)
            WHERE a.table_name = ? AND (
                rows_in <> coalesce(r.n, 0)
                OR rows_in <> rows_staged + rows_duplicate + rows_superseded + rows_quarantined
                OR status = 'accepted' AND rows_staged <> coalesce(s.n, 0)
                OR (rows_quarantined > 0) <> (coalesce(b.n, 0) > 0) OR rows_quarantined < coalesce(b.n, 0))
            """,
            *DAYS,
            table,
            table,
        )
        assert not unequal, (name, unequal)
        ((days,),) = self.query("SELECT count(*) FROM ops.staging_days WHERE table_name = ?", table)
        assert days == (DAYS[1] - DAYS[0]).days + 1  # pyright: ignore[reportOperatorIssue]

    def close(self) -> None:
        self.job.lake.stack.close()  # pyright: ignore[reportAttributeAccessIssue]


def _records(path: Path, reading: dict) -> int:
    """Rows of a file, blank lines left out, counted without the program."""
    if reading["format"] == "parquet":
        (row,) = duckdb.execute("SELECT num_rows FROM parquet_file_metadata(?)", [str(path)]).fetchall()
        return row[0]
    text = path.read_bytes().decode(reading["encoding"])
    if reading["format"] == "csv":
        return _csv_records(text, SEPARATORS[reading["separator"]], reading["header_line"])
    if text.lstrip("\ufeff \t\r\n").startswith("["):
        return len(json.loads(text))
    return sum(1 for line in text.split("\n") if line.strip())


def _csv_records(text: str, separator: str, header_line: int) -> int:
    csv.field_size_limit(max(len(text) + 1, csv.field_size_limit()))
    lines = io.StringIO(text, newline="")
    for _ in range(header_line - 1):
        lines.readline()
    records = csv.reader(lines, delimiter=separator, strict=True)
    next(records)
    return sum(1 for r in records if len(r) > 1 or (r and r[0].strip()))


@pytest.fixture(scope="module")
def new_trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Trial]]:
    """`new_trial()`: an empty home, alone in its folder."""
    trials: list[Trial] = []

    def make() -> Trial:
        home = tmp_path_factory.mktemp("fuzz") / "home"
        settings = load_settings({"NEURO_HOME": str(home), "NEURO_THREADS": THREADS})
        trials.append(Trial(Ingest(settings, Lake.from_settings(settings), study_of(), SOURCES)))
        return trials[-1]

    yield make
    for trial in trials:
        trial.close()


def give(trial: Trial, files: st.SearchStrategy[BrokenFile], count: int) -> None:
    @examples(AS_TOLD, max_examples=count)
    @given(files)
    def every(file: BrokenFile) -> None:
        trial.take(file)

    every()
    trial.settle()


@pytest.mark.verify
def test_a_few_of_every_kind(new_trial: Callable[[], Trial]):
    trial = new_trial()
    give(trial, st.one_of(*(files for files, _ in KINDS.values())), 25)
    assert trial.files >= 20
    assert trial.counts["rejected"] > 3
    assert trial.counts["loaded"] > 1


@pytest.fixture(scope="module")
def totals(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    """What became of all files of `make verify`; printed at the end."""
    counts: Counter[str] = Counter()
    yield counts
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    if counts and reporter:
        reporter.write_line("")
        for name, n in sorted(counts.items(), key=lambda item: (item[0].startswith(" "), -item[1])):
            reporter.write_line(f"{n:>7} {name}")


@pytest.mark.verify
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", KINDS)
def test_many_of_each_kind(new_trial: Callable[[], Trial], totals: Counter[str], kind: str):
    files, count = KINDS[kind]
    trial = new_trial()
    try:
        give(trial, files, count)
    finally:
        totals.update(trial.counts)
        totals["files"] += trial.files
    assert trial.files > 0.8 * count


@pytest.mark.verify
def test_two_thousand_files_are_tried():
    assert 0.8 * sum(count for _, count in KINDS.values()) >= 2_000
