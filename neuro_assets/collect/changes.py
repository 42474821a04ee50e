"""What follows from a sample and what was known before it: pure, without a clock, a file or the machine.

A change bears the time of the sample that noticed it. What was open when looking ended (a gap, the end, something that
is told no longer) is closed at the last sample that saw it, so that no episode covers time nobody looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from neuro_assets.collect.samples import Sample
from neuro_assets.events.contract import EventType

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Rules:
    """How samples are read, in seconds.

    Attributes:
        every_s: between two samples.
        idle_after_s: without a key or the mouse for so long, the user is idle.
        alive_every_s: between two signs of life.
        slack_s: what clocks may differ by, and a sample be late, before it is a gap.
    """

    every_s: float = 60
    idle_after_s: float = 300
    alive_every_s: float = 900
    slack_s: float = 5


@dataclass(frozen=True)
class Change:
    """An event to be, without the person and the device."""

    at: datetime
    event_type: EventType
    app: str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Seen:
    """What a sample says of use; None is not told. `app` is empty where no program is in use."""

    app: str | None = None
    is_unlocked: bool | None = None
    is_screen_on: bool | None = None
    is_idle: bool | None = None


@dataclass(frozen=True)
class State:
    """What is known after a sample.

    Attributes:
        seen: what it said.
        seen_at: its wall clock.
        awake_s: its other clock, seconds.
        stamp: time of the last change; the next one is later, so that their order is in their times.
        alive_s: the other clock at the last sign of life.
        n_samples: samples since then.
    """

    seen: Seen
    seen_at: datetime
    awake_s: float
    stamp: datetime
    alive_s: float
    n_samples: int


_UNTOLD = Seen()
# What has an opening and a closing: (attribute of Seen, opening, closing), inner ones last.
_SWITCHES: tuple[tuple[str, EventType, EventType], ...] = (
    ("is_screen_on", "screen_on", "screen_off"),
    ("is_unlocked", "unlock", "lock"),
)


@dataclass
class _Log:
    """Changes in the order in which they are to be read: of one instant, each a microsecond after the other."""

    stamp: datetime | None = None
    changes: list[Change] = field(default_factory=list)

    def add(self, at: datetime, event_type: EventType, app: str | None = None, **metadata: object) -> None:
        if self.stamp is not None and at <= self.stamp:
            at = (self.stamp + _TICK).astimezone(at.tzinfo)
        self.stamp = at
        told = {k: v for k, v in metadata.items() if v is not None}
        self.changes.append(Change(at, event_type, app, told or None))

    def state(self, sample: Sample, seen: Seen, alive_s: float, n_samples: int) -> State:
        return State(seen, sample.at, sample.awake_s, self.stamp or sample.at, alive_s, n_samples)


def begin(sample: Sample, rules: Rules) -> tuple[State, list[Change]]:
    """The first sample: the collector started, and what is in use now."""
    log = _Log()
    tells = {name: getattr(sample, name) is not None for name in ("idle_s", "is_locked", "is_screen_on", "app")}
    log.add(sample.at, "custom", kind="collector_started", every_s=rules.every_s, tells=tells)
    seen = _seen(sample, rules)
    _change(log, _UNTOLD, seen, sample, "started")
    return log.state(sample, seen, sample.awake_s, 1), log.changes


def follow(state: State, sample: Sample, rules: Rules) -> tuple[State, list[Change]]:
    """The next sample: what is other than before. After a gap everything is closed where it was seen last.

    A gap is where the two clocks disagree by more than the slack (the machine slept, or its clock was set), or where
    the sample comes later than two intervals and the slack (the collector was held up).
    """
    wall_s = (sample.at - state.seen_at).total_seconds()
    awake_s = sample.awake_s - state.awake_s
    log, before, now = _Log(state.stamp), state.seen, _seen(sample, rules)
    alive_s, n_samples, because = state.alive_s, state.n_samples + 1, "told"
    if abs(wall_s - awake_s) > rules.slack_s or awake_s > 2 * rules.every_s + rules.slack_s:
        _close(log, before, _UNTOLD, state.seen_at, "gap")
        if sample.at < state.stamp:
            log.stamp = None  # the clock was set back
        log.add(sample.at, "custom", kind="gap", wall_s=round(wall_s, 3), awake_s=round(awake_s, 3))
        before, because, alive_s, n_samples = _UNTOLD, "gap", sample.awake_s, 1
    _close(log, before, now, state.seen_at, "not_told")
    _change(log, before, now, sample, because)
    if sample.awake_s - alive_s >= rules.alive_every_s:
        log.add(sample.at, "custom", kind="collector_alive", n_samples=n_samples)
        alive_s, n_samples = sample.awake_s, 0
    return log.state(sample, now, alive_s, n_samples), log.changes


def end(state: State, at: datetime | None, because: str = "stopped") -> list[Change]:
    """Everything is closed where it was seen last, and the collector stopped.

    Args:
        state: what was known last.
        at: when it stopped; None if that is not known: it was killed after the last sample.
        because: what the closings say.
    """
    log = _Log(state.stamp)
    _close(log, state.seen, _UNTOLD, state.seen_at, because)
    log.add(at or state.seen_at, "custom", kind="collector_stopped", because=because)
    return log.changes


def _seen(sample: Sample, rules: Rules) -> Seen:
    is_hidden = sample.is_locked is True or sample.is_screen_on is False
    return Seen(
        app="" if is_hidden else sample.app,
        is_unlocked=None if sample.is_locked is None else not sample.is_locked,
        is_screen_on=sample.is_screen_on,
        is_idle=None if sample.idle_s is None else sample.idle_s >= rules.idle_after_s,
    )


def _close(log: _Log, before: Seen, now: Seen, at: datetime, because: str) -> None:
    """What was open and is told no longer."""
    if before.app and now.app is None:
        log.add(at, "app_blur", before.app, because=because)
    for name, _, closing in reversed(_SWITCHES):
        if getattr(before, name) and getattr(now, name) is None:
            log.add(at, closing, because=because)


def _change(log: _Log, before: Seen, now: Seen, sample: Sample, because: str) -> None:
    """What is told and is other than before; what was not told before says why it begins."""
    at = sample.at
    if before.app and now.app is not None and now.app != before.app:
        log.add(at, "app_blur", before.app)
    for name, _, closing in reversed(_SWITCHES):
        if getattr(before, name) and getattr(now, name) is False:
            log.add(at, closing)
    for name, opening, _ in _SWITCHES:
        if getattr(now, name) and not getattr(before, name):
            log.add(at, opening, because=because if getattr(before, name) is None else None)
    if now.app and now.app != before.app:
        log.add(at, "app_focus", now.app, because=because if before.app is None else None)
    if now.is_idle != before.is_idle:
        kind = "user_unknown" if now.is_idle is None else "user_idle" if now.is_idle else "user_active"
        log.add(at, "custom", kind=kind, idle_s=None if sample.idle_s is None else round(sample.idle_s, 3))
