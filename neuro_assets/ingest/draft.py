"""A draft of a source spec from one file: YAML with remarks for a person to check. No value of the file but an id.

How a file is looked at is in survey.py.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from neuro_assets.ingest.layout import plain
from neuro_assets.ingest.survey import Seen, Times, find_times, look_of_column, type_of
from neuro_assets.ingest.textfile import SEPARATOR_NAMES
from neuro_assets.ingest.whose import Whose, looks_like_people, own_name, stem_of, stream_said, whose_rows
from neuro_assets.sources.load import Sources
from neuro_assets.sources.model import TAKEN
from neuro_assets.sources.streams_of_spec import SQL_WORDS
from neuro_assets.sources.yaml_text import YAML_WORDS, quoted, scalar
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets.streams.model import Stream

CHECK = "# check"
# Names of columns beside those that the built-in source lists.
_LIKELY = {
    "activity_counts": ("activity", "activitycount", "activitycounts", "counts", "count", "vm", "vectormagnitude",
                        "pim", "zcm", "tat", "axis1", "actigraphy"),
    "steps": ("steps", "stepcount"),
    "heart_rate": ("heartrate", "hr", "bpm", "pulse"),
    "calories": ("calories", "kcal", "energykcal"),
    "mets": ("mets", "met", "metvalue"),
}  # fmt: skip
_ANY_VALUE = {"value", "val", "values", "reading", "measurement", "data"}
_WIDE = 12
_EVEN = 0.5
_PERIOD_NAMES = {1: "second", 60: "minute", 3600: "hourly", 86_400: "daily"}


@dataclass(frozen=True)
class Line:
    """A line of YAML with the remark behind it."""

    text: str
    remark: str = ""


@dataclass(frozen=True)
class Draft:
    """What a draft is made of.

    Attributes:
        seen: the file's table.
        path: the file's name, with that of its archive.
        name: the source's name.
        known: specs whose synonyms tell what a column may feed.
        siblings: names of the files beside it.
    """

    seen: Seen
    path: str
    name: str
    known: Sources
    siblings: tuple[str, ...] = ()

    @property
    def header(self) -> tuple[str, ...]:
        """The file's columns."""
        return self.seen.table.header

    @cached_property
    def whose(self) -> Whose:
        """The participant column by its name, else the file's name."""
        return whose_rows(self.seen, self.path, self.siblings)

    @cached_property
    def times(self) -> Times:
        """The time column."""
        return find_times(self.seen, self.whose.place)

    @cached_property
    def kind(self) -> str:
        """`time.kind` of the spec."""
        if self.times.clock_at is None and not any(p[3] for p in self.times.parts):
            return "date"
        return "midnight" if self.times.is_of_days and self.times.clock_at is None else "datetime"

    @cached_property
    def period(self) -> tuple[int | None, float]:
        """The most common distance of rows in seconds, and its share; None where rows have none."""
        steps = self.times.steps
        if self.kind != "datetime" or not steps:
            return None, 0.0
        step, count = steps.most_common(1)[0]
        return (step if step <= 86_400 else None), count / steps.total()

    @cached_property
    def left_out(self) -> dict[int, str]:
        """Columns that do not go into the draft -> why."""
        used = {self.whose.place, self.times.day_at, self.times.clock_at}
        found: dict[int, str] = {}
        for place, name in enumerate(self.header):
            if place in used:
                continue
            if not name or len(name) > 100 or self.header.count(name) > 1:
                found[place] = "has no name of its own"
            elif looks_like_people(name, self.seen.cells(place), is_id=False):
                found[place] = "seems to hold names or e-mail addresses, which do not belong in a study's files"
        return found

    @cached_property
    def wide(self) -> tuple[str, tuple[int, ...]] | None:
        """Columns such as Steps00 to Steps59, one after the other in time: what precedes the number, places."""
        found: dict[str, list[int]] = {}
        for place, name in enumerate(self.header):
            if (parts := re.fullmatch(r"(.*\D)(\d\d)", name)) and int(parts[2]) == len(found.get(parts[1], ())):
                found.setdefault(parts[1], []).append(place)
        longest = max(found.items(), key=lambda f: len(f[1]), default=("", []))
        return (longest[0], tuple(longest[1])) if len(longest[1]) >= _WIDE and self.kind == "datetime" else None

    @cached_property
    def columns(self) -> dict[int, tuple[str, str, str]]:
        """Place -> (name in the lake, type, unit) of every other column; those that follow each other are one."""
        wide = self.wide[1] if self.wide else ()
        used = {self.whose.place, self.times.day_at, self.times.clock_at, *self.left_out, *wide[1:]}
        found: dict[int, tuple[str, str, str]] = {}
        for place in (n for n in range(len(self.header)) if n not in used):
            name = self.label(place)
            cells = [c for n in wide for c in self.seen.cells(n)] if place in wide else self.seen.cells(place)
            unit = re.search(r"[(\[]([^)\]]{1,12})[)\]]\s*$", name)
            found[place] = (snake(name, {n for n, _, _ in found.values()}), type_of(cells), unit[1] if unit else "")
        return found

    def label(self, place: int) -> str:
        """A column's name; of the first of those that follow each other, what they share."""
        return self.wide[0] if self.wide and place == self.wide[1][0] else self.header[place]

    @cached_property
    def streams(self) -> dict[str, dict[str, int]]:
        """Stream -> its columns -> place: every stream whose columns are all there, the larger ones first."""
        found: dict[str, dict[str, int]] = {}
        free = set(self.columns)
        names = _names_of(self.known)
        for stream in sorted(STREAMS, key=lambda s: -len(s.required)):
            mapping = self._fed(stream, names, free) if self._fits_time(stream) else {}
            if mapping:
                found[stream.name] = mapping
                free -= set(mapping.values())
        return found

    def _fits_time(self, stream: Stream) -> bool:
        """Days or moments; and what adds up over intervals comes at even steps, unless there is but one row."""
        step, share = self.period
        is_even = step is not None and share >= _EVEN
        is_free = stream.sampling not in {"interval", "state"} or not self.times.steps
        return stream.is_sample == (self.kind == "datetime") and (is_even or is_free or not stream.is_sample)

    def _fed(self, stream: Stream, names: dict[tuple[str, str], set[str]], free: set[int]) -> dict[str, int]:
        mapping: dict[str, int] = {}
        for column in stream.mapped:
            wanted = names.get((stream.name, column), set())
            numeric = next(c for c in stream.columns if c.name == column).type != "VARCHAR"
            for place in sorted(free - set(mapping.values())):
                fits = plain(self.label(place)) in wanted or self._by_file_name(place, stream, column)
                if fits and (not numeric or self.columns[place][1] != "text") and column not in mapping:
                    mapping[column] = place
        return mapping if set(stream.required) <= set(mapping) else {}

    def _by_file_name(self, place: int, stream: Stream, column: str) -> bool:
        """A column that is only called value is what the file's name says."""
        name = PurePosixPath(self.path).name
        return column == "value" and plain(self.label(place)) in _ANY_VALUE and stream_said(name) == stream.name

    @property
    def step(self) -> int | None:
        """`period_s`; a minute where rows do not tell, for a person to check."""
        if self.kind != "datetime":
            return None
        return max(1, (self.period[0] or 3600) // len(self.wide[1])) if self.wide else self.period[0] or 60

    @property
    def file_kind(self) -> str:
        """What the kind of file is called."""
        every = _PERIOD_NAMES.get((self.step if self.wide else self.period[0]) or 0, "")
        every = every if self.kind == "datetime" else "daily"
        what = next(iter(self.streams), "rows")
        return what if not every or what.startswith(every) else f"{every}_{what}"


# -- columns -----------------------------------------------------------------------------------------------------


def _names_of(known: Sources) -> dict[tuple[str, str], set[str]]:
    """(stream, its column) -> plain names that columns have which feed it unscaled and uncoded."""
    found = {(stream, "value"): set(names) for stream, names in _LIKELY.items()}
    for spec in (k.spec for k in known.kinds):
        for stream, mapping in spec.streams.items():
            for target, mapped in mapping.items():
                names = {n for v, c in spec.columns.items() if c.name == mapped.column for n in (v, *c.also)}
                if mapped.scale is None and mapped.codes is None:
                    found.setdefault((stream, target), set()).update({plain(n) for n in names} - _ANY_VALUE)
    return found


def snake(name: str, taken: Iterable[str] = ()) -> str:
    """A column's name as the lake writes names: lower case, digits and _, a letter first.

    >>> snake("Heart Rate (bpm)")
    'heart_rate_bpm'
    """
    split = re.sub(r"([a-z\d])([A-Z])", r"\1_\2", name.replace("%", " pct ").replace("ß", "ss"))
    bare = unicodedata.normalize("NFKD", split).encode("ascii", "ignore").decode().lower()
    found = re.sub(r"[^a-z0-9]+", "_", bare).strip("_") or "unnamed"
    found = found if found[0].isalpha() else f"c_{found}"
    found = f"{found}_of_file" if found in TAKEN | SQL_WORDS | YAML_WORDS else found
    number, result = 2, found
    while result in set(taken):
        number, result = number + 1, f"{found}_{number}"
    return result


# -- the text ----------------------------------------------------------------------------------------------------


def draft_spec(draft: Draft) -> str:
    """The spec as YAML text.

    Raises:
        FileRefusedError: `unreadable_times`: no column can be the time column.
    """
    lines = [*_title(draft), *_identity(draft), *_order(draft), *_kind(draft), *_columns(draft), *_streams(draft)]
    return "".join(f"{one.text:<46}  {one.remark}".rstrip() + "\n" if one.remark else f"{one.text}\n" for one in lines)


def _title(draft: Draft) -> list[Line]:
    table, rows = draft.seen.table, len(draft.seen.rows)
    form = {"csv": f"{SEPARATOR_NAMES.get(table.separator or '', 'text')}-separated text, header on line"
            f" {table.header_line}", "parquet": "Parquet", "json": "JSON"}[table.format]  # fmt: skip
    shown = f"the first {rows:,} rows" if rows >= 20_000 else f"{rows:,} rows"
    return [
        Line(f"# Draft of a source by `neuro source new`, from {shown} of a file ({form})."),
        Line(f'# Lines with "{CHECK}" are guesses: look at each of them. What the fields mean: docs/sources.md'),
        Line(f"name: {draft.name}"),
        Line("version: 1", "# raise it whenever you change what the spec means"),
        Line(f"title: {scalar(draft.name)}", f"{CHECK}: what messages call it"),
    ]


def _identity(draft: Draft) -> list[Line]:
    found = draft.whose
    lines = [Line("identity:")]
    if found.place is not None:
        lines.append(Line(f"  column: {scalar(draft.header[found.place])}", f"{CHECK}: whose a row is"))
    else:
        lines.append(Line("  # No column says whose a row is, so each file must be one person's."))
        lines.append(Line(f"  file_name: {scalar(found.file_name)}", f"{CHECK}: in brackets, the id in a file's name"))
    if found.is_person and found.place is None:
        lines.append(
            Line("  # Nothing in this file's name looks like a pseudonymous id (names do not belong here): call each")
        )
        lines.append(Line("  # file after its participant, such as P001.csv. The pattern and the example are made up."))
    elif found.is_person:
        lines.append(
            Line("  # These ids look like names or e-mail addresses. They do not belong here: put pseudonyms in")
        )
        lines.append(Line("  # their place before a file is loaded. The pattern and the example are made up."))
    lines.append(Line(f"  pattern: {quoted(found.pattern)}", f"{CHECK}: what every id looks like; others are refused"))
    lines.append(Line(f"  example: {quoted(found.example)}"))
    return lines


def _order(draft: Draft) -> list[Line]:
    times = draft.times
    shown = quoted(draft.header[times.day_at])
    if not times.orders:
        return [Line(f"# How days in {shown} are written was not recognised."), Line("date_order: ymd", CHECK)]
    order = times.order if times.order in {"mdy", "dmy", "ymd"} else None
    if not times.is_open:
        return [Line(f"date_order: {order or 'ymd'}", "" if order else "# days have no order of numbers here")]
    left = {o for orders in times.orders.values() for o in orders}
    likely = ("dmy", "mdy", "ymd") if any("." in shape for shape in times.orders) else ("mdy", "dmy", "ymd")
    order = order or next((o for o in likely if o in left), "ymd")
    how = (
        f"can be read as {' or '.join(sorted(left))}"
        if all(times.orders.values())
        else "are not all written in one order"
    )
    return [
        Line(f"# Open: the days in {shown} {how} (m month, d day, y year)."),
        Line("# To decide it, look for a day above 12, or ask who exported the file. If all files are written so, say"),
        Line("# it under time, for example format: '%d/%m/%Y %H:%M:%S'; else each file is decided from its own rows."),
        Line(f"date_order: {order}", CHECK),
    ]


def _kind(draft: Draft) -> list[Line]:
    times, header, whose = draft.times, draft.header, draft.whose
    # The id is no part of what the files' names have in common.
    rest = stem_of(own_name(draft.path)).replace(whose.example if whose.place is None else "", " ")
    letters = [] if whose.is_person else re.findall(r"[A-Za-z]{2,}", rest)
    hint = max(letters, key=len, default=plain(next(iter(draft.streams), "data")))
    lines = [
        Line("files:"),
        Line(f"  {draft.file_kind}:", f"# the rows go to raw.{draft.name}_{draft.file_kind}"),
        Line(f"    name_hint: {scalar(hint)}", f"{CHECK}: a part of the files' names, if they share one"),
        Line("    time:"),
        Line(f"      column: {scalar(header[times.day_at])}", "" if len(_days(draft)) == 1 else CHECK),
        Line(f"      kind: {draft.kind}", CHECK if draft.kind == "midnight" else ""),
    ]
    if times.clock_at is not None:
        clock = scalar(header[times.clock_at])
        lines.append(Line(f"      also: [{clock}]", "# the time of day: the two are put together"))
    if times.has_zone:
        lines.append(
            Line("      # The times carry a zone or an offset, which is not read: export the wall clock without.")
        )
    if times.format:
        lines.append(Line(f"      format: {quoted(times.format)}"))
    elif not times.is_open and not times.has_zone and times.clock_at is None:
        lines.append(Line("      # Times are written in several ways: without a format, all rows of a file decide."))
    return lines + _period(draft)


def _days(draft: Draft) -> list[int]:
    """Columns that could be the time column."""
    places = [n for n in range(len(draft.header)) if n != draft.whose.place and n not in draft.left_out]
    looks = {n: look_of_column(draft.seen.cells(n)) for n in places}
    return [n for n in places if looks[n] == looks[draft.times.day_at]]


def _period(draft: Draft) -> list[Line]:
    step, share = draft.period
    has_period = not draft.streams or any(s.has_period for s in STREAMS if s.name in draft.streams)
    if draft.kind != "datetime" or not has_period:
        return []
    if step is None:
        return [Line(f"    period_s: {draft.step}", f"{CHECK}: seconds from one row to the next; the rows do not tell")]
    if draft.wide:
        return [Line(f"    period_s: {draft.step}", f"{CHECK}: seconds from one column to the next")]
    if share < _EVEN:
        return [Line(f"    period_s: {step}", f"{CHECK}: the rows are not evenly spaced; this is the most common step")]
    return [Line(f"    period_s: {step}", f"{CHECK}: {share:.0%} of the rows are so many seconds apart")]


def _columns(draft: Draft) -> list[Line]:
    lines = [Line(f"    # {quoted(draft.header[p])} {why}: left out.") for p, why in draft.left_out.items()]
    if not draft.columns:
        return [*lines, Line("    # The file has no column of values.")]
    first = draft.wide[1][0] if draft.wide else None
    if draft.wide and first is not None:
        name, kind, _ = draft.columns[first]
        told = f"prefix: {scalar(draft.wide[0])}, count: {len(draft.wide[1])}, step_s: {draft.step}, name: {name}"
        lines.append(Line(f"    wide: {{{told}, type: {kind}}}", f"{CHECK}: columns that follow each other in time"))
    if set(draft.columns) - {first}:
        lines.append(Line("    columns:", f"{CHECK}: integer, number or text? What nobody needs can be deleted"))
    for place, (name, kind, unit) in ((p, c) for p, c in draft.columns.items() if p != first):
        shown = f", unit: {scalar(unit)}" if unit else ""
        lines.append(Line(f"      {scalar(draft.header[place])}: {{name: {name}, type: {kind}{shown}}}"))
    return lines


def _streams(draft: Draft) -> list[Line]:
    known = [s.name for s in STREAMS]
    if not draft.streams:
        return [
            Line(
                "    # No column was recognised as a stream's. Say which feeds which; until then the spec is not valid."
            ),
            Line("    # streams:"),
            Line("    #   steps: {value: <name from columns>}"),
            *(Line(f"    # {line}") for line in _list("The streams: ", known)),
        ]
    lines = [Line("    streams:", f"{CHECK}: the stream, and that units are the stream's (docs/data-model.md)")]
    for stream, mapping in draft.streams.items():
        pairs = ", ".join(f"{column}: {draft.columns[place][0]}" for column, place in mapping.items())
        lines.append(Line(f"      {stream}: {{{pairs}}}"))
    return lines


def _list(title: str, names: list[str]) -> list[str]:
    """Names in lines of a readable length."""
    lines = [title]
    for name in names:
        if len(lines[-1]) + len(name) > 100:
            lines.append("  ")
        lines[-1] += f"{name}, "
    return [line.rstrip(", ") for line in lines]
