"""The truth tables of a study by the minute are true of its files, read back without the code that wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

if TYPE_CHECKING:
    from neuro_assets_tests.simulate.conftest import WrittenMinutes

REASONS = [
    "recorded", "not_worn", "not_exported", "not_synced", "lost", "shown_again", "battery", "no_device", "withdrawn",
    "not_enrolled",
]  # fmt: skip
"""From the weakest to the strongest, as docs/simulator.md lists them."""
MEMORY_MIN = 3 * 1440
KEY = ["participant_id", "ts_utc"]


def older_device(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort("number").unique(KEY, keep="first", maintain_order=True)


def test_every_effect_occurs(field: WrittenMinutes) -> None:
    assert set(field.minutes()["reason"].unique()) == set(REASONS)
    history = field.truth("zone_history")["set_forward_min"]
    assert history.min() < 0 < history.max()
    overlaps = field.truth("device_history").filter(
        pl.col("from_utc").shift(-1).over("participant_id") < pl.col("until_utc")
    )
    assert len(overlaps) >= 1
    for name in ("non_wear", "charging", "battery_dead", "sync_pauses", "illness"):
        assert len(field.truth(name)) > 0, name


def test_the_exports_hold_exactly_the_minutes_that_the_truth_says(field: WrittenMinutes) -> None:
    minutes = field.minutes()
    held = minutes.filter(pl.col("reason").is_in(["recorded", "not_worn"]))
    assert held["recorded_steps"].null_count() == 0
    assert minutes["recorded_steps"].count() == len(held)
    read = older_device(field.union("minuteStepsNarrow")).select(*KEY, recorded_steps=pl.col("Steps").cast(pl.Int16))
    assert_frame_equal(read.sort(KEY), held.select(*KEY, "recorded_steps").sort(KEY))


def test_a_heart_rate_is_there_exactly_while_the_device_is_worn_and_recorded(field: WrittenMinutes) -> None:
    recorded = field.minutes().filter(pl.col("reason") == "recorded")
    bpm = "recorded_heart_rate_bpm"
    assert recorded[bpm].null_count() == 0
    assert field.minutes()[bpm].count() == len(recorded)
    readings = field.union("heartrate_seconds").with_columns(ts_utc=pl.col("ts_utc").dt.truncate("1m"))
    read = older_device(readings).select(*KEY, pl.col("Value").cast(pl.Int16).alias(bpm))
    assert_frame_equal(read.sort(KEY), recorded.select(*KEY, bpm).sort(KEY))


def test_reasons_follow_from_the_planted_tables(field: WrittenMinutes) -> None:
    """A second computation, from the CSV tables alone."""
    people = field.truth("participants")
    for person, enrolled, withdrawn in people.select("participant_id", "enrolled_on", "withdrawn_on").iter_rows():
        mine = field.minutes().filter(pl.col("participant_id") == person).sort("ts_utc")
        at = mine["ts_utc"].to_numpy()
        day = mine.select((pl.col("ts_utc") + pl.duration(minutes="offset_min")).dt.date())["ts_utc"].to_numpy()
        by_device = []
        for vendor_id, begins, ends in device_rows(field, person):
            code = np.where(inside(field, "non_wear", person, at), 1, 0)
            synced = first_sync_after(field, person, vendor_id, begins, at)
            in_an_export = np.zeros(len(at), dtype=bool)
            exports = field.truth("exports").filter(pl.col("participant_id") == person)
            for since, taken in exports.select("since_day", "taken_utc").unique().iter_rows():
                in_an_export |= (day >= np.datetime64(since)) & (synced <= np.datetime64(taken))
            code[~in_an_export] = 2
            code[np.isnat(synced) | (synced > np.datetime64(exports["taken_utc"].max()))] = 3
            code[synced - at > np.timedelta64(MEMORY_MIN, "m")] = 4
            code[shown_again(mine)] = 5
            code[inside(field, "battery_dead", person, at, vendor_id)] = 6
            code[(at < np.datetime64(begins)) | (at >= np.datetime64(ends))] = 7
            code[day > np.datetime64(withdrawn or "2100-01-01")] = 8
            code[day < np.datetime64(enrolled)] = 9
            by_device.append(code)
        assert mine["reason"].to_list() == [REASONS[k] for k in np.min(by_device, axis=0)], person


def device_rows(field: WrittenMinutes, person: str) -> list[tuple]:
    devices = field.truth("device_history").filter(pl.col("participant_id") == person)
    return devices.select("vendor_id", "from_utc", "until_utc").rows()


def inside(field: WrittenMinutes, table: str, person: str, at: np.ndarray, vendor_id: int | None = None) -> np.ndarray:
    stretches = field.truth(table).filter(pl.col("participant_id") == person)
    if vendor_id is not None:
        stretches = stretches.filter(pl.col("vendor_id") == vendor_id)
    found = np.zeros(len(at), dtype=bool)
    for begins, ends in stretches.select("from_utc", "until_utc").iter_rows():
        found |= (at >= np.datetime64(begins)) & (at < np.datetime64(ends))
    return found


def first_sync_after(field: WrittenMinutes, person: str, vendor_id: int, begins: object, at: np.ndarray) -> np.ndarray:
    syncs = field.truth("device_sync").filter((pl.col("participant_id") == person) & (pl.col("vendor_id") == vendor_id))
    times = np.append(syncs["synced_utc"].to_numpy(), np.datetime64("NaT", "us"))
    return times[np.searchsorted(times[:-1], at, side="right")]


def shown_again(mine: pl.DataFrame) -> np.ndarray:
    """The clock is set back later, to before what it shows; no hour is repeated by a change to winter time here."""
    wall = mine.select((pl.col("ts_utc") + pl.duration(minutes="offset_min")).alias("wall"))["wall"].to_numpy()
    earliest_later = np.minimum.accumulate(wall[::-1])[::-1]
    return np.append(wall[:-1] >= earliest_later[1:], False)


def test_runs_of_missing_minutes_are_the_minutes_that_are_missing(field: WrittenMinutes) -> None:
    runs = field.truth("missing").select("participant_id", "reason", "from_utc", "until_utc", "minutes")
    spread = runs.with_columns(
        ts_utc=pl.datetime_ranges("from_utc", "until_utc", "1m", closed="left", time_unit="us")
    ).explode("ts_utc")
    assert (spread.group_by("participant_id", "from_utc").len()["len"].sort() == runs["minutes"].sort()).all()
    missing = field.minutes().filter(pl.col("reason") != "recorded").select(*KEY, pl.col("reason").cast(pl.String))
    assert_frame_equal(spread.select(*KEY, "reason").sort(KEY), missing.sort(KEY))


def test_days_and_hours_of_the_truth_are_sums_of_its_minutes(field: WrittenMinutes) -> None:
    local = field.minutes().with_columns(wall=pl.col("ts_utc") + pl.duration(minutes="offset_min"))
    counts = [(pl.col("reason") == reason).sum().cast(pl.Int64).alias(f"{reason}_min") for reason in REASONS]
    recorded = pl.col("recorded_steps").sum().cast(pl.Int64).alias("recorded_steps")
    lived = pl.col("reason") != "shown_again"
    steps = pl.col("steps").cast(pl.Int64)
    days = local.group_by("participant_id", pl.col("wall").dt.date().alias("day")).agg(
        *counts, length_min=lived.sum().cast(pl.Int64), steps=steps.filter(lived).sum(), recorded_steps=recorded
    )  # fmt: skip
    columns = ["participant_id", "day", "length_min", "steps", "recorded_steps", *(f"{r}_min" for r in REASONS)]
    order = ["participant_id", "day"]
    assert_frame_equal(field.truth("daily").select(columns).sort(order), days.select(columns).sort(order))
    hourly = pl.read_parquet(field.out / "truth" / "hourly.parquet")
    hours = local.group_by("participant_id", pl.col("wall").dt.truncate("1h").alias("hour_local"), "offset_min").agg(
        *counts, from_utc=pl.col("ts_utc").min(), length_min=pl.len(), steps=steps.sum(), recorded_steps=recorded
    )  # fmt: skip
    columns = ["participant_id", "from_utc", "hour_local", *columns[2:]]
    order = ["participant_id", "from_utc"]
    assert_frame_equal(hourly.select(columns).sort(order), hours.select(columns).sort(order), check_dtypes=False)


def test_what_an_export_holds_ends_with_the_last_sync_before_it(field: WrittenMinutes) -> None:
    steps = {k: field.rows("minuteStepsNarrow", k) for k in (1, 2)}
    utc = field.union("minuteStepsNarrow").select("Id", "time", "ts_utc").unique()
    exports = field.truth("exports").filter(pl.col("synced_utc").is_not_null())
    seen = 0
    for vendor_id, export, taken, since, synced in exports.select(
        "vendor_id", "export", "taken_utc", "since_day", "synced_utc"
    ).iter_rows():
        mine = steps[export].filter(pl.col("Id") == vendor_id).join(utc, on=["Id", "time"])
        assert synced <= taken
        if len(mine):
            seen += 1
            assert mine["ts_utc"].max() < synced
            assert mine["time"].min().date() >= since
    assert seen > 12
    unsynced = field.truth("exports").filter(pl.col("synced_utc").is_null())
    for vendor_id, export in unsynced.select("vendor_id", "export").iter_rows():
        assert vendor_id not in steps[export]["Id"]


def test_a_day_that_the_first_export_saw_in_part_is_whole_in_the_second(field: WrittenMinutes) -> None:
    first, second = (
        field.rows("dailyActivity", k).select("Id", "time", "TotalSteps").unique().sort("Id", "time") for k in (1, 2)
    )
    both = first.join(second, on=["Id", "time"], suffix="_later")
    assert (both["TotalSteps"] <= both["TotalSteps_later"]).all()
    assert (both["TotalSteps"] < both["TotalSteps_later"]).sum() >= 3


def test_repeated_rows_are_as_many_as_the_truth_says(field: WrittenMinutes) -> None:
    counted = 0
    for export, name, rows, repeated in field.truth("files").iter_rows():
        lines = (field.out / "exports" / f"export{export}" / name).read_bytes().splitlines()
        lines = lines if name == "events.jsonl" else lines[1:]
        assert len(lines) == rows
        if not name.startswith("hourly"):
            assert len(lines) - len(set(lines)) == repeated
        counted += repeated
    assert counted > 100


@pytest.mark.parametrize("export", [1, 2])
def test_hours_and_days_of_an_export_are_sums_of_its_minutes(field: WrittenMinutes, export: int) -> None:
    order = ["Id", "time"]
    minutes = field.rows("minuteStepsNarrow", export).unique()
    for name, value, narrow, column in (
        ("hourlySteps", "StepTotal", "minuteStepsNarrow", "Steps"),
        ("hourlyIntensities", "TotalIntensity", "minuteIntensitiesNarrow", "Intensity"),
        ("hourlyCalories", "Calories", "minuteCaloriesNarrow", "Calories"),
    ):
        hours = field.rows(name, export).select(*order, pl.col(value).cast(pl.Float64)).sort(order)
        each = field.rows(narrow, export).unique()
        sums = (
            each.group_by("Id", pl.col("time").dt.truncate("1h")).agg(pl.col(column).sum().cast(pl.Float64)).sort(order)
        )
        assert hours.select(order).equals(sums.select(order))
        assert (hours[value] - sums[column]).abs().max() <= (0.5001 if value == "Calories" else 0)
    daily = field.rows("dailyActivity", export).unique().sort(order)
    sums = (
        minutes.group_by("Id", pl.col("time").dt.truncate("1d")).agg(pl.col("Steps").sum(), rows=pl.len()).sort(order)
    )
    assert daily.select(order).equals(sums.select(order))
    assert daily["TotalSteps"].equals(sums["Steps"], check_names=False)
    parts = ["VeryActiveMinutes", "FairlyActiveMinutes", "LightlyActiveMinutes", "SedentaryMinutes"]
    told = daily.select(pl.sum_horizontal(parts)).to_series()
    assert (told <= sums["rows"]).all()
    assert (daily["SedentaryMinutes"] >= 0).all()


@pytest.mark.parametrize("export", [1, 2])
def test_nights_are_sums_of_their_minutes_and_nobody_walks_in_bed(field: WrittenMinutes, export: int) -> None:
    minutes = field.rows("minuteSleep", export).unique(maintain_order=True)
    logs = minutes.group_by("logId", "Id").agg(
        time=pl.col("time").last().dt.truncate("1d"), asleep=(pl.col("value") == 1).sum(), in_bed=pl.len()
    )
    logs = logs.group_by("Id", "time").agg(pl.col("asleep").sum(), pl.col("in_bed").sum(), records=pl.len())
    nights = field.rows("sleepDay", export).unique()
    columns = ["Id", "time", "asleep", "in_bed", "records"]
    told = nights.select(
        "Id", "time", asleep="TotalMinutesAsleep", in_bed="TotalTimeInBed", records="TotalSleepRecords"
    ).sort(columns)
    assert_frame_equal(told, logs.select(columns).sort(columns), check_dtypes=False)
    assert len(told) > 30
    asleep = minutes.select("Id", time=pl.col("time").dt.truncate("1m"))
    steps = field.rows("minuteStepsNarrow", export).unique().join(asleep, on=["Id", "time"])
    assert len(steps) > 10_000
    assert steps["Steps"].sum() == 0


def test_the_participants_file_says_the_zone_history(field: WrittenMinutes) -> None:
    people = pl.read_csv(field.out / "participants.csv", infer_schema=False)
    for person, cell in people.select("participant_id", "time_zone").iter_rows():
        history = field.truth("zone_history").filter(pl.col("participant_id") == person).sort("from_utc")
        told = [f"{day}: {zone}" for day, zone in history.select("from_day", "zone").iter_rows()]
        told[0] = history["zone"][0]
        assert cell == " | ".join(told)
