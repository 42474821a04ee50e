"""What is missing because an account could not be read: which days, why, and what tells it."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from neuro_assets.checks.coverage import coverage_check_results
from neuro_assets.coverage import compute
from neuro_assets.coverage.outdated import Rewrite, rules_of
from neuro_assets.coverage.people import judge_people
from neuro_assets.partitions import DayRange
from neuro_assets_tests.coverage.conftest import FIRST, Planted, day
from neuro_assets_tests.coverage.pulled import Line, pulling, put_pulls
from neuro_assets_tests.coverage.test_any_order import tables
from neuro_assets_tests.coverage.test_worklist import hold, on, plant, write
from neuro_assets_tests.tables import query

NOW = datetime(2019, 11, 13, 8, tzinfo=UTC)
BOTH = ("steps", "heart-rate")
PULL_H = 5.5


def at(n: int) -> datetime:
    """When the daily pull is."""
    return day(n, PULL_H)


def lines(names: tuple[str, ...], first: int, last: int, *what: str) -> list[Line]:
    """A pull a day, of the days from the first to the last."""
    return [(name, at(n), *what) for n in range(first, last + 1) for name in names]  # type: ignore[misc]


def broken(what: tuple[str, ...], names: tuple[str, ...] = BOTH, since: int = 6) -> list[Line]:
    """Complete up to a day, and then not."""
    return lines(BOTH, 1, since - 1, "complete") + [
        line
        for name in BOTH
        for line in lines((name,), since, 12, *(what if name in names else ("complete",)))
    ]  # fmt: skip


def days(study: Planted, who: str, stream: str = "steps") -> dict[int, tuple[str | None, str | None]]:
    """Day of November -> reason and evidence."""
    sql = "SELECT day(day), reason, evidence FROM coverage.daily WHERE participant_id = ? AND stream = ? ORDER BY 1"
    return {n: (reason, evidence) for n, reason, evidence in query(study.job.lake, sql, [who, stream])}


WAITS = ("not_synced", "nothing has been handed over since")
FAILED = ("source_failure", "ops.pulls: server_error since 2019-11-06 05:30 UTC")
SCOPE = ("needs_reconsent", "ops.pulls: consent to this kind of data is missing since 2019-11-06 05:30 UTC")
GONE = ("needs_reconsent", "ops.pulls: consent is asked for anew since 2019-11-06 05:30 UTC")
# Who enrolled on the first, with rows up to the fifth at 6 o'clock, and what pulls said then.
STORIES: dict[str, list[Line]] = {
    "nothing pulled": [],
    "failing": broken(("failed", "server_error")),
    "gone": broken(("needs_reconsent", "invalid_grant")),
    "scope": broken(("needs_reconsent", "scope_missing"), ("heart-rate",)),
    "paused": broken(("paused", "permission_denied")),
    "retired": broken(("retired", "gone")),
    "made good": [
        *lines(BOTH, 1, 8, "complete"),
        *lines(BOTH, 9, 11, "failed", "server_error"),
        *lines(BOTH, 12, 12, "complete"),
    ],
    "never": lines(BOTH, 3, 12, "failed", "unreachable"),
    "gone after failing": [
        *lines(BOTH, 1, 5, "complete"),
        *lines(BOTH, 6, 8, "failed", "server_error"),
        *lines(BOTH, 9, 12, "needs_reconsent", "invalid_grant"),
    ],
    "failing in turn": [
        *lines(BOTH, 1, 5, "complete"),
        *lines(BOTH, 6, 8, "failed", "server_error"),
        *lines(BOTH, 9, 12, "failed", "rate_limited"),
    ],
    "file": broken(("failed", "server_error")),
    "worn": broken(("failed", "server_error"), ("heart-rate",)),
    "tokyo": broken(("failed", "server_error")),
    "others": broken(("failed", "server_error"), ()) + lines(("sleep", "steps"), 13, 13, "failed", "server_error"),
}  # fmt: skip


@pytest.fixture(scope="module")
def study(planted: Callable[..., Planted]) -> Iterator[Planted]:
    people: list[dict[str, Any]] = [{"participant_id": who, "enrolled_on": on(1)} for who in STORIES]
    next(p for p in people if p["participant_id"] == "tokyo")["zones"] = [{"zone": "Asia/Tokyo"}]
    study = pulling(planted, people=people, auto_enrol=False)
    rows = [(who, day(1), day(5, 6), 10) for who in STORIES if who not in {"never", "worn", "tokyo"}]
    rows += [("worn", day(1), day(13), 10), ("file", day(8), day(8, 12), 10)]
    plant(study, "steps", rows, step_min=60)
    plant(study, "heart_rate", [(*row[:3], 70) for row in rows if row[0] != "worn" and row[1] == day(1)], step_min=15)
    # Tokyo is pulled at 5 o'clock of its next day.
    stories = {**STORIES, "tokyo": [(n, t + timedelta(hours=14.5), *what) for n, t, *what in STORIES["tokyo"]]}
    put_pulls(study, stories)  # type: ignore[arg-type]
    # A backfill of days past, while the daily pull fails.
    put_pulls(study, {"failing": [(name, day(8, 12), "complete") for name in BOTH]}, last_day=on(2))
    study.cover(on(1), on(12), NOW)
    return study


def test_a_stream_that_cannot_be_read_is_broken_from_the_day_after_its_last_complete_pull(study: Planted):
    """Of the fifth, the day of the last complete pull, what was not handed over by then is told as ever."""
    for stream in ("steps", "heart_rate"):
        found = days(study, "failing", stream)
        assert found == {1: (None, None), 2: (None, None), 3: (None, None), 4: (None, None), 5: WAITS} | dict.fromkeys(
            range(6, 14), FAILED
        )
    sql = "SELECT DISTINCT basis FROM coverage.hourly WHERE participant_id = 'failing' AND day > ?"
    assert query(study.job.lake, sql, [on(5)]) == [("pull",)]


@pytest.mark.parametrize(
    ("who", "stream", "first", "told"),
    [
        ("gone", "steps", 6, GONE),
        ("scope", "heart_rate", 6, SCOPE),
        ("paused", "steps", 6, (FAILED[0], "ops.pulls: permission_denied since 2019-11-06 05:30 UTC")),
        ("retired", "heart_rate", 6, (FAILED[0], "ops.pulls: gone since 2019-11-06 05:30 UTC")),
        # Nothing was complete: from the first try on.
        ("never", "steps", 3, (FAILED[0], "ops.pulls: unreachable since 2019-11-03 05:30 UTC")),
        # The days since the last complete pull are those that the latest one tells of.
        ("gone after failing", "steps", 6, (GONE[0], GONE[1].replace("-06", "-09"))),
        # Which error it is today makes no day another one.
        ("failing in turn", "steps", 6, FAILED),
        # The last complete pull, 20:00 on the fifth in UTC, was at 5 o'clock of the sixth.
        ("tokyo", "steps", 7, (FAILED[0], "ops.pulls: server_error since 2019-11-06 20:00 UTC")),
        ("worn", "heart_rate", 6, FAILED),
    ],
)  # fmt: skip
def test_why_and_since_when(study: Planted, who: str, stream: str, first: int, told: tuple[str, str]):
    found = days(study, who, stream)
    assert {n: found[n] for n in range(first, 14)} == dict.fromkeys(range(first, 14), told)
    assert not {reason for n, (reason, _) in found.items() if n < first} & {"source_failure", "needs_reconsent"}


@pytest.mark.parametrize(
    ("who", "stream"),
    [("nothing pulled", "steps"), ("made good", "steps"), ("scope", "steps"), ("others", "heart_rate")],
)
def test_what_the_latest_pull_has_brought_is_not_broken(study: Planted, who: str, stream: str):
    """A single type does not touch the streams of another, and what one more pull makes good leaves nothing."""
    assert {told for n, told in days(study, who, stream).items() if n > 4} == {WAITS}


def test_minutes_add_up_where_an_account_could_not_be_read(study: Planted):
    checked = coverage_check_results(study.connection, DayRange(on(1), on(13)))
    assert [c.passed for c in checked] == [True] * 4


def test_a_failure_is_told_once_the_type_is_overdue(study: Planted):
    """Complete on the twelfth at 5:30, failed on the thirteenth; 26.5 hours at 8 o'clock, and 30 at 11:30."""
    assert days(study, "others")[13] == WAITS


