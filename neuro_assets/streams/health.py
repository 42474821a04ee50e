"""Streams of sleep, vital signs, exercise and devices, as vendors' archives and interfaces give them.

Bounds refuse what cannot be. For the values of a day they are those of the RECOVER study's checks of Fitbit data:
resting heart rate 25 to 300 bpm, breathing rate 4 to 40 a minute, heart-rate variability 3 to 210 ms, oxygen saturation
50 to 100 %, skin temperature within 15 degrees of the person's own.
"""

from neuro_assets.streams.columns import LOG_ID, log_id_is_whole
from neuro_assets.streams.model import Column, Rule
from neuro_assets.streams.shapes import daily, entries, samples

# What a vital sign is -> unit, smallest and largest value.
VITALS: dict[str, tuple[str, float, float]] = {
    "resting_heart_rate": ("bpm", 25, 300),
    "hrv_rmssd": ("ms", 3, 210),
    "hrv_deep_rmssd": ("ms", 3, 210),
    "spo2_avg": ("%", 50, 100),
    "spo2_min": ("%", 50, 100),
    "spo2_max": ("%", 50, 100),
    "breathing_rate": ("1/min", 4, 40),
    "breathing_rate_deep": ("1/min", 4, 40),
    "breathing_rate_light": ("1/min", 4, 40),
    "breathing_rate_rem": ("1/min", 4, 40),
    "skin_temperature_relative": ("K", -15, 15),
    "vo2max_low": ("mL/kg/min", 5, 100),
    "vo2max_high": ("mL/kg/min", 5, 100),
}
ZONES = ("out_of_range", "fat_burn", "cardio", "peak", "custom", "custom_2", "custom_3")
LEVELS = ("sedentary", "lightly", "fairly", "very")


def _vital_is_possible() -> Rule:
    told = "; ".join(f"{name} {low:g} to {high:g} {unit}" for name, (unit, low, high) in VITALS.items())

    def holds():
        import polars as pl

        low = pl.col("vital").replace_strict(
            {k: v[1] for k, v in VITALS.items()}, default=None, return_dtype=pl.Float64
        )
        high = pl.col("vital").replace_strict(
            {k: v[2] for k, v in VITALS.items()}, default=None, return_dtype=pl.Float64
        )
        return pl.col("value").is_between(low, high)

    return Rule("vital_is_possible", ("vital", "value"), told, holds)


def _ends_after_it_begins() -> Rule:
    def holds():
        import polars as pl

        length = pl.duration(seconds=pl.col("duration_s"))
        set_back = pl.col("local_ts") + length - pl.col("end_local_ts")
        is_travel = (pl.col("tz_source") == "payload") & (length > pl.duration()) & (set_back <= pl.duration(hours=26))
        return (pl.col("end_local_ts") >= pl.col("local_ts") - pl.duration(hours=2)) | is_travel.fill_null(value=False)

    # A clock that goes back within the log may show its end before its beginning: by an hour or two at home, and by 26
    # at most where the log itself says its offset, as over the date line. Elsewhere it may be the date that is wrong.
    told = "a log does not end before it begins, but for a clock that went back"
    at_fault = ("local_ts", "end_local_ts")
    return Rule("ends_after_it_begins", at_fault, told, holds, besides=("duration_s", "tz_source"))


def _of_a_day(name: str, description: str, *, nullable: bool = False) -> Column:
    return Column(name, "INTEGER", description, "min", nullable=nullable, ge=0, le=1500)


