"""Whether one kind of file fits its streams, told for every stream at once and with the nearest right name.

The model refuses the same, one mistake at a time; this finds them also beside mistakes elsewhere.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from neuro_assets.sources.mapped import Mapped
from neuro_assets.sources.model import TAKEN, WHO
from neuro_assets.sources.yaml_text import Document, Mistake, Place, nearest
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets.streams.model import Stream

# What DuckDB takes for a word of SQL even where a column's name stands.
_WORDS = """
    all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check
    collate collation column concurrently constraint create cross default deferrable desc describe distinct do else
    end except false fetch for foreign freeze from full glob group having ilike in initially inner intersect into is
    isnull join lambda lateral leading left like limit natural not notnull null offset on only or order outer overlaps
    pivot pivot_longer pivot_wider placing positional primary qualify references returning right select semi show
    similar some summarize symmetric table tablesample then to trailing true union unique unpack unpivot using
    variadic verbose when where window with
"""
SQL_WORDS = frozenset(_WORDS.split())
_DAILY = [s.name for s in STREAMS if not s.is_sample]
_SAMPLES = [s.name for s in STREAMS if s.is_sample]


def stream_mistakes(document: Document, place: Place, body: Mapping[str, Any], inside: set[Place]) -> Iterator[Mistake]:
    """What is wrong between the columns and the streams of a kind.

    Args:
        document: for the lines.
        place: of the kind.
        body: the kind as written.
        inside: places within the kind where a field itself is wrong; what follows from those is not told.
    """
    streams = body.get("streams")
    known = {s.name: s for s in STREAMS}
    for name, mapping in (streams if isinstance(streams, Mapping) else {}).items():
        at = (*place, "streams", str(name))
        if name not in known:
            near = nearest(str(name), list(known))
            remedy = f"did you mean '{near}'?" if near else f"the streams are {', '.join(known)}"
            yield Mistake(document.line(at), at, f"unknown stream '{name}'", remedy)
        elif isinstance(mapping, Mapping):
            yield from _of_columns(document, at, known[name], mapping)
            yield from _of_references(document, at, body, mapping, inside)
            yield from _of_time(document, place, known[name], body, inside)
    yield from _of_names(document, place, body)
    time = body.get("time")
    if body.get("wide") and isinstance(time, Mapping) and time.get("kind") in {"date", "midnight"}:
        here = (*place, "time", "kind")
        what = "'wide' columns follow each other in time, so a row begins at a moment"
        yield Mistake(document.line(here), here, what, "write `kind: datetime`, or delete `wide`")


def _of_columns(document: Document, at: Place, target: Stream, mapping: Mapping[str, Any]) -> Iterator[Mistake]:
    """Columns that the stream has not, and columns that it must have."""
    missing = [c for c in target.required if c not in mapping]
    for column in (c for c in map(str, mapping) if c not in target.mapped):
        left = [c for c in target.mapped if c not in mapping]
        near = nearest(column, left) or (missing[0] if len(target.mapped) == 1 and missing else None)
        missing = [c for c in missing if c != near]
        remedy = f"did you mean '{near}'?" if near else f"its columns are {', '.join(target.mapped)}"
        here = (*at, column)
        yield Mistake(document.line(here), here, f"stream '{target.name}' has no column '{column}'", remedy)
    if missing:
        what = f"stream '{target.name}' also needs {', '.join(missing)}"
        remedy = f"add `{missing[0]}: <name of a column of this kind>`"
        if others := [s.name for s in STREAMS if s is not target and s.required and set(s.required) <= set(mapping)]:
            remedy += f", or feed {' or '.join(others)} instead"
        yield Mistake(document.line(at), at, what, remedy)
    for column in (c for c in target.columns if isinstance(mapping.get(c.name), Mapping)):
        try:
            Mapped.model_validate(mapping[column.name]).fits(column)
        except ValidationError:
            continue  # told already
        except ValueError as error:
            has = [f for f in ("codes", "constant") if mapping[column.name].get(f) is not None]
            at_fault = has[0] if has and "takes" in str(error) else "members" if "members" in str(error) else "scale"
            here = (*at, column.name, at_fault)
            yield Mistake(document.line(here), here, str(error), "mend or delete it")


def _of_references(
    document: Document, at: Place, body: Mapping[str, Any], mapping: Mapping[str, Any], inside: set[Place]
) -> Iterator[Mistake]:
    """Names of columns that the kind has not declared."""
    columns, wide = body.get("columns"), body.get("wide")
    in_doubt = [p for p in inside if p and nearest(p[0], ["columns", "wide"]) and (len(p) < 3 or p[2:] == ("name",))]
    if in_doubt:
        return
    told = {str(v): c.get("name") for v, c in columns.items()} if isinstance(columns, Mapping) else {}
    names = [str(n) for n in (*told.values(), wide.get("name") if isinstance(wide, Mapping) else None) if n]
    for here, reference in _references(at, mapping):
        target, name = here[-1], reference.get("column") if isinstance(reference, Mapping) else reference
        if not isinstance(name, str) or name in names or name == WHO:
            continue
        what = f"no column of this kind is named '{name}'"
        if name in told:
            what, near = f"'{name}' is the file's name of the column, the lake's is wanted", told[name]
        else:
            near = nearest(name, names)
        remedy = f"did you mean '{near}'?" if near else f"declare it under columns; there are: {', '.join(names)}"
        if near and name in told:
            remedy = f"write `{target}: {near}`"
        yield Mistake(document.line(here), here, what, remedy)


def _references(at: Place, mapping: Mapping[str, Any]) -> Iterator[tuple[Place, Any]]:
    """What each column of a stream is fed from, members of an object one by one."""
    for target, reference in mapping.items():
        members = reference.get("members") if isinstance(reference, Mapping) else None
        if isinstance(members, Mapping):
            yield from (((*at, str(target), "members", str(m)), told) for m, told in members.items())
        else:
            yield (*at, str(target)), reference


def _of_time(
    document: Document, place: Place, target: Stream, body: Mapping[str, Any], inside: set[Place]
) -> Iterator[Mistake]:
    """Whether the times are those of the stream: moments or days, and with a period."""
    is_told = any(len(p) == 1 and nearest(p[0], ["period_s"]) for p in inside)
    has_period = body.get("period_s") is not None or body.get("period") is not None
    if target.has_period and not has_period and not is_told:
        here = (*place, "period_s")
        what = f"'period_s' is missing, and stream '{target.name}' needs it"
        remedy = "add the seconds from one row to the next, for example `period_s: 60`"
        yield Mistake(document.line(here), here, what, remedy)
    time = body.get("time")
    kind = time.get("kind") if isinstance(time, Mapping) else None
    here = (*place, "time", "kind")
    if target.is_sample and kind in {"date", "midnight"}:
        what = f"stream '{target.name}' has moments, but the time is of kind '{kind}'"
        remedy = f"write `kind: datetime`, or feed a stream of days: {', '.join(_DAILY)}"
        yield Mistake(document.line(here), here, what, remedy)
    if not target.is_sample and kind == "datetime":
        what = f"stream '{target.name}' has one row a day, but the time is of kind 'datetime'"
        remedy = "write `kind: date` (or `midnight`, where days are written with 00:00),"
        yield Mistake(document.line(here), here, what, f"{remedy} or feed a stream of moments: {', '.join(_SAMPLES)}")


def _of_names(document: Document, place: Place, body: Mapping[str, Any]) -> Iterator[Mistake]:
    """Columns of one name or of a taken one, and a time or id column that is declared a second time."""
    columns = body.get("columns")
    if not isinstance(columns, Mapping):
        return
    seen: dict[str, str] = {}
    for vendor, column in columns.items():
        name = column.get("name") if isinstance(column, Mapping) else None
        here = (*place, "columns", str(vendor), "name")
        if isinstance(name, str) and name in seen:
            what = f"'{seen[name]}' and '{vendor}' would both become '{name}'"
            yield Mistake(document.line(here), here, what, "give each a name of its own")
        if name in TAKEN:
            what = f"every raw table has a column '{name}' of its own"
            yield Mistake(document.line(here), here, what, f"choose another name, for instance {name}_of_file")
        if name in SQL_WORDS:
            what = f"'{name}' is a word of SQL and cannot be a column's name"
            yield Mistake(document.line(here), here, what, f"choose another name, for instance {name}_of_file")
        seen.setdefault(str(name), str(vendor))
    identity = document.data.get("identity")
    for part, shown in ((body.get("time"), "time"), (identity, "participants'")):
        if isinstance(part, Mapping) and part.get("column") in columns:
            here = (*place, "columns", str(part["column"]))
            what = f"'{part['column']}' is the {shown} column and cannot be another column too"
            yield Mistake(document.line(here), here, what, "delete it here")
