"""Nights of sleep by hand, and nights, windows and spans of any and of real logs against plain Python."""

import random
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_assets.science.features.sleep import SLEEP, nights
from neuro_assets.science.features.sleep_nights import SleepRule
from neuro_assets.science.features.sleep_spans import asleep_spans, known_spans
from neuro_assets.science.features.sleep_windows import SLEEP_WINDOWS, sleep_windows
from neuro_assets_tests.science.features.plain_sleep import Night, plain_asleep_min, plain_nights, plain_window
from neuro_assets_tests.science.features.sleep_records import (
    Log,
    any_logs,
    by_hand,
    fitabase_totals,
    holds,
    log_frame,
    pmdata_logs,
    stage_frame,
    total_frame,
)

ZURICH = "Europe/Zurich"
NIGHT = "wake 10, light 60, deep 30, wake 0.5, light 59.5, rem 40, wake 20, light 100, rem 60, light 80, wake 20"
FEATURES = [feature.name for feature in SLEEP]
# How alike nights are is told of pairs of them: test_sleep_regularity.py.
OF_PAIRS = ("sleep_regularity_index", "regularity_paired_min")
WINDOW_FEATURES = [feature.name for feature in SLEEP_WINDOWS if feature.name not in OF_PAIRS]


def _nights(*logs: Log, totals: tuple[Any, ...] = (), rule: SleepRule | None = None) -> list[dict[str, Any]]:
    return nights(log_frame(logs), stage_frame(logs), total_frame(totals), rule).to_dicts()


def _night(*logs: Log) -> dict[str, Any]:
    (found,) = _nights(*logs)
    return found


@pytest.mark.parametrize("feature", [f for f in SLEEP if f.known], ids=lambda f: f.name)
def test_known_answers(feature: Any) -> None:
    assert [known.told for known in feature.known if not known.holds()] == []


def test_a_night_of_stages() -> None:
    """8 h in bed; asleep from 23:10 to 06:40; half a minute awake is no awakening."""
    night = _night(by_hand("2020-01-01 23:00", "2020-01-02 07:00", NIGHT, asleep=430, awake=50, efficiency=93))
    assert (night["day"], night["basis"], night["kind"]) == (date(2020, 1, 2), "logs", "stages")
    holds(night, bed_start_min=-60, wake_min=420, onset_min=-50, offset_min=400, midpoint_min=175)
    holds(night, in_bed_min=480, between_min=0, asleep_min=430, awake_min=50, efficiency=430 / 480)
    holds(night, efficiency_vendor_pct=93, to_fall_asleep_min=10, after_wakeup_min=20, waso_min=20.5, awakenings=1)
    holds(night, deep_min=30, light_min=299.5, rem_min=100, wake_stage_min=50.5, restless_min=None)
    holds(night, deep_share=30 / 429.5, light_share=299.5 / 429.5, rem_share=100 / 429.5, rem_latency_min=150)
    holds(night, naps=0, nap_asleep_min=0, total_asleep_min=430, total_in_bed_min=480, logs=1)


def test_a_classic_night_has_no_stages_of_sleep() -> None:
    runs = "restless 3, asleep 100, awake 5, restless 4, asleep 60, awake 1, asleep 7"
    night = _night(by_hand("2020-01-02 00:00", "2020-01-02 03:00", runs))
    assert night["kind"] == "classic"
    holds(night, asleep_min=167, awake_min=13, restless_min=7, wake_stage_min=6, waso_min=6, awakenings=2)
    holds(night, to_fall_asleep_min=3, deep_min=None, light_min=None, rem_min=None, rem_latency_min=None)
    holds(night, deep_share=None)


def test_a_night_without_sleep_tells_no_times_of_it() -> None:
    night = _night(by_hand("2020-01-02 00:00", "2020-01-02 01:00", "wake 60"))
    holds(night, asleep_min=0, efficiency=0, onset_min=None, offset_min=None, midpoint_min=None, waso_min=None)
    holds(night, awakenings=None, deep_min=0, deep_share=None, wake_stage_min=60)


