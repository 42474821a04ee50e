"""Printing: one console for people, plain JSON for scripts."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

# Piped output is not a terminal: nothing is cut to fit one there.
_WIDTH = None if sys.stdout.isatty() else 2000
out = Console(highlight=False, width=_WIDTH)
err = Console(stderr=True, highlight=False, width=_WIDTH)


def fail(message: str) -> None:
    """A sentence on stderr."""
    err.print(Text.assemble(("error:", "red"), " ", message), soft_wrap=True)


def print_json(value: Any) -> None:
    """Machine-readable output, dates as ISO text."""
    print(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    """A table for people; nothing when it is empty."""
    if not rows:
        return
    shown = RichTable(title=title, title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    for column in columns:
        shown.add_column(column)
    for row in rows:
        # Text, not str: a value in square brackets is no markup.
        shown.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    out.print(shown)
    out.print()
