"""The messages of sleeps and exercises, as messages.py has the others."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from neuro_assets.sources.google_health.exercise_types import EXERCISE_TYPES
from neuro_assets.sources.google_health.messages import CivilTime
from neuro_assets.sources.google_health.wire import Duration, Int64, Message, Moment, Offset

# Of the 13 kinds of the first .proto there are 182 by now: more will come.
ExerciseType = Annotated[Literal[EXERCISE_TYPES], Meta(extra={"open": True})]  # pyright: ignore[reportInvalidTypeForm]
StageType = Literal["SLEEP_STAGE_TYPE_UNSPECIFIED", "AWAKE", "LIGHT", "DEEP", "REM", "ASLEEP", "RESTLESS"]


class SessionInterval(Message, frozen=True, gc=False):
    """The stretch of a sleep or an exercise; one that goes on has no end."""

    start_time: Moment
    start_utc_offset: Offset | UnsetType = UNSET
    end_time: Moment | UnsetType = UNSET
    end_utc_offset: Offset | UnsetType = UNSET
    civil_start_time: CivilTime | UnsetType = UNSET
    civil_end_time: CivilTime | UnsetType = UNSET


class SleepStage(Message, frozen=True, gc=False):
    """A stage of a sleep, or a short awakening in it."""

    start_time: Moment
    end_time: Moment
    start_utc_offset: Offset | UnsetType = UNSET
    end_utc_offset: Offset | UnsetType = UNSET
    type: StageType = "SLEEP_STAGE_TYPE_UNSPECIFIED"
    create_time: Moment | UnsetType = UNSET
    update_time: Moment | UnsetType = UNSET


class OutOfBed(Message, frozen=True, gc=False):
    """A time out of bed."""

    start_time: Moment
    end_time: Moment
    start_utc_offset: Offset | UnsetType = UNSET
    end_utc_offset: Offset | UnsetType = UNSET


class SleepMetadata(Message, frozen=True, gc=False):
    """How far the server is with a sleep. What is false is left out."""

    external_id: str | UnsetType = UNSET
    main_sleep: bool = False
    manually_edited: bool = False
    nap: bool = False
    processed: bool = False
    stages_status: (
        Literal[
            "STAGES_STATE_UNSPECIFIED",
            "REJECTED_COVERAGE",
            "REJECTED_MAX_GAP",
            "REJECTED_START_GAP",
            "REJECTED_END_GAP",
            "REJECTED_NAP",
            "REJECTED_SERVER",
            "TIMEOUT",
            "SUCCEEDED",
            "PROCESSING_INTERNAL_ERROR",
        ]
        | UnsetType
    ) = UNSET


class StageSummary(Message, frozen=True, gc=False):
    """Minutes and number of segments of a stage."""

    type: StageType = "SLEEP_STAGE_TYPE_UNSPECIFIED"
    minutes: Int64 = "0"
    count: Int64 = "0"


class SleepSummary(Message, frozen=True, gc=False):
    """What the server makes of a sleep that has ended."""

    minutes_in_sleep_period: Int64 | UnsetType = UNSET
    minutes_after_wake_up: Int64 | UnsetType = UNSET
    minutes_to_fall_asleep: Int64 | UnsetType = UNSET
    minutes_asleep: Int64 | UnsetType = UNSET
    minutes_awake: Int64 | UnsetType = UNSET
    stages_summary: list[StageSummary] = field(default_factory=list)


class Sleep(Message, frozen=True, gc=False):
    """A sleep."""

    interval: SessionInterval
    type: Literal["SLEEP_TYPE_UNSPECIFIED", "CLASSIC", "STAGES"] = "SLEEP_TYPE_UNSPECIFIED"
    stages: list[SleepStage] = field(default_factory=list)
    short_awakenings: list[SleepStage] = field(default_factory=list)
    out_of_bed_segments: list[OutOfBed] = field(default_factory=list)
    metadata: SleepMetadata | UnsetType = UNSET
    summary: SleepSummary | UnsetType = UNSET
    create_time: Moment | UnsetType = UNSET
    update_time: Moment | UnsetType = UNSET


class ZoneTimes(Message, frozen=True, gc=False):
    """Time of an exercise in each zone."""

    light_time: Duration | UnsetType = UNSET
    moderate_time: Duration | UnsetType = UNSET
    vigorous_time: Duration | UnsetType = UNSET
    peak_time: Duration | UnsetType = UNSET


class MobilityMetrics(Message, frozen=True, gc=False):
    """How somebody ran."""

    avg_cadence_steps_per_minute: float | UnsetType = UNSET
    avg_ground_contact_time_duration: Duration | UnsetType = UNSET
    avg_stride_length_millimeters: Int64 | UnsetType = UNSET
    avg_vertical_oscillation_millimeters: Int64 | UnsetType = UNSET
    avg_vertical_ratio: float | UnsetType = UNSET


class MetricsSummary(Message, frozen=True, gc=False):
    """What an exercise, or a lap of it, comes to."""

    active_zone_minutes: Int64 | UnsetType = UNSET
    average_heart_rate_beats_per_minute: Int64 | UnsetType = UNSET
    average_pace_seconds_per_meter: float | UnsetType = UNSET
    average_speed_millimeters_per_second: float | UnsetType = UNSET
    calories_kcal: float | UnsetType = UNSET
    distance_millimeters: float | UnsetType = UNSET
    elevation_gain_millimeters: float | UnsetType = UNSET
    heart_rate_zone_durations: ZoneTimes | UnsetType = UNSET
    mobility_metrics: MobilityMetrics | UnsetType = UNSET
    run_vo2_max: float | UnsetType = UNSET
    steps: Int64 | UnsetType = UNSET
    total_swim_lengths: float | UnsetType = UNSET


class ExerciseEvent(Message, frozen=True, gc=False):
    """A start, a stop or a pause."""

    event_time: Moment
    event_utc_offset: Offset | UnsetType = UNSET
    exercise_event_type: (
        Literal[
            "EXERCISE_EVENT_TYPE_UNSPECIFIED",
            "START",
            "STOP",
            "PAUSE",
            "RESUME",
            "AUTO_PAUSE",
            "AUTO_RESUME",
        ]
        | UnsetType
    ) = UNSET


class ExerciseMetadata(Message, frozen=True, gc=False):
    """More of an exercise."""

    has_gps: bool = False
    pool_length_millimeters: Int64 | UnsetType = UNSET


class SplitSummary(Message, frozen=True, gc=False):
    """A lap."""

    start_time: Moment
    end_time: Moment
    start_utc_offset: Offset | UnsetType = UNSET
    end_utc_offset: Offset | UnsetType = UNSET
    active_duration: Duration | UnsetType = UNSET
    metrics_summary: MetricsSummary | UnsetType = UNSET
    split_type: Literal["SPLIT_TYPE_UNSPECIFIED", "MANUAL", "DURATION", "DISTANCE", "CALORIES"] | UnsetType = UNSET


class Exercise(Message, frozen=True, gc=False):
    """An exercise."""

    interval: SessionInterval
    exercise_type: ExerciseType = "EXERCISE_TYPE_UNSPECIFIED"  # pyright: ignore[reportInvalidTypeForm]
    display_name: str | UnsetType = UNSET
    active_duration: Duration | UnsetType = UNSET
    metrics_summary: MetricsSummary | UnsetType = UNSET
    exercise_metadata: ExerciseMetadata | UnsetType = UNSET
    exercise_events: list[ExerciseEvent] = field(default_factory=list)
    split_summaries: list[SplitSummary] = field(default_factory=list)
    splits: list[SplitSummary] = field(default_factory=list)
    notes: str | UnsetType = UNSET
    create_time: Moment | UnsetType = UNSET
    update_time: Moment | UnsetType = UNSET
