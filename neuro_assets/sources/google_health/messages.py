"""The messages of the Google Health API v4 that are read, as its discovery document (revision 20261030) has them.

Required here is that without which a point means nothing: its member, its time, and a value that cannot be 0. The
document calls more required, and is not held to it: a point without an offset is among the conforming payloads.
Where Google's .proto (googleapis, google/devicesandservices/health/v4/data_model.proto) has a number without field
presence, proto3's JSON leaves out 0: steps, distance, active minutes and the sums of roll-ups that are absent are 0. A
body's values (pulse, oxygen, weight, breaths) cannot be 0: a point without them is refused. What the .proto marks
`optional` is printed even where it is 0, so that its absence is no number at all.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from neuro_assets.sources.google_health.wire import CalendarDate, Int64, Message, Moment, Offset

RecordingMethod = Literal[
    "RECORDING_METHOD_UNSPECIFIED", "MANUAL", "PASSIVELY_MEASURED", "DERIVED", "ACTIVELY_MEASURED", "UNKNOWN"
]
# data_source.proto: "Additional values may be added in the future. Clients should be prepared [...]".
Platform = Annotated[
    Literal[
        "PLATFORM_UNSPECIFIED",
        "FITBIT",
        "HEALTH_CONNECT",
        "HEALTH_KIT",
        "FIT",
        "FITBIT_WEB_API",
        "NEST",
        "GOOGLE_WEB_API",
        "GOOGLE_PARTNER_INTEGRATION",
    ],
    Meta(extra={"open": True}),
]
FormFactor = Literal[
    "FORM_FACTOR_UNSPECIFIED",
    "FITNESS_BAND",
    "WATCH",
    "PHONE",
    "RING",
    "CHEST_STRAP",
    "SCALE",
    "TABLET",
    "HEAD_MOUNTED",
    "SMART_DISPLAY",
]


class Device(Message, frozen=True, gc=False):
    """What recorded a point."""

    form_factor: FormFactor | UnsetType = UNSET
    manufacturer: str | UnsetType = UNSET
    display_name: str | UnsetType = UNSET


class Application(Message, frozen=True, gc=False):
    """The program that handed a point over."""

    package_name: str | UnsetType = UNSET
    web_client_id: str | UnsetType = UNSET
    google_web_client_id: str | UnsetType = UNSET


class DataSource(Message, frozen=True, gc=False):
    """Where a point comes from; only `list` tells it."""

    platform: Platform | UnsetType = UNSET
    recording_method: RecordingMethod | UnsetType = UNSET
    device: Device | UnsetType = UNSET
    application: Application | UnsetType = UNSET


class CivilDate(Message, frozen=True, gc=False):
    """The day of a civil time, of which only the types are judged."""

    year: int = 0
    month: int = 0
    day: int = 0


class TimeOfDay(Message, frozen=True, gc=False):
    """The clock of a civil time, likewise."""

    hours: int = 0
    minutes: int = 0
    seconds: int = 0
    nanos: int = 0


class CivilTime(Message, frozen=True, gc=False):
    """A wall clock as the server shows it; read nowhere."""

    date: CivilDate | UnsetType = UNSET
    time: TimeOfDay | UnsetType = UNSET


class CivilDay(Message, frozen=True, gc=False):
    """Where a day's roll-up begins or ends."""

    date: CalendarDate
    time: TimeOfDay | UnsetType = UNSET


class Interval(Message, frozen=True, gc=False):
    """A stretch of time."""

    start_time: Moment
    end_time: Moment
    start_utc_offset: Offset | UnsetType = UNSET
    end_utc_offset: Offset | UnsetType = UNSET
    civil_start_time: CivilTime | UnsetType = UNSET
    civil_end_time: CivilTime | UnsetType = UNSET


class SampleTime(Message, frozen=True, gc=False):
    """A moment."""

    physical_time: Moment
    utc_offset: Offset | UnsetType = UNSET
    civil_time: CivilTime | UnsetType = UNSET


class Steps(Message, frozen=True, gc=False):
    """Steps of an interval."""

    interval: Interval
    count: Int64 = "0"


class Distance(Message, frozen=True, gc=False):
    """Distance of an interval."""

    interval: Interval
    millimeters: Int64 = "0"


class LevelMinutes(Message, frozen=True, gc=False):
    """Minutes at a level of activity."""

    activity_level: Literal["ACTIVITY_LEVEL_UNSPECIFIED", "LIGHT", "MODERATE", "VIGOROUS"] = (
        "ACTIVITY_LEVEL_UNSPECIFIED"
    )
    active_minutes: Int64 = "0"


class ActiveMinutes(Message, frozen=True, gc=False):
    """Active minutes of an interval."""

    interval: Interval
    active_minutes_by_activity_level: list[LevelMinutes] = field(default_factory=list)


class ActiveZoneMinutes(Message, frozen=True, gc=False):
    """Active zone minutes of an interval: one a minute for fat burn, two for cardio and peak."""

    interval: Interval
    heart_rate_zone: Literal["HEART_RATE_ZONE_UNSPECIFIED", "FAT_BURN", "CARDIO", "PEAK"] = (
        "HEART_RATE_ZONE_UNSPECIFIED"
    )
    active_zone_minutes: Int64 = "0"


