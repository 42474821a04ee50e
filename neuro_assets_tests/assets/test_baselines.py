"""The baselines on the public data against pandas, and the verdicts on courses that are known."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from neuro_assets.trace import trace
from neuro_assets.trace_node import Node
from neuro_assets_tests.assets.conftest import FALLS, HOLDS, NEVER, SHORT, Flow

MADE = (FALLS, HOLDS, SHORT, NEVER)
REAL = "participant_id NOT LIKE '9000000%'"


@pytest.fixture(scope="module")
def days(fitabase: dict[str, list[Path]]) -> pd.DataFrame:
    """Person-days as the files have them; where both periods have one, the later stands."""
    frames = []
    for path in fitabase["daily_activity"]:
        frame = pd.read_csv(path, float_precision="round_trip")
        frame["day"] = pd.to_datetime(frame["ActivityDate"], format="%m/%d/%Y").dt.date
        frame["partial"] = frame["day"] == frame["day"].max()
        frame["row"] = range(1, len(frame) + 1)
        frames.append(frame)
    found = pd.concat(frames).drop_duplicates(["Id", "day"], keep="last")
    assert len(found) == 787
    found["Id"] = found["Id"].astype(str)
    return found.sort_values(["Id", "day"])


@pytest.fixture(scope="module")
def baselines(days: pd.DataFrame) -> pd.DataFrame:
    first = days[days["TotalSteps"] > 0].groupby("Id").head(14)
    return first.groupby("Id").agg(
        steps=("TotalSteps", "median"), first=("day", "min"), last=("day", "max"), count=("day", "size")
    )


def test_activity_days_equal_pandas(flow: Flow, days: pd.DataFrame):
    sql = (
        "SELECT participant_id, day, steps, is_active_day, is_partial_day"
        f" FROM baselines.user_daily_activity WHERE {REAL}"
    )
    wanted = zip(days["Id"], days["day"], days["TotalSteps"], days["TotalSteps"] > 0, days["partial"], strict=True)
    assert sorted(flow.home.rows(sql)) == sorted(wanted)
    assert 0 < days["partial"].sum() < 60


def test_baselines_equal_pandas(flow: Flow, baselines: pd.DataFrame):
    sql = (
        "SELECT participant_id, baseline_steps, baseline_first_day, baseline_last_day, baseline_days,"
        f" is_baseline_complete FROM baselines.user_baseline_activity WHERE {REAL} ORDER BY 1"
    )
    wanted = [(b.Index, b.steps, b.first, b.last, b.count, b.count == 14) for b in _tuples(baselines)]
    assert flow.home.rows(sql) == wanted
    assert len(wanted) > 30


def _tuples(frame: pd.DataFrame) -> list:
    """`count` is a method of a namedtuple: reach the columns through objects."""
    return [type("Row", (), {"Index": i, **row}) for i, row in frame.to_dict("index").items()]


def test_deviations_equal_pandas(flow: Flow, days: pd.DataFrame, baselines: pd.DataFrame):
    sql = (
        "SELECT participant_id, day, steps, baseline_steps, steps_pct_of_baseline, steps_delta_from_baseline,"
        f" is_baseline_window FROM baselines.user_activity_deviation WHERE {REAL} ORDER BY 1, 2"
    )
    joined = days.merge(baselines, left_on="Id", right_index=True, how="left")
    base = joined["steps"]
    wanted = zip(
        joined["Id"],
        joined["day"],
        joined["TotalSteps"],
        base,
        joined["TotalSteps"] / base,
        joined["TotalSteps"] - base,
        (joined["day"] >= joined["first"]) & (joined["day"] <= joined["last"]),
        strict=True,
    )
    found = flow.home.rows(sql)
    assert len(found) == 787
    assert found == list(wanted)


def test_people_without_an_active_day_deviate_from_nothing(flow: Flow):
    sql = "SELECT day, steps, baseline_steps, steps_pct_of_baseline FROM baselines.user_activity_deviation"
    assert flow.home.rows(f"{sql} WHERE participant_id = ? ORDER BY day", NEVER) == [
        (date(2016, 3, d), 0, None, None) for d in (12, 13, 14)
    ]


@pytest.fixture(scope="module")
def verdicts(flow: Flow) -> dict[str, dict]:
    return {row["participant_id"]: row for row in flow.home.frame(TREND, "participant_id").iter_rows(named=True)}


TREND = "baselines.user_engagement_trend"


def test_everybody_with_activity_has_one_verdict(flow: Flow, days: pd.DataFrame, verdicts: dict[str, dict]):
    assert flow.home.rows(f"SELECT count(*) FROM {TREND}") == [(days["Id"].nunique() + len(MADE),)]
    assert set(verdicts) == set(days["Id"]) | set(MADE)


def test_a_course_that_falls_by_200_steps_a_day(verdicts: dict[str, dict]):
    """Baseline 10,000; 30 days after it, the last of which the export did not see whole; -1,400 a week is -14 %."""
    found = verdicts[FALLS]
    assert (found["verdict"], found["trend_days"], found["baseline_steps"]) == ("degrading", 29, 10_000)
    assert found["slope_steps_per_day"] == pytest.approx(-200)
    assert found["slope_pct_of_baseline_per_week"] == pytest.approx(-14)
    assert found["mann_kendall_tau"] == pytest.approx(-1)
    assert found["slope_upper_95"] < 0
    assert (found["first_day"], found["last_day"]) == (date(2016, 3, 12), date(2016, 4, 24))


def test_the_trailing_shares_end_with_the_study_not_with_the_person(verdicts: dict[str, dict]):
    """The study's last day is 12 May: of its last 28 days, from 15 April on, ten have steps; of the last 7 none."""
    assert (verdicts[FALLS]["share_active_28d"], verdicts[FALLS]["share_active_7d"]) == (10 / 28, 0)


