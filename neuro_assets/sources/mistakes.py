"""What is wrong with a source spec, told to somebody who does not know Python: line, field, what it is, what to do.

The rules themselves are in model.py; pydantic's and its words are translated here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from neuro_assets.sources.model import FileSpec, Identity, Mapped, SourceColumn, SourceSpec, TimeColumn, Wide
from neuro_assets.sources.streams_of_spec import stream_mistakes
from neuro_assets.sources.yaml_text import Document, Mistake, Place, nearest
from neuro_assets.streams.catalogue import STREAMS

# What stands at each place of a spec; * is a name of the user's.
_MODELS: dict[Place, type[BaseModel]] = {
    (): SourceSpec,
    ("identity",): Identity,
    ("files", "*"): FileSpec,
    ("files", "*", "time"): TimeColumn,
    ("files", "*", "columns", "*"): SourceColumn,
    ("files", "*", "wide"): Wide,
    ("files", "*", "streams", "*", "*"): Mapped,
    ("files", "*", "streams", "*", "*", "members", "*"): Mapped,
}
_BELONGS: dict[Place, tuple[str, str]] = {
    ("name",): ("a short name of the source", "name: acme"),
    ("version",): ("a whole number, raised whenever the spec changes its meaning", "version: 1"),
    ("title",): ("what messages call the source", "title: ACME export"),
    ("identity",): ("where a row says whose it is", r"identity: {column: user, pattern: 'U\d{3}', example: 'U001'}"),
    ("identity", "column"): ("the name of the participants' column", "column: user"),
    ("identity", "file_name"): ("a regular expression with the id in brackets", r"file_name: '^([a-z]+_\d+)\.csv$'"),
    ("identity", "pattern"): ("the regular expression that a whole id matches", r"pattern: 'U\d{3}'"),
    ("identity", "example"): ("a made-up id that matches the pattern", "example: 'U001'"),
    ("date_order",): ("the order of day, month and year", "date_order: ymd"),
    ("recognised_by",): ("columns or name", "recognised_by: columns"),
    ("files",): ("the kinds of files, each under a name of its own", "files: {minute_steps: {...}}"),
    ("files", "*"): ("the fields of one kind of file", "minute_steps: {name_hint: ..., time: ..., columns: ...}"),
    ("files", "*", "name_hint"): ("a part of the files' names", "name_hint: minutes"),
    ("files", "*", "time"): ("where a row says when", "time: {column: timestamp, kind: datetime}"),
    ("files", "*", "time", "column"): ("the name of the time column", "column: timestamp"),
    ("files", "*", "time", "kind"): ("date, midnight or datetime", "kind: datetime"),
    ("files", "*", "time", "clock"): ("local or utc", "clock: utc"),
    ("files", "*", "time", "epoch"): ("the unit that is counted since 1970: s, ms or us", "epoch: ms"),
    ("files", "*", "time", "offset"): ("the name of a column with minutes from UTC", "offset: utc_offset_min"),
    ("files", "*", "period"): ("the name of a column with the seconds a row stands for", "period: period_s"),
    ("files", "*", "period_s"): ("the seconds from one row to the next", "period_s: 60"),
    ("files", "*", "columns"): (
        "the columns of the file, each with a name and a type",
        "columns: {Steps: {name: steps, type: integer}}",
    ),
    ("files", "*", "columns", "*"): ("the column's name and type in the lake", "{name: steps, type: integer}"),
    ("files", "*", "columns", "*", "name"): ("the column's name in the lake", "name: step_count"),
    ("files", "*", "columns", "*", "type"): ("integer, number or text", "type: integer"),
    ("files", "*", "columns", "*", "values"): ("a list of all that may stand in the column", "values: [0, 1]"),
    ("files", "*", "columns", "*", "pattern"): ("the regular expression a whole text matches", r"pattern: '\w+'"),
    ("files", "*", "drop"): ("a list of columns that never enter the lake", "drop: [trace]"),
    ("files", "*", "wide"): (
        "columns that follow each other in time",
        "wide: {prefix: Steps, name: steps, type: integer}",
    ),
    ("files", "*", "wide", "prefix"): ("how the columns' names begin", "prefix: Steps"),
    ("files", "*", "wide", "name"): ("the column's name in the lake", "name: steps"),
    ("files", "*", "wide", "type"): ("integer or number", "type: integer"),
    ("files", "*", "streams"): ("which stream each column feeds", "streams: {steps: {value: step_count}}"),
    ("files", "*", "streams", "*"): (
        "which of the stream's columns is which of the spec's",
        "steps: {value: step_count}",
    ),
    ("files", "*", "streams", "*", "*"): ("the name of a column of this kind", "value: step_count"),
    ("files", "*", "streams", "*", "*", "column"): ("the name of a column of this kind", "column: step_count"),
    ("files", "*", "streams", "*", "*", "codes"): ("what the file says and what it means", "codes: {'1': asleep}"),
    ("files", "*", "streams", "*", "*", "constant"): ("what every row is, in quotes", "constant: app_focus"),
    ("files", "*", "streams", "*", "*", "members"): ("members and their columns", "members: {level: battery_level}"),
    ("files", "*", "streams", "*", "*", "members", "*"): ("the name of a column of this kind", "level: battery_level"),
    ("files", "*", "streams", "*", "*", "members", "*", "constant"): ("the same text for every row", "constant: call"),
}
_MEANT = {"int": "integer", "long": "integer", "count": "integer", "whole": "integer", "float": "number",
          "double": "number", "decimal": "number", "numeric": "number", "real": "number", "string": "text",
          "str": "text", "varchar": "text", "char": "text", "day": "date", "timestamp": "datetime",
          "moment": "datetime", "time": "datetime", "iso": "ymd", "us": "mdy", "eu": "dmy", "yyyy-mm-dd": "ymd",
          "milliseconds": "ms", "millis": "ms", "seconds": "s", "sec": "s", "microseconds": "us", "mm/dd/yyyy": "mdy",
          "dd/mm/yyyy": "dmy", "dd.mm.yyyy": "dmy", "ddmmyyyy": "dmy", ".": "point",
          ",": "comma", "m/d/y": "mdy", "d/m/y": "dmy", "y-m-d": "ymd"}  # fmt: skip
_KIND = "minute_steps"
# Words of the model's own rules -> the field below that they are about, what to do.
_RULES = (
    ("is no regular expression", "", r"mend it; a bracket, point or * that stands for itself needs a backslash: \["),
    ("say either 'column' or 'file_name'", "", "write `column: <name of the participants' column>`, or for one file"
     r" per person `file_name: '^([a-z]+_\d+)\.csv$'`"),
    ("needs exactly one group", "file_name", r"put round brackets around the id alone: '^([a-z]+_\d+)\.csv$'"),
    ("does not match the pattern", "example", "mend the one that is wrong: a file with ids that do not match the"
     " pattern is refused"),
    ("a day has no 'clock'", "time", "leave both out: a day is the participant's local day"),
    ("are read on the wall clock", "time", "such a file in UTC has to be brought into another form first"),
    ("belongs to a wall clock", "time", "write `clock: utc` where the column is UTC, `offset` where another column says"
     " how far the clock was from it"),
    ("'offset' is", "time", "declare it under columns, with `type: integer`, in minutes"),
    ("'period' is", "period", "declare it under columns, with `type: integer`, in seconds"),
    ("'period' and 'period_s' say", "period", "keep `period_s` where all rows have the same"),
    ("has no day", "", "leave `format` out if in doubt: it is then found out from all rows"),
    ("'epoch' goes with", "epoch", "such times are UTC: write `kind: datetime` and `clock: utc`, and nothing else of"
     " how they are written"),
    ("'pattern' is for texts", "pattern", "keep `values` for a column of numbers"),
    ("'values' of a column of numbers", "values", "mend the list, or write `type: text`"),
    ("is both kept and under 'drop'", "drop", "delete it at one of the two places"),
    ("say one of 'column', 'constant'", "", "write `column: <name of a column of this kind>`, or `constant: <text>`"),
    ("'codes' and 'scale' belong", "", "give the column that they are for, or delete them"),
    ("'members' are one or more", "members", "write for example `members: {level: battery_level}`"),
    ("'codes' and 'scale' do not", "", "codes are for texts and scale is for numbers: leave one of them out"),
    ("without regard to capitals", "codes", "leave one of them out"),
)  # fmt: skip


def mistakes_of(document: Document) -> tuple[SourceSpec | None, list[Mistake]]:
    """The spec of a document, or everything that is wrong with it, in the order of its lines."""
    if document.is_broken:
        return None, document.mistakes
    if document.data is None:
        remedy = "write a spec (docs/sources.md has one to copy), or have one drafted: `neuro source new FILE`"
        return None, [Mistake(1, (), "the file is empty", remedy)]
    if not isinstance(document.data, dict):
        found = "a list (its lines begin with a dash)" if isinstance(document.data, list) else "a lone text"
        what = f"the file is {found}, and fields are expected"
        return None, [Mistake(document.line(()), (), what, "begin with `name: acme`, without dash or blanks before it")]
    misspelt = list(_mended(document, document.data))
    try:
        spec = SourceSpec.model_validate(document.data)
        errors: list[Any] = []
    except ValidationError as error:
        spec, errors = None, error.errors()
    found = [*document.mistakes, *misspelt, *_told(document, errors)]
    return (None if found else spec), sorted(dict.fromkeys(found), key=lambda m: m.line)


def _told(document: Document, errors: list[Any]) -> Iterator[Mistake]:
    """Pydantic's errors, those of a field inside before those of the whole around it."""
    places: list[Place] = []
    whole: list[Any] = []
    for error in errors:
        place = tuple(str(p) for p in error["loc"] if p != "[key]")
        if error["type"] == "value_error" and len(place) == 2 and place[0] == "files":
            whole.append(error)
            continue
        places.append(place)
        yield _translated(document, place, error)
    files = document.data.get("files")
    for kind, body in (files if isinstance(files, Mapping) else {}).items():
        if not isinstance(body, Mapping):
            continue
        inside = {p[2:] for p in places if p[:2] == ("files", str(kind))}
        own = list(stream_mistakes(document, ("files", str(kind)), body, inside))
        yield from own
        if not own:
            rest = [e for e in whole if e["loc"][1] == kind]
            yield from (_translated(document, ("files", str(kind)), e) for e in rest)


