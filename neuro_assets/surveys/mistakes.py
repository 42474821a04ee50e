"""What is wrong with a codebook, told to somebody who does not know Python: line, field, what it is, what to do."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from neuro_assets.sources.model import Identity, TimeColumn
from neuro_assets.sources.yaml_text import Document, Mistake, Place, nearest
from neuro_assets.surveys.model import Codebook, Item, Outcome, OwnColumn, Repeat, Rule, Schedule, Score

_DOCS = "docs/surveys.md tells what each field is for"
# What stands at each place of a codebook; * is a name of the user's.
_MODELS: dict[Place, type[BaseModel]] = {
    (): Codebook,
    ("identity",): Identity,
    ("time",): TimeColumn,
    ("response",): OwnColumn,
    ("duration",): OwnColumn,
    ("items", "*"): Item,
    ("rules", "*"): Rule,
    ("scores", "*"): Score,
    ("outcomes", "*"): Outcome,
    ("schedule",): Schedule,
    ("repeat",): Repeat,
}
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
        found += [_told(document, e) for e in error.errors()]
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


def _told(document: Document, error: Mapping[str, Any]) -> Mistake:
    place = tuple(str(p) for p in error["loc"] if p not in {"[key]", "str"} and not str(p).startswith("function-"))
    kind, value = error["type"], error.get("input")
    example = _EXAMPLES.get(_shape(place), "")
    remedy = f"write for example `{example}`" if example else _DOCS
    if kind == "value_error":
        return _of_rule(document, place, str(error["ctx"]["error"]))
    if kind == "extra_forbidden":
        model = _MODELS.get(_shape(place[:-1]))
        allowed = f"delete it, or write one of: {', '.join(model.model_fields)}" if model else _DOCS
        return Mistake(document.line(place), place, f"unknown field '{place[-1]}'", allowed)
    if kind == "missing":
        return Mistake(document.line(place), place, f"'{place[-1]}' is missing", remedy)
    if value is None:
        return Mistake(document.line(place), place, "the value is missing", f"{remedy}, or delete the line")
    if kind == "literal_error":
        options = str(error["ctx"]["expected"])
        near = nearest(str(value), options.replace("'", "").replace(" or ", ", ").split(", "))
        remedy = f"did you mean '{near}'?" if near else "write one of them"
        return Mistake(document.line(place), place, f"'{value}' is none of {options}", remedy)
    if kind == "string_pattern_mismatch":
        what = f"'{value}' is not allowed as a name: lower-case letters, digits and _ are, a letter first"
        return Mistake(document.line(place), place, what, "choose another name")
    shown = "a list" if isinstance(value, list) else "a block of fields" if isinstance(value, Mapping) else f"'{value}'"
    return Mistake(document.line(place), place, f"{shown} does not fit here ({error['msg'].lower()})", remedy)


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
