"""The clock behind the date: formats of the times of a file, and times of day that a spreadsheet has dropped."""

import polars as pl

from neuro_assets.ingest.dates import DateDecision, Order, read_date_text, strptime_format
from neuro_assets.ingest.reading import Scan, TimeForm
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.timetext import WrittenTimes, clock_format
from neuro_assets.lake.lake import Connection


def refuse_lost_clocks(scan: Scan, clocks: pl.DataFrame, texts: list[str]) -> None:
    """A moment needs its time of day, in a zone-less wall clock of 24 hours or with AM and PM."""
    name, spec = scan.layout.time_name, scan.kind.spec
    zoned = clocks.filter(pl.col("has_zone"))
    if len(zoned):
        raise _lost(zoned, "zoned_times", f"the times in '{name}' carry a zone or an offset",
                    "Export them as the participant's wall clock, without a zone", name)  # fmt: skip
    if spec.is_dated:
        return
    bare = clocks.filter(pl.col("shape") == "")
    days = [t for t in texts if read_date_text(t)]
    if len(bare) == len(clocks) and days and all(_is_bare_day(t) for t in days):
        raise _lost(bare, "lost_times", f"'{name}' has days without a time of day",
                    "A spreadsheet hid or dropped the clock: export the file again", name)  # fmt: skip
    numbered = clocks.filter(pl.col("hour_max") == 24)
    if len(numbered) and clocks["hour_min"].min() == 1:
        raise _lost(numbered, "hours_1_to_24", f"the hours in '{name}' run from 1 to 24: each may be the hour's end",
                    "Export the file with the hour at which each row begins, 0 to 23", name)  # fmt: skip
    # ISO has 24 hours; elsewhere a vendor who writes AM and PM has lost them where no hour is 0 or above 12.
    has_iso = all((found := read_date_text(t)) is None or found.shape.startswith("Y") for t in texts)
    timed = clocks.filter(~pl.col("shape").is_in(["", "."]) & ~pl.col("has_half"))
    writes_halves = spec.time.format is None and scan.kind.source.date_order != "ymd"
    if has_iso or not writes_halves or timed.is_empty():
        return
    if timed["hour_min"].min() >= 1 and timed["hour_max"].max() <= 12:  # pyright: ignore[reportOperatorIssue]
        first = timed.sort("first_row").row(0, named=True)
        raise _lost_halves(name, first["first_row"], first["first_cell"])


def _is_bare_day(cell: str) -> bool:
    """A day without a time; a spreadsheet's day number has it behind the point."""
    found = read_date_text(cell)
    return found is not None and ("serial" not in found.days or "." not in cell)


def _lost(rows: pl.DataFrame, code: str, what: str, remedy: str, column: str) -> FileRefusedError:
    first = rows.sort("first_row").row(0, named=True)
    where = f"{what}: row {first['first_row']}, '{str(first['first_cell'])[:60]}'"
    return FileRefusedError(code, where, remedy, row=first["first_row"], column=column, value=first["first_cell"])


def _lost_halves(name: str, row: int, cell: str) -> FileRefusedError:
    return FileRefusedError(
        "lost_am_pm",
        f"the hours in '{name}' run from 1 to 12 without AM or PM: row {row}, '{cell[:60]}'",
        "Morning and afternoon cannot be told apart: export the file again",
        row=row,
        column=name,
        value=cell,
    )


def time_form(decision: DateDecision, clocks: pl.DataFrame, *, is_dated: bool) -> TimeForm:
    """The formats that a decision about dates and the clocks of the file come to."""
    pairs: set[tuple[str, Order]] = {(s.shape, s.order) for s in decision.shapes if s.order}
    return TimeForm(
        time_formats(pairs, clocks, is_dated=is_dated), is_loose=True, has_serials=any(o == "serial" for _, o in pairs)
    )  # pyright: ignore[reportArgumentType]


def time_formats(shapes: set[tuple[str, Order]], clocks: pl.DataFrame, *, is_dated: bool) -> tuple[str, ...]:
    """Every day format with every clock format that occurs, two-digit years first (%Y would read 16 as a year).

    A day without a clock counts as its midnight only where no row writes a midnight out.
    """
    days = [f for shape, order in sorted(shapes) if (f := strptime_format(shape, order))]
    days.sort(key=lambda f: "%y" not in f)
    tails = []
    has_midnight = bool(clocks.filter(pl.col("shape") != "")["has_midnight"].any())
    only_days = clocks.filter(pl.col("shape") != "").is_empty()
    for row in clocks.iter_rows(named=True):
        if row["shape"] == "":
            if is_dated or only_days or not has_midnight:
                tails.append("")
            continue
        code = clock_format(row["shape"], has_half=row["has_half"], spaced=row["spaced"])
        if code:
            tails.append(row["sep"] + code)
    return tuple(dict.fromkeys(day + tail for day in days for tail in tails))


def refuse_noon_before_one(connection: Connection, scan: Scan, times: WrittenTimes, clocks: pl.DataFrame) -> None:
    """A row after 12 o'clock that says 1 on the same day, in a column that never says more than 12."""
    if scan.kind.spec.is_dated or clocks["has_half"].any():
        return
    found = connection.execute(
        rf"""
        WITH hours AS (
            SELECT id, text, row_number, cell, TRY_CAST(regexp_extract(clock, '^\d+') AS INTEGER) AS hour
            FROM {times.relation} WHERE clock NOT IN ('', '.')
        )
        SELECT row_number, cell FROM (
            SELECT *, lag(hour) OVER (PARTITION BY id, text ORDER BY row_number) AS before FROM hours
        )
        WHERE before = 12 AND hour = 1 AND (SELECT max(hour) FROM hours) = 12 AND (SELECT min(hour) FROM hours) > 0
        ORDER BY row_number LIMIT 1
        """,
        times.parameters,
    ).fetchone()
    if found:
        raise _lost_halves(scan.layout.time_name, *found)
