"""Phones and questionnaires of a simulated study through ingest, staging, episodes, scores and coverage: as planted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from neuro_assets.coverage.people import judge_people
from neuro_assets.events.counts import batch_counts
from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets.scoring.compute import score_days
from neuro_assets.sessions.compute import sessionise_days
from neuro_assets.simulate.minutes import MinutePlan, changed, scenario
from neuro_assets.streams.coverage import COVERAGE_TABLES, SURVEY
from neuro_assets.study import load_study
from neuro_assets.surveys.load import BUILT_IN, home_sources
from neuro_assets_tests.simulate.conftest import WrittenMinutes, written_minutes
from neuro_assets_tests.tables import load, query, stage

if TYPE_CHECKING:
    from neuro_assets_tests.conftest import MakeJob

pytestmark = [pytest.mark.verify, pytest.mark.timeout(900)]

DAY = ["participant_id", "day"]
EVENTS = {
    "sessions_per_day": 30,
    "notifications_per_day": 15,
    "focus_per_day": 1,
    "off_days": 0.05,
    "duplicates": 0.03,
    "missing_off": 0.05,
    "out_of_order": 0.03,
    "late": 0.08,
}
SURVEYS = [
    {"instrument": "ema_mood", "every_days": 1, "missed": 0.15, "late_fatigue": 0.1, "item_missing": 0.05},
    {"instrument": "who5", "every_days": 7, "missed": 0.2, "item_missing": 0.05},
    {"instrument": "phq4", "every_days": 7, "item_missing": 0.1},
    {"instrument": "phq9", "every_days": 3, "item_missing": 0.15},
    {"instrument": "gad7", "every_days": 14, "missed": 0.1},
    {"instrument": "pss10", "every_days": 3, "straight_lined": 0.3, "item_missing": 0.05},
]
AUTUMN = MinutePlan(
    participants=6,
    days=14,
    seed=3,
    start=date(2016, 10, 26),
    zones={"America/New_York": 1, "America/Los_Angeles": 1, "Europe/Berlin": 1},
    resolution="hour",
)
"""Both ends of summer time: 30 October in Berlin, 6 November in America."""
PLANS = {
    "autumn": changed(
        AUTUMN,
        enrolment={"late": 0.3, "within_days": 4, "withdrawn": 0.3},
        exports={"count": 2, "overlap_days": 2, "duplicates": 0.05},
        events=EVENTS,
        surveys=SURVEYS,
    ),
    "full": changed(scenario("full"), participants=100, resolution="hour", events=EVENTS, surveys=SURVEYS),
}


@dataclass(frozen=True)
class Run:
    """A study on disk, and the lake that its exports went into."""

    field: WrittenMinutes
    job: Ingest
    file_ids: dict[str, str]

    def truth(self, name: str) -> pl.DataFrame:
        return self.field.truth(name)

    def lake(self, sql: str) -> pl.DataFrame:
        with self.job.lake.connect(read_only=True) as connection:
            return connection.execute(sql).pl()

    @property
    def journeys(self) -> pl.DataFrame:
        """Person and days beside a change of zone."""
        changes = self.truth("zone_history").filter(pl.col("from_day") > self.field.study.plan.start)
        beside = [changes.select("participant_id", day=pl.col("from_day").dt.offset_by(f"{n}d")) for n in (-1, 0)]
        return pl.concat(beside).unique()

    def at_home(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Without days on which the phone's clock and the protocol's zones may disagree about the date.

        Also of events: +00:00, which phones in London show in winter, is read as UTC.
        """
        return frame.join(self.journeys, on=DAY, how="anti")


