"""From an arrival to the lake: rows, refusals and the manifest line are committed together or not at all."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from neuro_assets import failpoints
from neuro_assets.ingest import containers, inbox, manifest
from neuro_assets.ingest.arrival import Arrival, Choice
from neuro_assets.ingest.batch import WRITTEN, Batch
from neuro_assets.ingest.decided import LoadPlan, Said, Settled, settled
from neuro_assets.ingest.outcomes import (
    Earlier,
    FileOutcome,
    Settlement,
    clear_refusal,
    conflict,
    duplicate,
    new_line,
    refused,
    unpacked,
)
from neuro_assets.ingest.payloads import payload_of, take_apart
from neuro_assets.ingest.plan import Planner, participant_of, scratch_folder
from neuro_assets.ingest.pull_load import settle_pull
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.rows import Tray, replace_rows
from neuro_assets.ingest.sealing import seal_answers
from neuro_assets.ingest.whose_payload import (
    Note,
    notes_around,
    participant_by_name,
    personal_members,
    without_name,
)
from neuro_assets.lake.ddl import ensure_tables, missing_tables
from neuro_assets.lake.lake import Connection, Lake, LakeBusyError, look_here_first
from neuro_assets.lake.maintenance import merge_when_many
from neuro_assets.settings import Settings
from neuro_assets.sources.google_health.pull_file import is_pull_file
from neuro_assets.sources.load import Sources
from neuro_assets.streams.catalogue import OPS_TABLES, STREAMS
from neuro_assets.streams.model import Table
from neuro_assets.study import Study, Window
from neuro_assets.surveys.answer_key import AnswerKeyError

# Rows are sorted by day, and what does not fit is spilled: more memory does not make that faster. A process is some
# 400 MB more than what DuckDB counts.
MEMORY_LIMIT = "800MB"
# A larger file is a commit of its own.
SMALL_ROWS = 20_000


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


def prepare_lake(lake: Lake, tables: Iterable[Table]) -> None:
    """Make the tables that are missing; costs one read when there are none."""
    with lake.connect() as connection:
        prepare_tables(lake, connection, tables)


def prepare_tables(lake: Lake, connection: Connection, tables: Iterable[Table]) -> None:
    """`prepare_lake` on an open connection, which from then on finds its own tables before the lake's."""
    wanted = tuple(tables)
    if missing_tables(connection, wanted):
        with lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, wanted)
    else:
        ensure_tables(connection, wanted)  # makes nothing; refuses a lake of another shape
    look_here_first(connection)


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
    """Load files; small ones are committed together. What an interrupted ingest left behind goes first.

    Args:
        job: where and by which protocol.
        paths: files inside landing/ (moved) or anywhere else (copied, when `keep_original`).
        choice: decisions of a person for these files.
        keep_original: leave files outside landing/ where they are.
        root: files below this folder keep the rest of their path as their name, as files in landing/ do.

    Raises:
        AnswerKeyError: at the end, if files had to be put back, as there is no key to encrypt their answers with.
    """
    choice = choice or Choice()
    with ingest_lock(job.settings), job.lake.connect(memory_limit=job.memory_limit) as connection:
        prepare_tables(job.lake, connection, job.tables)
        inbox.clear_old(job.settings.scratch)
        batch = Batch(job.lake, connection, Tray(connection, job.window))
        loaded: set[str | None] = set()
        for outcome in _settle_all(job, batch, _arrivals(job, paths, choice, keep_original=keep_original, root=root)):
            if outcome.outcome == "loaded":
                loaded.add(_kind_of(outcome.line))
            yield outcome
        yield from _reconsider(job, batch, loaded)
        merge_when_many(job.lake, connection, WRITTEN)
    if batch.put_back:
        raise batch.put_back


def _settle_all(job: Ingest, batch: Batch, arrivals: Iterable[Arrival]) -> Iterator[FileOutcome]:
    """Outcomes in the order of arrival, each once it is committed."""
    for arrival in arrivals:
        failpoints.reach("ingest.taken")
        try:
            _settle(job, batch, arrival)
        except AnswerKeyError as error:  # the others need not wait for it
            inbox.put_back(job.settings, arrival.taken, is_copy=arrival.is_copy)
            batch.put_back = error
        if batch.is_full:
            batch.commit()
        yield from batch.outcomes()
    batch.commit()
    yield from batch.outcomes()


