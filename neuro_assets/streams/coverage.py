"""The tables of coverage: what was expected, what is there, and the one reason for what is missing."""

from neuro_assets.streams.columns import DAY, PARTICIPANT
from neuro_assets.streams.model import Column, Table

# The order is that of precedence: where several hold, the first one is the reason.
REASONS: dict[str, str] = {
    "not_enrolled": "before the person's enrolment",
    "withdrawn": "after the person's last day",
    "not_expected": "the protocol does not ask for it then",
    "held": "the day's new version was refused: too many of its rows failed",
    "needs_reconsent": "the person's consent had lapsed",
    "source_failure": "the vendor or its interface had an outage",
    "not_answered": "asked for and not answered",
    "not_synced": "the device had not handed it over, or could no longer",
    "battery": "the battery was empty",
    "not_worn": "rows are there and say that the device was not worn",
    "unknown": "nothing tells why",
}
_STREAM = Column("stream", "VARCHAR", "Name of the stream in staging")
_REASON = Column(
    "reason", "VARCHAR", "Why minutes are missing; empty where none are", nullable=True, isin=tuple(REASONS)
)
_EVIDENCE = Column("evidence", "VARCHAR", "What decided the reason", nullable=True)


def _minutes(name: str, description: str) -> Column:
    return Column(name, "INTEGER", description, "min", ge=0, le=2880)


_COUNTS = (
    _minutes("length_min", "True length"),
    _minutes("expected_min", "Minutes that the protocol asks for"),
    _minutes("observed_min", "Minutes with a row of the stream, worn or not"),
    _minutes("worn_min", "Minutes in which the device was worn, as far as any stream tells"),
    _minutes("valid_min", "Minutes with a row of the stream while the device was worn"),
    _minutes("missing_min", "Minutes without that"),
)
HOURLY = Table(
    "coverage",
    "hourly",
    (
        PARTICIPANT,
        DAY,
        _STREAM,
        Column("hour", "TINYINT", "Hour of the wall clock", ge=0, le=23),
        Column("fold", "TINYINT", "1 for an hour that the clock shows for the second time", ge=0, le=1),
        Column("ts", "TIMESTAMPTZ", "When the hour begins", "UTC"),
        *_COUNTS,
        _REASON,
        Column("basis", "VARCHAR", "What kind of evidence decided it", nullable=True),
        _EVIDENCE,
    ),
    "Each person's hours, a row for every stream of samples that the protocol expects. Missing is never 0.",
    partition_by="day",
    sort_by=("participant_id", "stream", "ts"),
)
DAILY = Table(
    "coverage",
    "daily",
    (PARTICIPANT, DAY, _STREAM, *_COUNTS, _REASON, _EVIDENCE),
    "Each person's days, the sum of their hours; the reason is that of most of the missing minutes.",
    partition_by="day",
    sort_by=("participant_id", "stream"),
)
COVERAGE_TABLES = (HOURLY, DAILY)
