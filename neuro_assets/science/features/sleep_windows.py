"""Features of sleep over the days up to a day: how long, when, and how much it varies from night to night.

A window of n days up to the day D has the nights whose day is after D - n and not after D, so nothing that came later.
Times are minutes after the midnight of each night's own day, an evening below 0: they do not wrap around, so plain
means and standard deviations are right where circular statistics would be needed for times of the clock.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuro_assets.science.features.model import Family
from neuro_assets.science.features.regularity import LEAST_PAIRED_MIN

if TYPE_CHECKING:
    import polars as pl

_TIMES = ("onset_min", "wake_min", "midpoint_min")
_RAPIDS = "RAPIDS, Vega et al. 2021, Front Digit Health 3:769823 (provider PRICE)"
_ASLEEP = ", main_at_least_min asleep"
_OVER = "RAPIDS has its own nights, and no minimum"


@dataclass(frozen=True, slots=True)
class WindowRule:
    """What has to be there, and which nights are before free days.

    Attributes:
        min_nights: for means and standard deviations. Five nights give reliable means of actigraphy (Acebo et al. 1999,
            Sleep 22:95); two or three are mostly one kind of day.
        min_pairs: of nights of days one after the other, for differences; five nights in a row have four.
        min_free: nights before free days, for social jetlag: one late Saturday is no habit.
        min_work: nights before working days.
        main_at_least_min: asleep in the main sleep for its times to count (ABCDscores 7.0.0: 180). On a day whose night
            is not recorded a nap is the main sleep: 17 of 1,057 days of PMData, which take the standard deviation of
            one person's mid-sleep from 69 to 105 min. Lengths count all the same: without short nights they are biased.
        free_days: days of the week of waking up, Monday being 1, on which people need not get up.
    """

    min_nights: int = 5
    min_pairs: int = 4
    min_free: int = 2
    min_work: int = 3
    main_at_least_min: float = 180
    free_days: tuple[int, ...] = (6, 7)

    def __post_init__(self) -> None:
        """Refuse what can hold for no window."""
        if min(self.min_nights, self.min_pairs, self.min_free, self.min_work) < 1:
            raise ValueError(f"a minimum of {self} is below 1: with nothing recorded nothing is known")
        if not set(self.free_days) <= set(range(1, 8)):
            raise ValueError(f"free_days {self.free_days} must be among 1 (Monday) to 7 (Sunday)")


@dataclass(frozen=True, slots=True)
class Window:
    """The last `days` days up to each day, by a rule."""

    days: int
    rule: WindowRule = field(default_factory=WindowRule)

    def mean(self, column: str) -> "pl.Expr":
        """Mean of a column's nights, if there are enough."""
        return _if_enough(column, self.rule.min_nights, "mean")

    def sd(self, column: str) -> "pl.Expr":
        """Standard deviation (n - 1) of a column's nights, if there are enough."""
        return _if_enough(column, max(self.rule.min_nights, 2), "std")

    def rmssd(self, column: str) -> "pl.Expr":
        """Root mean square of the differences of nights of days one after the other, if there are enough."""
        import polars as pl

        # The first day of the window has no night before it in the window.
        inside = pl.col("day_number") > pl.col("until_number") - (self.days - 1)
        steps = pl.col(f"{column}_step").filter(inside)
        return pl.when(steps.count() >= self.rule.min_pairs).then((steps**2).mean().sqrt())


SLEEP_WINDOWS: Family[Window, "pl.Expr"] = Family("sleep_windows", Window)