@pytest.mark.parametrize(("told", "latency"), [(0, None), (12, 12), (None, None)])
def test_without_stages_the_vendor_is_believed_but_for_a_latency_of_0(told: int | None, latency: int | None) -> None:
    log = by_hand("2020-01-01 23:00", "2020-01-02 07:00", asleep=400, awake=80, latency=told, lying=8, efficiency=0)
    night = _night(log)
    onset = None if told is None else -60 + told
    holds(night, to_fall_asleep_min=latency, onset_min=onset, after_wakeup_min=8, offset_min=412, waso_min=None)
    holds(night, midpoint_min=None if onset is None else (onset + 412) / 2, awakenings=None, wake_stage_min=None)
    holds(night, efficiency_vendor_pct=None)
    assert night["kind"] is None


@pytest.mark.parametrize(("begins", "naps", "in_bed", "between"), [("02:40", 0, 380, 40), ("03:00", 0, 360, 60)])
def test_logs_close_to_each_other_are_one_sleep(begins: str, naps: int, in_bed: float, between: float) -> None:
    first = by_hand("2020-01-01 23:00", "2020-01-02 02:00", "light 170, wake 10", efficiency=90)
    second = by_hand(f"2020-01-02 {begins}", "2020-01-02 06:00", f"wake 5, light {in_bed - 185}", efficiency=98)
    night = _night(second, first)
    holds(night, naps=naps, in_bed_min=in_bed, between_min=between, asleep_min=in_bed - 15, logs=2, wake_min=360)
    holds(night, bed_start_min=-60, waso_min=15, awakenings=1, onset_min=-60, midpoint_min=150)
    holds(night, efficiency_vendor_pct=(90 * 180 + 98 * (in_bed - 180)) / in_bed)


def test_logs_further_apart_are_a_main_sleep_and_a_nap() -> None:
    first = by_hand("2020-01-01 23:00", "2020-01-02 02:00", "light 180")
    second = by_hand("2020-01-02 03:00:30", "2020-01-02 06:00:30", "light 180")
    holds(_night(second, first), naps=1, asleep_min=180, nap_asleep_min=180, bed_start_min=-60, total_asleep_min=360)
    (joined,) = _nights(first, second, rule=SleepRule(joined_within_min=61))
    holds(joined, naps=0, asleep_min=360)


def test_the_longest_sleep_is_the_main_one_whatever_the_vendor_says() -> None:
    siesta = by_hand("2020-01-02 13:00", "2020-01-02 14:00", "asleep 50, restless 10")
    night = _night(siesta, by_hand("2020-01-01 23:00", "2020-01-02 07:00", NIGHT))
    holds(night, naps=1, nap_asleep_min=50, total_asleep_min=479, total_in_bed_min=540, logs=2, bed_start_min=-60)
    assert night["kind"] == "stages"


@pytest.mark.parametrize(("end", "day"), [("17:59:30", 2), ("18:00", 3), ("20:30", 3), ("23:59:30", 3)])
def test_an_evening_nap_belongs_to_the_night_that_follows(end: str, day: int) -> None:
    night = _night(by_hand("2020-01-02 17:00", f"2020-01-02 {end}", asleep=30, awake=5))
    assert night["day"] == date(2020, 1, day)
    holds(night, bed_start_min=17 * 60 - 1440 * (day - 2))
    (early,) = _nights(by_hand("2020-01-02 17:00", "2020-01-02 17:30"), rule=SleepRule(day_ends_at=time(17)))
    assert early["day"] == date(2020, 1, 3)


# ---- nights of 23 and 25 hours


def _counting_on(log: Log, hours: int, duration_s: int) -> Log:
    """The log as Fitbit has it, whose stages go on by the clock at the begin."""
    stages = tuple((log.start + n * timedelta(seconds=30), stage) for n, (_, stage) in enumerate(log.stages))
    assert len(stages) == hours * 120
    return replace(log, stages=stages, folds=frozenset(), duration_s=duration_s)


SPRING = by_hand("2020-03-28 23:00", "2020-03-29 07:00", "wake 20, light 200, rem 180, wake 20", zone=ZURICH)
AUTUMN = by_hand("2020-10-24 23:00", "2020-10-25 07:00", "wake 20, light 400, wake 60, rem 60", zone=ZURICH)


