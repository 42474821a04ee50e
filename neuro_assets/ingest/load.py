"""One file, one transaction: rows, refusals and the manifest line are committed together or not at all."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from neuro_assets import failpoints
from neuro_assets.ingest import containers, inbox, manifest
from neuro_assets.ingest.dates import Order
from neuro_assets.ingest.decided import LoadPlan, Said, Settled, settled
from neuro_assets.ingest.numbers import Decimal
from neuro_assets.ingest.outcomes import Earlier, FileOutcome, Outcomes, clear_refusal, new_line
from neuro_assets.ingest.plan import Planner, participant_of, scratch_folder
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.rows import replace_rows
from neuro_assets.lake.ddl import ensure_tables, missing_tables
from neuro_assets.lake.lake import Connection, Lake, LakeBusyError
from neuro_assets.settings import Settings
from neuro_assets.sources.load import Sources
from neuro_assets.streams.catalogue import OPS_TABLES, STREAMS
from neuro_assets.streams.model import Table
from neuro_assets.study import Study, Window

_WRITTEN = (
    "ops.landing_files",
    "ops.landing_arrivals",
    "ops.landing_file_days",
    "ops.outbox",
    "ops.quarantine",
    "ops.audit",
)


# Rows are sorted by day, and what does not fit is spilled: more memory does not make that faster. A process is some
# 400 MB more than what DuckDB counts.
MEMORY_LIMIT = "800MB"


@dataclass(frozen=True)
class Ingest:
    """What loading needs to know: the home, the lake, the protocol and the sources in force."""

    settings: Settings
    lake: Lake
    study: Study
    sources: Sources

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table that must be there before anything is loaded."""
        return (*OPS_TABLES, *(k.raw_table for k in self.sources.kinds), *STREAMS)

    @property
    def memory_limit(self) -> str:
        """What DuckDB may use while it loads; the environment's word goes first."""
        return self.settings.memory_limit if "memory_limit" in self.settings.model_fields_set else MEMORY_LIMIT

    @property
    def window(self) -> Window:
        """The days that can have data today."""
        return self.study.window.closed(datetime.now(UTC).date())

    def outcomes(self, connection: Connection) -> Outcomes:
        """Writes down what is not loaded."""
        return Outcomes(self.settings, self.lake, connection)


@dataclass(frozen=True)
class Choice:
    """What a person decided for the files of one call."""

    date_order: Order | None = None
    supersedes: bool = False
    kind: str | None = None
    decimal: Decimal | None = None
    actor: str = "ingest"

    @property
    def said(self) -> Said:
        """What is then not asked of the file."""
        return Said(self.kind, self.date_order, self.decimal)

    @property
    def actions(self) -> list[str]:
        """The decisions, for the audit."""
        return (["supersedes"] if self.supersedes else []) + [f"{k}={v}" for k, v in self.said.told.items()]


def prepare_lake(lake: Lake, tables: Iterable[Table]) -> None:
    """Make the tables that are missing; costs one read when there are none."""
    with lake.connect() as connection:
        prepare_tables(lake, connection, tables)


def prepare_tables(lake: Lake, connection: Connection, tables: Iterable[Table]) -> None:
    """`prepare_lake` on an open connection."""
    wanted = tuple(tables)
    if missing_tables(connection, wanted):
        with lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, wanted)
    else:
        ensure_tables(connection, wanted)  # makes nothing; refuses a lake of another shape


@contextmanager
def ingest_lock(settings: Settings) -> Iterator[None]:
    """One ingest at a time on a home: two would fight over the same files.

    Raises:
        LakeBusyError: another ingest has been running for longer than we wait.
    """
    settings.processing.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(settings.home / "processing.lock", timeout=600):
            yield
    except Timeout:
        raise LakeBusyError("another ingest of this home has been running for 10 minutes; try again") from None


def ingest_paths(
    job: Ingest,
    paths: Iterable[Path],
    choice: Choice | None = None,
    *,
    keep_original: bool = True,
    root: Path | None = None,
) -> Iterator[FileOutcome]:
    """Load files, one transaction each; what an interrupted ingest left behind goes first.

    Args:
        job: where and by which protocol.
        paths: files inside landing/ (moved) or anywhere else (copied, when `keep_original`).
        choice: decisions of a person for these files.
        keep_original: leave files outside landing/ where they are.
        root: files below this folder keep the rest of their path as their name, as files in landing/ do.
    """
    choice = choice or Choice()
    with ingest_lock(job.settings), job.lake.connect(memory_limit=job.memory_limit) as connection:
        prepare_tables(job.lake, connection, job.tables)
        inbox.clear_old(job.settings.scratch)
        loaded: set[str | None] = set()
        for taken, said in _arrivals(job, paths, choice, keep_original=keep_original, root=root):
            failpoints.reach("ingest.taken")
            for outcome in _settle(job, connection, taken, said):
                if outcome.outcome == "loaded":
                    loaded.add(_kind_of(outcome.line))
                yield outcome
        yield from _reconsider(job, connection, loaded)


