"""Who is asked about an account that cannot be read, and who is left alone because nobody taking part can cure it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from neuro_assets.coverage.people import People, judge_people
from neuro_assets.study_google_health import GoogleHealthRules
from neuro_assets_tests.coverage.conftest import Planted, day
from neuro_assets_tests.coverage.pulled import Line, pulling, put_pulls
from neuro_assets_tests.coverage.test_worklist import ENROLLED, contact, on, plant, write
from neuro_assets_tests.tables import put_syncs

NOW = datetime(2019, 11, 12, 8, tzinfo=UTC)
EXPECTED = ("steps", "heart-rate", "sleep")
TYPES = (*EXPECTED, "weight")
GONE, SCOPE = ("needs_reconsent", "invalid_grant"), ("needs_reconsent", "scope_missing")
DENIED, FAILED = ("paused", "permission_denied"), ("failed", "server_error")
Parts = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Story:
    """Somebody who is pulled each morning at 5:30, from the fifth to the twelfth.

    Attributes:
        until: the last day with a row, at 5 o'clock; none: nothing ever came.
        synced_until: the last day with a sync.
        broken: data type -> what came of it from `since` on; the others are complete.
        since: the first day on which pulls say so.
        made_good: the first day on which everything is complete again.
    """

    until: int | None
    broken: Parts
    since: int = 10
    synced_until: int | None = None
    made_good: int = 13

    @property
    def lines(self) -> list[Line]:
        def of(name: str, n: int) -> tuple[str, ...]:
            return self.broken.get(name, ("complete",)) if self.since <= n < self.made_good else ("complete",)

        return [(name, day(n, 5.5), *of(name, n)) for name in TYPES for n in range(5, 13)]  # type: ignore[misc]


def every(what: tuple[str, ...]) -> Parts:
    return dict.fromkeys(TYPES, what)


STORIES: dict[str, Story] = {
    "gone": Story(10, every(GONE)),
    "gone today": Story(12, every(GONE), since=12),
    "gone and made good": Story(12, every(GONE), made_good=11),
    "gone, weight is not needed": Story(10, {**every(GONE), "weight": ("complete",)}),
    "gone in part": Story(12, {"sleep": GONE}),
    "gone, and spoken to": Story(10, every(GONE)),
    "no sleep": Story(12, {"sleep": SCOPE}, since=5),
    "no sleep, no heart rate": Story(12, {"sleep": SCOPE, "heart-rate": SCOPE}),
    "no weight": Story(12, {"weight": SCOPE}),
    "no sleep, and silent": Story(9, {"sleep": SCOPE}),
    "no scope": Story(10, every(SCOPE)),
    "some gone, some without a scope": Story(10, {**every(GONE), "sleep": SCOPE}),
    "another's": Story(10, every(("failed", "account_mismatch"))),
    "another's, today": Story(12, every(("failed", "account_mismatch")), since=12),
    "never linked": Story(None, every(("failed", "account_not_linked")), since=5),
    "not linked": Story(10, every(("failed", "account_not_linked"))),
    "refused": Story(10, every(DENIED)),
    "refused heart rates": Story(12, {"heart-rate": DENIED}),
    "forbidden": Story(10, every(("paused", "forbidden"))),
    "failing": Story(9, every(FAILED)),
    "failing from the start": Story(None, every(FAILED), since=5),
    "failing, some without a scope": Story(9, {**every(FAILED), "sleep": SCOPE}),
    "failing heart rates": Story(12, {"heart-rate": FAILED}),
    "retired": Story(9, every(("retired", "gone"))),
    "silent, then failing": Story(6, every(FAILED)),
    "syncing, and failing": Story(9, every(FAILED), synced_until=12),
    "syncing, and nothing comes": Story(9, {}, synced_until=12),
    "silent": Story(9, {}),
    "fine": Story(12, {}),
}


@pytest.fixture(scope="module")
def people(planted: Callable[..., Planted]) -> People:
    """12 November, 08:00."""
    listed: list[dict[str, Any]] = [{"participant_id": who, "enrolled_on": ENROLLED} for who in STORIES]
    study = pulling(planted, people=listed, auto_enrol=False, expected_streams=("steps", "heart_rate", "sleep_session"))
    until = {who: s.until for who, s in STORIES.items() if s.until}
    plant(study, "steps", [(who, day(5), day(n, 5), 10) for who, n in until.items()], step_min=60)
    plant(study, "heart_rate", [(who, day(5), day(n, 5), 70) for who, n in until.items()], step_min=15)
    for who, story in STORIES.items():
        if story.synced_until:
            put_syncs(study.job, study.connection, who, [(day(n, 5), 80) for n in range(5, story.synced_until + 1)])
    put_pulls(study, {who: story.lines for who, story in STORIES.items()})
    write(study, contact("gone, and spoken to", "2019-11-11 12:00"))
    study.cover(on(5), on(12), NOW)
    return judge_people(study.connection, study.job, NOW)


@pytest.fixture(scope="module")
def today(people: People) -> pl.DataFrame:
    return people.frames["coverage.worklist"]


def told(frame: pl.DataFrame, who: str) -> str:
    return frame.row(by_predicate=pl.col("participant_id") == who, named=True)["told"]


def test_who_is_listed_why_and_since_when(today: pl.DataFrame):
    assert today.select("participant_id", "priority", "reason", "since").rows() == [
        ("gone", 1, "needs_reconsent", on(10)),
        ("gone, weight is not needed", 1, "needs_reconsent", on(10)),
        ("no scope", 1, "needs_reconsent", on(10)),
        ("some gone, some without a scope", 1, "needs_reconsent", on(10)),
        ("gone today", 1, "needs_reconsent", on(12)),
        ("never linked", 2, "nothing_yet", on(5)),
        ("no sleep", 2, "needs_reconsent", on(5)),
        # Silent before the failure, for as long as anybody can tell.
        ("silent, then failing", 2, "not_synced", on(6)),
        ("no sleep, and silent", 2, "not_synced", on(9)),
        ("silent", 2, "not_synced", on(9)),
        ("syncing, and nothing comes", 2, "no_data", on(9)),
        ("another's", 2, "needs_reconsent", on(10)),
        ("failing, some without a scope", 2, "needs_reconsent", on(10)),
        ("no sleep, no heart rate", 2, "needs_reconsent", on(10)),
        ("not linked", 2, "no_data", on(10)),
        ("refused", 2, "needs_reconsent", on(10)),
        ("refused heart rates", 2, "needs_reconsent", on(10)),
    ]


COMMAND = "`neuro participants connect {who}`"


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (
            "gone",
            "The account no longer lets the study read its data since 2019-11-10: ask the person to consent again"
            f" ({COMMAND}).",
        ),
        (
            "no sleep",
            "Consent does not include sleep: none of it is read since 2019-11-05. Ask whether that was meant; if not,"
            f" ask the person to consent again and to tick it, too ({COMMAND}).",
        ),
        (
            "another's",
            "Since 2019-11-10 the account that was connected is not the one known as this person's, and nothing of it"
            f" is read. Ask the person to connect with their own account ({COMMAND}).",
        ),
        (
            "never linked",
            "The Google account that was connected has no health data, as far as Google tells since 2019-11-05. Ask"
            " whether it is the one that the person uses with the device, and to finish setting it up in the app.",
        ),
        (
            "refused",
            "Google refuses to give the study any data of the account since 2019-11-10, as if there were no consent."
            f" Ask the person to consent again ({COMMAND}).",
        ),
        (
            "refused heart rates",
            "Google refuses to give the study heart rate since 2019-11-10, as if there were no consent. Ask the person"
            f" to consent again ({COMMAND}).",
        ),
    ],
)
def test_what_is_told_says_what_to_do(today: pl.DataFrame, who: str, words: str):
    assert told(today, who) == words.format(who=who)


@pytest.mark.parametrize(
    ("who", "data"),
    [
        # In the order of the protocol; what is not expected is not asked for.
        ("no sleep, no heart rate", "heart rate and sleep:"),
        ("no scope", "steps, heart rate and sleep:"),
        ("failing, some without a scope", "sleep:"),
    ],
)
def test_data_that_were_not_granted_are_named(today: pl.DataFrame, who: str, data: str):
    assert told(today, who).startswith(f"Consent does not include {data}")


def test_nobody_is_silent_while_pulls_fail(people: People):
    """Rows reach 5 o'clock of the ninth, the last complete pull was half an hour later, and the hours since are 75."""
    found = {
        r["participant_id"]: (r["status"], r["hours_silent"]) for r in people.frames["coverage.overview"].to_dicts()
    }
    assert found["failing"] == ("active", 0.5)
    assert found["silent"] == ("inactive", 75.0)
    # Since the beginning of the fifth, up to the first pull.
    assert found["failing from the start"] == ("nothing_yet", 5.5)
    assert found["silent, then failing"] == ("inactive", 72.5)
    # Of which anybody taking part can do something.
    assert found["gone"] == ("inactive", 51.0)
    assert found["failing heart rates"] == ("active", 3.0)


@pytest.mark.verify
def test_where_no_stream_is_expected_all_that_is_pulled_counts(planted: Callable[..., Planted]):
    """Of a study that expects none, consent to one type alone is a part of it."""
    listed = [{"participant_id": who, "enrolled_on": ENROLLED} for who in ("all", "part")]
    study = pulling(planted, people=listed, expected_streams=(), google_health={"types": list(TYPES)})
    put_pulls(study, {"all": Story(None, every(GONE)).lines, "part": Story(None, {"steps": GONE}).lines})
    study.cover(now=NOW)
    frame = judge_people(study.connection, study.job, NOW).frames["coverage.worklist"]
    assert frame.select("participant_id", "priority", "reason").rows() == [("all", 1, "needs_reconsent")]
    rules = GoogleHealthRules(types=("steps",))
    job = replace(study.job, study=study.job.study.model_copy(update={"google_health": rules}))
    assert set(judge_people(study.connection, job, NOW).frames["coverage.worklist"]["participant_id"]) == {
        "all",
        "part",
    }
    job = replace(study.job, study=study.job.study.model_copy(update={"google_health": None}))
    assert judge_people(study.connection, job, NOW).frames["coverage.worklist"].is_empty()
