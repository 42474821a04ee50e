"""The page that the benchmarks write: a section each, with its table and what was asked of it."""

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Target:
    """One number that was asked for: at most `limit`, or at least where `is_floor`."""

    name: str
    value: float
    limit: float
    unit: str = ""
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the number is within its limit."""
        return self.value >= self.limit if self.is_floor else self.value <= self.limit

    @property
    def line(self) -> str:
        """The target as a sentence."""
        sign, unit = ("≥" if self.is_floor else "≤"), f" {self.unit}" if self.unit else ""
        return f"- {self.name}: **{self.value:.2f}{unit}** (asked: {sign} {self.limit:g}{unit}): {self.verdict}"

    @property
    def verdict(self) -> str:
        """`met` or `NOT met`."""
        return "met" if self.is_met else "**NOT met**"


@dataclass(frozen=True)
class Section:
    """What one benchmark found."""

    title: str
    about: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    targets: Sequence[Target] = ()

    @property
    def text(self) -> str:
        """The section in Markdown."""
        lines = [f"## {self.title}", "", self.about, ""]
        lines += [_row(self.header), _row(["---"] * len(self.header)), *map(_row, self.rows), ""]
        lines += [t.line for t in self.targets]
        return "\n".join(lines).rstrip() + "\n"


def page(sections: Sequence[Section]) -> str:
    """The whole page."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = f"Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    machine = f"{os.cpu_count()} cores, {gib:.0f} GiB of memory, {versions}"
    head = (
        "# Benchmarks\n\n"
        "Written by `make bench`; not edited by hand. Times depend on the machine and on what else it does, so what"
        " counts is the ratio to a comparator of the same run. Unless a section says otherwise, a figure is the median"
        " of rounds in which the candidates took turns. A section may be of a run of its own."
        f"\n\nThis run: {machine}.\n\n"
    )
    return head + "\n".join(s.text for s in sections)


def with_sections(written: str, sections: Sequence[Section]) -> str:
    """A page with some sections replaced, or added at its end."""
    head, *parts = re.split(r"(?m)^(?=## )", written)
    found = {part.splitlines()[0].removeprefix("## "): part.rstrip() + "\n" for part in parts}
    return head + "\n".join((found | {s.title: s.text for s in sections}).values())


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
