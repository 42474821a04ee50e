"""The truth tables: what was planted, and what every minute, hour and day truly were.

Tables by person, day or event are CSV; by hour and by minute Parquet. `docs/simulator.md` describes every column.
Times named `_utc` are UTC, `_local` the person's wall clock.
"""

from pathlib import Path

import numpy as np
import polars as pl

from neuro_assets.simulate.arrays import Ints
from neuro_assets.simulate.minutes.intervals import Intervals
from neuro_assets.simulate.minutes.reasons import Reason
from neuro_assets.simulate.minutes.series import MinuteBlock
from neuro_assets.simulate.minutes.study import MinuteStudy
from neuro_assets.simulate.minutes.totals import by_day, hours_of

TOLD = [reason for reason in Reason if reason is not Reason.OUTSIDE]
_FILE_ORDER = ("participant_id", "number", "export", "from_utc", "synced_utc", "day", "from_day")


def planted_tables(study: MinuteStudy) -> dict[str, pl.DataFrame]:
    """The tables that follow from the calendar alone, by name."""
    tables = {
        "participants": _participants(study),
        "zone_history": _zone_history(study),
        "device_history": _device_history(study),
        "non_wear": _stretches(study, study.non_wear.off, pattern=study.non_wear.pattern),
        "charging": _device_stretches(study, study.batteries.charges, off_wrist=study.batteries.costs_wear),
        "battery_dead": _device_stretches(study, study.batteries.dead),
        "sync_pauses": _device_stretches(study, study.syncs.pauses),
        "device_sync": _device_sync(study),
        "trend": _trend(study),
        "illness": _illness(study),
        "exports": _exports(study),
    }
    return {name: table.sort([c for c in _FILE_ORDER if c in table.columns]) for name, table in tables.items()}


def _names(study: MinuteStudy, person: Ints) -> np.ndarray:
    return study.cohort.people.participant_id[person]


def _dates(study: MinuteStudy, day: Ints) -> np.ndarray:
    return study.clocks.days[0] + day


def _participants(study: MinuteStudy) -> pl.DataFrame:
    people, cohort = study.cohort.people, study.cohort
    withdrawn = pl.Series(_dates(study, cohort.last_day)).to_frame("day")
    return pl.DataFrame(
        {
            "participant_id": people.participant_id,
            "vendor_id": people.vendor_id,
            "home_zone": np.array(study.clocks.zones)[study.clocks.home],
            "enrolled_on": _dates(study, cohort.first_day),
            "withdrawn_on": withdrawn.select(pl.when(pl.Series(cohort.is_withdrawn)).then("day")).to_series(),
            "level_steps": people.level_steps,
            "weekend_ratio": people.weekend_ratio,
            "resting_heart_rate_bpm": people.resting_heart_rate_bpm,
            "sleep_min": people.sleep_min,
            "bedtime_h": people.bedtime_h,
            "clock_shift_h": people.clock_shift_h,
            "basal_kcal_per_min": people.basal_kcal_per_min,
        }
    )


def _zone_history(study: MinuteStudy) -> pl.DataFrame:
    clocks = study.clocks
    person, day, old, new = clocks.changes
    everybody = np.arange(len(study.cohort))
    zones = np.array(clocks.zones)
    start = clocks.zone_midnight[new, day]
    first = clocks.day_start[:, 0]
    at = np.concatenate([first, start])
    zone = np.concatenate([clocks.home, new])
    return pl.DataFrame(
        {
            "participant_id": _names(study, np.concatenate([everybody, person])),
            "from_day": _dates(study, np.concatenate([np.zeros_like(everybody), day])),
            "from_utc": clocks.utc(at),
            "zone": zones[zone],
            "offset_min": clocks.offset_min[zone, at],
            "set_forward_min": np.concatenate(
                [np.zeros_like(everybody), (clocks.offset_min[new, start] - clocks.offset_min[old, start])]
            ),
        }
    )


def _device_history(study: MinuteStudy) -> pl.DataFrame:
    devices = study.devices
    return pl.DataFrame(
        {
            "participant_id": _names(study, devices.person),
            "number": devices.number,
            "vendor_id": devices.vendor_id,
            "from_utc": study.clocks.utc(devices.start),
            "until_utc": study.clocks.utc(devices.until),
            "steps_scale": devices.steps_scale,
            "heart_rate_bias_bpm": devices.heart_rate_bias_bpm,
            "heart_rate_noise_bpm": devices.heart_rate_noise_bpm,
        }
    )


def _stretches(study: MinuteStudy, stretches: Intervals, **columns: np.ndarray) -> pl.DataFrame:
    clocks, who = study.clocks, stretches.who
    return pl.DataFrame(
        {
            "participant_id": _names(study, who),
            "from_utc": clocks.utc(stretches.start),
            "until_utc": clocks.utc(stretches.until),
            "from_local": clocks.local(who, stretches.start),
            "until_local": clocks.local(who, stretches.until),
        }
        | columns
    )


