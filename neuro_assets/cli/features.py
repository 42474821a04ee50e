"""`neuro features`: what the features are, and whether their known answers hold."""

from pathlib import Path
from typing import Annotated

import typer

from neuro_assets.cli.console import fail, out, table


def features(
    family: Annotated[str | None, typer.Option(help="Only this family, such as steps or sleep.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="All of it as a page, FILE.html.")] = None,
) -> None:
    """What features there are: unit, meaning, formula, source, and the answers that are known of them."""
    from neuro_assets.features.catalog import catalog, catalog_page

    found = catalog()
    if output is not None:
        output.write_text(catalog_page(found), encoding="utf-8")
        out.print(f"wrote {output}")
    names = found["family"].unique(maintain_order=True).to_list()
    if family is not None and family not in names:
        raise typer.BadParameter(f"there is {', '.join(names)}", param_hint="--family")
    for name in [family] if family else [] if output else names:
        own = found.filter(found["family"] == name)
        rows = own.select("feature", "unit", "description", "minimum").rows()
        table(f"features.{name}", ["feature", "unit", "what it tells", "null without"], [*map(list, rows)])
    wrong = found.filter(found["known_hold"] < found["known_answers"])
    if wrong.height:
        fail(f"known answers do not hold: {', '.join(f'{r[0]}.{r[1]}' for r in wrong.rows())}")
        raise typer.Exit(1)
    out.print(f"{found.height} features; all {found['known_answers'].sum()} known answers hold")