HEALTH_STREAMS = (
    samples(
        "hrv",
        Column("rmssd_ms", "DOUBLE", "Root mean square of successive differences", "ms", ge=0, le=1000),
        "Heart-rate variability while asleep, per five minutes.",
        "instant",
        besides=(
            Column("coverage", "DOUBLE", "Share of the beats that were seen", nullable=True, ge=0, le=1),
            Column("hf_ms2", "DOUBLE", "Power at high frequency", "ms2", nullable=True, ge=0),
            Column("lf_ms2", "DOUBLE", "Power at low frequency", "ms2", nullable=True, ge=0),
        ),
    ),
    samples(
        "spo2",
        Column("value", "DOUBLE", "Oxygen saturation", "%", ge=50, le=100),
        "Oxygen saturation while asleep, per minute.",
        "instant",
    ),
    entries(
        "sleep_session",
        (
            Column("end_local_ts", "TIMESTAMP", "The wall clock at the end of the log"),
            Column("date_of_sleep", "DATE", "The day the vendor counts the log to: that of waking up"),
            Column(
                "sleep_type", "VARCHAR", "classic: from movement; stages: with heart rate", isin=("classic", "stages")
            ),
            Column("duration_s", "INTEGER", "Length of the log", "s", ge=0, le=2 * 86_400),
            _of_a_day("minutes_asleep", "Minutes asleep"),
            _of_a_day("minutes_awake", "Minutes awake"),
            _of_a_day("minutes_to_fall_asleep", "Minutes until asleep", nullable=True),
            _of_a_day("minutes_after_wakeup", "Minutes in bed after waking up", nullable=True),
            _of_a_day("minutes_in_bed", "Minutes in bed"),
            Column("efficiency_pct", "INTEGER", "The vendor's sleep efficiency", "%", nullable=True, ge=0, le=100),
        ),
        "Logs of sleep, naps included; local_ts is the start. The vendor may call several logs of a day the main one.",
        attributes=(
            LOG_ID,
            Column("is_main_sleep", "BOOLEAN", "Whether the vendor calls it the day's main sleep", nullable=True),
            Column(
                "info_code",
                "INTEGER",
                "0: enough data; 1: no heart rate; 2: below 3 hours; 3: the server",
                nullable=True,
            ),
            Column("log_type", "VARCHAR", "How the log came about", nullable=True),
        ),
        keyed_by=("log_id",),
        rules=(log_id_is_whole(), _ends_after_it_begins()),
    ),
    entries(
        "sleep_score",
        (
            Column("overall", "INTEGER", "The vendor's sleep score", ge=0, le=100),
            Column("composition", "INTEGER", "Part for the stages", nullable=True, ge=0, le=100),
            Column("revitalization", "INTEGER", "Part for the recovery", nullable=True, ge=0, le=100),
            Column("duration", "INTEGER", "Part for the duration", nullable=True, ge=0, le=100),
            _of_a_day("deep_min", "Minutes of deep sleep", nullable=True),
            Column("resting_heart_rate_bpm", "DOUBLE", "Resting heart rate", "bpm", nullable=True, ge=25, le=300),
            Column("restlessness", "DOUBLE", "Share of restless sleep", nullable=True, ge=0, le=1),
        ),
        "The vendor's sleep scores; local_ts is the end of the log.",
        attributes=(LOG_ID,),
        keyed_by=("log_id",),
        rules=(log_id_is_whole(),),
    ),
    entries(
        "exercise",
        (
            Column("activity", "VARCHAR", "The vendor's name of the activity"),
            Column("duration_s", "DOUBLE", "Length of the log", "s", ge=0, le=2 * 86_400),
            Column("active_s", "DOUBLE", "Time active", "s", nullable=True, ge=0, le=2 * 86_400),
            Column("steps", "INTEGER", "Steps", "count", nullable=True, ge=0, le=200_000),
            Column("calories_kcal", "DOUBLE", "Energy", "kcal", nullable=True, ge=0, le=25_000),
            Column("distance_km", "DOUBLE", "Distance", "km", nullable=True, ge=0, le=1_000),
            Column("mean_heart_rate_bpm", "DOUBLE", "Mean heart rate", "bpm", nullable=True, ge=25, le=250),
            Column("elevation_m", "DOUBLE", "Ascent", "m", nullable=True, ge=0, le=20_000),
        ),
        "Logs of exercise, recognised by the device or begun by the person; local_ts is the start.",
        attributes=(
            LOG_ID,
            Column("activity_type_id", "BIGINT", "The vendor's number of the activity", nullable=True),
            Column("log_type", "VARCHAR", "How the log came about", nullable=True),
        ),
        keyed_by=("log_id",),
        rules=(log_id_is_whole(),),
    ),
    entries(
        "device_sync",
        (
            Column("device", "VARCHAR", "Model", nullable=True),
            Column("device_type", "VARCHAR", "What kind of device", nullable=True),
            Column("battery_pct", "INTEGER", "Charge", "%", nullable=True, ge=0, le=100),
            Column("battery", "VARCHAR", "Charge in words", nullable=True),
        ),
        "When a device last handed over its data, and its battery then; local_ts is the moment of that.",
        attributes=(Column("device_id", "VARCHAR", "The device, under a number that tells nothing of it"),),
        keyed_by=("device_id",),
    ),
    daily(
        "daily_vitals",
        (Column("value", "DOUBLE", "Value, in the unit of its vital sign"),),
        "Vital signs of a day or of the night that ended on it: one row each, none where there was no reading.",
        (_vital_is_possible(),),
        of_each=Column("vital", "VARCHAR", "Which vital sign", isin=tuple(VITALS)),
    ),
    daily(
        "active_zone_minutes",
        (
            Column(
                "total_min",
                "INTEGER",
                "Active zone minutes: those of cardio and peak count twice",
                "min",
                ge=0,
                le=3000,
            ),
            Column("fat_burn_min", "INTEGER", "For moderate activity", "min", ge=0, le=3000),
            Column("cardio_min", "INTEGER", "For vigorous activity, counted twice", "min", ge=0, le=3000),
            Column("peak_min", "INTEGER", "For the most vigorous, counted twice", "min", ge=0, le=3000),
        ),
        "The vendor's active zone minutes, one row per participant-day.",
    ),
    daily(
        "heart_rate_zones",
        (
            Column("minutes", "DOUBLE", "Minutes in the zone", "min", ge=0, le=1500),
            Column("min_bpm", "DOUBLE", "Where the zone begins", "bpm", nullable=True, ge=0, le=300),
            Column("max_bpm", "DOUBLE", "Where it ends", "bpm", nullable=True, ge=0, le=300),
            Column("calories_kcal", "DOUBLE", "Energy spent in it", "kcal", nullable=True, ge=0, le=25_000),
        ),
        "Minutes of the day in the vendor's heart-rate zones, one row each.",
        of_each=Column("zone", "VARCHAR", "Which zone", isin=ZONES),
    ),
    daily(
        "daily_active_minutes",
        (_of_a_day("minutes", "Minutes at the level"),),
        "Minutes of the day at each level of activity, where the vendor gives each level by itself: one row each.",
        of_each=Column("level", "VARCHAR", "Which level", isin=LEVELS),
    ),
)
