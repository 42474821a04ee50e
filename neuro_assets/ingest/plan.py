"""Everything decided about a file before its first row is written: kind, columns, ids, numbers and dates."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import polars as pl

from neuro_assets.ingest import celltable, textfile
from neuro_assets.ingest.celltable import CellTable
from neuro_assets.ingest.clocks import refuse_lost_clocks, refuse_noon_before_one, time_form
from neuro_assets.ingest.containers import refuse_foreign
from neuro_assets.ingest.dates import Circumstances, Order, RefusalCode, decide, read_date_text
from neuro_assets.ingest.decided import LoadPlan, Said, Settled
from neuro_assets.ingest.epoch import name_of
from neuro_assets.ingest.evidence import known, siblings
from neuro_assets.ingest.headings import refuse_contradicted_header
from neuro_assets.ingest.layout import Layout, find_layout, look_of, unknown_layout
from neuro_assets.ingest.measure import Extent, is_in_sequence, measure
from neuro_assets.ingest.numbers import PLAIN, Decimal, decide_numbers
from neuro_assets.ingest.reading import Scan, TimeForm
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.timetext import survey_times
from neuro_assets.ingest.utc import list_clocks
from neuro_assets.lake.lake import Connection
from neuro_assets.sources.load import FileKind, Sources
from neuro_assets.study import Study, Window

_HEADER_RECORDS = 40
_STRAYS_FREE = 5
_STRAY_SHARE = 0.01
_MISREAD_SHARE = 0.5
_NO_ID_SHARE = 0.5
_REMEDIES: dict[RefusalCode, str] = {
    "date_order": "If you know the order, say it: `neuro retry --date-order mdy|dmy|ymd ID` (ids: `neuro rejected`)",
    "swapped_dates": "A spreadsheet has done that, and no order reads all rows rightly: export the file again",
    "dates_of_1904": "Save the dates as text (year-month-day), or export the file again",
}
_UNPADDED = re.compile(r"^[1-9]\d?/[1-9]\d?/\d{4}$")


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A folder of its own for copies of a file, gone at the end."""
    parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)


