"""Who is called today, and who is left alone: a study of many people, each with a story of their own."""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from neuro_assets.coverage.people import judge_people
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Lake
from neuro_assets.settings import load_settings
from neuro_assets.study import CoverageRules
from neuro_assets_tests.coverage.conftest import FIRST, LAST, Planted, day
from neuro_assets_tests.threads import THREADS

NOW = datetime(2019, 11, 12, 8, tzinfo=UTC)
ENROLLED = date(2019, 11, 5)


def on(n: int) -> date:
    """A day of November."""
    return date(2019, 11, n)


@dataclass
class Script:
    """What there is of many people, planted at once: a commit costs more than its rows."""

    people: list[dict[str, object]] = field(default_factory=list)
    rows: list[tuple[str, str, datetime, datetime, float]] = field(default_factory=list)
    synced: list[tuple[str, datetime, int | None]] = field(default_factory=list)

    def person(self, who: str, enrolled_on: date = ENROLLED, **fields: Any) -> None:
        """Somebody of the participants file."""
        self.people.append({"participant_id": who, "enrolled_on": enrolled_on, **fields})

    def worn(self, who: str, since: datetime, until: datetime) -> None:
        """Steps and a heart rate in each minute."""
        self.rows += [("steps", who, since, until, 10), ("heart_rate", who, since, until, 70)]

    def off(self, who: str, since: datetime, until: datetime) -> None:
        """A device on a table."""
        self.rows.append(("steps", who, since, until, 0))

    def usual(self, who: str, until: datetime, charge: int | None = 80, **fields: Any) -> None:
        """Somebody who wears the device and syncs every evening, up to a last sync with its charge."""
        self.person(who, **fields)
        self.worn(who, day(5), until)
        evenings = (day(n, 20) for n in range(5, 31))
        self.synced += [(who, at, 80) for at in evenings if at < until]
        self.synced.append((who, until, charge))

    def plant(self, study: Planted) -> None:
        """Write it."""
        for stream in {row[0] for row in self.rows}:
            plant(study, stream, [row[1:] for row in self.rows if row[0] == stream])
        frame = pl.DataFrame(self.synced, schema=["who", "moment", "charge"], orient="row")
        study.connection.register("frame_planted", frame.to_arrow())
        with study.job.lake.transaction(study.connection, ["staging.device_sync"]):
            study.connection.execute(
                """
                INSERT INTO staging.device_sync BY NAME
                SELECT who AS participant_id, moment::DATE AS day, timezone('UTC', moment) AS ts, moment AS local_ts,
                    0 AS fold, 0 AS utc_offset_min, 'd' AS device_id, charge AS battery_pct, 'ok' AS time_quality,
                    'study' AS tz_source, 'test' AS source, 'f' AS file_id, row_number() OVER () AS row_number
                FROM frame_planted
                """
            )
        study.connection.unregister("frame_planted")


def plant(
    study: Planted,
    stream: str,
    rows: Iterable[tuple[str, datetime, datetime, float]],
    *,
    step_min: int = 1,
    zone: str = "UTC",
) -> None:
    """Rows of half-open stretches of UTC, each of `step_min` minutes; their day is that of the zone."""
    frame = pl.DataFrame(list(rows), schema=["who", "since", "until", "value"], orient="row", strict=False)
    study.connection.register("frame_planted", frame.to_arrow())
    with study.job.lake.transaction(study.connection, [f"staging.{stream}"]):
        study.connection.execute(
            f"""
            INSERT INTO staging.{stream} BY NAME
            SELECT who AS participant_id, timezone($zone, ts)::DATE AS day, ts, timezone($zone, ts) AS local_ts,
                0 AS fold, 0 AS utc_offset_min, $period AS period_s, value, 'ok' AS time_quality,
                'study' AS tz_source, 'test' AS source, 'f' AS file_id, row_number() OVER () AS row_number
            FROM (
                SELECT who, value, timezone('UTC', unnest(generate_series(since, until - INTERVAL 1 SECOND,
                    to_minutes($step)))) AS ts
                FROM frame_planted
            )
            """,
            {"zone": zone, "step": step_min, "period": 1 if stream == "heart_rate" else 60 * step_min},
        )
    study.connection.unregister("frame_planted")


def write(study: Planted, *statements: str) -> None:
    """Change tables in one transaction."""
    with study.job.lake.transaction(study.connection, ["planted"]):
        for statement in statements:
            study.connection.execute(statement)