@pytest.fixture(scope="module", params=["autumn", pytest.param("full", marks=pytest.mark.verify)])
def run(request: pytest.FixtureRequest, make_job: MakeJob, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The exports in the order in which they were taken, and everything that follows from them."""
    plan = PLANS[request.param]
    field = written_minutes(plan, tmp_path_factory.mktemp("behaviour"))
    job = make_job(load_study(field.out / "study.yaml"))
    # WHO-5 every week: a study's own codebook has a schedule where the built-in one leaves it open.
    (job.settings.home / "surveys").mkdir(exist_ok=True)
    who5 = (BUILT_IN / "who5.yaml").read_text(encoding="utf-8") + "schedule: {every_days: 7}\n"
    (job.settings.home / "surveys" / "who5.yaml").write_text(who5, encoding="utf-8")
    job = replace(job, sources=home_sources(job.settings, job.study))
    prepare_lake(job.lake, (*job.tables, *COVERAGE_TABLES))
    instruments = {f"{survey.instrument}.csv" for survey in plan.surveys}
    files = [path for path in field.exports if path.name in instruments | {"events.jsonl"}]
    assert {path.name for path in files} == instruments | {"events.jsonl"}
    outcomes = load(job, *files)
    assert {outcome.outcome for outcome in outcomes} == {"loaded"}
    for name in ("event", "survey_response"):
        assert stage(job, name, plan.start, plan.last_day).totals()["days_held"] == 0
    with job.lake.connect() as connection:
        sessionise_days(connection, job, plan.start, plan.last_day)
        score_days(connection, job, plan.start, plan.last_day)
    ids = {f"{path.parent.name}/{path.name}": o.line.file_id or "" for path, o in zip(files, outcomes, strict=True)}
    return Run(field, job, ids)


def test_every_event_is_staged_once_and_nothing_is_refused(run: Run) -> None:
    staged = run.lake("SELECT participant_id, day, count(*) AS recorded_events FROM staging.event GROUP BY ALL")
    days = run.truth("screen_days").filter(pl.col("recorded_events") > 0)
    told = days.select(*DAY, "recorded_events")
    assert_frame_equal(run.at_home(staged), run.at_home(told), check_row_order=False)
    by_person = [frame.group_by("participant_id").agg(pl.col("recorded_events").sum()) for frame in (staged, told)]
    assert_frame_equal(*by_person, check_row_order=False)
    assert query(run.job.lake, "SELECT count(*) FROM ops.quarantine") == [(0,)]
    files = run.truth("files").filter(pl.col("file") == "events.jsonl")
    with run.job.lake.connect(read_only=True) as connection:
        counts = [batch_counts(connection, run.file_ids[f"export{n}/events.jsonl"]) for n in files["export"]]
    assert [c.received for c in counts] == files["rows"].to_list()
    assert sum(c.staged for c in counts) == days["recorded_events"].sum()
    assert sum(c.deduplicated for c in counts) == files["rows"].sum() - days["recorded_events"].sum()
    assert files["repeated_rows"].sum() > 0


def test_the_second_pass_of_an_autumn_hour_is_told_by_the_offset(run: Run) -> None:
    """In New York on 6 November from 1:00 to 2:00, first at -04:00, then at -05:00: by the zone database."""
    paths = [path for path in run.field.exports if path.name == "events.jsonl"]
    told = pl.concat(pl.read_ndjson(path).select("user_id", "timestamp", "event_type") for path in paths).unique()
    told = told.select(participant_id="user_id", ts=pl.col("timestamp").str.to_datetime(time_zone="UTC")).sort("ts")
    zones = run.truth("zone_history").select(
        "participant_id", "zone", ts=pl.col("from_utc").dt.replace_time_zone("UTC")
    )
    told = told.join_asof(zones.sort("ts"), on="ts", by="participant_id", check_sortedness=False)
    again = []
    for (zone,), part in told.partition_by("zone", as_dict=True).items():
        wall = pl.col("ts").dt.convert_time_zone(zone).dt.replace_time_zone(None)
        first = wall.dt.replace_time_zone(zone, ambiguous="earliest").dt.convert_time_zone("UTC")
        again.append(part.filter(first != pl.col("ts")).select("participant_id", day=wall.dt.date()))
    expected = run.at_home(pl.concat(again)).sort(DAY)
    staged = run.lake("SELECT participant_id, day FROM staging.event WHERE fold = 1 ORDER BY ALL")
    assert_frame_equal(run.at_home(staged).sort(DAY), expected)
    assert (len(expected) > 0) == (run.field.study.plan.start == AUTUMN.start)


def test_uses_are_those_whose_ends_came(run: Run) -> None:
    """To the millisecond; a use whose end was lost has none, and the next unlock tells it from a long one."""
    episodes = run.lake(
        "SELECT participant_id, began_ts AT TIME ZONE 'UTC' AS from_utc, status, round(episode_s * 1000)::BIGINT AS ms"
        " FROM staging.screen_episode WHERE piece = 0"
    )
    truth = run.truth("screen_episodes")
    both = truth.join(episodes, on=["participant_id", "from_utc"], how="left", validate="1:1")
    told = both.filter("is_recorded")
    assert set(told["status"]) == {"closed"}
    assert told.select(
        (pl.col("ms") == (pl.col("until_utc") - pl.col("from_utc")).dt.total_milliseconds()).all()
    ).item()
    lost = both.filter(~pl.col("is_recorded"))
    assert lost["ms"].null_count() == len(lost) > 20
    # Without a row: uses of days whose events came too late for the last export.
    assert set(lost["status"]) <= {"repeated", "unclosed", None}
    assert len(episodes) == run.truth("screen_days")["recorded_unlocks"].sum()
    assert lost.filter("is_off_lost").height == truth["is_off_lost"].sum()


def test_minutes_of_use_are_those_of_the_day(run: Run) -> None:
    found = run.lake("SELECT participant_id, day, round(sum_min * 60000)::BIGINT AS found FROM baselines.screen_day")
    days = run.truth("screen_days").with_columns(
        told=(pl.col("recorded_screen_s") * 1000).round().cast(pl.Int64),
        true=(pl.col("screen_s") * 1000).round().cast(pl.Int64),
    )
    both = days.join(found, on=DAY, how="full", coalesce=True).with_columns(
        pl.col("found", "told", "true").fill_null(0)
    )
    home = run.at_home(both)
    assert home["found"].to_list() == home["told"].to_list()
    assert home.filter(pl.col("found") > 0).height > 0.8 * home.height
    # What was lost is what was planted: on all other days the platform's minutes are the true ones.
    lost = run.truth("screen_episodes").filter(~pl.col("is_recorded"))
    touched = pl.concat([lost.select("participant_id", day=pl.col(c).dt.date()) for c in ("from_local", "until_local")])
    whole = home.join(touched.unique(), on=DAY, how="anti")
    assert whole["found"].to_list() == whole["true"].to_list()
    assert whole.height > 0.1 * home.height
    # On a journey a stretch may lie on the day before or after, but none is lost or told twice.
    by_person = both.group_by("participant_id").agg(pl.col("found", "told").sum())
    assert by_person["found"].to_list() == by_person["told"].to_list()


def test_every_unlock_and_notification_is_accounted_for(run: Run) -> None:
    found = run.lake(
        """
        SELECT participant_id, day,
            coalesce(sum(n) FILTER (episodes = 'screen' AND rule = 'openings_used'), 0)::BIGINT AS recorded_episodes,
            coalesce(sum(n) FILTER (episodes = 'screen' AND rule LIKE 'openings_%'), 0)::BIGINT AS recorded_unlocks,
            coalesce(sum(n) FILTER (episodes = 'notification'), 0)::BIGINT AS recorded_notifications
        FROM staging.episode_account GROUP BY ALL
        """
    )
    told = run.truth("screen_days").filter(pl.col("recorded_events") > 0).select(found.columns)
    counts = pl.sum_horizontal(pl.exclude(DAY)) > 0
    both = [run.at_home(frame).filter(counts) for frame in (found, told)]
    assert_frame_equal(*both, check_row_order=False)
    assert len(both[0]) > 40


def test_minutes_of_apps_are_those_of_the_day(run: Run) -> None:
    key = [*DAY, "app", "category"]
    found = run.lake(
        "SELECT participant_id, day, app, category, round(sum(duration_s) * 1000)::BIGINT AS ms"
        " FROM staging.app_episode WHERE NOT is_over_cap GROUP BY ALL"
    )
    told = run.truth("app_days").with_columns(ms=(pl.col("recorded_app_s") * 1000).round().cast(pl.Int64))
    told = told.filter(pl.col("ms") > 0).select(*key, "ms")
    assert_frame_equal(run.at_home(found).filter(pl.col("ms") > 0), run.at_home(told), check_row_order=False)


def test_focus_sessions_have_their_length_and_what_interrupted_them(run: Run) -> None:
    found = run.lake(
        "SELECT DISTINCT participant_id, began_ts AT TIME ZONE 'UTC' AS from_utc,"
        " began_ts AT TIME ZONE 'UTC' + to_milliseconds(round(episode_s * 1000)::BIGINT) AS until_utc,"
        " planned_min::BIGINT AS planned_min, n_unlocks AS unlocks, n_notifications AS notifications,"
        " n_distracting AS distracting FROM staging.focus_session WHERE status = 'closed'"
    )
    sessions = run.truth("focus").filter("is_recorded").select(found.columns)
    assert_frame_equal(found, sessions, check_row_order=False)
    assert sessions["distracting"].sum() > 0


def test_every_response_is_there_once_with_what_was_answered(run: Run) -> None:
    given = run.truth("survey_due").filter(pl.col("export").is_not_null())
    sent = run.lake(
        "SELECT participant_id, instrument, response_id, local_ts AS answered_local, ts AT TIME ZONE 'UTC' AS"
        " answered_utc, items_answered::BIGINT AS items_answered FROM baselines.survey_submission"
    )
    assert_frame_equal(sent, given.select(sent.columns), check_row_order=False)
    answers = run.lake("SELECT participant_id, instrument, response_id, item, code FROM staging.survey_response")
    told = run.truth("survey_answers").with_columns(pl.col("code").cast(pl.String))
    assert_frame_equal(answers, told.select(answers.columns), check_row_order=False)
    assert told["code"].null_count() > 0


def test_every_score_is_the_published_one(run: Run) -> None:
    scores = run.lake(
        "SELECT participant_id, instrument, response_id, score_name, score, items_answered::BIGINT AS items_answered"
        " FROM baselines.survey_score"
    )
    truth = run.truth("survey_scores")
    assert_frame_equal(scores, truth.select(scores.columns), check_row_order=False, check_exact=True)
    assert set(truth["instrument"]) == {"who5", "phq4", "phq9", "gad7", "pss10"}
    assert truth["score"].null_count() > 0
    prorated = truth.filter((pl.col("instrument") == "phq9") & pl.col("items_answered").is_in([7, 8]))
    assert prorated["score"].null_count() == 0 < len(prorated)


def test_straight_lines_are_flagged_where_there_are_enough_items(run: Run) -> None:
    flags = run.lake("SELECT participant_id, response_id FROM baselines.survey_flag WHERE flag = 'straight_lining'")
    # Of ten items five are enough: some are turned round.
    planted = run.truth("survey_due").filter(
        pl.col("is_straight_lined") & (pl.col("instrument") == "pss10") & (pl.col("items_answered") >= 5)
    )
    missed = planted.join(flags, on=["participant_id", "response_id"], how="anti")
    assert (missed.height, planted.height > 0) == (0, True)


def test_what_was_due_and_not_answered_is_told(run: Run) -> None:
    """Of the two instruments that the codebooks ask on the days of the plan."""
    with run.job.lake.connect(read_only=True) as connection:
        people = judge_people(connection, run.job, datetime(2030, 1, 1, tzinfo=UTC))
    key = ["participant_id", "instrument", "first_day", "last_day"]
    periods = people.frames[SURVEY.qualified].select(*key, "times_answered", "reason")
    people_end = run.truth("participants").select("participant_id", pl.col("withdrawn_on").cast(pl.Date))
    due = (
        run.truth("survey_due")
        .filter(pl.col("instrument").is_in(["ema_mood", "who5"]))
        .join(people_end, on="participant_id")
    )
    leaves = (pl.col("last_day") > pl.col("withdrawn_on")).fill_null(value=False)
    reason = pl.when(leaves).then(pl.lit("withdrawn")).otherwise(pl.lit("not_answered"))
    told = due.select(
        *key,
        times_answered=pl.col("export").is_not_null().cast(pl.Int32),
        is_missed=pl.col("is_missed"),
        expected=reason,
    )
    both = periods.join(told, on=key, how="full", coalesce=True, suffix="_told")
    assert both.height == periods.height == told.height
    assert both["times_answered"].to_list() == both["times_answered_told"].to_list()
    assert (both["times_answered"] == 0).to_list() == both["is_missed"].to_list()
    missed = both.filter("is_missed")
    assert missed.height > 5
    assert missed["reason"].to_list() == missed["expected"].to_list()
