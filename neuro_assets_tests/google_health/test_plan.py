"""Who is asked for what: only people of the study, only while they take part, only what they consented to."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from neuro_assets.connectors.google_health.accounts import Connection
from neuro_assets.connectors.google_health.overdue import overdue_people
from neuro_assets.connectors.google_health.pull import NoAccountsError, is_pulling, plan, pull, pull_lock, why_not
from neuro_assets.ingest.load import prepare_lake
from neuro_assets.lake.frames import insert_frame
from neuro_assets.lake.lake import LakeBusyError
from neuro_assets.sources.google_health.data_types import DATA_TYPES, SCOPES
from neuro_assets.streams.pulls import PULLS
from neuro_assets.study import Participant
from neuro_assets.study_google_health import GoogleHealthRules
from neuro_assets_tests.google_health.test_known import line

NOW = datetime(2026, 11, 20, 5, 30, tzinfo=UTC)


@dataclass
class Listed:
    """Connections as they are."""

    connections: list[Connection] = field(default_factory=list)

    def people(self) -> list[Connection]:
        return self.connections

    def forgotten_at(self) -> dict[str, datetime]:
        return {}


def connected(*names: str, status: str = "connected", scopes: tuple[str, ...] = SCOPES) -> list[Connection]:
    return [Connection(n, status, NOW, scopes) for n in names]  # type: ignore[arg-type]


@pytest.fixture
def job(make_job):
    people = (
        Participant(participant_id="P1"),
        Participant(participant_id="P2", enrolled_on=date(2026, 11, 10)),
        Participant(participant_id="P3", withdrawn_on=date(2026, 11, 15)),
        Participant(participant_id="P4", withdrawn_on=date(2026, 11, 1)),
        Participant(participant_id="P5", enrolled_on=date(2026, 12, 1)),
    )
    job = make_job(window={"start": "2026-10-01"}, google_health={}, auto_enrol=False)
    prepare_lake(job.lake, job.tables)
    study = job.study.model_copy(update={"people": people})
    return type(job)(job.settings, job.lake, study, job.sources)


def planned(job, connections: list[Connection], people=None, days=None):
    return plan(job, Listed(connections), GoogleHealthRules(), people, days, None, NOW)  # type: ignore[arg-type]


def test_who_is_asked_and_from_when(job):
    tasks = {t.participant_id: t for t in planned(job, connected("P1", "P2", "P3", "P4", "stranger"))}
    # P4 left too long ago for anything late, and a stranger is nobody of the study.
    assert {who: t.presence for who, t in tasks.items()} == {
        "P1": (date(2026, 10, 1), None),
        "P2": (date(2026, 11, 10), None),
        "P3": (date(2026, 10, 1), date(2026, 11, 15)),
    }


def test_a_backfill_asks_for_days_on_which_people_take_part(job):
    tasks = planned(job, connected("P1", "P2", "P3"), days=(date(2026, 11, 5), date(2026, 11, 18)))
    assert {t.participant_id: (t.days.first, t.days.last, t.days.is_open) for t in tasks if t.days} == {
        "P1": (date(2026, 11, 5), date(2026, 11, 18), False),
        "P2": (date(2026, 11, 10), date(2026, 11, 18), False),
        "P3": (date(2026, 11, 5), date(2026, 11, 15), False),
    }
    assert planned(job, connected("P2"), days=(date(2026, 11, 1), date(2026, 11, 9))) == []


def test_roll_ups_are_asked_for_with_what_tells_their_clock(job):
    def asked(*types: str, **rules) -> list[str]:
        given = GoogleHealthRules(**rules)
        (task,) = plan(job, Listed(connected("P1")), given, None, None, types, NOW)  # type: ignore[arg-type]
        return [t.name for t in task.types]

    assert asked("total-calories") == ["steps", "total-calories"]
    assert asked("heart-rate", "sleep") == ["steps", "heart-rate", "sleep"]
    assert asked("heart-rate", "distance") == ["distance", "heart-rate"]
    assert asked("heart-rate", heart_rate="raw") == ["heart-rate"]
    assert asked("total-calories", types=["total-calories", "distance"]) == ["distance", "total-calories"]
    assert asked("total-calories", types=["total-calories"]) == ["total-calories"]
    assert asked("sleep") == ["sleep"]
    assert asked() == []


def test_the_day_of_the_pull_is_open(job):
    (task,) = planned(job, connected("P1"), days=(date(2026, 11, 18), date(2026, 11, 20)))
    assert task.days is not None
    assert task.days.is_open


def test_who_has_to_consent_again_is_told_of_and_who_has_ended_it_is_not(job):
    both = connected("P1", status="needs_reconsent") + connected("P2", status="disconnected")
    assert [t.participant_id for t in planned(job, both)] == ["P1"]
    with pytest.raises(NoAccountsError, match="nobody is connected"):
        planned(job, connected("P2", status="disconnected"))
    with pytest.raises(NoAccountsError, match="participants connect P9"):
        planned(job, connected("P1"), people=["P9"])


def test_what_was_not_consented_to_is_known_before_asking(job):
    without = tuple(s for s in SCOPES if "sleep" not in s and "settings" not in s)
    (task,) = planned(job, connected("P1", scopes=without))
    assert task.lacks == {"sleep", "settings", "pairedDevices"}


def overdue(job, *connections: Connection) -> list[str]:
    rules, again = GoogleHealthRules(), timedelta(hours=2)
    return overdue_people(job, Listed(list(connections)), rules, NOW, again)  # type: ignore[arg-type]


def test_nobody_is_overdue_of_whom_nothing_is_asked(job):
    people = connected("P1", "P3", "P4", "P5", "stranger")
    assert overdue(job, *people) == ["P1", "P3"]
    told = {p: why_not(job.study, p, NOW) for p in ("P1", "P4", "P5", "stranger")}
    assert told == {
        "P1": None,
        "P4": "took part up to 2026-11-01, and is not asked for more than 8 days afterwards",
        "P5": "takes part from 2026-12-01 on",
        "stranger": "is not in the participants file",
    }


def test_the_last_day_of_all_ends_where_it_ends_first(job):
    """Where no day would be left to ask for, in the far east, nobody is overdue any more."""
    left_on, begins = datetime(2026, 11, 15, tzinfo=UTC), datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert job.study.people[2].withdrawn_on == left_on.date()
    assert why_not(job.study, "P3", begins - timedelta(minutes=1)) is None
    assert why_not(job.study, "P3", begins) is not None


def test_a_refusal_is_over_with_the_next_consent(job):
    at = NOW - timedelta(hours=3)
    lines = [line(at, participant_id="P1", data_type=t.name, outcome="paused", is_delta=True) for t in DATA_TYPES]
    with job.lake.connect() as connection:
        insert_frame(connection, PULLS, pl.DataFrame(lines))
    before, after = (Connection("P1", "connected", NOW - timedelta(hours=h), SCOPES) for h in (4, 1))
    assert overdue(job, before) == []
    assert overdue(job, after) == ["P1"]


def test_a_pull_that_was_killed_leaves_no_part_behind(job):
    landing = job.settings.landing / "google_health"
    landing.mkdir(parents=True)
    left, other = landing / f".{'0' * 32}.part", landing / ".copying.part"
    for file in (left, other):
        file.write_bytes(b"raw pages")
    with pytest.raises(NoAccountsError):
        list(pull(job))
    assert [p.name for p in landing.iterdir()] == [other.name]


def test_whether_a_pull_is_under_way_is_seen(job):
    assert not is_pulling(job)
    with pull_lock(job):
        assert is_pulling(job)
        with pytest.raises(LakeBusyError, match="another pull"), pull_lock(job, 0.1):
            pass
    assert not is_pulling(job)