def _device_stretches(study: MinuteStudy, stretches: Intervals, **columns: np.ndarray) -> pl.DataFrame:
    person = study.devices.person[stretches.who]
    return _stretches(
        study,
        Intervals(person, stretches.start, stretches.until),
        vendor_id=study.devices.vendor_id[stretches.who],
        **columns,
    )


def _device_sync(study: MinuteStudy) -> pl.DataFrame:
    syncs, devices = study.syncs, study.devices
    person = devices.person[syncs.device]
    return pl.DataFrame(
        {
            "participant_id": _names(study, person),
            "vendor_id": devices.vendor_id[syncs.device],
            "number": devices.number[syncs.device],
            "synced_utc": study.clocks.utc(syncs.minute),
            "synced_local": study.clocks.local(person, syncs.minute),
            "battery_pct": np.rint(syncs.level_pct).astype(np.int64),
        }
    )


def _trend(study: MinuteStudy) -> pl.DataFrame:
    people, factor = study.cohort.people, study.calendar.trend_factor
    changes = np.diff(factor, axis=1) != 0
    sets_in = changes.any(axis=1)
    return pl.DataFrame(
        {
            "participant_id": people.participant_id,
            "pattern": np.where(sets_in, people.pattern, "stable"),
            "change_per_day": np.where(sets_in, people.trend_share_per_day, 0.0),
            "unchanged_until": _dates(study, np.where(sets_in, changes.argmax(axis=1), factor.shape[1] - 1)),
            "last_factor": factor[:, -1],
        }
    )


def _illness(study: MinuteStudy) -> pl.DataFrame:
    illness = study.calendar.illness
    ill = np.flatnonzero(illness.until_day > illness.from_day)
    return pl.DataFrame(
        {
            "participant_id": _names(study, ill),
            "from_day": _dates(study, illness.from_day[ill]),
            "last_day": _dates(study, illness.until_day[ill] - 1),
            "resting_heart_rate_bpm": illness.resting_heart_rate_bpm[ill],
            "steps_factor": illness.steps_factor[ill],
        }
    )


def _exports(study: MinuteStudy) -> pl.DataFrame:
    """What each export could hold of each device: since which day, and up to which sync."""
    windows, syncs, devices = study.exports, study.syncs, study.devices
    export, device = (a.ravel() for a in np.indices((len(windows), len(devices))))
    reach = int(max(syncs.minute.max(initial=0), windows.taken_min.max())) + 2
    last = np.searchsorted(
        syncs.device * reach + syncs.minute, device * reach + windows.taken_min[export], side="right"
    )
    is_synced = (last > 0) & (np.append(syncs.device, -1)[last - 1] == device)
    as_of = study.clocks.utc(np.append(syncs.minute, 0)[last - 1])
    return pl.DataFrame(
        {
            "participant_id": _names(study, devices.person[device]),
            "vendor_id": devices.vendor_id[device],
            "number": devices.number[device],
            "export": export + 1,
            "taken_utc": study.clocks.utc(windows.taken_min[export]),
            "since_day": _dates(study, windows.since_day[export]),
            "synced_utc": pl.select(pl.when(pl.Series(is_synced)).then(pl.Series(as_of))).to_series(),
        }
    )


class BlockTruth:
    """Truth by minute, hour, day and run of minutes, gathered block by block."""

    def __init__(self, study: MinuteStudy, folder: Path) -> None:
        self.study, self.folder = study, folder
        (folder / "minutes").mkdir(parents=True, exist_ok=True)
        self.days: list[pl.DataFrame] = []
        self.hours: list[pl.DataFrame] = []
        self.missing: list[pl.DataFrame] = []

    def add(self, block: MinuteBlock) -> None:
        """Write the minutes of a block and keep its sums."""
        number = f"{block.first:06d}"
        minute_truth(block).write_parquet(self.folder / "minutes" / f"people_{number}.parquet", compression="zstd")
        self.days.append(_days(block))
        self.hours.append(_hours(block))
        self.missing.append(missing_runs(block))

    def close(self) -> None:
        """Write what was kept."""
        pl.concat(self.days).write_csv(self.folder / "daily.csv", float_precision=4)
        pl.concat(self.missing).write_csv(self.folder / "missing.csv", datetime_format="%Y-%m-%d %H:%M:%S")
        pl.concat(self.hours).write_parquet(self.folder / "hourly.parquet", compression="zstd")


def recorded(block: MinuteBlock) -> tuple[np.ndarray, np.ndarray]:
    """Steps and heart rate that the exports hold of people (P x T), -1 where they hold none.

    Of two devices worn at once the older one counts.
    """
    device = block.counting_device(Reason.NOT_WORN)
    minute = np.arange(device.shape[1])
    steps = np.where(device >= 0, block.shown_steps[device, minute], -1)
    bpm = np.where((device >= 0) & block.is_worn, block.device_bpm[device, minute], -1)
    return steps, bpm