def _arrivals(
    job: Ingest, paths: Iterable[Path], choice: Choice, *, keep_original: bool, root: Path | None
) -> Iterator[Arrival]:
    landing = job.settings.landing
    for taken in inbox.left_over(job.settings):
        yield Arrival(taken, Choice(), (landing / taken.name).parent, landing)
    for path in (p.absolute() for p in paths):
        landed = job.settings.landing in path.parents
        base = job.settings.landing if landed else root
        name = path.relative_to(base).as_posix() if base and base in path.parents else path.name
        if path.exists():
            name = without_name(inbox.clean_name(name))
            taken = inbox.take(job.settings, path, name, keep_original=keep_original and not landed)
            stop = base if base in path.parents else path.parent
            yield Arrival(taken, choice, path.parent, stop, is_copy=keep_original and not landed)


def _settle(job: Ingest, batch: Batch, arrival: Arrival) -> None:
    """One arrival; a container's members first, then the container itself."""
    taken = arrival.taken
    kind = containers.container_kind(taken.path)
    if kind == "zip" and is_pull_file(taken.path):
        settle_pull(job, batch, taken)
        return
    if kind is None:
        if not _settle_payload(job, batch, arrival):
            _settle_one(job, batch, taken, arrival.choice)
        return
    with scratch_folder(job.settings.scratch) as folder:
        try:
            members = containers.expand(taken.path, taken.name, folder)
            notes = {m.name: notes_around(m.path.parent, folder) for m in members}
            personal = personal_members([m.name for m in members])
        except FileRefusedError as refusal:
            batch.add(refused(job.settings, taken, refusal, batch.line_of(taken.file_id), batch.instant()))
            return
        for member in members:
            if member.path.name != inbox.NOTE and member.name not in personal:
                inside = arrival.member(_taken_out(job, taken, member, taken.name), notes[member.name])
                try:
                    _settle(job, batch, inside)
                except AnswerKeyError:
                    inbox.put_back(job.settings, inside.taken, is_copy=True)
                    raise
    batch.commit()
    failpoints.reach("ingest.unpacked")
    batch.add(unpacked(job.settings, taken, batch.line_of(taken.file_id), batch.instant(), {"format": kind}))


def _taken_out(job: Ingest, taken: inbox.Taken, member: containers.Member, name: str) -> inbox.Taken:
    full_name = without_name(f"{name}/{member.name}")
    part = inbox.take(job.settings, member.path, full_name, keep_original=False)
    return replace(part, container_id=taken.file_id)


def _settle_payload(job: Ingest, batch: Batch, arrival: Arrival) -> bool:
    """Take a payload apart and settle its members, then itself; False where the file is none."""
    taken, choice = arrival.taken, arrival.choice
    earlier = batch.line_of(taken.file_id)
    name = _full_name(taken, earlier)
    with scratch_folder(job.settings.scratch) as folder:
        try:
            payload = payload_of(taken.path, name)
            if payload is None:
                return False
            note = arrival.note()
            participant = note.participant or participant_by_name(job.study, payload.source, name)
            parts = take_apart(payload, participant, note.units, folder)
        except FileRefusedError as refusal:
            batch.add(refused(job.settings, taken, refusal, earlier, batch.instant()))
            return True
        for member in parts.members:
            _settle_one(job, batch, _taken_out(job, taken, member, name), replace(choice, note=Note()))
    told = {"format": payload.source, "participant": participant, **parts.told}
    said = tuple(f"{k}={v}" for k, v in (("participant", choice.note.participant), ("units", choice.note.units)) if v)
    batch.add(unpacked(job.settings, taken, earlier, batch.instant(), told, said, choice.actor))
    return True


def _settle_one(job: Ingest, batch: Batch, taken: inbox.Taken, choice: Choice) -> None:
    earlier, at = batch.line_of(taken.file_id), batch.instant()
    if earlier and earlier.status == "loaded" and not choice.actions:
        other = _other_participant(job, taken, earlier)
        if other:
            batch.add(conflict(job.settings, taken, earlier, other, at))
        else:
            batch.add(duplicate(job.settings, taken, earlier, at))
    else:
        try:
            _load(job, batch, taken, earlier, at, choice)
        except FileRefusedError as refusal:
            if earlier and earlier.status == "loaded":
                # A decision that does not fit a loaded file changes nothing about it.
                inbox.discard_copy(job.settings, taken, earlier.stored_path)
                unchanged = replace(earlier, reason_code=refusal.code, reason=str(refusal))
                batch.done.append(FileOutcome(taken.file_id, taken.name, "rejected", unchanged))
            else:
                reading = {"kind": refusal.kind, "said": choice.said.told}
                told = {k: v for k, v in reading.items() if v}
                batch.add(refused(job.settings, taken, refusal, earlier, at, told))


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


