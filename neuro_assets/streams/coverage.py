"""The tables of coverage: what was expected, what is there, and the one reason for what is missing."""

from neuro_assets.science.valid_days import FACTS, RULES
from neuro_assets.streams.columns import DAY, PARTICIPANT
from neuro_assets.streams.model import Column, Table

# The order is that of precedence: where several hold, the first one is the reason.
REASONS: dict[str, str] = {
    "not_enrolled": "before the person's enrolment",
    "withdrawn": "after the person's last day",
    "not_expected": "the protocol does not ask for it then",
    "held": "the day's new version was refused: too many of its rows failed",
    "needs_reconsent": "the person's consent had lapsed, or does not cover this kind of data",
    "source_failure": "it could not be read: the vendor had an outage, or pulls failed",
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
    Column(
        "worn_min",
        "INTEGER",
        "Minutes in which the device was worn, as far as any stream tells; empty for streams with a row a day",
        "min",
        nullable=True,
        ge=0,
        le=2880,
    ),
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
    "Each person's days, a row for every expected stream: the sum of the hours, or whether the row of the day is there."
    " The reason is that of most of the missing minutes.",
    partition_by="day",
    sort_by=("participant_id", "stream"),
)
_DAY_FACTS = (
    _minutes("length_min", "True length"),
    Column("is_handed_over", "BOOLEAN", "Whether something that is later than the day has come: the day is whole"),
    *(
        Column(name, "INTEGER", FACTS[fact][0].upper() + FACTS[fact][1:], "min", nullable=True, ge=0, le=2880)
        for name, fact in (
            ("worn_min", "worn_min"),
            ("worn_06_23_min", "worn_min_06_23"),
            ("worn_08_20_min", "worn_min_08_20"),
            ("worn_awake_min", "worn_awake_min"),
        )
    ),
    Column("heart_rate_min", "INTEGER", "Minutes with a reading of the heart rate", "min", nullable=True, ge=0),
    Column(
        "heart_rate_hours", "DOUBLE", "Hours with a reading in more than half of the minutes", "h", nullable=True, ge=0
    ),
    Column("steps_daily", "DOUBLE", "Steps of the day as the vendor totals them", "count", nullable=True, ge=0),
    Column("steps_from_minutes", "DOUBLE", "Sum of the day's steps by the minute", "count", nullable=True, ge=0),
)
VALID_DAY = Table(
    "coverage",
    "valid_day",
    (
        PARTICIPANT,
        DAY,
        *_DAY_FACTS,
        Column("is_valid", "BOOLEAN", "Whether the day counts by the protocol's rule", nullable=True),
        *(
            Column(f"by_{name}", "BOOLEAN", f"{rule.describe()} Empty where that cannot be told", nullable=True)
            for name, rule in RULES.items()
        ),
        Column("rules", "VARCHAR", "Version of the protocol's rules of coverage that was applied to the day"),
    ),
    "Each person's days that are over, from enrolment on: what valid-day rules judge by, and what each of them says. A"
    " day that was not handed over to its end is not refused yet.",
    partition_by="day",
    sort_by=("participant_id",),
)
CROSS_STREAM = Table(
    "coverage",
    "cross_stream",
    (
        PARTICIPANT,
        DAY,
        Column("steps_daily", "DOUBLE", "Steps of the day as the vendor totals them", "count", nullable=True, ge=0),
        Column("steps_from_minutes", "DOUBLE", "Sum of the day's steps by the minute", "count", nullable=True, ge=0),
        _minutes("steps_observed_min", "Minutes with a row of steps"),
        Column(
            "do_totals_agree",
            "BOOLEAN",
            "Whether minutes of a whole day add up to the vendor's total; empty where one of them is not there",
            nullable=True,
        ),
        _minutes("moving_min", "Minutes with steps"),
        _minutes("moving_without_heart_rate_min", "Those of them without a reading of the heart rate"),
        Column(
            "has_heart_rate_while_moving",
            "BOOLEAN",
            "Whether most minutes with steps have a heart rate; empty without minutes with steps, or any heart rate",
            nullable=True,
        ),
        _minutes("asleep_min", "Minutes recorded as sleep, with a row of steps"),
        Column("steps_asleep", "DOUBLE", "Steps in them", "count", ge=0),
        Column(
            "is_still_while_asleep",
            "BOOLEAN",
            "Whether there are few steps in sleep; a wrong clock shows here. Empty without an hour of sleep and steps",
            nullable=True,
        ),
    ),
    "Do the streams of a person's day fit together? Every day that is over and has rows of one of them.",
    partition_by="day",
    sort_by=("participant_id",),
)