def sleep_windows(
    nights: "pl.DataFrame", days: "pl.DataFrame", window_days: int, rule: WindowRule | None = None
) -> "pl.DataFrame":
    """The features of the window up to each day: participant_id, day, window_days, and those of `SLEEP_WINDOWS`.

    One row per person-day given, sorted; also where there is no night at all (n_nights 0, everything else null).

    Args:
        nights: as `sleep.nights` gives them, a row per participant_id and day; agreeing_min and paired_min of
            `sleep_regularity.pair_nights` are looked at where they are there.
        days: participant_id and day, for which windows are wanted.
        window_days: length of the windows, at least 1.
        rule: what has to be there; None is that of `WindowRule`.

    Raises:
        ValueError: a window without a day.
    """
    import polars as pl

    if window_days < 1:
        raise ValueError(f"window_days must be at least 1, got {window_days}")
    window = Window(window_days, rule or WindowRule())
    keys = ["participant_id", "day"]
    wanted = days.select(pl.col("participant_id").cast(pl.String), pl.col("day").cast(pl.Date)).unique()
    until = wanted.select("participant_id", until_number=pl.col("day").cast(pl.Int32))
    number = pl.col("day").cast(pl.Int32)
    line = _with_steps(nights, window.rule).with_columns(
        day_number=number,
        is_free=pl.col("day").dt.weekday().is_in(list(window.rule.free_days)),
        until_number=pl.int_ranges(number, number + window_days, dtype=pl.Int32),
    )
    # Not polars' rolling: it adds and takes away, and what a window gives depends on the rows before it.
    line = line.explode("until_number").join(until, on=["participant_id", "until_number"], how="semi")
    told = (
        line.sort("participant_id", "until_number", "day_number")
        .group_by("participant_id", "until_number", maintain_order=True)
        .agg(*(feature.compute(window).alias(feature.name) for feature in SLEEP_WINDOWS))
        .with_columns(day=pl.col("until_number").cast(pl.Date))
    )
    found = wanted.join(told, on=keys, how="left").sort(keys)
    found = found.with_columns(pl.col("n_nights").fill_null(0), pl.col("regularity_paired_min").fill_null(0))
    names = [feature.name for feature in SLEEP_WINDOWS]
    return found.select(*keys, pl.lit(window_days, pl.Int64).alias("window_days"), *names)


def _with_steps(nights: "pl.DataFrame", rule: WindowRule) -> "pl.DataFrame":
    """The columns that windows need, times where they count, and by how much they differ from those a day before."""
    import polars as pl

    pairs = ("agreeing_min", "paired_min")
    frame = nights.select(
        *("participant_id", "day", "basis", "asleep_min", "total_asleep_min"),
        *_TIMES,
        *(pl.col(c) if c in nights.columns else pl.lit(None, pl.Int64).alias(c) for c in pairs),
    )
    is_night = pl.col("asleep_min") >= rule.main_at_least_min
    frame = frame.sort("participant_id", "day").with_columns(pl.when(is_night).then(c).alias(c) for c in _TIMES)
    follows = pl.col("day") - pl.col("day").shift() == pl.duration(days=1)
    return frame.with_columns(
        pl.when(follows).then(pl.col(name) - pl.col(name).shift()).over("participant_id").alias(f"{name}_step")
        for name in _TIMES
    )


def _if_enough(column: str, least: int, function: str) -> "pl.Expr":
    import polars as pl

    values = pl.col(column)
    found = values.mean() if function == "mean" else values.std()
    return pl.when(values.count() >= least).then(found)


@SLEEP_WINDOWS.define("count", "days of the window with a log or a total of sleep", source="own", minimum="none", ge=0)
def n_nights(window: Window) -> "pl.Expr":
    """Nights in the window that have a record."""
    import polars as pl

    return pl.col("basis").count().cast(pl.Int64)


def _mean_and_sd(column: str, what: str, rapids: tuple[str, str] | None = None) -> None:
    """Define the mean and the standard deviation of a column of nights."""

    def mean(window: Window) -> "pl.Expr":
        return window.mean(column)

    def sd(window: Window) -> "pl.Expr":
        return window.sd(column)

    stem = column.removesuffix("_min")
    mean.__name__, mean.__doc__ = f"{stem}_mean_min", f"Mean of {what} over the window's nights."
    sd.__name__, sd.__doc__ = f"{stem}_sd_min", f"Standard deviation of {what} over the window's nights."
    for n, (compute, formula) in enumerate(((mean, "mean"), (sd, "standard deviation, n - 1,"))):
        SLEEP_WINDOWS.define(
            "min",
            f"{formula} of {column}",
            source=_RAPIDS,
            minimum=f"WindowRule.min_nights nights with {column}{_ASLEEP if column in _TIMES else ''}",
            ge=None if column in _TIMES and compute is mean else 0,
            rapids=(rapids[n],) if rapids else (),
            differs=_OVER if rapids else "",
        )(compute)