@dataclass(frozen=True)
class Planner:
    """Plans the load of one file.

    Attributes:
        connection: with the lake attached; nothing in it is changed but temporary tables.
        sources: the specs in force.
        study: the protocol.
        window: days that can have data.
        scratch: folder for copies, which the plan's scan goes on reading.
        rows_of: raw table -> SQL of all its rows, those that wait to be committed among them.
        seal: makes sure that the connection can encrypt what a kind of file has to be encrypted.
    """

    connection: Connection
    sources: Sources
    study: Study
    window: Window
    scratch: Path
    rows_of: Callable[[str], str] = str
    seal: Callable[[FileKind], None] = lambda _: None

    def plan(self, path: Path, name: str, said: Said, before: Settled | None = None) -> LoadPlan:
        """Identify a file and decide how to read it.

        Args:
            path: the bytes.
            name: the file's name, with its folders.
            said: what a person decided.
            before: what was decided at an earlier load.

        Raises:
            FileRefusedError: with code, place and remedy.
            AnswerKeyError: some answers are to be encrypted, and there is no key.
        """
        table, layout = self._open(path, name, said.kind or (before.kind if before else self._kind_in(name)))
        try:
            return self._plan_table(table, layout, name, said, before)
        except FileRefusedError as refusal:
            refusal.kind = layout.kind.name
            raise

    def _plan_table(self, table: CellTable, layout: Layout, name: str, said: Said, before: Settled | None) -> LoadPlan:
        kind = layout.kind
        self.seal(kind)
        if kind.spec.time.clock != "local":
            list_clocks(self.connection, self.study, self.window, kind.source.name)
        keeps_dates = before is not None and said.date_order is None and said.kind is None
        scan = Scan(
            table,
            layout,
            before.times if before and keeps_dates else self._vendor_form(kind),
            numbers=before.numbers if before and said.decimal is None else PLAIN,
            participant=participant_of(kind, name),
        )
        scan, extent = self._measured(scan)
        refuse_contradicted_header(self.connection, scan, extent)
        scan, extent = self._with_ids(scan, extent)
        _refuse_damaged_logs(scan, extent)
        if before is None or said.decimal:
            scan, extent = self._with_numbers(scan, extent, said.decimal)
        if before and keeps_dates:
            order, evidence = before.date_order, before.date_evidence
        else:
            scan, extent, order, evidence = self._with_dates(scan, extent, said)
            # A line without id and time is a remark; only now is known which lines have a time.
            _refuse_damaged_ids(scan, extent)
        if not kind.spec.is_judged_by_row:
            _refuse_strays(extent)
            _refuse_unreadable_values(extent)
            self._refuse_unreadable_times(scan, extent)
        return LoadPlan(scan, extent, order, evidence)

    def _kind_in(self, name: str) -> str | None:
        """The kind a file is named after, as members of an archive are: `takeout.steps_1m.csv`."""
        stem = PurePosixPath(name).stem
        return next((k.name for k in self.sources.kinds if k.name == stem), None)

    # -- the table ---------------------------------------------------------------------------------------------

    def _open(self, original: Path, name: str, kind: str | None) -> tuple[CellTable, Layout]:
        path = celltable.own_name(original, self.scratch)
        with path.open("rb") as handle:
            head = handle.read(4096)
        if head[:4] == b"PAR1":
            return self._named(celltable.parquet_table(self.connection, path), name, kind)
        refuse_foreign(path, head)
        text = textfile.open_text(path, self.scratch)
        with text.path.open("rb") as handle:
            first = handle.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if first in {b"{", b"["}:
            table = celltable.json_table(self.connection, text.path, is_array=first == b"[")
            return self._named(replace(table, encoding=text.encoding), name, kind)
        return self._csv(text, name, kind)

    def _named(self, table: CellTable, name: str, kind: str | None) -> tuple[CellTable, Layout]:
        layout = find_layout(self.sources, table.header, table.sample, name, kind)
        if layout is None:
            raise unknown_layout(self.sources, table.header)
        return table, layout

    def _csv(self, text: textfile.TextFile, name: str, kind: str | None) -> tuple[CellTable, Layout]:
        """The first line that is a header of some kind, under whichever separator."""
        widest: tuple[str, ...] = ()
        for separator in textfile.SEPARATORS:
            records = textfile.first_records(text, separator)
            for at, record in enumerate(records[:_HEADER_RECORDS]):
                if len(record.cells) > celltable.MAX_COLUMNS:
                    raise celltable.too_many_columns(len(record.cells))
                if len({c for c in record.cells if c}) > len(widest):
                    widest = record.cells
                sample = [r.cells for r in records[at + 1 :]]
                layout = find_layout(self.sources, record.cells, sample, name, kind)
                if layout is not None:
                    _refuse_rows_above(layout, records[:at])
                    return celltable.csv_table(text, separator, records, at), layout
        raise unknown_layout(self.sources, widest)

    def _measured(self, scan: Scan) -> tuple[Scan, Extent]:
        """The first pass; a text the strict scan cannot read is read once more, line by line."""
        try:
            is_strict = scan.table.format != "csv" or celltable.starts_as_sampled(self.connection, scan.table)
            if is_strict:
                scan = replace(scan, table=celltable.stored(self.connection, scan.table, self.scratch))
            extent = measure(self.connection, scan, self.window) if is_strict else None
        except FileRefusedError as refusal:
            if scan.table.format != "csv" or refusal.code != "broken_csv":
                raise
            extent = None
        if extent is None:
            table = celltable.tokenised(scan.table, self.scratch, lambda cells: _is_remark(scan.layout, cells))
            scan = replace(scan, table=table)
            extent = measure(self.connection, scan, self.window)
        if scan.table.format == "csv" and extent.rows and not _ends_with_line_end(scan.table.path, scan.table.text):
            scan = replace(scan, unfinished_row=extent.last_row)
            extent = measure(self.connection, scan, self.window)
        return scan, extent

    # -- ids and numbers ---------------------------------------------------------------------------------------

    def _with_ids(self, scan: Scan, extent: Extent) -> tuple[Scan, Extent]:
        if extent.bad_ids and scan.layout.id_at is not None:
            mended = replace(scan, repairs_ids=True)
            again = measure(self.connection, mended, self.window)
            if again.bad_ids < extent.bad_ids:
                scan, extent = mended, again
        _refuse_damaged_ids(scan, extent)
        if scan.kind.spec.is_judged_by_row:
            return scan, extent
        without = extent.rows - extent.strays - extent.with_id
        if without > _NO_ID_SHARE * (extent.rows - extent.strays):
            raise FileRefusedError(
                "no_participant",
                f"{without} of {extent.rows} rows have no '{scan.kind.source.identity.shown}': nobody knows whose they"
                " are",
                "Export the file again with the participant's id in every row",
            )
        if extent.with_rounded_id and extent.with_rounded_id == extent.with_id and not self._are_known(scan):
            raise FileRefusedError(
                "damaged_ids",
                f"every '{scan.kind.source.identity.shown}' ends in 0000: a spreadsheet has rounded them",
                "Export the file again and do not open it in a spreadsheet",
            )
        return scan, extent

    def _are_known(self, scan: Scan) -> bool:
        source = scan.kind.source.name
        known = {a for p in self.study.people for a in (p.participant_id, *p.aliases.get(source, ()))}
        ids = self.connection.execute(
            f"SELECT DISTINCT who FROM {scan.relation} LIMIT 1000", scan.parameters
        ).fetchall()
        return {i[0] for i in ids if i[0]} <= known

    def _with_numbers(self, scan: Scan, extent: Extent, declared: Decimal | None) -> tuple[Scan, Extent]:
        declared = declared or scan.kind.source.decimal
        is_suspect = scan.table.separator == ";"
        if not (extent.odd_numbers or declared or is_suspect):
            return scan, extent
        form = decide_numbers(
            self.connection,
            scan.relation,
            scan.parameters,
            [(scan.cell(at), kind) for at, kind in scan.numeric_places()],
            declared,
            is_suspect=is_suspect,
        )
        scan = replace(scan, numbers=form)
        return scan, measure(self.connection, scan, self.window) if extent.odd_numbers else extent

    # -- dates -------------------------------------------------------------------------------------------------

    def _vendor_form(self, kind: FileKind) -> TimeForm:
        time, order = kind.spec.time, kind.source.date_order
        if time.clock == "stated" or time.epoch:
            return TimeForm(())
        if time.format:
            return TimeForm((time.format,))
        day = {"mdy": "%m/%d/%Y", "dmy": "%d/%m/%Y", "ymd": "%Y-%m-%d"}[order]
        clock = "" if time.kind == "date" else " %H:%M:%S" if order == "ymd" else " %I:%M:%S %p"
        return TimeForm((day + clock,))

    def _with_dates(self, scan: Scan, extent: Extent, said: Said) -> tuple[Scan, Extent, str | None, str]:
        kind = scan.kind
        declared: Order | None = said.date_order or _declared_order(self.study, kind)
        order: Order = kind.source.date_order
        if kind.spec.time.format and not said.date_order:
            evidence = f"the source spec says how they are written ({kind.spec.time.format})"
            return scan, extent, order, evidence
        if kind.spec.time.clock == "stated":
            return scan, extent, "ymd", "the source spec says that each time states its own zone (RFC 3339)"
        if unit := kind.spec.time.epoch:
            return scan, extent, None, f"the source spec says that they are {name_of(unit)}, in UTC"
        if kind.spec.time.days:
            return scan, extent, order, "the source spec says which day each text stands for"
        if not extent.rows:
            return scan, extent, order, "the file has no rows"
        finished = extent.rows - (scan.unfinished_row is not None)
        whole = extent.readable == finished == extent.in_window
        if whole and not declared and len(scan.layout.time_at) == 1:
            day = extent.last_day_of_month or 0
            if day > 12 and order in {"mdy", "dmy"} and is_in_sequence(self.connection, scan):
                evidence = f"they are in the vendor's form, with days up to {day} that no other order reads"
                return scan, extent, order, evidence
        return self._decided(scan, extent, declared)

    def _decided(self, scan: Scan, extent: Extent, declared: Order | None) -> tuple[Scan, Extent, str | None, str]:
        survey, clocks, times = survey_times(self.connection, scan, extent)
        if survey.pairs.is_empty():
            raise FileRefusedError(
                "unreadable_times", f"the column '{scan.layout.time_name}' is blank", "Export the file again"
            )
        kind = scan.kind
        refuse_lost_clocks(scan, clocks, survey.pairs.get_column("text").unique().to_list())
        refuse_noon_before_one(self.connection, scan, times, clocks)
        around = Circumstances(
            window=self.window,
            vendor_order=kind.source.date_order,
            is_untouched=not extent.left_out and _is_untouched(scan, survey.pairs, clocks),
            is_regular=kind.spec.is_dated or kind.spec.period_s is not None,
            declared=declared,
            siblings=siblings(self.connection, scan, times),
            known=lambda order: known(self.connection, scan, survey.pairs, clocks, order, self.rows_of),
        )
        decision = decide(survey, around)
        if decision.refusal and not decision.shapes:
            first = survey.pairs.row(0, named=True)
            text = scan.shown_text(first["text"])
            raise FileRefusedError(
                "unreadable_times",
                f"{decision.refusal} (row {first['first_row']}: '{text[:60]}')",
                "Look at that row; export the file again",
                row=first["first_row"],
                column=scan.layout.time_name,
                value=text,
            )
        if decision.refusal:
            raise FileRefusedError(
                decision.code, decision.refusal, _REMEDIES[decision.code], column=scan.layout.time_name
            )
        finished = extent.rows - (scan.unfinished_row is not None)
        is_vendors = scan.times == self._vendor_form(kind) and not kind.spec.time.format
        if is_vendors and extent.readable == finished and decision.order == kind.source.date_order and len(clocks) == 1:
            # Every row has been read so already.
            return scan, extent, decision.order, decision.evidence
        scan = replace(scan, times=time_form(decision, clocks, is_dated=kind.spec.is_dated))
        extent = measure(self.connection, scan, self.window)
        return scan, extent, decision.order, decision.evidence

    # -- the gates ---------------------------------------------------------------------------------------------

    def _refuse_unreadable_times(self, scan: Scan, extent: Extent) -> None:
        limit = self.study.gates.max_unreadable_time_share
        if extent.unreadable and extent.unreadable > limit * (extent.rows - extent.strays):
            raise FileRefusedError(
                "unreadable_times",
                f"{extent.unreadable} of {extent.rows} rows have no readable '{scan.layout.time_name}'; the first is"
                f" row {extent.first_unreadable_row}: '{extent.first_unreadable_cell or ''}' (at most {limit:.0%} may)",
                "Export the file again",
                row=extent.first_unreadable_row,
                column=scan.layout.time_name,
                value=extent.first_unreadable_cell or "",
            )


