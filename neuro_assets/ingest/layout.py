"""Which kind of file a table is, and which of its columns is what: by header, synonyms and the look of the cells."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import PurePosixPath

from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.sources.load import FileKind, Sources

# Columns in which a re-saved file may carry the day and the time of day apart, whatever the vendor calls them.
DAY_NAMES = ("date", "day", "activitydate", "activityday", "localdate")
CLOCK_NAMES = ("time", "hour", "clock", "timeofday", "activityhour", "activitytime", "hourofday", "localtime", "minute")
_DAY = (
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|(19|20|21)\d{6}(?!\d)"
    r"|\d{1,2}[ -][A-Za-z]{3,9}[ ,-]+\d{2,4}|[A-Za-z]{3,9}\.? \d{1,2},? \d{2,4}"
)
_CLOCK = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp]\.?\s?[Mm]\.?)?"
_HAS_DAY = re.compile(rf"^\s*({_DAY})")
_HAS_CLOCK = re.compile(rf"(^|[T\s,])({_CLOCK})\s*(Z|[+-]\d\d:?\d\d)?$")
_BARE_HOUR = re.compile(r"^\d{1,2}(\s*[AaPp]\.?[Mm]\.?)?$")
_CLOCK_PARTS = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_MOST = 0.5
_CLOCKS = 3
_LONGEST_TIME = 64


@lru_cache(maxsize=10_000)
def plain(name: str) -> str:
    """A column's name without case, accents of spelling and everything but letters and digits."""
    return re.sub(r"[^a-z0-9]+", "", unicodedata.normalize("NFKC", name).casefold())


@dataclass(frozen=True)
class Layout:
    """What each column of a table is.

    Attributes:
        kind: the kind of file.
        header: the columns as the file names them.
        id_at: place of the participant column; None where the file's name says whose it is.
        time_at: place of the time column, or places of day and clock.
        columns_at: vendor column -> place.
        is_untouched: the header is the vendor's own, name for name, in the spec's order.
        dropped_at: places of columns whose content never enters the lake.
    """

    kind: FileKind
    header: tuple[str, ...]
    id_at: int | None
    time_at: tuple[int, ...]
    columns_at: dict[str, int]
    is_untouched: bool
    dropped_at: tuple[int, ...] = ()

    @cached_property
    def ignored(self) -> tuple[str, ...]:
        """Columns of the file that the spec does not know."""
        used = {*self.columns_at.values(), *self.time_at, *([] if self.id_at is None else [self.id_at])}
        used |= {*self.dropped_at}
        return tuple(name for n, name in enumerate(self.header) if n not in used and name)

    @property
    def missing(self) -> tuple[str, ...]:
        """Columns of the spec that the file lacks."""
        spec = self.kind.spec
        return tuple(c for c in spec.columns if c not in self.columns_at)

    @property
    def time_name(self) -> str:
        """The time column as the file names it."""
        return " + ".join(self.header[n] for n in self.time_at)

    def renamed(self) -> dict[str, str]:
        """Columns of the file under another name than the vendor's: the vendor's name -> the file's."""
        pairs = [(vendor, self.header[n]) for vendor, n in self.columns_at.items()]
        if self.id_at is not None:
            pairs.append((self.kind.source.identity.shown, self.header[self.id_at]))
        if len(self.time_at) == 1:
            pairs.append((self.kind.spec.time.column, self.header[self.time_at[0]]))
        return {vendor: name for vendor, name in pairs if vendor != name}


@dataclass(frozen=True)
class _Match:
    layout: Layout
    names_person: bool
    is_own_header: bool
    fits_cells: bool
    exact: int
    unexplained: int
    is_named: bool

    @property
    def is_told(self) -> bool:
        """Columns that any instrument could have (q1, q2) tell its kind only with the file's name."""
        spec = self.layout.kind.spec
        items = [self.layout.header[self.layout.columns_at[c]] for c in spec.required]
        return self.is_named or spec.is_named_by(items)

    @property
    def has_all_or_is_open(self) -> bool:
        """Where a kind is `exact`, a column that it does not know makes the file one of another kind."""
        return not self.layout.kind.spec.exact or self.unexplained == 0

    @property
    def rank(self) -> tuple[bool, bool, bool, int, int, bool]:
        return self.names_person, self.is_own_header, self.fits_cells, -self.unexplained, self.exact, self.is_named