def _reconsider(job: Ingest, batch: Batch, loaded: set[str | None]) -> Iterator[FileOutcome]:
    """Files refused because nothing told their date order: rows of their kind that have come since may tell it now.

    So it does not matter which of two files came first. What a person had said of such a file is remembered.
    """
    while loaded:
        refused_so = manifest.refused_lines(batch.connection, "date_order")
        waiting = [line for line in refused_so if _kind_of(line) in loaded]
        loaded = set()
        for outcome in _settle_all(job, batch, _readable_now(job, batch, waiting)):
            if outcome.outcome == "loaded":
                loaded.add(_kind_of(outcome.line))
            yield outcome


def _readable_now(job: Ingest, batch: Batch, lines: Iterable[manifest.ManifestLine]) -> Iterator[Arrival]:
    """Those of some refused files that would no longer be refused, as arrivals."""
    for line in lines:
        path = job.settings.home / line.stored_path
        if not path.exists():
            continue
        said = Said(**json.loads(line.reading or "{}").get("said", {}))
        try:
            with scratch_folder(job.settings.scratch) as scratch:
                rows_of = batch.tray.rows_of
                plan_load(job, batch.connection, path, line.original_name, scratch, said, None, rows_of)
        except FileRefusedError:
            continue
        taken = inbox.take(job.settings, path, line.original_name, keep_original=True)
        choice = Choice(kind=said.kind, decimal=said.decimal)
        yield Arrival(replace(taken, container_id=line.container_id), choice, is_copy=True)


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
    rows_of: Callable[[str], str] = str,
) -> LoadPlan:
    """Identify a file and decide how to read it (see `Planner.plan`). `rows_of`: raw table -> SQL of all its rows.

    Raises:
        FileRefusedError: with code, place and remedy.
        AnswerKeyError: some answers are to be encrypted, and there is no key, or another one than before.
    """
    seal = partial(seal_answers, connection, job.settings, job.sources)
    planner = Planner(connection, job.sources, job.study, job.window, scratch, rows_of, seal)
    try:
        return planner.plan(path, name, said, before)
    except _UNFORESEEN as error:
        raise FileRefusedError(
            "unreadable_file",
            f"the file cannot be read, for a reason nobody foresaw ({type(error).__name__})",
            "Report this: it is a fault of the program; the file is kept",
        ) from error


def _load(job: Ingest, batch: Batch, taken: inbox.Taken, earlier: Earlier, at: datetime, choice: Choice) -> None:
    """Let a small new file wait on the tray; commit any other alone.

    Raises:
        FileRefusedError: nothing of the file has been written.
    """
    with scratch_folder(job.settings.scratch) as scratch:
        before, name = _settled_before(earlier), _full_name(taken, earlier)
        plan = plan_load(job, batch.connection, taken.path, name, scratch, choice.said, before, batch.tray.rows_of)
        if plan.scan.kind.spec.claim and _is_new(earlier):
            raise FileRefusedError(
                "part_of_a_pull",
                "the file is a part of a pull file, and says nothing without it",
                "Drop the pull file itself (*.pull.zip)",
            )
        line = loaded_line(taken, plan, earlier, at, choice)
        is_new = _is_new(earlier)

        def settlement(touched_days: int) -> Settlement:
            def move() -> None:
                inbox.settle(job.settings, taken, line.stored_path)
                clear_refusal(job.settings, earlier, line.stored_path)

            outcome = FileOutcome(taken.file_id, taken.name, "loaded", line, touched_days)
            return Settlement(outcome, at, move, line, tuple(choice.actions), choice.actor)

        def write() -> Settlement:
            touched = replace_rows(batch.connection, job.window, plan, taken.file_id, earlier, at, "ingest")
            return settlement(touched)

        if is_new and plan.extent.rows <= SMALL_ROWS:
            batch.add(settlement(batch.tray.put(plan, taken.file_id, at)))
        else:
            batch.commit()
            batch.commit(write, into=(plan.scan.kind.raw_table.qualified,))


def _is_new(earlier: Earlier) -> bool:
    """Whether the lake has no rows of a file."""
    return earlier is None or earlier.status != "loaded"


def loaded_line(
    taken: inbox.Taken,
    plan: LoadPlan,
    earlier: Earlier,
    at: datetime,
    choice: Choice,
) -> manifest.ManifestLine:
    """The manifest line of a file that is being loaded."""
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
