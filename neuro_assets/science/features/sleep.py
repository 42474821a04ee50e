"""Features of a night: when, how long and how well somebody slept. Which logs make a night is in sleep_nights.py.

A feature takes nights as `night_facts` gives them and returns a Series, a value each. Times of the clock are minutes
after the midnight at the begin of the day on which the person woke up: 23:30 of the evening before is -30. Lengths are
true time, also in nights in which the clocks change. What is not recorded is null, never 0.
"""

from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING

from neuro_assets.science.features.model import Family, Known
from neuro_assets.science.features.sleep_nights import AWAKENING_MIN, SleepRule, night_facts

if TYPE_CHECKING:
    import polars as pl

KEYS = ("participant_id", "day", "basis", "kind", "since", "until")
_RAPIDS = "RAPIDS, Vega et al. 2021, Front Digit Health 3:769823"
_AASM = "AASM Manual for the Scoring of Sleep (parameters to be reported)"
_FITBIT = "Fitbit Web API 1.2, sleep logs"
_LOG, _STAGED = "a log of the day", "stages (of either kind) in each log of the main sleep"
_STAGES, _CLASSIC = "each log of the main sleep of kind stages", "each log of the main sleep of kind classic"
_BY_DAY = "RAPIDS counts to the evening's date, takes the vendor's word for what is the main sleep, and "


@dataclass(frozen=True)
class Nights:
    """Nights as `night_facts` gives them."""

    frame: "pl.DataFrame"

    def __getitem__(self, column: str) -> "pl.Series":
        return self.frame[column]

    @property
    def latency(self) -> "pl.Series":
        """Minutes from the begin until asleep: by the stages, else as the vendor says."""
        return self._by_stages("asleep_after_min", "told_to_fall_asleep_min")

    @property
    def lying(self) -> "pl.Series":
        """Minutes from the last waking up to the end: by the stages, else as the vendor says."""
        return self._by_stages("awake_before_min", "told_after_wakeup_min")

    def _by_stages(self, own: str, told: str) -> "pl.Series":
        import polars as pl

        return self.frame.select(pl.when("has_stages").then(own).otherwise(told).alias(own)).to_series()


SLEEP: Family[Nights, "pl.Series"] = Family("sleep", Nights)


def nights(
    logs: "pl.DataFrame", stages: "pl.DataFrame", totals: "pl.DataFrame", rule: SleepRule | None = None
) -> "pl.DataFrame":
    """The features of every night that has a record of sleep, sorted by participant_id and day.

    Columns: participant_id, day (of waking up), basis ("logs", or "totals" where the vendor's total of the day is all
    there is), kind ("stages", "classic" or null), since and until of the main sleep (UTC), and those of `SLEEP`.

    Args:
        logs: staging.sleep_session.
        stages: staging.sleep_stage.
        totals: staging.daily_sleep; not looked at for days with logs.
        rule: of the study; None is that of `SleepRule`.

    Raises:
        ValueError: a column is missing.
    """
    facts = night_facts(logs, stages, totals, rule or SleepRule())
    seen = Nights(facts)
    return facts.select(*KEYS, *(feature.compute(seen).alias(feature.name) for feature in SLEEP))


def night_of(**facts: float) -> Nights:
    """One night of which only these facts are known, for known answers."""
    import polars as pl

    names = [
        *("begin_min", "end_min", "elapsed_min", "asleep_after_min", "awake_before_min", "rem_after_min"),
        *("told_to_fall_asleep_min", "told_after_wakeup_min", "main_asleep_min", "main_in_bed_min"),
        *("in_deep_min", "in_light_min", "in_rem_min"),
    ]
    blank = {name: pl.Series([None], dtype=pl.Float64) for name in names}
    return Nights(pl.DataFrame(blank | {name: pl.Series([value]) for name, value in facts.items()}))


def _known(told: str, source: str, expected: float, of: str, **facts: float) -> Known:
    return Known(told, source, expected, lambda: SLEEP[of].compute(night_of(**facts)).fill_null(nan)[0])


@SLEEP.define("min", "wall clock at the begin of the main sleep's first log", source=_RAPIDS, minimum=_LOG,
              ge=-4320, le=1440, rapids=("firstbedtimemain", "lastbedtimemain", "starttimefirstmainsleep"),
              differs=_BY_DAY + "its minutes are after the midnight before the evening")  # fmt: skip
def bed_start_min(seen: Nights) -> "pl.Series":
    """When the main sleep's record begins, in minutes after the midnight at the begin of the day."""
    return seen["begin_min"]


