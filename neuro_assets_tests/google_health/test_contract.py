"""Answers are held to Google's contract: its schema says what may stand, and every refusal names the field."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_assets.sources.google_health import account, points
from neuro_assets.sources.google_health.contract import ContractError, decode_page, decode_rollup
from neuro_assets.sources.google_health.data_types import BY_NAME, HEART_RATE_RAW, REVISION
from neuro_assets.sources.google_health.wire import _members
from neuro_assets_tests.google_health.points_of import body_of, page_of, steps, type_of

# Payload -> the type that was asked for, and the field that is not of the contract.
REFUSED = {
    "gohealthcli__googlehealth_basal_energy_burned_list": ("steps", "dataPoints[0].dataSource.applicationName"),
    "gohealthcli__googlehealth_daily_resting_heart_rate_list": (
        "daily-resting-heart-rate",
        "dataPoints[0].dailyRestingHeartRate.dailyRestingHeartRateMetadata.calculationMethod",
    ),
    "gohealthcli__googlehealth_distance_list": ("distance", "dataPoints[0].dataSource.device.model"),
    "gohealthcli__googlehealth_electrocardiogram_list": ("heart-rate", "dataPoints[0].dataSource.device.model"),
    "gohealthcli__googlehealth_exercise_list": ("exercise", "dataPoints[0].dataSource.device.model"),
    "gohealthcli__googlehealth_heart_rate_list": ("heart-rate", "dataPoints[0].dataSource.device.model"),
    "gohealthcli__googlehealth_irregular_rhythm_notification_list": (
        "heart-rate",
        "dataPoints[0].dataSource.device.model",
    ),
    "gohealthcli__googlehealth_nutrition_log_list": ("steps", "dataPoints[0].dataSource.platform"),
    "gohealthcli__googlehealth_oxygen_saturation_list": (
        "oxygen-saturation",
        "dataPoints[0].oxygenSaturation.percentage",
    ),
    "gohealthcli__googlehealth_sleep_list": ("sleep", "dataPoints[0].dataSource.device.model"),
    "gohealthcli__googlehealth_steps_list": ("steps", "dataPoints[0].steps.count"),
    "written_home-assistant__sleep_in_progress": ("sleep", "dataPoints[0].sleep.interval.startUtcOffset"),
}
# Payload -> the type that was asked for, and how many points it has.
TAKEN = {
    "gohealthcli__googlehealth_daily_heart_rate_variability_list": ("daily-heart-rate-variability", 1),
    "gohealthcli__googlehealth_daily_oxygen_saturation_list": ("daily-oxygen-saturation", 1),
    "gohealthcli__googlehealth_daily_respiratory_rate_list": ("daily-respiratory-rate", 1),
    "gohealthcli__googlehealth_heart_rate_variability_list": ("heart-rate-variability", 1),
    "gohealthcli__googlehealth_weight_list": ("weight", 1),
    "recorded_mcp-fitbit-air__list_daily-heart-rate-variability_nofilter": ("daily-heart-rate-variability", 5),
    "recorded_mcp-fitbit-air__list_heart_rate_nofilter": ("heart-rate", 5),
    "recorded_mcp-fitbit-air__list_sleep_nofilter_first_point": ("sleep", 1),
    "recorded_mcp-fitbit-air__list_steps_nofilter": ("steps", 1),
    "recorded_slackhealthbot__sleep_manual_classic": ("sleep", 1),
}
PATTERNS = {r"^-?\d+$": {"int64"}, r"^-?\d+(\.\d{1,9})?s$": {"duration", "offset"}}


def _refused(payload: bytes, name: str, reading: Any = "list", unknown: Any = "refuse") -> ContractError:
    with pytest.raises(ContractError) as caught:
        decode_page(payload, type_of(name), reading, unknown)
    return caught.value


@pytest.mark.parametrize("payload", REFUSED)
def test_a_payload_that_is_not_of_the_contract_is_refused_by_its_field(google_spec: Path, payload: str) -> None:
    name, field = REFUSED[payload]
    error = _refused((google_spec / f"{payload}.json").read_bytes(), name)
    assert error.field == field
    assert str(error).startswith(f"{field}: ")


@pytest.mark.parametrize("payload", TAKEN)
def test_a_payload_of_the_contract_is_taken(google_spec: Path, payload: str) -> None:
    name, count = TAKEN[payload]
    page = decode_page((google_spec / f"{payload}.json").read_bytes(), type_of(name), "list")
    assert (len(page.points), page.unknown) == (count, ())


def test_the_verdicts_are_those_of_googles_own_schema(google_spec: Path) -> None:
    """No list of points is forgotten, and each is taken or refused as CONFORMANCE.txt says."""
    lines = (google_spec / "CONFORMANCE.txt").read_text(encoding="utf-8").splitlines()
    verdicts = {line.split(".json ")[0]: line.endswith(" OK") for line in lines if " ListDataPointsResponse " in line}
    assert verdicts == dict.fromkeys(TAKEN, True) | dict.fromkeys(REFUSED, False)


def test_types_that_are_not_read_are_refused_as_such() -> None:
    for member in ("electrocardiogram", "irregularRhythmNotification", "nutritionLog", "basalEnergyBurned"):
        error = _refused(body_of([{"dataSource": {"platform": "FITBIT"}, member: {}}]), "steps")
        assert (error.field, error.message) == (f"dataPoints[0].{member}", "is not a type that is read")


def test_a_point_has_the_member_of_its_type_and_no_other() -> None:
    error = _refused(body_of([steps("2026-01-08T01:54Z", "1"), {}]), "steps")
    assert (error.field, error.message) == ("dataPoints[1].steps", "is missing: the point is none of steps")
    both = steps("2026-01-08T01:54Z", "1") | {"heartRate": {}}
    for unknown in ("refuse", "note"):
        error = _refused(body_of([both]), "steps", unknown=unknown)
        assert (error.field, error.message) == (
            "dataPoints[0].heartRate",
            "is of another type than steps, which was asked for",
        )


def test_reconciled_points_have_another_name_and_no_source() -> None:
    point = steps("2026-01-08T01:54Z", "1")
    named = decode_page(body_of([point | {"dataPointName": "a/b"}]), BY_NAME["steps"], "reconcile")
    assert named.points[0].name == "a/b"
    assert _refused(body_of([point | {"dataSource": {}}]), "steps", "reconcile").field == "dataPoints[0].dataSource"
    assert _refused(body_of([point | {"name": "a"}]), "steps", "reconcile").field == "dataPoints[0].name"
    assert _refused(body_of([point | {"dataPointName": "a"}]), "steps").field == "dataPoints[0].dataPointName"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"count": 512}, "count"),
        ({"count": "5.0"}, "count"),
        ({"count": "+5"}, "count"),
        ({"count": " 5"}, "count"),
        ({"count": "\u0665"}, "count"),
        ({"count": "5\n"}, "count"),
        ({"count": ""}, "count"),
        ({"count": None}, "count"),
        ({"count": "9223372036854775808"}, "count"),
        ({"count": "-9223372036854775809"}, "count"),
        ({"startUtcOffset": "-07:00"}, "interval.startUtcOffset"),
        ({"startUtcOffset": "-14400"}, "interval.startUtcOffset"),
        ({"startUtcOffset": -14400}, "interval.startUtcOffset"),
        ({"startUtcOffset": "90000s"}, "interval.startUtcOffset"),
        ({"endUtcOffset": "-4h"}, "interval.endUtcOffset"),
        ({"startTime": "2026-01-08T01:54:00"}, "interval.startTime"),
        ({"startTime": "2026-02-30T01:54:00Z"}, "interval.startTime"),
        ({"startTime": "2026-01-08 01:54:00Z"}, "interval.startTime"),
        ({"startTime": "2026-01-08T24:00:00Z"}, "interval.startTime"),
        ({"startTime": "2026-01-08T01:54:60Z"}, "interval.startTime"),
        ({"endTime": "0000-01-08T01:54:00Z"}, "interval.endTime"),
        ({"endTime": 1767837240}, "interval.endTime"),
        ({"civilStartTime": {"date": {"year": "2026"}}}, "interval.civilStartTime.date.year"),
        ({"civilStartTime": {"time": {"minute": 60}}}, "interval.civilStartTime.time.minute"),
    ],
)
def test_a_text_that_is_no_such_value_is_named(change: dict[str, Any], field: str) -> None:
    bad = steps("2026-01-08T01:54Z", "5")
    inner = bad["steps"] if "count" in change else bad["steps"]["interval"]
    inner |= change
    good = [steps(f"2026-01-08T01:{n:02}Z", "5") for n in range(30, 40)]
    assert _refused(body_of([*good, bad]), "steps").field == f"dataPoints[10].steps.{field}"


def test_civil_times_are_not_judged_beyond_their_types() -> None:
    """A recorded answer has minute 60, which whoever published it put there."""
    point = steps("2026-01-08T01:54Z", "5")
    point["steps"]["interval"]["civilStartTime"] = {"date": {"year": 2026, "month": 13}, "time": {"minutes": 60}}
    assert page_of("steps", [point]).points[0].value.interval.civil_start_time.time.minutes == 60


def test_what_protobuf_leaves_out_is_0_where_0_can_be() -> None:
    page = page_of("steps", [steps("2026-01-08T01:54Z", None), steps("2026-01-08T01:55Z", "0")])
    assert [p.value.count for p in page.points] == ["0", "0"]
    window = {"startTime": "2026-01-08T01:54:00Z", "endTime": "2026-01-08T01:55:00Z", "totalCalories": {}}
    calories = decode_rollup(json.dumps({"rollupDataPoints": [window]}).encode(), BY_NAME["total-calories"])
    assert calories.points[0].value.kcal_sum == 0
    pulse = {"heartRate": {"sampleTime": {"physicalTime": "2026-01-08T01:54:00Z"}}}
    assert _refused(body_of([pulse]), "heart-rate").field == "dataPoints[0].heartRate.beatsPerMinute"
    oxygen = {"oxygenSaturation": {"sampleTime": {"physicalTime": "2026-01-08T01:54:00Z"}}}
    assert _refused(body_of([oxygen]), "oxygen-saturation").field == "dataPoints[0].oxygenSaturation.percentage"


def test_a_day_that_is_none_is_named() -> None:
    def point(date: dict[str, int]) -> dict[str, Any]:
        return {"dailyRespiratoryRate": {"date": date, "breathsPerMinute": 14}}

    for date in ({"year": 2026, "month": 2, "day": 29}, {"year": 2026, "month": 2}, {}):
        good = point({"year": 2026, "month": 2, "day": 28})
        error = _refused(body_of([good, point(date)]), "daily-respiratory-rate")
        assert error.field == "dataPoints[1].dailyRespiratoryRate.date"
        assert error.message.endswith("is no day")


def test_int64_reaches_as_far_as_64_bits() -> None:
    page = page_of("steps", [steps(f"2026-01-08T01:5{n}Z", t) for n, t in enumerate((str(2**63 - 1), str(-(2**63))))])
    assert page.table is not None
    assert page.table["value"].to_list() == [2**63 - 1, -(2**63)]


def test_a_cut_off_answer_is_no_answer(google_spec: Path) -> None:
    whole = (google_spec / "recorded_mcp-fitbit-air__list_steps_nofilter.json").read_bytes().strip()
    assert all(_refused(whole[:n], "steps").field == "" for n in range(0, len(whole), 7))
    for broken in (b"<html>", b"\xff\xfe", b"{" * 100_000, b'{"dataPoints":[' + b"[" * 100_000):
        assert _refused(broken, "steps").field in {"", "dataPoints[0]"}
    assert _refused(b"[]", "steps").field == ""


def test_an_error_repeats_no_more_than_a_little_of_the_answer() -> None:
    long = "x" * 5000
    for bad in (steps("2026-01-08T01:54Z", long), {long: 1}, {"dataSource": {"platform": long}}):
        assert len(str(_refused(body_of([bad]), "steps"))) < 250


def test_fields_that_google_adds_are_noted_where_that_is_asked_for() -> None:
    point = steps("2026-01-08T01:54Z", "5") | {"dataSource": {"platform": "NEWER", "model": {"a": [1]}}}
    point["steps"]["cadence"] = 3
    body = body_of([point, copy.deepcopy(point)], total=2)
    assert _refused(body, "steps").field == "dataPoints[0].steps.cadence"
    page = decode_page(body, BY_NAME["steps"], "list", "note")
    assert page.unknown == (
        "dataPoints[].dataSource.model",
        "dataPoints[].dataSource.platform=NEWER",
        "dataPoints[].steps.cadence",
        "total",
    )
    point["steps"] |= {"cadence": 3, "count": 5}
    assert _refused(body_of([point]), "steps", unknown="note").field == "dataPoints[0].steps.count"
    point["steps"] |= {"count": "5"}
    point["dataSource"] = {"recordingMethod": "NEWER"}
    assert _refused(body_of([point]), "steps", unknown="note").field == "dataPoints[0].dataSource.recordingMethod"
    newer = {"dataPoints": [{"cadence": {}}]}
    assert _refused(json.dumps(newer).encode(), "steps", unknown="note").field == "dataPoints[0].steps"


def test_a_kind_of_exercise_that_google_adds_is_noted() -> None:
    start, end = "2026-01-08T01:00:00Z", "2026-01-08T02:00:00Z"
    point = {"exercise": {"interval": {"startTime": start, "endTime": end}, "exerciseType": "QUIDDITCH"}}
    assert _refused(body_of([point]), "exercise").field == "dataPoints[0].exercise.exerciseType"
    page = decode_page(body_of([point]), BY_NAME["exercise"], "list", "note")
    assert page.unknown == ("dataPoints[].exercise.exerciseType=QUIDDITCH",)


def test_roll_ups_are_decoded(google_spec: Path) -> None:
    body = (google_spec / "recorded_mcp-fitbit-air__rollup_steps__nested_date.json").read_bytes()
    page = decode_rollup(body, BY_NAME["steps"], windows="civil")
    assert [(p.start.date.day, p.end.date.day, p.value.count_sum) for p in page.points] == [
        (d, d + 1, "9000") for d in range(6, 0, -1)
    ]
    with pytest.raises(ContractError) as caught:
        decode_rollup(body, BY_NAME["steps"])
    assert caught.value.field == "rollupDataPoints[0].civilEndTime"
    window = {"startTime": "2026-01-08T01:54:00Z", "endTime": "2026-01-08T01:55", "heartRate": {}}
    with pytest.raises(ContractError) as caught:
        decode_rollup(json.dumps({"rollupDataPoints": [window]}).encode(), BY_NAME["heart-rate"])
    assert caught.value.field == "rollupDataPoints[0].endTime"
    window = {"startTime": "2026-01-08T01:54:00Z", "endTime": "2026-01-08T01:55:00Z", "steps": {"countSum": "1"}}
    for unknown in ("refuse", "note"):
        with pytest.raises(ContractError) as caught:
            decode_rollup(json.dumps({"rollupDataPoints": [window]}).encode(), BY_NAME["heart-rate"], unknown)
        assert caught.value.field == "rollupDataPoints[0].steps"


def test_what_cannot_be_asked_for_is_no_answer_either() -> None:
    with pytest.raises(ValueError, match="total-calories has no data points"):
        decode_page(b"{}", BY_NAME["total-calories"], "list")
    with pytest.raises(ValueError, match="no roll-up of sleep is read"):
        decode_rollup(b"{}", BY_NAME["sleep"])


def _schema(google_spec: Path) -> dict[str, Any]:
    return json.loads((google_spec / "health.v4.jsonschema.json").read_text(encoding="utf-8"))


class _Comparison:
    """Messages beside the definitions of Google's schema: members, types, formats and the values of enums."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self.definitions = definitions
        self.seen: set[tuple[type, str]] = set()

    def message(self, message: type, name: str) -> None:
        if (message, name) in self.seen:
            return
        self.seen.add((message, name))
        wanted = self.definitions[name]["properties"]
        members = {m.written: m for m in _members(message)}
        assert set(members) == set(wanted), name
        for written, member in members.items():
            self.member(member, wanted[written], f"{name}.{written}")

    def member(self, member: Any, wanted: dict[str, Any], where: str) -> None:
        assert member.is_list == (wanted.get("type") == "array"), where
        inner = wanted["items"] if member.is_list else wanted
        assert (member.message is None) == ("$ref" not in inner), where
        assert sorted(member.values) == sorted(inner.get("enum", ())), where
        if "$ref" in inner:
            self.message(member.message, inner["$ref"].rpartition("/")[2])
        elif "pattern" in inner:
            assert member.text in PATTERNS.get(inner["pattern"], {"moment"}), where
        else:
            assert member.text is None, where


