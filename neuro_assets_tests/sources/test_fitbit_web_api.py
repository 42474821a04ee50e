"""Answers of the earlier Fitbit Web API: rows stated by hand, errors by name, and no crash on a damaged leaf."""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from neuro_assets.sources.fitbit import web_api
from neuro_assets.sources.fitbit.exercise import NO_HEIGHT_UNIT, NO_UNIT
from neuro_assets.sources.fitbit.parts import PayloadError, Row, load_json
from neuro_assets_tests.sources.fitbit_answers import INVALID, MULTIPLE, VALID, Many
from neuro_assets_tests.sources.fitbit_payloads import leaves, left_out_of, nodes, rows_of, shortened, spec_folder

SWAGGER = "fitbit-web-api-swagger.json"


@pytest.fixture(scope="module")
def spec(shared_data: Path) -> Path:
    return spec_folder(shared_data)


def _read(spec: Path, name: str) -> Any:
    return load_json((spec / f"{name}.json").read_text(encoding="utf-8"))


def test_every_example_is_accounted_for(spec: Path) -> None:
    files = {f.stem for f in spec.glob("*.json")} - {Path(SWAGGER).stem}
    assert files == {name for name, _ in VALID} | set(INVALID)
    assert len(files) == 79


@pytest.mark.parametrize(("name", "units"), VALID)
def test_an_answer_has_the_rows_stated_by_hand(spec: Path, name: str, units: Any) -> None:
    kinds, left_out = VALID[name, units]
    data = _read(spec, name)
    assert web_api.recognise(data) is not None
    parts = web_api.parse(data, units)
    found = rows_of(parts)
    assert set(found) == set(kinds)
    for kind, wanted in kinds.items():
        if isinstance(wanted, Many):
            rows = found[kind]
            assert (len(rows), rows[0], rows[-1]) == (wanted.rows, wanted.first, wanted.last)
            if wanted.total:
                assert sum(float(row[1]) for row in rows) == pytest.approx(wanted.total, abs=1e-9)
        else:
            assert found[kind] == wanted
    assert left_out_of(parts) == left_out


@pytest.mark.parametrize("name", INVALID)
def test_an_answer_that_cannot_be_loaded_says_why(spec: Path, name: str) -> None:
    code, field, said = INVALID[name]
    with pytest.raises(PayloadError) as refused:
        web_api.parse(_read(spec, name))
    assert (refused.value.code, refused.value.field) == (code, field)
    assert said in refused.value.message
    assert refused.value.remedy


@pytest.mark.parametrize("name", [n for n, (code, *_) in INVALID.items() if code in {"vendor_error", "personal_data"}])
def test_no_secret_and_no_contact_data_is_repeated(spec: Path, name: str) -> None:
    data = _read(spec, name)
    with pytest.raises(PayloadError) as refused:
        web_api.parse(data)
    texts = [str(box[key]) for path, box, key in leaves(data) if not path.endswith("errorType")]
    repeated = [t for t in texts if len(t) > 3 and t in str(refused.value)]
    assert repeated == []


def test_an_error_type_that_is_no_word_is_not_repeated() -> None:
    with pytest.raises(PayloadError, match="of an unknown type") as refused:
        web_api.parse({"errors": [{"errorType": "expired eyJhbGciOiJIUzI1NiJ9"}], "success": False})
    assert "eyJ" not in str(refused.value)


def test_the_sums_of_the_exercise_lists(spec: Path) -> None:
    (older,), (newer,) = (
        web_api.parse(_read(spec, name))
        for name in ("fitbitnet__GetActivityLogsList", "fitbitnet__GetActivityLogsList2")
    )
    sums = [[round(sum(float(row[n] or 0) for row in p.rows), 3) for n in (6, 7, 8, 9, 12)] for p in (older, newer)]
    assert sums == [[74321, 74319, 11885, 11374, 2103.119], [27010, 26643, 46442, 3631, 356.666]]
    distances = {row[2]: row[10] for p in (older, newer) for row in p.rows if row[10]}
    assert distances == {
        "5442151842": "3.386578",
        "5515193190": "0",
        "5568699492": "70.555069",
        "9675733775": "5.502559",
        "9692690916": "6.54444",
        "9711437124": "5.12796",
    }


