"""Phones and questionnaires as planted: what the files hold, and that the tables of the truth agree with each other."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from neuro_assets.simulate.minutes import MinutePlan, PlanError, behaviour, changed, plant_minutes, write_minutes
from neuro_assets.simulate.minutes.phones import phones_of
from neuro_assets.simulate.minutes.questionnaires import responses_of
from neuro_assets.study import load_study
from neuro_assets.surveys.load import BUILT_IN, read_codebook
from neuro_assets_tests.simulate.conftest import WrittenMinutes, written_minutes
from neuro_assets_tests.simulate.test_minutes_plan import digests

if TYPE_CHECKING:
    from pathlib import Path

DAY = ["participant_id", "day"]
RESPONSE = ["participant_id", "response_id"]
EVENTS = {"sessions_per_day": 60, "notifications_per_day": 30, "focus_per_day": 2}
BARE = MinutePlan(participants=8, days=10, seed=5, start=date(2016, 3, 8), resolution="hour")
"""2016-03-13 has 23 hours in America."""
PLAN = changed(
    BARE,
    zones={"America/New_York": 1, "America/Los_Angeles": 1},
    travel={"rate": 0.5, "days": [2, 4], "destinations": ["Asia/Kolkata", "Pacific/Honolulu"]},
    enrolment={"late": 0.4, "within_days": 3, "withdrawn": 0.4},
    illness={"rate": 0.5, "days": [3, 5]},
    exports={"count": 2, "overlap_days": 1},
    events=EVENTS | {"off_days": 0.1, "missing_off": 0.1, "late": 0.2, "duplicates": 0.1, "out_of_order": 0.1},
    surveys=[
        {"instrument": "ema_mood", "every_days": 1, "missed": 0.2, "late_fatigue": 0.5},
        {"instrument": "who5", "every_days": 7, "item_missing": 0.5},
        {"instrument": "pss10", "every_days": 3, "straight_lined": 0.5},
    ],
)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> WrittenMinutes:
    return written_minutes(PLAN, tmp_path_factory.mktemp("planted"))


def lines(field: WrittenMinutes, export: int) -> list[dict]:
    text = (field.out / "exports" / f"export{export}" / "events.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def shown_days(frame: pl.DataFrame) -> list[tuple[str, date]]:
    """Person and local date of each beginning."""
    return [(who, at.date()) for who, at in frame.select("participant_id", "from_local").rows()]


# -- plans ---------------------------------------------------------------------------------------------------------


def test_neither_the_block_size_nor_the_others_change_what_somebody_does(
    tmp_path: Path, planted: WrittenMinutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One person at a time gives the same bytes."""
    monkeypatch.setattr(behaviour, "EVENTS_PER_BLOCK", 1)
    write_minutes(plant_minutes(PLAN), tmp_path)
    assert digests(tmp_path) == digests(planted.out)


def test_without_the_two_blocks_the_rest_is_the_same_byte_for_byte(tmp_path: Path, planted: WrittenMinutes) -> None:
    write_minutes(plant_minutes(PLAN), tmp_path)
    write_minutes(plant_minutes(changed(PLAN, events={}, surveys=[])), tmp_path)
    plain, full = digests(tmp_path), digests(planted.out)
    added = {"events", "ema_mood", "who5", "pss10", *behaviour.TRUTH}
    assert {name.rsplit("/", 1)[-1].split(".")[0] for name in full.keys() - plain.keys()} == added
    differ = {name for name, digest in plain.items() if digest != full[name]}
    assert differ == {"study.yaml", "truth/files.csv"}


