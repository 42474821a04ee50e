"""What is wrong with a codebook, told to somebody who does not know Python: line, field, what it is, what to do."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from neuro_assets.sources.model import Identity, TimeColumn
from neuro_assets.sources.yaml_text import Document, Mistake, Place, nearest
from neuro_assets.surveys.model import Codebook
from neuro_assets.surveys.parts import Item, LongForm, Outcome, OwnColumn, Repeat, Rule, Schedule, Score

_DOCS = "docs/surveys.md tells what each field is for"
# What stands at each place of a codebook; * is a name of the user's.
_MODELS: dict[Place, type[BaseModel]] = {
    (): Codebook,
    ("identity",): Identity,
    ("time",): TimeColumn,
    ("response",): OwnColumn,
    ("duration",): OwnColumn,
    ("long",): LongForm,
    ("long", "item"): OwnColumn,
    ("long", "answer"): OwnColumn,
    ("items", "*"): Item,
    ("rules", "*"): Rule,
    ("scores", "*"): Score,
    ("outcomes", "*"): Outcome,
    ("schedule",): Schedule,
    ("repeat",): Repeat,
}
_WANTED = (
    ("int", "a whole number"),
    ("float", "a number"),
    ("bool", "true or false"),
    ("tuple", "a list"),
    ("dict", "a block of fields"),
    ("model", "a block of fields"),
    ("date", "a day such as 2024-12-31"),
    ("string", "a text"),
)
_MEANT: dict[str, str] = dict.fromkeys(("int", "integer", "float", "double", "numeric", "decimal"), "number")
_MEANT |= dict.fromkeys(("string", "str", "open", "free", "words"), "text")
_MEANT |= dict.fromkeys(("likert", "scale", "radio", "dropdown", "categorical", "single"), "choice")
_MEANT |= {"timestamp": "datetime", "moment": "datetime", "unknown": "do_not_know", "dont_know": "do_not_know"}
_MEANT |= {"skipped": "not_asked", "n/a": "not_applicable", "na": "not_applicable", "blank": "not_answered"}
_UNQUOTED = {"choices", "missing", "bands", "days"}
_EXAMPLES: dict[Place, str] = {
    ("name",): "name: sleep_diary",
    ("version",): "version: 1",
    ("title",): "title: Sleep diary",
    ("items",): "items: {q1: {text: slept well, choices: {0: no, 1: yes}}}",
    ("items", "*"): "q1: {text: slept well, choices: {0: no, 1: yes}}",
    ("items", "*", "text"): "text: slept well",
    ("items", "*", "type"): "type: number",
    ("items", "*", "choices"): "choices: {0: no, 1: yes}",
    ("items", "*", "missing"): "missing: {9: do_not_know}",
    ("missing",): "missing: {9: do_not_know}",
    ("choices",): "choices: {agreement: {1: not at all, 2: somewhat, 3: very much}}",
    ("choices", "*"): "agreement: {1: not at all, 2: somewhat, 3: very much}",
    ("rules",): "rules: [{name: slept_in_bed, holds: asleep_h <= in_bed_h, text: slept longer than in bed}]",
    ("scores",): "scores: {total: {items: [q1..q9]}}",
    ("scores", "*"): "total: {items: [q1..q9]}",
    ("scores", "*", "items"): "items: [q1..q9]",
    ("scores", "*", "bands"): "bands: {0: low, 10: high}",
    ("outcomes", "*"): "high: {score: total, at_least: 10}",
    ("schedule",): "schedule: {every_days: 1}",
    ("repeat",): "repeat: {within: day, keep: last}",
    ("identity",): r"identity: {column: participant_id, pattern: 'P\d+', example: 'P001'}",
    ("time",): "time: {column: answered_at, kind: datetime}",
}


def mistakes_of(document: Document) -> tuple[Codebook | None, list[Mistake]]:
    """The codebook of a document, or everything that is wrong with it, in the order of its lines."""
    if document.is_broken:
        return None, document.mistakes
    if not isinstance(document.data, dict):
        what = "the file is empty" if document.data is None else "the file has no fields"
        return None, [Mistake(1, (), what, "begin with `name:`; `neuro survey new FILE` drafts a codebook")]
    found = [m for m in document.mistakes if not _is_meant(m)]
    found += _misspelt(document, document.data)
    codebook = None
    try:
        codebook = Codebook.model_validate(document.data)
    except ValidationError as error:
        # What is neither the name of choices nor choices is told once.
        found += [m for e in error.errors() if e["loc"][-1:] != ("str",) for m in _told(document, e)]
    return (None if found else codebook), sorted(dict.fromkeys(found), key=lambda m: m.line)


def _is_meant(mistake: Mistake) -> bool:
    """Codes, labels, bands and days may be written without quotes; but not yes and no as codes.

    YAML reads those as truth values, and nobody knows which word stands in the files.
    """
    is_a_code = mistake.remedy.endswith("': ...")
    is_truth = "read as true" in mistake.what or "read as false" in mistake.what
    return bool(_UNQUOTED & {*mistake.place}) and "without quotes" in mistake.what and not (is_a_code and is_truth)


def _shape(place: Place) -> Place:
    shape = list(place)
    if len(shape) > 1 and shape[0] in {"items", "scores", "outcomes", "choices", "rules", "missing"}:
        shape[1] = "*"
    return tuple(shape)


def _misspelt(document: Document, value: Any, place: Place = ()) -> Iterator[Mistake]:
    """Misspelt fields are told and put right in the data, so that what stands below them is looked at as well."""
    if isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _misspelt(document, entry, (*place, str(number)))
    if not isinstance(value, dict):
        return
    model = _MODELS.get(_shape(place))
    fields = list(model.model_fields) if model else []
    for name in [n for n in value if isinstance(n, str) and fields and n not in fields]:
        near = nearest(name, [f for f in fields if f not in value])
        if near:
            here = (*place, name)
            yield Mistake(document.line(here), here, f"unknown field '{name}'", f"did you mean '{near}'?")
            value[near] = value.pop(name)
            document.move(here, (*place, near))
    for name in list(value):
        yield from _misspelt(document, value[name], (*place, str(name)))


def _told(document: Document, error: Mapping[str, Any]) -> list[Mistake]:
    place = tuple(str(p) for p in error["loc"] if p not in {"[key]", "str"} and not str(p).startswith("function-"))
    kind, value = error["type"], error.get("input")
    if kind == "value_error":
        return [_of_rule(document, place, line) for line in str(error["ctx"]["error"]).splitlines()]
    example = _EXAMPLES.get(_shape(place), "")
    remedy = f"write for example `{example}`" if example else _DOCS
    if kind == "extra_forbidden":
        model = _MODELS.get(_shape(place[:-1]))
        remedy = f"delete it, or write one of: {', '.join(model.model_fields)}" if model else _DOCS
        what = f"unknown field '{place[-1]}'"
    elif kind == "missing":
        what = f"'{place[-1]}' is missing"
    elif value is None:
        what, remedy = "the value is missing", f"{remedy}, or delete the line"
    elif kind == "literal_error":
        options = str(error["ctx"]["expected"])
        known = options.replace("'", "").replace(" or ", ", ").split(", ")
        near = next((m for m in [_MEANT.get(str(value).lower())] if m in known), None) or nearest(str(value), known)
        what, remedy = f"'{value}' is none of {options}", f"did you mean '{near}'?" if near else "write one of them"
    elif kind == "string_pattern_mismatch":
        what = f"'{value}' is not allowed as a name: lower-case letters, digits and _ are, a letter first"
        remedy = f"write for example {_plain_name(str(value))}"
    else:
        what, remedy = _of_type(kind, value, error, example)
    return [Mistake(document.line(place), place, what, remedy)]


def _of_type(kind: str, value: object, error: Mapping[str, Any], example: str) -> tuple[str, str]:
    """A value of another kind than the field's, or out of its range."""
    limits = {"greater_than_equal": "at least", "less_than_equal": "at most", "greater_than": "more than"}
    if kind in limits:
        limit = next(iter(error["ctx"].values()))
        return f"'{value}' is out of range", f"write a number of {limits[kind]} {limit:g}"
    wanted = next((w for k, w in _WANTED if kind.startswith(k)), "something else")
    found = "a list" if isinstance(value, list) else "a block of fields" if isinstance(value, Mapping) else f"'{value}'"
    remedy = f"write for example `{example}`" if example else f"write {wanted} in its place"
    return f"{found} stands where {wanted} is expected", remedy


def _plain_name(text: str) -> str:
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in text.lower()).strip("_") or "a_name"
    return name if name[0].isalpha() else f"a_{name}"


def _of_rule(document: Document, place: Place, message: str) -> Mistake:
    """A rule of the model: it begins with the field that it is about, where that is another one."""
    field, colon, what = message.partition(": ")
    parts = tuple(field.split("."))
    if colon and " " not in field and parts[0] in Codebook.model_fields:
        place, message = _numbered(document, parts), what
    what, _, remedy = message.partition("; ")
    return Mistake(document.line(place), place, what, remedy or _DOCS)


def _numbered(document: Document, place: Place) -> Place:
    """Rules are a list: the place of one is its number."""
    if place[0] != "rules" or not isinstance(document.data.get("rules"), list):
        return place
    names = [r.get("name") if isinstance(r, Mapping) else None for r in document.data["rules"]]
    return ("rules", str(names.index(place[1])), *place[2:]) if place[1] in names else place