def test_an_activity_log_is_on_the_clock_its_heart_rate_link_asks_for(spec: Path) -> None:
    """Also where its start ends in Z: such a Z does not mean UTC."""
    for name in ("fitbitnet__GetActivityLogsList", "fitbitnet__GetActivityLogsList2"):
        data = _read(spec, name)
        (part,) = web_api.parse(data)
        links = [re.search(r"date/([\d-]+)/.*?/time/([\d:]+)/", a["heartRateLink"]) for a in data["activities"]]
        assert [row[0] for row in part.rows] == [f"{link[1]} {link[2]}" for link in links if link]
        assert len(part.rows) == 20


def test_identifiers_of_a_device_appear_nowhere(spec: Path) -> None:
    (part,) = web_api.parse(_read(spec, "fitbitnet__GetDevices-Double"))
    assert part.rows[0][1] == sha256(b"5656888").hexdigest()[:12]
    assert not re.search("5656888|5656777|FE1111111111|SC1111111111", repr(part))


def test_the_wake_of_an_uneven_length_takes_the_epochs_it_fills_for_the_most_part(spec: Path) -> None:
    stages = rows_of(web_api.parse(_read(spec, "fitbitnet__GetSleep")))["sleep_stage"]
    assert [s for *_, s in stages] == ["wake"] * 12 + ["wake"] * 19 + ["rem"] * 64


def _refused(data: Any) -> PayloadError | None:
    """The error of an answer, if it has one; any other exception is a failure of the test."""
    try:
        rows_of(web_api.parse(data, "metric"))
    except PayloadError as error:
        return error
    return None


def _damaged(data: Any) -> set[str]:
    """Paths (their numbers as #) at which a list instead of a value is found out; None and a word may pass."""
    found: set[str] = set()
    for path, box, key in leaves(data):
        kept = box[key]
        for damage in (None, "word", [], {}, True, -7, 1e300, "x" * 100):
            box[key] = damage
            error = _refused(data)
            if error is None:
                continue
            assert error.code in {"wrong_type", "bad_value"}, (path, damage, error)
            assert error.field == path, (path, damage, error)
            if damage == []:
                found.add(re.sub(r"\d+(?=\])", "#", path))
        box[key] = kept
    return found


def _without(data: Any, path: str, box: Any, key: str | int) -> PayloadError | None:
    """The error of an answer that lacks a member."""
    kept = dict(box)
    del box[key]
    error = _refused(data)
    box.clear()
    box.update(kept)
    if error and error.code == "missing_field":
        # Of "datetime" and "dateTime" the documented one is asked for.
        assert error.field.lower() == path.lower()
    return error


@pytest.mark.parametrize("name", sorted({name for name, _ in VALID}))
def test_a_damaged_leaf_is_a_payload_error_that_names_it(spec: Path, name: str) -> None:
    data = shortened(_read(spec, name))
    before = json.dumps(data)
    found = _damaged(data)
    missed = [_without(data, *leaf) for leaf in leaves(data) if isinstance(leaf[1], dict)]
    assert json.dumps(data) == before
    assert (found and any(missed)) or "mpty" in name


@pytest.mark.parametrize("name", sorted({name for name, _ in VALID}))
def test_a_value_of_any_shape_anywhere_is_at_most_a_payload_error(spec: Path, name: str) -> None:
    data = shortened(_read(spec, name))
    seen = refused = 0
    for _, box, key in list(nodes(data)):
        kept = box[key]
        for damage in (None, "word", [], {}, [None], [[]], [{}], {"x": 1}, False, -1, 10**30, "9" * 40, "1e400"):
            box[key] = damage
            seen += 1
            refused += _refused(data) is not None
        box[key] = kept
    assert 0 < refused < seen


