"""Files of Fitbit/Takeout exports: known answers, PMData's eight people, names, CSV files, and damaged leaves."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from neuro_assets.sources.fitbit import takeout, takeout_csv
from neuro_assets.sources.fitbit.exercise import NO_HEART_RATE
from neuro_assets.sources.fitbit.parts import PayloadError
from neuro_assets.sources.fitbit.takeout import NO_RESTING_RATE, OWN_ZONES
from neuro_assets.sources.fitbit.takeout_csv import NO_BASELINE, NO_LOCAL_DAY, NO_VALUE, SHORTER_SLEEP
from neuro_assets_tests.sources.fitbit_payloads import leaves, left_out_of, rows_of

PEOPLE = [f"p{n:02d}" for n in range(1, 9)]


def _parts(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8")
    shape = takeout.recognise(str(path), text[:2000])
    assert shape
    return takeout.parse(shape, text)


def _refused(shape: str, text: str) -> PayloadError | None:
    """The error of a file, if it has one; any other exception is a failure of the test."""
    try:
        rows_of(takeout.parse(shape, text))
    except PayloadError as error:
        return error
    return None


# ---- GGIRread's files: a Fitbit export of 1995 by its dates


@pytest.fixture(scope="module")
def ggirread(shared_data: Path) -> Path:
    return shared_data / "fitbit_api_json" / "ggirread"


def test_steps_of_a_recorded_file(ggirread: Path) -> None:
    (part,) = _parts(ggirread / "steps-1995-06-23_Fitbit.json")
    assert part.columns == ("utc_time", "steps")
    assert (part.kind, len(part.rows), sum(int(steps) for _, steps in part.rows)) == ("steps_1m", 34, 607)
    assert (part.rows[0], part.rows[-1]) == (("1995-06-24 16:00:00", "0"), ("1995-06-24 16:35:00", "0"))


def test_calories_of_a_recorded_file(ggirread: Path) -> None:
    """47 minutes of 1.48 kcal. GGIRread's 68.82 are its 93 half minutes of 0.74: it leaves the last half minute out."""
    (part,) = _parts(ggirread / "calories-1995-06-23_Fitbit.json")
    assert part.columns == ("utc_time", "kcal", "level", "mets_x10")
    assert (part.kind, len(part.rows)) == ("calories_1m", 47)
    assert sum(float(row[1]) for row in part.rows) == pytest.approx(69.56)
    assert sum(float(row[1]) / 2 for row in [*part.rows, *part.rows[:-1]]) == pytest.approx(68.82)
    assert part.rows[-1] == ("1995-06-24 16:46:00", "1.48", "", "")


def test_heart_rate_of_a_recorded_file(ggirread: Path) -> None:
    (part,) = _parts(ggirread / "heart_rate-1995-06-24.json")
    assert part.columns == ("utc_time", "bpm", "confidence")
    assert part.kind == "heart_rate_1s"
    assert len(part.rows) == 201
    assert sum(int(row[1]) for row in part.rows) == 15_765
    assert sum(int(row[2]) for row in part.rows) == 355
    assert part.rows[-1] == ("1995-06-24 16:31:07", "80", "3")


# ---- PMData

# Person -> days of each of the four *_minutes files, resting rates and days without, zone rows, exercises, scores.
COUNTS = {
    "p01": (152, 152, 0, 608, 190, 150),
    "p02": (152, 89, 2, 592, 324, 138),
    "p03": (152, 101, 51, 468, 57, 74),
    "p04": (152, 35, 0, 584, 161, 140),
    "p05": (152, 86, 9, 580, 145, 117),
    "p06": (152, 150, 2, 608, 161, 147),
    "p07": (148, 144, 4, 588, 176, 140),
    "p08": (143, 139, 4, 556, 261, 132),
}


