"""Which order a file's dates are in: decided from all rows, with the evidence, or refused."""

from dataclasses import dataclass

from neuro_assets.sources.model import TimeColumn
from neuro_assets.study import DateOrder

_DATE = {"mdy": "%m/%d/%Y", "dmy": "%d/%m/%Y", "ymd": "%Y-%m-%d"}
_CLOCK = {"mdy": "%I:%M:%S %p", "dmy": "%I:%M:%S %p", "ymd": "%H:%M:%S"}
SHOWN = {"mdy": "month/day/year", "dmy": "day/month/year", "ymd": "year-month-day"}


@dataclass(frozen=True)
class Reading:
    """How all rows of a file fare when read in one order."""

    order: DateOrder
    rows: int
    readable: int
    in_window: int
    first_unreadable_row: int | None = None
    first_unreadable_cell: str | None = None

    @property
    def outside_window(self) -> int:
        """Readable rows outside the study window."""
        return self.readable - self.in_window


@dataclass(frozen=True)
class DateDecision:
    """The order taken and what decided it; `refusal` says why none could be."""

    order: DateOrder | None
    evidence: str
    refusal: str | None = None


def time_format(order: DateOrder, time: TimeColumn) -> str:
    """The strptime format of a time column in an order."""
    return _DATE[order] if time.kind == "date" else f"{_DATE[order]} {_CLOCK[order]}"


def other_order(order: DateOrder) -> DateOrder | None:
    """The order a date could be mistaken for: month-first and day-first look alike."""
    return {"mdy": "dmy", "dmy": "mdy", "ymd": None}[order]  # pyright: ignore[reportReturnType]


def needs_second_reading(vendor: Reading) -> bool:
    """True when the vendor's own order leaves something to explain."""
    return vendor.readable < vendor.rows or vendor.outside_window > 0


def decide(vendor: Reading, other: Reading | None, declared: DateOrder | None) -> DateDecision:
    """Decide a file's date order.

    Args:
        vendor: the file read in the declared order if there is one, else in the vendor's own.
        other: the file read in the order it could be mistaken for; None where nothing calls for it.
        declared: what study.yaml or `--date-order` says.

    The vendor's untouched form decides unless another reading explains rows that it does not: then the file was
    re-saved, both readings are possible for the rest, and nobody is asked to trust a guess.
    """
    if declared:
        return DateDecision(declared, f"declared as {SHOWN[declared]}")
    if other is not None and other.readable > vendor.readable:
        return DateDecision(
            None,
            "",
            f"row {vendor.first_unreadable_row} ('{vendor.first_unreadable_cell}') is no {SHOWN[vendor.order]} date,"
            f" but {other.readable} of {other.rows} rows read as {SHOWN[other.order]} ({vendor.readable} as"
            f" {SHOWN[vendor.order]}): the file seems re-saved with another date order",
        )
    if other is not None and other.in_window > vendor.in_window:
        return DateDecision(
            None,
            "",
            f"read as {SHOWN[vendor.order]}, {vendor.outside_window} of {vendor.rows} rows fall outside the study"
            f" window; read as {SHOWN[other.order]}, {other.outside_window} do: the order is open",
        )
    return DateDecision(vendor.order, f"the vendor's untouched form ({SHOWN[vendor.order]})")