def _rmssd(column: str, what: str, rapids: str) -> None:
    """Define the root mean square of the differences from night to night."""

    def rmssd(window: Window) -> "pl.Expr":
        return window.rmssd(column)

    rmssd.__name__ = f"{column.removesuffix('_min')}_rmssd_min"
    rmssd.__doc__ = f"Root mean square difference of {what} from one night to the next."
    SLEEP_WINDOWS.define(
        "min",
        f"sqrt(mean((x(d) - x(d - 1))^2)) of {column} over days d one after the other, both in the window",
        source=_RAPIDS,
        minimum=f"WindowRule.min_pairs pairs{_ASLEEP}",
        ge=0,
        rapids=(rapids,),
        differs="RAPIDS gives the square of it",
    )(rmssd)


_mean_and_sd("total_asleep_min", "the minutes asleep of a day, naps included")
_mean_and_sd("asleep_min", "the minutes asleep of the main sleep")
for _name, _what, _part in (
    ("onset_min", "falling asleep", "starttime"),
    ("wake_min", "the end of the main sleep", "endtime"),
    ("midpoint_min", "the middle of sleep", "midpoint"),
):
    _mean_and_sd(_name, _what, (f"avg{_part}ofepisodemain", f"std{_part}ofepisodemain"))
    _rmssd(_name, _what, f"meanssd{_part}ofepisodemain")


@SLEEP_WINDOWS.define(
    "min",
    "|mean midpoint_min of nights before free days - mean of nights before working days|",
    source="Wittmann et al. 2006, Chronobiol Int 23:497",
    minimum=f"WindowRule.min_free and min_work nights with a midpoint{_ASLEEP}",
    ge=0,
    rapids=("socialjetlag",),
    differs="RAPIDS dates nights by their evening, so that its weekend is of other nights",
)
def social_jetlag_min(window: Window) -> "pl.Expr":
    """How far the middle of sleep before free days is from that before working days."""
    import polars as pl

    free = pl.col("midpoint_min").filter("is_free")
    work = pl.col("midpoint_min").filter(~pl.col("is_free"))
    enough = (free.count() >= window.rule.min_free) & (work.count() >= window.rule.min_work)
    return pl.when(enough).then((free.mean() - work.mean()).abs())


@SLEEP_WINDOWS.define(
    "",
    "200 * agreeing minutes / paired minutes - 100, over the pairs of all nights but the first day's",
    source="Phillips et al. 2017, Sci Rep 7:3216",
    minimum=f"{LEAST_PAIRED_MIN} minutes that are known, and 24 h before as well",
    ge=-100,
    le=100,
    differs="A missing night counts neither as regular nor as irregular. GGIR pairs calendar days, and so knows of a"
    " day's evening by the next day; here a night is compared when it is over.",
)
def sleep_regularity_index(window: Window) -> "pl.Expr":
    """Sleep Regularity Index: how alike sleep and waking are 24 hours apart."""
    import polars as pl

    # What the first day of the window is compared with is before the window.
    inside = pl.col("day_number") > pl.col("until_number") - (window.days - 1)
    agreeing, paired = (pl.col(c).filter(inside).sum().cast(pl.Float64) for c in ("agreeing_min", "paired_min"))
    return pl.when(paired >= LEAST_PAIRED_MIN).then(200 * agreeing / paired - 100)


@SLEEP_WINDOWS.define("min", "sum of paired minutes", source="own", minimum="none", ge=0)
def regularity_paired_min(window: Window) -> "pl.Expr":
    """Minutes that the Sleep Regularity Index rests on; where nights are missing mostly waking hours are left."""
    import polars as pl

    inside = pl.col("day_number") > pl.col("until_number") - (window.days - 1)
    return pl.col("paired_min").filter(inside).sum().cast(pl.Float64)
