"""What phones tell, as events of the contract (docs/events.md): which are lost, sent twice, late, out of place.

Belongs here: events and the lines of the files. What happened is in `phones`, what was true of it in `phone_truth`.
"""

import json
from dataclasses import dataclass

import numpy as np
import polars as pl

from neuro_assets.simulate.arrays import Bools, Ints
from neuro_assets.simulate.minutes.phones import PhoneUse
from neuro_assets.simulate.minutes.wall import MINUTE_MS

KINDS = (
    "screen_on",
    "unlock",
    "app_focus",
    "notification",
    "focus_start",
    "focus_stop",
    "app_blur",
    "screen_off",
    "lock",
)
"""At one instant in this order."""
SCREEN_ON_BEFORE_MS, LOCK_AFTER_MS = (600, 2_500), (50, 4_000)
DISPLACED_MS, AGAIN_MS = 6 * 60 * MINUTE_MS, 30 * MINUTE_MS
"""An event out of order, and the second of two equal ones, stand as far away as others do that long after it."""
NEVER = 2**31


@dataclass(frozen=True)
class PhoneEvents:
    """What the phones of a block tell (E), by person, then time.

    `kind` indexes `KINDS`; `app` and `planned_min` are -1 where there is none; `number` counts a person's events.
    `export` is the first one that holds it, `NEVER` where none does. `day` is the local date. The files have it at
    `place_ms`, and again at `again_ms` where that is not negative.
    """

    use: PhoneUse
    row: Ints
    at_ms: Ints
    kind: Ints
    app: Ints
    planned_min: Ints
    number: Ints
    day: Ints
    export: Ints
    place_ms: Ints
    again_ms: Ints

    def __len__(self) -> int:
        return len(self.row)

    @property
    def is_recorded(self) -> Bools:
        """Whether any export holds it."""
        return self.export != NEVER

    def held(self, export: int) -> Bools:
        """Whether an export holds it: all that arrived since the one before it, and what it repeats of older days."""
        is_repeated = (self.export < export) & (self.day >= self.use.study.exports.since_day[export])
        return (self.export == export) | is_repeated


def events_of(use: PhoneUse) -> PhoneEvents:
    """The events of people, without those that are lost on the phone."""
    parts = _told(use)
    row, at, kind, app, planned = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort([kind, at, row])
    row, at, kind, app, planned = (column[order] for column in (row, at, kind, app, planned))
    day = use.wall.date(row, at)
    first = np.searchsorted(row, np.arange(len(use.is_off)))
    plan, events = use.study.plan, use.study.plan.events
    late, place, again = [], [], []
    for n, end in enumerate(np.append(first[1:], len(row))):
        own = at[first[n] : end]
        rng = plan.generator("phone defects", use.wall.first + n)
        late.append(plan.generator("phone late", use.wall.first + n).random(plan.days) < events.late)
        is_out, shift = rng.random(len(own)) < events.out_of_order, rng.integers(MINUTE_MS, DISPLACED_MS, len(own))
        place.append(own + np.where(is_out, np.where(rng.random(len(own)) < 0.5, shift, -shift), 0))
        is_again, after = rng.random(len(own)) < events.duplicates, rng.integers(0, AGAIN_MS, len(own))
        again.append(np.where(is_again, own + after, -1))
    taken_ms = use.study.exports.taken_min * MINUTE_MS
    export = np.searchsorted(taken_ms, at) + np.stack(late)[row, day]
    return PhoneEvents(
        use=use,
        row=row,
        at_ms=at,
        kind=kind,
        app=app,
        planned_min=planned,
        number=np.arange(len(row)) - first[row] + 1,
        day=day,
        export=np.where(export < len(taken_ms), export, NEVER),
        place_ms=np.concatenate(place),
        again_ms=np.concatenate(again),
    )


