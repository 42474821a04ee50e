"""A file with one row an answer, seen as one with a column an item: what a draft of its codebook is made from."""

import re
from dataclasses import dataclass, replace

from neuro_assets.ingest.layout import plain
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.survey import Seen
from neuro_assets.surveys.source import INSTRUMENT, LONG


@dataclass(frozen=True)
class LongColumns:
    """Which columns of a file name the question, hold the answer, and name the instrument."""

    item: str
    answer: str
    instrument: str | None


def as_responses(seen: Seen) -> tuple[Seen, LongColumns | None]:
    """The table with a column an item, where it has one row an answer; else as it is.

    That is told by the names of two columns, and by words in the one that should name questions.
    Rows that agree in all other columns are one response; columns that are different in every row, such as a number of
    the row, are left aside.

    Raises:
        FileRefusedError: answers to several instruments.
    """
    header = seen.table.header
    item, answer = (_place(header, (c.column, *c.also)) for c in (LONG.item, LONG.answer))
    if item is None or answer is None or not all(re.search("[^\\W\\d_]", c) for c in seen.cells(item)):
        return seen, None
    instrument = _place(header, (INSTRUMENT.column, *INSTRUMENT.also))
    if instrument is not None and len(names := sorted(set(seen.cells(instrument)))) > 1:
        raise FileRefusedError(
            "unknown_layout",
            f"it has the answers to {len(names)} instruments: {', '.join(names)[:200]}",
            "Take the rows of one of them into a file of their own; to load it, it can stay whole (docs/surveys.md)",
        )
    rows = [row for row in seen.rows if len(row) > max(item, answer) and row[item]]
    rest = [n for n, h in enumerate(header) if h and n not in {item, answer, instrument}]
    rest = [n for n in rest if len({row[n] for row in rows}) < max(len(rows), 2)]
    items = list(dict.fromkeys(row[item] for row in rows))
    responses: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        responses.setdefault(tuple(row[n] for n in rest), {})[row[item]] = row[answer]
    wide = tuple((*own, *(told.get(i, "") for i in items)) for own, told in responses.items())
    table = replace(seen.table, header=(*(header[n] for n in rest), *items), sample=wide[: len(seen.table.sample)])
    named = None if instrument is None else header[instrument]
    return Seen(table, wide), LongColumns(header[item], header[answer], named)


def _place(header: tuple[str, ...], names: tuple[str, ...]) -> int | None:
    """The one column with one of these names."""
    wanted = {plain(n) for n in names}
    found = [n for n, h in enumerate(header) if plain(h) in wanted]
    return found[0] if len(found) == 1 else None
