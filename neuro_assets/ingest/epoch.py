"""Times written as a count since 1970, in UTC: read in the unit that the spec states, none is guessed. SQL only."""

from datetime import UTC, datetime

# Unit -> nanoseconds, and what messages call it. Specs state one of the first three; the fourth is only known by sight.
UNITS = {
    "s": (1_000_000_000, "seconds"),
    "ms": (1_000_000, "milliseconds"),
    "us": (1_000, "microseconds"),
    "ns": (1, "nanoseconds"),
}
# In no two units a number lies between these years.
_FIRST_S, _END_S = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2000, 2100))
_COUNT = r"\d{9,19}(\.\d+)?"


def name_of(unit: str) -> str:
    """What messages call times in a unit."""
    return f"{UNITS[unit][1]} since 1970"


def epoch_moment(cell: str, unit: str) -> str:
    """SQL: the moment in UTC of a cell that counts `unit`s; NULL where it is no count, or not of 2000 to 2099."""
    return f"CASE WHEN {is_of_unit(cell, unit)} THEN make_timestamp(floor({_number(cell)} * {_us(unit)})::BIGINT) END"


def is_of_unit(cell: str, unit: str) -> str:
    """SQL: whether a cell, counted in `unit`s, is of the years 2000 to 2099."""
    per_s = UNITS["s"][0] // UNITS[unit][0]
    number = _number(cell)
    return f"coalesce({number} >= {_FIRST_S * per_s} AND {number} < {_END_S * per_s}, false)"


def _number(cell: str) -> str:
    return f"(CASE WHEN regexp_full_match({cell}, '{_COUNT}') THEN TRY_CAST({cell} AS DECIMAL(28, 6)) END)"


def _us(unit: str) -> int:
    """Microseconds in a unit that a spec may state."""
    return UNITS[unit][0] // UNITS["us"][0]