def landed(at: str, outcome: str = "loaded") -> str:
    """A file that came."""
    return f"INSERT INTO ops.landing_arrivals VALUES ('f', 'n', TIMESTAMPTZ '{at}:00+00', '{outcome}')"


def hold(table: str, *days: date, released: str = "NULL") -> list[str]:
    """Days that are held."""
    return [f"INSERT INTO ops.day_holds VALUES ('{table}', '{d}', 'bad', 9, 10, now(), {released})" for d in days]


def contact(who: str, at: str, by: str = "phone") -> str:
    """That somebody was spoken to."""
    return f"INSERT INTO ops.contacts VALUES ('{who}', TIMESTAMPTZ '{at}:00+00', '{by}', now(), 'tester')"


def script() -> Script:
    """Everybody's story up to 12 November, 08:00; who is not said to be anything else enrolled on the fifth."""
    it = Script()
    it.usual("fine", day(12, 7))
    it.usual("not yet today", day(11, 20))
    it.usual("47 hours", day(10, 9))
    it.usual("48 hours", day(10, 8))
    it.usual("silent", day(9, 7))
    it.usual("at 21 %", day(9, 20), 21)
    it.usual("low", day(9, 20), 20)
    it.usual("losing", day(6, 20))
    it.usual("losing and low", day(6, 20), 10)
    it.usual("spoken to", day(9, 8))
    it.usual("spoken to before", day(9, 8))
    it.usual("left", day(6, 12), withdrawn_on=on(8))
    it.usual("left today", day(8, 12), withdrawn_on=on(12))
    it.person("to come", enrolled_on=on(20))
    it.person("never")
    it.person("new", enrolled_on=on(11))
    # 19:00 of the eighth on this person's clock.
    it.usual("pacific", day(9, 3), zones=[{"zone": "America/Los_Angeles"}])
    # The device was tried out before the enrolment: it is two days that nothing has come, not nine.
    it.person("tried out", enrolled_on=on(10))
    it.worn("tried out", day(3), day(3, 12))
    it.synced.append(("tried out", day(3, 12), 80))

    evenings = [day(n, 20) for n in range(5, 12)]
    it.person("no rows since")
    it.worn("no rows since", day(5), day(7, 12))
    it.person("no rows ever")
    it.synced += [(who, at, 80) for who in ("no rows since", "no rows ever") for at in evenings]
    it.person("no rows for a day")
    it.worn("no rows for a day", day(5), day(10, 12))
    it.synced += [("no rows for a day", at, 80) for at in evenings]

    for who, worn_until, off_until in (
        ("not worn", day(9), day(12, 7)),
        ("not worn for two days", day(10), day(12, 7)),
        ("not worn while lapsed", day(9), day(12, 7)),
        ("not worn, of yesterday nothing yet", day(8), day(11, 9)),
    ):
        lapsed: dict[str, Any] = {"consent_lapsed": [{"since": on(10), "until": on(10)}]} if "lapsed" in who else {}
        it.person(who, **lapsed)
        it.worn(who, day(5), worn_until)
        it.off(who, worn_until, off_until)
        it.synced += [(who, at, 80) for at in (*evenings, off_until) if at <= off_until]
    it.person("worn little")
    it.worn("worn little", day(5), day(7))
    for n in range(7, 12):
        it.worn("worn little", day(n, 8), day(n, 13))
        it.off("worn little", day(n), day(n, 8))
        it.off("worn little", day(n, 13), day(n + 1))
    it.synced += [("worn little", at, 80) for at in (*evenings, day(12, 1))]

    it.usual("lapsed", day(12, 7), consent_lapsed=[{"since": on(10)}])
    it.usual("lapses today", day(12, 7), consent_lapsed=[{"since": on(7), "until": on(12)}])
    it.usual("lapsed before", day(12, 7), consent_lapsed=[{"since": on(7), "until": on(9)}])
    it.usual("will lapse", day(12, 7), consent_lapsed=[{"since": on(13)}])
    return it


# By priority, then since when, then who.
LISTED = [
    ("losing", 1, "not_synced", on(6), 6),
    ("losing and low", 1, "battery", on(6), 6),
    ("lapses today", 1, "needs_reconsent", on(7), 5),
    ("lapsed", 1, "needs_reconsent", on(10), 2),
    ("never", 2, "nothing_yet", on(5), 7),
    ("no rows ever", 2, "no_data", on(5), 7),
    ("no rows since", 2, "no_data", on(7), 5),
    ("worn little", 2, "not_worn", on(7), 5),
    ("left today", 2, "not_synced", on(8), 4),
    ("not worn, of yesterday nothing yet", 2, "not_worn", on(8), 4),
    ("pacific", 2, "not_synced", on(8), 4),
    ("at 21 %", 2, "not_synced", on(9), 3),
    ("low", 2, "battery", on(9), 3),
    ("not worn", 2, "not_worn", on(9), 3),
    ("silent", 2, "not_synced", on(9), 3),
    ("spoken to before", 2, "not_synced", on(9), 3),
    ("48 hours", 2, "not_synced", on(10), 2),
]


