"""The last score known at the end of each day: never a later one, none that is old, in any order the same."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from neuro_assets.features.by_minute import FeatureReport, ensure_features
from neuro_assets.features.by_survey import tell_survey
from neuro_assets.ingest.load import Ingest, prepare_tables
from neuro_assets.lake.lake import Connection
from neuro_assets.scoring.compute import score_days
from neuro_assets.streams.episodes import EPISODE_ACCOUNT
from neuro_assets.streams.features_use import FEATURES_SURVEY, OLDEST_DAYS
from neuro_assets.streams.series import SERIES_1D
from neuro_assets.streams.surveys import SURVEY_RESPONSE, SURVEY_TABLES
from neuro_assets.surveys.load import home_sources
from neuro_assets_tests.tables import query

WINDOW = {"start": date(2024, 1, 1), "end": date(2024, 6, 30)}
DAY = timedelta(days=1)
MOOD = """
name: mood
version: 1
title: Mood
choices:
  how: {0: low, 1: middling, 2: high, 3: very high}
items:
  now: {text: mood now, choices: how}
scores:
  total: {items: [now]}
repeat: {within: %s, keep: %s}
"""


def on(month: int, day: int, hour: int = 12, minute: int = 0) -> datetime:
    """A wall time of 2024."""
    return datetime(2024, month, day, hour, minute)


@dataclass(frozen=True)
class Answer:
    """Somebody's mood at a wall time of New York."""

    who: str
    at: datetime
    score: int | None


@dataclass(frozen=True)
class Asked:
    """A study with staged answers."""

    job: Ingest
    connection: Connection

    def put(self, answers: Sequence[Answer]) -> None:
        """Stage answers; those without a score are answered with nothing."""
        with self.job.lake.transaction(self.connection, [SURVEY_RESPONSE.qualified]):
            for a in answers:
                self.connection.execute(
                    """
                    INSERT INTO staging.survey_response BY NAME
                    SELECT $who AS participant_id, $at::DATE AS day, $ts AS ts, $at AS local_ts, 0 AS fold,
                        $offset AS utc_offset_min, 'mood' AS instrument, 1 AS version, '#1' AS response_id,
                        'moment' AS time_precision, 'now' AS item, $score::VARCHAR AS answer,
                        CASE WHEN $score IS NULL THEN 'missing' ELSE 'choice' END AS answer_type,
                        $score::VARCHAR AS code, $score::DOUBLE AS value, $score IS NULL AS is_missing,
                        CASE WHEN $score IS NULL THEN 'blank' END AS missing_reason, 'ok' AS time_quality,
                        'participant' AS tz_source, 'test' AS source, 'f' AS file_id, 1 AS row_number
                    """,
                    {
                        "who": a.who, "at": a.at, "score": a.score, "ts": a.at.replace(tzinfo=NEW_YORK).astimezone(UTC),
                        "offset": -240 if a.at >= on(3, 10, 3) else -300,
                    },
                )  # fmt: skip

    def live(self, who: str, *days: date) -> None:
        """Signs of life on some days: an event of a phone."""
        with self.job.lake.transaction(self.connection, [EPISODE_ACCOUNT.qualified]):
            for day in days:
                self.connection.execute(
                    "INSERT INTO staging.episode_account VALUES (?, ?, 'screen', 'openings_used', 1)", [who, day]
                )

    def tell(self, first: date, last: date | None = None) -> FeatureReport:
        """Scores and features of days."""
        score_days(self.connection, self.job, first, last or first)
        return tell_survey(self.connection, self.job, first, last or first)

    def rows(self, columns: str = "*") -> list[tuple]:
        return query(self.job.lake, f"SELECT {columns} FROM features.survey ORDER BY participant_id, day")

    def days(self, who: str) -> dict[date, float]:
        """Score by day of a person."""
        return {day: score for whose, day, score in self.rows("participant_id, day, score") if whose == who}


