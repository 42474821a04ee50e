"""One thing done to an export when it is saved again, and whether it loses anything."""

from collections.abc import Callable
from dataclasses import dataclass

from neuro_assets_tests.resave.export import Export

# Applied in this order, whatever order a variant names them in: rows are put in order and cells written anew, then
# come columns and lines, then the way of writing.
GROUPS = ("order", "dates", "numbers", "ids", "columns", "rows", "text", "file", "wrap")


def always(_: Export) -> bool:
    """Fits every export, or is harmless on every export."""
    return True


def never(_: Export) -> bool:
    """Harmless on no export."""
    return False


def has_clock(export: Export) -> bool:
    """The time column holds moments, not days."""
    return export.time_kind == "datetime"


def tells_the_order(export: Export) -> bool:
    """Some date reads in one order of day and month only."""
    return export.has_days_above_12


@dataclass(frozen=True)
class Step:
    """A pure function of an export; `harmless`: a careful person could undo it without guessing."""

    name: str
    group: str
    apply: Callable[[Export], Export]
    harmless: Callable[[Export], bool] = always
    fits: Callable[[Export], bool] = always
    is_approximate: bool = False
