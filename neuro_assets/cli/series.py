"""`neuro series`: one person's stream over a range of days."""

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from neuro_assets.cli.console import err, fail, out, table
from neuro_assets.cli.context import open_home
from neuro_assets.lake.ddl import existing_columns
from neuro_assets.lake.lake import Connection
from neuro_assets.series.read import Series, read_series
from neuro_assets.streams.series import SERIES_1D

_RESOLUTIONS, _FORMATS = ("auto", "1m", "1h", "1d"), ("table", "csv", "parquet")
_DAYS_SHOWN = 7


def series(
    participant: Annotated[str, typer.Argument(help="Pseudonymous id.")],
    stream: Annotated[str, typer.Argument(help="Such as steps or heart_rate.")],
    since: Annotated[str, typer.Option(help="First local day, 2026-03-02; else a week before the last.")] = "",
    until: Annotated[str, typer.Option(help="Last local day; else the last one with data.")] = "",
    resolution: Annotated[
        str, typer.Option(help="auto, 1m, 1h or 1d; auto: minutes up to 8 days, hours up to 200, else days.")
    ] = "auto",
    output: Annotated[str, typer.Option("--format", "-f", help="table, csv or parquet")] = "table",
    to: Annotated[Path | None, typer.Option(help="File to write to; parquet needs one.")] = None,
    limit: Annotated[int, typer.Option(help="Rows shown as a table; csv and parquet give all.")] = 50,
) -> None:
    """Sum, mean, least and greatest value of a stream, and how much of it was observed and worn."""
    _one_of(resolution, _RESOLUTIONS, "--resolution")
    _one_of(output, _FORMATS, "--format")
    if output == "parquet" and to is None:
        raise typer.BadParameter("parquet is written to a file: add --to FILE.parquet", param_hint="--format")
    first, last = _day(since, "--since"), _day(until, "--until")
    job = open_home()
    with job.lake.connect(read_only=True) as connection:
        there = _days_there(connection, participant, stream)
        last = last or (there[1] if there else first or datetime.now(UTC).date())
        first = first or last - timedelta(days=_DAYS_SHOWN - 1)
        found = read_series(connection, participant, stream, first, last, resolution)  # pyright: ignore[reportArgumentType]
    if found.frame.is_empty():
        known = f"there are rows from {there[0]} to {there[1]}" if there else "there are none of that person at all"
        fail(f"no {stream} of {participant} from {first} to {last}: {known}; `neuro status` tells what is there")
        raise typer.Exit(2)
    _show(found, output, to, limit)


def _days_there(connection: Connection, participant: str, stream: str) -> tuple[date, date] | None:
    """First and last day of a person's stream."""
    if SERIES_1D.qualified not in existing_columns(connection):
        return None
    sql = f"SELECT min(day), max(day) FROM {SERIES_1D.qualified} WHERE participant_id = ? AND stream = ?"
    first, last = connection.execute(sql, [participant, stream]).fetchall()[0]
    return (first, last) if first else None


def _show(found: Series, output: str, to: Path | None, limit: int) -> None:
    if output == "parquet" and to:
        found.frame.write_parquet(to)
    elif output == "csv":
        found.frame.write_csv(to or sys.stdout)
    elif to:
        raise typer.BadParameter("a table is for the terminal: add --format csv or parquet", param_hint="--to")
    else:
        shown = found.frame.head(limit).with_columns(pl.selectors.float().round(3))
        table("", shown.columns, [list(row) for row in shown.iter_rows()])
    rows = f"{found.frame.height} rows by {found.resolution}"
    cut = f", the first {limit} shown" if output == "table" and found.frame.height > limit else ""
    # A file or a pipe has the data alone.
    (out if output == "table" else err).print(rows + cut + (f"; {found.note}" if found.note else ""))


def _one_of(value: str, allowed: tuple[str, ...], option: str) -> None:
    if value not in allowed:
        raise typer.BadParameter(f"expected {', '.join(allowed[:-1])} or {allowed[-1]}", param_hint=option)


def _day(text: str, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"expected a date such as 2026-03-02, got '{text}'", param_hint=option) from None
