"""What was true of the use of phones, and what of it follows from the exports by the rules of docs/episodes.md.

Computed here anew from the events, by nothing of the package's own episodes: an opening and the closing that is the
very next event of its kind make an episode; what is further apart than 12 hours, or longer than a cap, does not count.
"""

import numpy as np
import polars as pl

from neuro_assets.simulate.arrays import Bools, Ints
from neuro_assets.simulate.minutes.phone_events import KINDS, PhoneEvents
from neuro_assets.simulate.minutes.wall import MINUTE_MS

REACH_MS, SCREEN_CAP_MS, APP_CAP_MS = 720 * MINUTE_MS, 360 * MINUTE_MS, 300 * MINUTE_MS
_EMPTY = np.zeros(0, dtype=np.int64)


def phone_tables(events: PhoneEvents) -> dict[str, pl.DataFrame]:
    """The tables of a block of people, by name."""
    return {
        "screen_episodes": _screen_episodes(events),
        "screen_days": _screen_days(events),
        "app_days": _app_days(events),
        "focus": _focus(events),
    }


def _names(events: PhoneEvents, row: Ints) -> np.ndarray:
    return events.use.study.cohort.people.participant_id[events.use.wall.first + row]


def _codes(*kinds: str) -> list[int]:
    return [KINDS.index(kind) for kind in kinds]


def _paired(events: PhoneEvents, at: Ints, opens: Bools, cap_ms: int) -> tuple[Ints, Ints]:
    """Of events in order, those that begin an episode, and those that end it: always the very next one."""
    one, other = at[:-1], at[1:]
    length = events.at_ms[other] - events.at_ms[one]
    is_pair = opens[:-1] & (events.row[one] == events.row[other]) & (length <= min(REACH_MS, cap_ms))
    return one[is_pair], other[is_pair]


def _recorded_uses(events: PhoneEvents) -> tuple[Ints, Ints]:
    at = np.flatnonzero(events.is_recorded & np.isin(events.kind, _codes("unlock", "screen_off", "lock")))
    opens = events.kind[at] == KINDS.index("unlock")
    begin, end = _paired(events, at, opens, SCREEN_CAP_MS)
    is_ended = events.kind[end] != KINDS.index("unlock")
    return begin[is_ended], end[is_ended]


def _recorded_fronts(events: PhoneEvents) -> tuple[Ints, Ints]:
    """A program is in front until it leaves, another comes, or the screen goes off."""
    focus, blur = _codes("app_focus", "app_blur")
    at = np.flatnonzero(events.is_recorded & np.isin(events.kind, [focus, blur, *_codes("screen_off", "lock")]))
    is_focus = events.kind[at] == focus
    last = np.maximum.accumulate(np.where(is_focus, np.arange(len(at)), -1))
    in_front = at[last.clip(0)] if len(at) else at
    is_own = (last >= 0) & (events.row[in_front] == events.row[at]) & (events.app[in_front] == events.app[at])
    at = at[(events.kind[at] != blur) | is_own]
    return _paired(events, at, events.kind[at] == focus, APP_CAP_MS)


def _seconds(total_ms: np.ndarray) -> np.ndarray:
    return total_ms / 1_000


def _by_day(events: PhoneEvents, row: Ints, start_ms: Ints, until_ms: Ints) -> Ints:
    """Milliseconds within each local day (N x D)."""
    days = events.use.study.plan.days
    which, day, length = events.use.wall.pieces(row, start_ms, until_ms)
    size = len(events.use.is_off) * days
    return np.bincount(row[which] * days + day, length, size).astype(np.int64).reshape(-1, days)


def _screen_episodes(events: PhoneEvents) -> pl.DataFrame:
    use, uses, wall = events.use, events.use.uses, events.use.wall
    begin, _ = _recorded_uses(events)
    known = np.unique(_instant(events.row[begin], events.at_ms[begin]))
    return pl.DataFrame(
        {
            "participant_id": _names(events, uses.row),
            "from_utc": wall.utc(uses.start_ms),
            "until_utc": wall.utc(uses.until_ms),
            "from_local": wall.local(uses.row, uses.start_ms),
            "until_local": wall.local(uses.row, uses.until_ms),
            "is_off_lost": use.is_off_lost,
            "is_recorded": np.isin(_instant(uses.row, uses.start_ms), known),
        }
    )


def _instant(row: Ints, at_ms: Ints) -> Ints:
    return row * np.int64(2**45) + at_ms