def participant_of(kind: FileKind, name: str) -> str | None:
    """The participant a file's name gives, where the source says so.

    Raises:
        FileRefusedError: `no_participant`.
    """
    identity = kind.source.identity
    if identity.file_name is None:
        return None
    for part in (PurePosixPath(name).name, name):
        found = re.search(identity.file_name, part)
        if found and found.group(1) and re.fullmatch(identity.pattern, found.group(1)):
            return found.group(1)
    raise FileRefusedError(
        "no_participant",
        f"the name '{PurePosixPath(name).name}' does not say whose file it is: {kind.source.title} files are named like"
        f" '{identity.example}' (`identity.file_name: {identity.file_name}`)",
        "Give the file its participant's name",
    )


def _is_remark(layout: Layout, cells: list[str]) -> bool:
    """A short line that is no row: its participant and time cells hold neither."""
    identity = layout.kind.source.identity
    who = "" if layout.id_at is None else cells[layout.id_at].strip()
    when = cells[layout.time_at[0]].strip()
    return not re.fullmatch(identity.pattern, who) and look_of(when) == "other" and read_date_text(when) is None


def _refuse_rows_above(layout: Layout, above: Sequence[textfile.Record]) -> None:
    """Lines above the header are titles; one that has a time where rows have theirs is a row, and would be lost.

    Raises:
        FileRefusedError: `unknown_layout`, with the line.
    """
    place = layout.time_at[0]
    epoch = layout.kind.spec.time.epoch is not None
    for record in above:
        cell = record.cells[place].strip() if len(record.cells) > place else ""
        is_time = look_of(cell) in {"day", "moment"} or (epoch and re.fullmatch(r"\d{9,19}", cell) is not None)
        if is_time and len(record.cells) >= len(layout.header):
            raise FileRefusedError(
                "unknown_layout",
                f"line {record.line + 1} is a row, and stands above the names of the columns",
                "Put the line with the names first (was the sheet sorted with it?)",
                row=record.line + 1,
            )