def test_a_course_that_holds(verdicts: dict[str, dict]):
    found = verdicts[HOLDS]
    assert (found["verdict"], found["trend_days"], found["slope_steps_per_day"]) == ("stable", 29, 0)


def test_too_little_is_said_to_be_too_little(verdicts: dict[str, dict]):
    """Five days of 100 to 500 steps make a baseline of 300 that is not complete; no step makes none."""
    short, never = verdicts[SHORT], verdicts[NEVER]
    assert (short["verdict"], short["trend_days"], short["baseline_steps"]) == ("too_little_data", 0, 300)
    assert (never["verdict"], never["trend_days"], never["baseline_steps"]) == ("too_little_data", 0, None)


def test_the_run_tells_the_verdicts(flow: Flow, verdicts: dict[str, dict]):
    (event,) = flow.results["by_person"].asset_materializations_for_node("baselines__user_engagement_trend")
    told = {n: event.metadata[f"people_{n}"].value for n in ("improving", "stable", "degrading", "too_little_data")}
    assert sum(told.values()) == len(verdicts)
    assert told["degrading"] == [v["verdict"] for v in verdicts.values()].count("degrading") >= 1


def test_a_deviation_is_traced_to_the_lines_it_rests_on(flow: Flow, days: pd.DataFrame):
    """Its own row, and the first 14 active days of the person: row numbers as pandas counts them."""
    person = days[days["TotalSteps"] > 0].groupby("Id").filter(lambda g: len(g) > 20)["Id"].iloc[0]
    mine = days[days["Id"] == person]
    day = mine["day"].iloc[-1]
    root = trace(flow.home.job, "baselines.user_activity_deviation", {"participant_id": person, "day": str(day)})
    (row,) = root.children
    staged, baseline = row.children
    (file,) = staged.children
    assert file.facts["row"] == mine["row"].iloc[-1]
    assert file.facts["text"].startswith(f"{person},{day.month}/{day.day}/{day.year},{mine['TotalSteps'].iloc[-1]},")
    active = mine[mine["TotalSteps"] > 0].head(14)
    assert [told(c) for c in baseline.children] == [
        (f"{d}: {steps} steps", n, n + 1)
        for d, steps, n in zip(active["day"], active["TotalSteps"], active["row"], strict=True)
    ]


def told(node: Node) -> tuple:
    return node.title, node.facts["row"], node.facts["line"]