def test_days_with_rows_stay_what_rows_say(study: Planted):
    """Steps of the eighth came by a file; heart rates did not."""
    told = days(study, "file")
    assert (told[7], told[8], told[9]) == (FAILED, WAITS, FAILED)
    assert days(study, "file", "heart_rate")[8] == FAILED
    assert set(days(study, "worn").values()) == {(None, None), WAITS}
    assert study.reasons("worn", day(1), day(13)) == {None}


@pytest.mark.parametrize(
    ("now", "first", "overdue_h", "told"),
    [
        (day(6, 11.49), 6, 30, {"not_synced"}),
        (day(6, 11.5), 6, 30, {"source_failure"}),
        (day(7, 17.49), 6, 60, {"not_synced"}),
        (day(7, 17.5), 6, 60, {"source_failure"}),
        # The pull that failed is still to come.
        (day(6, 5.4), 6, 1, {"not_synced"}),
    ],
)
def test_how_long_a_failure_is_none(
    planted: Callable[..., Planted], now: datetime, first: int, overdue_h: int, told: set[str]
):
    study = pulling(
        planted, google_health={"overdue_h": overdue_h}, people=[{"participant_id": "a", "enrolled_on": FIRST}]
    )
    put_pulls(study, {"a": broken(("failed", "server_error"))})
    study.cover(on(5), on(6), now.replace(tzinfo=UTC))
    assert study.reasons("a", day(first), day(13)) == told
    assert study.reasons("a", day(5), day(6)) == {"not_synced"}


