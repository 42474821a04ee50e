"""Exercises and weighings, each a log with an id."""

from datetime import date
from typing import Any

from neuro_assets.sources.google_health import logs
from neuro_assets_tests.google_health.points_of import (
    PHONE,
    TYPED,
    interval,
    rows_from,
    told,
    walk,
)


def test_exercises() -> None:
    bare = walk(exerciseType="OTHER", displayName="Ann's own")
    del bare["exercise"]["metricsSummary"], bare["exercise"]["activeDuration"], bare["dataPointName"]
    bare["exercise"]["interval"] = interval("2026-10-03T10:00Z", "2026-10-03T10:30Z", "7200s")
    goes_on = walk(interval={"startTime": "2026-10-03T12:00:00Z", "startUtcOffset": "7200s"})
    rows = rows_from("exercise", [walk(), bare, goes_on])
    found = rows.frames["exercise"].sort("local_time")
    columns = ("local_time", "written_offset_min", "log_id", "activity", "log_type", "duration_s", "active_s", "steps")
    assert told(found, *columns)[0] == (
        *("2026-10-02 23:35:37", 120, "4093039881136750928", "WALKING", None),
        *(3539.368, 3500.5, 1413),
    )
    measured = ("kcal", "distance_km", "mean_bpm", "elevation_m", "chunk_day")
    assert told(found, *measured) == [
        (98.5, 1.337692, 97.0, 12.5, date(2026, 10, 2)),
        (None, None, None, None, date(2026, 10, 3)),
    ]
    assert found["activity"][1] == "OTHER"
    assert rows.left_out == {logs.EXERCISE_GOES_ON: 1}


def test_an_exercise_without_a_pulse_has_none() -> None:
    rows = rows_from("exercise", [walk(metricsSummary={"averageHeartRateBeatsPerMinute": "0", "steps": "0"})])
    assert told(rows.frames["exercise"], "mean_bpm", "steps") == [(None, 0)]
    assert rows.left_out == {logs.NO_HEART_RATE: 1}


def test_an_exercise_that_a_person_typed_in_is_called_so() -> None:
    point = {"exercise": walk()["exercise"], "dataSource": TYPED}
    found = rows_from("exercise", [point], "list").frames["exercise"]
    assert told(found, "log_type", "recording_method") == [("manual", "MANUAL")]


def test_a_log_without_a_name_has_an_id_of_its_own() -> None:
    def ids(second: int, source: dict[str, Any]) -> list[str]:
        sample = {"physicalTime": f"2026-01-08T04:10:{second:02}Z"}
        point = {"weight": {"sampleTime": sample, "weightGrams": 70_000}, "dataSource": source}
        return rows_from("weight", [point], "list").frames["weight"]["log_id"].to_list()

    assert ids(1, TYPED) == ids(1, TYPED)
    assert len({*ids(1, TYPED), *ids(2, TYPED), *ids(1, PHONE)}) == 3
    assert ids(1, TYPED)[0].startswith("of-")
