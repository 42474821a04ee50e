"""YAML text as data that knows its lines; what is wrong with the YAML itself is told with line, field and remedy.

What a spec's fields mean belongs in model.py, how their mistakes are told in mistakes.py.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Place = tuple[str, ...]
_KEY_LINE = re.compile(
    r"^( *)(?:- +)?(?:'([^']*)'|\"([^\"]*)\"|([^\s#'\"&*!|>%@`{}\[\],:][^:#]*?)) *:(?: |\t|$|(?=\S))"
)
_PATTERN_FIELDS = {"pattern", "file_name"}
_TEXT_FIELDS = _PATTERN_FIELDS | {"name", "title", "column", "example", "name_hint", "format", "unit", "prefix"}
YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
# Aliases can make a small file a huge tree.
_MAX_PARTS = 100_000


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong: where, what, and what to do about it."""

    line: int
    place: Place
    what: str
    remedy: str

    def told(self, path: Path) -> str:
        """`<file> line <n>, <field path>: <what is wrong>; <what to do>`."""
        where = f", {'.'.join(self.place)}" if self.place else ""
        return f"{path} line {self.line}{where}: {self.what}; {self.remedy}"


@dataclass
class Document:
    """A YAML file's content and where each part of it stands.

    Attributes:
        data: as plain Python values; None where the YAML is broken.
        mistakes: what is wrong with the text itself.
        is_broken: nothing of the content is known.
        lines: place -> line, from 1; the line of a field is that of its name.
    """

    data: Any = None
    mistakes: list[Mistake] = field(default_factory=list)
    is_broken: bool = False
    lines: dict[Place, int] = field(default_factory=dict)

    def line(self, place: Place) -> int:
        """The line of a field, or of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def move(self, old: Place, new: Place) -> None:
        """Know the lines of a part under another name."""
        moved = {p: n for p, n in self.lines.items() if p[: len(old)] == old}
        self.lines |= {(*new, *p[len(old) :]): n for p, n in moved.items()}


def read_yaml(text: str) -> Document:
    """Parse a YAML text; a broken one gives a document with its one mistake, for a parser cannot go on behind it."""
    document = Document()
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return document
        _walk(node, (), document, [])
        document.data = loader.construct_document(node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        document.is_broken = True
        document.mistakes = [_broken(error, text)]
    return document


def nearest(name: str, known: list[str]) -> str | None:
    """The known name that a misspelt one is most like."""
    plain = {k.lower().replace("_", ""): k for k in reversed(known)}
    found = difflib.get_close_matches(name.lower().replace("_", ""), list(plain), n=1, cutoff=0.7)
    return plain[found[0]] if found else None


def quoted(text: str) -> str:
    """A text in quotes, as YAML writes it."""
    if any(unicodedata.category(c)[0] == "C" for c in text):
        return '"' + text.encode("unicode_escape").decode().replace('"', '\\"') + '"'
    return "'" + text.replace("'", "''") + "'"


def scalar(value: object) -> str:
    """A text as YAML writes it: plain where that is safe, else in quotes."""
    text = str(value)
    is_plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*( [A-Za-z0-9_]+)*", text)
    return text if is_plain and text.lower() not in YAML_WORDS else quoted(text)


# -- walking the nodes -------------------------------------------------------------------------------------------


def _walk(node: yaml.Node, place: Place, document: Document, above: list[yaml.Node]) -> None:
    """Note the lines of everything below a node, and the traps YAML has for the unwary."""
    document.lines.setdefault(place, node.start_mark.line + 1)
    if any(node is a for a in above):
        raise ValueError("a part contains itself")
    if len(document.lines) > _MAX_PARTS:
        raise ValueError(f"more than {_MAX_PARTS:,} parts")
    if isinstance(node, yaml.ScalarNode):
        document.mistakes.extend(_traps(node, place, document.lines[place]))
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _walk(item, (*place, str(number)), document, [*above, node])
    elif isinstance(node, yaml.MappingNode):
        _walk_mapping(node, place, document, [*above, node])


def _walk_mapping(node: yaml.MappingNode, place: Place, document: Document, above: list[yaml.Node]) -> None:
    seen: dict[str, int] = {}
    for key, value in list(node.value):
        if key.tag == "tag:yaml.org,2002:merge" or not isinstance(key, yaml.ScalarNode):
            continue
        below, line = (*place, key.value), key.start_mark.line + 1
        if key.value in seen:
            first = "the same line" if seen[key.value] == line else f"line {seen[key.value]}"
            what = f"'{key.value}' is here a second time (first in {first})"
            document.mistakes.append(Mistake(line, below, what, "keep one of the two"))
            node.value.remove((key, value))
            continue
        seen[key.value] = line
        if _kind(key) != "str":
            is_code = bool(place) and place[-1] == "codes" and _read(key).lower() == key.value.lower()
            mistake = _unquoted(key, below, line, f"{quoted(key.value)}: ...")
            document.mistakes.extend([] if is_code else [mistake])
        document.lines.setdefault(below, line)
        _walk(value, below, document, above)


def _kind(node: yaml.ScalarNode) -> str:
    """What YAML takes a scalar for: str, int, float, bool, null, timestamp."""
    return node.tag.rpartition(":")[2]


def _read(node: yaml.ScalarNode) -> str:
    """What YAML makes of an unquoted scalar, written out."""
    try:
        return str(yaml.safe_load(node.value))
    except (yaml.YAMLError, ValueError):
        return node.value


def _unquoted(node: yaml.ScalarNode, place: Place, line: int, right: str) -> Mistake:
    """A text that YAML reads as something else; from here on it is the text that was meant."""
    read = _read(node)
    shown = {
        "bool": read.lower(),
        "int": f"the number {read}",
        "float": f"the number {read}",
        "timestamp": "a date",
        "null": "nothing",
    }.get(_kind(node), "something else")
    node.tag = "tag:yaml.org,2002:str"
    what = f"{node.value or 'an empty name'} without quotes is read as {shown}, and a text is expected"
    return Mistake(line, place, what, f"put it in quotes: {right}")


def _traps(node: yaml.ScalarNode, place: Place, line: int) -> Iterator[Mistake]:
    """Values that YAML reads as something their writer did not mean."""
    name, value, kind = (place[-1] if place else ""), node.value, _kind(node)
    parent = place[-2] if len(place) > 1 else ""
    if node.style == '"' and name in _PATTERN_FIELDS:
        raw = str(node.start_mark.buffer or "")[node.start_mark.pointer : node.end_mark.pointer]
        if odd := re.search(r"(?<!\\)(?:\\\\)*(\\[^\\\"])", raw):
            what = f"{odd[1]} in double quotes is not what it is in a regular expression"
            yield Mistake(line, place, what, f"use single quotes: {name}: '{raw[1:-1]}'")
    if node.style or kind in {"str", "null"} or parent == "codes":
        return
    if kind == "timestamp" or name in _TEXT_FIELDS or parent == "also":
        right = f"[{quoted(value)}]" if parent == "also" else f"{name}: {quoted(value)}"
        yield _unquoted(node, place, line, right)
    elif kind != "bool" and ":" in value:
        what = f"{value} is read as the number {_read(node)}, for colons make it one in base 60"
        yield Mistake(line, place, what, f"write the number itself: {name}: {_read(node)}")
    elif re.fullmatch(r"[-+]?0[0-9_]+", value):
        what = f"{value} is read as {_read(node)}, for a leading 0 makes a number octal"
        yield Mistake(line, place, what, f"write it without the 0: {name}: {value.lstrip('0_') or 0}")


# -- broken YAML -------------------------------------------------------------------------------------------------


def _broken(error: Exception, text: str) -> Mistake:
    rows = text.splitlines() or [""]
    if isinstance(error, yaml.reader.ReaderError):
        line = text[: error.position].count("\n") + 1
        what = f"not valid YAML: a character (U+{ord(text[error.position]):04X}) that no text file has"
        return Mistake(line, (), what, "delete it; copying from a web page or a word processor brings such ones")
    problem = getattr(error, "problem", None) or str(error)
    at, begin = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    line = min(at.line if at else 0, len(rows) - 1)
    start = min(begin.line if begin else line, line)
    for fragment, where, explain in _BROKEN:
        if fragment in problem:
            number = start if where == "start" else line
            if found := explain(problem, rows, number, at.column if at else 0):
                number, what, remedy = found
                return Mistake(number + 1, _place_at(rows, number), f"not valid YAML: {what}", remedy)
    what = f"not valid YAML ({problem})"
    return Mistake(line + 1, _place_at(rows, line), what, "compare it with the example in docs/sources.md")


def _place_at(rows: list[str], number: int) -> Place:
    """The field a line belongs to, going by indentation alone."""
    found: list[str] = []
    is_field = _KEY_LINE.match(rows[number].replace("\t", "  "))
    indent = 10_000 if is_field else len(rows[number]) - len(rows[number].lstrip())
    for row in reversed(rows[: number + 1]):
        key = _KEY_LINE.match(row.replace("\t", "  "))
        if key and len(key[1]) < indent:
            indent = len(key[1])
            found.insert(0, next(k for k in key.groups()[1:] if k is not None))
    return tuple(found)


_Told = tuple[int, str, str] | None


def _tab(_: str, rows: list[str], number: int, column: int) -> _Told:
    is_indent = not rows[number][:column].strip()
    where = "the line begins with a tab" if is_indent else "a tab stands before a value"
    return number, where, "YAML takes blanks only: replace each tab by blanks"


def _escape(_: str, rows: list[str], number: int, column: int) -> _Told:
    shown = rows[number][column : column + 1]
    return number, f"\\{shown} in double quotes", "use single quotes around texts with backslashes: '\\d+'"


def _start(problem: str, rows: list[str], number: int, column: int) -> _Told:
    shown = re.search(r"character (?:'(.)'|\"(.)\")", problem)
    first = (shown[1] or shown[2]) if shown else rows[number][column : column + 1]
    return number, f"a value cannot begin with {first}", "put the value in single quotes"


def _open_quote(_: str, __: list[str], number: int, ___: int) -> _Told:
    remedy = "close it; a quote within single quotes is written twice: 'it''s'"
    return number, "the quote that opens here is never closed", remedy


def _open_bracket(problem: str, rows: list[str], number: int, _: int) -> _Told:
    pair = "[ ]" if "']'" in problem else "{ }"
    what = f"the bracket {pair[0]} that opens here is never closed, or a comma is missing before it closes"
    if re.search(r":[ \t]*\[[^\]]*\][^\s,#]", rows[number]):
        return number, "a value that begins with [ is a list", "put the value in single quotes"
    return number, what, f"write {pair[0]}a, b{pair[2]}; a text with brackets belongs in single quotes"


def _two_colons(_: str, rows: list[str], number: int, column: int) -> _Told:
    before = next((n for n in range(number - 1, -1, -1) if rows[n].strip() and not rows[n].strip().startswith("#")), -1)
    if before >= 0 and (bare := re.match(r"^\s*(\w+):(\S+)\s*$", rows[before])):
        return before, f"a blank is missing after the colon of '{bare[0].strip()}'", f"write `{bare[1]}: {bare[2]}`"
    if re.search(r":\s.*:", rows[number][: column + 1]):
        return number, "a value with a colon and a blank in it", "put the value in single quotes"
    remedy = "let fields of one block begin in the same column, and fields below another two blanks further in"
    return number, "the line is indented further than the field above it, which has a value already", remedy


def _no_colon(_: str, rows: list[str], number: int, __: int) -> _Told:
    shown = rows[number].strip()
    if bare := re.match(r"^(\w+):(\S.*)$", shown):
        return number, f"a blank is missing after the colon of '{shown}'", f"write `{bare[1]}: {bare[2]}`"
    return number, f"'{shown[:60]}' is no field: it has no colon", "write `name: value`"


def _no_content(problem: str, rows: list[str], number: int, column: int) -> _Told:
    if "stream end" not in problem:
        return _block(problem, rows, number, column)
    at = next((n for n in range(number, -1, -1) if re.search(r"[\[{]", rows[n])), number)
    return _open_bracket("']'" if "[" in rows[at] else "", rows, at, column)


def _block(problem: str, rows: list[str], number: int, _: int) -> _Told:
    if "found '<block" in problem or "found '?'" in problem:
        remedy = "let fields of one block begin in the same column, and fields below another two blanks further in"
        return number, "the line's indentation fits none of the lines above", remedy
    if "found '<scalar>'" in problem:
        what = "there is text behind the end of a value in quotes or brackets"
        return number, what, "put the whole value in single quotes; a quote in it is written twice: 'it''s'"
    if "found '-'" in problem:
        return number, "a line with a dash stands among fields", "delete the dash, or indent the list below its field"
    if "found ':'" in problem or "found '{'" in problem or "found '['" in problem:
        return number, "there are two values, or a name too many, in one line", "write `name: value`, one to a line"
    if found := re.search(r"found '([\]},])'", problem):
        return number, f"'{found[1]}' is too much here", "delete it, or put a text with brackets in single quotes"
    return None


def _document(_: str, rows: list[str], number: int, __: int) -> _Told:
    first = next((n for n, row in enumerate(rows) if row.strip() and not row.strip().startswith("#")), number)
    if first < number and rows[first].startswith(" "):
        return first, "the first field is indented", "let the fields of the source begin without blanks before them"
    return number, "something stands here that belongs to no field", "write `name: value`, one to a line"


def _dash(_: str, __: list[str], number: int, ___: int) -> _Told:
    return number, "a list begins in the line of its field", "write the list as [a, b]"


def _alias(problem: str, _: list[str], number: int, __: int) -> _Told:
    name = re.search(r"alias '(.*)'", problem)
    shown = f"*{name[1]}" if name else "*"
    return number, f"{shown} refers to a part named &{shown[1:]}, which is nowhere", "put a text in single quotes"


def _second(_: str, __: list[str], number: int, ___: int) -> _Told:
    return number, "a second document begins here (---)", "one file is one source: delete the line, or make two files"


def _tag(problem: str, _: list[str], number: int, __: int) -> _Told:
    name = re.search(r"'(.*)'", problem)
    return number, f"{name[1] if name else '!'} is a tag, not a text", "put the value in single quotes"


def _unhashable(_: str, __: list[str], number: int, ___: int) -> _Told:
    return number, "a list or a block stands where the name of a field is expected", "write `name: value`"


def _itself(_: str, __: list[str], number: int, ___: int) -> _Told:
    return number, "a part with & contains itself with *", "write that part out"


_BROKEN = (
    ("'\\t'", "problem", _tab),
    ("unknown escape", "problem", _escape),
    ("cannot start any token", "problem", _start),
    ("unexpected end of stream", "start", _open_quote),
    ("document separator", "start", _open_quote),
    ("expected ',' or", "start", _open_bracket),
    ("mapping values are not allowed", "problem", _two_colons),
    ("could not find expected ':'", "start", _no_colon),
    ("expected <block end>", "problem", _block),
    ("expected the node content", "problem", _no_content),
    ("'<document start>'", "problem", _document),
    ("sequence entries are not allowed", "problem", _dash),
    ("undefined alias", "problem", _alias),
    ("another document", "problem", _second),
    ("constructor for the tag", "problem", _tag),
    ("unhashable key", "problem", _unhashable),
    ("contains itself", "problem", _itself),
)
