"""From events of a phone or computer to episodes: screen use, apps, focus sessions, answers to notifications.

Event frames in, tables of episodes out. Where events come from and which categories apps have belongs to others, and
local days to local_days.py. What is not known (when did it end?) is null.

An event frame has participant_id, device_id (null is one device of its own), ts (Datetime us, UTC), event_id,
event_type, row_number and, for apps and notifications, app. Its rows may be in any order: they are sorted by
participant, device, ts, what each function says of events at one instant, row_number, event_id and app. A column day is
handed on to what becomes of the events.

With reach_min [minutes], events further apart have nothing to do with each other: an opening that nothing follows for
so long is unclosed, a closing that nothing precedes is unmatched, and what was open before is forgotten. So a row of
`Episodes.table` follows from the events within reach of its opening, whatever else is given, and a fate from those
within twice the reach.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from neuro_assets.science.local_days import FAR, US_PER_MIN, US_PER_S, in_units, in_us

if TYPE_CHECKING:
    import polars as pl

SOURCE = "RAPIDS, Vega et al. 2021, Front Digit Health 3:769823, doi 10.3389/fdgth.2021.769823"
RULES = {
    "openings": "Events that begin an episode.",
    "openings_used": "Openings of an episode with a known end.",
    "openings_repeated": "Openings followed by another opening before any closing: the end is not known.",
    "openings_unclosed": "Openings with nothing after them: the end is not known.",
    "closings": "Events that end an episode.",
    "closings_used": "Closings that ended an episode.",
    "closings_repeated": "Closings after another closing, with no opening between: without effect.",
    "closings_unmatched": "Closings without anything to close before them: without effect.",
    "closings_echo": "Locks told right after the screen went on: the state of the lock, not a locking.",
    "ended_by_app_focus": "App episodes ended because an app got the focus, with no blur of the first one.",
    "ended_by_app_blur": "App episodes ended by the blur of that app.",
    "ended_by_screen_off": "Episodes ended because the screen went off.",
    "ended_by_lock": "Episodes ended because the device was locked.",
    "ended_by_focus_stop": "Focus sessions that were stopped.",
    "episodes_over_cap": "Episodes longer than the cap: kept and marked, not in totals.",
    "episodes_zero_length": "Episodes that begin and end at one instant: kept.",
}

_OPEN, _SHUT = ("unlock",), ("screen_off", "lock")


@dataclass(frozen=True, slots=True)
class Episodes:
    """Episodes, and what became of every event that could begin or end one.

    Attributes:
        table: one row per opening, sorted by participant, device and time: episode (its number in this table),
            participant_id, device_id, start_utc, end_utc (null: not known), duration_us [microseconds], duration_min,
            status ("closed", "repeated", "unclosed"), ended_by (event type), start_event_id, end_event_id; some have
            is_over_cap (null while the end is not known) and others of their own.
        fates: one row per event that could begin or end an episode: participant_id, device_id, ts, event_id,
            event_type, rule (of `RULES`: openings_* or closings_*), and day where the events have one.
        account: name of a rule, as in `RULES` -> how many events or episodes it concerns. The openings_* add up to
            openings, the closings_* to closings.
    """

    table: "pl.DataFrame"
    fates: "pl.DataFrame"
    account: dict[str, int]


def screen_episodes(
    events: "pl.DataFrame",
    cap_min: float | None = 360,
    *,
    opened_by: Sequence[str] = _OPEN,
    closed_by: Sequence[str] = _SHUT,
    lock_echo_ms: int = 50,
    reach_min: float | None = None,
) -> Episodes:
    """Return the episodes of use of each device: from an opening to the closing that follows it.

    RAPIDS' definition (Vega et al. 2021, doi 10.3389/fdgth.2021.769823): from unlock to screen off (Android) or to
    lock (iOS), of consecutive pairs only. Its rules, and ours where it has none:

    - An opening after an opening: the later one begins the episode. A closing was missed in between, or the opening
      was told twice; the earlier one keeps its row, as "repeated", without an end. So a missed closing makes the use
      look shorter, never a night longer.
    - A closing after a closing (screen off, then lock) or before any opening is without effect.
    - An opening with nothing after it is "unclosed". No end is invented for it.
    - A lock less than lock_echo_ms after the screen went on tells how the lock is, and closes nothing.
    - Longer than cap_min [minutes]: is_over_cap, and not in the totals. Exactly that long is not over it.
    - Length zero is kept. At one instant closings come before openings where an episode is open, and after them where
      none is: so an instant with both ends one episode and begins the next, or holds one of length zero. Among
      themselves, both are in the order of opened_by and closed_by.

    For phones without a lock, that never tell an unlock, opened_by may be ("screen_on",). Of several types the last
    one before the closing begins the episode.

    Raises:
        ValueError: a column is missing, a participant or time is null, a time is not in microseconds of UTC, a type
            both opens and closes, or the cap is negative.
    """
    import polars as pl

    shared = set(opened_by) & set(closed_by)
    if shared or not opened_by or not closed_by:
        raise ValueError(f"opened_by {opened_by} and closed_by {closed_by} must be different types, at least one each")
    closing, opening = pl.col("event_type").is_in(list(closed_by)), pl.col("event_type").is_in(list(opened_by))
    frame = _in_order(events, list(dict.fromkeys(["screen_on", *closed_by, *opened_by])))
    is_on = pl.col("event_type") == "screen_on"
    lately, where = (pl.when(is_on).then(c).forward_fill() for c in ("us", "stream"))
    is_echo = (where == pl.col("stream")) & (pl.col("us") - lately < lock_echo_ms * 1000)
    is_echo &= closing & (pl.col("event_type") == "lock")
    frame = frame.with_columns(is_opening=opening, is_echo=is_echo.fill_null(False)).filter(opening | closing)
    echoes = frame.filter("is_echo").with_columns(status=pl.lit("echo"))
    # as an opening, the screen that goes on has been sorted before closings
    rank = pl.col("event_type").replace_strict({t: n for n, t in enumerate(opened_by)}, default=0)
    frame = frame.filter(~pl.col("is_echo")).sort("instant", "is_opening", rank, "row")
    paired = _pair(frame.with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64)), _reach_us(reach_min))
    return _episodes(paired, events, closed_by, cap_min, echoes)


def app_episodes(
    events: "pl.DataFrame",
    categories: Mapping[str, str] | None = None,
    cap_min: float | None = 300,
    *,
    reach_min: float | None = None,
) -> Episodes:
    """Return the episodes of each app in the foreground, with its category; columns app and category (null: unknown).

    From app_focus to the first of: app_blur of that app, the next app_focus (of any app, also of the same one: one app
    at a time is in front), screen_off, lock; what it was is in ended_by. The foreground episodes of RAPIDS (Vega et
    al. 2021, doi 10.3389/fdgth.2021.769823), whose apps tell no blur; its cap of 300 minutes.

    - A blur of another app than the one in front comes late, and is without effect (closings_unmatched); so is a
      closing after a closing (closings_repeated). A null app is an app like any other.
    - A focus with nothing after it is "unclosed" and has no end.
    - At one instant: the blur of the app that had the focus last, then focuses, other blurs, screen_off, lock. So an
      app that gets and loses the focus at one instant has an episode of length zero.

    Raises ValueError as `screen_episodes` does.
    """
    import polars as pl

    frame, reach_us = _in_order(events, ["app_focus", "app_blur", *_SHUT], ["app"]), _reach_us(reach_min)
    is_focus, is_blur = pl.col("event_type") == "app_focus", pl.col("event_type") == "app_blur"
    last_focus = pl.when(is_focus).then("row").forward_fill()
    # the last focus before this instant: that of the row before the instant's first row
    is_first = pl.col("instant") != pl.col("instant").shift(fill_value=-1)
    before = pl.when(is_first).then(last_focus.shift().fill_null(-1)).forward_fill()
    frame = frame.with_columns(before=before)
    frame = frame.with_columns(goes_first=is_blur & _is_app_of(frame["before"], frame, reach_us))
    frame = frame.sort("instant", ~pl.col("goes_first"), "row", maintain_order=True)
    frame = frame.with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
    current = frame.select(last_focus.fill_null(-1)).to_series()
    is_stray = frame.select(is_blur & ~_is_app_of(current, frame, reach_us)).to_series()
    frame = frame.with_columns(is_opening=is_focus)
    linked = _linked(frame.filter(~is_stray), reach_us, ends_at_opening=True)
    strays = frame.filter(is_stray).with_columns(status=pl.lit("unmatched"))
    found = _episodes(linked, events, ["app_blur", "app_focus", *_SHUT], cap_min, strays)
    return replace(found, table=found.table.with_columns(category=_category(categories or {})))


def focus_sessions(
    events: "pl.DataFrame",
    categories: Mapping[str, str] | None = None,
    distracting: Iterable[str] = (),
    *,
    reach_min: float | None = None,
) -> Episodes:
    """Return the focus sessions, from focus_start to focus_stop, with what interrupted them.

    A repeated start, a stop without a start and a session that was never stopped are treated as `screen_episodes`
    does (the later start begins the session; stops without effect; no end is invented), and so are events at one
    instant. There is no cap. Besides the columns of `Episodes`:

    - planned_min: of the focus_start, from the column planned_min of the events where they have it;
    - n_unlocks, n_notifications, n_distracting: unlocks, notifications, and app_focus of apps whose category is one of
      `distracting`, after the start and before the end, on any device of the participant; null where the end is not
      known.

    Raises ValueError as `screen_episodes` does.
    """
    import polars as pl

    has_plan = "planned_min" in events.columns
    frame = _in_order(events, ["focus_stop", "focus_start"], ["planned_min"] if has_plan else [])
    paired = _pair(frame.with_columns(is_opening=pl.col("event_type") == "focus_start"), _reach_us(reach_min))
    found = _episodes(paired, events, ["focus_stop"], None, paired.clear())
    table = found.table if has_plan else found.table.with_columns(planned_min=pl.lit(None, pl.Float64))
    table = table.drop("is_over_cap").with_columns(pl.col("planned_min").cast(pl.Float64))
    kinds = {
        "n_unlocks": pl.col("event_type") == "unlock",
        "n_notifications": pl.col("event_type") == "notification",
        "n_distracting": (pl.col("event_type") == "app_focus")
        & _category(categories or {}).is_in(list(distracting)).fill_null(False),
    }
    has_app = "app" in events.columns
    things = _in_order(events, ["unlock", "notification", "app_focus"], ["app"] if has_app else [])
    things = things if has_app else things.with_columns(app=pl.lit(None, pl.String))
    things = things.with_columns(n.cast(pl.Int64).alias(name) for name, n in kinds.items())
    counts = _counts_within(things.select("participant_id", "us", *kinds), table, list(kinds))
    account = {k: n for k, n in found.account.items() if k != "episodes_over_cap"}
    return Episodes(table.join(counts, on="episode", how="left", maintain_order="left"), found.fates, account)


def notification_response(events: "pl.DataFrame", within_min: float) -> "pl.DataFrame":
    """Return for each notification how long it took until the device was unlocked or that app got the focus.

    One row per notification: participant_id, device_id, event_id, ts, app, response_s [seconds] and response_type
    ("unlock" or "app_focus"), both null where neither followed on that device within within_min minutes (that long
    is within). Events at the instant of the notification are after it, an unlock before a focus. Several
    notifications may be answered by one event. A device that is in use already need not be unlocked: there, only the
    focus tells. The definition is our own; it follows no published one.

    Raises ValueError as `screen_episodes` does, and for a negative limit.
    """
    import polars as pl

    if within_min < 0:
        raise ValueError(f"within_min must not be negative, got {within_min}")
    frame = _in_order(events, ["notification", "unlock", "app_focus"], ["app"])
    unlock, focus = (pl.when(pl.col("event_type") == t).then("us") for t in ("unlock", "app_focus"))
    frame = frame.with_columns(unlock_us=unlock.backward_fill().over("stream"))
    frame = frame.with_columns(focus_us=focus.backward_fill().over("stream", "app"))
    focus_us = pl.when(pl.col("app").is_not_null()).then("focus_us")
    waited_us = pl.min_horizontal("unlock_us", focus_us) - pl.col("us")
    is_unlock = (pl.col("unlock_us") <= focus_us).fill_null(focus_us.is_null())
    is_answered = waited_us <= round(within_min * US_PER_MIN)
    kind = pl.when(is_unlock).then(pl.lit("unlock")).otherwise(pl.lit("app_focus"))
    return frame.filter(pl.col("event_type") == "notification").select(
        "participant_id",
        "device_id",
        "event_id",
        pl.col("us").cast(events["ts"].dtype).alias("ts"),
        "app",
        pl.when(is_answered).then(in_units(US_PER_S, waited_us)).alias("response_s"),
        pl.when(is_answered).then(kind).alias("response_type"),
    )


def _in_order(events: "pl.DataFrame", types: Sequence[str], extra: Sequence[str] = ()) -> "pl.DataFrame":
    """Return the events of these types in order, at one instant in that of `types`.

    With us (ts in microseconds since 1970), stream (one device, from 0), instant (of one stream, from 0) and row.
    """
    import polars as pl

    needed = ["participant_id", "device_id", "ts", "event_id", "event_type", "row_number", *extra]
    absent = [c for c in needed if c not in events.columns]
    if absent:
        raise ValueError(f"events have no column {', '.join(absent)}: {', '.join(needed)} are expected")
    dtype = events["ts"].dtype
    if dtype not in (pl.Datetime("us", "UTC"), pl.Datetime("us")):
        raise ValueError(f"ts must be a Datetime in microseconds of UTC, got {dtype}")
    unknown = [c for c in ("participant_id", "ts") if events[c].null_count()]
    if unknown:
        raise ValueError(f"{' and '.join(unknown)} of some events are null: leave such rows out before the call")
    rank = {t: n for n, t in enumerate(types)}
    texts = [c for c in extra if c == "app"]
    kept = ["day"] if "day" in events.columns else []
    frame = events.lazy().select(*needed, *kept)
    frame = frame.with_columns(pl.col(c).cast(pl.String) for c in ("event_type", *texts))
    frame = frame.filter(pl.col("event_type").is_in(list(types))).with_columns(
        us=in_us("ts"), rank=pl.col("event_type").replace_strict(rank, return_dtype=pl.Int8)
    )
    order = ["participant_id", "device_id", "us", "rank", "row_number", "event_id", *extra]
    is_new = (pl.col("participant_id") != pl.col("participant_id").shift()).fill_null(True) | (
        pl.col("device_id").ne_missing(pl.col("device_id").shift())
    )
    is_later = is_new | (pl.col("us") != pl.col("us").shift())
    return (
        frame.sort(order)
        .with_columns(
            stream=is_new.cum_sum().cast(pl.Int64) - 1,
            instant=is_later.cum_sum().cast(pl.Int64) - 1,
            row=pl.int_range(pl.len(), dtype=pl.Int64),
        )
        .collect()
    )


def _pair(frame: "pl.DataFrame", reach_us: int) -> "pl.DataFrame":
    """Return openings and closings linked, where only a closing ends an episode; of an instant, openings are last.

    An instant with both leaves an open device open and a closed one closed, whichever comes first: so the state
    before it is that after the last instant without both.
    """
    import polars as pl

    meets = pl.col("is_opening") & ~pl.col("is_opening").shift(fill_value=True)
    meets &= pl.col("instant") == pl.col("instant").shift()
    both = frame.filter(meets.fill_null(False))["instant"]
    if both.len():
        plain = pl.when(~pl.col("instant").is_in(both.implode()))
        is_open = plain.then("is_opening").forward_fill()
        is_open &= plain.then("stream").forward_fill() == pl.col("stream")
        is_open &= pl.col("us") - plain.then("us").forward_fill() <= reach_us
        frame = frame.with_columns(opens_last=is_open.fill_null(False))
        frame = frame.sort("instant", pl.col("is_opening") == pl.col("opens_last"), "row", maintain_order=True)
    return _linked(frame, reach_us, ends_at_opening=False)


def _linked(frame: "pl.DataFrame", reach_us: int, *, ends_at_opening: bool) -> "pl.DataFrame":
    """Add to openings and closings in order what follows them, and their status."""
    import polars as pl

    before, after = (
        (pl.col("stream") == pl.col("stream").shift(n)) & ((pl.col("us") - pl.col("us").shift(n)).abs() <= reach_us)
        for n in (1, -1)
    )
    is_after, follows = before.fill_null(False), after.fill_null(False)
    is_ended = follows if ends_at_opening else follows & ~pl.col("is_opening").shift(-1, fill_value=True)
    opening = pl.when(is_ended).then(pl.lit("closed")).when(follows).then(pl.lit("repeated"))
    closing = pl.when(~is_after).then(pl.lit("unmatched")).when(pl.col("is_opening").shift()).then(pl.lit("used"))
    return frame.with_columns(
        status=pl.when("is_opening")
        .then(opening.otherwise(pl.lit("unclosed")))
        .otherwise(closing.otherwise(pl.lit("repeated"))),
        end_us=pl.when(is_ended).then(pl.col("us").shift(-1)),
        ended_by=pl.when(is_ended).then(pl.col("event_type").shift(-1)),
        end_event_id=pl.when(is_ended).then(pl.col("event_id").shift(-1)),
    )


def _episodes(
    linked: "pl.DataFrame",
    events: "pl.DataFrame",
    enders: Sequence[str],
    cap_min: float | None,
    besides: "pl.DataFrame",
) -> Episodes:
    """Return the episodes of linked openings and closings; `besides` are events that were left out of the linking."""
    import polars as pl

    if cap_min is not None and not cap_min >= 0:
        raise ValueError(f"cap_min must not be negative, got {cap_min}; None is no cap")
    dtype, length = events["ts"].dtype, pl.col("end_us") - pl.col("us")
    cap_us = FAR if cap_min is None else round(cap_min * US_PER_MIN)
    opened = linked.filter("is_opening").with_row_index("episode")
    table = opened.select(
        pl.col("episode").cast(pl.Int64),
        "participant_id",
        "device_id",
        pl.col("us").cast(dtype).alias("start_utc"),
        pl.col("end_us").cast(dtype).alias("end_utc"),
        length.alias("duration_us"),
        in_units(US_PER_MIN, length).alias("duration_min"),
        (length > cap_us).alias("is_over_cap"),
        "status",
        "ended_by",
        pl.col("event_id").alias("start_event_id"),
        "end_event_id",
        *(c for c in ("app", "planned_min", "day") if c in opened.columns),
    )
    side = pl.when("is_opening").then(pl.lit("openings_")).otherwise(pl.lit("closings_"))
    fates = pl.concat([linked, besides], how="diagonal").select(
        "participant_id",
        "device_id",
        pl.col("us").cast(dtype).alias("ts"),
        "event_id",
        "event_type",
        (side + pl.col("status")).replace("openings_closed", "openings_used").alias("rule"),
        *(["day"] if "day" in linked.columns else []),
    )
    account = dict.fromkeys(RULES, 0) | dict(fates["rule"].value_counts().rows())
    for whole in ("openings", "closings"):
        account[whole] = sum(n for rule, n in account.items() if rule.startswith(f"{whole}_"))
    account |= {f"ended_by_{t}": int((table["ended_by"] == t).sum()) for t in enders}
    account["episodes_over_cap"] = int(table["is_over_cap"].sum())
    account["episodes_zero_length"] = int((table["duration_us"] == 0).sum())
    return Episodes(table, fates, account)


def _reach_us(reach_min: float | None) -> int:
    if reach_min is not None and not reach_min > 0:
        raise ValueError(f"reach_min must be more than 0, got {reach_min}; None is without end")
    return FAR if reach_min is None else round(reach_min * US_PER_MIN)


def _is_app_of(rows: "pl.Series", frame: "pl.DataFrame", reach_us: int) -> "pl.Series":
    """Return whether these rows of the frame (-1: none) are of the device and app of the rows they stand in.

    And not further before them than within reach.
    """
    if frame.is_empty():
        return rows == 0
    there = frame.select("stream", "app", "us")[rows.clip(0)]
    is_same = (there["stream"] == frame["stream"]) & there["app"].eq_missing(frame["app"])
    return (rows >= 0) & is_same & (frame["us"] - there["us"] <= reach_us)


def _category(categories: Mapping[str, str]) -> "pl.Expr":
    import polars as pl

    if not categories:
        return pl.lit(None, pl.String)
    return pl.col("app").replace_strict(dict(categories), default=None, return_dtype=pl.String)


def _counts_within(things: "pl.DataFrame", sessions: "pl.DataFrame", names: list[str]) -> "pl.DataFrame":
    """Return how many things are after the start and before the end of each session that has one, by episode."""
    import polars as pl

    # running totals at both ends: a start is sorted after, an end before what happens at its instant
    timed = sessions.filter(pl.col("duration_us") > 0)
    marks = [
        timed.select("participant_id", us=in_us(column), side=pl.lit(side, pl.Int8), episode="episode")
        for column, side in (("start_utc", 2), ("end_utc", 0))
    ]
    line = pl.concat([things.with_columns(side=pl.lit(1, pl.Int8)), *marks], how="diagonal")
    line = line.sort("participant_id", "us", "side").with_columns(pl.col(names).fill_null(0).cum_sum())
    ends, starts = (line.filter(pl.col("side") == side).select("episode", *names) for side in (0, 2))
    counted = ends.join(starts, on="episode", suffix="_start")
    counted = counted.select("episode", *(pl.col(n) - pl.col(f"{n}_start") for n in names))
    empty = sessions.filter(pl.col("duration_us") == 0).select(
        "episode", *(pl.lit(0, pl.Int64).alias(n) for n in names)
    )
    return pl.concat([counted, empty])