def _mended(document: Document, value: Any, place: Place = ()) -> Iterator[Mistake]:
    """Misspelt names are told and put right in the data, so that what stands below them is looked at as well."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _mended(document, item, (*place, str(number)))
    if not isinstance(value, dict):
        return
    shape = _shape(place)
    if shape == ("files",) and len(set(value) & set(FileSpec.model_fields)) > 1:
        yield _without_kind(document, value)
    model = _MODELS.get(shape)
    fields = model.model_fields if model else {}
    needed = [n for n, f in fields.items() if f.is_required() and n not in value]
    left = [n for n in fields if n not in value]
    what = "unknown field"
    if shape == ("files", "*", "streams"):
        what, left = "unknown stream", [s.name for s in STREAMS if s.name not in value]
    for name in [n for n in value if isinstance(n, str) and n not in fields and left]:
        near = None if _is_stream(shape, name) else nearest(name, needed) or nearest(name, left)
        if near and near not in value:
            here = (*place, name)
            yield Mistake(document.line(here), here, f"{what} '{name}'", f"did you mean '{near}'?")
            value[near] = value.pop(name)
            document.move(here, (*place, near))
    for name in list(value):
        yield from _mended(document, value[name], (*place, str(name)))


def _is_stream(shape: Place, name: str) -> bool:
    return shape == ("files", "*", "streams") and any(s.name == name for s in STREAMS)


def _without_kind(document: Document, files: dict[str, Any]) -> Mistake:
    """The fields of a kind stand directly under files."""
    inside = {k: files.pop(k) for k in list(files) if k in FileSpec.model_fields}
    first = min((("files", k) for k in inside), key=document.line)
    line = document.line(first)
    for name in inside:
        document.move(("files", name), ("files", _KIND, name))
    files[_KIND] = inside
    what = f"'{first[1]}' stands directly under files, where the name of a kind of file is expected"
    remedy = f"put a name such as `{_KIND}:` on a line of its own under files, and indent the rest below it"
    return Mistake(line, first, what, remedy)


def _translated(document: Document, place: Place, error: Any) -> Mistake:
    kind, value = error["type"], error.get("input")
    if kind == "value_error":
        return _of_rule(document, place, str(error["ctx"]["error"]))
    if kind == "extra_forbidden":
        return _unknown(document, place)
    belongs, example = _BELONGS.get(_shape(place), ("another value", ""))
    if kind == "missing":
        what, remedy = f"'{place[-1]}' is missing", f"add {belongs}, for example `{example}`"
    elif value is None:
        field = _MODELS.get(_shape(place[:-1]), Mapped).model_fields.get(place[-1])
        optional = ", or delete the line" if field and not field.is_required() else ""
        what, remedy = "the value is missing", f"write {belongs}, for example `{example}`{optional}"
    elif kind == "literal_error":
        what, remedy = _of_choice(str(value), error["ctx"]["expected"])
    elif kind == "string_pattern_mismatch":
        what = f"'{value}' is not allowed as a name: lower-case letters, digits and _ are, a letter first"
        remedy = f"write for example {_plain_name(str(value))}"
    elif kind in {"greater_than_equal", "less_than_equal"}:
        limit = next(iter(error["ctx"].values()))
        side = ("small", "least") if kind.startswith("greater") else ("large", "most")
        what, remedy = f"{value} is too {side[0]}", f"write a number of at {side[1]} {limit}"
    else:
        what, remedy = _of_type(place, kind, value, belongs, example)
    return Mistake(document.line(place), place, what, remedy)


def _shape(place: Place) -> Place:
    """A place with * for the names that a user gives."""
    shape = list(place)
    if shape[:1] == ["files"] and len(shape) > 1:
        shape[1] = "*"
        named = {"columns": (3,), "streams": (3, 4, 6)}.get((*shape, "", "")[2], ())
        for n in (n for n in named if n < len(shape)):
            shape[n] = "*"
    return tuple(shape)


def _unknown(document: Document, place: Place) -> Mistake:
    """A field that the spec has not, or not here."""
    name, line = place[-1], document.line(place)
    what = f"unknown field '{name}'"
    homes = [at for at, model in _MODELS.items() if name in model.model_fields and at[-2:-1] != ("members",)]
    if homes == [()]:
        return Mistake(line, place, f"{what} here", "it belongs to the whole source: begin its line without blanks")
    if len(homes) == 1:
        shown = ".".join(homes[0]).replace("*", "<name>")
        return Mistake(line, place, f"{what} here", f"it belongs under {shown}: move it there, and indent it so")
    allowed = ", ".join(_MODELS[_shape(place[:-1])].model_fields)
    return Mistake(line, place, what, f"delete it, or write one of: {allowed}")


def _of_choice(value: str, expected: str) -> tuple[str, str]:
    options = [o for o in expected.replace(" or ", ", ").replace("'", "").split(", ") if o]
    near = _MEANT.get(value.lower()) or nearest(value, options)
    shown = f"'{value}' is none of {expected}"
    return shown, f"did you mean '{near}'?" if near in options else "write one of them"


def _plain_name(text: str) -> str:
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in text.lower()).strip("_") or "a_name"
    return name if name[0].isalpha() else f"a_{name}"


def _of_type(place: Place, kind: str, value: Any, belongs: str, example: str) -> tuple[str, str]:
    """A value of another form than the field has."""
    shown = f"'{value}'" if not isinstance(value, list) else "a list"
    found = "a block of fields" if isinstance(value, Mapping) else shown
    if kind == "tuple_type":
        return f"{found} is no list", f"put it in square brackets: {place[-1]}: [{value}]"
    if kind.startswith(("int", "float")):
        wanted = "a whole number" if kind.startswith("int") else "a number"
        return f"{found} is no number that fits: {wanted} is expected", f"write for example `{example or '1'}`"
    if kind.startswith("bool"):
        return f"{found} is neither true nor false", "write true or false"
    if kind in {"dict_type", "model_type"}:
        dash = "take the dashes away" if isinstance(value, list) else f"write {belongs}"
        return f"{found} stands where a block of fields is expected", f"{dash}, for example `{example}`"
    return f"{found} stands where a text is expected", f"write {belongs}, for example `{example}`"


def _of_rule(document: Document, place: Place, message: str) -> Mistake:
    """A rule of the model: its words say what is wrong."""
    rules = [(below, remedy) for words, below, remedy in _RULES if words in message]
    below, remedy = rules[0] if rules else ("", "docs/sources.md tells what each field is for")
    place = (*place, below) if below else place
    what = message.partition(";")[0]
    if what.startswith("say either"):
        has = [n for n in ("column", "file_name") if n in document.data["identity"]]
        what = "both 'column' and 'file_name' are there" if has else "neither 'column' nor 'file_name' is there"
    return Mistake(document.line(place), place, what, remedy)