@pytest.mark.parametrize(
    ("name", "reading", "own"),
    [("DataPoint", "list", {"name", "dataSource"}), ("ReconciledDataPoint", "reconcile", {"dataPointName"})],
)
def test_the_messages_are_those_of_googles_schema(google_spec: Path, name: str, reading: Any, own: set[str]) -> None:
    """Every member of every message that is read, and no other."""
    schema = _schema(google_spec)
    assert REVISION in schema["$comment"]
    comparison = _Comparison(schema["$defs"])
    wanted = schema["$defs"][name]["properties"]
    assert set(wanted) - own <= points.POINT_MEMBERS
    for field in points.VALUES:
        (page,) = (m for m in _members(points.page_of_points(field, reading)) if m.is_list)
        members = {m.written: m for m in _members(page.message)}  # type: ignore[arg-type]
        assert set(members) == own | {field}
        for written, member in members.items():
            comparison.member(member, wanted[written], f"{name}.{written}")
    assert len(comparison.seen) > 30


def test_the_messages_around_points_are_those_of_googles_schema(google_spec: Path) -> None:
    comparison = _Comparison(_schema(google_spec)["$defs"])
    assert set(comparison.definitions["DataPoint"]["properties"]) - {"name", "dataSource"} == points.POINT_MEMBERS
    for field, value in points.ROLLUPS.items():
        for window in ("RollupDataPoint", "DailyRollupDataPoint"):
            comparison.message(value, comparison.definitions[window]["properties"][field]["$ref"].rpartition("/")[2])
    comparison.message(account.Settings, "Settings")
    comparison.message(account.Identity, "Identity")
    comparison.message(account.DevicesPage, "ListPairedDevicesResponse")


