"""A table of cells as rows of a known kind: SQL for identity, time and values."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from neuro_assets.ingest.celltable import CellTable, sql_list, sql_text
from neuro_assets.ingest.epoch import epoch_moment
from neuro_assets.ingest.layout import Layout
from neuro_assets.ingest.numbers import PLAIN, NumberForm, NumberType
from neuro_assets.ingest.sealing import asked_sql, question_sql, sealed_sql
from neuro_assets.ingest.utc import placed_stated, placed_utc
from neuro_assets.sources.load import FileKind
from neuro_assets.sources.model import FileSpec, SourceColumn, Wide

_ANY = ("text", False)
FORMULA_ID = r"[-+]?\d+([.,]\d+)?[eE][+-]?\d+"
_WHOLE_FORMULA_ID = r"[1-9]\.\d+[eE]\+?\d{1,2}"
_SPACES = r"[\s\x{00A0}\x{202F}\x{FEFF}]+"
_BLANK_CHARACTERS = "' ' || chr(9) || chr(160) || chr(8239) || chr(65279)"
# Digits with a blank or another sign before every last three of them.
_ID_GROUPS = r"\d+([ \x{00A0}\x{202F}]+\d{3})+|\d{1,3}([,.\x{2019}]\d{3})+|\d{1,3}(''\d{3})+"


@dataclass(frozen=True)
class TimeForm:
    """How the time cells are parsed.

    Attributes:
        formats: strptime formats, tried in order.
        is_loose: blanks, a.m./p.m. and decimal commas are brought to one form first.
        has_serials: spreadsheet day numbers are read as well.
    """

    formats: tuple[str, ...]
    is_loose: bool = False
    has_serials: bool = False


@dataclass(frozen=True)
class Scan:
    """One file of a known kind, as expressions over its text cells."""

    table: CellTable
    layout: Layout
    times: TimeForm
    numbers: NumberForm = PLAIN
    repairs_ids: bool = False
    participant: str | None = None
    unfinished_row: int | None = None

    @property
    def kind(self) -> FileKind:
        """The kind of file."""
        return self.layout.kind

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of `relation` and of the expressions."""
        found: dict[str, Any] = {"path": str(self.table.path)}
        if self.participant is not None:
            found["participant"] = self.participant
        return found

    def lines(self, **columns: str) -> str:
        """Every line: row_number, cells as given (c0, ..) and trimmed (t0, ..), who, written, moment, numbers (v0, ..).

        Each of these is computed once and then named: DuckDB computes an expression again wherever it stands inside
        a CASE. What a query does not name is not computed.

        Args:
            **columns: further columns, as expressions over these.
        """
        layout = self.layout
        places = {*layout.columns_at.values(), *layout.time_at, *([] if layout.id_at is None else [layout.id_at])}
        numeric = [(at, c.type) for _, c, at in self.value_columns() if at is not None and c.type != "text"]
        texts = ", ".join(f"{_trimmed(n)} AS t{n}" for n in sorted(places))
        read = [f"{self._who()} AS who", f"{self._written()} AS written"]
        read += [f"{self._number(f't{at}')} AS d{at}" for at, _ in numeric]
        clock = self.kind.spec.time.clock
        stated = {at: c for _, c, at in self.value_columns() if at is not None and c.is_stated}
        typed = [f"{_of_stated(_as_type(f'd{at}', t), stated.get(at))} AS v{at}" for at, t in numeric]
        typed += [f"{_of_stated(f't{at}', c)} AS v{at}" for at, c in stated.items() if c.type == "text"]
        typed += [f"{self._parsed('written')} AS parsed"] if clock != "stated" else []
        asked = "".join(f", {sql} AS {name}" for name, sql in columns.items())
        parsed = f"(SELECT {', '.join(('*', *typed))} FROM (SELECT *, {', '.join(read)} FROM"
        parsed += f" (SELECT *, {texts} FROM {self.table.relation})))"
        if clock != "local":
            parsed = placed_utc(parsed) if clock == "utc" else placed_stated(parsed)
        return f"(SELECT *{asked} FROM (SELECT *, {self._moment()} AS moment FROM {parsed}))"

    @property
    def relation(self) -> str:
        """The rows: blank lines and repeated header lines left out."""
        return self.rows_with()

    def rows_with(self, **columns: str) -> str:
        """The rows, with further columns as expressions over those of `lines`."""
        return f"(SELECT * FROM {self.lines(is_row=self.is_row, **columns)} WHERE is_row)"

    @property
    def is_row(self) -> str:
        """A line that is neither blank nor the header again; nearly always told by its time cell alone."""
        layout = self.layout
        at = layout.time_at[0]
        places = {*layout.columns_at.values(), *layout.time_at, *([] if layout.id_at is None else [layout.id_at])}
        others = ", ".join(self.cell(n) for n in sorted(places - {at})) or "NULL"
        time, header = self.cell(at), sql_text(self.table.header[at])
        if self.kind.spec.is_judged_by_row and self.table.format != "csv":
            # Every record counts, whatever is in it.
            return "true"
        return f"(CASE WHEN {time} IS NOT NULL THEN {time} <> {header} ELSE coalesce({others}) IS NOT NULL END)"

    @property
    def is_other_header(self) -> str:
        """A header line that is not the first one: columns change places in the middle of the file."""
        own = [f"coalesce({_trimmed(n)}, '') = {sql_text(h)}" for n, h in enumerate(self.table.header)]
        names = sql_list(h for h in self.table.header if h)
        at = self.layout.time_at[0]
        return f"(CASE WHEN {self.cell(at)} IN {names} THEN NOT ({' AND '.join(own)}) ELSE false END)"

    def cell(self, place: int) -> str:
        """The text of a cell the kind has a use for, trimmed, NULL when blank."""
        return f"t{place}"

    def _who(self) -> str:
        """The participant, NULL when blank, or written as what programs write where there is nothing."""
        at = self.layout.id_at
        if at is None:
            return "$participant"
        written = self.cell(at)
        cell = f"CASE WHEN strlen({written}) > 4 OR NOT {is_missing(written)} THEN {written} END"
        if not self.repairs_ids:
            return cell
        pattern = sql_text(self.kind.source.identity.pattern)
        # An apostrophe or ="..." is how a spreadsheet is told that digits are text.
        bare = f"regexp_replace(trim({cell}, {_BLANK_CHARACTERS}), '^''|^=\"|\"$', '', 'g')"
        # 1.503960366E+09 has all its digits; with fewer of them the last ones are lost.
        whole = f"regexp_full_match({bare}, '{_WHOLE_FORMULA_ID}') AND length(regexp_extract({bare}, '\\.(\\d+)', 1))"
        whole += f" = TRY_CAST(regexp_extract({bare}, '\\d+$') AS INTEGER)"
        mended = (
            f"CASE WHEN regexp_full_match({bare}, '{_ID_GROUPS}') THEN regexp_replace({bare}, '\\D', '', 'g')"
            f" WHEN {whole} THEN regexp_replace(regexp_replace({bare}, '[eE].*$', ''), '\\.', '')"
            f" ELSE regexp_replace({bare}, '^([^.]*)\\.0+$', '\\1') END"
        )
        return f"CASE WHEN regexp_full_match({mended}, {pattern}) THEN {mended} ELSE {cell} END"

    @property
    def is_bad_id(self) -> str:
        """An id that is not of the source's form."""
        return f"NOT regexp_full_match(who, {sql_text(self.kind.source.identity.pattern)})"

    def _written(self) -> str:
        """The time as written, day and clock joined, NULL when blank."""
        places = self.layout.time_at
        cells = [self.cell(n) for n in places]
        if not self.times.is_loose and len(cells) == 1:
            return cells[0]
        joined = cells[0] if len(cells) == 1 else f"({cells[0]} || ' ' || {cells[1]})"
        return loose_time(joined)

    def _parsed(self, cell: str) -> str:
        if days := self.kind.spec.time.days:
            told = " ".join(f"WHEN {sql_text(text)} THEN TIMESTAMP '{day}'" for text, day in days.items())
            return f"CASE {cell} {told} END"
        if unit := self.kind.spec.time.epoch:
            return epoch_moment(cell, unit)
        parsed = f"try_strptime({cell}, {sql_list(self.times.formats)})" if self.times.formats else "NULL::TIMESTAMP"
        if not self.times.has_serials:
            return parsed
        number = f"TRY_CAST({cell} AS DOUBLE)"
        serial = f"(TIMESTAMP '1899-12-30' + to_seconds(round({number} * 86400)::BIGINT))"
        return f"CASE WHEN regexp_full_match({cell}, '\\d{{5}}(\\.\\d+)?') THEN {serial} ELSE {parsed} END"

    def _moment(self) -> str:
        """TIMESTAMP of the row on its wall clock; NULL where the cell is no such time."""
        whole = " AND date_trunc('day', parsed) = parsed" if self.kind.spec.is_dated else ""
        # A two-digit year read by %Y is the first century: that is not the form that was decided.
        finished = "" if self.unfinished_row is None else f" AND row_number <> {self.unfinished_row}"
        return f"CASE WHEN year(parsed) BETWEEN 1970 AND 2199{whole}{finished} THEN parsed END"

    def typed(self, place: int, column: SourceColumn) -> str:
        """The typed value of a column's cell; NULL where it is blank or no such value."""
        return f"v{place}" if column.type != "text" or column.is_stated else self.cell(place)

    def shown(self, cell: str) -> str:
        """A cell that could not be read, for people; only its form where the file has what nobody may see.

        In a log a number of up to six digits is nobody's name, number or message; in answers it may be.
        """
        if not self.kind.spec.hides:
            return cell
        form = f"regexp_replace(regexp_replace({cell}, '\\p{{L}}', 'a', 'g'), '\\d', '9', 'g')"
        if self.kind.spec.is_of_answers:
            return form
        return f"CASE WHEN regexp_full_match({cell}, '-?\\d{{1,6}}') THEN {cell} ELSE {form} END"

    def shown_text(self, text: str) -> str:
        """The same of a text that is there already."""
        return re.sub(r"\d", "9", re.sub(r"[^\W\d_]", "a", text)) if self.kind.spec.hides else text

    @property
    def _owner(self) -> str:
        """Whose row it is; not what stands there in a line that is none, such as the second line of a text."""
        if not (self.kind.spec.is_of_answers and self.kind.spec.hides):
            return "who"
        return f"CASE WHEN moment IS NOT NULL OR (written IS NOT NULL AND NOT ({self.is_bad_id})) THEN who END"

    def _typed_text(self, cell: str, kind: str) -> str:
        """The typed value of a text, given as SQL."""
        return cell if kind == "text" else _as_type(self._number(cell), kind)

    def _number(self, cell: str) -> str:
        plain = self.numbers.plain(cell)
        return f"CASE WHEN contains({cell}, '_') THEN NULL ELSE TRY_CAST({plain} AS DOUBLE) END"

    def value_columns(self) -> list[tuple[str, SourceColumn, int | None]]:
        """(vendor column, its spec, place or None where the file lacks it)."""
        return [(n, c, self.layout.columns_at.get(n)) for n, c in self.kind.spec.columns.items()]

    def numeric_places(self) -> list[tuple[int, NumberType]]:
        """Places of the numeric columns, with their type."""
        places: list[tuple[int, NumberType]] = []
        for _, column, at in self.value_columns():
            if at is not None and column.type != "text":
                places.append((at, column.type))
        wide = self.kind.spec.wide
        if wide:
            places.extend((self.layout.columns_at[name], wide.type) for name in wide.columns)
        return places

    def any_number(self, test: Callable[[str, str, str], str], *, only_required: bool = False) -> str:
        """Whether a numeric cell of the row passes `test(cell, typed, type)`; wide cells by one expression."""
        spec = self.kind.spec
        tests = [
            test(self.cell(at), self.typed(at, c), c.type)
            for n, c, at in self.value_columns()
            if at is not None and c.type != "text" and (n in spec.required or not only_required)
        ]
        if spec.wide:
            found = test("x", self._typed_text("x", spec.wide.type), spec.wide.type)
            tests.append(f"len(list_filter({self._wide_cells(spec.wide)}, x -> {found})) > 0")
        return " OR ".join(tests) or "false"

    @property
    def is_strange(self) -> str:
        """A text that is none of those its column may hold."""
        texts = [(c, at) for _, c, at in self.value_columns() if at is not None and c.is_stated and c.type == "text"]
        return " OR ".join(misread(self.cell(at), self.typed(at, c)) for c, at in texts) or "false"

    def _wide_cells(self, wide: Wide) -> str:
        return "[" + ", ".join(self.cell(self.layout.columns_at[n]) for n in wide.columns) + "]"

    @property
    def log_name(self) -> str | None:
        """The vendor's column that names the log a row belongs to, where the file has one."""
        logs = {mapping["log_id"].column for mapping in self.kind.spec.streams.values() if "log_id" in mapping}
        return next((n for n, c, at in self.value_columns() if at is not None and c.name in logs), None)

    @property
    def is_damaged_log(self) -> str:
        """A log id that a spreadsheet has rounded: a number with an exponent."""
        name = self.log_name
        if name is None:
            return "false"
        return f"coalesce(regexp_full_match({self.cell(self.layout.columns_at[name])}, '{FORMULA_ID}'), false)"

    def unreadable(self) -> str:
        """JSON of the cells that hold something else than the column's type; NULL when there are none."""
        # A text is always one, unless the spec says what may stand there.
        judged = [(n, c, at) for n, c, at in self.value_columns() if at is not None and (c.type, c.is_stated) != _ANY]
        cells = [(n, self.cell(at), self.typed(at, c)) for n, c, at in judged]
        cells.append((self.kind.spec.time.column, "written", "moment"))
        bad = {n: (cell, misread(cell, typed)) for n, cell, typed in cells}
        entries = ", ".join(
            f"{{'k': {sql_text(n)}, 'v': CASE WHEN {test} THEN {self.shown(f'left({cell}, 200)')} END}}"
            for n, (cell, test) in bad.items()
        )
        return (
            f"CASE WHEN {' OR '.join(test for _, test in bad.values())} THEN to_json(map_from_entries("
            f"list_filter([{entries}], x -> x.v IS NOT NULL)))::VARCHAR END"
        )

    def rows(self, *, is_all_read: bool = False) -> str:
        """SELECT of the raw rows but for file_id and as_of: one row per line, or one per cell of a wide line.

        Args:
            is_all_read: no cell is unreadable, as a look at all of them has shown.
        """
        columns = ["row_number", f"{self._owner} AS source_participant_id", "moment"]
        time = self.kind.spec.time
        if time.clock != "local":
            columns += ["fold", "utc_offset_min", "tz_source"]
        if time.offset:
            told, again = self._small(time.offset), self._small(time.fold) if time.fold else "0"
            columns += [f"{told} AS utc_offset_min", f"CASE WHEN {told} IS NOT NULL THEN {again} END AS fold"]
            columns.append(f"CASE WHEN {told} IS NOT NULL THEN 'payload' END AS tz_source")
        columns += [f"{'NULL' if at is None else self.typed(at, c)} AS {c.name}" for _, c, at in self.value_columns()]
        columns.append("unreadable")
        wide, lines = (
            self.kind.spec.wide,
            self.rows_with(unreadable="NULL::VARCHAR" if is_all_read else self.unreadable()),
        )
        if wide is not None:
            return self._long(wide, columns, lines)
        if self.kind.spec.item_columns:
            return self._answers(columns, lines)
        rows = f"SELECT {', '.join(columns)} FROM {lines}"
        return _of_questions(rows, self.kind.spec) if self.kind.spec.question_columns else rows

    def _small(self, name: str) -> str:
        """A raw column as a small number; NULL where the file lacks it."""
        column, at = next((c, at) for _, c, at in self.value_columns() if c.name == name)
        return "NULL" if at is None else f"TRY_CAST({self.typed(at, column)} AS SMALLINT)"

    def _answers(self, columns: list[str], lines: str) -> str:
        """The items of a response one under the other; a row whose time cannot be read stays one."""
        items = {item: self.layout.columns_at.get(n) for n, item in self.kind.spec.item_columns.items()}
        there = {item: self.cell(at) for item, at in items.items() if at is not None}
        for (item,), question in self.kind.spec.encrypted_questions.items():
            if item in there:
                there[item] = sealed_sql(sql_text(question), there[item], self._owner)
        kept = [c for c in columns if c.rpartition(" AS ")[2] not in items]
        cells = ", ".join(f"{{'item': {sql_text(i)}, 'answer': {cell}::VARCHAR}}" for i, cell in there.items())
        return f"""
            SELECT * EXCLUDE (one), one.item, one.answer
            FROM (SELECT {", ".join(kept)},
                    unnest(CASE WHEN moment IS NULL THEN [{cells}][1:1] ELSE [{cells}] END) AS one
                  FROM {lines})
        """

    def _long(self, wide: Wide, columns: list[str], lines: str) -> str:
        """The cells of a wide line one under the other; a blank cell is no measurement."""
        typed = self._typed_text("wide_cell", wide.type)
        return f"""
            SELECT * EXCLUDE (wide_cells, wide_cell, place, moment, unreadable),
                   moment + to_seconds((place * {wide.step_s})::BIGINT) AS moment,
                   {typed} AS {wide.name},
                   CASE WHEN {misread("wide_cell", typed)}
                        THEN to_json(MAP {{({sql_list(wide.columns)})[place + 1]: left(wide_cell, 200)}})::VARCHAR
                        ELSE unreadable END AS unreadable
            FROM (
                SELECT *, unnest(wide_cells) AS wide_cell, unnest(range({wide.count})) AS place
                FROM (SELECT {", ".join(columns)}, {self._wide_cells(wide)} AS wide_cells FROM {lines})
            )
            WHERE (wide_cell IS NOT NULL AND NOT {is_missing("wide_cell")}) OR (moment IS NULL AND place = 0)
        """


