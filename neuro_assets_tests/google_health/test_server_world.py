"""What becomes visible when: late syncs, sleeps in progress, rewrites, deletions, the nights on which clocks change."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from neuro_assets.simulate.google_health import GoogleHealthServer, World, rollups
from neuro_assets.simulate.google_health.people import as_seconds
from neuro_assets_tests.google_health.fake_api import Asker, seconds, utc

pytestmark = pytest.mark.verify
NEW_YORK = ("America/New_York",)
WEARABLES = "users/me/dataSourceFamilies/google-wearables"


def _world(**fields: Any) -> World:
    return World(**{"participants": 4, "start": "2026-10-20", "seed": 7, "zones": NEW_YORK, "travel": 0.0} | fields)


@pytest.fixture
def asker() -> Iterator[Asker]:
    """P001 of a world without habits, on the third day; nothing has been synced yet."""
    with GoogleHealthServer(_world(now="2026-10-22T16:00:00", has_habit=False), empty_share=0.1) as server:
        yield Asker(server)


def _minutes(points: list[dict[str, Any]]) -> dict[int, int]:
    return {seconds(p["steps"]["interval"]["startTime"]): int(p["steps"]["count"]) for p in points}


def test_data_are_there_up_to_the_last_sync_and_not_before(asker: Asker) -> None:
    world = asker.server.world
    assert asker.listed("steps", ":reconcile") == []
    assert asker.get("pairedDevices").json().get("pairedDevices", [{}])[0].get("deviceType") != "TRACKER"
    world.sync("P001", "2026-10-21T14:30:20")
    early = _minutes(asker.listed("steps", ":reconcile"))
    assert max(early) == seconds("2026-10-21T14:29:00Z")
    tracker = asker.get("pairedDevices").json()["pairedDevices"][0]
    assert tracker["lastSyncTime"] == "2026-10-21T14:30:20Z"
    world.sync("P001")
    late = _minutes(asker.listed("steps", ":reconcile"))
    assert late.items() > early.items()
    assert max(late) == seconds("2026-10-22T15:59:00Z")


def test_twelve_silent_days_come_at_once() -> None:
    world = _world(now="2026-10-21T12:00:00")
    world.silence("P001", "2026-10-22", "2026-11-03")
    with GoogleHealthServer(world, empty_share=0.0) as server:
        asker, shown = Asker(server), []
        for day in range(22, 37):
            world.advance(as_seconds("2026-10-01T04:00:00") + 86_400 * (day - 1))
            windows = asker.rolled_up("steps", "2026-10-20T00:00:00Z", utc(int(world.now_s)), "3600s", pageSize=5000)
            shown.append(len(windows))
    silent = shown[1:12]
    assert len(set(silent)) == 1
    assert shown[-1] > silent[0] + 10 * 20
    others = [world.last_sync(p) for p in ("P002", "P003", "P004")]
    assert all(at is not None and world.now - at < timedelta(days=2) for at in others)


def test_a_sleep_is_found_then_ends_then_is_processed_under_one_name(asker: Asker) -> None:
    world = asker.server.world
    night = world.visible("P001").sessions(as_seconds("2026-10-23") // 86_400)[0]
    told: list[dict[str, Any]] = []
    for at in (night.from_s + 1400, night.from_s + 7200, night.until_s + 60, night.until_s + 61 + 900):
        world.advance(at)
        if at != night.until_s + 61 + 900:
            world.sync("P001")
        found = asker.listed("sleep", ":reconcile", filter=f'sleep.interval.end_time >= "{utc(night.from_s)}"')
        told += found or [{}]
    assert told[0] == {}
    assert told[1]["sleep"].keys() == {"interval", "createTime", "updateTime"}
    assert "endTime" not in told[1]["sleep"]["interval"]
    assert told[2]["sleep"].keys() == {"interval", "metadata", "createTime", "updateTime"}
    assert told[2]["sleep"]["metadata"] == {}
    assert told[2]["sleep"]["interval"]["endTime"] == utc(night.until_s)
    whole = told[3]["sleep"]
    assert whole["metadata"] == {"stagesStatus": "SUCCEEDED", "processed": True, "mainSleep": True}
    assert len({sleep["dataPointName"] for sleep in told[1:]}) == 1
    assert len({sleep["sleep"]["createTime"] for sleep in told[1:]}) == 1
    stages = whole["stages"]
    assert [s["endTime"] for s in stages[:-1]] == [s["startTime"] for s in stages[1:]]
    assert (stages[0]["startTime"], stages[-1]["endTime"]) == (utc(night.from_s), utc(night.until_s))
    by_type: dict[str, int] = {}
    for stage in stages:
        length = seconds(stage["endTime"]) - seconds(stage["startTime"])
        by_type[stage["type"]] = by_type.get(stage["type"], 0) + length
    assert {s["type"]: int(s["minutes"]) for s in whole["summary"]["stagesSummary"]} == {
        kind: length // 60 for kind, length in by_type.items()
    }
    assert int(whole["summary"]["minutesInSleepPeriod"]) == (night.until_s - night.from_s) // 60


def test_a_rewritten_sleep_keeps_its_name_and_says_when_it_changed(asker: Asker) -> None:
    world = asker.server.world
    world.sync("P001")
    world.advance("2026-10-22T18:00:00")
    before = asker.listed("sleep")
    world.rewrite_sleep("P001", date(2026, 10, 22))
    after = asker.listed("sleep")
    assert [p["name"] for p in after] == [p["name"] for p in before]
    changed = [a["sleep"] for a, b in zip(after, before, strict=True) if a != b]
    assert len(changed) == 1
    assert changed[0]["updateTime"].startswith("2026-10-22T18:00:00")
    assert changed[0]["interval"]["startTime"] == before[0]["sleep"]["interval"]["startTime"]
    assert before[0]["sleep"]["stages"] != changed[0]["stages"]


def test_deleted_points_are_gone_from_lists_and_roll_ups(asker: Asker) -> None:
    world = asker.server.world
    world.sync("P001")
    before = _minutes(asker.listed("steps", ":reconcile"))
    gone = world.delete("P001", "steps", "2026-10-21T15:00:00", "2026-10-21T16:00:00")
    after = _minutes(asker.listed("steps", ":reconcile"))
    assert {s for s in before if s not in after} == set(gone)
    assert all(seconds("2026-10-21T15:00:00Z") <= s < seconds("2026-10-21T16:00:00Z") for s in gone)
    assert len(gone) > 20
    assert asker.rolled_up("steps", "2026-10-21T15:00:00Z", "2026-10-21T16:00:00Z") == []
    newest = world.delete("P001", "steps", "2026-10-20", "2026-10-23", count=3)
    assert list(newest) == sorted(after)[-3:]
    assert len(_minutes(asker.listed("steps", ":reconcile"))) == len(after) - 3


def test_points_change_late_without_a_sync(asker: Asker) -> None:
    world = asker.server.world
    world.sync("P001")
    before, synced = _minutes(asker.listed("steps", ":reconcile")), world.last_sync("P001")
    world.advance("2026-10-27")
    world.change_points("P001", "steps", "2026-10-21T15:00:00", "2026-10-21T15:10:00", plus=7)
    after = _minutes(asker.listed("steps", ":reconcile"))
    raised = {s: n for s, n in after.items() if n != before[s]}
    assert world.last_sync("P001") == synced
    assert after.keys() == before.keys()
    assert raised == {s: before[s] + 7 for s in before if 900 <= s - seconds("2026-10-21T14:45:00Z") < 1500}
    assert len(raised) > 5


def test_a_flat_tracker_records_and_hands_over_nothing() -> None:
    world = _world(now="2026-10-21T04:00:00")
    world.go_flat("P001", "2026-10-23T12:00:00", "2026-10-25T12:00:00")
    world.sync("P001", "2026-10-23T11:59:00")
    with GoogleHealthServer(world, empty_share=0.0) as server:
        asker = Asker(server)
        world.advance("2026-10-25T11:00:00")
        tracker = asker.get("pairedDevices").json()["pairedDevices"][0]
        assert (tracker["lastSyncTime"], tracker["batteryStatus"]) == ("2026-10-23T11:59:00Z", "Low")
        world.advance("2026-10-28T00:00:00")
        windows = asker.rolled_up("heart-rate", "2026-10-21T00:00:00Z", "2026-10-28T00:00:00Z", pageSize=10_000)
    starts = [seconds(w["startTime"]) for w in windows]
    low, high = as_seconds("2026-10-23T12:00:00"), as_seconds("2026-10-25T12:00:00")
    assert not any(low <= s < high for s in starts)
    assert low - 60 in starts
    assert any(high <= s < high + 600 for s in starts)


def test_the_hour_that_clocks_show_twice_has_both_offsets(asker: Asker) -> None:
    """In New York clocks went back at 2026-11-01T06:00Z, from 02:00 EDT to 01:00 EST."""
    world = asker.server.world
    world.advance("2026-11-03")
    world.sync("P001")
    listed = asker.listed("steps", pageSize=5000)
    both = {"-14400s": seconds("2026-11-01T05:30:00Z"), "-18000s": seconds("2026-11-01T06:30:00Z")}
    found = {}
    for point in listed:
        interval = point["steps"]["interval"]
        if seconds(interval["startTime"]) in both.values():
            found[interval["startUtcOffset"]] = seconds(interval["startTime"])
            civil = interval["civilStartTime"]
            assert civil == {"date": {"year": 2026, "month": 11, "day": 1}, "time": {"hours": 1, "minutes": 30}}
    assert found == both
    last = next(p["steps"]["interval"] for p in listed if p["steps"]["interval"]["startTime"] == "2026-11-01T05:59:00Z")
    assert (last["startUtcOffset"], last["endUtcOffset"]) == ("-14400s", "-18000s")
    assert last["civilEndTime"]["time"] == {"hours": 1}
    assert world.series.day(world.person("P001"), as_seconds("2026-11-01") // 86_400).worn.shape == (1500,)
    assert asker.get("settings").json()["utcOffset"] == "-18000s"


def test_travel_moves_the_offset_and_the_zone_of_the_account() -> None:
    world = World(5, "2026-10-15", seed=2, now="2026-11-12", travel=1.0)
    for person in world.people.values():
        starts = world.points(person, "steps").start_s
        offsets = person.track.at(starts)
        days = (starts + offsets) // 86_400
        assert len(set(person.track.zones)) == 2
        assert len(set(offsets.tolist())) >= 2
        assert days.tolist() == sorted(days.tolist())
    with GoogleHealthServer(world) as server:
        told = Asker(server, "P001").get("settings").json()
    person = world.person("P001")
    at = world.last_sync("P001")
    assert at is not None
    assert told["timeZone"] == person.track.zone(int(at.timestamp()))


def test_roll_ups_are_the_sums_of_the_points(asker: Asker) -> None:
    world = asker.server.world
    world.sync("P001")
    start, end = "2026-10-21T00:00:00Z", "2026-10-22T00:00:00Z"
    points = asker.listed("steps", ":reconcile", filter=_between("steps.interval.start_time", start, end))
    for width in (60, 3600, 5400):
        sums: dict[str, int] = {}
        for point in points:
            at = seconds(point["steps"]["interval"]["startTime"])
            key = utc(at - (at - seconds(start)) % width)
            sums[key] = sums.get(key, 0) + int(point["steps"]["count"])
        windows = asker.rolled_up("steps", start, end, f"{width}s", pageSize=300)
        assert [w["startTime"] for w in windows] == sorted(sums, reverse=True)
        assert {w["startTime"]: int(w["steps"]["countSum"]) for w in windows} == sums


def test_heart_rate_by_the_minute_follows_from_its_samples(asker: Asker) -> None:
    asker.server.world.sync("P001")
    start, end = "2026-10-21T12:00:00Z", "2026-10-21T18:00:00Z"
    samples: dict[str, list[int]] = {}
    member = "heart_rate.sample_time.physical_time"
    for point in asker.listed("heart-rate", ":reconcile", filter=_between(member, start, end), pageSize=5000):
        beat = point["heartRate"]
        samples.setdefault(beat["sampleTime"]["physicalTime"][:17], []).append(int(beat["beatsPerMinute"]))
    windows = asker.rolled_up("heart-rate", start, end)
    assert len(windows) == len(samples) > 200
    for window in windows:
        beats, told = samples[window["startTime"][:17]], window["heartRate"]
        assert told["beatsPerMinuteAvg"] == pytest.approx(sum(beats) / len(beats), abs=1e-9)
        assert (told["beatsPerMinuteMin"], told["beatsPerMinuteMax"]) == (min(beats), max(beats))


def test_daily_roll_ups_follow_the_civil_day_of_each_point(asker: Asker) -> None:
    world = asker.server.world
    world.advance("2026-11-04")
    world.sync("P001")
    sums: dict[int, int] = {}
    for point in asker.listed("steps", ":reconcile", pageSize=5000):
        day = point["steps"]["interval"]["civilStartTime"]["date"]
        if (day["month"] == 10 and day["day"] >= 30) or (day["month"] == 11 and day["day"] <= 2):
            sums[day["day"]] = sums.get(day["day"], 0) + int(point["steps"]["count"])
    date_of = {
        "start": {"date": {"year": 2026, "month": 10, "day": 30}},
        "end": {"date": {"year": 2026, "month": 11, "day": 3}},
    }
    body = {"range": date_of, "windowSizeDays": 1, "pageSize": 3}
    page = asker.roll_up("steps", body, "dailyRollUp").json()
    rest = asker.roll_up("steps", body | {"pageToken": page["nextPageToken"]}, "dailyRollUp").json()
    told = [*page["rollupDataPoints"], *rest["rollupDataPoints"]]
    assert [w["civilStartTime"]["date"]["day"] for w in told] == [2, 1, 31, 30]
    assert {w["civilStartTime"]["date"]["day"]: int(w["steps"]["countSum"]) for w in told} == sums
    assert "nextPageToken" not in rest


def test_energy_is_of_worn_minutes_only(asker: Asker) -> None:
    world = asker.server.world
    world.sync("P001")
    start, end = "2026-10-21T04:00:00Z", "2026-10-22T04:00:00Z"
    windows = asker.rolled_up("total-calories", start, end)
    day = world.series.day(world.person("P001"), as_seconds("2026-10-21") // 86_400)
    assert len(windows) == int(day.worn.sum()) < 1440
    total = sum(w["totalCalories"]["kcalSum"] for w in windows)
    assert total == pytest.approx(float(day.energy_mkcal[day.worn].sum()) / 1000)
    truth = rollups.truth(world, "P001", "total-calories", seconds(start), seconds(end))
    assert [t["mkcal"] / 1000 for t in truth[::-1]] == [w["totalCalories"]["kcalSum"] for w in windows]


def test_a_resting_rate_is_provisional_until_its_day_has_been_synced(asker: Asker) -> None:
    """The day of New York ends at 04:00 UTC."""
    world, told = asker.server.world, []
    world.sync("P001", "2026-10-22T19:00:00")
    world.sync("P001", "2026-10-23T12:30:00")
    for now in ("2026-10-22T20:00:00", "2026-10-23T12:00:00", "2026-10-23T13:00:00"):
        world.advance(now)
        rates = asker.listed("daily-resting-heart-rate", ":reconcile")
        told.append({p["dailyRestingHeartRate"]["date"]["day"]: p["dailyRestingHeartRate"] for p in rates})
    early, unsynced, late = (int(rates[22]["beatsPerMinute"]) for rates in told)
    assert (early, unsynced) == (late + 1, late + 1)
    assert told[0][21] == told[2][21]
    assert told[0][22]["dailyRestingHeartRateMetadata"] == {"calculationMethod": "WITH_SLEEP"}


def test_an_exercise_sums_up_the_minutes_that_it_covers(asker: Asker) -> None:
    world = asker.server.world
    world.advance("2026-11-04")
    world.sync("P001")
    exercises = asker.listed("exercise", ":reconcile")
    assert len(exercises) >= 3
    for point in exercises:
        told, interval = point["exercise"]["metricsSummary"], point["exercise"]["interval"]
        start, end = seconds(interval["startTime"]), seconds(interval["endTime"])
        covered = utc(start - start % 60), utc(end + -end % 60)
        sums = {
            name: [w[member] for w in asker.rolled_up(name, *covered, dataSourceFamily=WEARABLES)]
            for name, member in (("steps", "steps"), ("distance", "distance"), ("total-calories", "totalCalories"))
        }
        beats = [w["heartRate"]["beatsPerMinuteAvg"] for w in asker.rolled_up("heart-rate", *covered)]
        assert int(told["steps"]) == sum(int(w["countSum"]) for w in sums["steps"])
        assert told["distanceMillimeters"] == sum(int(w["millimetersSum"]) for w in sums["distance"])
        assert told["caloriesKcal"] == pytest.approx(sum(w["kcalSum"] for w in sums["total-calories"]))
        assert int(told["averageHeartRateBeatsPerMinute"]) == pytest.approx(sum(beats) / len(beats), abs=0.51)
        assert 0 < int(point["exercise"]["activeDuration"][:-1]) <= end - start


@pytest.mark.parametrize(
    ("name", "days", "status"),
    [
        *(("heart-rate", 14, 200), ("heart-rate", 15, 400), ("total-calories", 15, 400)),
        *(("steps", 90, 200), ("steps", 91, 400), ("sleep", 1, 400)),
    ],
)
def test_ranges_of_roll_ups_are_limited(asker: Asker, name: str, days: int, status: int) -> None:
    start = seconds("2026-08-01T00:00:00Z")
    body = {"range": {"startTime": utc(start), "endTime": utc(start + 86_400 * days)}, "windowSize": "60s"}
    assert asker.roll_up(name, body).status_code == status


@pytest.mark.parametrize("window", ["60", "0s", "0.5s", "one minute", ""])
def test_a_window_that_is_no_duration_of_a_second_or_more_is_refused(asker: Asker, window: str) -> None:
    body = {"range": {"startTime": "2026-10-21T00:00:00Z", "endTime": "2026-10-22T00:00:00Z"}, "windowSize": window}
    assert asker.roll_up("steps", body).status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"range": {"startTime": "2026-10-21", "endTime": "2026-10-22"}},
        {"range": {"startTime": "2026-10-21T00:00:00Z"}},
        {"range": {"startTime": "2026-10-22T00:00:00Z", "endTime": "2026-10-22T00:00:00Z"}},
        {"window": "60s"},
        {"windowSizeDays": 1},
    ],
)
def test_a_body_that_the_method_does_not_have_is_refused(asker: Asker, change: dict[str, Any]) -> None:
    body = {"range": {"startTime": "2026-10-21T00:00:00Z", "endTime": "2026-10-22T00:00:00Z"}, "windowSize": "60s"}
    assert asker.roll_up("steps", body).status_code == 200
    assert asker.roll_up("steps", body | change).status_code == 400
    assert asker.points("steps", windowSize="60s").status_code == 400


def test_the_same_seed_and_operations_give_the_same_answers() -> None:
    told = []
    for _ in range(2):
        world = _world(now="2026-10-24T12:00:00")
        world.rewrite_sleep("P002", date(2026, 10, 23))
        with GoogleHealthServer(world) as server:
            asker = Asker(server, "P002")
            told.append([asker.listed(name, ":reconcile") for name in ("steps", "sleep", "heart-rate-variability")])
    assert told[0] == told[1]
    of_seeds = [_world(seed=seed, now="2026-10-24T12:00:00").truth("P002", "steps") for seed in (7, 7, 8)]
    assert of_seeds[0] == of_seeds[1] != of_seeds[2]


def _between(member: str, start: str, end: str) -> str:
    return f'{member} >= "{start}" AND {member} < "{end}"'
