"""Filters of list and reconcile: the part of AIP-160 that the API documents, and how it refuses the rest."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from neuro_assets.simulate.google_health.catalogue import DataType, Form
from neuro_assets.simulate.google_health.errors import bad_filter
from neuro_assets.simulate.google_health.world import EVER, Query

BAD_MEMBER = "INVALID_DATA_POINT_FILTER_DATA_TYPE_MEMBER"
BAD_RANGE = "INVALID_DATA_POINT_FILTER_TIME_RANGE"
BAD_LITERAL = "INVALID_DATA_POINT_FILTER_LITERAL"
BAD_OPERATOR = "INVALID_DATA_POINT_FILTER_COMPARATOR"
BAD_SYNTAX = "INVALID_DATA_POINT_FILTER_SYNTAX"
_TERM = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(>=|<=|!=|=|<|>)\s*(\"[^\"]*\"|'[^']*'|\S+)")
_JOIN = re.compile(r"\s+(AND|OR)(?=\s)")
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_CIVIL = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
FORMS: dict[str, re.Pattern[str]] = {"utc": _UTC, "civil": _CIVIL, "date": _DATE}
SILENT = ("steps", "heart-rate")
"""Types whose civil members are documented, and find nothing."""


class Term(NamedTuple):
    """One comparison; `joined` is the word before the next one."""

    column: int
    member: str
    operator: str
    literal: str
    joined: str | None


def parsed(text: str, data_type: DataType) -> Query:
    """What a filter asks for; everything, without one.

    Raises:
        Refused: 400, for a member, operator or literal that is not supported, or a range that is empty.
    """
    if not text.strip():
        return Query()
    terms, members = _terms(text), data_type.members
    wrong = [
        f"Member '{term.member}' is not supported for filtering. (at line 1, column {term.column})"
        for term in terms
        if term.member not in members
    ]
    if wrong:
        raise bad_filter(BAD_MEMBER, *wrong)
    forms: set[Form] = {members[term.member] for term in terms}
    if len(forms) > 1:
        raise bad_filter(BAD_SYNTAX, "A filter may be on one member only.")
    form = forms.pop()
    ranges = tuple(_range(group, form) for group in _alternatives(terms))
    if len(ranges) > 1 and data_type.record != "sleep":
        raise bad_filter(BAD_OPERATOR, "Logical operator 'OR' is not supported.")
    if form == "civil" and data_type.name in SILENT:
        ranges = ((0, 0),)
    return Query("end" if data_type.record == "sleep" else "start", form, ranges)


def _alternatives(terms: list[Term]) -> list[list[Term]]:
    """The terms between one OR and the next."""
    groups: list[list[Term]] = [[]]
    for term in terms:
        groups[-1].append(term)
        if term.joined == "OR":
            groups.append([])
    return groups


def _range(terms: list[Term], form: Form) -> tuple[int, int]:
    low, high = EVER
    for term in terms:
        bound = _seconds(term.literal, term.member, form)
        if term.operator == ">=":
            low = max(low, bound)
        elif term.operator == "<":
            high = min(high, bound)
        else:
            raise bad_filter(BAD_OPERATOR, f"Comparator '{term.operator}' is not supported for '{term.member}'.")
    if low >= high:
        raise bad_filter(BAD_RANGE, "Query end time must be strictly larger than query start time.")
    return low, high


def _terms(text: str) -> list[Term]:
    at, found = 0, []
    while True:
        match = _TERM.match(text, at)
        if match is None:
            raise bad_filter(BAD_SYNTAX, f"Syntax error. (at line 1, column {at + 1})")
        end = match.end()
        is_last = not text[end:].strip()
        joined = None if is_last else _JOIN.match(text, end)
        member, operator, literal = match.groups()
        found.append(Term(match.start(1) + 1, member, operator, literal, joined[1] if joined else None))
        if is_last:
            return found
        if joined is None:
            raise bad_filter(BAD_SYNTAX, f"Syntax error. (at line 1, column {end + 1})")
        at = joined.end()


def _seconds(literal: str, member: str, form: Form) -> int:
    text = literal[1:-1] if literal[:1] in "\"'" else ""
    if not FORMS[form].fullmatch(text):
        raise bad_filter(BAD_LITERAL, f"Invalid literal {literal} for member '{member}'.")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise bad_filter(BAD_LITERAL, f"Invalid literal {literal} for member '{member}'.") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    whole = int(at.timestamp())
    return whole + (at.microsecond > 0)
