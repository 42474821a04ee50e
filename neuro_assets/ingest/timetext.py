"""The times of a file as they are written: taken apart into date, clock and what stands between, and counted."""

from dataclasses import replace

import polars as pl

from neuro_assets.ingest.celltable import run
from neuro_assets.ingest.dates import TimeSurvey
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


def survey_times(connection: Connection, scan: Scan) -> tuple[TimeSurvey, pl.DataFrame]:
    """The times of a file as written: date texts per participant, and the clock formats that occur.

    The second frame has one line per way of writing: sep, shape, has_half, spaced, has_zone, n, first_row, first_cell,
    hour_min, hour_max, has_midnight.
    """
    if not _split_vendor_times(connection, scan):
        _take_times_apart(connection, scan)
    pairs = connection.execute(
        "SELECT id, text, count(*) AS n, min(row_number) AS first_row FROM time_text GROUP BY ALL ORDER BY first_row"
    ).pl()
    # Clocks repeat from day to day and from person to person: each is looked at once.
    clocks = connection.execute(
        r"""
        SELECT sep, regexp_replace(clock, '\d+', 'd', 'g') AS shape, half <> '' AS has_half,
               left(half, 1) = ' ' AS spaced, zone <> '' AS has_zone, sum(n)::BIGINT AS n, min(first) AS first_row,
               arg_min(first_cell, first) AS first_cell,
               min(TRY_CAST(regexp_extract(clock, '^\d+') AS INTEGER)) AS hour_min,
               max(TRY_CAST(regexp_extract(clock, '^\d+') AS INTEGER)) AS hour_max,
               bool_or(regexp_full_match(clock || half, '0?0:00(:00(\.0+)?)?|12:00(:00)? ?AM')) AS has_midnight
        FROM (SELECT sep, clock, half, zone, count(*) AS n, min(row_number) AS first,
                     arg_min(cell, row_number) AS first_cell
              FROM time_text GROUP BY sep, clock, half, zone)
        GROUP BY ALL
        ORDER BY n DESC
        """
    ).pl()
    return TimeSurvey(pairs, scan.layout.time_name), clocks


def _split_vendor_times(connection: Connection, scan: Scan) -> bool:
    """Fill `time_text` from times in the vendor's form, which single blanks hold together; False where others do."""
    (form,) = scan.times.formats if len(scan.times.formats) == 1 and not scan.times.is_loose else ("",)
    if form not in _VENDOR_FORMS:
        return False
    blanks = form.count(" ")
    sep, clock = ("' '", "split_part(written, ' ', 2)") if blanks else ("''", "''")
    half = "' ' || split_part(written, ' ', 3)" if blanks == 2 else "''"
    run(
        connection,
        f"""
        CREATE OR REPLACE TEMP TABLE time_text AS
        SELECT row_number, who AS id, written AS cell, split_part(written, ' ', 1) AS text, {sep} AS sep,
               {clock} AS clock, {half} AS half, '' AS zone,
               moment IS NOT NULL AND length(written) - length(replace(written, ' ', '')) = {blanks} AS is_plain
        FROM {scan.relation}
        """,
        scan.parameters,
    )
    row = connection.execute("SELECT bool_and(is_plain) FROM time_text").fetchone()
    return row is not None and bool(row[0])


def _take_times_apart(connection: Connection, scan: Scan) -> None:
    """Fill `time_text` from times however they are written."""
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


def clock_format(shape: str, *, has_half: bool, spaced: bool) -> str | None:
    """The strptime format of a clock's shape; None where it is none."""
    code = _CLOCK_FORMATS.get(shape)
    if code is None or not has_half:
        return code
    return code.replace("%H", "%I") + (" %p" if spaced else "%p")