@SLEEP.define("min", "wall clock at the end of the main sleep's last log", source=_RAPIDS, minimum=_LOG,
              ge=-1440, le=1440, rapids=("firstwaketimemain", "lastwaketimemain", "endtimelastmainsleep"),
              differs=_BY_DAY + "dates a waking up by its morning as is done here")  # fmt: skip
def wake_min(seen: Nights) -> "pl.Series":
    """When the main sleep's record ends, in minutes after the midnight at the begin of the day."""
    return seen["end_min"]


@SLEEP.define("min",
              "bed_start_min + minutes until the first stage that is asleep (without stages: as the vendor says)",
              source=_AASM, minimum="stages, or the vendor's word for how long it took", ge=-4320, le=1440,
              differs="by the clock at the begin: in a night in which it changes it goes on as it was")  # fmt: skip
def onset_min(seen: Nights) -> "pl.Series":
    """When the person fell asleep, in minutes after the midnight at the begin of the day."""
    return seen["begin_min"] + seen.latency


@SLEEP.define("min",
              "wake_min - minutes after the last stage that is asleep (without stages: as the vendor says)",
              source=_AASM, minimum="stages, or the vendor's word for how long the person lay awake",
              ge=-4320, le=1440, differs="by the clock at the end")  # fmt: skip
def offset_min(seen: Nights) -> "pl.Series":
    """When the person woke up for the last time, in minutes after the midnight at the begin of the day."""
    return seen["end_min"] - seen.lying


@SLEEP.define(
    "min",
    "onset_min + (true time from falling asleep to the last waking up) / 2",
    source="Roenneberg et al. 2003, J Biol Rhythms 18:80 (mid-sleep)",
    minimum="that of onset_min and of offset_min",
    ge=-4320,
    le=1440,
    rapids=("avgmidpointofepisodemain",),
    differs="RAPIDS: the middle of the log by clock times; here of sleep, in true time, by the clock at the begin",
    known=(
        _known(
            "in bed 23:00 to 07:00, asleep from 23:20 to 06:40",
            "the middle of 23:20 and 06:40 is 03:00",
            180,
            "midpoint_min",
            **{"begin_min": -60, "end_min": 420, "elapsed_min": 480},
            **{"has_stages": True, "asleep_after_min": 20, "awake_before_min": 20},
        ),
        _known(
            "the same clock times in the night in which the clocks go forward",
            "seven hours of true time, six and a third asleep: 23:20 and 3 h 10 min are 02:30",
            150,
            "midpoint_min",
            **{"begin_min": -60, "end_min": 420, "elapsed_min": 420},
            **{"has_stages": True, "asleep_after_min": 20, "awake_before_min": 20},
        ),
    ),
    is_trailing=True,
)
def midpoint_min(seen: Nights) -> "pl.Series":
    """The middle of the main sleep, in minutes after the midnight at the begin of the day."""
    asleep = seen["elapsed_min"] - seen.latency - seen.lying
    return onset_min(seen) + asleep / 2


@SLEEP.define("min", "true time within the logs of the main sleep; what lies between them is in between_min",
              source=_RAPIDS, minimum=_LOG, ge=0, le=2880,
              rapids=("sumdurationinbedmain", "avgdurationinbedmain"),
              differs=_BY_DAY + "adds up overlapping logs, and in spring an hour that did not occur")  # fmt: skip
def in_bed_min(seen: Nights) -> "pl.Series":
    """Minutes in bed of the main sleep."""
    return seen["main_in_bed_min"]


@SLEEP.define("min", "minutes from the begin to the end of the main sleep - in_bed_min", source="own",
              minimum=_LOG, ge=0, le=2880)  # fmt: skip
def between_min(seen: Nights) -> "pl.Series":
    """Minutes between the logs that make up the main sleep: neither asleep nor in bed as far as anybody knows."""
    return seen["elapsed_min"] - seen["main_in_bed_min"]


@SLEEP.define("min", "sum of the vendor's minutes asleep over the main sleep's logs, at most their length",
              source=_RAPIDS, minimum=_LOG, ge=0, le=2880,
              rapids=("sumdurationasleepmain", "avgdurationasleepmain"),
              differs=_BY_DAY + "adds up overlapping logs; here the later one counts from its begin")  # fmt: skip
def asleep_min(seen: Nights) -> "pl.Series":
    """Minutes asleep in the main sleep."""
    return seen["main_asleep_min"]


@SLEEP.define("min",
              "sum of the vendor's minutes awake (of classic logs: and restless) over the main sleep's logs",
              source=_RAPIDS, minimum=_LOG, ge=0, le=2880,
              rapids=("sumdurationawakemain", "avgdurationawakemain"),
              differs=_BY_DAY + "adds up overlapping logs")  # fmt: skip