def _ends_with_line_end(path: Path, text: textfile.TextFile | None) -> bool:
    """Whether nothing but blanks and separators follows the last line end."""
    with (text.path if text else path).open("rb") as handle:
        handle.seek(0, 2)
        handle.seek(max(0, handle.tell() - 4096))
        tail = handle.read()
    return not tail[max(tail.rfind(b"\n"), tail.rfind(b"\r")) + 1 :].strip(b' \t,;|"')


def _refuse_damaged_ids(scan: Scan, extent: Extent) -> None:
    if not extent.damaged_ids:
        return
    identity, shown = scan.kind.source.identity, (extent.first_damaged_id or "")[:40]
    cause = (
        "a spreadsheet rounded it, its last digits are lost"
        if re.fullmatch(r"[-+]?\d+([.,]\d+)?[eE][+-]?\d+", shown)
        else f"an id of {scan.kind.source.title} looks like {identity.example}"
    )
    raise FileRefusedError(
        "damaged_ids",
        f"{extent.damaged_ids} rows have a damaged '{identity.shown}'; the first is row {extent.first_damaged_row}:"
        f" '{shown}' ({cause})",
        "Export the file again and do not open it in a spreadsheet",
        row=extent.first_damaged_row,
        column=identity.shown,
        value=shown,
    )