@dataclass(frozen=True)
class Cohort:
    """The planted study, looked at under other rules or after something else has happened; it stays as it is."""

    study: Planted

    def listed(self, *statements: str, now: datetime = NOW, **rules: object) -> pl.DataFrame:
        """The worklist of a moment."""
        connection, job = self.study.connection, self.study.job
        changed = job.study.model_copy(update={"coverage": CoverageRules.model_validate(rules)})
        connection.execute("BEGIN TRANSACTION")
        try:
            for statement in statements:
                connection.execute(statement)
            return judge_people(connection, replace(job, study=changed), now).frames["coverage.worklist"]
        finally:
            connection.execute("ROLLBACK")

    def names(self, *statements: str, now: datetime = NOW, **rules: object) -> set[str]:
        """Who is on it."""
        return set(self.listed(*statements, now=now, **rules)["participant_id"])


@pytest.fixture(scope="module")
def cohort(make_job: Callable[..., Ingest]) -> Iterator[Cohort]:
    story = script()
    job = make_job(
        window={"start": FIRST, "end": LAST},
        default_time_zone="UTC",
        expected_streams=("steps", "heart_rate"),
        people=story.people,
        auto_enrol=False,
    )
    with job.lake.connect() as connection:
        study = Planted(job, connection)
        story.plant(study)
        write(
            study,
            contact("spoken to", "2019-11-10 12:00", "visit"),
            contact("spoken to before", "2019-11-07 09:00", "message"),
            contact("spoken to before", "2019-11-09 07:00", "email"),
            # Of a call on the day after, nobody knows yet.
            contact("silent", "2019-11-13 10:00"),
        )
        # And the days beside them.
        study.cover(on(8), on(10), NOW)
        yield Cohort(study)


@pytest.fixture
def unworn(cohort: Cohort, tmp_path: Path) -> Iterator[Callable[..., set[str]]]:
    """`unworn(*statements, **rules)`: who is listed once 10 November is covered anew, of those who wore nothing."""
    with ExitStack() as stack:

        def listed(*statements: str, **rules: object) -> set[str]:
            job = cohort.study.job
            shutil.copytree(job.settings.home, tmp_path / "home")
            settings = load_settings({"NEURO_HOME": str(tmp_path / "home"), "NEURO_THREADS": THREADS})
            people = tuple(p for p in job.study.people if p.participant_id in {*UNWORN, "silent", "lapsed"})
            protocol = job.study.model_copy(update={"coverage": CoverageRules.model_validate(rules), "people": people})
            job = replace(job, settings=settings, lake=Lake.from_settings(settings), study=protocol)
            study = Planted(job, stack.enter_context(job.lake.connect()))
            if statements:
                write(study, *statements)
            study.cover(on(10), on(10), NOW)
            return set(judge_people(study.connection, job, NOW).frames["coverage.worklist"]["participant_id"])

        yield listed


UNWORN = ("not worn", "worn little", "not worn, of yesterday nothing yet")


@pytest.fixture(scope="module")
def today(cohort: Cohort) -> pl.DataFrame:
    """The worklist of 12 November, 08:00."""
    return cohort.listed()


def told(frame: pl.DataFrame, who: str) -> str:
    """What is told of somebody."""
    return frame.row(by_predicate=pl.col("participant_id") == who, named=True)["told"]


def test_who_is_listed_why_and_since_when_and_the_urgent_ones_first(today: pl.DataFrame):
    found = today.filter(pl.col("participant_id") != "tried out")
    assert found.select("participant_id", "priority", "reason", "since", "days").rows() == LISTED
    assert today["as_of"].unique().to_list() == [NOW]