def awake_min(seen: Nights) -> "pl.Series":
    """Minutes awake in bed in the main sleep, before, between and after."""
    return seen["main_awake_min"]


@SLEEP.define(
    "",
    "asleep_min / in_bed_min",
    source=_AASM,
    minimum=_LOG,
    ge=0,
    le=1,
    differs="the vendor's is efficiency_vendor_pct: over the time in bed without that to fall asleep",
    known=(
        _known(
            "six hours asleep in eight in bed",
            "AASM: total sleep time / time in bed",
            0.75,
            "efficiency",
            **{"main_asleep_min": 360, "main_in_bed_min": 480},
        ),
    ),
    is_trailing=True,
)
def efficiency(seen: Nights) -> "pl.Series":
    """Share of the time in bed that the person was asleep."""
    return seen["main_asleep_min"] / seen["main_in_bed_min"]


@SLEEP.define("%", "the vendor's efficiency; of several logs the mean, weighted by minutes in bed",
              source=_FITBIT, minimum="a value for each log of the main sleep: 0 of a sleep is none", ge=0, le=100,
              rapids=("avgefficiencymain",), differs=_BY_DAY + "does not weight")  # fmt: skip
def efficiency_vendor_pct(seen: Nights) -> "pl.Series":
    """The vendor's sleep efficiency of the main sleep."""
    return seen["told_efficiency_pct"]


@SLEEP.define(
    "min",
    "minutes from the begin of the main sleep to the first stage that is asleep; without stages the vendor's, if not 0",
    source=_AASM,
    minimum="stages, or a vendor's number that is not 0: Fitbit gives 0 for each log that it finds itself",
    ge=0,
    le=2880,
    rapids=("sumdurationtofallasleepmain", "avgdurationtofallasleepmain"),
    differs="RAPIDS adds up the vendor's numbers, which are mostly 0. Neither is the time since the light went out",
    known=(
        _known(
            "a log without stages, of which the vendor says 0",
            "it is not known",
            nan,
            "to_fall_asleep_min",
            **{"has_stages": False, "told_to_fall_asleep_min": 0},
        ),
    ),
)
def to_fall_asleep_min(seen: Nights) -> "pl.Series":
    """Minutes that it took to fall asleep, from the begin of the log."""
    import polars as pl

    is_told = pl.col("has_stages") | (pl.col("told_to_fall_asleep_min") > 0)
    return seen.frame.select(pl.when(is_told).then(seen.latency)).to_series()


@SLEEP.define("min",
              "minutes from the last stage that is asleep to the end of the main sleep; without stages the vendor's",
              source=_AASM, minimum="stages, or the vendor's word", ge=0, le=2880,
              rapids=("sumdurationafterwakeupmain", "avgdurationafterwakeupmain"),
              differs="RAPIDS adds up the vendor's numbers")  # fmt: skip
def after_wakeup_min(seen: Nights) -> "pl.Series":
    """Minutes in bed after the last waking up."""
    return seen.lying


@SLEEP.define("min",
              "minutes of the stages wake and awake between the first and the last stage that is asleep",
              source=_AASM, minimum=f"{_STAGED}, and sleep in them", ge=0, le=2880,
              differs="restless is neither sleep nor waking; between_min is not in it", is_trailing=True)  # fmt: skip
def waso_min(seen: Nights) -> "pl.Series":
    """Minutes awake after having fallen asleep and before the last waking up."""
    return seen["between_awake_min"]


@SLEEP.define("count", f"stretches of wake and awake, {AWAKENING_MIN} min or more, between stages that are asleep",
              source="own: AASM has epochs of 30 s, classic logs have whole minutes",
              minimum=f"{_STAGED}, and sleep in them", ge=0,
              rapids=("countepisodewakestagesmain", "countepisodeawakeclassicmain"),
              differs="RAPIDS counts every episode, also before and after sleep")  # fmt: skip
def awakenings(seen: Nights) -> "pl.Series":
    """How often the person woke up for a minute or more and slept again."""
    return seen["n_awakenings"]


