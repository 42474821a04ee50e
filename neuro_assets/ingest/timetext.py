"""The times of a file as they are written: taken apart into date, clock and what stands between, and counted."""

from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from neuro_assets.ingest.celltable import run
from neuro_assets.ingest.dates import TimeSurvey
from neuro_assets.ingest.measure import Extent
from neuro_assets.ingest.reading import Scan
from neuro_assets.lake.lake import Connection

_CLOCK = r"(\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?|\d{1,2})"
# date, what separates it, clock, half of the day, zone; a lone number after the date is an hour.
_TIME_PARTS = rf"^(.*?)([T ,]+){_CLOCK}( ?[AP]M)?( ?(?:Z|UTC|GMT|[+-]\d{{2}}:?\d{{2}}))?$"
_CLOCK_FORMATS = {"d:d": "%H:%M", "d:d:d": "%H:%M:%S", "d:d:d.d": "%H:%M:%S.%f", "d": "%H"}
# The forms of vendors who name none of their own: a blank stands between date and clock, and before AM or PM.
_VENDOR_FORMS = {
    f"{day}{clock}" for day in ("%m/%d/%Y", "%d/%m/%Y", "%Y-%m-%d") for clock in ("", " %H:%M:%S", " %I:%M:%S %p")
}


@dataclass(frozen=True)
class WrittenTimes:
    """SQL of the times of a file, taken apart: row_number, id, cell, text (the date), sep, clock, half, zone.

    `is_halved`: all are in a vendor's twelve-hour form.
    """

    relation: str
    parameters: dict[str, Any]
    is_halved: bool = False


def survey_times(connection: Connection, scan: Scan, extent: Extent) -> tuple[TimeSurvey, pl.DataFrame, WrittenTimes]:
    """The times of a file as written: date texts per participant, and the clock formats that occur.

    What the first pass found is taken as given: where every time was read and no line left out, the ways of writing are
    those of the rows that show all texts.

    The second answer has one line per way of writing: sep, shape, has_half, spaced, has_zone, n, first_row, first_cell,
    hour_min, hour_max, has_midnight.
    """
    times = _vendor_times(scan)
    found = None if times is None else _in_vendor_form(connection, scan, times, is_good=_is_good(extent))
    if times is not None and found is not None:
        pairs, clocks = found
    else:
        times = _times_apart(connection, scan)
        pairs, clocks = _pairs(connection, times), _clocks(connection, times)
    return TimeSurvey(pairs, scan.layout.time_name), clocks, times


def _clocks(connection: Connection, times: WrittenTimes) -> pl.DataFrame:
    # Clocks repeat from day to day and from person to person: each is looked at once.
    return connection.execute(
        rf"""
        SELECT sep, regexp_replace(clock, '\d+', 'd', 'g') AS shape, half <> '' AS has_half,
               left(half, 1) = ' ' AS spaced, zone <> '' AS has_zone, sum(n)::BIGINT AS n, min(first) AS first_row,
               arg_min(first_cell, first) AS first_cell,
               min(TRY_CAST(regexp_extract(clock, '^\d+') AS INTEGER)) AS hour_min,
               max(TRY_CAST(regexp_extract(clock, '^\d+') AS INTEGER)) AS hour_max,
               bool_or(regexp_full_match(clock || half, '0?0:00(:00(\.0+)?)?|12:00(:00)? ?AM')) AS has_midnight
        FROM (SELECT sep, clock, half, zone, count(*) AS n, min(row_number) AS first,
                     arg_min(cell, row_number) AS first_cell
              FROM {times.relation} GROUP BY sep, clock, half, zone)
        GROUP BY ALL
        ORDER BY n DESC
        """,
        times.parameters,
    ).pl()


def _is_good(extent: Extent) -> bool:
    return extent.readable == extent.rows and not extent.left_out


def _in_vendor_form(
    connection: Connection, scan: Scan, times: WrittenTimes, *, is_good: bool
) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """The same of times taken apart as the vendor writes them; None where some are not written so.

    With AM and PM there is one way of writing, and it is known: the clocks need not be looked at once more.
    """
    shown = scan.table.shown if is_good and times.is_halved and len(scan.layout.time_at) == 1 else None
    found = _taken_apart(connection, (shown and _vendor_times(replace(scan, table=shown))) or times)
    if not found["is_plain"].all():
        return None
    pairs = found.select("id", "text", "n", "first_row")
    if shown:
        pairs = connection.execute(
            "SELECT who AS id, split_part(written, ' ', 1) AS text, count(*) AS n, min(row_number) AS first_row"
            f" FROM {scan.lines()} GROUP BY ALL ORDER BY first_row",
            scan.parameters,
        ).pl()
    if not times.is_halved or found.is_empty():
        return pairs, _clocks(connection, times)
    return pairs, _halved(found, int(pairs["n"].sum()))