@pytest.mark.parametrize(
    "log",
    [SPRING, _counting_on(SPRING, 7, 7 * 3600), _counting_on(SPRING, 7, 8 * 3600)],
    ids=["true", "stages by the winter clock", "as Fitbit has it"],
)
def test_the_night_in_which_the_clocks_go_forward_has_seven_hours(log: Log) -> None:
    """Asleep from 23:20 for 380 min: the middle is 3 h 10 min later, 02:30 by the clock of the evening."""
    night = _night(log)
    holds(night, bed_start_min=-60, wake_min=420, in_bed_min=420, asleep_min=380, onset_min=-40, offset_min=400)
    holds(night, midpoint_min=150, to_fall_asleep_min=20, after_wakeup_min=20, rem_latency_min=200, efficiency=38 / 42)


@pytest.mark.parametrize(
    "log",
    [AUTUMN, _counting_on(AUTUMN, 9, 9 * 3600), _counting_on(AUTUMN, 9, 8 * 3600)],
    ids=["true", "stages by the summer clock", "length of the clock"],
)
def test_the_night_in_which_the_clocks_go_back_has_nine_hours(log: Log) -> None:
    """Asleep from 23:20 for 520 min: the middle is 4 h 20 min later, 03:40 by the clock of the evening."""
    night = _night(log)
    holds(night, bed_start_min=-60, wake_min=420, in_bed_min=540, asleep_min=460, onset_min=-40, offset_min=420)
    holds(night, midpoint_min=220, waso_min=60, rem_latency_min=460, rem_min=60)


def test_without_stages_the_length_tells_the_change_of_clocks() -> None:
    spring = by_hand("2020-03-28 23:00", "2020-03-29 07:00", zone=ZURICH, asleep=400, duration_s=7 * 3600 - 30)
    autumn = by_hand("2020-10-24 23:00", "2020-10-25 07:00", zone=ZURICH, asleep=500)
    assert [n["in_bed_min"] for n in _nights(spring, autumn)] == [420, 540]


def test_on_a_journey_the_length_of_the_logholds() -> None:
    """The lake changes the zone at midnight: stages after it seem hours away."""
    log = by_hand("2020-01-01 23:00", "2020-01-02 07:00", "light 480", zone=ZURICH)
    frame = stage_frame([log])
    west = pl.col("local_ts") >= datetime(2020, 1, 2)
    frame = frame.with_columns(ts=pl.when(west).then(pl.col("ts") + pl.duration(hours=6)).otherwise("ts"))
    (night,) = nights(log_frame([log]), frame, total_frame()).to_dicts()
    holds(night, in_bed_min=480, asleep_min=480, light_min=480, onset_min=-60)


# ---- what is there twice


def test_a_log_within_another_is_not_counted() -> None:
    whole = by_hand("2020-01-01 23:00", "2020-01-02 07:00", NIGHT, log_id="1")
    again = by_hand("2020-01-01 23:00", "2020-01-02 07:00", "asleep 470, awake 10", log_id="0")
    within = by_hand("2020-01-02 01:00", "2020-01-02 05:00", "light 240", log_id="2")
    other = by_hand("2020-01-02 01:00", "2020-01-02 05:00", "light 240", log_id="3", person="b")
    alone, beside = _nights(whole, within, again, other)
    assert alone == _night(whole)
    holds(beside, asleep_min=240, logs=1)


def test_of_logs_of_the_same_times_the_fuller_one_counts() -> None:
    """Stages before classic before neither, then by minutes asleep, then by the smaller id."""
    ids = {}
    for log_id, asleep in (("1", 200), ("2", 210), ("3", 210)):
        bare = by_hand("2020-01-02 01:00", "2020-01-02 05:00", log_id=log_id, asleep=asleep, awake=0, lying=int(log_id))
        ids[log_id] = bare
    holds(_night(*ids.values()), asleep_min=210, after_wakeup_min=2, logs=1)
    holds(_night(ids["1"], ids["3"]), asleep_min=210)
    classic = by_hand("2020-01-02 01:00", "2020-01-02 05:00", "asleep 99, awake 141", log_id="4")
    holds(_night(*ids.values(), classic), asleep_min=99)
    staged = by_hand("2020-01-02 01:00", "2020-01-02 05:00", "light 9, wake 231", log_id="5")
    holds(_night(*ids.values(), classic, staged), asleep_min=9)