def _arrivals(
    job: Ingest, paths: Iterable[Path], choice: Choice, *, keep_original: bool, root: Path | None
) -> Iterator[tuple[inbox.Taken, Choice]]:
    for taken in inbox.left_over(job.settings):
        yield taken, Choice()
    for path in (p.absolute() for p in paths):
        landed = job.settings.landing in path.parents
        base = job.settings.landing if landed else root
        name = path.relative_to(base).as_posix() if base and base in path.parents else path.name
        if path.exists():
            yield (
                inbox.take(job.settings, path, inbox.clean_name(name), keep_original=keep_original and not landed),
                choice,
            )


def _settle(job: Ingest, connection: Connection, taken: inbox.Taken, choice: Choice) -> Iterator[FileOutcome]:
    """One arrival; a container's members first, then the container itself."""
    kind = containers.container_kind(taken.path)
    if kind is None:
        yield _settle_one(job, connection, taken, choice)
        return
    with scratch_folder(job.settings.scratch) as folder:
        try:
            members = containers.expand(taken.path, taken.name, folder)
        except FileRefusedError as refusal:
            yield job.outcomes(connection).refused(taken, refusal, *_before(connection, taken))
            return
        for member in members:
            name = f"{taken.name}/{member.name}"
            part = inbox.take(job.settings, member.path, name, keep_original=False)
            yield from _settle(job, connection, replace(part, container_id=taken.file_id), choice)
    failpoints.reach("ingest.unpacked")
    yield job.outcomes(connection).unpacked(taken, *_before(connection, taken), kind)


def _before(connection: Connection, taken: inbox.Taken) -> tuple[Earlier, datetime]:
    """The line these bytes have, and the instant of this arrival."""
    earlier = manifest.read_lines(connection, [taken.file_id]).get(taken.file_id)
    return earlier, manifest.next_instant(connection, datetime.now(UTC))


def _settle_one(job: Ingest, connection: Connection, taken: inbox.Taken, choice: Choice) -> FileOutcome:
    outcomes = job.outcomes(connection)
    earlier, at = _before(connection, taken)
    if earlier and earlier.status == "loaded" and not choice.actions:
        other = _other_participant(job, taken, earlier)
        return outcomes.conflict(taken, earlier, other) if other else outcomes.duplicate(taken, earlier)
    try:
        with scratch_folder(job.settings.scratch) as scratch:
            before = _settled_before(earlier)
            plan = plan_load(job, connection, taken.path, _full_name(taken, earlier), scratch, choice.said, before)
            outcome = _load(job, connection, taken, plan, earlier, at, choice)
    except FileRefusedError as refusal:
        if earlier and earlier.status == "loaded":
            # A decision that does not fit a loaded file changes nothing about it.
            inbox.discard_copy(job.settings, taken, earlier.stored_path)
            unchanged = replace(earlier, reason_code=refusal.code, reason=str(refusal))
            return FileOutcome(taken.file_id, taken.name, "rejected", unchanged)
        reading = {"kind": refusal.kind, "said": choice.said.told}
        outcome = outcomes.refused(taken, refusal, earlier, at, {k: v for k, v in reading.items() if v})
    if earlier and earlier.status == "rejected":
        clear_refusal(job.settings, earlier.stored_path, outcome.line.stored_path)
    return outcome


def _settled_before(earlier: Earlier) -> Settled | None:
    """What was decided when these bytes were loaded: it stays, unless a person now says otherwise."""
    if earlier is None or earlier.status != "loaded" or earlier.reading is None:
        return None
    return settled(earlier.reading, earlier.date_order, earlier.date_evidence)


def _full_name(taken: inbox.Taken, earlier: Earlier) -> str:
    """The name with its folders: a file tried again from rejected/ has lost them."""
    is_same = earlier is not None and Path(earlier.original_name).name == taken.name
    return earlier.original_name if earlier and is_same else taken.name


def _other_participant(job: Ingest, taken: inbox.Taken, earlier: manifest.ManifestLine) -> str | None:
    """The participant whom this arrival's name gives, where the same bytes were loaded as another's."""
    told = json.loads(earlier.reading or "{}").get("participant_of_name")
    if told is None or earlier.raw_table is None:
        return None
    try:
        now = participant_of(job.sources.by_raw_table(earlier.raw_table), taken.name)
    except (FileRefusedError, KeyError):
        return None
    return None if now == told else now


