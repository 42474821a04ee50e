"""Features of the use of phones and computers: screen, programs, focus sessions and notifications.

A feature is a Polars expression of one group of the rows that `use_parts.within_parts` gives, those of a person's part
of the day (and category of programs), in the order of time. A group also has a row without an episode, so that nothing
is a group: of a person whose use is known, no episode is a true 0, and a length or a clock time of none is null.

Episodes over the cap of the protocol, and those whose end is not known (docs/episodes.md), are in no length and no
count of episodes; their beginning is counted where beginnings are. An episode over the edge of a part is in both parts,
each with its share of the time. Two devices in use at a time count both.
"""

from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import TYPE_CHECKING

from neuro_assets.science.features.model import Family, Feature, Known
from neuro_assets.science.local_days import US_PER_MIN, in_units

if TYPE_CHECKING:
    import polars as pl

# Shorter than that, an answer to a notification is prompt.
PROMPT_S = 60
_RAPIDS = "RAPIDS, Vega et al. 2021, Front Digit Health 3:769823"
_OWN = "own definition"
_NO_ROW = (
    "RAPIDS has nothing where there is no episode, be it no use or no data; its cap is of what is within the part, ours"
    " of the whole episode"
)
_NO_APP = (
    "RAPIDS has 0 where there is an episode of another category, and nothing where there is none of any, be it no use"
    " or no data"
)
_SEEN = "an event of the person's devices on the day, and one of this kind on the day or the 27 before it"
_COUNTED = "an episode with a known end, not over the cap"
_SESSION = "a session that begins there, with a known end"
_ONE_RECEIVED = "a notification"


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows of `within_parts`, told by their columns."""

    def counted(self, column: str) -> "pl.Expr":
        """A column of the episodes that count."""
        import polars as pl

        return pl.col(column).filter(pl.col("is_counted"))

    def begun(self, column: str) -> "pl.Expr":
        """A column of the episodes that begin here and count."""
        import polars as pl

        return pl.col(column).filter(pl.col("is_counted") & pl.col("begins"))

    @property
    def minutes(self) -> "pl.Expr":
        """Lengths within the part of those that count [min]."""
        return in_units(US_PER_MIN, self.counted("us"))

    @property
    def total(self) -> "pl.Expr":
        """Their sum [min]."""
        return in_units(US_PER_MIN, self.counted("us").sum())

    @property
    def mean(self) -> "pl.Expr":
        """Their mean [min]."""
        return quotient(self.counted("us").sum(), self.counted("us").count() * US_PER_MIN)


SCREEN: Family[Parts, "pl.Expr"] = Family("screen", Parts)
APP: Family[Parts, "pl.Expr"] = Family("app", Parts)
FOCUS: Family[Parts, "pl.Expr"] = Family("focus", Parts)
NOTIFICATION: Family[Parts, "pl.Expr"] = Family("notification", Parts)
USE_FAMILIES = (SCREEN, APP, FOCUS, NOTIFICATION)
# What the rows of each family have besides those of all, with their types in Polars.
OF_WHOLE: dict[str, dict[str, str]] = {
    "screen": {},
    "app": {"app": "String", "category": "String"},
    "focus": {"planned_min": "Float64", "episode_s": "Float64", "n_unlocks": "Int64", "n_distracting": "Int64"},
    "notification": {"response_s": "Float64"},
}

_screen = partial(SCREEN.define, source=_RAPIDS, bases=())
_app = partial(APP.define, bases=())
_focus = partial(FOCUS.define, source=_OWN, bases=())
_notification = partial(NOTIFICATION.define, source=_OWN, bases=())


def quotient(above: "pl.Expr", below: "pl.Expr") -> "pl.Expr":
    """A quotient, null where the divisor is 0 or null."""
    import polars as pl

    return pl.when(below > 0).then(above / below)


def rows_of(*spans: tuple[float, float | None], **told: list[float | str | None]) -> "pl.DataFrame":
    """Rows of episodes that begin in a part, for known answers: from one wall clock to another [min], null: no end."""
    import polars as pl

    since = [round(a * US_PER_MIN) for a, _ in spans]
    until = [round((a if b is None else b) * US_PER_MIN) for a, b in spans]
    frame = pl.DataFrame({"since_us": since, "until_us": until, "is_counted": [b is not None for _, b in spans]})
    times = frame.with_columns(us=pl.col("until_us") - pl.col("since_us"), clock_us=pl.col("since_us"))
    return times.with_columns(pl.lit(value=True).alias("begins"), *(pl.Series(k, v) for k, v in told.items()))


def _of(family: Family[Parts, "pl.Expr"], name: str, *spans: tuple[float, float | None], **told: list) -> float:
    """What a feature is of such rows."""
    found = rows_of(*spans, **told).select(family[name].compute(Parts())).item()
    return float("nan") if found is None else float(found)


def known(
    family: Family[Parts, "pl.Expr"], name: str, expected: float, *spans: tuple[float, float | None], **told: list
) -> Known:
    """A known answer, by hand, of episodes from one wall clock to another [min]."""
    words = "; ".join(f"{a:g} to {'?' if b is None else format(b, 'g')} min" for a, b in spans)
    return Known(f"{words} {told or ''}".strip(), "by hand", expected, lambda: _of(family, name, *spans, **told))


def told_of(family: Family[Parts, "pl.Expr"], parts: "pl.DataFrame", keys: list[str]) -> "pl.DataFrame":
    """The features of a family for each group of the rows, sorted by the keys.

    Args:
        family: which.
        parts: rows of `within_parts` with the keys, in the order of time; rows without an episode have is_counted and
            begins false, and nothing else.
        keys: participant_id, day, segment, and the category of programs.
    """
    features: list[Feature[Parts, pl.Expr]] = list(family)
    return parts.group_by(keys).agg(f.compute(Parts()).alias(f.name) for f in features).sort(keys)


@_screen("count", "number of episodes of use with time in the part, or of length 0 within it", minimum=_SEEN, ge=0,
         rapids=("countepisodeunlock",), differs=_NO_ROW, is_trailing=True,
         known=(known(SCREEN, "episodes", 2, (60, 70), (600, 630), (700, None)),))  # fmt: skip
def episodes(parts: Parts) -> "pl.Expr":
    """Episodes of use with a known end, not over the cap."""
    return parts.counted("us").count()


@_screen("min", "sum of their true time within the part", minimum=_SEEN, ge=0, rapids=("sumdurationunlock",),
         differs=_NO_ROW, is_trailing=True,
         known=(known(SCREEN, "total_min", 40, (60, 70), (600, 630), (700, None)),))  # fmt: skip
def total_min(parts: Parts) -> "pl.Expr":
    """Time of use."""
    return parts.total


@_screen("min", "total_min / episodes", minimum=_COUNTED, ge=0, rapids=("avgdurationunlock",),
         known=(known(SCREEN, "mean_min", 20, (60, 70), (600, 630)),))  # fmt: skip
def mean_min(parts: Parts) -> "pl.Expr":
    """Mean length of the episodes within the part of the day."""
    return parts.mean


@_screen("min", "greatest time of an episode within the part", minimum=_COUNTED, ge=0, rapids=("maxdurationunlock",),
         known=(known(SCREEN, "max_min", 30, (60, 70), (600, 630)),))  # fmt: skip
def max_min(parts: Parts) -> "pl.Expr":
    """Longest episode within the part of the day."""
    return parts.minutes.max()


@_screen("min", "least time of an episode within the part", minimum=_COUNTED, ge=0, rapids=("mindurationunlock",),
         known=(known(SCREEN, "min_min", 10, (60, 70), (600, 630)),))  # fmt: skip
def min_min(parts: Parts) -> "pl.Expr":
    """Shortest episode within the part of the day."""
    return parts.minutes.min()


@_screen("min", "standard deviation of these times with n - 1", minimum=f"two of {_COUNTED}", ge=0,
         rapids=("stddurationunlock",), known=(known(SCREEN, "sd_min", sqrt(200), (60, 70), (600, 630)),))  # fmt: skip
def sd_min(parts: Parts) -> "pl.Expr":
    """Standard deviation of the lengths of the episodes."""
    return parts.minutes.std(ddof=1)


@_screen("min", "wall clock at which the first episode begins, or the part, if it was going on", minimum=_COUNTED, ge=0,
         le=1440, rapids=("firstuseafter00unlock",), is_trailing=True,
         differs="RAPIDS gives minutes after its reference hour, which is midnight unless told otherwise",
         known=(known(SCREEN, "first_use_min", 60, (30, None), (60, 70), (600, 630)),))  # fmt: skip
def first_use_min(parts: Parts) -> "pl.Expr":
    """When the first use began, after 00:00."""
    return in_units(US_PER_MIN, parts.counted("clock_us").first())


@_screen("min", "wall clock at which the episode that begins last does", minimum=_COUNTED, ge=0, le=1440,
         is_trailing=True, known=(known(SCREEN, "last_use_min", 600, (60, 70), (600, 630), (700, None)),))  # fmt: skip
def last_use_min(parts: Parts) -> "pl.Expr":
    """When the last use began, after 00:00."""
    return in_units(US_PER_MIN, parts.counted("clock_us").last())


@_screen("count", "number of openings of the screen in the part, whatever became of them", minimum=_SEEN, ge=0,
         is_trailing=True, known=(known(SCREEN, "unlocks", 3, (60, 70), (600, 630), (700, None)),),
         differs="RAPIDS counts whole episodes alone; these are events, those told twice included")  # fmt: skip
def unlocks(parts: Parts) -> "pl.Expr":
    """Times the screen was opened: an unlock, unless the protocol says otherwise."""
    import polars as pl

    return pl.col("begins").sum()


@_screen("min", "greatest true time from the end of all use so far to the next beginning; before the first and after"
         " the last use it is not known whether the phone was on", minimum="two openings", ge=0,
         differs="not in RAPIDS. Episodes over the cap and openings without an end break it: no use is in it",
         known=(known(SCREEN, "longest_pause_min", 400, (60, 200), (70, 80), (600, 630), (700, None)),))  # fmt: skip
def longest_pause_min(parts: Parts) -> "pl.Expr":
    """Longest time without use between two uses."""
    import polars as pl

    pauses = (pl.col("since_us") - pl.col("until_us").cum_max().shift()).clip(lower_bound=0)
    return in_units(US_PER_MIN, pauses.max())


@_app("count", "number of episodes in the foreground that begin in the part, whatever became of them", source=_RAPIDS,
      minimum=_SEEN, ge=0, rapids=("countevent",), known=(known(APP, "opened", 3, (1, 2), (3, 4), (5, None)),),
      differs=f"RAPIDS counts an episode in each part that it reaches. {_NO_APP}")  # fmt: skip
def opened(parts: Parts) -> "pl.Expr":
    """Times a program came to the foreground."""
    import polars as pl

    return pl.col("begins").sum()


APP.define(
    "min", "sum of the true time of the episodes within the part", source=_RAPIDS, minimum=_SEEN, ge=0, bases=(),
    rapids=("sumduration",), differs=_NO_APP, known=(known(APP, "total_min", 2, (1, 2), (3, 4), (5, None)),),
)(total_min)  # fmt: skip
APP.define(
    "min", "total_min / number of episodes with time in the part", source=_RAPIDS, minimum=_COUNTED, ge=0, bases=(),
    rapids=("meanduration",), differs="RAPIDS has 0 where there is none",
    known=(known(APP, "mean_min", 1.5, (1, 2), (3, 5)),),
)(mean_min)  # fmt: skip


@_app("count", "number of different programs in the foreground in the part", source=_OWN, minimum=_SEEN, ge=0,
      differs="programs that tell no name are not counted",
      known=(known(APP, "programs", 2, (1, 2), (3, 4), (5, None), app=["a", "b", "a"]),))  # fmt: skip
def programs(parts: Parts) -> "pl.Expr":
    """Different programs used."""
    import polars as pl

    return pl.col("app").drop_nulls().n_unique()


@_app("", "total_min / total_min of the screen in the part", source=_OWN, minimum="a minute of use of the screen",
      ge=0, differs="more than 1 where a device with programs in front tells no use of its screen, or less than it has",
      known=(known(APP, "share_of_screen", 0.25, (1, 2), screen_us=[4 * US_PER_MIN]),))  # fmt: skip
def share_of_screen(parts: Parts) -> "pl.Expr":
    """Time in the foreground as a share of the time of use of the screen."""
    import polars as pl

    screen_us = pl.col("screen_us").max()
    return pl.when(screen_us >= US_PER_MIN).then(parts.counted("us").sum() / screen_us)


@_focus("count", "number of focus sessions that begin in the part, whatever became of them", minimum=_SEEN, ge=0,
        is_trailing=True, known=(known(FOCUS, "begun", 2, (60, 85), (700, None)),))  # fmt: skip
def begun(parts: Parts) -> "pl.Expr":
    """Focus sessions begun."""
    import polars as pl

    return pl.col("begins").sum()


FOCUS.define(
    "min", "sum of the true time of the sessions within the part", source=_OWN, minimum=_SEEN, ge=0, bases=(),
    is_trailing=True, known=(known(FOCUS, "total_min", 25, (60, 85), (700, None)),),
)(total_min)  # fmt: skip


@_focus("", "share of the sessions that last at least as long as they were to", ge=0, le=1,
        minimum=f"{_SESSION} and a length that it was to have",
        known=(known(FOCUS, "completed_share", 0.5, (60, 85), (700, 710), planned_min=[25, 25], episode_s=[1500, 600]),
               ))  # fmt: skip
def completed_share(parts: Parts) -> "pl.Expr":
    """Share of the sessions begun that were kept up for as long as planned."""
    planned_s = parts.begun("planned_min") * 60
    return (parts.begun("episode_s") >= planned_s).mean()


@_focus("min", "mean true time of the whole sessions that begin in the part", minimum=_SESSION, ge=0,
        known=(known(FOCUS, "mean_length_min", 17.5, (60, 85), (700, 710), episode_s=[1500, 600]),))  # fmt: skip
def mean_length_min(parts: Parts) -> "pl.Expr":
    """Mean length of the sessions begun."""
    return parts.begun("episode_s").mean() / 60


def _per_hour(name: str, column: str, told: str) -> None:
    """Define how often something happened in an hour of the sessions that begin in a part."""

    def per_hour(parts: Parts) -> "pl.Expr":
        return quotient(parts.begun(column).sum() * 3600, parts.begun("episode_s").sum())

    per_hour.__name__, per_hour.__doc__ = name, f"{told} in an hour of the sessions begun."
    _focus(
        "1/h",
        f"sum of {column} of the sessions that begin in the part / sum of their hours",
        minimum=f"{_SESSION} and a length above 0",
        ge=0,
        known=(known(FOCUS, name, 6, (60, 85), (700, 705), episode_s=[1500, 300], **{column: [3, 0]}),),
    )(per_hour)


_per_hour("distractions_per_hour", "n_distracting", "Distracting programs opened")
_per_hour("unlocks_per_hour", "n_unlocks", "Unlocks")


@_notification("count", "number of notifications in the part", minimum=_SEEN, ge=0, is_trailing=True,
               known=(known(NOTIFICATION, "received", 2, (60, 60), (90, 90)),))  # fmt: skip
def received(parts: Parts) -> "pl.Expr":
    """Notifications received."""
    return parts.counted("us").count()


_ANSWERS: dict[str, list[float | None]] = {"response_s": [30, 90, None, 300]}
_FOUR = ((60.0, 60.0), (90.0, 90.0), (95.0, 95.0), (99.0, 99.0))


@_notification("", "answered / received; an answer is as in docs/episodes.md, within an hour unless the protocol says"
               " otherwise", minimum=_ONE_RECEIVED, ge=0, le=1, is_trailing=True,
               known=(known(NOTIFICATION, "answered_share", 0.75, *_FOUR, **_ANSWERS),))  # fmt: skip
def answered_share(parts: Parts) -> "pl.Expr":
    """Share of the notifications that were answered."""
    return parts.counted("response_s").is_not_null().mean()


@_notification("s", "median time to the answer", minimum="an answer", ge=0, is_trailing=True,
               known=(known(NOTIFICATION, "response_median_s", 90, *_FOUR, **_ANSWERS),))  # fmt: skip
def response_median_s(parts: Parts) -> "pl.Expr":
    """Median time until the answer, of those answered."""
    return parts.counted("response_s").median()


@_notification("s", "mean time to the answer", minimum="an answer", ge=0,
               known=(known(NOTIFICATION, "response_mean_s", 140, *_FOUR, **_ANSWERS),))  # fmt: skip
def response_mean_s(parts: Parts) -> "pl.Expr":
    """Mean time until the answer, of those answered."""
    return parts.counted("response_s").mean()


@_notification("", f"answered within {PROMPT_S} s / received", minimum=_ONE_RECEIVED, ge=0, le=1,
               known=(known(NOTIFICATION, "answered_within_60_s_share", 0.25, *_FOUR, **_ANSWERS),))  # fmt: skip
def answered_within_60_s_share(parts: Parts) -> "pl.Expr":
    """Share of the notifications that were answered within a minute."""
    return (parts.counted("response_s") <= PROMPT_S).fill_null(value=False).mean()