def test_an_id_that_two_logs_have_mixes_nothing_up() -> None:
    night = by_hand("2020-01-01 23:00", "2020-01-02 02:00", "light 180", log_id="1")
    nap = by_hand("2020-01-02 13:00", "2020-01-02 14:00", "light 30, wake 30", log_id="1")
    holds(_night(night, nap), light_min=180, waso_min=0, naps=1, nap_asleep_min=30, total_in_bed_min=240)


def test_nobody_sleeps_longer_than_in_bed() -> None:
    log = by_hand("2020-01-02 01:00", "2020-01-02 02:00", asleep=61, awake=2)
    holds(_night(log), in_bed_min=60, asleep_min=60, awake_min=0, efficiency=1)


def test_of_overlapping_logs_the_later_one_counts() -> None:
    """23:00 to 03:00 and 02:00 to 07:00 are eight hours; the first one's last hour, of deep sleep, is not counted."""
    second = by_hand("2020-01-02 02:00", "2020-01-02 07:00", "wake 60, rem 240")
    first = by_hand("2020-01-01 23:00", "2020-01-02 03:00", "wake 30, light 150, deep 60")
    night = _night(first, second)
    holds(night, in_bed_min=480, asleep_min=390, awake_min=90, deep_min=0, waso_min=60, logs=2, naps=0)
    bare = by_hand("2020-01-01 23:00", "2020-01-02 03:00", asleep=200, awake=40)
    holds(_night(bare, second), in_bed_min=480, asleep_min=240 + 150, awake_min=60 + 30, deep_min=None, waso_min=None)


def test_a_log_in_two_resolutions_counts_once() -> None:
    log = by_hand("2020-01-01 23:00", "2020-01-02 07:00", NIGHT)
    fine = stage_frame([log])
    coarse = fine.gather_every(2).with_columns(period_s=pl.lit(60, pl.Int32))
    assert nights(log_frame([log]), pl.concat([coarse, fine]), total_frame()).to_dicts() == [_night(log)]


# ---- what is not there


def test_totals_are_taken_where_there_are_no_logs() -> None:
    log = by_hand("2020-01-01 23:00", "2020-01-02 07:00", NIGHT)
    totals = (("a", date(2020, 1, 2), 2, 999, 1000), ("a", date(2020, 1, 4), 2, 400, 450))
    first, third = _nights(log, totals=totals)
    assert first == _night(log)
    told = {"total_asleep_min": 400, "total_in_bed_min": 450, "logs": 2}
    keys = {"participant_id": "a", "day": date(2020, 1, 4), "basis": "totals", "kind": None, "since": None}
    assert third == keys | {"until": None} | dict.fromkeys(FEATURES) | told


def test_nothing_recorded_is_no_night() -> None:
    assert _nights() == []
    assert _nights(by_hand("2020-01-02 07:00", "2020-01-02 07:00")) == []
    assert nights(log_frame([]), stage_frame([]), total_frame()).columns[6:] == FEATURES
    empty = pl.DataFrame({"participant_id": [], "since": [], "until": []}).columns
    for spans in (
        asleep_spans(log_frame([]), stage_frame([])),
        known_spans(log_frame([]), stage_frame([]), SleepRule()),
    ):
        assert (spans.height, spans.columns) == (0, empty)


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match="logs have no column ts"):
        nights(log_frame([]).drop("ts"), stage_frame([]), total_frame())
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        SleepRule(joined_within_min=-1)


# ---- against plain Python


def _differences(found: pl.DataFrame, expected: dict[Any, dict[str, Any]], names: list[str]) -> list[tuple[Any, ...]]:
    assert set(found.select("participant_id", "day").iter_rows()) == set(expected)
    return [
        (row["participant_id"], row["day"], name, row[name], expected[row["participant_id"], row["day"]][name])
        for row in found.iter_rows(named=True)
        for name in names
        if row[name] != pytest.approx(expected[row["participant_id"], row["day"]][name], abs=1e-6)
    ]