DAMAGE_FOUND = {
    "docs__devices": {f"[#].{k}" for k in ("battery", "batteryLevel", "deviceVersion", "id", "lastSyncTime", "type")},
    "fitbitnet__ActiveZoneMinutes": {
        "activities-active-zone-minutes[#].dateTime",
        *(
            f"activities-active-zone-minutes[#].value.{k}"
            for k in ("activeZoneMinutes", "fatBurnActiveZoneMinutes", "cardioActiveZoneMinutes")
        ),
    },
    "fitbitnet__GetActivityLogsList2": {
        f"activities[#].{k}"
        for k in (
            *("activeDuration", "activityName", "activityTypeId", "averageHeartRate", "calories", "distance"),
            *("distanceUnit", "duration", "elevationGain", "logId", "logType", "startTime", "steps"),
        )
    },
    "fitbitnet__GetBreathingRateSummaryByDate": {"br[#].dateTime", "br[#].value.breathingRate"},
    "fitbitnet__GetCardioScoreSummaryByDate": {"cardioScore[#].dateTime", "cardioScore[#].value.vo2Max"},
    "fitbitnet__GetHRVIntradayByDate": {
        *("hrv[#].dateTime", "hrv[#].minutes[#].minute"),
        *(f"hrv[#].minutes[#].value.{k}" for k in ("rmssd", "coverage", "hf", "lf")),
    },
    "fitbitnet__GetHeartRateTimeSeries": {
        *("activities-heart[#].dateTime", "activities-heart[#].value.restingHeartRate"),
        *(f"activities-heart[#].value.heartRateZones[#].{k}" for k in ("caloriesOut", "max", "min", "minutes", "name")),
    },
    "fitbitnet__GetSpO2SummaryByDate": {"dateTime", "value.avg", "value.min", "value.max"},
    "fitbitnet__GetSpO2IntradayByDate": {"dateTime", "minutes[#].minute", "minutes[#].value"},
    "fitbitnet__GetWeight": {f"weight[#].{k}" for k in ("bmi", "date", "logId", "source", "time", "weight")},
    "fitbitnet__IntradayActivitiesCalories": {
        *("activities-calories[#].dateTime", "activities-calories[#].value"),
        *(f"activities-calories-intraday.dataset[#].{k}" for k in ("level", "mets", "time", "value")),
        *("activities-calories-intraday.datasetInterval", "activities-calories-intraday.datasetType"),
    },
    "shimmer__fitbit-sleep-date": {
        *(f"sleep[#].levels.data[#].{k}" for k in ("dateTime", "level", "seconds")),
        *(
            f"sleep[#].{k}"
            for k in (
                *("dateOfSleep", "duration", "efficiency", "endTime", "infoCode", "isMainSleep", "logId"),
                *("minutesAfterWakeup", "minutesAsleep", "minutesAwake", "minutesToFallAsleep"),
                *("startTime", "timeInBed", "type"),
            )
        ),
    },
    MULTIPLE: {
        *(
            f"activities[#].{k}"
            for k in (
                *("activityParentId", "calories", "distance", "duration", "hasStartTime", "logId", "name"),
                *("startDate", "startTime", "steps"),
            )
        ),
        *(f"summary.{k}" for k in ("caloriesOut", "fairlyActiveMinutes", "lightlyActiveMinutes")),
        *(f"summary.{k}" for k in ("sedentaryMinutes", "steps", "veryActiveMinutes")),
        "summary.distances[#].activity",
    },
}


@pytest.mark.parametrize("name", DAMAGE_FOUND)
def test_every_field_that_is_read_is_checked(spec: Path, name: str) -> None:
    assert _damaged(shortened(_read(spec, name))) == DAMAGE_FOUND[name]


# ---- shapes that have no example file


def test_a_sleep_log_that_is_not_ready() -> None:
    with pytest.raises(PayloadError) as refused:
        web_api.parse({"meta": {"retryDuration": 3000, "state": "pending"}})
    assert (refused.value.code, refused.value.field) == ("pending", "meta.state")


