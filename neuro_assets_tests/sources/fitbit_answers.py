"""What each example answer of the Web API holds: its rows, stated by hand; or why it cannot be loaded."""

from typing import Any, NamedTuple

from neuro_assets.sources.fitbit.activity import MEAN_BPM, PART_OF_DAY
from neuro_assets.sources.fitbit.activity import NO_UNIT as NO_DAY_UNIT
from neuro_assets.sources.fitbit.exercise import NO_TIME, NO_UNIT
from neuro_assets.sources.fitbit.parts import Row


class Many(NamedTuple):
    """What is known of a long part: its rows, the sum of its second column, and its ends."""

    rows: int
    total: float
    first: Row
    last: Row


def _days(month: str, first: int, values: list[str]) -> list[Row]:
    return [(f"{month}-{first + n:02d}", value) for n, value in enumerate(values)]


def _vitals(day: str, **values: str) -> list[Row]:
    return [(day, vital, value) for vital, value in values.items()]


HRV_25 = [
    ("2021-10-25 09:10:00", "26.617", "0.935", "126.514", "471.897"),
    ("2021-10-25 09:15:00", "34.845", "0.988", "344.342", "1422.947"),
    ("2021-10-25 09:20:00", "36.893", "0.981", "328.704", "298.071"),
    ("2021-10-25 09:25:00", "65.946", "0.972", "1088.794", "979.685"),
]
BREATHING = {"breathing_rate": "17.8", "breathing_rate_deep": "16.8", "breathing_rate_light": "16.8"}
SLEEP_2017 = [
    (
        *("2017-04-01 00:00:00", "2017-04-01 08:00:00", "2017-04-02", "15040942043", "stages", "28800"),
        *("500", "86", "0", "0", "586", "85", "true", "0", ""),
    )
]
NAP = ("2016-12-13 09:59:00", "2016-12-13 11:02:30", "2016-12-13", "13214029456", "classic", "3780")
NIGHT = ("2016-12-13 01:16:00", "2016-12-13 03:14:00", "2016-12-13", "13211507000", "classic", "7080")
NAP_MINUTES, NIGHT_MINUTES = ("63", "0", "0", "0", "63", "100"), ("112", "6", "0", "0", "118", "95")
# 63 minutes and 118 minutes in bed, two epochs each.
SLEEP_2016_STAGES = Many(
    126 + 236, 0, ("2016-12-13 09:59:00", "13214029456", "asleep"), ("2016-12-13 03:13:30", "13211507000", "asleep")
)
RUN = ("2015-06-23 11:55:00", "", "253202765", "Run", "90009", "", "1440", "", "6761", "150")
SWIM = ("2015-06-23 10:00:00", "", "253246706", "Swimming", "90024", "", "", "", "0", "", "", "", "")
DAY_2015 = {
    "daily_steps": [("2015-06-23", "15242")],
    "daily_calories": [("2015-06-23", "1218")],
    "daily_active_minutes": [
        ("2015-06-23", "sedentary", "787"),
        ("2015-06-23", "lightly", "72"),
        ("2015-06-23", "fairly", "0"),
        ("2015-06-23", "very", "24"),
    ],
    "heart_rate_zones": [],
    "daily_vitals": [],
}
MULTIPLE = "shimmer__fitbit-activities-date-multiple-in-activities-list"