def find_layout(
    sources: Sources, header: Sequence[str], sample: Sequence[Sequence[str]], file_name: str, kind: str | None = None
) -> Layout | None:
    """The kind of file a header and the first rows belong to; None where no kind has its required columns.

    Args:
        sources: the specs in force.
        header: column names.
        sample: the first rows.
        file_name: decides between kinds that differ in nothing else.
        kind: the kind a person said it is (`source.kind` or `kind`).

    Raises:
        FileRefusedError: `ambiguous_layout`, or a column that is there twice.
    """
    kinds = [k for k in sources.kinds if kind in {k.kind, k.name}]
    if kind is None:
        kinds = [k for k in sources.kinds if k.source.recognised_by == "columns"]
    places = _Places(header)
    names = [(k, _Names(header, places)) for k in kinds]
    fitting = [m for k, n in names if (m := _match(k, n, sample, file_name)) is not None]
    matches = fitting if kind is not None else [m for m in fitting if m.is_told and m.has_all_or_is_open]
    if not matches:
        if twice := sorted({name for _, n in names for name in n.twice}):
            raise FileRefusedError("unknown_layout", f"columns appear twice: {', '.join(twice)}", "Leave one of each")
        if rivals := next((n.rivals for _, n in names if n.rivals), ()):
            raise FileRefusedError(
                "ambiguous_layout",
                f"the time may be in the column '{rivals[0]}' or in '{rivals[1]}'",
                "Leave one of them, or give it the vendor's name",
            )
        if untold := sorted(m.layout.kind.name for m in fitting if not m.is_told):
            raise FileRefusedError(
                "unknown_layout",
                f"its columns could be any instrument's, and its name does not say which: {', '.join(untold)[:200]}",
                f"Call the file after its instrument, or say which it is: `neuro ingest --kind {untold[0]} FILE`",
            )
        return None
    best = max(m.rank for m in matches)
    first = [m for m in matches if m.rank == best]
    if len(first) > 1:
        names = ", ".join(f"{m.layout.kind.name}" for m in first)
        raise FileRefusedError(
            "ambiguous_layout",
            f"the columns fit several kinds of file: {names}",
            "Say which it is: `neuro ingest --kind KIND FILE`",
        )
    layout = first[0].layout
    _refuse_rivals(layout)
    if kind is None:
        _refuse_rest_of_another(sources, layout)
    return layout


def _refuse_rest_of_another(sources: Sources, layout: Layout) -> None:
    """A file that has most of another kind's columns is that kind, with something missing or twice."""
    source = layout.kind.source
    names = [plain(n) for n in layout.header if n]
    explained = len(names) - len(layout.ignored)
    for other in sources.kinds:
        if other.source is not source or other.kind == layout.kind.kind:
            continue
        wanted = {plain(n): n for n in source.header_of(other.kind)}
        if len({*names} & wanted.keys()) <= explained:
            continue
        missing = sorted(n for n in other.spec.required if plain(n) not in names)
        twice = sorted({wanted[n] for n in names if names.count(n) > 1 and n in wanted})
        if missing or twice:
            raise FileRefusedError(
                "unknown_layout",
                f"this looks like {source.title} {other.spec.name_hint}"
                + (f" without {', '.join(missing)[:300]}" if missing else "")
                + (f" with {', '.join(twice)} twice" if twice else ""),
                "Export it again; if it is another kind of file, say which: `neuro ingest --kind KIND FILE`",
            )


def _refuse_rivals(layout: Layout) -> None:
    """Two columns under different synonyms of one: which of them is meant is not for us to choose."""
    spec, identity = layout.kind.spec, layout.kind.source.identity
    wanted = [(n, c.also, layout.columns_at.get(n)) for n, c in spec.columns.items()]
    wanted.append((identity.column or "", identity.also, layout.id_at))
    for vendor, also, at in wanted:
        # The vendor's own name tells a column from those that are called otherwise; of an item any name is as good.
        is_item = spec.is_of_answers and vendor in spec.required | spec.item_columns.keys()
        if at is None or (layout.header[at] == vendor and not is_item):
            continue
        known = {plain(n) for n in (vendor, *also)}
        rivals = [name for name in layout.ignored if plain(name) in known]
        if rivals:
            raise FileRefusedError(
                "ambiguous_layout",
                f"'{vendor}' may be the column '{layout.header[at]}' or '{rivals[0]}'",
                "Leave one of them, or give it the vendor's name",
            )