@pytest.mark.parametrize(("units", "value"), [("metric", "-2.1"), ("us", "-1.1667")])
def test_skin_temperature_is_a_difference_in_the_units_of_the_request(units: Any, value: str) -> None:
    data = {"tempSkin": [{"dateTime": "2020-06-01", "value": {"nightlyRelative": -2.1}, "logType": "unknown"}]}
    assert rows_of(web_api.parse(data, units)) == {"daily_vitals": [("2020-06-01", "skin_temperature_relative", value)]}
    with pytest.raises(PayloadError, match=r"tempSkin\[0\].value.nightlyRelative"):
        web_api.parse(data)


def test_vo2_max_of_one_number_has_equal_bounds() -> None:
    data = {"cardioScore": [{"dateTime": "2023-10-15", "value": {"vo2Max": 44.5}}]}
    assert rows_of(web_api.parse(data)) == {
        "daily_vitals": [("2023-10-15", "vo2max_low", "44.5"), ("2023-10-15", "vo2max_high", "44.5")]
    }


@pytest.mark.parametrize(
    ("resource", "level"),
    [
        ("minutesSedentary", "sedentary"),
        ("minutesLightlyActive", "lightly"),
        ("minutesFairlyActive", "fairly"),
        ("minutesVeryActive", "very"),
    ],
)
def test_series_of_active_minutes(resource: str, level: str) -> None:
    data = {f"activities-{resource}": [{"dateTime": "2014-09-05", "value": "41"}]}
    assert rows_of(web_api.parse(data)) == {"daily_active_minutes": [("2014-09-05", level, "41")]}


@pytest.mark.parametrize("key", ["activities-floors", "activities-tracker-steps", "foods-log-water", "body-bmi"])
def test_a_series_without_a_stream_is_named(key: str) -> None:
    with pytest.raises(PayloadError, match=f"{key}: nothing") as refused:
        web_api.parse({key: [{"dateTime": "2014-09-05", "value": "3"}]})
    assert refused.value.code == "no_measurements"


def _heart_seconds(**changes: object) -> dict[str, object]:
    block = {
        "dataset": [{"time": "23:59:58", "value": 61}, {"time": "23:59:59", "value": 62}],
        "datasetInterval": 1,
        "datasetType": "second",
        **changes,
    }
    return {"activities-heart": [{"dateTime": "2019-01-01", "value": {}}], "activities-heart-intraday": block}


def test_heart_rate_by_the_second() -> None:
    assert rows_of(web_api.parse(_heart_seconds()))["heart_rate_1s"] == [
        ("2019-01-01 23:59:58", "61", ""),
        ("2019-01-01 23:59:59", "62", ""),
    ]


@pytest.mark.parametrize("changes", [{"datasetInterval": 30}, {"datasetInterval": 5}, {"datasetInterval": 2}])
def test_an_interval_there_is_no_kind_for(changes: dict[str, object]) -> None:
    with pytest.raises(PayloadError, match="every 1, 5 or 15 minutes") as refused:
        web_api.parse(_heart_seconds(**changes))
    assert refused.value.field == "activities-heart-intraday.datasetInterval"


def test_steps_have_no_seconds() -> None:
    data = {
        "activities-steps": [{"dateTime": "2019-01-01", "value": "1"}],
        "activities-steps-intraday": {"dataset": [], "datasetInterval": 1, "datasetType": "second"},
    }
    with pytest.raises(PayloadError, match=r"activities-steps-intraday\.datasetInterval"):
        web_api.parse(data)


def test_samples_of_two_dates_are_not_guessed() -> None:
    data = _heart_seconds()
    data["activities-heart"] = [{"dateTime": f"2019-01-0{n}", "value": {}} for n in (1, 2)]
    with pytest.raises(PayloadError, match="on 2 dates") as refused:
        web_api.parse(data)
    assert refused.value.code == "no_date"


def test_distance_without_units_is_refused_only_where_there_is_one() -> None:
    assert rows_of(web_api.parse({"activities-distance": []})) == {"daily_distance": []}
    data = {
        "activities-distance": [{"dateTime": "2019-01-01", "value": "1.5"}],
        "activities-distance-intraday": {
            "dataset": [{"time": "00:00:00", "value": 0.5}, {"time": "23:59:00", "value": 1}],
            "datasetInterval": 1,
            "datasetType": "minute",
        },
    }
    with pytest.raises(PayloadError, match=r"activities-distance\[0\].value"):
        web_api.parse(data)
    assert rows_of(web_api.parse(data, "us")) == {
        "daily_distance": [("2019-01-01", "2.414016")],
        "distance_1m": [("2019-01-01 00:00:00", "0.804672"), ("2019-01-01 23:59:00", "1.609344")],
    }


