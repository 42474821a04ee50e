"""The shapes that streams have: samples of one value, single entries, and rows for a whole day."""

from typing import Literal

from neuro_assets.streams.columns import DAY, PARTICIPANT, PROVENANCE, day_is_local_date, sample_columns
from neuro_assets.streams.model import Column, Rule, Stream


def samples(
    name: str,
    value: Column,
    description: str,
    sampling: Literal["interval", "instant"],
    rules: tuple[Rule, ...] = (),
    besides: tuple[Column, ...] = (),
) -> Stream:
    """A value per period of time, and columns `besides` that are measured with it."""
    return Stream(
        schema="staging",
        name=name,
        columns=sample_columns(value, *besides),
        description=description,
        partition_by="day",
        sort_by=("participant_id", "local_ts"),
        key=("participant_id", "period_s", "local_ts", "fold"),
        values=(value.name, *(c.name for c in besides)),
        sampling=sampling,
        rules=(day_is_local_date(), *rules),
        unit=value.unit,
    )


def entries(
    name: str,
    values: tuple[Column, ...],
    description: str,
    attributes: tuple[Column, ...] = (),
    keyed_by: tuple[str, ...] = (),
    rules: tuple[Rule, ...] = (),
) -> Stream:
    """Single entries at a moment. `attributes` are no measurement; those in `keyed_by` keep two entries apart."""
    return Stream(
        schema="staging",
        name=name,
        columns=sample_columns(*values, *attributes, has_period=False),
        description=description,
        partition_by="day",
        sort_by=("participant_id", "local_ts"),
        key=("participant_id", *keyed_by, "local_ts", "fold"),
        values=tuple(c.name for c in values),
        attributes=tuple(c.name for c in attributes),
        sampling="event",
        rules=(day_is_local_date(), *rules),
    )


def daily(
    name: str,
    values: tuple[Column, ...],
    description: str,
    rules: tuple[Rule, ...] = (),
    of_each: Column | None = None,
    unit: str = "",
) -> Stream:
    """A row for a participant's day, or one `of_each` thing of the day."""
    named = (of_each,) if of_each else ()
    return Stream(
        schema="staging",
        name=name,
        columns=(PARTICIPANT, DAY, *named, *values, *PROVENANCE),
        description=description,
        partition_by="day",
        sort_by=("participant_id",),
        key=("participant_id", "day", *(c.name for c in named)),
        values=tuple(c.name for c in values),
        attributes=tuple(c.name for c in named),
        rules=rules,
        unit=unit,
    )
