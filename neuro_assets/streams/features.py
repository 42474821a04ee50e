"""The tables of features: a column each, as their definitions say."""

from collections.abc import Iterable

from neuro_assets.science.features.circadian import CIRCADIAN
from neuro_assets.science.features.energy import CALORIES, INTENSITY, METS
from neuro_assets.science.features.heart_rate import HEART_RATE
from neuro_assets.science.features.minutes import Minutes
from neuro_assets.science.features.model import Family, Feature, Floats
from neuro_assets.science.features.sleep import SLEEP
from neuro_assets.science.features.sleep_windows import SLEEP_WINDOWS
from neuro_assets.science.features.steps import STEPS
from neuro_assets.streams.columns import DAY, PARTICIPANT
from neuro_assets.streams.model import Column, Table

# Families told from the minutes, or hours, of the stream of the same name.
MINUTE_FAMILIES: tuple[Family[Minutes, Floats], ...] = (STEPS, HEART_RATE, CALORIES, METS, INTENSITY)  # pyright: ignore[reportAssignmentType]
_BY_MONTH = "year(day), month(day)"
SEGMENT = Column("segment", "VARCHAR", "Part of the local day, as the protocol calls it; day: the whole one")
_BASIS = Column("basis", "VARCHAR", "How far apart the values are that it is told from", isin=("1m", "1h"))
_DEFINITIONS = Column("definitions", "VARCHAR", "Version of the definitions and of the protocol's rules for features")
_WINDOW = Column("window_days", "SMALLINT", "Length of the span that ends with the day", "days", ge=1)
_VALID = Column(
    "is_valid_day", "BOOLEAN", "Whether the day counts by the protocol's rule; empty where that is not told",
    nullable=True,
)  # fmt: skip


def feature_column(feature: Feature) -> Column:
    """The column of a feature."""
    told = f"{feature.description} Null without {feature.minimum}."
    return Column(feature.name, "DOUBLE", told, feature.unit, nullable=True, ge=feature.ge, le=feature.le)


def feature_table(name: str, columns: Iterable[Column], description: str, *sort_by: str) -> Table:
    """A table by person and day, sorted by some columns and the day; rows tell which definitions they follow."""
    return Table(
        "features",
        name,
        (*columns, _DEFINITIONS),
        description,
        partition_by=_BY_MONTH,
        sort_by=(*sort_by, "day"),
        is_kept_sorted=True,
        may_grow=True,
    )


def minute_table(family: Family) -> Table:
    """The features of a stream by the day and its parts."""
    return feature_table(
        family.name,
        (
            PARTICIPANT,
            DAY,
            SEGMENT,
            _BASIS,
            Column("length_min", "INTEGER", "True length of the part of the day", "min", ge=0, le=1500),
            Column("observed_min", "INTEGER", "Minutes of it that count: with a value, worn", "min", ge=0, le=1500),
            _VALID,
            *(feature_column(f) for f in family),
        ),
        f"Features of {family.name.replace('_', ' ')} by participant's day and part of the day: days with a value. They"
        " are told from minutes in which the device was worn; what is not known is null, never 0.",
        "participant_id",
        "segment",
    )


TRAILING: dict[str, tuple[str, str]] = {
    "mean": ("Mean over the days of the span", ""),
    "sd": ("Standard deviation over the days of the span, n - 1", ""),
    "deviation": (
        "The day's value less the mean of the span that ends the day before, over its standard deviation",
        "standard deviations",
    ),
    "weekend": ("Mean of its Saturdays and Sundays less that of its other days", ""),
}


def trailing_table(family: Family) -> Table:
    """What whole days have been like in the spans that end with each day."""
    columns = [
        Column(f"{f.name}_{name}", "DOUBLE", f"{told}. {f.description}", unit or f.unit, nullable=True)
        for f in family
        if f.is_trailing
        for name, (told, unit) in TRAILING.items()
    ]
    return feature_table(
        f"{family.name}_trailing",
        (
            PARTICIPANT,
            DAY,
            _WINDOW,
            Column("days", "INTEGER", "Days of the span with a row", "days", ge=0),
            *columns,
        ),
        f"Features of {family.name.replace('_', ' ')} over trailing spans of whole days; nothing after the day is in"
        " it. A number is null where less than three sevenths of the span's days have one; a deviation also where the"
        " day has none; a contrast of weekends without one weekend day and two others.",
        "window_days",
        "participant_id",
    )