class HeartRateMetadata(Message, frozen=True, gc=False):
    """How the pulse was taken."""

    motion_context: Literal["MOTION_CONTEXT_UNSPECIFIED", "ACTIVE", "SEDENTARY"] | UnsetType = UNSET
    sensor_location: (
        Literal["SENSOR_LOCATION_UNSPECIFIED", "CHEST", "WRIST", "FINGER", "HAND", "EAR_LOBE", "FOOT"] | UnsetType
    ) = UNSET


class HeartRate(Message, frozen=True, gc=False):
    """A pulse."""

    sample_time: SampleTime
    beats_per_minute: Int64
    metadata: HeartRateMetadata | UnsetType = UNSET


class HeartRateVariabilityMetadata(Message, frozen=True, gc=False):
    """Power of two bands, ms²."""

    high_frequency_power: float | UnsetType = UNSET
    low_frequency_power: float | UnsetType = UNSET


class HeartRateVariability(Message, frozen=True, gc=False):
    """Heart-rate variability at a moment."""

    sample_time: SampleTime
    root_mean_square_of_successive_differences_milliseconds: float | UnsetType = UNSET
    standard_deviation_milliseconds: float | UnsetType = UNSET
    metadata: HeartRateVariabilityMetadata | UnsetType = UNSET


class OxygenSaturation(Message, frozen=True, gc=False):
    """Oxygen saturation, %."""

    sample_time: SampleTime
    percentage: float


class BreathingStatistics(Message, frozen=True, gc=False):
    """Breaths a minute in one kind of sleep."""

    breaths_per_minute: float
    standard_deviation: float | UnsetType = UNSET
    signal_to_noise: float | UnsetType = UNSET


class RespiratoryRateSleepSummary(Message, frozen=True, gc=False):
    """Breathing in a sleep."""

    sample_time: SampleTime
    deep_sleep_stats: BreathingStatistics | UnsetType = UNSET
    light_sleep_stats: BreathingStatistics | UnsetType = UNSET
    rem_sleep_stats: BreathingStatistics | UnsetType = UNSET
    full_sleep_stats: BreathingStatistics | UnsetType = UNSET


class Weight(Message, frozen=True, gc=False):
    """A weighing."""

    sample_time: SampleTime
    weight_grams: float
    notes: str | UnsetType = UNSET


class RestingMetadata(Message, frozen=True, gc=False):
    """From what the resting pulse follows."""

    calculation_method: Literal["CALCULATION_METHOD_UNSPECIFIED", "WITH_SLEEP", "ONLY_WITH_AWAKE_DATA"] | UnsetType = (
        UNSET
    )


class DailyRestingHeartRate(Message, frozen=True, gc=False):
    """Resting pulse of a day."""

    date: CalendarDate
    beats_per_minute: Int64
    daily_resting_heart_rate_metadata: RestingMetadata | UnsetType = UNSET


class DailyHeartRateVariability(Message, frozen=True, gc=False):
    """Heart-rate variability of a night."""

    date: CalendarDate
    average_heart_rate_variability_milliseconds: float | UnsetType = UNSET
    deep_sleep_root_mean_square_of_successive_differences_milliseconds: float | UnsetType = UNSET
    entropy: float | UnsetType = UNSET
    non_rem_heart_rate_beats_per_minute: Int64 | UnsetType = UNSET


class DailyOxygenSaturation(Message, frozen=True, gc=False):
    """Oxygen saturation of a night, %."""

    date: CalendarDate
    average_percentage: float
    lower_bound_percentage: float
    upper_bound_percentage: float
    standard_deviation_percentage: float | UnsetType = UNSET


class DailyRespiratoryRate(Message, frozen=True, gc=False):
    """Breaths a minute in the main sleep."""

    date: CalendarDate
    breaths_per_minute: float


class DailySleepTemperatureDerivations(Message, frozen=True, gc=False):
    """Skin temperature of a night, and the median of the nights before."""

    date: CalendarDate
    nightly_temperature_celsius: float
    baseline_temperature_celsius: float | UnsetType = UNSET
    relative_nightly_stddev_30d_celsius: float | UnsetType = field(
        default=UNSET, name="relativeNightlyStddev30dCelsius"
    )


class HeartRateRollup(Message, frozen=True, gc=False):
    """Pulses of a window; a window without any has none of them."""

    beats_per_minute_avg: float | UnsetType = UNSET
    beats_per_minute_max: float | UnsetType = UNSET
    beats_per_minute_min: float | UnsetType = UNSET


class CaloriesRollup(Message, frozen=True, gc=False):
    """Energy of a window."""

    kcal_sum: float = 0.0


class StepsRollup(Message, frozen=True, gc=False):
    """Steps of a window."""

    count_sum: Int64 = "0"


class DistanceRollup(Message, frozen=True, gc=False):
    """Distance of a window."""

    millimeters_sum: Int64 = "0"