_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(("-3600s", "12", "2026-01-08T01:54:00Z", "FITBIT", "MANUAL", "STAGES", "AWAKE")),
    st.just([]),
    st.just({}),
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += _places(inner, (*path, key))
    return found


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_nothing_is_taken_that_googles_schema_refuses(google_spec: Path, data: st.DataObject) -> None:
    """Payloads with one place changed: what the contract here takes, the schema takes as well."""
    schema = _schema(google_spec)
    payload = data.draw(st.sampled_from(sorted(TAKEN)))
    answer = json.loads((google_spec / f"{payload}.json").read_text(encoding="utf-8"))
    path = data.draw(st.sampled_from(_places(answer)))
    holder = _at(answer, path[:-1])
    match data.draw(st.sampled_from(("change", "drop", "add"))):
        case "change":
            holder[path[-1]] = data.draw(_LEAVES)
        case "drop":
            del holder[path[-1]]
        case _ if isinstance(holder, dict):
            holder[data.draw(st.text(max_size=6))] = data.draw(_LEAVES)
    try:
        decode_page(msgspec.json.encode(answer), type_of(TAKEN[payload][0]), "list")
    except ContractError:
        return
    jsonschema_rs.validate({"$ref": "#/$defs/ListDataPointsResponse", "$defs": schema["$defs"]}, answer)


@settings(deadline=None)
@given(data=st.data())
def test_what_google_adds_changes_nothing_else(google_spec: Path, data: st.DataObject) -> None:
    """New fields in any objects of a payload: noted, and the points are those of the payload without them."""
    payload = data.draw(st.sampled_from(sorted(TAKEN)))
    body = (google_spec / f"{payload}.json").read_bytes()
    data_type = type_of(TAKEN[payload][0])
    answer = json.loads(body)
    objects = [answer, *(_at(answer, p) for p in _places(answer) if isinstance(_at(answer, p), dict))]
    for holder in data.draw(st.lists(st.sampled_from(objects), min_size=1, max_size=4)):
        holder[data.draw(st.sampled_from(("added", "sleepScore")))] = data.draw(_LEAVES)
    page = decode_page(msgspec.json.encode(answer), data_type, "list", "note")
    assert page.points == decode_page(body, data_type, "list").points
    assert page.unknown
    assert all(name.endswith(("added", "sleepScore")) for name in page.unknown)


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def test_raw_heart_rate_and_its_roll_up_are_told_apart() -> None:
    assert HEART_RATE_RAW.field == BY_NAME["heart-rate"].field
    assert BY_NAME["heart-rate"].method == "rollup"
