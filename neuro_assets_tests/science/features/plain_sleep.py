"""Nights and windows once more, in plain Python over half minutes: what sleep.py and sleep_windows.py are held against.

Times are from the zones of the logs, not from offsets in their rows; the instant of a stage is its place on the wall
clock after the log's begin, as Fitbit counts. It takes over nothing from the package but names.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from math import sqrt
from statistics import mean, stdev
from typing import Any

from neuro_assets_tests.science.features.sleep_records import EPOCH, Log

SLEEPING = {"asleep", "light", "deep", "rem"}
WAKING = {"awake", "wake"}
Night = dict[str, Any]
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


def plain_nights(
    logs: list[Log], totals: Sequence[tuple[Any, ...]] = (), ends_at: time = time(18), within_min: float = 60
) -> dict[tuple[str, date], Night]:
    """(participant_id, day) -> every feature of that night, None where it is not known."""
    nights: dict[tuple[str, date], Night] = {}
    for person in {log.person for log in logs}:
        counted = _counted([log for log in logs if log.person == person])
        days: dict[date, list[tuple[Log, datetime]]] = defaultdict(list)
        for log, until in counted:
            days[log.end.date() + (_DAY if log.end.time() >= ends_at else 0 * _DAY)].append((log, until))
        for day, parts in days.items():
            nights[person, day] = _night(day, _sleeps(parts, within_min))
    for person, day, records, asleep, in_bed in totals:
        if (person, day) not in nights:
            blank = dict.fromkeys(next(iter(nights.values()), {}))
            told = {"basis": "totals", "total_asleep_min": asleep, "total_in_bed_min": in_bed, "logs": records}
            nights[person, day] = blank | told
    return nights


def plain_asleep_min(logs: list[Log]) -> float:
    """Minutes of all people in a stage that is asleep."""
    people = [_counted([log for log in logs if log.person == person]) for person in {log.person for log in logs}]
    return sum(stage in SLEEPING for counted in people for part in counted for _, stage in _cells(*part)) / 2


def _counted(logs: list[Log]) -> list[tuple[Log, datetime]]:
    """The logs that are in no other one, each with how far it counts."""

    def worth(log: Log) -> tuple[Any, ...]:
        stages = {s for _, s in log.stages}
        detail = 0 if not stages else 1 if stages & {"asleep", "restless", "awake"} else 2
        return (log.end_utc - log.begin_utc, detail, log.asleep, [-ord(c) for c in log.log_id])

    kept = [
        a
        for a in logs
        if not any(b.begin_utc <= a.begin_utc and a.end_utc <= b.end_utc and worth(b) > worth(a) for b in logs)
    ]
    kept.sort(key=lambda log: log.begin_utc)
    return [(a, min([a.end_utc, *(b.begin_utc for b in kept if a.begin_utc < b.begin_utc)])) for a in kept]


def _sleeps(parts: list[tuple[Log, datetime]], within_min: float) -> list[list[tuple[Log, datetime]]]:
    sleeps: list[list[tuple[Log, datetime]]] = []
    for part in parts:
        if sleeps and part[0].begin_utc - sleeps[-1][-1][1] <= within_min * _MINUTE:
            sleeps[-1].append(part)
        else:
            sleeps.append([part])
    return sleeps


def _cells(log: Log, until: datetime) -> list[tuple[datetime, str]]:
    found = [(log.begin_utc + (wall - log.start), stage) for wall, stage in log.stages]
    if log.folds:
        found = [(log.begin_utc + n * EPOCH, stage) for n, (_, stage) in enumerate(log.stages)]
    return [(at, stage) for at, stage in found if log.begin_utc <= at and at + EPOCH <= until]


def _minutes(log: Log, until: datetime) -> tuple[float, float, float]:
    """In bed, asleep and awake."""
    in_bed = (until - log.begin_utc) / _MINUTE
    asleep, awake = float(log.asleep), float(log.awake)
    if until < log.end_utc and log.stages:
        stages = [stage for _, stage in _cells(log, until)]
        asleep = sum(s in SLEEPING for s in stages) / 2
        awake = len(stages) / 2 - asleep
    elif until < log.end_utc:
        share = (until - log.begin_utc) / (log.end_utc - log.begin_utc)
        asleep, awake = asleep * share, awake * share
    asleep = min(asleep, in_bed)
    return in_bed, asleep, min(awake, in_bed - asleep)


def _night(day: date, sleeps: list[list[tuple[Log, datetime]]]) -> Night:
    lengths = [[sum(column) for column in zip(*(_minutes(*part) for part in sleep), strict=True)] for sleep in sleeps]
    best = max(range(len(sleeps)), key=lambda n: (lengths[n][1], -n))
    main, (in_bed, asleep, awake) = sleeps[best], lengths[best]
    first, last, until = main[0][0], main[-1][0], main[-1][1]
    midnight = datetime.combine(day, time())
    bed, up = (first.start - midnight) / _MINUTE, (last.end - midnight) / _MINUTE
    elapsed = (until - first.begin_utc) / _MINUTE
    told = [None if part.efficiency == 0 and part.asleep else part.efficiency for part, _ in main]
    weights = [(end - part.begin_utc) / _MINUTE for part, end in main]
    night: Night = {
        **{"basis": "logs", "bed_start_min": bed, "wake_min": up, "in_bed_min": in_bed, "asleep_min": asleep},
        **{"awake_min": awake, "between_min": elapsed - in_bed, "efficiency": asleep / in_bed},
        "efficiency_vendor_pct": None
        if None in told
        else sum(e * w for e, w in zip(told, weights, strict=True) if e is not None) / sum(weights),
        **{"naps": len(sleeps) - 1, "logs": sum(len(s) for s in sleeps)},
        "nap_asleep_min": sum(n[1] for n in lengths) - asleep,
        **{"total_asleep_min": sum(n[1] for n in lengths), "total_in_bed_min": sum(n[0] for n in lengths)},
    }
    if all(log.stages for log, _ in main):
        cells = [cell for part in main for cell in _cells(*part)]
        seen = _from_cells(cells, first.begin_utc, until, [{s for _, s in log.stages} for log, _ in main])
        latency, lying = seen["to_fall_asleep_min"], seen["after_wakeup_min"]
    else:
        latency, lying = first.latency, last.lying
        seen = dict.fromkeys(_from_cells([], until, until, []))
        seen |= {"to_fall_asleep_min": latency or None, "after_wakeup_min": lying}
    onset = None if latency is None else bed + latency
    night |= {"onset_min": onset, "offset_min": None if lying is None else up - lying}
    night["midpoint_min"] = None if latency is None or lying is None else bed + (latency + elapsed - lying) / 2
    return night | seen


def _from_cells(cells: list[tuple[datetime, str]], begin: datetime, end: datetime, kinds: list[set[str]]) -> Night:
    """What the half minutes of a main sleep tell."""
    is_staged = all(k <= {"light", "deep", "rem", "wake"} for k in kinds)
    is_classic = all(k <= {"asleep", "restless", "awake"} for k in kinds)
    slept = [at for at, stage in cells if stage in SLEEPING]
    within = [stage for at, stage in cells if slept and slept[0] < at < slept[-1]]
    awake_for, times = 0, 0
    for stage in [*within, "asleep"]:
        if stage in WAKING:
            awake_for += 1
        else:
            times, awake_for = times + (awake_for >= 2), 0
    minutes = {s: sum(stage == s for _, stage in cells) / 2 for s in ("deep", "light", "rem", "restless")}
    sleep_min = minutes["deep"] + minutes["light"] + minutes["rem"]
    dreams = [at for at, stage in cells if stage == "rem"]
    night: Night = {
        "to_fall_asleep_min": (slept[0] - begin) / _MINUTE if slept else None,
        "after_wakeup_min": (end - slept[-1] - EPOCH) / _MINUTE if slept else None,
        "waso_min": sum(s in WAKING for s in within) / 2 if slept else None,
        "awakenings": times if slept else None,
        "wake_stage_min": sum(s in WAKING for _, s in cells) / 2,
        "restless_min": minutes["restless"] if is_classic else None,
        "rem_latency_min": (dreams[0] - slept[0]) / _MINUTE if dreams and is_staged else None,
    }
    for stage in ("deep", "light", "rem"):
        night[f"{stage}_min"] = minutes[stage] if is_staged else None
        night[f"{stage}_share"] = minutes[stage] / sleep_min if is_staged and sleep_min else None
    return night


def plain_window(nights: dict[tuple[str, date], Night], person: str, day: date, length: int) -> dict[str, float | None]:
    """Every feature of the window up to a day."""
    days = [day - n * _DAY for n in range(length - 1, -1, -1)]
    seen = {d: nights[person, d] for d in days if (person, d) in nights}
    found: dict[str, float | None] = {"n_nights": len(seen)}
    times = {column: f"{column}_min" for column in ("onset", "wake", "midpoint")}
    for d, night in seen.items():
        if (night["asleep_min"] or 0) < 180:
            seen[d] = night | dict.fromkeys(times.values())
    for column in ("total_asleep", "asleep", *times):
        values = [n[f"{column}_min"] for n in seen.values() if n[f"{column}_min"] is not None]
        found[f"{column}_mean_min"] = mean(values) if len(values) >= 5 else None
        found[f"{column}_sd_min"] = stdev(values) if len(values) >= 5 else None
    for column in times:
        at = {d: n[f"{column}_min"] for d, n in seen.items() if n[f"{column}_min"] is not None}
        steps = [at[d] - at[d - _DAY] for d in days if d in at and d - _DAY in at]
        found[f"{column}_rmssd_min"] = sqrt(sum(s * s for s in steps) / len(steps)) if len(steps) >= 4 else None
    middles = {d: n["midpoint_min"] for d, n in seen.items() if n["midpoint_min"] is not None}
    free = [m for d, m in middles.items() if d.strftime("%a") in ("Sat", "Sun")]
    work = [m for d, m in middles.items() if d.strftime("%a") not in ("Sat", "Sun")]
    found["social_jetlag_min"] = abs(mean(free) - mean(work)) if len(free) >= 2 and len(work) >= 3 else None
    return found