def _stage(name: str, kind: str, minimum: str, description: str) -> None:
    """Define the minutes of a stage, and for a stage of sleep its share."""

    def minutes(seen: Nights) -> "pl.Series":
        return seen[f"in_{name}_min"]

    def share(seen: Nights) -> "pl.Series":
        slept = seen["in_deep_min"] + seen["in_light_min"] + seen["in_rem_min"]
        return (seen[f"in_{name}_min"] / slept).fill_nan(None)

    column = "wake_stage" if name == "awake" else name
    minutes.__name__, minutes.__doc__ = f"{column}_min", f"Minutes {description} in the main sleep."
    share.__name__, share.__doc__ = f"{column}_share", f"Share of the main sleep {description}."
    rapids = tuple(f"sumduration{level}main" for level in kind.split())
    SLEEP.define("min", f"30-s epochs {description} / 2", source=_AASM, minimum=minimum, ge=0, le=2880, rapids=rapids)(
        minutes
    )
    if minimum != _STAGES:
        return
    known = _known(
        "1 h of this stage, 3 h of the others",
        "one of four",
        0.25,
        f"{column}_share",
        **({"in_deep_min": 90, "in_light_min": 90, "in_rem_min": 90} | {f"in_{name}_min": 60}),
    )
    SLEEP.define(
        "",
        f"{column}_min / (deep_min + light_min + rem_min)",
        source=f"{_AASM}: percent of total sleep time",
        minimum=f"{minimum}, and sleep in them",
        ge=0,
        le=1,
        rapids=(f"ratioduration{name}stageswithinmain",),
        differs="RAPIDS divides by the time in bed",
        known=(known,),
        is_trailing=name in {"deep", "rem"},
    )(share)


_stage("deep", "deepstages", _STAGES, "in deep sleep")
_stage("light", "lightstages", _STAGES, "in light sleep")
_stage("rem", "remstages", _STAGES, "in REM sleep")
_stage("awake", "wakestages awakeclassic", _STAGED, "awake in bed by the stages")
_stage("restless", "restlessclassic", _CLASSIC, "restless")


@SLEEP.define(
    "min",
    "minutes from the first stage that is asleep to the first REM",
    source=_AASM,
    minimum=f"{_STAGES}, and REM in them",
    ge=0,
    le=2880,
    known=(
        _known(
            "asleep 10 min after the begin, REM 100 min after it",
            "AASM: from sleep onset to the first epoch of REM",
            90,
            "rem_latency_min",
            **{"asleep_after_min": 10, "rem_after_min": 100},
        ),
    ),
)
def rem_latency_min(seen: Nights) -> "pl.Series":
    """Minutes from falling asleep to the first REM sleep."""
    return seen["rem_after_min"] - seen["asleep_after_min"]


@SLEEP.define("count", "sleeps of the day - 1", source=_RAPIDS,
              minimum=f"{_LOG}; a total of the day does not tell", ge=0, rapids=("countepisodenap",),
              differs=_BY_DAY + "counts logs; here logs that are close to each other are one sleep")  # fmt: skip
def naps(seen: Nights) -> "pl.Series":
    """Sleeps of the day besides the main one."""
    return seen["n_sleeps"] - 1


@SLEEP.define("min", "sum of the minutes asleep of naps", source=_RAPIDS,
              minimum=f"{_LOG}; a total of the day does not tell", ge=0, le=2880,
              rapids=("sumdurationasleepnap",),
              differs=_BY_DAY + "takes the vendor's word for what is a nap")  # fmt: skip
def nap_asleep_min(seen: Nights) -> "pl.Series":
    """Minutes asleep outside of the main sleep."""
    return seen["nap_min"]


@SLEEP.define("min", "asleep_min + nap_asleep_min; without logs the vendor's total of the day",
              source=_RAPIDS, minimum="a log or a total of the day", ge=0, le=2880,
              rapids=("sumdurationasleepall",), differs=_BY_DAY + "adds up overlapping logs",
              is_trailing=True)  # fmt: skip
def total_asleep_min(seen: Nights) -> "pl.Series":
    """Minutes asleep of the day, naps included."""
    return seen["all_asleep_min"]


@SLEEP.define("min",
              "minutes in bed of the main sleep and of naps; without logs the vendor's total of the day",
              source=_RAPIDS, minimum="a log or a total of the day", ge=0, le=2880,
              rapids=("sumdurationinbedall",), differs=_BY_DAY + "adds up overlapping logs")  # fmt: skip
def total_in_bed_min(seen: Nights) -> "pl.Series":
    """Minutes in bed of the day, naps included."""
    return seen["all_in_bed_min"]


@SLEEP.define("count", "logs of the day that count; without logs the vendor's number of sleep periods",
              source=_RAPIDS, minimum="a log or a total of the day", ge=1, rapids=("countepisodeall",),
              differs="a log within another one is not counted")  # fmt: skip
def logs(seen: Nights) -> "pl.Series":
    """Logs of sleep of the day."""
    return seen["n_logs"]