NEW_YORK = ZoneInfo("America/New_York")
MakeAsked = Callable[..., Asked]


@pytest.fixture(scope="module")
def make_asked(make_job: Callable[..., Ingest]) -> Iterator[MakeAsked]:
    """`make_asked(within, keep)`: an empty study in New York that asks for the mood."""
    with ExitStack() as stack:

        def make(within: str = "moment", keep: str = "all") -> Asked:
            job = make_job(window=WINDOW, surveys=(), default_time_zone="America/New_York")
            folder = job.settings.home / "surveys"
            folder.mkdir(exist_ok=True)
            text = MOOD % (within, keep)
            (folder / "mood.yaml").write_text(text.replace("keep: all", "keep: last"), encoding="utf-8")
            job = replace(job, sources=home_sources(job.settings, job.study))
            connection = stack.enter_context(job.lake.connect())
            prepare_tables(job.lake, connection, job.tables)
            ensure_features(connection, job, (*SURVEY_TABLES, SERIES_1D, EPISODE_ACCOUNT, FEATURES_SURVEY))
            return Asked(job, connection)

        yield make


def test_the_last_score_of_the_day_for_four_weeks_by_hand(make_asked: MakeAsked):
    study = make_asked()
    # Two on one day, the second a minute before midnight; the next a minute after midnight, three days later.
    study.put([Answer("a", on(3, 7, 9), 1), Answer("a", on(3, 7, 23, 59), 2), Answer("a", on(3, 11, 0, 1), 3)])
    study.live("a", date(2024, 5, 1))
    study.tell(date(2024, 3, 7), date(2024, 3, 11))
    found = study.rows("day, instrument, score_name, score, age_days, answered_ts")
    second, third = (datetime(2024, 3, 8, 4, 59, tzinfo=UTC), datetime(2024, 3, 11, 4, 1, tzinfo=UTC))
    assert found == [
        *((date(2024, 3, 7) + n * DAY, "mood", "total", 2, n, second) for n in range(4)),
        *((date(2024, 3, 11) + n * DAY, "mood", "total", 3, n, third) for n in range(OLDEST_DAYS)),
    ]
    assert found[-1][0] == date(2024, 4, 7)


def test_up_to_the_last_day_of_which_there_is_anything(make_asked: MakeAsked):
    study = make_asked()
    study.put([Answer("a", on(3, 1), 1), Answer("b", on(6, 20), 2), Answer("c", on(6, 20), None)])
    study.live("b", date(2024, 7, 30))
    study.tell(date(2024, 3, 1))
    study.tell(date(2024, 6, 20))
    assert list(study.days("a")) == [date(2024, 3, 1)]
    # To the end of the study.
    assert list(study.days("b")) == [date(2024, 6, 20) + n * DAY for n in range(11)]
    # What could not be scored is no score.
    assert study.days("c") == {}
    # Somebody shows up again: of the days between, the score was known.
    study.live("a", date(2024, 3, 6), date(2024, 4, 20))
    report = study.tell(date(2024, 4, 20))
    assert list(study.days("a")) == [date(2024, 3, 1) + n * DAY for n in range(OLDEST_DAYS)]
    assert report.days_beside == {date(2024, 3, 1) + n * DAY for n in range(1, OLDEST_DAYS)}
    assert study.tell(date(2024, 4, 20)).rows == {"features.survey": 0}


def test_a_later_score_changes_nothing_before_it(make_asked: MakeAsked):
    study = make_asked()
    study.live("a", date(2024, 6, 1))
    study.put([Answer("a", on(3, 1), 1), Answer("a", on(3, 25), 2)])
    study.tell(date(2024, 3, 1), date(2024, 3, 25))
    before = study.rows()
    study.put([Answer("a", on(3, 10), 3)])
    report = study.tell(date(2024, 3, 10))
    after = study.rows()
    assert [r for r in after if r[1] < date(2024, 3, 10)] == [r for r in before if r[1] < date(2024, 3, 10)]
    # It is told until the next one.
    assert {day: score for day, score in study.days("a").items() if score == 3} == {
        date(2024, 3, 10) + n * DAY: 3 for n in range(15)
    }
    assert report.days_beside == {date(2024, 3, 10) + n * DAY for n in range(1, 15)}