def _match(kind: FileKind, names: "_Names", sample: Sequence[Sequence[str]], file_name: str) -> _Match | None:
    identity, spec, header = kind.source.identity, kind.spec, names.header
    id_at = None
    if identity.column is not None:
        id_at = names.take(identity.column, identity.also)
        if id_at is None:
            return None
    vendor = {n: c.also for n, c in spec.columns.items()} | dict.fromkeys(spec.wide.columns if spec.wide else (), ())
    # The vendor's own names first: a synonym of one column may be the name of another.
    exact = {n: at for n in vendor if (at := names.take_exact(n)) is not None}
    own_time = names.take(spec.time.column, ())
    columns_at = exact | {
        n: at for n, also in vendor.items() if n not in exact and (at := names.take(n, also)) is not None
    }
    if not spec.required <= columns_at.keys():
        return None
    time_at = _time_places(kind, names, own_time, sample)
    if not time_at or names.twice:
        return None
    dropped_at = tuple(names.open(spec.drop))
    layout = Layout(kind, tuple(header), id_at, time_at, columns_at, _is_untouched(kind, header), dropped_at)
    used = len(columns_at) + len(time_at) + (id_at is not None) + len(dropped_at)
    return _Match(
        layout=layout,
        names_person=identity.file_name is None or re.search(identity.file_name, file_name) is not None,
        is_own_header={n for n in header if n} == kind.source.header_of(kind.kind),
        fits_cells=_fits(kind, time_at, sample) and not _leaves_clock(kind, names, time_at, sample),
        exact=sum(n in kind.source.header_of(kind.kind) for n in header),
        unexplained=sum(1 for n in header if n) - used,
        is_named=plain(spec.name_hint.removesuffix("_merged")) in plain(PurePosixPath(file_name).name),
    )


class _Places:
    """Where the names of a header are, as written and plainly."""

    def __init__(self, header: Sequence[str]) -> None:
        self.exact: dict[str, list[int]] = {}
        self.plain: dict[str, list[int]] = {}
        for n, name in enumerate(header):
            self.exact.setdefault(name, []).append(n)
            self.plain.setdefault(plain(name), []).append(n)


class _Names:
    """Header names, each given away once."""

    def __init__(self, header: Sequence[str], places: _Places) -> None:
        self.header = header
        self.twice: set[str] = set()
        self.rivals: tuple[str, ...] = ()
        self._places = places
        self._taken: set[int] = set()

    def take_exact(self, name: str) -> int | None:
        return self._take(self._places.exact.get(name, []), name)

    def take(self, name: str, also: Iterable[str]) -> int | None:
        found = self.take_exact(name)
        for candidate in (name, *also):
            if found is not None:
                break
            found = self._take(self._places.plain.get(plain(candidate), []) if plain(candidate) else [], candidate)
        return found

    def open(self, names: Iterable[str]) -> list[int]:
        """Places of columns with one of these names that nobody took."""
        wanted = dict.fromkeys(plain(n) for n in names)
        return [n for key in wanted for n in self._places.plain.get(key, []) if n not in self._taken]

    def release(self, place: int | None) -> None:
        self._taken.discard(place)  # pyright: ignore[reportArgumentType]

    def _take(self, places: list[int], name: str) -> int | None:
        left = [n for n in places if n not in self._taken]
        if len(left) > 1:
            self.twice.add(name)
        if len(left) != 1:
            return None
        self._taken.add(left[0])
        return left[0]


def _time_places(kind: FileKind, names: _Names, own: int | None, sample: Sequence[Sequence[str]]) -> tuple[int, ...]:
    time = kind.spec.time
    names.release(own)
    known = sorted(names.open((time.column, *time.also)), key=lambda n: n != own)
    if own is not None and (kind.spec.is_dated or time.format or time.epoch or time.clock == "stated"):
        return (own,)
    looks = {n: _look(sample, n) for n in (*known, *names.open(DAY_NAMES), *names.open(CLOCK_NAMES))}
    wanted = "day" if kind.spec.is_dated else "moment"
    if fitting := [n for n in known if looks[n] == wanted]:
        if len(fitting) > 1 and fitting[0] != own:
            names.rivals = tuple(names.header[n] for n in fitting[:2])
            return ()
        return (fitting[0],)
    days = [n for n, look in looks.items() if look == "day"]
    clocks = [n for n, look in looks.items() if look in {"clock", "hour"}]
    if not kind.spec.is_dated and len(days) == 1 and len(clocks) == 1:
        return (days[0], clocks[0])
    return tuple(known[:1])


def _is_value(cell: str) -> bool:
    """Whether a cell cannot be a column's name: a number, or a time. Messages repeat names, and no values."""
    return bool(cell) and (not any(c.isalpha() for c in cell) or look_of(cell) in {"day", "moment"})


