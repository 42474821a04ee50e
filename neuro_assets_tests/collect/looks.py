"""Samples written by hand: a morning in New York, in minutes after eight."""

from datetime import datetime, timedelta, timezone
from typing import Any

from neuro_assets.collect.changes import Change, Rules, State, begin, follow
from neuro_assets.collect.samples import Sample

EIGHT = datetime(2026, 6, 1, 8, tzinfo=timezone(timedelta(hours=-4)))
RULES = Rules(every_s=60, idle_after_s=300)


def look(minute: float, *, awake_min: float | None = None, **told: Any) -> Sample:
    """A sample at that minute of the wall clock; the other clock says the same, or `awake_min`."""
    awake = minute if awake_min is None else awake_min
    return Sample(at=EIGHT + timedelta(minutes=minute), awake_s=1_000 + 60 * awake, **told)


def told_by(*samples: Sample, rules: Rules = RULES) -> tuple[State, list[Change]]:
    """What follows from samples, and what is known after the last one."""
    state, changes = begin(samples[0], rules)
    for sample in samples[1:]:
        state, more = follow(state, sample, rules)
        changes += more
    return state, changes


def lines(changes: list[Change]) -> list[str]:
    """Each change as "08:01 app_focus mail because=started", times to the microsecond where they are not round."""
    found = []
    for change in changes:
        at = change.at.strftime("%H:%M:%S.%f").removesuffix(".000000").removesuffix(":00")
        said = [f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in (change.metadata or {}).items()]
        found.append(" ".join([at, change.event_type, *([change.app] if change.app else []), *said]))
    return found