def _taken_apart(connection: Connection, times: WrittenTimes) -> pl.DataFrame:
    return run(
        connection,
        f"""
        SELECT id, text, count(*) AS n, min(row_number) AS first_row, bool_and(is_plain) AS is_plain,
               arg_min(cell, row_number) AS first_cell, bool_or(moment = moment::DATE) AS has_midnight
        FROM {times.relation}
        GROUP BY ALL
        ORDER BY first_row
        """,
        times.parameters,
    ).pl()


def _halved(found: pl.DataFrame, rows: int) -> pl.DataFrame:
    """The one line of clocks that run from 1 to 12 with AM or PM."""
    first = found.row(0, named=True)
    return pl.DataFrame(
        {
            "sep": " ", "shape": "d:d:d", "has_half": True, "spaced": True, "has_zone": False, "n": rows,
            "first_row": first["first_row"], "first_cell": first["first_cell"], "hour_min": 1, "hour_max": 12,
            "has_midnight": bool(found["has_midnight"].any()),
        }
    )  # fmt: skip


def _pairs(connection: Connection, times: WrittenTimes) -> pl.DataFrame:
    return connection.execute(
        f"SELECT id, text, count(*) AS n, min(row_number) AS first_row FROM {times.relation} GROUP BY ALL"
        " ORDER BY first_row",
        times.parameters,
    ).pl()


def _vendor_times(scan: Scan) -> WrittenTimes | None:
    """Times in the vendor's form, which single blanks hold together; `is_plain` where a row has that form."""
    (form,) = scan.times.formats if len(scan.times.formats) == 1 and not scan.times.is_loose else ("",)
    if form not in _VENDOR_FORMS:
        return None
    blanks = form.count(" ")
    sep, clock = ("' '", "split_part(written, ' ', 2)") if blanks else ("''", "''")
    half = "' ' || split_part(written, ' ', 3)" if blanks == 2 else "''"
    relation = f"""
        (SELECT row_number, who AS id, written AS cell, split_part(written, ' ', 1) AS text, {sep} AS sep,
               {clock} AS clock, {half} AS half, '' AS zone,
               moment, moment IS NOT NULL AND length(written) - length(replace(written, ' ', '')) = {blanks} AS is_plain
        FROM {scan.relation})
        """
    return WrittenTimes(relation, scan.parameters, is_halved=blanks == 2)


def _times_apart(connection: Connection, scan: Scan) -> WrittenTimes:
    """Times however they are written, in the temporary table `time_text`."""
    loose = replace(scan, times=replace(scan.times, is_loose=True))
    run(
        connection,
        f"""
        CREATE OR REPLACE TEMP TABLE time_text AS
        SELECT row_number, id, cell, part.d AS text, part.sep AS sep, part.clock AS clock, part.half AS half,
               trim(part.zone) AS zone
        FROM (
            SELECT row_number, id, cell, CASE WHEN found.clock <> '' THEN found
                   ELSE {{'d': cell, 'sep': '', 'clock': '', 'half': '', 'zone': ''}} END AS part
            FROM (SELECT *, regexp_extract(cell, '{_TIME_PARTS}', ['d', 'sep', 'clock', 'half', 'zone']) AS found
                  FROM (SELECT row_number, who AS id, written AS cell FROM {loose.relation}))
            WHERE cell IS NOT NULL
        )
        """,
        loose.parameters,
    )
    # A day number with a fraction has its clock behind the point.
    connection.execute(
        r"UPDATE time_text SET text = left(cell, 5), clock = '.' WHERE regexp_full_match(cell, '\d{5}\.\d+')"
    )
    # A month's name and its year look like a date and an hour: put together what belongs together.
    connection.execute(
        "UPDATE time_text SET text = cell, sep = '', clock = '', half = '', zone = ''"
        " WHERE clock NOT IN ('', '.') AND NOT contains(clock, ':') AND half = ''"
        " AND NOT regexp_full_match(text, '\\d+[-/.]\\d+[-/.]\\d+|\\d{8}')"
    )
    return WrittenTimes("time_text", {})


def clock_format(shape: str, *, has_half: bool, spaced: bool) -> str | None:
    """The strptime format of a clock's shape; None where it is none."""
    code = _CLOCK_FORMATS.get(shape)
    if code is None or not has_half:
        return code
    return code.replace("%H", "%I") + (" %p" if spaced else "%p")
