"""What follows from events: episodes of use by local day, daily totals, and what became of every event."""

from neuro_assets.streams.columns import DAY, PARTICIPANT
from neuro_assets.streams.model import Column, Table

EPISODE_KINDS = ("screen", "app", "focus", "notification")
STATUS = ("closed", "repeated", "unclosed")

_PLACE = (
    Column("local_ts", "TIMESTAMP", "The participant's wall clock at ts"),
    Column("utc_offset_min", "SMALLINT", "Offset of the wall clock from UTC", "min", ge=-960, le=960),
    Column("zone", "VARCHAR", "Zone of the protocol; UTC±hh:mm: the offset that the event came with"),
)
_DEVICE = Column("device_id", "VARCHAR", "The device, where the sender tells it", nullable=True)
_APP = Column("app", "VARCHAR", "Name of the program", nullable=True)
_CATEGORY = Column("category", "VARCHAR", "Category of the program in study.yaml", nullable=True)
_OVER_CAP = Column(
    "is_over_cap", "BOOLEAN", "The episode is longer than the cap, and in no total; null without an end", nullable=True
)


def _pieces(name: str, description: str, *own: Column) -> Table:
    return Table(
        schema="staging",
        name=name,
        columns=(
            PARTICIPANT,
            DAY,
            Column("ts", "TIMESTAMPTZ", "When the piece begins: the episode, a new local day or a new zone", "UTC"),
            *_PLACE,
            Column("end_ts", "TIMESTAMPTZ", "When the piece ends; null where that is not known", "UTC", nullable=True),
            Column("duration_s", "DOUBLE", "Elapsed time of the piece", "s", nullable=True, ge=0),
            Column("piece", "INTEGER", "Number of the piece in its episode, from 0", ge=0),
            _DEVICE,
            *own,
            Column("status", "VARCHAR", "closed; repeated: begun again before it ended; unclosed: nothing followed",
                   isin=STATUS),
            Column("ended_by", "VARCHAR", "Type of the event that ended the episode", nullable=True),
            Column("began_ts", "TIMESTAMPTZ", "When the whole episode begins", "UTC"),
            Column("episode_s", "DOUBLE", "Elapsed time of the whole episode", "s", nullable=True, ge=0),
            Column("start_event_id", "VARCHAR", "The event that begins the episode"),
            Column("end_event_id", "VARCHAR", "The event that ends it", nullable=True),
        ),
        description=description,
        partition_by="day",
        sort_by=("participant_id", "ts"),
    )  # fmt: skip


SCREEN_EPISODE = _pieces(
    "screen_episode",
    "Use of a phone, from unlock to screen off or lock; one row for each local day that an episode reaches.",
    _OVER_CAP,
)
APP_EPISODE = _pieces(
    "app_episode",
    "A program in the foreground; one row for each local day that an episode reaches.",
    _APP,
    _CATEGORY,
    _OVER_CAP,
)
FOCUS_SESSION = _pieces(
    "focus_session",
    "Focus sessions from start to stop, one row for each local day that one reaches. The counts are of the whole"
    " session, in each of its rows.",
    Column("planned_min", "DOUBLE", "How long it was to last, as the sender says", "min", nullable=True),
    Column("n_unlocks", "BIGINT", "Unlocks during the session", "count", nullable=True, ge=0),
    Column("n_notifications", "BIGINT", "Notifications during the session", "count", nullable=True, ge=0),
    Column("n_distracting", "BIGINT", "Distracting programs opened during the session", "count", nullable=True, ge=0),
)
NOTIFICATION_RESPONSE = Table(
    schema="staging",
    name="notification_response",
    columns=(
        PARTICIPANT,
        DAY,
        Column("ts", "TIMESTAMPTZ", "When the notification came", "UTC"),
        *_PLACE,
        _DEVICE,
        Column("event_id", "VARCHAR", "The notification"),
        _APP,
        _CATEGORY,
        Column("response_s", "DOUBLE", "Time until it was answered; null: not within the limit", "s", nullable=True,
               ge=0),
        Column("response_type", "VARCHAR", "What answered it", nullable=True, isin=("unlock", "app_focus")),
    ),
    description="How long it took after each notification until the device was unlocked or that program opened.",
    partition_by="day",
    sort_by=("participant_id", "ts"),
)  # fmt: skip
EPISODE_ACCOUNT = Table(
    schema="staging",
    name="episode_account",
    columns=(
        PARTICIPANT,
        DAY,
        Column("episodes", "VARCHAR", "Of which episodes", isin=EPISODE_KINDS),
        Column("rule", "VARCHAR", "Rule of docs/episodes.md"),
        Column("n", "BIGINT", "Events or episodes that it concerns", "count", ge=1),
    ),
    description="What became of each event that could begin or end an episode, by the local day of the event, and how"
    " episodes ended, by the day on which they begin. Rules that concern nothing have no row.",
    partition_by="day",
    sort_by=("participant_id", "episodes", "rule"),
)
SCREEN_DAY = Table(
    schema="baselines",
    name="screen_day",
    columns=(
        PARTICIPANT,
        DAY,
        Column("n_episodes", "BIGINT", "Screen episodes that the day has a part of", "count", ge=1),
        Column("sum_min", "DOUBLE", "Minutes of use", "min", ge=0),
        Column("mean_min", "DOUBLE", "Mean of the episodes' parts within the day", "min", ge=0),
        Column("max_min", "DOUBLE", "Longest of them", "min", ge=0),
        Column("min_min", "DOUBLE", "Shortest of them", "min", ge=0),
        Column("std_min", "DOUBLE", "Their standard deviation (n - 1); null where there is one", "min", nullable=True,
               ge=0),
        Column("first_use_min", "DOUBLE", "Wall clock at the first one, after 00:00; 0: it was going on at midnight",
               "min", ge=0, le=1440),
    ),
    description="Screen use of a participant's local day, as RAPIDS defines it: all devices, episodes over the cap left"
    " out. A day without an episode has no row.",
    partition_by="day",
    sort_by=("participant_id",),
)  # fmt: skip

PIECE_TABLES = (SCREEN_EPISODE, APP_EPISODE, FOCUS_SESSION)
EPISODE_TABLES = (*PIECE_TABLES, NOTIFICATION_RESPONSE, EPISODE_ACCOUNT, SCREEN_DAY)
