"""What phones and other machines log: events, and the episodes that follow from them."""

from neuro_assets.streams.columns import day_is_local_date, sample_columns
from neuro_assets.streams.model import Column, Rule, Stream

EVENT_TYPES = (
    "screen_on",
    "screen_off",
    "unlock",
    "lock",
    "app_focus",
    "app_blur",
    "notification",
    "focus_start",
    "focus_stop",
    "custom",
)
# Of the contract (docs/events.md); a later one is added, none is taken away.
SCHEMA_VERSIONS = (1,)


def _known_schema_version() -> Rule:
    """What an unknown version of the contract means by its fields, nobody here knows."""

    def holds():
        import polars as pl

        return pl.col("schema_version").is_in(list(SCHEMA_VERSIONS))

    return Rule("known_schema_version", ("schema_version",), "the contract has such a version", holds)


EVENT = Stream(
    schema="staging",
    name="event",
    columns=sample_columns(
        Column("event_id", "VARCHAR", "The sender's id of the event, or one made of its content"),
        Column("event_type", "VARCHAR", "What happened", isin=EVENT_TYPES),
        Column("device_id", "VARCHAR", "The device, where the sender tells it", nullable=True),
        Column("app", "VARCHAR", "Name of the program, of events of programs", nullable=True),
        Column("duration_s", "DOUBLE", "How long it lasted, as the sender says", "s", nullable=True, ge=0),
        Column("details", "VARCHAR", "JSON of what else the sender says", nullable=True),
        Column("schema_version", "INTEGER", "Version of the contract by which it was sent", ge=1),
        has_period=False,
    ),
    description="Events as phones and other machines log them, one row each.",
    partition_by="day",
    sort_by=("participant_id", "local_ts"),
    key=("participant_id", "local_ts", "fold", "event_id"),
    values=("event_type", "device_id", "app", "duration_s", "details"),
    attributes=("event_id", "schema_version"),
    sampling="event",
    held_from=200,
    made=("event_id", "schema_version"),
    rules=(day_is_local_date(), _known_schema_version()),
)