def _stretches(name: str, length: str, description: str) -> Table:
    """A table of minutes side by side, as long as they can be within a local day."""
    return Table(
        "coverage",
        name,
        (
            PARTICIPANT,
            DAY,
            Column("ts", "TIMESTAMPTZ", "Minute in which the stretch begins", "UTC"),
            Column("until_ts", "TIMESTAMPTZ", "Where it ends: the first minute that is not part of it", "UTC"),
            Column(length, "INTEGER", "Length of the stretch", "min", ge=1, le=2880),
        ),
        description,
        partition_by="day",
        sort_by=("participant_id", "ts"),
    )


WEAR = _stretches(
    "wear",
    "worn_min",
    "When the device was worn: stretches of minutes side by side, as long as they can be within a local day. Of each"
    " hour they are the `worn_min` of `coverage.hourly`.",
)
NOT_WORN = _stretches(
    "not_worn",
    "not_worn_min",
    "When the device recorded and was not worn: stretches of minutes side by side with rows that tell wear (steps, a"
    " heart rate), none of which says that somebody wore it. What is in neither this table nor `coverage.wear` is not"
    " known.",
)
COVERAGE_TABLES = (HOURLY, DAILY, VALID_DAY, CROSS_STREAM, WEAR, NOT_WORN)


def _days(name: str, description: str) -> Column:
    return Column(name, "INTEGER", description, "days", ge=0)


def _mean_h(name: str, description: str) -> Column:
    return Column(name, "DOUBLE", description, "h", nullable=True, ge=0, le=25)


