"""What brings an account up to date: a delta does, whichever days it asks for; days that somebody names do not."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from neuro_assets.coverage.pulls import BrokenType, read_broken
from neuro_assets.coverage.roster import Person, roster
from neuro_assets_tests.coverage.conftest import FIRST, Planted, day
from neuro_assets_tests.coverage.pulled import Line, pulling, put_pulls
from neuro_assets_tests.coverage.test_pulls import at, lines
from neuro_assets_tests.coverage.test_worklist import on

STEPS = ("steps",)
FAILED = ("failed", "server_error")
LEFT = {"left": on(8)}


def failing(since: int, until: int, complete_from: int = 1) -> list[Line]:
    """Complete up to a day, and not from it on."""
    return [*lines(STEPS, complete_from, since - 1, "complete"), *lines(STEPS, since, until, *FAILED)]


# Who is pulled at 5:30 each day.
STORIES: dict[str, list[Line]] = {
    "old day": failing(6, 12),
    "today": failing(6, 12),
    "days to come": failing(6, 12),
    "never read": failing(3, 12, 3),
    "left": [*failing(6, 9), *lines(STEPS, 11, 11, *FAILED)],
    "only backfilled": [],
    "gone": [*lines(STEPS, 1, 5, "complete"), *lines(STEPS, 6, 12, "needs_reconsent", "scope_missing")],
    "refused": failing(6, 12),
}
# Noon of which day, and the last of the days that somebody asked for then: all of them were read.
BACKFILLS: dict[str, tuple[int, date]] = {
    "old day": (12, on(2)),
    "today": (9, on(9)),
    "days to come": (9, on(20)),
    "never read": (12, on(1)),
    "only backfilled": (9, on(9)),
    "gone": (12, on(2)),
}


@pytest.fixture(scope="module")
def study(planted: Callable[..., Planted]) -> Planted:
    people = [{"participant_id": who, "enrolled_on": FIRST, "withdrawn_on": LEFT.get(who)} for who in STORIES]
    study = pulling(planted, people=people, auto_enrol=False)
    put_pulls(study, STORIES)  # type: ignore[arg-type]
    for who, (n, last) in BACKFILLS.items():
        put_pulls(study, {who: [("steps", day(n, 12), "complete")]}, last_day=last)
    put_pulls(study, {"left": lines(STEPS, 10, 10, "complete")}, last_day=on(8), is_delta=True)
    put_pulls(study, {"refused": [("steps", day(12, 12), "needs_reconsent", "invalid_grant")]}, last_day=on(2))
    return study


def found(study: Planted, who: str, now: datetime) -> tuple[BrokenType, Person] | None:
    """What is broken of a person, and the person."""
    broken = read_broken(study.connection, study.job.study, now.replace(tzinfo=UTC)).get(who)
    person = next(p for p in roster(study.job.study, {}) if p.participant_id == who)
    return (broken[0], person) if broken else None


@pytest.mark.parametrize(
    ("who", "since", "complete", "first"),
    [
        # The days since the fifth are as far from being known as before.
        ("old day", 6, 5, on(6)),
        # It asked for its own day, and for nothing since the last complete delta.
        ("today", 6, 5, on(10)),
        # Of days to come nothing can have been known.
        ("days to come", 6, 5, on(10)),
        # A day before the first pull of all.
        ("never read", 3, None, on(3)),
    ],
)
def test_a_backfill_leaves_a_failure_as_it_is(study: Planted, who: str, since: int, complete: int | None, first: date):
    told = found(study, who, day(13, 8))
    assert told is not None
    broken, person = told
    assert (broken.reason, broken.code) == ("source_failure", "server_error")
    assert broken.since == at(since).replace(tzinfo=UTC)
    assert broken.complete_at == (at(complete).replace(tzinfo=UTC) if complete else None)
    assert broken.first_day(person) == first


def test_a_complete_delta_brings_up_to_date_who_has_left(study: Planted):
    """It asks for the days up to the eighth; on the eleventh it is 26.5 hours old at 8 o'clock, and 30 at 11:30."""
    early, late = found(study, "left", day(11, 8)), found(study, "left", day(11, 11.5))
    assert early is None
    assert late is not None
    assert (late[0].complete_at, late[0].since) == (at(10).replace(tzinfo=UTC), at(11).replace(tzinfo=UTC))


def test_a_backfill_does_not_bring_consent_back(study: Planted):
    told = found(study, "gone", day(13, 8))
    assert told is not None
    assert (told[0].code, told[0].since) == ("scope_missing", at(6).replace(tzinfo=UTC))


def test_where_nothing_but_a_backfill_was_asked_for_nothing_is_broken(study: Planted):
    assert found(study, "only backfilled", day(13, 8)) is None


def test_a_backfill_that_is_refused_tells_that_consent_is_gone(study: Planted):
    """What it says of the account holds, whichever days it was asked for."""
    before, after = found(study, "refused", day(12, 11)), found(study, "refused", day(12, 13))
    assert before is not None
    assert after is not None
    assert (before[0].code, after[0].code) == ("server_error", "invalid_grant")
    assert after[0].since == day(12, 12).replace(tzinfo=UTC)