def _look(sample: Sequence[Sequence[str]], place: int) -> str:
    """What most cells of a column are: moment, day, clock, hour or other."""
    cells = [row[place] for row in sample if len(row) > place and row[place]]
    if not cells:
        return "other"
    looks = [look_of(c) for c in cells]
    if "moment" in looks:  # a midnight may stand without its clock
        return "moment"
    return next((k for k in ("day", "clock", "hour") if looks.count(k) > _MOST * len(cells)), "other")


def look_of(cell: str) -> str:
    """A cell as a piece of time: moment, day, clock, hour or other."""
    if len(cell) > _LONGEST_TIME:
        return "other"
    has_day, has_clock = _HAS_DAY.match(cell) is not None, _HAS_CLOCK.search(cell) is not None
    if has_day:
        return "moment" if has_clock else "day"
    if has_clock:
        return "clock"
    return "hour" if _BARE_HOUR.match(cell) else "other"


def _fits(kind: FileKind, time_at: tuple[int, ...], sample: Sequence[Sequence[str]]) -> bool:
    """Whether the clocks of the first rows are those of this kind: none for days, whole hours for hourly rows."""
    cells = [row[time_at[-1]] for row in sample if len(row) > time_at[-1] and row[time_at[-1]]]
    cells = [c for c in cells if len(c) <= _LONGEST_TIME]
    clocks = {(int(h), int(m), int(s or 0)) for c in cells for h, m, s in _CLOCK_PARTS.findall(c)}
    clocks |= {(int(c), 0, 0) for c in cells if c.isdigit() and _BARE_HOUR.match(c)}
    if kind.spec.is_dated:
        return not {c for c in clocks if c[1:] != (0, 0) or c[0] not in {0, 12}}
    if not clocks:
        return len(time_at) == 2 or not any(look_of(c) == "day" for c in cells)
    step = 3600 if kind.spec.wide else kind.spec.period_s
    if step and len(cells) >= _CLOCKS and clocks <= {(0, 0, 0), (12, 0, 0)}:
        return False  # midnights are how some programs write days
    whole_hours = all(c[1:] == (0, 0) for c in clocks)
    if step is None or step >= 3600:
        return step is None or whole_hours
    # A log of sleep begins on the minute or on the half minute, and keeps to it: two logs may differ by 30 seconds.
    if step >= 60 and len({c[2] for c in clocks}) > 1 and any(c[2] % 30 for c in clocks):
        return False
    return len(clocks) < _CLOCKS or not (whole_hours or (step < 60 and all(c[2] == 0 for c in clocks)))


def _leaves_clock(kind: FileKind, names: _Names, used: tuple[int, ...], sample: Sequence[Sequence[str]]) -> bool:
    """A kind of days would leave a column of clocks aside: then the rows are of moments."""
    rest = [n for n in names.open((*kind.spec.time.also, *CLOCK_NAMES)) if n not in used]
    return kind.spec.is_dated and any(_look(sample, n) in {"moment", "clock"} for n in rest)


def _is_untouched(kind: FileKind, header: Sequence[str]) -> bool:
    identity, spec = kind.source.identity, kind.spec
    first = (*([identity.column] if identity.column else []), spec.time.column)
    rest = (*spec.columns, *(spec.wide.columns if spec.wide else ()))
    return tuple(header) == (*first, *rest)


def unknown_layout(sources: Sources, header: Sequence[str]) -> FileRefusedError:
    """The refusal of a table no kind of file fits, naming the nearest kind and the differences."""
    if any(_is_value(cell) for cell in header):
        return FileRefusedError(
            "unknown_layout", "the file has no header line", "Put the names of the columns above the first row"
        )
    best, missing, extra = sources.nearest(list(header))
    missing = [m for m in missing if m not in best.spec.columns or not best.spec.columns[m].optional]
    remedy = (
        "If it is another kind of file, describe it: `neuro source new FILE`; if it holds answers, name its instrument"
        " in study.yaml (`neuro survey list`) or describe that: `neuro survey new FILE`"
    )
    if not set(header) - set(extra):
        shown = ", ".join(h for h in header if h)[:200]
        return FileRefusedError("unknown_layout", f"no known export has any of these columns: {shown}", remedy)
    parts = [f"no known export has these columns; the nearest is {best.source.title} {best.spec.name_hint}"]
    if missing:
        parts.append(f"which also has: {', '.join(missing)[:300]}")
    if extra:
        parts.append(f"and does not have: {', '.join(extra)[:300]}")
    return FileRefusedError("unknown_layout", "; ".join(parts), f"Export it again with all its columns. {remedy}")