def minute_truth(block: MinuteBlock) -> pl.DataFrame:
    """Every minute of the people's days: true, as recorded, and why not."""
    clocks = block.study.clocks
    at = np.flatnonzero(block.reason != Reason.OUTSIDE)
    row, minute = np.divmod(at, block.steps.shape[1])
    steps, bpm = (values.ravel()[at] for values in recorded(block))
    utc = clocks.utc(minute)
    offset = block.offset_min.ravel()[at]
    labels = [reason.label for reason in Reason]
    label = pl.Series(labels, dtype=pl.Enum(labels))
    names = pl.Series(block.study.cohort.people.participant_id[block.first : block.last])
    frame = pl.DataFrame(
        {
            "participant_id": names.gather(pl.Series(row)),
            "ts_utc": utc,
            "offset_min": offset,
            "steps": block.steps.ravel()[at],
            "heart_rate_bpm": block.heart_rate_bpm.ravel()[at],
            "sleep_stage": block.stage.ravel()[at],
            "is_worn": block.is_worn.ravel()[at],
            "recorded_steps": steps,
            "recorded_heart_rate_bpm": bpm,
            "reason": label.gather(pl.Series(block.reason.ravel()[at])),
        }
    )
    missing = [pl.when(pl.col(c) >= 0).then(c).alias(c) for c in ("recorded_steps", "recorded_heart_rate_bpm")]
    return frame.with_columns(*missing)


def missing_runs(block: MinuteBlock) -> pl.DataFrame:
    """Runs of minutes with one reason other than `recorded`."""
    reason = block.reason
    begins = np.ones(reason.shape, dtype=np.bool_)
    begins[:, 1:] = reason[:, 1:] != reason[:, :-1]
    starts = np.flatnonzero(begins)
    row, start = np.divmod(starts, reason.shape[1])
    length = np.diff(np.append(starts, reason.size))
    why = reason.ravel()[starts]
    told = (why != Reason.RECORDED) & (why != Reason.OUTSIDE)
    row, start, length, why = row[told], start[told], length[told], why[told]
    runs = Intervals(row + block.first, start, start + length)
    labels = np.array([r.label for r in Reason])
    return _stretches(block.study, runs, minutes=length, reason=labels[why])


def _days(block: MinuteBlock) -> pl.DataFrame:
    everybody = np.arange(block.last - block.first)
    steps, _ = recorded(block)
    has_time = (block.reason != Reason.OUTSIDE) & (block.reason != Reason.SHOWN_AGAIN)
    length = by_day(block, everybody, has_time)
    row, day = np.nonzero(length)
    calendar = block.study.calendar
    columns: dict[str, np.ndarray] = {
        "participant_id": _names(block.study, block.first + row),
        "day": _dates(block.study, day),
        "length_min": length[row, day].astype(np.int64),
        "expected_steps": calendar.day_steps[block.first + row, day],
        "steps": by_day(block, everybody, has_time, block.steps)[row, day].astype(np.int64),
        "recorded_steps": by_day(block, everybody, steps >= 0, steps)[row, day].astype(np.int64),
        "in_bed_min": by_day(block, everybody, has_time & (block.night > 0))[row, day].astype(np.int64),
    }
    for why in TOLD:
        name = f"{why.label}_min"
        where = block.reason == why
        columns[name] = by_day(block, everybody, where)[row, day].astype(np.int64)
    return pl.DataFrame(columns)


def _hours(block: MinuteBlock) -> pl.DataFrame:
    everybody = np.arange(block.last - block.first)
    hours = hours_of(block, everybody)
    steps, bpm = recorded(block)
    inside = block.reason != Reason.OUTSIDE
    length = hours.total(inside.astype(np.int32))
    at = np.flatnonzero(length)
    beats = hours.total((block.heart_rate_bpm * inside).astype(np.int32))
    has_bpm = hours.total((bpm >= 0).astype(np.int32))
    measured = hours.total(np.where(bpm >= 0, bpm, 0).astype(np.int32)) / np.where(has_bpm > 0, has_bpm, np.nan)
    clocks = block.study.clocks
    columns: dict[str, np.ndarray | pl.Series] = {
        "participant_id": _names(block.study, block.first + hours.row[at]),
        "from_utc": clocks.utc(hours.minute[at]),
        "hour_local": clocks.days[0].astype("datetime64[us]") + hours.local_hour[at].astype("timedelta64[h]"),
        "length_min": length[at],
        "steps": hours.total((block.steps * inside).astype(np.int32))[at],
        "recorded_steps": hours.total(np.where(steps >= 0, steps, 0).astype(np.int32))[at],
        "heart_rate_bpm": (beats / np.maximum(length, 1))[at],
        "recorded_heart_rate_bpm": pl.Series(measured[at]).fill_nan(None),
    }
    for why in TOLD:
        columns[f"{why.label}_min"] = hours.total((block.reason == why).astype(np.int32))[at]
    return pl.DataFrame(columns)
