"""Options with which a person decides what a file leaves open; several commands take them."""

from typing import Annotated, get_args

import typer

from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.numbers import Decimal
from neuro_assets.ingest.whose_payload import Note
from neuro_assets.sources.fitbit.parts import Units
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

ParticipantOption = Annotated[
    str | None, typer.Option(help="Whose the files are, where they do not say it: answers of an interface, archives.")
]
UnitsOption = Annotated[
    str | None,
    typer.Option(help="metric (km, kg) or us (miles, pounds): what an interface was asked for, where it matters."),
]


def choice_of(
    actor: str,
    *,
    date_order: str | None = None,
    kind: str | None = None,
    decimal: str | None = None,
    supersedes: bool = False,
    participant: str | None = None,
    units: str | None = None,
) -> Choice:
    """The options as a choice.

    Raises:
        BadParameter: a value that is not one of those allowed.
    """
    options = (("date-order", date_order, DateOrder), ("decimal", decimal, Decimal), ("units", units, Units))
    for name, value, allowed in options:
        if value is not None and value not in get_args(allowed):
            raise typer.BadParameter(f"expected {', '.join(get_args(allowed))}", param_hint=f"--{name}")
    note = Note(participant, units)  # pyright: ignore[reportArgumentType]
    return Choice(date_order, supersedes, kind, decimal, actor, note)  # pyright: ignore[reportArgumentType]