@pytest.mark.parametrize("person", [p if p == "p03" else pytest.param(p, marks=pytest.mark.verify) for p in PEOPLE])
def test_every_file_of_a_person_of_pmdata(shared_data: Path, person: str) -> None:
    folder = shared_data / "pmdata" / person / "fitbit"
    found = {f.stem: _parts(f) for f in folder.iterdir()}
    assert set(found) - {"steps"} == {*takeout._ACTIVE_MINUTES, *OTHERS}
    rows = {name: rows_of(parts) for name, parts in found.items() if name != "sleep"}
    days, resting, without, zones, exercises, scores = COUNTS[person]
    for name, level in takeout._ACTIVE_MINUTES.items():
        minutes = rows[name]["daily_active_minutes"]
        assert (len(minutes), {row[1] for row in minutes}) == (days, {level})
    rates = rows["resting_heart_rate"]["daily_vitals"]
    assert (len(rates), left_out_of(found["resting_heart_rate"]).get(NO_RESTING_RATE, 0)) == (resting, without)
    assert min(float(value) for *_, value in rates) > 40
    assert len(rows["time_in_heart_rate_zones"]["heart_rate_zones"]) == zones
    assert left_out_of(found["time_in_heart_rate_zones"]) == ({OWN_ZONES: 131} if person == "p08" else {})
    assert len(rows["exercise"]["exercise"]) == exercises
    assert left_out_of(found["exercise"]) == ({NO_HEART_RATE: 1} if person == "p08" else {})
    assert len(rows["sleep_score"]["sleep_score"]) == scores


OTHERS = ("exercise", "resting_heart_rate", "sleep", "sleep_score", "time_in_heart_rate_zones")


def test_minute_steps_of_pmdata(shared_data: Path) -> None:
    (part,) = _parts(shared_data / "pmdata/p03/fitbit/steps.json")
    assert part.columns == ("utc_time", "steps")
    assert (len(part.rows), sum(int(row[1]) for row in part.rows)) == (53_042, 653_734)
    assert (part.rows[0], part.rows[-1]) == (("2019-11-01 00:48:00", "0"), ("2020-03-31 23:33:00", "0"))


def test_an_exercise_of_pmdata_is_utc(shared_data: Path) -> None:
    (part,) = _parts(shared_data / "pmdata/p06/fitbit/exercise.json")
    assert part.columns[:2] == ("utc_time", "log_id")
    assert part.rows[0] == (
        *("2019-11-02 08:44:54", "26421235751", "Interval Workout", "20057", "tracker", "2406", "2400"),
        *("6210", "658", "5.879976", "150", "266.09"),
    )
    assert sum(float(row[9] or 0) for row in part.rows) == pytest.approx(222.299, abs=0.0005)
    assert sum(int(row[7] or 0) for row in part.rows) == 299_418


def test_first_rows_of_the_daily_files_of_pmdata(shared_data: Path) -> None:
    folder = shared_data / "pmdata/p03/fitbit"
    assert rows_of(_parts(folder / "moderately_active_minutes.json"))["daily_active_minutes"][:2] == [
        ("2019-11-01", "fairly", "7"),
        ("2019-11-02", "fairly", "12"),
    ]
    assert rows_of(_parts(folder / "resting_heart_rate.json"))["daily_vitals"][:3] == [
        ("2019-11-01", "resting_heart_rate", "60.7101993560791"),
        ("2019-11-02", "resting_heart_rate", "62.7947940826416"),
        ("2019-11-05", "resting_heart_rate", "61.953474044799805"),
    ]
    assert rows_of(_parts(folder / "time_in_heart_rate_zones.json"))["heart_rate_zones"][:4] == [
        ("2019-11-01", "out_of_range", "896", "", "", ""),
        ("2019-11-01", "fat_burn", "81", "", "", ""),
        ("2019-11-01", "cardio", "0", "", "", ""),
        ("2019-11-01", "peak", "0", "", "", ""),
    ]
    assert rows_of(_parts(folder / "sleep_score.csv"))["sleep_score"][0] == (
        *("2019-11-02 07:40:00", "24490223982", "65", "17", "13", "35", "59", "60", "0.08774038461538461"),
    )


def test_a_score_stands_at_the_local_end_of_its_sleep(shared_data: Path) -> None:
    """1,035 of 1,038: two scores have no log, and one log was cut by 88 minutes. None is shifted by the zone."""
    agree = without = 0
    for person in PEOPLE:
        folder = shared_data / "pmdata" / person / "fitbit"
        logs = json.loads((folder / "sleep.json").read_text(encoding="utf-8"))
        ends = {(str(log["logId"]), log["endTime"][:19].replace("T", " ")) for log in logs}
        scores = rows_of(_parts(folder / "sleep_score.csv"))["sleep_score"]
        agree += sum((log, at) in ends for at, log, *_ in scores)
        without += sum(log not in {known for known, _ in ends} for _, log, *_ in scores)
    assert (agree, without) == (1035, 2)


# ---- which file it is

SAMPLES = '[{"dateTime" : "06/24/95 16:00:00", "value" : "0"}]'
LOGS = '[{"logId": 1, "startTime": "2019-11-01 11:45:06"}]'