def test_one_effect_leaves_the_draws_of_the_others_alone() -> None:
    plain, sick = (
        phones_of(plant_minutes(changed(BARE, events=EVENTS | told)), 0, 8)
        for told in ({}, {"missing_off": 1, "late": 1, "duplicates": 1, "out_of_order": 1, "without_id": 1})
    )
    assert (plain.uses.start_ms == sick.uses.start_ms).all()
    assert (plain.fronts.until_ms == sick.fronts.until_ms).all()
    assert (plain.focus.start_ms == sick.focus.start_ms).all()
    ema = {"instrument": "ema_mood", "every_days": 1}
    all_there, spoilt = (
        next(responses_of(plant_minutes(changed(BARE, surveys=[ema | told])), 0, 8))
        for told in ({}, {"missed": 0.5, "item_missing": 0.5})
    )
    assert (all_there.answer == spoilt.answer).all()
    assert (all_there.answered_ms == spoilt.answered_ms).all()
    assert 0.4 < spoilt.is_missed.mean() < 0.6


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"events": {"distracting": ["games"]}}, "no app is of games"),
        ({"events": {"apps": [{"name": "a", "category": "x"}] * 2, "distracting": []}}, "two have one name"),
        ({"surveys": [{"instrument": "phq8"}]}, r"surveys\.0\.instrument: .*'phq9'"),
        ({"surveys": [{"instrument": "who5"}, {"instrument": "who5"}]}, "an instrument is there twice"),
        ({"events": {"missing_off": 2}}, r"events\.missing_off: .*less than or equal to 1 \(got 2\)"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(fields: dict, told: str) -> None:
    with pytest.raises(PlanError, match=told):
        changed(MinutePlan(), **fields)


def test_the_protocol_names_instruments_and_categories(planted: WrittenMinutes) -> None:
    study = load_study(planted.out / "study.yaml")
    assert study.surveys == ("ema_mood", "who5", "pss10")
    assert study.events.categories["org.example.mail"] == "work"
    assert study.events.distracting == ("social", "video")


# -- phones --------------------------------------------------------------------------------------------------------


def test_uses_do_not_overlap_and_a_day_is_the_sum_of_its_parts(planted: WrittenMinutes) -> None:
    uses, days = planted.truth("screen_episodes"), planted.truth("screen_days")
    following = uses.with_columns(next=pl.col("from_utc").shift(-1).over("participant_id")).drop_nulls("next")
    assert (following["until_utc"] < following["next"]).all()
    length = (uses["until_utc"] - uses["from_utc"]).dt.total_milliseconds()
    assert length.min() >= 1_000
    assert round(days["screen_s"].sum() * 1_000) == length.sum()
    kept = length.filter(uses["is_recorded"]).sum()
    assert round(days["recorded_screen_s"].sum() * 1_000) == kept < length.sum()
    assert days["unlocks"].sum() == len(uses)
    began = pl.DataFrame(shown_days(uses), schema=DAY, orient="row").group_by(DAY).len("began")
    both = days.join(began, on=DAY, how="left").with_columns(pl.col("began").fill_null(0))
    assert both["began"].to_list() == both["unlocks"].to_list()
    over_midnight = uses.filter(pl.col("from_local").dt.date() < pl.col("until_local").dt.date())
    assert len(over_midnight) > 0
    assert days.filter("phone_off")["unlocks"].sum() == 0 < days["phone_off"].sum()


def test_days_are_those_of_taking_part(planted: WrittenMinutes) -> None:
    people = planted.truth("participants")
    last = pl.col("withdrawn_on").fill_null(PLAN.last_day)
    length = people.select(((last - pl.col("enrolled_on")).dt.total_days() + 1).sum()).item()
    assert len(planted.truth("screen_days")) == length < 8 * 10


def test_programs_fill_the_uses(planted: WrittenMinutes) -> None:
    """From 0.1 s after the unlock on, short of 0.03 s before the next on phones that tell of leaving."""
    apps = planted.truth("app_days").group_by(DAY).agg(pl.col("app_s").sum())
    days = planted.truth("screen_days").join(apps, on=DAY)
    assert (days["app_s"] <= days["screen_s"]).all()
    assert days["app_s"].sum() > 0.99 * days["screen_s"].sum()


def test_an_event_has_the_offset_of_its_zone_at_that_instant(planted: WrittenMinutes) -> None:
    """Also on the day of 23 hours and on journeys: of every event, by the zone database."""
    zones: dict[str, list[tuple[datetime, str]]] = {}
    for who, since, zone in planted.truth("zone_history").select("participant_id", "from_utc", "zone").rows():
        zones.setdefault(who, []).append((since, zone))
    assert max(len(history) for history in zones.values()) == 3
    seen = set()
    for event in lines(planted, 1) + lines(planted, 2):
        at = datetime.fromisoformat(event["timestamp"])
        utc = (at - (at.utcoffset() or at - at)).replace(tzinfo=None)
        zone = [zone for since, zone in zones[event["user_id"]] if since <= utc][-1]
        assert at.utcoffset() == at.astimezone(ZoneInfo(zone)).utcoffset(), event
        seen.add(event["timestamp"][-6:])
    assert {"-05:00", "-04:00", "-08:00", "-07:00"} <= seen
    assert {"+05:30", "-10:00"} & seen


def test_a_day_of_23_hours_has_no_use_in_the_hour_that_is_left_out(planted: WrittenMinutes) -> None:
    travels = planted.truth("zone_history").group_by("participant_id").len().filter(pl.col("len") > 1)
    uses = planted.truth("screen_episodes").join(travels, on="participant_id", how="anti")
    night = uses.filter(pl.col("from_local").dt.date() == date(2016, 3, 13), pl.col("from_local").dt.hour() == 2)
    assert (len(night), len(uses) > 1_000) == (0, True)


def test_files_hold_what_had_come_and_repeat_it(planted: WrittenMinutes) -> None:
    """An event told twice is the very same line; later exports repeat a day and bring what was late."""
    files = planted.truth("files").filter(pl.col("file") == "events.jsonl")
    both = [lines(planted, n) for n in (1, 2)]
    texts = [[json.dumps(event) for event in part] for part in both]
    assert files["rows"].to_list() == [len(part) for part in both]
    assert [len(part) - len(set(part)) for part in texts] == files["repeated_rows"].to_list()
    union = set(texts[0]) | set(texts[1])
    assert len(union) == planted.truth("screen_days")["recorded_events"].sum()
    assert set(texts[0]) & set(texts[1])
    taken = planted.truth("exports").select("export", "taken_utc").unique().sort("export")["taken_utc"].to_list()
    # Older than what the second export repeats: it had not come when the first one was taken.
    older = taken[0].replace(tzinfo=UTC) - timedelta(days=3)
    late = [event for event in both[1] if datetime.fromisoformat(event["timestamp"]) < older]
    assert late
    order = [datetime.fromisoformat(e["timestamp"]) for e in both[0] if e["user_id"] == both[0][0]["user_id"]]
    back = sum(b < a for a, b in pairwise(order))
    assert 0.05 < back / len(order) < 0.4


def test_phones_are_of_different_kinds(planted: WrittenMinutes) -> None:
    """Some tell their screen, their device, or give ids, others do not."""
    frame = pl.DataFrame(lines(planted, 2), infer_schema_length=None)
    types = frame.group_by("user_id").agg(
        ids=pl.col("event_id").is_not_null().mean(),
        devices=pl.col("device_id").is_not_null().mean(),
        screen=(pl.col("event_type") == "screen_off").any(),
        blur=(pl.col("event_type") == "app_blur").any(),
    )
    assert set(types["ids"]) == {0.0, 1.0}
    assert set(types["screen"]) == {True, False}
    assert types["screen"].to_list() == types["blur"].to_list() == [share == 1.0 for share in types["devices"]]


def test_focus_sessions_count_what_happened_in_them(planted: WrittenMinutes) -> None:
    sessions, uses = planted.truth("focus"), planted.truth("screen_episodes")
    for who, since, until, unlocks in sessions.select("participant_id", "from_utc", "until_utc", "unlocks").rows():
        within = uses.filter(pl.col("participant_id") == who, pl.col("from_utc") > since, pl.col("from_utc") < until)
        assert len(within) == unlocks
    length = (sessions["until_utc"] - sessions["from_utc"]).dt.total_seconds()
    assert round(planted.truth("screen_days")["focus_s"].sum()) == pytest.approx(length.sum(), abs=len(length))


# -- questionnaires ------------------------------------------------------------------------------------------------


def test_an_answer_is_due_in_each_period_of_a_person(planted: WrittenMinutes) -> None:
    due, people = planted.truth("survey_due"), planted.truth("participants")
    joined = due.join(people.select("participant_id", "enrolled_on", "withdrawn_on"), on="participant_id")
    last = pl.col("withdrawn_on").fill_null(PLAN.last_day)
    for survey in PLAN.surveys:
        own = joined.filter(pl.col("instrument") == survey.instrument)
        day = (pl.col("first_day") - pl.col("enrolled_on")).dt.total_days()
        assert own.select((day % survey.every_days == 0).all()).item()
        length = (people["withdrawn_on"].fill_null(PLAN.last_day) - people["enrolled_on"]).dt.total_days() + 1
        assert len(own) == sum(-(-n // survey.every_days) for n in length.to_list())
    given = joined.filter(~pl.col("is_missed"))
    on = pl.col("answered_local").dt.date()
    assert given.select(on.is_between("first_day", pl.min_horizontal("last_day", last)).all()).item()
    assert given["answered_local"].dt.hour().is_between(8, 21).all()
    assert joined.filter("is_missed")["answered_local"].null_count() == joined["is_missed"].sum() > 0


def test_answers_are_codes_of_the_codebook_and_scores_their_sums(planted: WrittenMinutes) -> None:
    answers, scores = planted.truth("survey_answers"), planted.truth("survey_scores")
    for (instrument, item), part in answers.group_by("instrument", "item"):
        codes = read_codebook(BUILT_IN / f"{instrument}.yaml").codes_of(str(item))
        assert {str(code) for code in part["code"].drop_nulls()} <= set(codes)

    def totals_of(instrument: str) -> pl.DataFrame:
        own = pl.col("instrument") == instrument
        wide = answers.filter(own).pivot("item", index=RESPONSE, values="code")
        return scores.filter(own).join(wide, on=RESPONSE)

    totals = totals_of("who5")
    items = [f"q{n}" for n in range(1, 6)]
    for row in totals.iter_rows(named=True):
        own = [row[item] for item in items]
        assert row["score"] == (None if None in own else 4 * sum(own))
        assert row["items_answered"] == 5 - own.count(None) >= 1
    assert 0 < totals["score"].null_count() < len(totals)
    for row in totals_of("pss10").iter_rows(named=True):
        turned = [4 - row[f"q{n}"] if n in (4, 5, 7, 8) else row[f"q{n}"] for n in range(1, 11)]
        assert row["score"] == sum(turned)


def test_a_study_may_have_nothing_but_one_of_them(tmp_path: Path) -> None:
    """Of what nobody gives there is no file; programs, ids and notifications may be missing altogether."""
    silent = [{"instrument": "who5", "missed": 1}, {"instrument": "ema_mood", "every_days": 1, "missed": 1}]
    for name, events, surveys in (
        ("calls", {"notifications_per_day": 5, "apps": [], "distracting": [], "without_id": 1}, []),
        ("uses", {"sessions_per_day": 5, "apps": [], "distracting": [], "missing_off": 1}, []),
        ("focus", {"focus_per_day": 3}, [{"instrument": "phq4"}]),
        ("silent", {}, silent),
        ("off", {"sessions_per_day": 5, "off_days": 1}, []),
    ):
        out = tmp_path / name
        files = write_minutes(plant_minutes(changed(BARE, participants=2, events=events, surveys=surveys)), out)
        told = {path.name for path in files if not path.name.endswith("_merged.csv")}
        assert told == {
            "calls": {"events.jsonl"},
            "uses": {"events.jsonl"},
            "focus": {"events.jsonl", "phq4.csv"},
        }.get(name, set())
        load_study(out / "study.yaml")
    assert pl.read_csv(tmp_path / "silent" / "truth" / "survey_due.csv")["is_missed"].all()
    assert len(pl.read_csv(tmp_path / "silent" / "truth" / "survey_answers.csv")) == 0
    assert pl.read_csv(tmp_path / "uses" / "truth" / "screen_days.csv")["recorded_screen_s"].sum() == 0
    assert pl.read_csv(tmp_path / "calls" / "truth" / "screen_days.csv")["notifications"].sum() > 0
    assert pl.read_csv(tmp_path / "off" / "truth" / "screen_days.csv")["recorded_events"].sum() == 0


def test_straight_lines_have_one_answer(planted: WrittenMinutes) -> None:
    lined = planted.truth("survey_due").filter("is_straight_lined")
    answers = planted.truth("survey_answers").join(lined, on=["instrument", *RESPONSE], how="semi")
    different = answers.group_by("participant_id", "response_id").agg(pl.col("code").n_unique())
    assert set(different["code"]) == {1}
    assert set(lined["instrument"]) == {"pss10"}


def test_scores_follow_the_course_of_a_person() -> None:
    """Well-being explains most of the WHO-5 and of the PHQ-4, which go opposite ways; illness lowers it."""
    plan = changed(
        MinutePlan(participants=150, days=30, seed=2, resolution="hour"),
        illness={"rate": 1.0, "days": [8, 8]},
        surveys=[{"instrument": "who5", "every_days": 2}, {"instrument": "phq4", "every_days": 2}],
    )
    study = plant_minutes(plan)
    sums = {r.codebook.name: (r, r.answer.sum(axis=1)) for r in responses_of(study, 0, 150)}
    for name, sign in (("who5", 1), ("phq4", -1)):
        responses, total = sums[name]
        frame = pl.DataFrame({"w": responses.wellbeing, "s": sign * total.astype(float)})
        assert frame.select(pl.corr("w", "s")).item() > 0.8
    responses, total = sums["who5"]
    is_ill = study.calendar.illness.is_ill(plan.days)[responses.row, responses.day]
    assert 4 * (total[~is_ill].mean() - total[is_ill].mean()) > 10


def test_fatigue_makes_later_weeks_emptier() -> None:
    survey = {"instrument": "ema_mood", "every_days": 1, "missed": 0.1, "late_fatigue": 0.15}
    plan = changed(MinutePlan(participants=200, days=28, resolution="hour"), surveys=[survey])
    (responses,) = responses_of(plant_minutes(plan), 0, 200)
    by_week = pl.DataFrame({"week": responses.day // 7, "missed": responses.is_missed}).group_by("week").mean()
    assert by_week.sort("week")["missed"].to_list() == pytest.approx([0.1, 0.25, 0.4, 0.55], abs=0.04)