def test_silence_counts_from_the_first_day_of_the_person(today: pl.DataFrame):
    """The device was tried out on the third; the person is one of the study since the tenth."""
    (row,) = today.filter(participant_id="tried out").to_dicts()
    # Fails: worklist._day_of gives the day of the last row, also one before the first day of the person.
    assert (row["since"], row["days"]) == (on(10), 2)
    assert "for 2 days" in row["told"]


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("silent", "Nothing has arrived for 3 days. Ask to open the app with the device nearby."),
        (
            "low",
            "Nothing has arrived for 3 days, and the battery was at 20 % at the last sync."
            " Ask to charge the device and to open the app.",
        ),
        (
            "losing",
            "Nothing has arrived for 6 days. Ask to open the app with the device nearby."
            " The device remembers 7 days: what is oldest is lost soon.",
        ),
        (
            "never",
            "Nothing has arrived yet; data are expected since 2019-11-05 (7 days)."
            " Ask whether the device is set up and connected to the app.",
        ),
        ("lapsed", "Consent lapsed on 2019-11-10. Nothing may be collected until it is given again."),
    ],
)
def test_what_is_told_is_plain(today: pl.DataFrame, who: str, words: str):
    assert told(today, who) == words


def test_days_without_wear_are_told_with_how_much_and_what_is_asked_for(today: pl.DataFrame):
    assert told(today, "not worn").startswith(
        "The device was not worn at all on the last 3 days that have arrived (2019-11-09 to 2019-11-11)."
        " Asked for: worn for at least 600 minutes of the day."
    )
    assert "worn for 5 h a day on the last 5 days that have arrived (2019-11-07 to 2019-11-11)" in told(
        today, "worn little"
    )
    # The last day that was handed over to its end is the tenth.
    assert "(2019-11-08 to 2019-11-10)" in told(today, "not worn, of yesterday nothing yet")


def test_the_text_names_nothing_but_dates_numbers_and_instructions(today: pl.DataFrame):
    for text in today["told"]:
        plain = re.sub(r"\b\d{4}-\d\d-\d\d\b|\b\d+\b", "", text)
        assert re.fullmatch(r"[A-Za-z ,;.:%()']+", plain), text
        assert "tester" not in text
    # The same story of two people is told in the same words.
    assert told(today, "silent") == told(today, "spoken to before")


def test_the_last_contact_is_shown(today: pl.DataFrame):
    columns = ("last_contact", "last_contact_by")
    rows = {r["participant_id"]: tuple(r[c] for c in columns) for r in today.to_dicts()}
    assert rows["spoken to before"] == (datetime(2019, 11, 9, 7, tzinfo=UTC), "email")
    assert rows["silent"] == (None, None)


def test_until_when_data_reach_is_shown(today: pl.DataFrame):
    reach = dict(today.select("participant_id", "handed_over_at").iter_rows())
    assert reach["silent"] == datetime(2019, 11, 9, 7, tzinfo=UTC)
    assert reach["never"] is None
    assert reach["no rows since"] == datetime(2019, 11, 11, 20, tzinfo=UTC)


def test_who_was_spoken_to_comes_back_after_three_days(cohort: Cohort):
    """The call of the tenth, 12:00."""
    almost = cohort.names(now=datetime(2019, 11, 13, 11, 59, tzinfo=UTC))
    assert "spoken to" not in almost
    # Called in the morning of the thirteenth.
    assert "silent" not in almost
    later = cohort.listed(now=datetime(2019, 11, 13, 12, tzinfo=UTC))
    (row,) = later.filter(participant_id="spoken to").to_dicts()
    assert (row["reason"], row["since"], row["days"]) == ("not_synced", on(9), 4)
    assert (row["last_contact"], row["last_contact_by"]) == (datetime(2019, 11, 10, 12, tzinfo=UTC), "visit")


def test_nobody_is_called_when_the_study_is_over(cohort: Cohort):
    assert cohort.listed(now=datetime(2019, 12, 2, 8, tzinfo=UTC)).is_empty()
    assert "silent" in cohort.names(now=datetime(2019, 11, 30, 8, tzinfo=UTC))


def test_a_study_that_has_not_uploaded_lately_accuses_nobody_of_it(cohort: Cohort):
    """Files came on the ninth at 12:00, and a refused one later: what is missing since is the study's own."""
    found = cohort.listed(
        landed("2019-11-06 12:00"), landed("2019-11-09 12:00"), landed("2019-11-12 07:00", "rejected")
    )
    assert found["as_of"].unique().to_list() == [datetime(2019, 11, 9, 12, tzinfo=UTC)]
    # 64 hours of silence, and 108 since enrolment, at the time of the upload. Consent is a matter of the calendar.
    found = found.filter(pl.col("reason") != "needs_reconsent")
    assert found.select("participant_id", "priority", "reason", "days").rows() == [
        ("never", 2, "nothing_yet", 4),
        ("no rows ever", 2, "no_data", 4),
        ("losing", 2, "not_synced", 3),
        ("losing and low", 2, "battery", 3),
    ]


