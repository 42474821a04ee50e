"""`neuro plot`: pictures of the lake."""

from datetime import date
from pathlib import Path
from typing import Annotated

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


def _day(text: str, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"expected a date such as 2026-03-02, got '{text}'", param_hint=option) from None
