"""Which re-saves are made of which file: every step alone, and chosen pairs."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from neuro_assets_tests.resave.columns import COLUMNS
from neuro_assets_tests.resave.containers import FILES, TEXTS, WRAPS
from neuro_assets_tests.resave.dates import DATES
from neuro_assets_tests.resave.export import Export, render
from neuro_assets_tests.resave.numbers import IDS, NUMBERS
from neuro_assets_tests.resave.rows import ORDERS, ROWS
from neuro_assets_tests.resave.step import GROUPS, Step

STEPS = {s.name: s for s in (*ORDERS, *DATES, *NUMBERS, *IDS, *COLUMNS, *ROWS, *TEXTS, *FILES, *WRAPS)}


@dataclass(frozen=True)
class Variant:
    """One re-save of one file."""

    export: Export
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """The steps in words."""
        return " + ".join(s.name for s in self.steps) or "untouched"

    @property
    def kind(self) -> str:
        """The step, or the groups of a pair: what results are counted by."""
        return self.steps[0].name if len(self.steps) == 1 else " + ".join(sorted(s.group for s in self.steps))

    @property
    def group(self) -> str:
        """The group of a single step; `pairs` for several."""
        return self.steps[0].group if len(self.steps) == 1 else "pairs"

    @property
    def is_harmless(self) -> bool:
        """A careful person could recover the original without guessing."""
        return all(s.harmless(self.export) for s in self.steps)

    @property
    def is_approximate(self) -> bool:
        """Decimals are written anew: equal within rounding."""
        return any(s.is_approximate for s in self.steps)

    @cached_property
    def result(self) -> Export:
        """The export after all steps."""
        export = self.export
        for step in sorted(self.steps, key=lambda s: GROUPS.index(s.group)):
            export = step.apply(export)
        return export

    def file(self) -> tuple[str, bytes]:
        """Name and bytes."""
        return render(self.result)


def variant(export: Export, *names: str) -> Variant:
    """A variant by the names of its steps."""
    return Variant(export, tuple(STEPS[n] for n in names))


_DAY_FIRST = ("day first, padded", "dotted", "two-digit year, day first")
_DATES = (
    *_DAY_FIRST,
    "ISO",
    "month as a short name",
    "clock of 24 hours",
    "split: date and hour",
    "Excel's swap, shown ISO",
    "AM/PM lost",
    "mixed: every other row ISO",
)
_LOOKS = (
    "tabs",
    "semicolons",
    "UTF-8 with BOM and CRLF",
    "UTF-16 LE with BOM",
    "all cells quoted",
    "Windows-1252",
    "xlsx, all text",
    "Parquet, all text",
    "JSON lines, all text",
    "gzip",
    "zip",
)
_NAMES = (
    "columns reversed",
    "headers in snake_case",
    "headers renamed, close",
    "comment column",
    "unneeded columns dropped",
    "three blank columns at the end",
    "row index without a name (as pandas writes)",
)
_LINES = (
    "title line, padded",
    "two title lines and a blank line",
    "sep= line",
    "header again in the middle",
    "total at the end",
    "lines of commas at the end",
)
_NUMBERS = (
    "decimal comma, semicolons",
    "thousands by comma",
    "thousands by space",
    "whole numbers as floats",
    "ids as floats",
    "ids with apostrophe",
    "ids as 1.50396E+09",
    "ids rounded to 1503960000",
)
_SHEETS = ("xlsx, typed", "xlsx, merged title", "xlsx, dates from 1904", "xlsx, notes in a second sheet")
_ORDERS = ("shuffled", "newest first", "all rows twice")

PAIRS: tuple[tuple[Iterable[str], Iterable[str]], ...] = (
    (_LOOKS, _DATES),
    (_LOOKS, _NAMES),
    (("tabs", "semicolons", "UTF-16 LE with BOM", "UTF-8 with BOM and CRLF", "gzip", "zip"), _LINES),
    (("tabs", "UTF-16 LE with BOM", "all cells quoted", "xlsx, all text", "JSON lines, all text"), _NUMBERS),
    (_DATES, _NUMBERS),
    (_DATES, _NAMES),
    (_DATES, _LINES),
    (_ORDERS, _DATES),
    (_NAMES, _LINES),
    (_NAMES, _NUMBERS),
    (_LINES, _NUMBERS),
    (_SHEETS, (*_NAMES, *_ORDERS, "Excel's swap, real dates", "split: date and hour", "Excel serial numbers")),
    (("Parquet, typed", "JSON array, typed"), (*_NAMES, *_ORDERS, "gzip", "zip")),
    (("cut in the middle of a line",), ("CRLF", "tabs", "UTF-16 LE with BOM", "gzip", "zip with __MACOSX")),
    (("title line with umlauts", "comment column with umlauts"), ("Windows-1252", "UTF-16 BE with BOM", "CRLF")),
)


def fits(export: Export, steps: tuple[Step, ...]) -> bool:
    """Each step has something to act on, and none undoes what the other did."""
    return all(s.fits(export) for s in steps)


def singles(export: Export) -> Iterator[Variant]:
    """Every step alone."""
    return (Variant(export, (s,)) for s in STEPS.values() if fits(export, (s,)))


def pairs(export: Export) -> Iterator[Variant]:
    """The chosen pairs."""
    for left, right in PAIRS:
        for names in product(left, right):
            steps = tuple(STEPS[n] for n in names)
            if fits(export, steps):
                yield Variant(export, steps)


def share(variants: Iterable[Variant], label: str, one_in: int) -> list[Variant]:
    """About one in so many, the same at every call, others for another file."""
    return [v for v in variants if zlib.crc32(f"{label}: {v.name}".encode()) % one_in == 0]