@pytest.mark.parametrize(
    ("keep", "told"),
    [
        # Until the second comes, the first counts; what the codebook says of both holds from then on.
        ("first", [1] * OLDEST_DAYS),
        ("last", [1] * 9 + [2] * OLDEST_DAYS),
        ("none", [1] * 9),
    ],
)
@pytest.mark.verify
def test_what_counts_of_a_study_is_told_as_it_was_at_the_time(make_asked: MakeAsked, keep: str, told: list[int]):
    study = make_asked("study", keep)
    study.live("a", date(2024, 6, 1))
    study.put([Answer("a", on(3, 1), 1)])
    study.tell(date(2024, 3, 1))
    before = study.rows()
    assert [r[4] for r in before] == [1] * OLDEST_DAYS
    study.put([Answer("a", on(3, 10), 2)])
    study.tell(date(2024, 3, 10))
    assert [score for _, score in sorted(study.days("a").items())] == told
    assert [r for r in study.rows() if r[1] < date(2024, 3, 10)] == before[:9]
    late = make_asked("study", keep)
    late.live("a", date(2024, 6, 1))
    late.put([Answer("a", on(3, 10), 2)])
    late.tell(date(2024, 3, 10))
    late.put([Answer("a", on(3, 1), 1)])
    late.tell(date(2024, 3, 1))
    assert late.rows() == study.rows()


def slowly(answers: Sequence[Answer], until: dict[str, date]) -> list[tuple]:
    """Person by person and day by day: who, day, score, age in days."""
    found: list[tuple] = []
    for who in sorted(until):
        day = WINDOW["start"]
        while day <= min(until[who], WINDOW["end"]):
            known = [a for a in answers if a.who == who and a.score is not None]
            known = [a for a in known if a.at < datetime.combine(day + DAY, datetime.min.time())]
            if known:
                last = max(known, key=lambda a: a.at)
                if (day - last.at.date()).days < OLDEST_DAYS:
                    found.append((who, day, last.score, (day - last.at.date()).days))
            day += DAY
    return found


@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.verify) for n in range(2, 6))])
@pytest.mark.verify
def test_in_any_order_it_is_what_a_second_computation_says(make_asked: MakeAsked, seed: int):
    rng = Random(seed)
    minutes = rng.sample(range(60 * 24 * 150), 8 if seed == 1 else 24)
    answers = [
        Answer(rng.choice("abc"), on(1, 3) + timedelta(minutes=n), rng.choice([0, 1, 2, 3, None])) for n in minutes
    ]
    answers = [a for a in answers if a.at.date() != date(2024, 3, 10)]
    lives = {(rng.choice("abc"), date(2024, 1, 1) + rng.randrange(175) * DAY) for _ in range(4)}
    study = make_asked()
    deliveries: list[Answer | tuple[str, date]] = [*answers, *sorted(lives)]
    rng.shuffle(deliveries)
    for n in range(0, len(deliveries), 6):
        came = deliveries[n : n + 6]
        study.put([a for a in came if isinstance(a, Answer)])
        days = set[date]()
        for one in came:
            if isinstance(one, Answer):
                days.add(one.at.date())
            else:
                study.live(*one)
                days.add(one[1])
        for day in rng.sample(sorted(days), len(days)):
            study.tell(day)
    until: dict[str, date] = {}
    for who, day in (*((a.who, a.at.date()) for a in answers), *lives):
        until[who] = max(until.get(who, day), day)
    assert study.rows("participant_id, day, score, age_days") == slowly(answers, until)
