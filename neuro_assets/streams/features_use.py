"""The tables of features of the use of devices, of data yield and of survey scores."""

from neuro_assets.science.features.use import APP, FOCUS, NOTIFICATION, SCREEN
from neuro_assets.science.features.yields import YIELD
from neuro_assets.streams.columns import DAY, PARTICIPANT
from neuro_assets.streams.features import SEGMENT, feature_column, feature_table
from neuro_assets.streams.model import Column, Table

# A category of programs that the protocol has must not be called so.
ALL, OTHER = "all", "other"
# A score is told of so many days, its own the first: the longest of the spans of features. Questionnaires that ask
# about the last two weeks say little of a day further away.
OLDEST_DAYS = 28

_CATEGORY = Column(
    "category", "VARCHAR", "Category of programs in the protocol; other: of none there; all: whatever program"
)
_WHO = (
    "A person's day has rows where their devices logged any event on it, and one of this kind on it or on the 27 days"
    " before: there, no use is 0. Without rows it is not known."
)


FEATURES_SCREEN = feature_table(
    "screen",
    (PARTICIPANT, DAY, SEGMENT, *(feature_column(f) for f in SCREEN)),
    f"Use of phones by participant's day and part of the day, by the rules of docs/episodes.md. {_WHO}",
    "participant_id",
    "segment",
)
FEATURES_APP = feature_table(
    "app",
    (PARTICIPANT, DAY, SEGMENT, _CATEGORY, *(feature_column(f) for f in APP)),
    f"Programs in the foreground by participant's day, part of the day and category of programs. {_WHO}",
    "participant_id",
    "segment",
    "category",
)
FEATURES_FOCUS = feature_table(
    "focus",
    (PARTICIPANT, DAY, SEGMENT, *(feature_column(f) for f in FOCUS)),
    f"Focus sessions by participant's day and part of the day. {_WHO}",
    "participant_id",
    "segment",
)
FEATURES_NOTIFICATION = feature_table(
    "notification",
    (PARTICIPANT, DAY, SEGMENT, *(feature_column(f) for f in NOTIFICATION)),
    f"Notifications and their answers by participant's day and part of the day. {_WHO}",
    "participant_id",
    "segment",
)
FEATURES_DATA_YIELD = feature_table(
    "data_yield",
    (
        PARTICIPANT,
        DAY,
        Column("length_min", "INTEGER", "True length of the day", "min", ge=0, le=2880),
        Column("is_handed_over", "BOOLEAN", "Whether something that is later than the day has come: the day is whole"),
        Column("is_valid_day", "BOOLEAN", "Whether the day counts by the protocol's rule", nullable=True),
        *(feature_column(f) for f in YIELD),
    ),
    "How much of each participant's day there is: every day of coverage.valid_day.",
    "participant_id",
)
FEATURES_SURVEY = feature_table(
    "survey",
    (
        PARTICIPANT,
        DAY,
        Column("instrument", "VARCHAR", "Codebook"),
        Column("score_name", "VARCHAR", "Score of the codebook"),
        Column("score", "DOUBLE", "The last one that was known when the local day ended"),
        Column("age_days", "INTEGER", "How many local days ago it was answered", "days", ge=0, le=OLDEST_DAYS - 1),
        Column("answered_ts", "TIMESTAMPTZ", "When it was answered", "UTC"),
    ),
    f"The last score of each instrument at the end of each participant's day, of the last {OLDEST_DAYS} days; up to the"
    " last day of which there is anything of the person. Never a later one; none has no row.",
    "participant_id",
    "instrument",
    "score_name",
)
USE_TABLES: dict[str, Table] = {
    "screen": FEATURES_SCREEN,
    "app": FEATURES_APP,
    "focus": FEATURES_FOCUS,
    "notification": FEATURES_NOTIFICATION,
}