@settings(max_examples=60, deadline=None)
@given(any_logs(), st.randoms(use_true_random=False))
@pytest.mark.verify
def test_any_logs_in_any_order(logs: list[Log], chance: random.Random) -> None:
    found = nights(log_frame(logs), stage_frame(logs), total_frame())
    assert _differences(found, plain_nights(logs), FEATURES) == []
    assert found.filter(pl.col("asleep_min") + pl.col("awake_min") > pl.col("in_bed_min") + 1e-9).is_empty()
    mixed = sorted(logs, key=lambda _: chance.random())
    stages = stage_frame(mixed).sample(fraction=1, shuffle=True, seed=1)
    assert nights(log_frame(mixed), stages, total_frame()).equals(found)
    covered = {(log.person, log.begin_utc + n * timedelta(seconds=30)) for log in logs for n in range(_halves(log))}
    assert found["total_in_bed_min"].sum() == pytest.approx(len(covered) / 2)
    spans = asleep_spans(log_frame(logs), stage_frame(logs))
    slept = (spans["until"] - spans["since"]).dt.total_seconds().sum() / 60
    assert slept == pytest.approx(plain_asleep_min(logs))
    apart = (pl.col("since") > pl.col("until").shift()).over("participant_id").fill_null(True)
    assert spans.select(apart.all()).item()


def _halves(log: Log) -> int:
    return round((log.end_utc - log.begin_utc).total_seconds() / 30)


@cache
def _pmdata(shared_data: Path) -> tuple[pl.DataFrame, dict[tuple[str, date], Night]]:
    logs = [log for n in range(1, 9) for log in pmdata_logs(shared_data, f"p0{n}")]
    return nights(log_frame(logs), stage_frame(logs), total_frame()), plain_nights(logs)


@pytest.mark.verify
def test_every_feature_of_pmdata(shared_data: Path) -> None:
    found, expected = _pmdata(shared_data)
    assert found.height == 1057
    assert _differences(found, expected, [*FEATURES, "basis"]) == []
    for feature in SLEEP:
        values = found[feature.name].drop_nulls()
        low, high = -1e9 if feature.ge is None else feature.ge, 1e9 if feature.le is None else feature.le
        assert values.is_between(low, high).all(), feature.name


@pytest.mark.verify
def test_the_spring_night_of_pmdata_is_an_hour_shorter_than_the_vendor_says(shared_data: Path) -> None:
    """Of p08 it says 637 min in bed, 510 of them asleep and 67 awake, and an efficiency of 0."""
    found, _ = _pmdata(shared_data)
    (night,) = found.filter(pl.col("participant_id") == "p08", pl.col("day") == date(2020, 3, 29)).to_dicts()
    holds(night, in_bed_min=577.5, asleep_min=510, awake_min=67, efficiency_vendor_pct=None, wake_min=656.5)


@pytest.mark.parametrize("length", [7, 28])
@pytest.mark.verify
def test_every_window_of_pmdata(shared_data: Path, length: int) -> None:
    found, expected = _pmdata(shared_data)
    spans = found.group_by("participant_id").agg(day=pl.date_range(pl.col("day").min(), pl.col("day").max()))
    windows = sleep_windows(found, spans.explode("day"), length)
    plain = {
        (who, day): plain_window(expected, who, day, length)
        for who, day in windows.select("participant_id", "day").iter_rows()
    }
    assert _differences(windows, plain, WINDOW_FEATURES) == []


def test_totals_of_fitabase(fitabase: dict[str, list[Path]]) -> None:
    """410 days with a total: 413 rows, three of them twice; windows over totals know of lengths but not of times."""
    rows = [row for path in fitabase["sleep_day"] for row in fitabase_totals(path)]
    found = nights(log_frame([]), stage_frame([]), total_frame(rows))
    expected = plain_nights([], rows)
    assert found.height == len(rows)
    assert _differences(found, {k: dict.fromkeys(FEATURES) | v for k, v in expected.items()}, FEATURES) == []
    windows = sleep_windows(found, found, 28)
    assert windows["total_asleep_mean_min"].is_not_null().any()
    assert windows.select("asleep_mean_min", "onset_sd_min", "social_jetlag_min").null_count().row(0) == (
        (windows.height,) * 3
    )
