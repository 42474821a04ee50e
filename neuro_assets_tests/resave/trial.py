"""Sending one variant to an empty study and comparing what became of it with what the original gives."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from datetime import date, datetime
from itertools import count
from pathlib import Path

import polars as pl

from neuro_assets.ingest.load import Ingest, ingest_paths
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.lake.lake import Connection, Lake
from neuro_assets.settings import Settings, load_settings
from neuro_assets.sources.load import load_sources
from neuro_assets.staging.stage import stage_days_on
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets.study import Study
from neuro_assets_tests.resave.export import Export
from neuro_assets_tests.resave.variants import Variant
from neuro_assets_tests.threads import THREADS

ORIGIN = ("file_id", "row_number", "source")
LAST_DAY = date(2016, 12, 31)
# A reason must say what to do: one of these words is in every remedy.
REMEDY = re.compile(
    r"\b(export|save|say|describe|drop|send|use|give|add|rename|remove|convert|declare|write|repair|choose|put|split|"
    r"unpack|keep|leave|set|name|ingest)\b",
    re.IGNORECASE,
)
Frames = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Verdict:
    """loaded: the rows of the original; refused: with a reason; wrong: anything else."""

    outcome: str
    code: str = ""
    detail: str = ""


class CrashError(Exception):
    """Ingest or staging raised: no outcome a person can act on."""


@dataclass(frozen=True)
class HeldLake(Lake):
    """A lake on a connection that stays open: making one costs more than loading a small file."""

    held: Connection | None = None

    @contextmanager
    def connect(self, *, read_only: bool = False, memory_limit: str | None = None) -> Iterator[Connection]:
        """The connection that is held."""
        assert self.held is not None
        yield self.held


class Trials:
    """Empty homes, each a copy of one that has its tables; and the rows that files give in them."""

    def __init__(self, folder: Path, study: Study) -> None:
        self.folder, self.study = folder, study
        self.template = folder / "template"
        self.template.mkdir(parents=True)
        self._numbers = count()
        self._open = ExitStack()
        self._connection: Connection | None = None
        settings = self._settings(self.template)
        self.sources = load_sources(settings.source_dirs)
        list(ingest_paths(Ingest(settings, Lake.from_settings(settings), study, self.sources), []))

    def close(self) -> None:
        """Let go of the connection."""
        self._connection = None
        self._open.close()

    def _settings(self, home: Path) -> Settings:
        return load_settings({"NEURO_HOME": str(home), "NEURO_THREADS": THREADS})

    def _job(self, home: Path) -> Ingest:
        settings = self._settings(home)
        lake = Lake.from_settings(settings)
        if self._connection is None:
            self._connection = self._open.enter_context(lake.connect())
        else:
            options = ", ".join(f"{k} {v!r}" for k, v in lake.attach_options.items())
            self._connection.execute(f"ATTACH '{lake.attach_path}' AS lake ({options}); USE lake")
        held = HeldLake(**{f.name: getattr(lake, f.name) for f in fields(lake)}, held=self._connection)
        return Ingest(settings, held, self.study, self.sources)

    def send(self, files: Mapping[str, bytes]) -> tuple[list[FileOutcome], Frames]:
        """Outcomes of the files, and every staging table that has rows, without where they came from.

        Raises:
            CrashError: ingest or staging raised, which no file may make them do.
        """
        place = self.folder / f"{next(self._numbers):04d}"
        home = place / "home"
        shutil.copytree(self.template, home)
        paths = []
        for name, content in files.items():
            path = place / name
            path.write_bytes(content)
            paths.append(path)
        job = self._job(home)
        try:
            outcomes = list(ingest_paths(job, paths))
            frames = self._staged(job) if any(o.outcome == "loaded" for o in outcomes) else {}
        except Exception as error:
            self.close()  # the next trial starts on a connection without a past
            raise CrashError(f"{type(error).__name__}: {str(error)[:300]}") from error
        with job.lake.connect() as connection:
            connection.execute("USE memory; DETACH lake")
        shutil.rmtree(place)
        return outcomes, frames

    def _staged(self, job: Ingest) -> Frames:
        frames = {}
        with job.lake.connect() as connection:
            tables = "SELECT DISTINCT raw_table FROM ops.landing_files WHERE status = 'loaded'"
            loaded = {t for (t,) in connection.execute(tables).fetchall()}
            for stream in STREAMS:
                if not loaded & {k.raw_table.qualified for k in job.sources.feeding(stream.name)}:
                    continue
                stage_days_on(connection, job, stream, self.study.window.start, self.study.window.end or LAST_DAY)
                rows = connection.execute(f"SELECT * FROM {stream.qualified}").pl()
                if rows.height:
                    frames[stream.name] = rows.drop(ORIGIN).sort(stream.key)
        return frames

    def of(self, variant: Variant, expected: Frames) -> Verdict:
        """What became of a variant."""
        name, content = variant.file()
        try:
            outcomes, frames = self.send({name: content})
        except CrashError as crash:
            return Verdict("wrong", "crash", str(crash))
        return judge(outcomes, frames, expected, variant.result, is_approximate=variant.is_approximate)


def judge(
    outcomes: list[FileOutcome], frames: Frames, expected: Frames, export: Export, *, is_approximate: bool = False
) -> Verdict:
    """The verdict on what ingest and staging made of a file."""
    refusals = [o for o in outcomes if o.outcome == "rejected"]
    for o in refusals:
        code, reason = o.line.reason_code or "", o.line.reason or ""
        if not code or len(reason) < 20 or not REMEDY.search(reason):
            return Verdict("wrong", "no reason", f"{o.name}: '{code}', '{reason}'")
    if any(o.outcome == "loaded" for o in outcomes):
        found = difference(frames, expected, export, is_approximate=is_approximate)
        return Verdict("wrong", "other rows", found) if found else Verdict("loaded")
    if not refusals:
        return Verdict("wrong", "silence", f"{[(o.name, o.outcome) for o in outcomes]}")
    return Verdict("refused", refusals[0].line.reason_code or "", refusals[0].line.reason or "")


def difference(frames: Frames, expected: Frames, export: Export, *, is_approximate: bool) -> str:
    """What differs, in words; nothing where nothing does."""
    if set(frames) - set(expected):
        return f"rows of {sorted(set(frames) - set(expected))}, which the original does not have"
    for name, whole in expected.items():
        have = frames.get(name, whole.clear())
        want = whole
        if export.cut:
            is_cut = _of_line(whole, *export.cut)
            if not _within(have.filter(is_cut), want.filter(is_cut)):
                return f"{name}: the line that is cut gave a value that the whole line does not give"
            have, want = have.filter(~is_cut), want.filter(~is_cut)
        if found := _unequal(have, want, is_approximate=is_approximate):
            return f"{name}: {found}"
    return ""


def _of_line(frame: pl.DataFrame, who: str, moment: datetime) -> pl.Expr:
    """The rows that one line of the file gives: of a day, an hour, or the minutes of an hour."""
    is_day = (pl.col("participant_id") == who) & (pl.col("day") == moment.date())
    if "local_ts" not in frame.columns:
        return is_day
    return is_day & (pl.col("local_ts").dt.hour() == moment.hour)


def _within(some: pl.DataFrame, rows: pl.DataFrame) -> bool:
    return some.join(rows, on=some.columns, how="anti", nulls_equal=True).is_empty()


def _unequal(have: pl.DataFrame, want: pl.DataFrame, *, is_approximate: bool) -> str:
    if have.equals(want) or (is_approximate and _close(have, want)):
        return ""
    extra = have.join(want, on=want.columns, how="anti", nulls_equal=True)
    missing = want.join(have, on=want.columns, how="anti", nulls_equal=True)
    if extra.is_empty():
        return f"{missing.height} of {want.height} rows are missing {missing.head(1).rows()}"
    return (
        f"{extra.height} of {have.height} rows should not be there {extra.head(1).rows()},"
        f" {missing.height} are missing {missing.head(1).rows()}"
    )


def _close(have: pl.DataFrame, want: pl.DataFrame) -> bool:
    """Equal but for rounding in floating-point columns."""
    if have.shape != want.shape or have.schema != want.schema:
        return False
    for name, kind in want.schema.items():
        one, other = have[name], want[name]
        if not kind.is_float():
            if not one.equals(other):
                return False
        elif (one.is_null() != other.is_null()).any() or ((one - other).abs() > 1e-9 * other.abs()).any():
            return False
    return True