def _refuse_strays(extent: Extent) -> None:
    """Totals and remarks below a table are let pass; a table of them is none."""
    if extent.strays and (
        extent.strays > max(_STRAYS_FREE, _STRAY_SHARE * extent.rows) or extent.strays == extent.rows
    ):
        raise FileRefusedError(
            "not_records",
            f"{extent.strays} of {extent.rows} lines have neither a participant nor a time",
            "Send the vendor's export without notes and totals",
        )


def _refuse_unreadable_values(extent: Extent) -> None:
    if extent.unreadable_values > _MISREAD_SHARE * extent.rows:
        raise FileRefusedError(
            "unreadable_values",
            f"{extent.unreadable_values} of {extent.rows} rows have a value that is no number",
            "Look at the columns of numbers (#REF!, other separators of thousands, words); export the file again",
        )


def _refuse_damaged_logs(scan: Scan, extent: Extent) -> None:
    if extent.damaged_logs > _MISREAD_SHARE * extent.rows:
        raise FileRefusedError(
            "damaged_ids",
            f"{extent.damaged_logs} of {extent.rows} rows have a damaged '{scan.log_name}': a spreadsheet rounded it,"
            " its last digits are lost",
            "Export the file again and do not open it in a spreadsheet",
            column=scan.log_name,
        )


def _declared_order(study: Study, kind: FileKind) -> Order | None:
    orders = study.date_orders
    return orders.get(kind.name) or orders.get(kind.source.name)


def _is_untouched(scan: Scan, pairs: pl.DataFrame, clocks: pl.DataFrame) -> bool:
    """Header, separator, dates and clocks as the vendor writes them, on every row."""
    table, kind = scan.table, scan.kind
    if not (scan.layout.is_untouched and table.format == "csv" and table.separator == "," and table.header_line == 1):
        return False
    if table.encoding != "utf-8" or scan.repairs_ids or len(scan.layout.time_at) != 1 or len(clocks) != 1:
        return False
    if kind.source.date_order == "ymd":
        return True
    if not all(_UNPADDED.match(t) for t in pairs.get_column("text").unique().to_list()):
        return False
    clock = clocks.row(0, named=True)
    vendor = ("", False) if kind.spec.time.kind == "date" else ("d:d:d", True)
    return (clock["shape"], clock["has_half"]) == vendor
