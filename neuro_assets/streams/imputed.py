"""The tables of imputation: gaps, regular series in which each imputed value is marked, and what they rest on."""

from neuro_assets.science.imputation.rules import REFUSALS
from neuro_assets.streams.columns import DAY, PARTICIPANT
from neuro_assets.streams.coverage import REASONS
from neuro_assets.streams.model import Column, Stream, Table

MODES = ("past_only", "whole_record")
METHODS = (
    *("ffill", "linear", "clock_mean", "weekday_median", "arima", "kalman_level", "kalman_ar", "profile_ar"),
    *("stack", "cross_stream"),
)
PARTS_OF_DAY = ("night", "morning", "afternoon", "evening")
DROPOUT = "dropout"
STATES = {
    "valid": "observed while the device was worn",
    "not_worn": "the device recorded, this stream or another, and was not worn",
}

_STREAM = Column("stream", "VARCHAR", "Name of the stream in staging")
_RESOLUTION = Column("resolution", "VARCHAR", "1m or 1h: how far apart the person's values are", isin=("1m", "1h"))
_BEGIN = Column("ts", "TIMESTAMPTZ", "Where it begins", "UTC")
_END = Column("until_ts", "TIMESTAMPTZ", "Where it ends: the first minute that is not part of it", "UTC")
_GAP_ID = "Id of the gap in imputed.gap; made of who, what and when it begins"
_MODE = Column("mode", "VARCHAR", "past_only: nothing is used that came after the day; whole_record", isin=MODES)
_VERSION = "Version of the model in imputed.model"


def _minutes(name: str, description: str) -> Column:
    return Column(name, "INTEGER", description, "min", ge=0, le=2880)


OBSERVED = Table(
    "imputed",
    "observed",
    (
        PARTICIPANT,
        DAY,
        _STREAM,
        _RESOLUTION,
        _BEGIN,
        _END,
        Column("state", "VARCHAR", "; ".join(f"{k}: {v}" for k, v in STATES.items()), isin=tuple(STATES)),
    ),
    "Stretches of a person's day in which a stream has values or the device was seen to be off, side by side; of what"
    " lies between them nothing is known.",
    partition_by="day",
    sort_by=("stream", "participant_id", "ts"),
)
GAP = Table(
    "imputed",
    "gap",
    (
        PARTICIPANT,
        Column("day", "DATE", "Local date on which it begins"),
        _STREAM,
        _RESOLUTION,
        Column("gap_id", "VARCHAR", _GAP_ID),
        _BEGIN,
        _END,
        Column("gap_min", "INTEGER", "Length", "min", ge=1),
        Column(
            "reason",
            "VARCHAR",
            "Why most of it is missing, as coverage tells it; dropout: too short to be a device taken off",
            isin=(DROPOUT, *REASONS),
        ),
        Column("part_of_day", "VARCHAR", "In which quarter of the day its middle lies", isin=PARTS_OF_DAY),
        Column("is_over", "BOOLEAN", "Whether something was observed after it"),
        Column("is_allowed", "BOOLEAN", "Whether the protocol lets its values be filled in"),
        Column(
            "refusal",
            "VARCHAR",
            "; ".join(f"{k}: {v}" for k, v in REFUSALS.items()),
            nullable=True,
            isin=tuple(REFUSALS),
        ),
    ),
    "Each gap of each person in a stream, within the time that the protocol asks for.",
    sort_by=("stream", "participant_id", "ts"),
)
DAILY = Table(
    "imputed",
    "daily",
    (
        PARTICIPANT,
        DAY,
        _STREAM,
        _RESOLUTION,
        _MODE,
        _minutes("observed_min", "Minutes with a value observed while worn; of sparse readings no more than these"),
        _minutes("imputed_min", "Minutes that were filled in"),
        _minutes("empty_min", "Minutes left empty"),
        Column(
            "observed_total",
            "DOUBLE",
            "Sum of what was observed while worn; empty for readings, and without a value",
            nullable=True,
        ),
        Column(
            "imputed_total",
            "DOUBLE",
            "Sum of what was filled in; empty for readings, and without a value",
            nullable=True,
        ),
    ),
    "How much of each person's day was observed, filled in and left empty. Without `empty_min` the two totals are the"
    " day's; with some they are less.",
    partition_by="day",
    sort_by=("stream", "participant_id"),
)
GAP_TOTAL = Table(
    "imputed",
    "gap_total",
    (
        PARTICIPANT,
        Column("day", "DATE", "Local date on which the gap ends"),
        _STREAM,
        _RESOLUTION,
        Column("gap_id", "VARCHAR", _GAP_ID),
        Column("gap_min", "INTEGER", "Length of the gap", "min", ge=1),
        Column("total", "DOUBLE", "What the gap would have added up to, in the stream's unit"),
        Column("lower_90", "DOUBLE", "Lower end of the interval that holds 90 % of such totals"),
        Column("upper_90", "DOUBLE", "Upper end"),
        Column("method", "VARCHAR", "How it was estimated", isin=METHODS),
        _MODE,
        Column("model_version", "VARCHAR", _VERSION),
    ),
    "What gaps would have added up to. For a total this is the interval; those of single values do not add up to it.",
    sort_by=("stream", "participant_id", "day"),
)
MODEL = Table(
    "imputed",
    "model",
    (
        _STREAM,
        _RESOLUTION,
        _MODE,
        Column("valid_from", "DATE", "First day that is filled in with it"),
        Column("model_version", "VARCHAR", "Made of all that it says"),
        Column("first_day", "DATE", "First day that it was learned from"),
        Column("last_day", "DATE", "Last day"),
        Column("people", "INTEGER", "People whom it was learned from", "count", ge=1),
        Column("body", "VARCHAR", "JSON: weights of the default's parts, and margins of each method"),
    ),
    "What is known of a stream before a gap is filled in: from which days, and how sure estimates are.",
    sort_by=("stream", "resolution", "valid_from"),
)
MODEL_PERSON = Table(
    "imputed",
    "model_person",
    (
        PARTICIPANT,
        Column("model_version", "VARCHAR", _VERSION),
        Column("days", "INTEGER", "Days with values", "count", ge=0),
        Column("mean", "DOUBLE", "Of the person's values"),
        Column("body", "VARCHAR", "JSON: how deviations from the usual hold on, and what another stream adds to it"),
    ),
    "What a model knows of each person.",
    sort_by=("model_version", "participant_id"),
)
MODEL_CLOCK = Table(
    "imputed",
    "model_clock",
    (
        PARTICIPANT,
        Column("model_version", "VARCHAR", _VERSION),
        Column("is_weekend", "BOOLEAN", "Saturdays and Sundays"),
        Column("minute", "SMALLINT", "Minute of the wall clock at which the slot begins", "min", ge=0, le=1439),
        Column("usual", "DOUBLE", "What is usual then"),
        Column("usual_root", "DOUBLE", "The usual square root"),
        Column("mean", "DOUBLE", "Bare mean of all days at that time"),
        Column("median", "DOUBLE", "Median of such days", nullable=True),
    ),
    "A person's usual day, as a model knows it.",
    sort_by=("model_version", "participant_id", "is_weekend", "minute"),
)
PATTERNS = {"random": "gaps anywhere", "seen": "gaps at the times of day at which the study's own begin"}
_NONE = "empty where nothing tells it"
BACKTEST = Table(
    "imputed",
    "backtest",
    (
        _STREAM,
        _RESOLUTION,
        Column("pattern", "VARCHAR", "; ".join(f"{k}: {v}" for k, v in PATTERNS.items()), isin=tuple(PATTERNS)),
        Column("first_day", "DATE", "First day of the record that was tested"),
        Column("last_day", "DATE", "Last day; methods learned from the first 60 % of each person's"),
        Column("length_min", "INTEGER", "Length of the hidden gaps", "min", ge=1),
        Column("part_of_day", "VARCHAR", "In which their middle lies", isin=("all", *PARTS_OF_DAY)),
        Column("participant_id", "VARCHAR", "Whose gaps; empty for everybody's", nullable=True),
        Column("method", "VARCHAR", "How they were filled in", isin=("zero", *METHODS)),
        Column("gaps", "INTEGER", "How many were hidden", "count", ge=1),
        Column("hidden_values", "INTEGER", "How many observed values they hid", "count", ge=1),
        Column("rmse", "DOUBLE", "Root mean squared error of values, in the stream's unit", ge=0),
        Column("mae", "DOUBLE", "Mean absolute error; of counts it is least for 0 and decides nothing", ge=0),
        Column("bias", "DOUBLE", "Mean error"),
        Column("total_rmse", "DOUBLE", "Root mean squared error of the gaps' totals", ge=0),
        Column("total_bias", "DOUBLE", f"Error of all totals as a share of what was hidden; {_NONE}", nullable=True),
        Column("coverage", "DOUBLE", f"Share of values within their interval; {_NONE}", nullable=True, ge=0, le=1),
        Column("width", "DOUBLE", f"Mean width of these intervals; {_NONE}", nullable=True, ge=0),
        Column("total_coverage", "DOUBLE", f"Share of totals within theirs; {_NONE}", nullable=True, ge=0, le=1),
    ),
    "How well each method fills the study's own record: what was observed is hidden, and estimated.",
    sort_by=("stream", "resolution", "pattern", "length_min", "part_of_day", "participant_id", "method"),
)
MODEL_TABLES = (MODEL, MODEL_PERSON, MODEL_CLOCK)


