"""Points as the JSON of list and reconcile, from columns. Members and forms: evidence in `evidence`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuro_assets.simulate.arrays import Ints
from neuro_assets.simulate.google_health import jsontext as js
from neuro_assets.simulate.google_health.catalogue import DATA_TYPES, DAY_S
from neuro_assets.simulate.google_health.exercises import NAMES, ExerciseTold
from neuro_assets.simulate.google_health.nights import Stage
from neuro_assets.simulate.google_health.people import Person
from neuro_assets.simulate.google_health.series import DERIVED, MANUAL, PHONE, SCALE, TRACKER, Points
from neuro_assets.simulate.google_health.sleeps import SleepTold
from neuro_assets.simulate.google_health.world import Reading

LEVELS = ("", "LIGHT", "MODERATE", "VIGOROUS")
ZONES = ("", "FAT_BURN", "CARDIO", "PEAK")


@dataclass(frozen=True)
class Written:
    """Who the points are of and how they are read."""

    person: Person
    reading: Reading

    def source(self, which: int) -> str:
        """The dataSource member with its comma; reconciled points have none."""
        return "" if self.reading == "reconcile" else f'"dataSource":{data_source(self.person, which)},'

    def name(self, data_type: str, identifier: str) -> str:
        """The name of a point that can be identified, with its comma."""
        key = "dataPointName" if self.reading == "reconcile" else "name"
        return f'"{key}":"users/{self.person.health_user_id}/dataTypes/{data_type}/dataPoints/{identifier}",'


def data_source(person: Person, which: int) -> str:
    """A DataSource. Trackers of some people come without details of the device, as recorded."""
    device = "{}"
    if person.form_factor:
        device = f'{{"formFactor":"{person.form_factor}","manufacturer":"Google","displayName":"{person.tracker}"}}'
    return {
        TRACKER: f'{{"recordingMethod":"PASSIVELY_MEASURED","device":{device},"platform":"FITBIT"}}',
        DERIVED: f'{{"recordingMethod":"DERIVED","device":{device},"platform":"FITBIT"}}',
        MANUAL: '{"recordingMethod":"MANUAL","platform":"FITBIT"}',
        PHONE: '{"recordingMethod":"PASSIVELY_MEASURED","device":{"formFactor":"PHONE","manufacturer":"Google",'
        '"displayName":"Pixel 9"},"application":{"packageName":"com.google.android.apps.fitness"},'
        '"platform":"HEALTH_CONNECT"}',
        SCALE: '{"recordingMethod":"ACTIVELY_MEASURED","device":{"formFactor":"SCALE","displayName":"Aria Air"},'
        '"platform":"FITBIT"}',
    }[which]


def as_json(points: Points, name: str, written: Written) -> list[str]:
    """Each point as one object, in the order of the points."""
    record = DATA_TYPES[name].record
    if not len(points):
        return []
    if name == "sleep":
        return [_sleep(item, int(s), written) for item, s in _items(points)]
    if name == "exercise":
        return [_exercise(item, int(s), written) for item, s in _items(points)]
    if record == "daily":
        return _daily(points, name, written)
    head = [written.source(s) for s in range(SCALE + 1)]
    camel, values = DATA_TYPES[name].camel, _VALUES[name](points)
    at = _intervals(points, written.person) if record == "interval" else _samples(points, written.person)
    key = "interval" if record == "interval" else "sampleTime"
    heads = [head[s] for s in points.source.tolist()]
    if "id" in points.values:
        heads = [written.name(name, i) + h for i, h in zip(points.values["id"].tolist(), heads, strict=True)]
    return [
        f'{{{h}"{camel}":{{"{key}":{t},{v}}}}}' for h, t, v in zip(heads, at, values, strict=True)
    ]  # fmt: skip


def _items(points: Points) -> Any:
    return zip(points.values["item"].tolist(), points.source.tolist(), strict=True)


def _intervals(points: Points, person: Person) -> list[str]:
    start, end = points.start_s, points.end_s
    start_offset, end_offset = person.track.at(start), person.track.at(end)
    columns = (
        *(js.instants(start), start_offset.tolist(), js.instants(end), end_offset.tolist()),
        *(js.civil(start + start_offset), js.civil(end + end_offset)),
    )
    return [
        f'{{"startTime":"{s}","startUtcOffset":"{so}s","endTime":"{e}","endUtcOffset":"{eo}s",'
        f'"civilStartTime":{cs},"civilEndTime":{ce}}}'
        for s, so, e, eo, cs, ce in zip(*columns, strict=True)
    ]


def _samples(points: Points, person: Person) -> list[str]:
    offset = person.track.at(points.start_s)
    columns = js.instants(points.start_s), offset.tolist(), js.civil(points.start_s + offset)
    return [f'{{"physicalTime":"{at}","utcOffset":"{o}s","civilTime":{c}}}' for at, o, c in zip(*columns, strict=True)]


def _counted(member: str, column: str) -> Callable[[Points], list[str]]:
    return lambda points: [f'"{member}":"{n}"' for n in points.values[column].tolist()]


def _measured(**columns: str) -> Callable[[Points], list[str]]:
    return lambda points: _doubles(points, columns)


def _doubles(points: Points, columns: dict[str, str]) -> list[str]:
    rows = zip(*(points.values[column].tolist() for column in columns.values()), strict=True)
    return [
        ",".join(f'"{m}":{js.number(v)}' for m, v in zip(columns, row, strict=True) if v == v) for row in rows
    ]  # fmt: skip


def _levels(points: Points) -> list[str]:
    rows = zip(points.values["level"].tolist(), points.values["minutes"].tolist(), strict=True)
    return [
        f'"activeMinutesByActivityLevel":[{{"activityLevel":"{LEVELS[level]}","activeMinutes":"{n}"}}]'
        for level, n in rows
    ]


def _zones(points: Points) -> list[str]:
    rows = zip(points.values["zone"].tolist(), points.values["minutes"].tolist(), strict=True)
    return [f'"heartRateZone":"{ZONES[zone]}","activeZoneMinutes":"{n}"' for zone, n in rows]


def _variability(points: Points) -> list[str]:
    v = points.values
    rows = zip(v["rmssd"].tolist(), v["low_power"].tolist(), v["high_power"].tolist(), strict=True)
    return [
        f'"rootMeanSquareOfSuccessiveDifferencesMilliseconds":{r!r},'
        f'"metadata":{{"lowFrequencyPower":{low!r},"highFrequencyPower":{high!r}}}'
        for r, low, high in rows
    ]


def _breathing(points: Points) -> list[str]:
    names = {"full": "fullSleepStats", "light": "lightSleepStats", "deep": "deepSleepStats", "rem": "remSleepStats"}
    rows = zip(*(points.values[name].tolist() for name in names), strict=True)
    return [
        ",".join(f'"{m}":{{"breathsPerMinute":{v!r}}}' for m, v in zip(names.values(), row, strict=True) if v == v)
        for row in rows
    ]


_VALUES: dict[str, Callable[[Points], list[str]]] = {
    "steps": _counted("count", "count"),
    "distance": _counted("millimeters", "millimeters"),
    "active-minutes": _levels,
    "active-zone-minutes": _zones,
    "heart-rate": _counted("beatsPerMinute", "bpm"),
    "heart-rate-variability": _variability,
    "oxygen-saturation": _measured(percentage="percentage"),
    "respiratory-rate-sleep-summary": _breathing,
    "weight": _measured(weightGrams="grams"),
}
_DAILY: dict[str, dict[str, str]] = {
    "daily-heart-rate-variability": {
        "averageHeartRateVariabilityMilliseconds": "rmssd",
        "deepSleepRootMeanSquareOfSuccessiveDifferencesMilliseconds": "deep_rmssd",
        "entropy": "entropy",
    },
    "daily-oxygen-saturation": {
        "averagePercentage": "average",
        "lowerBoundPercentage": "lower",
        "upperBoundPercentage": "upper",
        "standardDeviationPercentage": "deviation",
    },
    "daily-respiratory-rate": {"breathsPerMinute": "breaths"},
    "daily-sleep-temperature-derivations": {
        "nightlyTemperatureCelsius": "nightly",
        "baselineTemperatureCelsius": "baseline",
        "relativeNightlyStddev30dCelsius": "deviation",
    },
}


def _daily(points: Points, name: str, written: Written) -> list[str]:
    camel = DATA_TYPES[name].camel
    if name == "daily-resting-heart-rate":
        rows = zip(points.values["bpm"].tolist(), points.values["with_sleep"].tolist(), strict=True)
        methods = ("ONLY_WITH_AWAKE_DATA", "WITH_SLEEP")
        values = [
            f'"beatsPerMinute":"{int(bpm)}",'
            f'"dailyRestingHeartRateMetadata":{{"calculationMethod":"{methods[int(method)]}"}}'
            for bpm, method in rows
        ]
    else:
        values = _doubles(points, _DAILY[name])
    if name == "daily-heart-rate-variability":
        rates = points.values["non_rem_bpm"].tolist()
        values = [f'{v},"nonRemHeartRateBeatsPerMinute":"{int(r)}"' for v, r in zip(values, rates, strict=True)]
    head = written.source(DERIVED)
    days: Ints = points.start_s // DAY_S
    return [
        f'{{{head}"{camel}":{{"date":{js.date(d)},{v}}}}}' for d, v in zip(days.tolist(), values, strict=True)
    ]  # fmt: skip


def _session_interval(item: SleepTold | ExerciseTold) -> str:
    until = item.until_s
    return js.members(
        startTime=js.text(js.instant(item.from_s)),
        startUtcOffset=js.duration(item.from_offset_s),
        endTime=None if until is None else js.text(js.instant(until)),
        endUtcOffset=None if until is None else js.duration(item.until_offset_s),
    )


def _sleep(item: SleepTold, source: int, written: Written) -> str:
    track = written.person.track
    is_manual = source == MANUAL
    is_complete = item.state == "complete"
    status = "REJECTED_SERVER" if is_manual else "REJECTED_NAP" if item.how == "nap" else "REJECTED_COVERAGE"
    metadata = js.members(
        stagesStatus=js.text("SUCCEEDED" if item.is_staged else status) if is_complete else None,
        processed="true" if is_complete else None,
        mainSleep="true" if item.is_main else None,
        nap="true" if item.how == "nap" and is_complete else None,
        externalId='""' if is_manual else None,
    )
    body = js.members(
        interval=_session_interval(item),
        type=js.text("STAGES" if item.is_staged else "CLASSIC") if is_complete else None,
        stages="[" + ",".join(_stage(s, track.offset) for s in item.stages) + "]" if item.stages else None,
        shortAwakenings="[" + ",".join(_stage(s, track.offset) for s in item.short) + "]" if item.short else None,
        metadata=metadata if item.state != "in_progress" else None,
        summary=_summary(item) if is_complete else None,
        createTime=js.text(js.instant(item.created_s, js.micros_of(item.created_s))),
        updateTime=js.text(js.instant(item.updated_s, js.micros_of(item.updated_s + 1))),
    )
    return f'{{{written.name("sleep", item.id)}{written.source(source)}"sleep":{body}}}'


def _stage(stage: Stage, offset: Callable[[int], int]) -> str:
    start, end, kind = stage
    return (
        f'{{"startTime":"{js.instant(start)}","startUtcOffset":"{offset(start)}s",'
        f'"endTime":"{js.instant(end)}","endUtcOffset":"{offset(end)}s","type":"{kind}"}}'
    )


def _summary(item: SleepTold) -> str:
    counts = item.counts
    stages = [
        f'{{"type":"{kind}","minutes":"{minutes}","count":"{counts[kind]}"}}' for kind, minutes in item.minutes.items()
    ]
    return js.members(
        minutesInSleepPeriod=js.text(item.in_period_min),
        minutesAfterWakeUp=js.text(0),
        minutesToFallAsleep=js.text(item.to_fall_asleep_min),
        minutesAsleep=js.text(item.asleep_min),
        minutesAwake=js.text(item.awake_min),
        stagesSummary="[" + ",".join(stages) + "]",
    )


def _exercise(item: ExerciseTold, source: int, written: Written) -> str:
    names = ("lightTime", "moderateTime", "vigorousTime", "peakTime")
    zones = js.members(**{n: js.duration(s) if s else None for n, s in zip(names, item.zone_s, strict=True)})
    metrics = js.members(
        caloriesKcal=repr(item.energy_mkcal / 1000),
        distanceMillimeters=repr(float(item.distance_mm)),
        steps=js.text(item.steps),
        averageHeartRateBeatsPerMinute=js.text(item.mean_bpm),
        activeZoneMinutes=js.text(item.zone_min) if item.zone_min else None,
        heartRateZoneDurations=zones,
    )
    body = js.members(
        interval=_session_interval(item),
        exerciseType=js.text(item.kind),
        displayName=js.text(NAMES[item.kind]),
        activeDuration=js.duration(item.active_s),
        metricsSummary=metrics,
        createTime=js.text(js.instant(item.created_s, js.micros_of(item.created_s))),
        updateTime=js.text(js.instant(item.created_s + 1, js.micros_of(item.created_s + 1))),
    )
    return f'{{{written.name("exercise", item.id)}{written.source(source)}"exercise":{body}}}'


def newest_first(points: Points) -> Points:
    """By start descending; of one start in the order of the sources."""
    return points.take(np.lexsort([points.source, -points.start_s]))