_LAST_CONTACT = Column("last_contact", "TIMESTAMPTZ", "When somebody spoke to the person last", "UTC", nullable=True)
_AS_OF = Column("as_of", "TIMESTAMPTZ", "Moment that is judged: now, the last upload, or the end of the study", "UTC")
_MAIN_REASON = Column(
    "main_reason", "VARCHAR", "Why most of what is missing is missing", nullable=True, isin=tuple(REASONS)
)
VALID_DAY_SENSITIVITY = Table(
    "coverage",
    "valid_day_sensitivity",
    (
        PARTICIPANT,
        Column("rule", "VARCHAR", "Valid-day rule", isin=tuple(RULES)),
        Column("is_protocol_rule", "BOOLEAN", "Whether the protocol has chosen it"),
        Column("told", "VARCHAR", "The rule in words, with its thresholds"),
        _days("days", "Days that are over, from enrolment on"),
        _days("days_kept", "Days the rule would keep"),
        _days("days_not_kept", "Days it would not"),
        _days("days_undecided", "Days of which it cannot be told: not handed over yet, or without what the rule needs"),
    ),
    "Which days each valid-day rule would keep, by person.",
    sort_by=("participant_id", "rule"),
)
ADHERENCE = Table(
    "coverage",
    "adherence",
    (
        PARTICIPANT,
        Column(
            "span",
            "VARCHAR",
            "Trailing days, or since the first day of the person",
            isin=("7d", "14d", "28d", "enrolled"),
        ),
        Column("first_day", "DATE", "First day of the span"),
        Column("last_day", "DATE", "Last day: the last one that is over and counts"),
        _days("days_expected", "Days of the span"),
        _days("days_handed_over", "Days that were handed over to their end"),
        _days("days_valid", "Days that count by the protocol's rule"),
        _days("days_not_valid", "Days that do not"),
        _days("days_excused", "Days that do not for what the person cannot help: held, consent, outages, failed pulls"),
        _days("days_waiting", "Days of which it is not known yet"),
        Column(
            "adherence",
            "DOUBLE",
            "Valid days among those of which it is known, without the excused ones",
            nullable=True,
            ge=0,
            le=1,
        ),
        _mean_h("worn_h_per_day", "Mean wear of the days that were handed over"),
        _MAIN_REASON,
    ),
    "Of the days a person was asked to wear the device, how many count. What was not handed over yet is not held"
    " against anybody.",
    sort_by=("participant_id", "days_expected"),
)
STATUSES: dict[str, str] = {
    "active": "something came lately",
    "inactive": "nothing came for as long as the protocol says (48 h)",
    "nothing_yet": "nothing has come at all",
    "not_enrolled": "the first day is still to come",
    "withdrawn": "has left",
}
OVERVIEW = Table(
    "coverage",
    "overview",
    (
        PARTICIPANT,
        Column("status", "VARCHAR", "; ".join(f"{k}: {v}" for k, v in STATUSES.items()), isin=tuple(STATUSES)),
        Column("first_day", "DATE", "First day of the person"),
        Column("last_day", "DATE", "Last day; empty while it lasts", nullable=True),
        _AS_OF,
        Column(
            "handed_over_at",
            "TIMESTAMPTZ",
            "Until when data reach: the last sync, or a later row",
            "UTC",
            nullable=True,
        ),
        Column("hours_silent", "DOUBLE", "For how long nothing has come, outages and failed pulls left out", "h", ge=0),
        Column("battery_pct", "INTEGER", "Charge at the last sync", "%", nullable=True, ge=0, le=100),
        _days("days_handed_over", "Days of the last ones that were handed over to their end"),
        _days("days_valid", "Days of the last ones that count"),
        _mean_h("worn_h_per_day", "Mean wear of the last days that were handed over"),
        Column("is_low_wear", "BOOLEAN", "Whether that is less than the protocol asks for", nullable=True),
        Column("nights", "INTEGER", "Nights of the last days with a record of sleep", "count", ge=0),
        _mean_h("sleep_h_per_night", "Mean sleep of these nights"),
        Column("is_low_sleep", "BOOLEAN", "Whether that is little; empty with too few nights", nullable=True),
        _MAIN_REASON,
        _LAST_CONTACT,
    ),
    "Who takes part now, who has fallen silent, who wears the device or sleeps little. The last days are those of the"
    " protocol (7).",
    sort_by=("participant_id",),
)
CONTACT_REASONS: dict[str, str] = {
    "needs_reconsent": "consent has lapsed, or the account no longer lets the study read what it needs",
    "nothing_yet": "nothing has come since enrolment, or the account has no health data",
    "battery": "nothing has come since a sync at which the charge was low",
    "not_synced": "nothing has come for as long as the protocol says (48 h)",
    "no_data": "the device syncs, but nothing that it measured has come",
    "not_worn": "the device was handed over days in a row that do not count, and it was not worn",
    "not_answered": "an instrument was not answered for as many days as the protocol says",
}
WORKLIST = Table(
    "coverage",
    "worklist",
    (
        PARTICIPANT,
        Column("priority", "INTEGER", "1: today, or something is lost; 2: today", ge=1, le=2),
        Column(
            "reason", "VARCHAR", "; ".join(f"{k}: {v}" for k, v in CONTACT_REASONS.items()), isin=tuple(CONTACT_REASONS)
        ),
        Column("told", "VARCHAR", "What is the matter and what to ask, in plain words"),
        Column("since", "DATE", "Since which day of the person"),
        _days("days", "For how many days"),
        _AS_OF,
        Column(
            "handed_over_at",
            "TIMESTAMPTZ",
            "Until when data reach: the last sync, or a later row",
            "UTC",
            nullable=True,
        ),
        _LAST_CONTACT,
        Column("last_contact_by", "VARCHAR", "How", nullable=True),
    ),
    "Who needs a contact today, why, and since when. Who has merely not synced yet today is not here.",
    sort_by=("priority", "since", "participant_id"),
)
SURVEY = Table(
    "coverage",
    "survey",
    (
        PARTICIPANT,
        Column("instrument", "VARCHAR", "Codebook"),
        Column("first_day", "DATE", "First local day of the period"),
        Column("last_day", "DATE", "Last local day of the period"),
        Column("times_asked", "INTEGER", "How often it is to be answered in the period", "count", ge=1),
        Column("times_answered", "INTEGER", "How often it was, at most as often as it was asked", "count", ge=0),
        Column("is_over", "BOOLEAN", "Whether the period is over for the person"),
        Column(
            "reason",
            "VARCHAR",
            "Why an answer is missing; empty where none is or may still come",
            nullable=True,
            isin=("withdrawn", "held", "needs_reconsent", "source_failure", "not_answered"),
        ),
        _EVIDENCE,
    ),
    "Each period in which a person is asked to answer an instrument that has a schedule, and what came.",
    sort_by=("participant_id", "instrument", "first_day"),
)
PEOPLE_TABLES = (VALID_DAY_SENSITIVITY, ADHERENCE, OVERVIEW, SURVEY, WORKLIST)