def _log(**changes: object) -> dict[str, object]:
    return {"activities": [{"logId": 1, "startTime": "2019-01-01T10:00:00.000+05:30", **changes}]}


@pytest.mark.parametrize(
    ("changes", "units", "cells", "left_out"),
    [
        ({"distance": 2}, None, ("", ""), {NO_UNIT: 1}),
        ({"distance": 2}, "us", ("3.218688", ""), {}),
        ({"distance": 2, "distanceUnit": "Mile"}, None, ("3.218688", ""), {}),
        ({"distance": 2, "distanceUnit": "Mile"}, "metric", ("3.218688", ""), {}),
        ({"elevationGain": 10}, None, ("", ""), {NO_HEIGHT_UNIT: 1}),
        ({"elevationGain": 10, "distanceUnit": "Mile"}, None, ("", "3.048"), {}),
        ({"elevationGain": 10}, "metric", ("", "10"), {}),
    ],
)
def test_units_of_an_exercise(changes: dict[str, object], units: Any, cells: Row, left_out: dict[str, int]) -> None:
    (part,) = web_api.parse(_log(**changes), units)
    assert part.rows[0][:2] == ("2019-01-01 10:00:00", "330")
    assert (part.rows[0][10], part.rows[0][12]) == cells
    assert part.left_out == left_out


@pytest.mark.parametrize("data", [None, 3, "text", [], {}, [1, 2], {"steps": 3}, [{"dateTime": "x", "value": "0"}]])
def test_other_json_is_none_of_ours(data: object) -> None:
    assert web_api.recognise(data) is None
    with pytest.raises(PayloadError) as refused:
        web_api.parse(data)
    assert refused.value.code == "wrong_type"


# ---- the JSON itself


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1,\n "b": }', "line 2"),
        ('["NaN",\n "\\"Infinity",\n NaN]', "line 3"),
        ("[-Infinity]", "line 1"),
        ('{"value": 1, "value": 2}', "'value' twice"),
        ('{"' + "k" * 50 + '": 1, "' + "k" * 50 + '": 2}', "a key twice"),
        ("[" * 200_000, "too deeply"),
        ("[" + "9" * 5_000 + "]", "thousands of digits"),
        ("", "line 1"),
    ],
)
def test_broken_json(text: str, said: str) -> None:
    with pytest.raises(PayloadError, match=said) as refused:
        load_json(text)
    assert refused.value.code == "broken_json"
    assert len(str(refused.value)) < 200


def test_ids_stay_exact_and_a_mark_is_tolerated() -> None:
    data = load_json('\ufeff{"activities": [{"logId": 18446744073709551615, "startTime": "2019-01-01T10:00:00"}]}')
    (part,) = web_api.parse(data)
    assert part.rows[0][2] == "18446744073709551615"


@pytest.mark.parametrize("log_id", [18446744073709551616, -1, 1.46223e12, "1.46223E+12", "١٢٣", True])
def test_a_damaged_id_is_refused(log_id: object) -> None:
    with pytest.raises(PayloadError, match=r"activities\[0\].logId"):
        web_api.parse(_log(logId=log_id))


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-05, "0.00001"), (31.0, "31"), (-0.0, "0"), ("1e3", "1000"), (1.48, "1.48"), ("16.0", "16.0")],
)
def test_numbers_are_written_plainly(value: object, text: str) -> None:
    (part,) = web_api.parse({"activities-calories": [{"dateTime": "2019-01-01", "value": value}]})
    assert part.rows == [("2019-01-01", text)]


def test_no_long_text_of_a_payload_is_repeated() -> None:
    with pytest.raises(PayloadError, match="a text of 41 characters"):
        web_api.parse({"activities-steps": [{"dateTime": "2019-01-01", "value": "s" * 41}]})