def _kind_of(line: manifest.ManifestLine) -> str | None:
    return json.loads(line.reading or "{}").get("kind")


def _reconsider(job: Ingest, connection: Connection, loaded: set[str | None]) -> Iterator[FileOutcome]:
    """Files refused because nothing told their date order: rows of their kind that have come since may tell it now.

    So it does not matter which of two files came first. What a person had said of such a file is remembered.
    """
    while loaded:
        waiting = [
            line
            for line in manifest.read_lines(connection).values()
            if (line.status, line.reason_code) == ("rejected", "date_order") and _kind_of(line) in loaded
        ]
        loaded = set()
        for line in waiting:
            path = job.settings.home / line.stored_path
            if not path.exists():
                continue
            said = Said(**json.loads(line.reading or "{}").get("said", {}))
            try:
                with scratch_folder(job.settings.scratch) as scratch:
                    plan_load(job, connection, path, line.original_name, scratch, said)
            except FileRefusedError:
                continue
            taken = inbox.take(job.settings, path, line.original_name, keep_original=True)
            choice = Choice(kind=said.kind, decimal=said.decimal)
            outcome = _settle_one(job, connection, replace(taken, container_id=line.container_id), choice)
            if outcome.outcome == "loaded":
                loaded.add(_kind_of(outcome.line))
            yield outcome


# What DuckDB and Python raise at a file that nobody foresaw; not what a full disk or a broken lake raises.
_UNFORESEEN = (
    duckdb.DataError,
    duckdb.ProgrammingError,
    duckdb.NotSupportedError,
    duckdb.InternalError,
    ValueError,
    ArithmeticError,
    LookupError,
    RecursionError,
)


def plan_load(
    job: Ingest,
    connection: Connection,
    path: Path,
    name: str,
    scratch: Path,
    said: Said,
    before: Settled | None = None,
) -> LoadPlan:
    """Identify a file and decide how to read it (see `Planner.plan`).

    Raises:
        FileRefusedError: with code, place and remedy.
    """
    planner = Planner(connection, job.sources, job.study, job.window, scratch)
    try:
        return planner.plan(path, name, said, before)
    except _UNFORESEEN as error:
        raise FileRefusedError(
            "unreadable_file",
            f"the file cannot be read, for a reason nobody foresaw ({type(error).__name__})",
            "Report this: it is a fault of the program; the file is kept",
        ) from error


def _load(
    job: Ingest,
    connection: Connection,
    taken: inbox.Taken,
    plan: LoadPlan,
    earlier: Earlier,
    at: datetime,
    choice: Choice,
) -> FileOutcome:
    kind = plan.scan.kind
    line = _loaded_line(taken, plan, earlier, at, choice)
    with job.lake.transaction(connection, [kind.raw_table.qualified, *_WRITTEN]):
        touched = replace_rows(connection, job.window, plan, taken.file_id, earlier, at, "ingest")
        manifest.write_line(connection, line, replaces=earlier is not None)
        manifest.record_arrival(connection, taken.file_id, taken.name, at, "loaded")
        _audit(connection, choice, taken, at)
    failpoints.reach("ingest.loaded")
    inbox.settle(job.settings, taken, line.stored_path)
    failpoints.reach("ingest.archived")
    return FileOutcome(taken.file_id, taken.name, "loaded", line, touched)


def _audit(connection: Connection, choice: Choice, taken: inbox.Taken, at: datetime) -> None:
    for action in choice.actions:
        connection.execute(
            "INSERT INTO ops.audit VALUES (?, ?, ?, ?, ?)", [at, choice.actor, action, taken.file_id, taken.name]
        )


def _loaded_line(
    taken: inbox.Taken,
    plan: LoadPlan,
    earlier: Earlier,
    at: datetime,
    choice: Choice,
) -> manifest.ManifestLine:
    kind, extent = plan.scan.kind, plan.extent
    return replace(
        new_line(taken, earlier, at, "loaded", plan.reading),
        source=kind.source.name,
        file_kind=kind.kind,
        raw_table=kind.raw_table.qualified,
        spec_version=kind.source.version,
        rows=extent.rows,
        rows_without_day=extent.rows - extent.readable,
        rows_outside_window=extent.outside_window,
        rows_left_out=extent.left_out,
        first_day=extent.first_day,
        last_day=extent.last_day,
        as_of=extent.as_of,
        date_order=plan.date_order,
        date_evidence=plan.date_evidence,
        supersedes_at=at if choice.supersedes else (earlier.supersedes_at if earlier else None),
    )