@pytest.mark.parametrize(
    ("name", "head", "shape"),
    [
        ("steps.json", SAMPLES, "steps"),
        ("Takeout/Fitbit/Global Export Data/steps-2019-11-01.json", SAMPLES, "steps"),
        ("MyFitbitData\\Someone\\Physical Activity\\HEART_RATE-2019-11-01 (1).JSON", SAMPLES, "heart_rate"),
        ("calories-1995-06-23_Fitbit.json", "\ufeff\n" + SAMPLES, "calories"),
        ("distance-2019-11-01.json", "[ ]", "distance"),
        ("exercise-100.json", LOGS, "exercise"),
        ("sleep-2019-11-01.json", LOGS, "sleep"),
        ("sleep-2019-11-01.json", SAMPLES, None),
        ("steps.json", LOGS, None),
        ("steps.json", '{"activities-steps": [{"dateTime": "2019-11-01", "value": "0"}]}', None),
        ("steps.json", "", None),
        ("footsteps.json", SAMPLES, None),
        ("sleep_score.json", LOGS, None),
        ("steps.csv", SAMPLES, None),
        ("swim_lengths_data-2019-11-01.json", SAMPLES, None),
    ],
)
def test_a_file_is_known_by_its_name_and_its_beginning(name: str, head: str, shape: str | None) -> None:
    assert takeout.recognise(name, head) == shape


HRV = "timestamp,rmssd,nremhr,entropy\n2024-07-21T00:00:00,29.232,49.623,2.472\n2024-07-22T00:00:00,,50.1,2.5\n"
SPO2 = (
    "timestamp,average_value,lower_bound,upper_bound\n"
    "2024-01-11T00:00:00Z,96.5,93.0,99.9\n2024-01-12T23:10:00Z,95.8,92.5,99.1\n"
)
RESPIRATION = "timestamp,daily_respiratory_rate\n2024-01-11T07:05:30,15.4\n2024-01-12T00:00:00,-1\n"
TEMPERATURE = (
    "type,sleep_start,sleep_end,temperature_samples,nightly_temperature,baseline_relative_sample_sum\n"
    "IDT,2024-01-02T23:24,2024-01-03T07:03:30,400,28.4,-450.0\n"
    "IDT,2024-01-03T13:00,2024-01-03T14:00,60,31.2,90.0\n"
    "IDT,2024-01-03T23:00,2024-01-04T07:00,450,31.4,NaN\n"
)
AZM = (
    "date_time,heart_zone_id,total_minutes\n"
    "2024-05-01T09:07,FAT_BURN,1\n2024-05-01T09:08,CARDIO,2\n2024-05-01T09:09,CARDIO,2\n2024-05-02T00:00,PEAK,2\n"
)
SCORE = (
    "sleep_log_entry_id,timestamp,overall_score,composition_score,revitalization_score,duration_score,"
    "deep_sleep_in_minutes,resting_heart_rate,restlessness\n"
    "41941918001,2024-01-11T08:03:30Z,78,,78,,89,58,0.12\n"
)
CSV: dict[str, tuple[str, str, str, list[tuple[str, ...]], dict[str, int]]] = {
    "hrv": (
        "Takeout/Fitbit/Heart Rate Variability/Daily Heart Rate Variability Summary - 2024-07-(21).csv",
        *("daily_hrv", HRV),
        [("2024-07-21", "hrv_rmssd", "29.232")],
        {NO_VALUE: 1},
    ),
    # A time of day in UTC: which local day the wearer woke on is not known.
    "spo2": (
        "Sleep/Daily SpO2 - 2024-01-11-2024-04-11.csv",
        *("daily_spo2", SPO2),
        [("2024-01-11", "spo2_avg", "96.5"), ("2024-01-11", "spo2_min", "93.0"), ("2024-01-11", "spo2_max", "99.9")],
        {NO_LOCAL_DAY: 3},
    ),
    "respiration": (
        "Daily Respiratory Rate Summary - 2024-01-11.csv",
        *("daily_respiration", RESPIRATION),
        [("2024-01-11", "breathing_rate", "15.4")],
        {"breathing rate of -1, which is not available": 1},
    ),
    # -450 / 400; the nap of the same day is shorter; the last night has no baseline yet.
    "temperature": (
        "Computed Temperature - 2024-01-01.csv",
        *("skin_temperature", TEMPERATURE),
        [("2024-01-03", "skin_temperature_relative", "-1.125")],
        {NO_BASELINE: 1, SHORTER_SLEEP: 1},
    ),
    "azm": (
        "Active Zone Minutes - 2024-05-01 (1).csv",
        *("active_zone_minutes", AZM),
        [("2024-05-01", "5", "1", "4", "0"), ("2024-05-02", "2", "0", "0", "2")],
        {},
    ),
    "score": (
        "Sleep Score/sleep_score.csv",
        *("sleep_score", SCORE),
        [("2024-01-11 08:03:30", "41941918001", "78", "", "78", "", "89", "58", "0.12")],
        {},
    ),
}


