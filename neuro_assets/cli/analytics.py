"""`neuro analytics`: what the study's people are like, and whose level changed, as the lake has it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuro_assets.cli.console import fail, out, table
from neuro_assets.cli.context import open_home

if TYPE_CHECKING:
    import polars as pl


def analytics(
    measure: Annotated[str | None, typer.Option(help="Only this measure, such as steps.total.")] = None,
    participant: Annotated[str | None, typer.Option(help="Only the changes of this person.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A page to keep, FILE.html.")] = None,
) -> None:
    """The study's people measure by measure, and the changes of level in each person's own record."""
    job = open_home()
    from neuro_assets.analytics.changes import tally
    from neuro_assets.analytics.measures import put_values
    from neuro_assets.analytics.picture import changes_picture
    from neuro_assets.analytics.report import analytics_page, short_changes, short_population
    from neuro_assets.lake.ddl import missing_tables
    from neuro_assets.streams.analytics import ANALYTICS_TABLES

    with job.lake.connect(read_only=True) as connection:
        is_missing = bool(missing_tables(connection, ANALYTICS_TABLES))
        frames = [connection.execute(f"SELECT * FROM {t.qualified}").pl() for t in ANALYTICS_TABLES if not is_missing]
        if is_missing or any(frame.is_empty() for frame in frames):
            fail("there are no analytics yet: `neuro run` makes them, after the features of what was loaded")
            raise typer.Exit(2)
        population, changes = (_of(frame, "measure", measure) for frame in frames)
        changes = _of(changes, "participant_id", participant)
        if output is not None:
            put_values(connection)
            picture = changes_picture(connection, changes)
            title = f"Analytics of {job.study.name or job.study.id}"
            output.write_text(analytics_page(population, changes, picture, title), encoding="utf-8")
            out.print(f"wrote {output}")
            return
    for name, shown in (
        ("The people", short_population(population)),
        ("Does everybody hold their level? People by measure", tally(changes)),
        ("Changes", short_changes(changes)),
    ):
        table(name, shown.columns, [*map(list, shown.rows())])
    out.print("docs/analytics.md tells what the columns mean and how often such changes are by chance")


def _of(frame: "pl.DataFrame", column: str, wanted: str | None) -> "pl.DataFrame":
    if wanted is None:
        return frame
    known = frame[column].unique().sort().to_list()
    if wanted not in known:
        option = "--measure" if column == "measure" else "--participant"
        raise typer.BadParameter(f"there is {', '.join(known)}", param_hint=option)
    return frame.filter(frame[column] == wanted)
