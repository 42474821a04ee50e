"""When people sleep, and the sessions that come of it: nights, naps, logs by hand. Not: who may see them when."""

from dataclasses import dataclass

import numpy as np

from neuro_assets.simulate.google_health.people import Person, generator

HALF_MIN_S = 30
NAP_SHARE, MANUAL_SHARE = 0.08, 0.5
NIGHT_OFF_SHARE, DAY_OFF_SHARE = 0.05, 0.03
Stage = tuple[int, int, str]
"""Start and end in seconds since the epoch, and the type."""


@dataclass(frozen=True)
class Session:
    """One sleep. `how` is night, nap or manual; the stages cover it without gaps; `short` lie over them."""

    id: str
    how: str
    from_s: int
    until_s: int
    is_staged: bool
    stages: tuple[Stage, ...]
    short: tuple[Stage, ...]


def is_day_off(seed: int, person: Person, day: int) -> bool:
    """Whether the tracker lies in a drawer for the whole day."""
    return bool(generator(seed, "drawer", person.number, day).random() < DAY_OFF_SHARE)


def in_bed(seed: int, person: Person, day: int) -> tuple[int, int, bool]:
    """From when until when the night before a day lasts, and whether the tracker is worn in it."""
    rng = generator(seed, "night", person.number, day)
    begins = rng.normal(60 * person.bedtime_h, 25)
    lasts = min(600.0, max(240.0, rng.normal(person.sleep_min, 32))) / rng.uniform(0.9, 0.97)
    from_s = person.track.start_of(day) + HALF_MIN_S * round(2 * begins)
    is_worn = rng.random() >= NIGHT_OFF_SHARE and not is_day_off(seed, person, day)
    return from_s, from_s + HALF_MIN_S * round(2 * lasts), is_worn


def nap(seed: int, person: Person, day: int) -> tuple[int, int] | None:
    """An afternoon's nap, on some days."""
    rng = generator(seed, "nap", person.number, day)
    if rng.random() >= NAP_SHARE or is_day_off(seed, person, day):
        return None
    from_s = person.track.start_of(day) + HALF_MIN_S * int(rng.integers(14 * 120, 16 * 120))
    return from_s, from_s + HALF_MIN_S * int(rng.integers(50, 160))


def sessions(seed: int, person: Person, day: int, revision: int = 0) -> list[Session]:
    """Sleeps that end on a day. A later revision has other stages and an end some minutes off, with the same id."""
    found = []
    from_s, until_s, is_worn = in_bed(seed, person, day)
    rng = generator(seed, "stages", person.number, day, revision)
    if revision and is_worn:
        until_s += HALF_MIN_S * int(rng.integers(-20, 21))
    if is_worn:
        stages = _classic(rng, from_s, until_s) if person.is_classic else _cycles(rng, from_s, until_s)
        short = () if person.is_classic else _short(rng, stages)
        found.append(Session(_id(person, day, 0), "night", from_s, until_s, not person.is_classic, stages, short))
    elif person.has_manual_sleep and generator(seed, "logs", person.number, day).random() < MANUAL_SHARE:
        stage = ((from_s, until_s, "ASLEEP"),)
        found.append(Session(_id(person, day, 2), "manual", from_s, until_s, False, stage, ()))
    if (span := nap(seed, person, day)) is not None:
        found.append(Session(_id(person, day, 1), "nap", *span, False, _classic(rng, *span), ()))
    return found


def _id(person: Person, day: int, which: int) -> str:
    return str(10**18 + person.number * 10**9 + day * 10 + which)


def _cycles(rng: np.random.Generator, from_s: int, until_s: int) -> tuple[Stage, ...]:
    plan = [("AWAKE", int(rng.integers(2, 20)))]
    length, total = plan[0][1], (until_s - from_s) // HALF_MIN_S
    while length < total:
        cycle = [("LIGHT", rng.integers(20, 70)), ("DEEP", rng.integers(12, 60)), ("LIGHT", rng.integers(10, 50))]
        cycle.append(("REM", rng.integers(14, 60)))
        if rng.random() < 0.4:
            cycle.append(("AWAKE", rng.integers(7, 16)))
        plan += [(kind, int(n)) for kind, n in cycle]
        length += sum(int(n) for _, n in cycle)
    return _laid_out(plan, from_s, until_s)


def _classic(rng: np.random.Generator, from_s: int, until_s: int) -> tuple[Stage, ...]:
    plan, length, total = [], 0, (until_s - from_s) // HALF_MIN_S
    while length < total:
        part = [("ASLEEP", 2 * int(rng.integers(12, 60))), ("RESTLESS", 2 * int(rng.integers(1, 4)))]
        if rng.random() < 0.1:
            part.append(("AWAKE", 2 * int(rng.integers(1, 4))))
        plan += part
        length += sum(n for _, n in part)
    return _laid_out(plan, from_s, until_s)


def _laid_out(plan: list[tuple[str, int]], from_s: int, until_s: int) -> tuple[Stage, ...]:
    at, stages = from_s, []
    for kind, halves in plan:
        end = min(until_s, at + HALF_MIN_S * halves)
        if end > at:
            stages.append((at, end, kind))
        at = end
    return tuple(stages)


def _short(rng: np.random.Generator, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """Awakenings of at most three minutes within longer stages of sleep."""
    found = []
    for from_s, until_s, kind in stages:
        room = (until_s - from_s) // HALF_MIN_S
        if kind == "AWAKE" or room < 16 or rng.random() < 0.5:
            continue
        length = int(rng.integers(1, 7))
        start = from_s + HALF_MIN_S * int(rng.integers(1, room - length))
        found.append((start, start + HALF_MIN_S * length, "AWAKE"))
    return tuple(found)