def test_consent_that_is_gone_is_told_at_once(planted: Callable[..., Planted]):
    study = pulling(planted, people=[{"participant_id": "a", "enrolled_on": FIRST}])
    put_pulls(study, {"a": broken(("needs_reconsent", "invalid_grant"))})
    study.cover(on(5), on(6), day(6, 5.6).replace(tzinfo=UTC))
    assert study.reasons("a", day(6), day(7)) == {"needs_reconsent"}
    assert study.reasons("a", day(5), day(6)) == {"not_synced"}


@pytest.mark.verify
def test_days_that_were_asked_for_to_the_end_are_not_broken(planted: Callable[..., Planted]):
    """After the last day of a person that one is asked for again, until it is there; what fails later is no loss."""
    people = [{"participant_id": "a", "enrolled_on": FIRST, "withdrawn_on": on(8)}]
    study = pulling(planted, people=people)
    put_pulls(study, {"a": [*lines(BOTH, 1, 5, "complete"), *lines(BOTH, 6, 9, "failed", "server_error")]})
    study.cover(on(1), on(12), NOW)
    assert [days(study, "a")[n] for n in (5, 6, 8)] == [WAITS, FAILED, FAILED]
    put_pulls(study, {"a": lines(BOTH, 10, 10, "complete")}, last_day=on(8), is_delta=True)
    put_pulls(study, {"a": lines(BOTH, 11, 12, "needs_reconsent", "invalid_grant")})
    study.cover(on(1), on(12), NOW)
    assert [days(study, "a")[n] for n in (5, 6, 8)] == [WAITS, WAITS, WAITS]


@pytest.mark.verify
def test_types_that_the_protocol_does_not_pull_tell_nothing(planted: Callable[..., Planted]):
    study = pulling(planted, google_health={"types": ["steps"]}, people=[{"participant_id": "a", "enrolled_on": FIRST}])
    put_pulls(study, {"a": broken(("failed", "server_error"))})
    study.cover(on(1), on(12), NOW)
    assert days(study, "a")[8] == FAILED
    assert days(study, "a", "heart_rate")[8] == WAITS


@pytest.mark.verify
def test_what_the_protocol_and_holds_say_goes_first(planted: Callable[..., Planted]):
    outage = {"since": datetime(2019, 11, 7, tzinfo=UTC), "until": datetime(2019, 11, 8, tzinfo=UTC)}
    who = {"participant_id": "a", "enrolled_on": FIRST, "withdrawn_on": on(11)}
    lapse = {"consent_lapsed": [{"since": on(8), "until": on(8)}]}
    study = pulling(planted, people=[{**who, **lapse}, {**who, "participant_id": "b"}], coverage={"outages": [outage]})
    write(study, *hold("staging.steps", on(9)))
    put_pulls(study, {"a": broken(("failed", "x")), "b": broken(("needs_reconsent", "invalid_grant"))})
    study.cover(on(1), on(12), NOW)
    own = ("source_failure", "ops.pulls: x since 2019-11-06 05:30 UTC")
    outages = ("source_failure", "coverage.outages of the protocol")
    lapsed, held = ("needs_reconsent", "consent_lapsed of the participant"), ("held", "ops.day_holds")
    left = ("withdrawn", "withdrawn_on of the participant")
    assert [days(study, "a")[n] for n in range(6, 13)] == [own, outages, lapsed, held, own, own, left]
    # That consent is gone goes before an outage, as among the reasons.
    assert [days(study, "b")[n] for n in range(6, 13)] == [GONE, GONE, GONE, held, GONE, GONE, left]


