"""Whatever comes in whatever order, and whichever days are asked for together: the tables are those of all at once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from neuro_assets.checks.events import event_check_results
from neuro_assets.partitions import DayRange
from neuro_assets.sessions.compute import Span
from neuro_assets_tests.sessions.conftest import Event, Planted

SEEDS = [2, *(pytest.param(n, marks=pytest.mark.verify) for n in range(15) if n != 2)]
SCREEN, APPS = ("screen_on", "screen_off", "unlock", "lock"), ("app_focus", "app_blur")
FOCUS = ("focus_start", "focus_stop")
KINDS = (*SCREEN, *APPS, *FOCUS, "notification", "custom")
BEGIN = datetime(2020, 3, 5, 12, tzinfo=UTC)
WINDOW = {"start": date(2020, 3, 1), "end": date(2020, 3, 16)}
# One over a change of the clock, two who travel far, one whose zone is known from a day on, one without.
PEOPLE = [
    {"participant_id": "home", "zones": [{"zone": "America/New_York"}]},
    {
        "participant_id": "west",
        "zones": [{"zone": "Asia/Tokyo"}, {"since": date(2020, 3, 8), "zone": "Pacific/Honolulu"}],
    },
    {
        "participant_id": "east",
        "zones": [{"zone": "Pacific/Honolulu"}, {"since": date(2020, 3, 8), "zone": "Asia/Tokyo"}],
    },
    {"participant_id": "late", "zones": [{"since": date(2020, 3, 9), "zone": "Europe/London"}]},
    {"participant_id": "free"},
]
RULES = {"categories": {"chat": "social"}, "distracting": ["social"], "screen_cap_min": 100, "response_within_min": 720}
GAPS_MIN = (0, 0, 0, 0, 1, 5, 30, 240, 700, 719, 720, 721, 1440)


def clock_of(rng: Random, who: str, at: datetime) -> str | int:
    """What staging places an event by."""
    if who in {"home", "too"}:
        return "America/New_York"
    if who == "late" and at >= datetime(2020, 3, 9, tzinfo=UTC):
        return "Europe/London"
    if who == "west":
        return "Asia/Tokyo" if at < datetime(2020, 3, 7, 15, tzinfo=UTC) else "Pacific/Honolulu"
    if who == "east":
        return "Pacific/Honolulu" if at < datetime(2020, 3, 8, 10, tzinfo=UTC) else "Asia/Tokyo"
    return rng.choice([-660, 0, 0, 0, 330, 840])


def random_events(rng: Random, people: Sequence[str]) -> list[Event]:
    """Many events at one instant, whole chains of openings and closings, silences of about the reach."""
    found: list[Event] = []
    for who in people:
        kinds = rng.choice([KINDS, ("unlock", "lock"), (*APPS, "lock"), FOCUS])
        at = BEGIN
        for _ in range(rng.randint(20, 60)):
            at += timedelta(minutes=rng.choice(GAPS_MIN))
            if at > BEGIN + timedelta(days=6):
                break
            kind, clock = rng.choice(kinds), clock_of(rng, who, at)
            app = rng.choice(["chat", "mail", None]) if kind.startswith(("app", "not")) else None
            found.append(
                Event(
                    who,
                    at,
                    kind,
                    app,
                    rng.choice(["a", "a", "b", None]),
                    clock,
                    f"e{len(found):03}",
                    number=rng.randint(1, 3),
                )
            )
    return found


def runs(rng: Random, days: set[date]) -> Iterator[tuple[date, date]]:
    """The days in runs of days side by side, cut anywhere, in any order."""
    found: list[list[date]] = []
    for one in sorted(days):
        if found and found[-1][-1] == one - timedelta(days=1) and rng.random() < 0.5:
            found[-1].append(one)
        else:
            found.append([one])
    rng.shuffle(found)
    for run in found:
        yield run[0], run[-1]


def take_away(study: Planted, events: list[Event]) -> None:
    with study.job.lake.transaction(study.connection, ["staging.event"]):
        study.connection.execute(
            "DELETE FROM staging.event WHERE event_id IN (SELECT unnest(?))", [[e.id for e in events]]
        )


@pytest.mark.verify
@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_and_any_runs_of_days_give_what_all_at_once_gives(planted, seed: int):
    rng = Random(seed)
    # Where all are in one zone, nothing more is read and written than the reach asks for.
    everywhere = seed % 3 == 0
    people = [p["participant_id"] for p in PEOPLE] if everywhere else ["home", "home", "too"]
    events = random_events(rng, people)
    study = {"default_time_zone": None, "people": PEOPLE, "window": WINDOW, "events": RULES}
    if not everywhere:
        study |= {"default_time_zone": "America/New_York", "people": [], "auto_enrol": True}
    whole = planted(**study)
    whole.put(events)
    whole.sessionise(WINDOW["start"], WINDOW["end"])
    at_once = whole.tables()
    assert at_once["episode_account"]
    assert [r for r in event_check_results(whole.connection, DayRange(*WINDOW.values())) if not r.passed] == []
    parts = planted(**study)
    # Some come first as something else, and are taken away when they come as what they are.
    wrong = [replace(e, id=f"w{e.id}", at=e.at + timedelta(minutes=7)) for e in rng.sample(events, len(events) // 5)]
    if seed % 2:
        # Each day for itself, and nothing touches it again: what it changes in others must follow from it alone.
        wrong = []
        days = sorted({e.day for e in events})
        deliveries = [[e for e in events if e.day == one] for one in rng.sample(days, len(days))]
    else:
        pool = rng.sample(events, len(events))
        size = max(1, len(pool) // rng.randint(1, 3))
        deliveries = [pool[n : n + size] for n in range(0, len(pool), size)]
    for n, delivery in enumerate(deliveries):
        came = delivery + (wrong if n == 0 else [])
        parts.put(came)
        touched = {e.day for e in came}
        if n == len(deliveries) - 1:
            if n == 0:
                for first, last in runs(rng, touched):
                    parts.sessionise(first, last)
            take_away(parts, wrong)
            touched |= {e.day for e in wrong}
        for first, last in runs(rng, touched):
            parts.sessionise(first, last)
    found = parts.tables()
    for name, rows in at_once.items():
        assert found[name] == rows, name


def test_how_far_is_read_and_written_in_new_york():
    """12 hours before and 24 after a day; 24 before and 12 after what is written."""
    span = Span.of(date(2020, 6, 10), date(2020, 6, 10), -240, -240)
    assert (span.first, span.last) == (date(2020, 6, 9), date(2020, 6, 11))
    assert span.since == datetime(2020, 6, 8, 4, tzinfo=UTC)
    assert span.until == datetime(2020, 6, 12, 16, tzinfo=UTC)
    assert span.read == (date(2020, 6, 8), date(2020, 6, 12))
    # with people from one end of the world to the other, no day is left out
    wide = Span.of(date(2020, 6, 10), date(2020, 6, 10), -720, 840)
    assert (wide.first, wide.last) == (date(2020, 6, 8), date(2020, 6, 13))
