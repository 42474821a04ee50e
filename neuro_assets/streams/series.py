"""Rollups: streams of samples summed up by the minute, the hour and the day, for whoever looks at them as a whole."""

from typing import Literal

from neuro_assets.streams.columns import DAY, PARTICIPANT
from neuro_assets.streams.model import Column, Stream, Table

Resolution = Literal["1m", "1h", "1d"]
_RESOLUTIONS = ("1m", "1h", "1d")
# The longest period of a row that a resolution can tell of; a day tells of all.
LONGEST_PERIOD_S: dict[Resolution, int | None] = {"1m": 60, "1h": 3_600, "1d": None}

_STREAM = Column("stream", "VARCHAR", "Name of the stream in staging")
_FOLD = Column("fold", "TINYINT", "1 where the clock shows it for the second time", ge=0, le=1)
_LENGTH = Column(
    "length_min", "INTEGER", "True length; empty where nobody knows the person's clock", "min", nullable=True, ge=0
)


def _share(name: str, description: str) -> Column:
    return Column(name, "DOUBLE", description, nullable=True, ge=0, le=1)


_ROWS_OF_DAY = Column(
    "rows_of_day", "INTEGER", "Rows of the stream on the day, those too that stand for longer", "count", ge=1
)


def _values(worn: str) -> tuple[Column, ...]:
    unit = "in the stream's unit: of intervals per minute, of readings as they are"
    return (
        Column("n", "INTEGER", "Rows of the stream that begin in it", "count", ge=1),
        Column("total", "DOUBLE", "Sum of intervals; empty for readings, whose sum means nothing", nullable=True),
        Column("mean", "DOUBLE", f"Mean {unit}"),
        Column("min", "DOUBLE", f"Least row {unit}"),
        Column("max", "DOUBLE", f"Greatest row {unit}"),
        Column("first_value", "DOUBLE", f"First row {unit}"),
        Column("last_value", "DOUBLE", f"Last row {unit}"),
        _share("observed_share", "Share of the true length that rows of the stream stand for"),
        _share("worn_share", worn),
    )


_WORN = "Share of the true length in which the device was worn; empty where coverage does not tell"
SERIES_1M = Table(
    "imputed",
    "series_1m",
    (
        PARTICIPANT,
        DAY,
        _STREAM,
        Column("ts", "TIMESTAMPTZ", "When the minute begins", "UTC"),
        Column("local_ts", "TIMESTAMP", "The participant's wall clock at ts"),
        _FOLD,
        Column("utc_offset_min", "SMALLINT", "Offset of the wall clock from UTC", "min", ge=-960, le=960),
        *_values("1 where the device was worn, else 0; empty where coverage does not tell"),
        _ROWS_OF_DAY,
    ),
    "Streams of samples by the minute: minutes in which a row begins that stands for a minute at most. Missing is"
    " never 0.",
    partition_by="day",
    sort_by=("stream", "participant_id", "ts"),
)
SERIES_1H = Table(
    "imputed",
    "series_1h",
    (
        PARTICIPANT,
        DAY,
        _STREAM,
        Column("hour", "TINYINT", "Hour of the wall clock", ge=0, le=23),
        _FOLD,
        Column("ts", "TIMESTAMPTZ", "When the hour begins", "UTC"),
        _LENGTH,
        *_values(_WORN),
        _ROWS_OF_DAY,
    ),
    "Streams of samples by the hour of the wall clock: hours in which a row begins that stands for an hour at most.",
    partition_by="day",
    sort_by=("stream", "participant_id", "ts"),
)
SERIES_1D = Table(
    "imputed",
    "series_1d",
    (
        PARTICIPANT,
        DAY,
        _STREAM,
        _LENGTH,
        *_values(_WORN),
        Column("finest", "VARCHAR", "Finest resolution of these tables at which it has something", isin=_RESOLUTIONS),
    ),
    "Streams of samples by the participant's local day, of 23, 24 or 25 hours: days with a row.",
    # A year of a person is a few files then, once maintenance has merged those of a month.
    partition_by="year(day), month(day)",
    sort_by=("stream", "participant_id", "day"),
    is_kept_sorted=True,
)
SERIES_TABLES = (SERIES_1M, SERIES_1H, SERIES_1D)
OF_RESOLUTION: dict[Resolution, Table] = {"1m": SERIES_1M, "1h": SERIES_1H, "1d": SERIES_1D}


def can_be_rolled_up(stream: Stream) -> bool:
    """Whether the stream has one value a period of which an hour is given once."""
    return stream.has_of_record and "value" in stream.values