def vital(who: str, n: int) -> str:
    """A row of the day."""
    return (
        f"INSERT INTO staging.daily_vitals BY NAME SELECT '{who}' AS participant_id, DATE '{on(n)}' AS day,"
        " 'resting_heart_rate' AS vital, 60 AS value, 'test' AS source, 'f' AS file_id, 1 AS row_number"
    )


@pytest.mark.verify
def test_rows_of_a_day_are_there_or_their_type_cannot_be_read(planted: Callable[..., Planted]):
    """The device was worn; of the eighth the row of the day came all the same, and of nights nothing is broken."""
    people = [{"participant_id": "a", "enrolled_on": FIRST}]
    study = pulling(planted, people=people, expected_streams=("steps", "daily_vitals", "sleep_session"))
    plant(study, "steps", [("a", day(1), day(12), 10)], step_min=60)
    write(study, vital("a", 8))
    vitals = ("daily-resting-heart-rate", "daily-respiratory-rate")
    whole = lines(("steps", "sleep", *vitals), 1, 5, "complete") + lines(("steps", "sleep"), 6, 12, "complete")
    put_pulls(study, {"a": [*whole, *lines(vitals, 6, 12, "needs_reconsent", "scope_missing")]})
    study.cover(on(1), on(12), NOW)
    other = ("unknown", "worn, and other streams have rows")
    found = days(study, "a", "daily_vitals")
    assert [found[n] for n in (5, 6, 7, 8, 9)] == [other, SCOPE, SCOPE, (None, None), SCOPE]
    assert days(study, "a", "sleep_session")[9] == other
    assert days(study, "a")[9] == (None, None)


@pytest.fixture
def rewritten(monkeypatch: pytest.MonkeyPatch) -> Callable[[Planted], list[tuple[tuple[str, ...], date, date]]]:
    """`rewritten(study)`: what is written again when the first day is covered at `NOW`, besides the days beside it."""
    parts: list[Rewrite] = []
    again = compute._again

    def spy(*args: Any, **options: Any) -> Any:
        parts.append(args[4])
        return again(*args, **options)

    monkeypatch.setattr(compute, "_again", spy)

    def cover(study: Planted) -> list[tuple[tuple[str, ...], date, date]]:
        parts.clear()
        study.cover(on(1), on(1), NOW + timedelta(days=3))
        return [(p.people, p.first, p.last) for p in parts]

    return cover


@pytest.mark.verify
def test_days_are_written_again_when_pulls_stop_and_when_they_bring_it_again(
    planted: Callable[..., Planted], rewritten: Callable[[Planted], list[Any]]
):
    """Rows of somebody come up to the twelfth; of others nobody asks again."""
    people = [{"participant_id": who, "enrolled_on": FIRST} for who in ("a", "b", "c")]
    study = pulling(planted, people=people, coverage={"outages": []})
    plant(study, "steps", [("c", day(1), day(13), 10)], step_min=60)
    put_pulls(study, {who: lines(BOTH, 1, 5, "complete") for who in "abc"})
    study.cover(on(1), on(12), NOW + timedelta(days=3))
    before = tables(study.job)
    assert rewritten(study) == []
    put_pulls(study, {"a": lines(BOTH, 6, 10, "failed", "server_error"), "b": lines(BOTH, 6, 10, "complete")})
    assert rewritten(study) == [(("a",), on(6), on(13))]
    assert {n: told for n, told in days(study, "a").items() if n > 5} == dict.fromkeys(range(6, 14), FAILED)
    # The same failure, told by other codes and pulls, is the same.
    put_pulls(study, {"a": lines(BOTH, 11, 12, "failed", "rate_limited")})
    assert rewritten(study) == []
    put_pulls(study, {"a": lines(("steps",), 13, 13, "complete")})
    assert rewritten(study) == [(("a",), on(6), on(13))]
    assert days(study, "a")[7] == WAITS
    assert days(study, "a", "heart_rate")[7] == FAILED
    put_pulls(study, {"a": lines(("heart-rate",), 13, 13, "complete")})
    assert rewritten(study) == [(("a",), on(6), on(13))]
    assert rewritten(study) == []
    after = tables(study.job)
    assert {name: frame.rows() for name, frame in after.items()} == {n: f.rows() for n, f in before.items()}