def _told(use: PhoneUse) -> list[tuple[Ints, ...]]:
    """Row, instant, kind, app and planned minutes of every event that is told."""
    parts: list[tuple[Ints, ...]] = []

    def add(kind: str, row: Ints, at_ms: Ints, app: Ints | None = None, planned_min: Ints | None = None) -> None:
        nothing = np.full(len(row), -1)
        code = np.full(len(row), KINDS.index(kind))
        parts.append((row, at_ms, code, nothing if app is None else app, _or(planned_min, nothing)))

    uses, fronts, focus = use.uses, use.fronts, use.focus
    on_ms, lock_ms = _around(use)
    has_screen, is_told = use.tells_all[uses.row], ~use.is_off_lost
    add("screen_on", uses.row[has_screen], (uses.start_ms - on_ms)[has_screen])
    add("unlock", uses.row, uses.start_ms)
    goes_off = has_screen & is_told
    add("screen_off", uses.row[goes_off], uses.until_ms[goes_off])
    # A phone that tells nothing of its screen tells the lock at the end; others some time after it.
    add("lock", uses.row[is_told], (uses.until_ms + np.where(has_screen, lock_ms, 0))[is_told])
    add("app_focus", fronts.row, fronts.start_ms, use.app_of_front)
    blurs = use.tells_all[fronts.row]
    add("app_blur", fronts.row[blurs], fronts.until_ms[blurs], use.app_of_front[blurs])
    add("notification", use.notified_row, use.notified_ms, use.notified_app)
    add("focus_start", focus.row, focus.start_ms, planned_min=use.planned_min)
    add("focus_stop", focus.row, focus.until_ms)
    return parts


def _or(values: Ints | None, nothing: Ints) -> Ints:
    return nothing if values is None else values


def _around(use: PhoneUse) -> tuple[Ints, Ints]:
    """How long before a use the screen goes on, and how long after it the phone is locked."""
    own = np.bincount(use.uses.row, minlength=len(use.is_off))
    parts = []
    for n, count in enumerate(own):
        rng = use.study.plan.generator("phone screen", use.wall.first + n)
        parts.append((rng.integers(*SCREEN_ON_BEFORE_MS, count), rng.integers(*LOCK_AFTER_MS, count)))
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def lines_of(events: PhoneEvents, export: int) -> tuple[pl.Series, int]:
    """The lines of an export's file, each a JSON object, and how many are the second of two equal ones."""
    at = np.flatnonzero(events.held(export))
    again = at[events.again_ms[at] >= 0]
    which = np.concatenate([at, again])
    place = np.concatenate([events.place_ms[at], events.again_ms[again]])
    which = which[np.lexsort([place, events.row[which]])]
    return _spelled(events, which), len(again)


def _spelled(events: PhoneEvents, at: Ints) -> pl.Series:
    use, row = events.use, events.row[at]
    people = pl.Series(use.study.cohort.people.participant_id[use.wall.first : use.wall.last].tolist())
    apps = pl.Series([f'"app": {json.dumps(app.name)}, ' for app in use.study.plan.events.apps] or [""])
    app = events.app[at]
    frame = pl.DataFrame(
        {
            "who": people.gather(pl.Series(row)),
            "local": use.wall.local(row, events.at_ms[at]),
            "offset": use.wall.offset_min(row, events.at_ms[at]),
            "kind": pl.Series(KINDS).gather(pl.Series(events.kind[at])),
            "app": apps.gather(pl.Series(app.clip(0))),
            "has_app": app >= 0,
            "planned": events.planned_min[at],
            "number": events.number[at],
            "has_id": use.has_ids[row],
            "has_device": use.tells_all[row],
        }
    )
    sign = pl.when(pl.col("offset") < 0).then(pl.lit("-")).otherwise(pl.lit("+"))
    east = pl.col("offset").abs()
    clock = [(east // 60).cast(pl.String).str.zfill(2), pl.lit(":"), (east % 60).cast(pl.String).str.zfill(2)]
    parts = [
        pl.lit("{"),
        _if("has_id", pl.format('"event_id": "{}-{}", ', "who", "number")),
        pl.format('"user_id": "{}", "timestamp": "', "who"),
        pl.col("local").dt.strftime("%Y-%m-%dT%H:%M:%S%.3f"),
        sign,
        *clock,
        pl.format('", "event_type": "{}", ', "kind"),
        _if("has_app", pl.col("app")),
        _if("has_device", pl.format('"device_id": "phone-{}", ', "who")),
        _if(pl.col("planned") >= 0, pl.concat_str(pl.lit('"metadata": {"planned_min": '), "planned", pl.lit("}, "))),
        pl.lit('"schema_version": 1}'),
    ]
    return frame.select(line=pl.concat_str(parts)).to_series()


def _if(condition: str | pl.Expr, text: pl.Expr) -> pl.Expr:
    is_so = pl.col(condition) if isinstance(condition, str) else condition
    return pl.when(is_so).then(text).otherwise(pl.lit(""))