OUTAGE = {"since": datetime(2019, 11, 7, 12, tzinfo=UTC), "until": NOW}


def test_silence_in_an_outage_of_everything_is_nobodys(cohort: Cohort):
    found = cohort.names(outages=[OUTAGE])
    assert not found & {"silent", "low", "48 hours", "at 21 %", "pacific", "spoken to before", "left today"}
    # 60 hours before the outage without anything.
    assert "never" in found


def test_an_outage_of_one_stream_explains_no_silence(cohort: Cohort):
    assert "silent" in cohort.names(outages=[{**OUTAGE, "streams": ["steps"]}])


@pytest.mark.parametrize("streams", [[], ["steps", "heart_rate"]])
def test_nobody_is_asked_for_rows_that_an_outage_has_kept_away(cohort: Cohort, streams: list[str]):
    """The last row is that of 7 November, 12:00, when the outage began; the device has synced all along."""
    assert "no rows since" not in cohort.names(outages=[{**OUTAGE, "streams": streams}])


def test_a_device_forgets_in_an_outage_too(cohort: Cohort):
    """Silent for 5.5 days, 3 of them an outage: what the device remembers, 7 days, is lost soon all the same."""
    three = {"since": datetime(2019, 11, 8, tzinfo=UTC), "until": datetime(2019, 11, 11, tzinfo=UTC)}
    found = cohort.listed(outages=[three])
    assert found.filter(participant_id="losing")["priority"].to_list() == [1]


@pytest.mark.verify
def test_days_without_wear_in_an_outage_are_nobodys(unworn: Callable[..., set[str]]):
    """Of the three days, the one between was an outage; there is one day left in a row."""
    tenth = {"since": datetime(2019, 11, 10, tzinfo=UTC), "until": datetime(2019, 11, 11, tzinfo=UTC)}
    assert unworn(outages=[tenth]) == {"silent", "lapsed"}


@pytest.mark.verify
def test_days_without_wear_that_are_held_are_nobodys(unworn: Callable[..., set[str]]):
    """Nor is silence since the ninth: something of the tenth came, whosever it is."""
    assert unworn(*hold("staging.steps", on(10)), *hold("staging.heart_rate", on(10))) == {"lapsed"}


def test_what_is_held_may_be_theirs(cohort: Cohort):
    """The day of the tenth ended 32 hours ago; that of the ninth 56 hours ago, and who sent it is silent all the same.

    Whoever synced on the tenth may have been silent for less than 48 hours, too.
    """
    found = cohort.names(*hold("staging.heart_rate", on(10)))
    assert not found & {"silent", "low", "losing", "never", "48 hours"}
    assert "lapsed" in found
    assert {"silent", "low", "losing", "never", "48 hours"} <= cohort.names(*hold("staging.heart_rate", on(9)))


def test_rows_that_are_held_are_not_missed(cohort: Cohort):
    """The device syncs; its steps and heart rates since the seventh are held."""
    days = [on(n) for n in range(7, 12)]
    found = cohort.names(*hold("staging.steps", *days), *hold("staging.heart_rate", *days))
    assert not found & {"no rows since", "no rows ever"}


def test_what_is_released_or_not_expected_excuses_nobody(cohort: Cohort):
    found = cohort.names(*hold("staging.steps", on(10), released="now()"), *hold("staging.weight", on(10)))
    assert {"silent", "never"} <= found


def test_the_protocol_says_how_long_and_how_many(cohort: Cohort):
    """Two days without wear are enough, contacts are repeated after a day, silence counts from 47 hours on."""
    rules: dict[str, Any] = {
        "overview": {"inactive_after_h": 47},
        "worklist": {"not_worn_days": 2, "again_after_days": 1},
    }
    added = cohort.names(**rules) - {"tried out", *(row[0] for row in LISTED)}
    assert added == {"47 hours", "spoken to", "not worn for two days"}
    rules = {"overview": {"inactive_after_h": 73.5}, "low_battery_pct": 21, "device_memory_days": 5.6}
    gone = cohort.listed(**rules)
    # 60 hours.
    assert "low" not in set(gone["participant_id"])
    assert gone.filter(participant_id="losing")["priority"].to_list() == [1]
    assert "The device remembers 5.6 days" in told(gone, "losing")