def _of_questions(rows: str, spec: FileSpec) -> str:
    """Rows of one answer each. What is answered to a question that no codebook knows stays in the file."""
    asked, answer = asked_sql(spec), "answer"
    if spec.encrypted_questions:
        question = question_sql(spec)
        sealed = sealed_sql(question, answer, "source_participant_id")
        answer = f"CASE WHEN {question} IS NULL THEN answer ELSE {sealed} END"
    kept, dropped = (
        sql_list(sorted("/".join(k) for k in keys)) for keys in (spec.kept_questions, spec.dropped_questions)
    )
    return (
        f"SELECT * REPLACE (CASE WHEN list_contains({kept}, {asked}) THEN {answer} END AS answer)"
        f" FROM ({rows}) WHERE NOT list_contains({dropped}::VARCHAR[], {asked})"
    )


def _trimmed(place: int) -> str:
    return f"nullif(trim(c{place}), '')"


def _as_type(number: str, kind: str) -> str:
    """A DOUBLE as the column's type; what does not fit is NULL."""
    if kind == "number":
        return f"CASE WHEN isfinite({number}) THEN {number} END"
    return f"CASE WHEN abs({number}) < 9007199254740992 AND floor({number}) = {number} THEN ({number})::BIGINT END"


def _of_stated(value: str, column: SourceColumn | None) -> str:
    """A typed value; NULL where the spec says what may stand there and this is none of it."""
    if column is None or not column.is_stated:
        return value
    if column.pattern is not None:
        return f"CASE WHEN regexp_full_match({value}, {sql_text(column.pattern)}) THEN {value} END"
    allowed = ", ".join(sql_text(v) if column.type == "text" else v for v in column.values)
    return f"CASE WHEN {value} IN ({allowed}) THEN {value} END"


def loose_time(cell: str) -> str:
    """SQL: a time with single blanks, AM/PM in one form and a point before fractions of seconds."""
    spaced = f"regexp_replace({cell}, '{_SPACES}', ' ', 'g')"
    halved = f"regexp_replace({spaced}, '([AaPp])\\.? ?[Mm]\\.?$', '\\1M')"
    upper = f"regexp_replace(regexp_replace({halved}, 'aM$', 'AM'), 'pM$', 'PM')"
    return f"regexp_replace(trim({upper}), '(:\\d{{2}}),(\\d+)', '\\1.\\2')"


def is_missing(cell: str) -> str:
    """What programs write where there is nothing; an Excel error (#N/A) is not among them."""
    return f"upper({cell}) IN ('NA', 'N/A', 'NAN', 'NULL', 'NONE')"


def misread(cell: str, typed: str, _: str = "") -> str:
    """SQL: whether a cell holds something that is no such value."""
    return f"({cell} IS NOT NULL AND ({typed}) IS NULL AND NOT {is_missing(cell)})"