MINUTE_TABLES = {family.name: (minute_table(family), trailing_table(family)) for family in MINUTE_FAMILIES}

SLEEP_NIGHT = feature_table(
    "sleep",
    (
        PARTICIPANT,
        DAY,
        Column("basis", "VARCHAR", "logs, or totals where the vendor's total of the day is all there is",
               isin=("logs", "totals")),
        Column("kind", "VARCHAR", "What the logs of the main sleep tell; null: nothing, or some this and some that",
               nullable=True, isin=("stages", "classic")),
        Column("since", "TIMESTAMPTZ", "When the record of the main sleep begins", "UTC", nullable=True),
        Column("until", "TIMESTAMPTZ", "When it ends", "UTC", nullable=True),
        *(feature_column(f) for f in SLEEP),
        Column("paired_min", "INTEGER", "Minutes from the end of the night before to that of this one of which it is"
               " known, and 24 h before as well, whether the person slept; null without that night", "min",
               nullable=True, ge=0),
        Column("agreeing_min", "INTEGER", "Those in the same state as 24 h before", "min", nullable=True, ge=0),
    ),
    "The night that a participant woke up from on the day, and the day's naps: days with a record of sleep. Times are"
    " minutes after the midnight at the begin of the day, evenings below 0. What is not recorded is null, never 0.",
    "participant_id",
)  # fmt: skip
SLEEP_SPANS = feature_table(
    "sleep_regularity",
    (PARTICIPANT, DAY, _WINDOW, *(feature_column(f) for f in SLEEP_WINDOWS)),
    "How long and when participants slept over trailing spans of days, and how much that varied. Nothing after the day"
    " is in it.",
    "window_days",
    "participant_id",
)
CIRCADIAN_SPANS = feature_table(
    "circadian",
    (
        PARTICIPANT,
        DAY,
        Column("stream", "VARCHAR", "Stream whose rhythm it is"),
        _WINDOW,
        Column("days", "INTEGER", "Days of the span with an hour that counts", "days", ge=1),
        *(feature_column(f) for f in CIRCADIAN),
    ),
    "The daily rhythm of a stream over trailing spans of days, from hours that are there as a whole and were worn for"
    " the most part; by the wall clock. Nothing after the day is in it.",
    "stream",
    "window_days",
    "participant_id",
)
FEATURE_CATALOG = Table(
    "features",
    "catalog",
    (
        Column("family", "VARCHAR", "Family of features, and its table"),
        Column("feature", "VARCHAR", "Column of that table"),
        Column("version", "INTEGER", "Counts up with every change of what it gives", ge=1),
        Column("unit", "VARCHAR", "Unit; empty for a number without one"),
        Column("description", "VARCHAR", "What it tells"),
        Column("formula", "VARCHAR", "How it is computed"),
        Column("source", "VARCHAR", "Where the formula is from"),
        Column("minimum", "VARCHAR", "What has to be there; with less it is null, never 0"),
        Column("bases", "VARCHAR", "Resolutions of values that it can be told from; empty where that does not matter"),
        Column("is_trailing", "BOOLEAN", "Whether it is told over trailing spans of days as well"),
        Column("rapids", "VARCHAR", "Names that RAPIDS has for the same thing"),
        Column("differs", "VARCHAR", "From whom the formula differs, and how"),
        Column("known_answers", "INTEGER", "Answers that are known of the definition", "count", ge=0),
        Column("known_hold", "INTEGER", "Those that it gives, when this was written", "count", ge=0),
        Column("conformance", "VARCHAR", "The known answers with their sources"),
    ),
    "What every feature is: generated from the definitions, whose known answers are computed anew each time.",
    sort_by=("family", "feature"),
)
FEATURE_TABLES: tuple[Table, ...] = (
    *(t for tables in MINUTE_TABLES.values() for t in tables),
    SLEEP_NIGHT,
    trailing_table(SLEEP),
    SLEEP_SPANS,
    CIRCADIAN_SPANS,
    FEATURE_CATALOG,
)
