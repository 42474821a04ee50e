"""Options with which a person decides what a file leaves open; several commands take them."""

from typing import Annotated, get_args

import typer

from neuro_assets.ingest.load import Choice
from neuro_assets.ingest.numbers import Decimal
from neuro_assets.study import DateOrder

DateOrderOption = Annotated[
    str | None,
    typer.Option(help="mdy, dmy, ymd or ydm: the order of the dates, where the files leave it open."),
]
KindOption = Annotated[
    str | None, typer.Option(help="The kind of file, such as fitabase.hourly_steps, where the columns fit several.")
]
DecimalOption = Annotated[
    str | None, typer.Option(help="point or comma: the decimal sign, where the files leave it open.")
]


def choice_of(
    actor: str,
    *,
    date_order: str | None = None,
    kind: str | None = None,
    decimal: str | None = None,
    supersedes: bool = False,
) -> Choice:
    """The options as a choice.

    Raises:
        BadParameter: a value that is not one of those allowed.
    """
    for name, value, allowed in (("date-order", date_order, DateOrder), ("decimal", decimal, Decimal)):
        if value is not None and value not in get_args(allowed):
            raise typer.BadParameter(f"expected {', '.join(get_args(allowed))}", param_hint=f"--{name}")
    return Choice(date_order=date_order, supersedes=supersedes, kind=kind, decimal=decimal, actor=actor)  # pyright: ignore[reportArgumentType]