# (file, units) -> kind -> its rows; then what was left out.
VALID: dict[tuple[str, Any], tuple[dict[str, list[Row] | Many], dict[str, int]]] = {
    ("docs__devices", None): (
        {"device_sync": [("2019-11-07 12:00:58", "993708237f1e", "Charge 2", "TRACKER", "60", "Medium")]},
        {},
    ),
    ("fitbitnet__ActiveZoneMinutes", None): (
        {
            "active_zone_minutes": [
                ("2025-03-26", "10", "8", "2", "0"),
                ("2025-03-27", "8", "8", "0", "0"),
                ("2025-03-28", "15", "15", "0", "0"),
                ("2025-03-29", "14", "14", "0", "0"),
            ]
        },
        {},
    ),
    ("fitbitnet__ActiveZoneMinutes2", None): (
        {
            "active_zone_minutes": [
                ("2022-04-01", "4", "4", "0", "0"),
                ("2022-04-02", "19", "19", "0", "0"),
                ("2022-04-03", "1", "1", "0", "0"),
            ]
        },
        {},
    ),
    ("fitbitnet__GetActivities", None): (
        {
            "daily_steps": [("2014-09-25", "15720")],
            "daily_calories": [("2014-09-25", "2828")],
            "daily_distance": [],
            "daily_active_minutes": [
                ("2014-09-25", "sedentary", "1155"),
                ("2014-09-25", "lightly", "59"),
                ("2014-09-25", "fairly", "63"),
                ("2014-09-25", "very", "91"),
            ],
            "heart_rate_zones": [
                ("2014-09-25", "out_of_range", "1198", "30", "94", "1594.36823"),
                ("2014-09-25", "fat_burn", "192", "94", "131", "742.01185"),
                ("2014-09-25", "cardio", "11", "131", "159", "105.47127"),
                ("2014-09-25", "peak", "0", "159", "220", "0"),
            ],
            "daily_vitals": [("2014-09-25", "resting_heart_rate", "73")],
            "exercise": [
                (
                    *("2014-09-25 20:16:00", "", "105415286"),
                    *("Running (jogging), 6.7 mph (9 min mile) (MyFitnessPal)", "2382124", "", "2400"),
                    *("", "", "541", "", "", ""),
                )
            ],
        },
        {NO_DAY_UNIT: 1},
    ),
    ("fitbitnet__GetActivityLogsList", None): (
        {
            "exercise": Many(
                20,
                0,
                (
                    *("2017-01-01 04:14:06", "", "5390522508", "Walk", "90013", "auto_detected", "2764", "2764"),
                    *("5138", "375", "", "108", "3.048"),
                ),
                (
                    *("2017-01-21 08:27:06", "", "5681232699", "Spinning", "55001", "tracker", "8284", "8284"),
                    *("272", "1143", "", "125", "16.154"),
                ),
            )
        },
        {},
    ),
    ("fitbitnet__GetActivityLogsList2", None): (
        {
            "exercise": Many(
                20,
                20 * -420,
                (
                    *("2017-09-01 08:16:14", "-420", "9672992546", "Walk", "90013", "auto_detected", "1126", "1126"),
                    *("1758", "150", "", "94", "6.096"),
                ),
                (
                    *("2017-09-15 08:05:18", "-420", "9914385428", "Walk", "90013", "auto_detected", "1740", "1740"),
                    *("2788", "203", "", "84", "21.336"),
                ),
            )
        },
        {},
    ),
    ("fitbitnet__GetBreathingRateIntradayByDate", None): (
        {"daily_vitals": _vitals("2021-10-25", **BREATHING)},
        {"breathing rate rem of -1, which is not available": 1},
    ),
    ("fitbitnet__GetBreathingRateIntradayByInterval", None): (
        {"daily_vitals": _vitals("2021-10-25", **BREATHING) + _vitals("2021-10-26", **BREATHING)},
        {"breathing rate rem of -1, which is not available": 2},
    ),
    ("fitbitnet__GetBreathingRateSummaryByDate", None): (
        {"daily_vitals": _vitals("2021-10-25", breathing_rate="17.8")},
        {},
    ),
    ("fitbitnet__GetBreathingRateSummaryByInterval", None): (
        {"daily_vitals": _vitals("2021-10-25", breathing_rate="17.8") + _vitals("2021-10-26", breathing_rate="17.9")},
        {},
    ),
    ("fitbitnet__GetCardioScoreSummaryByDate", None): (
        {"daily_vitals": _vitals("2023-10-15", vo2max_low="42", vo2max_high="46")},
        {},
    ),
    ("fitbitnet__GetCardioScoreSummaryByInterval", None): (
        {
            "daily_vitals": _vitals("2023-10-15", vo2max_low="42", vo2max_high="46")
            + _vitals("2023-10-16", vo2max_low="41", vo2max_high="45")
        },
        {},
    ),
    ("fitbitnet__GetDevices-Double", None): (
        {
            "device_sync": [
                ("2014-07-17 13:38:13", "242689e601d8", "Zip", "TRACKER", "65", "High"),
                ("2014-07-17 13:38:13", "bbef5ee2c5bf", "Aria", "SCALE", "70", "High"),
            ]
        },
        {},
    ),
    ("fitbitnet__GetDevices-Single", None): (
        {"device_sync": [("2014-07-17 13:38:13", "242689e601d8", "Zip", "TRACKER", "65", "High")]},
        {},
    ),
    ("fitbitnet__GetHRVIntradayByDate", None): ({"hrv_5m": HRV_25}, {}),
    ("fitbitnet__GetHRVIntradayByInterval", None): (
        {"hrv_5m": HRV_25 + [(row[0].replace("-25 ", "-26 "), *row[1:]) for row in HRV_25]},
        {},
    ),
    ("fitbitnet__GetHRVSummaryByDate", None): (
        {"daily_vitals": _vitals("2021-10-25", hrv_rmssd="34.938", hrv_deep_rmssd="31.567")},
        {},
    ),
    ("fitbitnet__GetHRVSummaryByInterval", None): (
        {
            "daily_vitals": _vitals("2021-10-25", hrv_rmssd="62.887", hrv_deep_rmssd="64.887")
            + _vitals("2021-10-26", hrv_rmssd="61.887", hrv_deep_rmssd="64.887")
            + _vitals("2021-10-27", hrv_rmssd="60.887", hrv_deep_rmssd="64.887")
        },
        {},
    ),
    # Samples to 20:00 only: the minutes in zones are not those of the day.
    ("fitbitnet__GetHeartRateIntradayTimeSeries", None): (
        {
            "heart_rate_zones": [],
            "daily_vitals": [("2017-06-29", "resting_heart_rate", "59")],
            "heart_rate_1m": Many(1157, 79226, ("2017-06-29 00:00:00", "58", ""), ("2017-06-29 20:00:00", "62", "")),
        },
        {PART_OF_DAY: 4},
    ),
    # "value": "55.44" is the mean of the 96 samples (5322 / 96 = 55.4375).
    ("fitbitnet__GetHeartRateIntradayTimeSeries1.1", None): (
        {
            "heart_rate_zones": [
                ("2017-08-21", "out_of_range", "1387", "30", "92", "2071.96748"),
                ("2017-08-21", "fat_burn", "19", "92", "128", "140.76238"),
                ("2017-08-21", "cardio", "3", "128", "156", "36.27426"),
                ("2017-08-21", "peak", "14", "156", "220", "186.84666"),
            ],
            "daily_vitals": [],
            "heart_rate_15m": Many(96, 5322, ("2017-08-21 00:00:00", "57", ""), ("2017-08-21 23:45:00", "47", "")),
        },
        {MEAN_BPM: 1},
    ),
    ("fitbitnet__GetHeartRateTimeSeries", None): (
        {
            "heart_rate_zones": Many(
                28,
                0,
                ("2017-08-15", "out_of_range", "1264", "30", "92", "2257.6846"),
                ("2017-08-21", "peak", "14", "156", "220", "186.84666"),
            ),
            "daily_vitals": [
                (f"2017-08-{15 + n}", "resting_heart_rate", bpm)
                for n, bpm in enumerate(["51", "51", "53", "51", "51", "49", "51"])
            ],
        },
        {},
    ),
    # 360 s awake; a day later 2,490 s of rem, of which a wake of 560 s takes 18 whole epochs and 20 s of the next.
    **{
        (f"fitbitnet__{name}", None): (
            {
                "sleep_session": SLEEP_2017,
                "sleep_stage": Many(
                    12 + 83,
                    0,
                    ("2017-04-01 00:00:00", "15040942043", "wake"),
                    ("2017-04-02 00:41:00", "15040942043", "rem"),
                ),
            },
            {},
        )
        for name in ("GetSleep", "GetSleepRange")
    },
    ("fitbitnet__GetSpO2IntradayByDate", None): (
        {"spo2_1m": [("2021-10-04 04:02:17", "95.7"), ("2021-10-04 04:03:17", "99.5"), ("2021-10-04 04:04:17", "99")]},
        {},
    ),
    ("fitbitnet__GetSpO2IntradayByInterval", None): (
        {
            "spo2_1m": [
                ("2021-10-01 06:11:38", "95.4"),
                ("2021-10-01 06:12:38", "99.7"),
                ("2021-10-01 06:13:38", "99"),
                ("2021-10-02 04:25:38", "96"),
                ("2021-10-02 04:26:38", "98.6"),
            ]
        },
        {},
    ),
    ("fitbitnet__GetSpO2IntradayByInterval2", None): (
        {
            "spo2_1m": [
                ("2021-11-01 06:11:38", "95.4"),
                ("2021-11-01 06:12:38", "99.7"),
                ("2021-11-02 04:25:38", "96"),
                ("2021-11-02 04:26:38", "97.6"),
                ("2021-11-02 06:13:38", "99"),
            ]
        },
        {},
    ),
    ("fitbitnet__GetSpO2SummaryByDate", None): (
        {"daily_vitals": _vitals("2021-10-04", spo2_avg="97.5", spo2_min="94", spo2_max="100")},
        {},
    ),
    ("fitbitnet__GetSpO2SummaryByInterval", None): (
        {
            "daily_vitals": [
                row
                for day, mean in (("01", "94.7"), ("02", "97.7"), ("03", "99.2"), ("04", "96.7"))
                for row in _vitals(f"2021-10-{day}", spo2_avg=mean, spo2_min="94", spo2_max="100")
            ]
        },
        {},
    ),
    ("fitbitnet__GetWeight", "metric"): (
        {
            "weight": [
                ("2012-03-05 23:59:59", "1330991999000", "73", "23.57", "", "API"),
                ("2012-03-05 21:10:59", "1330991999000", "72.5", "22.57", "", "Aria"),
            ]
        },
        {},
    ),
    # 73 lb x 0.45359237 kg
    ("fitbitnet__GetWeight", "us"): (
        {
            "weight": [
                ("2012-03-05 23:59:59", "1330991999000", "33.11224301", "23.57", "", "API"),
                ("2012-03-05 21:10:59", "1330991999000", "32.885446825", "22.57", "", "Aria"),
            ]
        },
        {},
    ),
    ("fitbitnet__IntradayActivitiesCalories", None): (
        {
            "daily_calories": [("2015-03-20", "2601")],
            "calories_1m": Many(
                1440,
                2601.070144176483,
                ("2015-03-20 00:00:00", "1.1857000589370728", "0", "10"),
                ("2015-03-20 23:59:00", "1.1857000589370728", "0", "10"),
            ),
        },
        {},
    ),
    # The file has 1,084 of the day's minutes.
    ("fitbitnet__IntradayActivitiesSteps", None): (
        {
            "daily_steps": [("2016-03-08", "7390")],
            "steps_1m": Many(1084, 2940, ("2016-03-08 00:00:00", "1"), ("2016-03-08 23:59:00", "0")),
        },
        {},
    ),
    ("fitbitnet__TimeSeries-ActivitiesDistance", "metric"): (
        {"daily_distance": _days("2014-08", 12, ["1.0", "2.0", "4.0", "8.0", "16.0", "32.0", "64.0", "128.0"])},
        {},
    ),
    ("fitbitnet__TimeSeries-ActivitiesDistance", "us"): (
        {
            "daily_distance": _days(
                "2014-08",
                12,
                [
                    *("1.609344", "3.218688", "6.437376", "12.874752"),
                    *("25.749504", "51.499008", "102.998016", "205.996032"),
                ],
            )
        },
        {},
    ),
    ("fitbitnet__TimeSeries-ActivitiesSteps-Empty", None): ({"daily_steps": []}, {}),
    ("fitbitnet__TimeSeries-ActivitiesSteps", None): (
        {"daily_steps": _days("2014-09", 4, ["7428", "9846", "4274", "7595", "0", "9499", "7026"])},
        {},
    ),
    # The walk of 15:00 has hasStartTime false.
    (MULTIPLE, None): (
        {**DAY_2015, "daily_distance": [], "exercise": [(*RUN, "", "", ""), SWIM]},
        {NO_DAY_UNIT: 1, NO_UNIT: 1, NO_TIME: 1},
    ),
    (MULTIPLE, "metric"): (
        {**DAY_2015, "daily_distance": [("2015-06-23", "12.87")], "exercise": [(*RUN, "6.43738", "", ""), SWIM]},
        {NO_TIME: 1},
    ),
    ("shimmer__fitbit-activities-date-single-in-activities-list", "metric"): (
        {
            "daily_steps": [("2014-06-19", "10007")],
            "daily_calories": [("2014-06-19", "1848")],
            "daily_distance": [("2014-06-19", "7.32")],
            "daily_active_minutes": [
                ("2014-06-19", "sedentary", "1271"),
                ("2014-06-19", "lightly", "132"),
                ("2014-06-19", "fairly", "34"),
                ("2014-06-19", "very", "3"),
            ],
            "heart_rate_zones": [],
            "daily_vitals": [],
            "exercise": [
                (
                    *("2014-06-19 09:00:00", "", "79441095", "Walk", "90013", "", "3600", "", "5000", "128"),
                    *("3.36", "", ""),
                )
            ],
        },
        {},
    ),
    # "value": "64.2" is the mean of the five samples.
    ("shimmer__fitbit-activities-heart-1d-1m-intraday", None): (
        {
            "heart_rate_zones": [],
            "daily_vitals": [],
            "heart_rate_1m": [
                (f"2015-08-21 00:0{n + 1}:00", bpm, "") for n, bpm in enumerate(["64", "63", "64", "65", "65"])
            ],
        },
        {PART_OF_DAY: 4, MEAN_BPM: 1},
    ),
    ("shimmer__fitbit-activities-steps-1d-1m-intraday", None): (
        {
            "daily_steps": [],
            "steps_1m": [("2015-08-21 00:00:00", "7"), ("2015-08-21 14:27:00", "0"), ("2015-08-21 14:28:00", "52")],
        },
        {PART_OF_DAY: 1},
    ),
    ("shimmer__fitbit-activities-steps-timeseries", None): (
        {"daily_steps": _days("2015-08", 23, ["175", "2937", "0"])},
        {},
    ),
    ("shimmer__fitbit-body-log-weight", "metric"): (
        {
            "weight": [
                ("2015-05-13 18:28:59", "1431541739000", "56.7", "21.48", "", ""),
                ("2015-05-14 11:51:57", "1431604317000", "55.9", "21.17", "", ""),
                ("2015-05-22 18:12:06", "1432318326000", "58.1", "21.99", "", ""),
                ("2015-05-24 15:15:25", "1432480525000", "57.2", "21.65", "", ""),
            ]
        },
        {},
    ),
    ("shimmer__fitbit-sleep-date-empty-sleep-list", None): ({"sleep_session": [], "sleep_stage": []}, {}),
    ("shimmer__fitbit-sleep-date-range-empty-sleep-list", None): ({"sleep_session": [], "sleep_stage": []}, {}),
    ("shimmer__fitbit-sleep-date-range", None): (
        {
            "sleep_session": [(*NAP, *NAP_MINUTES, "", "0", ""), (*NIGHT, *NIGHT_MINUTES, "", "0", "")],
            "sleep_stage": SLEEP_2016_STAGES,
        },
        {},
    ),
    ("shimmer__fitbit-sleep-date", None): (
        {
            "sleep_session": [(*NAP, *NAP_MINUTES, "false", "0", ""), (*NIGHT, *NIGHT_MINUTES, "true", "0", "")],
            "sleep_stage": SLEEP_2016_STAGES,
        },
        {},
    ),
}