def values_table(stream: Stream, resolution: str) -> Table:
    """The regular series of a stream: `imputed.<stream>_1m` or `_1h`."""
    unit = stream.unit

    def value(name: str, description: str) -> Column:
        return Column(name, "DOUBLE", description, unit, nullable=True)

    return Table(
        "imputed",
        f"{stream.name}_{resolution}",
        (
            PARTICIPANT,
            DAY,
            Column("ts", "TIMESTAMPTZ", "When the interval begins", "UTC"),
            Column("local_ts", "TIMESTAMP", "The participant's wall clock at ts"),
            Column("fold", "TINYINT", "1 where the clock shows it for the second time", ge=0, le=1),
            value("value", "Observed while worn, else imputed, else empty"),
            value("observed_value", "What the device recorded, worn or not; never altered"),
            Column("is_imputed", "BOOLEAN", "The value was not observed"),
            Column("method", "VARCHAR", "How it was imputed", nullable=True, isin=METHODS),
            value("lower_90", "Lower end of the interval that holds 90 % of such values"),
            value("upper_90", "Upper end"),
            Column("gap_id", "VARCHAR", _GAP_ID, nullable=True),
            Column("gap_min", "INTEGER", "Length of the gap; past_only: by then", "min", nullable=True, ge=1),
            Column("minutes_from_edge", "INTEGER", "To the nearest observed value", "min", nullable=True, ge=1),
            Column(
                "refusal",
                "VARCHAR",
                "Why a missing value was left empty",
                nullable=True,
                isin=tuple(REFUSALS),
            ),
            _MODE,
            Column("model_version", "VARCHAR", _VERSION, nullable=True),
        ),
        f"{stream.name} on a regular grid, {'by the minute' if resolution == '1m' else 'by the hour'}: what was"
        " observed, what would have been, and what is left empty.",
        partition_by="day",
        sort_by=("participant_id", "ts"),
    )