@pytest.mark.parametrize("which", CSV)
def test_csv_files(which: str) -> None:
    name, shape, text, rows, left_out = CSV[which]
    for form in (text, "\ufeff" + text.replace("\n", "\r\n"), text + "\n"):
        assert takeout.recognise(name, form[:2000]) == shape
        parts = takeout.parse(shape, form)
        assert parts[0].rows == rows
        assert left_out_of(parts) == left_out
    assert takeout.recognise(name, "other,columns\n1,2\n") is None
    assert takeout.recognise(name, "") is None


@pytest.mark.parametrize("which", CSV)
def test_damaged_cells_of_csv_files_are_named(which: str) -> None:
    _, shape, text, _, _ = CSV[which]
    header, *lines = text.splitlines()
    names, cells = header.split(","), lines[0].split(",")
    found = set()
    for n, column in enumerate(names):
        for damage in ("word", "-7.5e999", "NaN ", "1,2", '"'):
            changed = [*cells[:n], damage, *cells[n + 1 :]]
            error = _refused(shape, "\n".join([header, ",".join(changed), *lines[1:]]))
            assert error is None or error.code == "bad_value"
            if error and damage == "word":
                assert error.field == f"row 1.{column}"
                found.add(column)
    assert found >= set(takeout_csv._FILES[shape].columns)


@pytest.mark.parametrize("which", CSV)
def test_a_missing_column_is_named(which: str) -> None:
    _, shape, text, _, _ = CSV[which]
    for column in takeout_csv._FILES[shape].columns:
        with pytest.raises(PayloadError, match="column is missing") as refused:
            takeout.parse(shape, text.replace(column, "other", 1))
        assert (refused.value.code, refused.value.field) == ("missing_field", column)


# ---- JSON by hand

DAY = "11/01/19 00:00:00"
JSON: dict[str, tuple[str, list[tuple[str, ...]], dict[str, int]]] = {
    "steps": ('[{"dateTime": "11/01/19 23:59:00", "value": "12"}]', [("2019-11-01 23:59:00", "12")], {}),
    "calories": (
        '[{"dateTime": "2019-11-01 23:59:00", "value": "1.39"}]',
        [("2019-11-01 23:59:00", "1.39", "", "")],
        {},
    ),
    # Centimetres.
    "distance": ('[{"dateTime": "11/01/19 23:59:00", "value": "7640"}]', [("2019-11-01 23:59:00", "0.0764")], {}),
    "heart_rate": (
        '[{"dateTime": "11/01/19 23:59:07", "value": {"bpm": 53, "confidence": 3}}]',
        [("2019-11-01 23:59:07", "53", "3")],
        {},
    ),
    "sedentary_minutes": (f'[{{"dateTime": "{DAY}", "value": "1035"}}]', [("2019-11-01", "sedentary", "1035")], {}),
    "resting_heart_rate": (
        f'[{{"dateTime": "{DAY}", "value": {{"date": "11/01/19", "value": 60.71, "error": 7.5}}}},'
        '{"dateTime": "11/02/19 00:00:00", "value": {"date": null, "value": 0.0, "error": 0.0}},'
        '{"dateTime": "11/03/19 00:00:00", "value": {"date": "11/03/19", "value": -1, "error": 0.0}}]',
        [("2019-11-01", "resting_heart_rate", "60.71")],
        {NO_RESTING_RATE: 1, "resting heart rate of -1, which is not available": 1},
    ),
    "time_in_heart_rate_zones": (
        f'[{{"dateTime": "{DAY}", "value": {{"valuesInZones": {{"IN_DEFAULT_ZONE_3": 1.0, "BELOW_DEFAULT_ZONE_1": 8.0,'
        '"IN_CUSTOM_ZONE": 5.0}}}]',
        [("2019-11-01", "out_of_range", "8", "", "", ""), ("2019-11-01", "peak", "1", "", "", "")],
        {OWN_ZONES: 1},
    ),
    "exercise": (
        '[{"logId": 26446767579, "activityName": "Walk", "activityTypeId": 90013, "logType": "tracker",'
        '"startTime": "11/01/19 11:45:06", "duration": 2355500, "activeDuration": 2355000, "steps": 3171,'
        '"calories": 311, "distance": 2.5, "distanceUnit": "Mile", "averageHeartRate": 107, "elevationGain": 100}]',
        [
            (
                *("2019-11-01 11:45:06", "26446767579", "Walk", "90013", "tracker", "2355.5", "2355"),
                *("3171", "311", "4.02336", "107", "30.48"),
            )
        ],
        {},
    ),
}