# file -> code, field, and what its message must say
INVALID: dict[str, tuple[str, str, str]] = {
    "community__too_many_requests_429": ("vendor_error", "", "system"),
    "fitbitnet__AccessToken": ("personal_data", "", "an access token"),
    "fitbitnet__ActivitiesStats": ("no_measurements", "", "lifetime totals"),
    "fitbitnet__ActivityGoals": ("no_measurements", "", "goals"),
    "fitbitnet__AddSubscriptionResponse": ("no_measurements", "", "a subscription"),
    "fitbitnet__ApiError": ("vendor_error", "", "request"),
    "fitbitnet__ApiError-Request-BadRequest": ("vendor_error", "", "invalid_request"),
    "fitbitnet__ApiError-Request-Forbidden": ("vendor_error", "", "insufficient_permissions"),
    "fitbitnet__ApiError-Request-StaleToken": ("vendor_error", "", "expired_token"),
    "fitbitnet__ApiError-Request-Unauthorized": ("vendor_error", "", "invalid_request"),
    "fitbitnet__ApiSubscriptionNotification": ("broken_json", "", "line 8"),
    "fitbitnet__GetBloodPressure": ("no_measurements", "", "blood pressure"),
    "fitbitnet__GetBodyMeasurements": ("no_measurements", "", "body measurements"),
    "fitbitnet__GetFat": ("no_measurements", "", "body fat"),
    "fitbitnet__GetFoodLogs": ("no_measurements", "", "foods"),
    "fitbitnet__GetFriends-Multiple": ("personal_data", "", "friends"),
    "fitbitnet__GetFriends-None": ("personal_data", "", "friends"),
    "fitbitnet__GetFriends-Single": ("personal_data", "", "friends"),
    "fitbitnet__GetFriends-Single-2": ("personal_data", "", "friends"),
    "fitbitnet__GetGoals": ("no_measurements", "", "goals"),
    "fitbitnet__GetHeartRate": ("no_measurements", "", "without a date"),
    "fitbitnet__GetSleepGoal": ("no_measurements", "", "a goal"),
    "fitbitnet__GetSleepOld": ("broken_json", "", "line 13"),
    "fitbitnet__GetWater-WaterData": ("no_measurements", "", "water"),
    "fitbitnet__GetWeight": ("unit_unknown", "weight[0].weight", "unit"),
    "fitbitnet__GetWeightGoal": ("no_measurements", "", "a goal"),
    "fitbitnet__IntradayActivitiesCaloriesMissingDateTime": ("no_date", "activities-calories-intraday", "0 dates"),
    "fitbitnet__ListApiSubscriptions": ("broken_json", "", "line 2"),
    "fitbitnet__ListApiSubscriptionsResponseMultiple": ("broken_json", "", "line 2"),
    "fitbitnet__ListApiSubscriptionsResponseSingle": ("broken_json", "", "line 2"),
    "fitbitnet__LogWater-WaterLog": ("no_measurements", "", "water"),
    "fitbitnet__SleepLogList": ("broken_json", "", "line 64"),
    "fitbitnet__TimeSeries-ActivitiesDistance": ("unit_unknown", "activities-distance[0].value", "unit"),
    "fitbitnet__UserProfile": ("personal_data", "", "a profile"),
    "fitbitnet__WeightGoals": ("no_measurements", "", "a goal"),
    "issue_ha141223__invalid_grant_400": ("vendor_error", "", "invalid_grant"),
    "shimmer__fitbit-activities-date-empty-activities-list": ("no_date", "summary", "its day"),
    "shimmer__fitbit-body-log-weight": ("unit_unknown", "weight[0].weight", "unit"),
}
