"""`neuro plot`: pictures of the lake."""

from datetime import date
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from neuro_assets.cli.console import fail, out
from neuro_assets.cli.context import open_home
from neuro_assets.lake.ddl import existing_columns
from neuro_assets.streams.coverage import DAILY


def coverage(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it: .html or .png.")],
    stream: Annotated[str, typer.Option(help="One stream; else the one of which most is there.")] = "",
    since: Annotated[str, typer.Option(help="First day, 2026-03-02.")] = "",
    until: Annotated[str, typer.Option(help="Last day.")] = "",
) -> None:
    """People by days, a colour for each reason: who is there, who is not, and why."""
    from neuro_assets.coverage.heat_map import heat_map, heat_page, read_days

    if to.suffix.lower() not in {".html", ".png"}:
        raise typer.BadParameter(f"expected a name that ends in .html or .png, got '{to.name}'", param_hint="FILE")
    first, last = _day(since, "--since"), _day(until, "--until")
    job = open_home()
    with job.lake.connect(read_only=True) as connection:
        is_there = DAILY.qualified in existing_columns(connection)
        days = read_days(connection, stream or None, first, last) if is_there else None
    if days is None or days.is_empty():
        fail("there is no coverage of that yet; `neuro run` writes it where the protocol expects streams")
        raise typer.Exit(2)
    title = f"{job.study.name or job.study.id}: {stream or 'any stream'}"
    if to.suffix.lower() == ".png":
        to.write_bytes(heat_map(days, title))
    else:
        to.write_text(heat_page(days, title), encoding="utf-8")
    out.print(f"{days['participant_id'].n_unique()} people, {days['day'].n_unique()} days, in {to}")


def one_person(
    participant: Annotated[str, typer.Argument(help="Pseudonymous id.")],
    stream: Annotated[str, typer.Argument(help="Such as steps or heart_rate.")],
    since: Annotated[str, typer.Option(help="First local day, 2026-03-02; else a week with the last.")] = "",
    until: Annotated[str, typer.Option(help="Last local day; else the last one with data.")] = "",
    to: Annotated[
        Path | None,
        typer.Option("--to", "-o", metavar="FILE", help="A .png or .html; else a .png in plots/ of the home."),
    ] = None,
) -> None:
    """One person's stream: what was observed, what was filled in and how sure that is, and why the rest is missing."""
    from neuro_assets.imputation.plot import page, plot_series, read_series_of

    if to and to.suffix.lower() not in {".html", ".png"}:
        raise typer.BadParameter(f"expected a name that ends in .html or .png, got '{to.name}'", param_hint="--to")
    if to and not to.resolve().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {to.resolve().parent}; make it first", param_hint="--to")
    first, last = _day(since, "--since"), _day(until, "--until")
    job = open_home()
    with job.lake.connect(read_only=True) as connection:
        data = read_series_of(connection, participant, stream, first, last)
    days = f"{data.since} to {data.until}"
    title = f"{job.study.name or job.study.id}: {stream} of {participant}, {days}"
    to = to or _of_home(job.settings.home, f"{stream}_{participant}_{data.since}_{data.until}.png")
    if to.suffix.lower() == ".png":
        to.write_bytes(plot_series(data, title))
    else:
        to.write_text(page(data, title), encoding="utf-8")
    # Not as markup, and not cut: the path is to be copied.
    out.print(f"{stream}, {days}, {data.gaps.height} gaps, in {to}", markup=False, soft_wrap=True)


def _of_home(home: Path, name: str) -> Path:
    """A file beside the data it is made of, in a folder that is the account's alone."""
    folder = home / "plots"
    folder.mkdir(mode=0o700, exist_ok=True)
    # An id may hold what a file name may not.
    return folder / quote(name, safe="")


def _day(text: str, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"expected a date such as 2026-03-02, got '{text}'", param_hint=option) from None
