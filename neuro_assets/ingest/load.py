"""One file, one transaction: rows, refusals and the manifest line are committed together or not at all."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from neuro_assets.ingest import inbox, manifest, outbox
from neuro_assets.ingest.dates import DateDecision, decide, needs_second_reading, other_order
from neuro_assets.ingest.reading import (
    CsvScan,
    Extent,
    FileRefusedError,
    csv_refusal,
    measure,
    read_header,
    refuse_damaged_ids,
)
from neuro_assets.lake.ddl import ensure_tables, missing_tables
from neuro_assets.lake.lake import Connection, Lake, LakeBusyError
from neuro_assets.settings import Settings
from neuro_assets.sources.load import FileKind, Sources
from neuro_assets.streams.catalogue import OPS_TABLES, STREAMS
from neuro_assets.streams.model import Table
from neuro_assets.study import DateOrder, Study, Window

_WRITTEN = (
    "ops.landing_files",
    "ops.landing_arrivals",
    "ops.landing_file_days",
    "ops.outbox",
    "ops.quarantine",
    "ops.audit",
)


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
    def window(self) -> Window:
        """The days that can have data today."""
        return self.study.window.closed(datetime.now(UTC).date())


@dataclass(frozen=True)
class FileOutcome:
    """What became of one arrival: loaded, duplicate or rejected."""

    file_id: str
    name: str
    outcome: str
    line: manifest.ManifestLine
    touched_days: int = 0


@dataclass(frozen=True)
class Choice:
    """What a person decided for the files of one call."""

    date_order: DateOrder | None = None
    supersedes: bool = False
    actor: str = "ingest"


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
    with ingest_lock(job.settings), job.lake.connect() as connection:
        prepare_tables(job.lake, connection, job.tables)
        for taken in inbox.left_over(job.settings):
            yield _settle_one(job, connection, taken, Choice())
        for path in (p.absolute() for p in paths):
            landed = job.settings.landing in path.parents
            base = job.settings.landing if landed else root
            name = path.relative_to(base).as_posix() if base and base in path.parents else path.name
            if not path.exists():
                continue
            taken = inbox.take(job.settings, path, name, keep_original=keep_original and not landed)
            yield _settle_one(job, connection, taken, choice)


def _settle_one(job: Ingest, connection: Connection, taken: inbox.Taken, choice: Choice) -> FileOutcome:
    earlier = manifest.read_lines(connection, [taken.file_id]).get(taken.file_id)
    decided_anew = choice.supersedes or choice.date_order is not None
    if earlier and earlier.status == "loaded" and not decided_anew:
        return _duplicate(job, connection, taken, earlier)
    at = manifest.next_instant(connection, datetime.now(UTC))
    try:
        plan = plan_load(job, connection, taken.path, choice.date_order)
        outcome = _load(job, connection, taken, plan, earlier, at, choice)
    except FileRefusedError as refusal:
        if earlier and earlier.status == "loaded":
            # A decision that does not fit a loaded file changes nothing about it.
            inbox.discard_copy(job.settings, taken, earlier.stored_path)
            unchanged = replace(earlier, reason_code=refusal.code, reason=str(refusal))
            return FileOutcome(taken.file_id, taken.name, "rejected", unchanged)
        outcome = _refuse(job, connection, taken, refusal, earlier, at)
    if earlier and earlier.status == "rejected":
        _clear_refusal(job.settings, earlier.stored_path, outcome.line.stored_path)
    return outcome


def _duplicate(job: Ingest, connection: Connection, taken: inbox.Taken, earlier: manifest.ManifestLine) -> FileOutcome:
    with job.lake.transaction(connection, ["ops.landing_arrivals"]):
        manifest.record_arrival(connection, taken.file_id, taken.name, datetime.now(UTC), "duplicate")
    inbox.discard_copy(job.settings, taken, earlier.stored_path)
    # A release that was killed after its commit has left the refused copy behind.
    _clear_refusal(job.settings, inbox.rejected_path(earlier.file_id, earlier.original_name), earlier.stored_path)
    return FileOutcome(taken.file_id, taken.name, "duplicate", earlier)


@dataclass(frozen=True)
class LoadPlan:
    """Everything decided about a file before its first row is written."""

    scan: CsvScan
    extent: Extent
    decision: DateDecision

    @property
    def order(self) -> DateOrder:
        """The date order taken."""
        if self.decision.order is None:
            raise AssertionError("a plan without a date order is a refusal")
        return self.decision.order


def plan_load(job: Ingest, connection: Connection, path: Path, date_order: DateOrder | None = None) -> LoadPlan:
    """Identify a file and decide how to read it.

    Raises:
        FileRefusedError: unknown layout, damaged ids, open date order, too many rows without a time, broken CSV.
    """
    header = read_header(path)
    kind = job.sources.identify(header)
    if kind is None:
        raise _unknown_layout(job.sources, header)
    scan = CsvScan(path, tuple(header), kind)
    declared = date_order or _declared_order(job.study, kind)
    extent = measure(connection, scan, declared or kind.source.date_order, job.window)
    refuse_damaged_ids(extent, kind)
    second = None
    twin = other_order(extent.reading.order)
    if twin and not declared and needs_second_reading(extent.reading):
        second = measure(connection, scan, twin, job.window).reading
    decision = decide(extent.reading, second, declared)
    if decision.refusal:
        raise FileRefusedError(
            "date_order",
            f"{decision.refusal}. If you know the order, say it: `neuro ingest --date-order mdy|dmy FILE`",
        )
    _refuse_unreadable_times(job.study, kind, extent)
    return LoadPlan(scan, extent, decision)


def _declared_order(study: Study, kind: FileKind) -> DateOrder | None:
    orders = study.date_orders
    return orders.get(f"{kind.source.name}.{kind.kind}") or orders.get(kind.source.name)


def _unknown_layout(sources: Sources, header: list[str]) -> FileRefusedError:
    best, missing, extra = sources.nearest(header)
    if len(set(header)) != len(header):
        twice = sorted({h for h in header if header.count(h) > 1})
        return FileRefusedError("unknown_layout", f"columns appear twice: {', '.join(twice)[:200]}")
    if not set(header) - set(extra):
        shown = ", ".join(header)[:200]
        return FileRefusedError("unknown_layout", f"no known export has any of these columns: {shown}")
    parts = [f"no known export has these columns; the nearest is {best.source.title} {best.spec.name_hint}"]
    if missing:
        parts.append(f"which also has: {', '.join(missing)}")
    if extra:
        parts.append(f"and does not have: {', '.join(extra)[:300]}")
    return FileRefusedError("unknown_layout", "; ".join(parts))


def _refuse_unreadable_times(study: Study, kind: FileKind, extent: Extent) -> None:
    reading = extent.reading
    unreadable = reading.rows - reading.readable
    limit = study.gates.max_unreadable_time_share
    if unreadable and unreadable > limit * reading.rows:
        raise FileRefusedError(
            "unreadable_times",
            f"{unreadable} of {reading.rows} rows have no readable '{kind.spec.time.column}'; the first is row"
            f" {reading.first_unreadable_row}: '{reading.first_unreadable_cell or ''}' (at most {limit:.0%} may)."
            " Export the file again",
        )


def _load(
    job: Ingest,
    connection: Connection,
    taken: inbox.Taken,
    plan: LoadPlan,
    earlier: manifest.ManifestLine | None,
    at: datetime,
    choice: Choice,
) -> FileOutcome:
    kind = plan.scan.kind
    line = _loaded_line(taken, plan, earlier, at, choice)
    with job.lake.transaction(connection, [kind.raw_table.qualified, *_WRITTEN]):
        touched = replace_rows(connection, job.window, plan, taken.file_id, earlier, at, "ingest")
        manifest.write_line(connection, line, replaces=earlier is not None)
        manifest.record_arrival(connection, taken.file_id, taken.name, at, "loaded")
        if choice.supersedes or choice.date_order:
            _audit(connection, choice, taken, at)
    inbox.settle(job.settings, taken, line.stored_path)
    return FileOutcome(taken.file_id, taken.name, "loaded", line, touched)


def _audit(connection: Connection, choice: Choice, taken: inbox.Taken, at: datetime) -> None:
    actions = ["supersedes"] if choice.supersedes else []
    if choice.date_order:
        actions.append(f"date_order={choice.date_order}")
    for action in actions:
        connection.execute(
            "INSERT INTO ops.audit VALUES (?, ?, ?, ?, ?)", [at, choice.actor, action, taken.file_id, taken.name]
        )


def _loaded_line(
    taken: inbox.Taken,
    plan: LoadPlan,
    earlier: manifest.ManifestLine | None,
    at: datetime,
    choice: Choice,
) -> manifest.ManifestLine:
    kind, extent = plan.scan.kind, plan.extent
    return manifest.ManifestLine(
        file_id=taken.file_id,
        original_name=earlier.original_name if earlier else taken.name,
        size_bytes=taken.path.stat().st_size,
        status="loaded",
        stored_path=inbox.archive_path(taken.file_id, earlier.original_name if earlier else taken.name),
        first_arrived_at=earlier.first_arrived_at if earlier else at,
        loaded_at=at,
        source=kind.source.name,
        file_kind=kind.kind,
        raw_table=kind.raw_table.qualified,
        spec_version=kind.source.version,
        rows=extent.reading.rows,
        rows_without_day=extent.reading.rows - extent.reading.readable,
        rows_outside_window=extent.reading.outside_window,
        first_day=extent.first_day,
        last_day=extent.last_day,
        as_of=extent.as_of,
        date_order=plan.order,
        date_evidence=plan.decision.evidence,
        supersedes_at=at if choice.supersedes else (earlier.supersedes_at if earlier else None),
    )


def replace_rows(
    connection: Connection,
    window: Window,
    plan: LoadPlan,
    file_id: str,
    earlier: manifest.ManifestLine | None,
    at: datetime,
    cause: str,
) -> int:
    """Write a file's rows, quarantine lines, day account and outbox lines, inside the caller's transaction.

    Returns:
        How many days of the study window were touched.

    Raises:
        FileRefusedError: the CSV breaks off in a place the first pass did not reach.
    """
    table = plan.scan.kind.raw_table
    before: list[date] = []
    if earlier and earlier.status == "loaded" and earlier.raw_table:
        before = _remove_rows(connection, file_id, earlier.raw_table)
    _insert_rows(connection, plan, file_id)
    connection.execute(
        f"INSERT INTO ops.landing_file_days SELECT ?, ?, day, count(*), ? FROM {table.qualified}"
        " WHERE file_id = ? GROUP BY day",
        [file_id, table.qualified, at, file_id],
    )
    _quarantine_unplaced(connection, window, plan, file_id)
    return _announce(connection, window, table, file_id, before, at, cause)


def _remove_rows(connection: Connection, file_id: str, raw_table: str) -> list[date]:
    days = connection.execute(
        "SELECT day FROM ops.landing_file_days WHERE file_id = ? AND day IS NOT NULL", [file_id]
    ).fetchall()
    connection.execute(f"DELETE FROM {raw_table} WHERE file_id = ?", [file_id])
    connection.execute("DELETE FROM ops.landing_file_days WHERE file_id = ?", [file_id])
    connection.execute("DELETE FROM ops.quarantine WHERE file_id = ? AND table_name = ?", [file_id, raw_table])
    return [row[0] for row in days]


def _insert_rows(connection: Connection, plan: LoadPlan, file_id: str) -> None:
    scan, kind = plan.scan, plan.scan.kind
    moment = scan.moment(plan.order)
    names = {c.name: scan.typed(vendor, c) for vendor, c in kind.spec.columns.items()}
    columns = ["$file_id AS file_id", "row_number", f"{scan.id_cell} AS source_participant_id"]
    columns.append(f"({moment})::DATE AS day")
    if not kind.spec.is_dated:
        columns.append(f"{moment} AS local_ts")
    columns += [f"{typed} AS {name}" for name, typed in names.items()]
    columns.append(f"{scan.unreadable(plan.order)} AS unreadable")
    columns.append(f"least($as_of, ({moment})::DATE + INTERVAL 1 DAY)::TIMESTAMP AS as_of")
    order = ", ".join(("day", *kind.raw_table.sort_by, "row_number"))
    try:
        connection.execute(
            f"INSERT INTO {kind.raw_table.qualified} BY NAME SELECT * FROM"
            f" (SELECT {', '.join(columns)} FROM {scan.relation}) ORDER BY {order}",
            {"file_id": file_id, "as_of": plan.extent.as_of, "path": str(scan.path)},
        )
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        raise csv_refusal(error) from None


def _quarantine_unplaced(connection: Connection, window: Window, plan: LoadPlan, file_id: str) -> None:
    """Rows that belong to no day of the study are accounted for here; staging never sees them."""
    kind = plan.scan.kind
    if plan.extent.reading.in_window == plan.extent.reading.rows:
        return
    connection.execute(
        f"""
        INSERT INTO ops.quarantine BY NAME
        SELECT $table AS table_name, $source AS source, file_id, row_number, source_participant_id, day,
               CASE WHEN day IS NULL THEN 'unreadable_time' ELSE 'outside_window' END AS rule,
               $column AS column_name,
               CASE WHEN day IS NULL THEN left((unreadable::JSON::MAP(VARCHAR, VARCHAR))[$column], 200)
                    ELSE day::VARCHAR END AS value
        FROM {kind.raw_table.qualified}
        WHERE file_id = $file_id AND (day IS NULL OR day NOT BETWEEN $start AND $end)
        """,
        {
            "table": kind.raw_table.qualified,
            "source": kind.source.name,
            "column": kind.spec.time.column,
            "file_id": file_id,
            "start": window.start,
            "end": window.end,
        },
    )


def _announce(
    connection: Connection,
    window: Window,
    table: Table,
    file_id: str,
    before: list[date],
    at: datetime,
    cause: str,
) -> int:
    days = connection.execute(
        """
        SELECT DISTINCT day FROM (
            SELECT day FROM ops.landing_file_days WHERE file_id = $file_id
            UNION ALL SELECT unnest($before::DATE[])
        ) WHERE day BETWEEN $start AND $end ORDER BY day
        """,
        {
            "file_id": file_id,
            "before": before,
            "start": window.start,
            "end": window.end,
        },
    ).fetchall()
    connection.execute(
        f"INSERT INTO {outbox.TABLE} SELECT ?, unnest(?::DATE[]), ?, ?, ?",
        [table.qualified, [d[0] for d in days], file_id, cause, at],
    )
    return len(days)


def _refuse(
    job: Ingest,
    connection: Connection,
    taken: inbox.Taken,
    refusal: FileRefusedError,
    earlier: manifest.ManifestLine | None,
    at: datetime,
) -> FileOutcome:
    line = manifest.ManifestLine(
        file_id=taken.file_id,
        original_name=earlier.original_name if earlier else taken.name,
        size_bytes=taken.path.stat().st_size,
        status="rejected",
        stored_path=inbox.rejected_path(taken.file_id, earlier.original_name if earlier else taken.name),
        first_arrived_at=earlier.first_arrived_at if earlier else at,
        loaded_at=at,
        reason_code=refusal.code,
        reason=str(refusal),
    )
    with job.lake.transaction(connection, ["ops.landing_files", "ops.landing_arrivals"]):
        manifest.write_line(connection, line, replaces=earlier is not None)
        manifest.record_arrival(connection, taken.file_id, taken.name, at, "rejected")
    inbox.write_reason(
        job.settings,
        line.stored_path,
        {
            "file": taken.name,
            "file_id": taken.file_id,
            "rejected_at": at.isoformat(),
            "code": refusal.code,
            "reason": str(refusal),
        },
    )
    inbox.settle(job.settings, taken, line.stored_path)
    return FileOutcome(taken.file_id, taken.name, "rejected", line)


def _clear_refusal(settings: Settings, refused: str, stored_now: str) -> None:
    """A refused file that has been loaded since leaves rejected/."""
    if refused == stored_now:
        return
    for path in (settings.home / refused, settings.home / f"{refused}.reason.json"):
        path.unlink(missing_ok=True)
    inbox.clear_empty((settings.home / refused).parent, settings.rejected)