def _screen_days(events: PhoneEvents) -> pl.DataFrame:
    use, days = events.use, events.use.study.plan.days
    shape, cohort = use.is_off.shape, use.study.cohort
    begin, end = _recorded_uses(events)

    def count(kind: str | None = None, *, recorded: bool = False) -> Ints:
        at = np.flatnonzero(events.is_recorded if recorded else np.ones(len(events), dtype=np.bool_))
        at = at if kind is None else at[events.kind[at] == KINDS.index(kind)]
        return np.bincount(events.row[at] * days + events.day[at], minlength=use.is_off.size).reshape(shape)

    first, last = (day[use.wall.first : use.wall.last, None] for day in (cohort.first_day, cohort.last_day))
    row, day = np.nonzero((np.arange(days) >= first) & (np.arange(days) <= last))
    columns = {
        "screen_s": _seconds(_by_day(events, use.uses.row, use.uses.start_ms, use.uses.until_ms)),
        "recorded_screen_s": _seconds(_by_day(events, events.row[begin], events.at_ms[begin], events.at_ms[end])),
        "unlocks": count("unlock"),
        "recorded_unlocks": count("unlock", recorded=True),
        "recorded_episodes": np.bincount(
            events.row[begin] * days + events.day[begin], minlength=use.is_off.size
        ).reshape(shape),
        "notifications": count("notification"),
        "recorded_notifications": count("notification", recorded=True),
        "focus_s": _seconds(_by_day(events, use.focus.row, use.focus.start_ms, use.focus.until_ms)),
        "recorded_events": count(recorded=True),
        "phone_off": use.is_off,
    }
    told = {"participant_id": _names(events, row), "day": use.study.clocks.days[0] + day}
    return pl.DataFrame(told | {name: values[row, day] for name, values in columns.items()})


def _app_days(events: PhoneEvents) -> pl.DataFrame:
    """Of each program that was in front on a day, or seems to have been."""
    use, days, apps = events.use, events.use.study.plan.days, events.use.study.plan.events.apps
    size = use.is_off.size * max(1, len(apps))

    def total(row: Ints, app: Ints, start_ms: Ints, until_ms: Ints) -> Ints:
        which, day, length = use.wall.pieces(row, start_ms, until_ms)
        key = (row[which] * days + day) * len(apps) + app[which]
        return np.bincount(key, length, size).astype(np.int64)

    begin, end = _recorded_fronts(events)
    true_ms = total(use.fronts.row, use.app_of_front, use.fronts.start_ms, use.fronts.until_ms)
    recorded_ms = total(events.row[begin], events.app[begin], events.at_ms[begin], events.at_ms[end])
    at = np.flatnonzero(true_ms + recorded_ms)
    row_and_day, app = np.divmod(at, max(1, len(apps)))
    row, day = np.divmod(row_and_day, days)
    return pl.DataFrame(
        {
            "participant_id": _names(events, row),
            "day": use.study.clocks.days[0] + day,
            "app": pl.Series([a.name for a in apps], dtype=pl.String).gather(pl.Series(app)),
            "category": pl.Series([a.category for a in apps], dtype=pl.String).gather(pl.Series(app)),
            "app_s": _seconds(true_ms[at]),
            "recorded_app_s": _seconds(recorded_ms[at]),
        }
    )


def _focus(events: PhoneEvents) -> pl.DataFrame:
    """Focus sessions, what happened in them, and whether both of their ends are in the exports."""
    use, focus = events.use, events.use.focus
    apps = use.study.plan.events
    distracts = np.array([a.category in apps.distracting for a in apps.apps], dtype=np.bool_)
    opened = np.flatnonzero(distracts[use.app_of_front]) if len(distracts) else _EMPTY
    happened = {
        "unlocks": (use.uses.row, use.uses.start_ms),
        "notifications": (use.notified_row, use.notified_ms),
        "distracting": (use.fronts.row[opened], use.fronts.start_ms[opened]),
    }
    since, until = _instant(focus.row, focus.start_ms), _instant(focus.row, focus.until_ms)

    def within(row: Ints, at_ms: Ints) -> Ints:
        keys = _instant(row, at_ms)
        return np.searchsorted(keys, until, side="left") - np.searchsorted(keys, since, side="right")

    def is_told(kind: str) -> Bools:
        at = events.is_recorded & (events.kind == KINDS.index(kind))
        instants = _instant(focus.row, focus.start_ms if kind == "focus_start" else focus.until_ms)
        return np.isin(instants, _instant(events.row[at], events.at_ms[at]))

    return pl.DataFrame(
        {
            "participant_id": _names(events, focus.row),
            "from_utc": use.wall.utc(focus.start_ms),
            "until_utc": use.wall.utc(focus.until_ms),
            "from_local": use.wall.local(focus.row, focus.start_ms),
            "planned_min": use.planned_min,
            **{name: within(*told) for name, told in happened.items()},
            "is_recorded": is_told("focus_start") & is_told("focus_stop"),
        }
    )
