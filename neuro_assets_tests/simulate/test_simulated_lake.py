"""A simulated study straight into the lake: rows of the declared schema, true, and laid as staging lays them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from neuro_assets.simulate.minutes import MinutePlan, PlanError, minute_blocks, plant_minutes
from neuro_assets.simulate.minutes.truth import minute_truth
from neuro_assets.simulated_lake import LakeHoldsRowsError, fill_lake
from neuro_assets.streams.catalogue import stream
from neuro_assets.streams.gate import row_failures

if TYPE_CHECKING:
    from neuro_assets.lake.lake import Lake
    from neuro_assets_tests.conftest import MakeJob

PLAN = {
    "participants": 5,
    "days": 6,
    "start": date(2016, 11, 3),
    "non_wear": {"nights": 0.4, "evenings": 0.3},
    "battery": {"forgotten": 0.7},
    "travel": {"rate": 0.5, "days": (2, 3), "destinations": ["Europe/London"]},
    "exports": {"count": 1},
}
"""Across 2016-11-06, on which New York repeats an hour."""


@pytest.fixture(scope="module")
def minutes(make_job: MakeJob) -> Lake:
    lake = make_job().lake
    filled = fill_lake(lake, plant_minutes(MinutePlan.model_validate(PLAN)), ("steps", "heart_rate"))
    assert [f.table for f in filled] == ["staging.steps", "staging.heart_rate"]
    return lake


def frame(lake: Lake, sql: str) -> pl.DataFrame:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).pl()


def test_rows_are_the_minutes_of_the_truth(minutes: Lake) -> None:
    """What devices recorded, also after their last sync; there is one device a person, which counts as it should."""
    study = plant_minutes(MinutePlan.model_validate(PLAN))
    truth = pl.concat(minute_truth(block) for block in minute_blocks(study))
    recorded = truth.filter(pl.col("reason").is_in(["recorded", "not_worn", "not_synced", "not_exported"]))
    worn = pl.col("is_worn")
    for name, told in (
        ("steps", recorded.with_columns(value=pl.when(worn).then("steps").otherwise(0))),
        ("heart_rate", recorded.filter(worn).with_columns(value="heart_rate_bpm")),
    ):
        rows = frame(
            minutes,
            "SELECT participant_id, ts AT TIME ZONE 'UTC' AS ts_utc, utc_offset_min AS offset_min,"
            f" value::SMALLINT AS value FROM staging.{name}",
        )
        columns = ["participant_id", "ts_utc", "offset_min", "value"]
        assert_frame_equal(rows.sort(columns), told.select(columns).sort(columns), check_dtypes=False)
        assert len(rows) > 10_000


@pytest.mark.parametrize("name", ["steps", "heart_rate"])
def test_rows_have_the_declared_schema_and_break_no_rule(minutes: Lake, name: str) -> None:
    declared = stream(name)
    rows = frame(minutes, f"SELECT * FROM {declared.qualified}")
    assert tuple(rows.columns) == declared.column_names
    assert rows.null_count().sum_horizontal().item() == 0
    assert rows.select(declared.key).is_unique().all()
    assert row_failures(declared, rows.with_row_index("rid")).is_empty()


def test_the_repeated_hour_is_told_apart_by_fold(minutes: Lake) -> None:
    rows = frame(
        minutes,
        "SELECT fold, utc_offset_min, count(*) AS rows, min(local_ts::TIME)::VARCHAR AS first,"
        " max(local_ts::TIME)::VARCHAR AS last FROM staging.steps WHERE time_quality = 'dst_overlap'"
        " GROUP BY ALL ORDER BY ALL",
    )
    assert rows.select("fold", "utc_offset_min", "first", "last").rows() == [
        (0, -240, "01:00:00", "01:59:00"),
        (1, -300, "01:00:00", "01:59:00"),
    ]
    assert rows["rows"][0] == rows["rows"][1]


def test_days_are_partitions_sorted_by_participant_and_time(minutes: Lake) -> None:
    for day in (date(2016, 11, 3), date(2016, 11, 6)):
        with minutes.connect(read_only=True) as connection:
            rows = connection.execute(
                "SELECT participant_id, local_ts, fold FROM staging.steps WHERE day = ?", [day]
            ).pl()
        assert rows.equals(rows.sort("participant_id", "local_ts", "fold"))
    with minutes.connect(read_only=True) as connection:
        files = connection.execute(
            "SELECT count(*) FROM ducklake_list_files('lake', 'steps', schema => 'staging')"
        ).fetchone()
    assert files == (6,)


def test_simulated_rows_are_not_mixed_with_others(minutes: Lake) -> None:
    study = plant_minutes(MinutePlan(participants=1, days=2))
    with pytest.raises(LakeHoldsRowsError, match=r"staging\.steps has rows already"):
        fill_lake(minutes, study)
    with pytest.raises(ValueError, match="by the minute there is steps, heart_rate, calories, intensity"):
        fill_lake(minutes, study, ("sleep_stage",))


def test_hours_without_minutes_have_the_steps_of_the_calendar(make_job: MakeJob) -> None:
    lake = make_job().lake
    plan = MinutePlan.model_validate(
        {"participants": 40, "days": 60, "start": date(2016, 9, 20), "resolution": "hour", "enrolment": {"late": 0.5}}
    )
    study = plant_minutes(plan)
    (filled,) = fill_lake(lake, study)
    present = study.cohort.last_day - study.cohort.first_day + 1
    # 24 hours a day and the repeated one on 2016-11-06, which all of them are there for.
    assert filled.rows == 24 * present.sum() + 40
    days = frame(
        lake, "SELECT participant_id, day, sum(value) AS steps, count(*) AS hours FROM staging.steps GROUP BY ALL"
    )
    assert set(days["hours"]) == {24, 25}
    expected = sum(study.calendar.day_steps[who, first:].sum() for who, first in enumerate(study.cohort.first_day))
    assert days["steps"].sum() == pytest.approx(expected, rel=0.05)
    keys = frame(
        lake, "SELECT count(*) = count(DISTINCT (participant_id, local_ts, fold)) AS unique FROM staging.steps"
    )
    assert keys["unique"].item()


def test_hours_of_a_zone_between_whole_hours_are_refused() -> None:
    plan = MinutePlan.model_validate({"participants": 1, "days": 3, "resolution": "hour", "zones": {"Asia/Kolkata": 1}})
    from neuro_assets.simulate.minutes.hours import hour_blocks

    with pytest.raises(PlanError, match="Asia/Kolkata"):
        next(hour_blocks(plant_minutes(plan)))
