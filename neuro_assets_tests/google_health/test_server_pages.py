"""Pages and filters of the fake: each point once, the newest first, and refusals in Google's words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neuro_assets.simulate.google_health import GoogleHealthServer, World
from neuro_assets_tests.google_health.fake_api import Asker, seconds
from neuro_assets_tests.google_health.schema import payload

FROM, UNTIL = "2026-10-20T00:00:00Z", "2026-10-28T00:00:00Z"
STEPS = f'steps.interval.start_time >= "{FROM}" AND steps.interval.start_time < "{UNTIL}"'
SLEEP = f'sleep.interval.end_time >= "{FROM}" AND sleep.interval.end_time < "{UNTIL}"'


@pytest.fixture(scope="module")
def server() -> Iterator[GoogleHealthServer]:
    world = World(6, "2026-10-15", seed=5, now="2026-11-05T12:00:00")
    with GoogleHealthServer(world, empty_share=0.5) as server:
        yield server


@pytest.fixture(scope="module")
def asker(server: GoogleHealthServer) -> Asker:
    return Asker(server, "P001")


def _starts(points: list[dict[str, Any]]) -> list[int]:
    return [seconds(p["steps"]["interval"]["startTime"]) for p in points]


@pytest.mark.verify
def test_pages_give_each_point_once_and_the_newest_first(asker: Asker) -> None:
    pages = list(asker.pages("steps", ":reconcile", filter=STEPS, pageSize=700))
    starts = _starts([p for page in pages for p in page.get("dataPoints", ())])
    assert starts == sorted(set(starts), reverse=True)
    assert seconds(FROM) <= starts[-1] < starts[0] < seconds(UNTIL)
    true = [r["start_s"] for r in asker.server.world.truth("P001", "steps")]
    assert starts[::-1] == [s for s in true if seconds(FROM) <= s < seconds(UNTIL)]
    full = [page for page in pages if page.get("dataPoints")]
    assert [len(page["dataPoints"]) for page in full[:-1]] == [700] * (len(full) - 1)


@pytest.mark.verify
def test_empty_pages_carry_a_token_and_lose_nothing(server: GoogleHealthServer, asker: Asker) -> None:
    pages = list(asker.pages("steps", ":reconcile", filter=STEPS, pageSize=200))
    empty = [page for page in pages if "dataPoints" not in page]
    assert len(empty) > 10
    assert all(page.keys() == {"nextPageToken"} for page in empty)
    without = GoogleHealthServer(server.world, empty_share=0.0)
    with without:
        assert Asker(without).listed("steps", ":reconcile", filter=STEPS) == [
            p for page in pages for p in page.get("dataPoints", ())
        ]


@pytest.mark.parametrize(
    ("name", "asked", "size"),
    [("steps", None, 1440), ("steps", 10_000, 5_000), ("steps", 20_000, 5_000), ("steps", 10, 10), ("sleep", None, 25)],
)
def test_pages_have_the_size_that_is_documented_or_seen(asker: Asker, name: str, asked: int | None, size: int) -> None:
    pages = asker.pages(name, pageSize=asked) if asked else asker.pages(name)
    first = next(page for page in pages if page.get("dataPoints"))
    assert len(first["dataPoints"]) == min(size, len(asker.server.world.truth("P001", name, reading="list")))


def test_the_last_page_has_no_token_and_misses_nothing(server: GoogleHealthServer) -> None:
    hour = STEPS.replace(FROM, "2026-10-27T15:00:00Z").replace(UNTIL, "2026-10-27T16:00:00Z")
    with GoogleHealthServer(server.world, empty_share=0.0) as plain:
        asker = Asker(plain)
        count = len(asker.listed("steps", filter=hour))
        sizes = {
            size: [len(page["dataPoints"]) for page in asker.pages("steps", filter=hour, pageSize=size)]
            for size in (count - 1, count, count + 1)
        }
    assert count > 30
    assert sizes == {count - 1: [count - 1, 1], count: [count], count + 1: [count]}


@pytest.mark.verify
def test_list_has_all_sources_and_reconcile_one_stream(asker: Asker) -> None:
    listed = asker.listed("steps", filter=STEPS, pageSize=5000)
    merged = asker.listed("steps", ":reconcile", filter=STEPS, pageSize=5000)
    by_source: dict[str, dict[int, int]] = {}
    for point in listed:
        platform = point["dataSource"]["platform"]
        start = seconds(point["steps"]["interval"]["startTime"])
        by_source.setdefault(platform, {})[start] = int(point["steps"]["count"])
    tracker, phone = by_source["FITBIT"], by_source["HEALTH_CONNECT"]
    expected = phone | tracker
    assert {s: int(p["steps"]["count"]) for s, p in zip(_starts(merged), merged, strict=True)} == expected
    assert sum(expected.values()) > sum(tracker.values()) > 0
    assert len(listed) == len(tracker) + len(phone)
    hour = STEPS.replace(FROM, "2026-10-27T15:00:00Z").replace(UNTIL, "2026-10-27T20:00:00Z")
    at_once = asker.listed("steps", filter=hour)
    assert asker.listed("steps", filter=hour, pageSize=7) == at_once
    assert len(at_once) > len({p["steps"]["interval"]["startTime"] for p in at_once})
    assert not any("dataSource" in point for point in merged)
    assert 0 in tracker.values()


def test_a_page_token_belongs_to_its_request(asker: Asker) -> None:
    token = next(asker.pages("steps", filter=STEPS))["nextPageToken"]
    others = STEPS.replace(UNTIL, "2026-10-27T00:00:00Z")
    assert asker.points("steps", filter=STEPS, pageToken=token).status_code == 200
    assert asker.points("steps", filter=others, pageToken=token).status_code == 400
    assert asker.points("steps", ":reconcile", filter=STEPS, pageToken=token).status_code == 400
    assert Asker(asker.server, "P002").points("steps", filter=STEPS, pageToken=token).status_code == 400
    altered = ("B" if token[0] == "A" else "A") + token[1:]
    assert asker.points("steps", filter=STEPS, pageToken=altered).status_code == 400
    assert asker.points("steps", filter=STEPS, pageToken="nonsense").status_code == 400


def test_a_wrong_member_is_refused_in_the_recorded_words(asker: Asker, google_spec: Path) -> None:
    member = "daily_oxygen_saturation.civil_date"
    answer = asker.points("daily-oxygen-saturation", filter=f'{member} >= "2026-01-01" AND {member} < "2026-01-08"')
    assert answer.status_code == 400
    assert answer.json() == payload(google_spec, "recorded_mcp-fitbit-air__error_400_filter_member.json")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sleep", f'sleep.interval.start_time >= "{FROM}"'),
        ("exercise", f'exercise.interval.start_time >= "{FROM}"'),
        ("daily-resting-heart-rate", f'daily_resting_heart_rate.interval.start_time >= "{FROM}"'),
        ("steps", f'distance.interval.start_time >= "{FROM}"'),
        ("weight", f'weight.interval.start_time >= "{FROM}"'),
    ],
)
def test_a_member_of_another_record_type_is_refused(asker: Asker, name: str, text: str) -> None:
    answer = asker.points(name, filter=text).json()["error"]
    assert (answer["code"], answer["status"]) == (400, "INVALID_ARGUMENT")
    assert answer["details"][0]["metadata"] == {"detailedReasons": "INVALID_DATA_POINT_FILTER_DATA_TYPE_MEMBER"}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "daily-resting-heart-rate",
            'daily_resting_heart_rate.date >= "2026-10-20" AND daily_resting_heart_rate.date < "2026-10-20"',
            "Query end time must be strictly larger",
        ),
        ("steps", f'steps.interval.start_time <= "{FROM}"', "Comparator '<=' is not supported"),
        ("steps", 'steps.interval.start_time >= "2026-10-20"', "Invalid literal"),
        ("steps", "steps.interval.start_time >= 2026-10-20T00:00:00Z", "Invalid literal"),
        ("exercise", f'exercise.interval.civil_start_time >= "{FROM}"', "Invalid literal"),
        ("steps", f'steps.interval.start_time >= "{FROM}" steps', "Syntax error. (at line 1, column 52)"),
        ("steps", f"{STEPS} OR {STEPS}", "'OR' is not supported"),
        ("steps", "steps", "Syntax error. (at line 1, column 1)"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(asker: Asker, name: str, text: str, told: str) -> None:
    answer = asker.points(name, filter=text)
    assert answer.status_code == 400
    violation = answer.json()["error"]["details"][1]["fieldViolations"][0]
    assert told in violation["description"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("steps", 'steps.interval.civil_start_time >= "2026-10-20"'),
        ("heart-rate", 'heart_rate.sample_time.civil_time >= "2026-10-20"'),
    ],
)
def test_civil_members_of_steps_and_heart_rate_find_nothing(server: GoogleHealthServer, name: str, text: str) -> None:
    with GoogleHealthServer(server.world, empty_share=0.0) as plain:
        answer = Asker(plain).points(name, filter=text)
    assert (answer.status_code, answer.json()) == (200, {})


def test_each_record_type_is_filtered_by_its_own_member(asker: Asker) -> None:
    world = asker.server.world
    low, high = seconds(FROM), seconds(UNTIL)
    sleeps = asker.listed("sleep", ":reconcile", filter=SLEEP)
    true = [r for r in world.truth("P001", "sleep") if r["until_s"] and low <= r["until_s"] < high]
    assert [p["dataPointName"].rpartition("/")[2] for p in sleeps] == [r["id"] for r in true[::-1]]
    assert 5 <= len(true) < len(world.truth("P001", "sleep"))

    days = asker.listed(
        "daily-heart-rate-variability",
        ":reconcile",
        filter='daily_heart_rate_variability.date >= "2026-10-20" AND daily_heart_rate_variability.date < "2026-10-28"',
    )
    assert {(p["dailyHeartRateVariability"]["date"]["day"]) for p in days} <= set(range(20, 28))
    assert len(days) >= 5

    civil = 'exercise.interval.civil_start_time >= "2026-10-20" AND exercise.interval.civil_start_time < "2026-11-03"'
    exercises = asker.listed("exercise", filter=civil)
    starts = [r["from_s"] + r["from_offset_s"] for r in world.truth("P001", "exercise")]
    assert len(exercises) == sum(seconds("2026-10-20T00:00:00Z") <= s < seconds("2026-11-03T00:00:00Z") for s in starts)
    assert exercises

    beats = asker.listed(
        "heart-rate",
        filter='heart_rate.sample_time.physical_time >= "2026-10-20T15:00:00Z"'
        ' AND heart_rate.sample_time.physical_time < "2026-10-20T15:02:00Z"',
    )
    assert [int(p["heartRate"]["sampleTime"]["physicalTime"][17:19]) for p in beats] == list(range(58, -1, -2)) * 2


def test_sleeps_may_be_asked_for_by_two_ranges(asker: Asker) -> None:
    first = SLEEP.replace(UNTIL, "2026-10-22T00:00:00Z")
    last = SLEEP.replace(FROM, "2026-10-26T00:00:00Z")
    both = asker.listed("sleep", filter=f"{first} OR {last}")
    assert both == asker.listed("sleep", filter=last) + asker.listed("sleep", filter=first)
    assert len(both) > 2


def test_sources_of_sleep_are_chosen_by_reconcile_only(asker: Asker) -> None:
    wearables = "users/me/dataSourceFamilies/google-wearables"
    assert asker.points("sleep", dataSourceFamily=wearables).status_code == 400
    assert asker.points("sleep", ":reconcile", dataSourceFamily=wearables).status_code == 200
    assert asker.points("steps", dataSourceFamily="users/me/dataSourceFamilies/no-such").status_code == 400
    listed = asker.listed("steps", filter=STEPS, dataSourceFamily=wearables, pageSize=5000)
    assert {p["dataSource"]["platform"] for p in listed} == {"FITBIT"}
    assert asker.listed("steps", filter=STEPS, dataSourceFamily="users/me/dataSourceFamilies/self-sources") == []


def test_paths_that_are_not_the_callers_are_refused(asker: Asker) -> None:
    url, people = asker.server.url, asker.server.world.people
    mine, others = people["P001"].health_user_id, people["P002"].health_user_id
    answers = [asker.session.get(f"{url}/v4/users/{who}/identity").status_code for who in ("me", mine, others)]
    assert answers == [200, 200, 403]
    assert asker.points("step-count").status_code == 400
    assert asker.points("total-calories").status_code == 400
    assert asker.session.get(f"{url}/v4/users/me/nothing").status_code == 404