@pytest.mark.parametrize("shape", JSON)
def test_json_files(shape: str) -> None:
    text, rows, left_out = JSON[shape]
    assert takeout.recognise(f"{shape}-2019-11-01.json", text[:2000]) == shape
    parts = takeout.parse(shape, text)
    assert parts[0].rows == rows
    assert left_out_of(parts) == left_out
    assert [p.rows for p in takeout.parse(shape, "[]")] == [[]]


@pytest.mark.parametrize("shape", JSON)
def test_a_damaged_leaf_is_a_payload_error_that_names_it(shape: str) -> None:
    data = json.loads(JSON[shape][0])
    found = set()
    for path, box, key in leaves(data):
        kept = box[key]
        for damage in (None, "word", [], {}, True, -7, 10**30):
            box[key] = damage
            error = _refused(shape, json.dumps(data))
            assert error is None or (error.field == path and error.code in {"wrong_type", "bad_value"})
            if error and damage == []:
                found.add(re.sub(r"^\[\d+\]\.", "", path))
        box[key] = kept
    read = {path.partition(".")[2] for path, _, _ in leaves(data)}
    assert read - found == {"resting_heart_rate": {"value.error"}, "time_in_heart_rate_zones": {OWN}}.get(shape, set())


OWN = "value.valuesInZones.IN_CUSTOM_ZONE"


def test_a_value_by_the_day_stands_at_midnight() -> None:
    with pytest.raises(PayloadError, match="midnight is expected") as refused:
        takeout.parse("very_active_minutes", '[{"dateTime": "11/01/19 01:00:00", "value": "3"}]')
    assert refused.value.field == "[0].dateTime"


def test_weights_have_the_unit_of_the_account() -> None:
    text = '[{"logId": 1431993599000, "weight": 191.8, "bmi": 27.77, "date": "05/18/15", "time": "23:59:59"}]'
    assert takeout.recognise("weight-2015-05-01.json", text) == "weight"
    with pytest.raises(PayloadError, match="unit") as refused:
        takeout.parse("weight", text)
    assert (refused.value.code, refused.value.field) == ("unit_unknown", "[0].weight")
    assert rows_of(takeout.parse("weight", text, "us")) == {
        "weight": [("2015-05-18 23:59:59", "1431993599000", "86.999016566", "27.77", "", "")]
    }


@pytest.mark.parametrize("text", ['{"a": 1}', "3", "null", "[1]", '["x"]', '[{"dateTime": 3}]', "[{}]"])
@pytest.mark.parametrize("shape", [*JSON, "sleep"])
def test_another_json_value_is_a_payload_error(shape: str, text: str) -> None:
    with pytest.raises(PayloadError) as refused:
        takeout.parse(shape, text)
    assert refused.value.code in {"wrong_type", "missing_field", "bad_value"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("12/31/68 00:00:00", "2068-12-31 00:00:00"),
        ("01/01/70 00:00:00", "1970-01-01 00:00:00"),
        ("02/29/20 23:59:59", "2020-02-29 23:59:59"),
        ("2020-02-29T23:59:59.999", "2020-02-29 23:59:59"),
        ("02/29/19 23:59:59", None),
        ("13/01/19 00:00:00", None),
        ("2019-11-01 24:00:00", None),
        ("2019-11-01", None),
        ("2019-11-01 1:00:00", None),
        ("1/1/19 00:00:00", None),
        ("\u0660\u0661/01/19 00:00:00", None),
    ],
)
def test_the_two_forms_of_dates(written: str, read: str | None) -> None:
    text = json.dumps([{"dateTime": written, "value": "1"}])
    if read is None:
        with pytest.raises(PayloadError, match=r"\[0\].dateTime"):
            takeout.parse("steps", text)
    else:
        assert takeout.parse("steps", text)[0].rows == [(read, "1")]


def test_a_mean_heart_rate_of_0_is_none() -> None:
    text = JSON["exercise"][0].replace('"averageHeartRate": 107', '"averageHeartRate": 0')
    (part,) = takeout.parse("exercise", text)
    assert part.rows[0][part.columns.index("mean_bpm")] == ""
    assert part.left_out == {NO_HEART_RATE: 1}