@pytest.mark.verify
def test_a_study_without_pulls_is_as_before(planted: Callable[..., Planted]):
    """Neither a protocol that pulls nor lines of a protocol that does not make any row another one."""
    people = [{"participant_id": "a", "enrolled_on": FIRST, "consent_lapsed": [{"since": on(9)}]}]
    found = []
    for overrides, told in (({"google_health": None}, False), ({"google_health": None}, True), ({}, False)):
        study = pulling(planted, people=people, **overrides)
        plant(study, "steps", [("a", day(1), day(6), 10), ("b", day(2), day(8), 10)], step_min=60)
        if told:
            put_pulls(study, {who: broken(("failed", "server_error")) for who in "ab"})
        study.cover(on(1), on(12), NOW)
        people_tables = judge_people(study.connection, study.job, NOW).frames
        found.append({name: frame.rows() for name, frame in (tables(study.job) | people_tables).items()})
        rules = rules_of(study.job.study.coverage, frozenset(), on(1), on(12))
        sql = "SELECT DISTINCT rules FROM coverage.valid_day WHERE day IN (?, ?)"
        assert set(query(study.job.lake, sql, [on(8), on(9)])) == {
            (f"{rules[on(8)]} UTC",), (f"{rules[on(9)]} UTC",), (f"{rules[on(9)]} UTC+lapsed",)
        }  # fmt: skip
    assert len(found[0]["daily"]) > 40
    assert found[1] == found[0]
    assert found[2] == found[0]


@pytest.mark.verify
def test_days_that_could_not_be_read_are_excused(planted: Callable[..., Planted]):
    """Of half of the twelfth a file came, so that nothing more is waited for; and of two hours of the ninth."""
    people = [{"participant_id": who, "enrolled_on": FIRST} for who in ("failing", "read")]
    study = pulling(planted, people=people)
    spans = [(day(1), day(6)), (day(9), day(9, 2)), (day(12), day(12, 12))]
    plant(study, "steps", [(p["participant_id"], *span, 10) for p in people for span in spans], step_min=60)
    put_pulls(study, {"failing": broken(("failed", "server_error")), "read": broken(("complete",))})
    study.cover(on(1), on(12), NOW)
    frame = judge_people(study.connection, study.job, NOW).frames["coverage.adherence"]
    columns = ("days_valid", "days_not_valid", "days_excused", "days_waiting", "main_reason")
    found = {r["participant_id"]: tuple(r[c] for c in columns) for r in frame.filter(span="enrolled").to_dicts()}
    # On the ninth the steps that are missing are what rows say, and heart rates are more.
    assert found == {"failing": (6, 0, 6, 0, "source_failure"), "read": (6, 6, 0, 0, "unknown")}


@pytest.mark.verify
@pytest.mark.parametrize("seed", range(3))
def test_pulls_in_any_order_give_what_all_at_once_gives(planted: Callable[..., Planted], seed: int):
    rng, settled = Random(seed), datetime(2030, 1, 1, tzinfo=UTC)
    whats = [("complete",), ("complete",), ("failed", "server_error"), ("paused", "forbidden"),
             ("needs_reconsent", "invalid_grant"), ("needs_reconsent", "scope_missing")]  # fmt: skip
    parts: list[tuple[str, list[Line]]] = []
    for who in "abc":
        for name in (*BOTH, "sleep"):
            n = 1
            while n < 25:
                until = min(n + rng.randint(0, 6), 25)
                parts.append((who, lines((name,), n, until, *rng.choice(whats))))
                n = until + 1
    people = [{"participant_id": who, "enrolled_on": FIRST} for who in "abc"]
    people[1]["consent_lapsed"] = [{"since": on(10), "until": on(12)}]
    fields: dict[str, Any] = {"people": people, "expected_streams": ("steps", "heart_rate", "sleep_session")}
    rows = [(who, day(1), day(rng.randint(5, 29)), 10) for who in "abc"] + [("d", day(1), day(30), 10)]
    whole, study = pulling(planted, **fields), pulling(planted, **fields)
    for one in (whole, study):
        plant(one, "steps", rows, step_min=60)
    for who, part in parts:
        put_pulls(whole, {who: part})
    whole.cover(now=settled)
    study.cover(now=settled)
    expected = tables(whole.job)
    assert expected["daily"].rows() != tables(study.job)["daily"].rows()
    shuffled = rng.sample(parts, len(parts))
    for n in range(4):
        for who, part in shuffled[n::4]:
            put_pulls(study, {who: part})
        study.cover(on(1), on(1), settled)
    for name, frame in tables(study.job).items():
        assert frame.rows() == expected[name].rows(), name
    kinds = set(expected["daily"]["reason"].to_list())
    assert {"source_failure", "needs_reconsent"} & kinds
