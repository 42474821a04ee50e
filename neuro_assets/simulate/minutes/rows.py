"""The rows that an export has of a block of people, as frames of the vendor's columns, spelled.

Rows go by person, then device, then true time. A kind of file is named as the vendor names the file.
"""

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
import polars as pl

from neuro_assets.simulate.arrays import Bools, Ints
from neuro_assets.simulate.frames import VERY_ACTIVE_STRIDE_FACTOR
from neuro_assets.simulate.minutes.clocks import DAY_MIN
from neuro_assets.simulate.minutes.logs import SleepLogs, sleep_logs
from neuro_assets.simulate.minutes.series import HEART_RATE_BPM, MinuteBlock
from neuro_assets.simulate.minutes.spelling import Spelling, looked_up, six_decimals
from neuro_assets.simulate.minutes.totals import Hours, by_day, hours_of

SAMPLE_STRAY_BPM = 1.2
"""Readings within a minute stray this much around the minute's heart rate."""


class BlockRows:
    """All rows of a block, of which each export takes some."""

    def __init__(self, block: MinuteBlock, spelling: Spelling) -> None:
        self.block = block
        self.spelling = spelling
        self.ids = block.study.devices.vendor_id[block.devices]
        self.rows = block.row_of_device
        self.local = block.local_min[self.rows].ravel()

    @cached_property
    def hours(self) -> Hours:
        """Hours of the block's devices."""
        return hours_of(self.block, self.rows)

    @cached_property
    def logs(self) -> SleepLogs:
        """Sleep logs of the block's devices."""
        return sleep_logs(self.block)

    @cached_property
    def _kcal(self) -> np.ndarray:
        """Energy of each minute (R x T)."""
        row = 4 * np.arange(len(self.ids), dtype=np.int32)[:, None]
        return self.block.kcal_of_intensity.ravel()[row + self.block.intensity]

    def of_export(self, export: int) -> Iterator[tuple[str, pl.DataFrame, Ints]]:
        """Kind of file, its rows, and for each row a number that no other row of the study has."""
        held = self.block.held(export)
        for kind, make in self._makers():
            frame, key = make(held, export)
            yield kind, frame, key

    def _makers(self) -> list[tuple[str, Callable[[Bools, int], tuple[pl.DataFrame, Ints]]]]:
        daily = [
            ("dailyActivity_merged.csv", self.daily_activity),
            ("sleepDay_merged.csv", self.sleep_day),
            ("hourlySteps_merged.csv", self.hourly_steps),
            ("hourlyCalories_merged.csv", self.hourly_calories),
            ("hourlyIntensities_merged.csv", self.hourly_intensities),
            ("heartrate_seconds_merged.csv", self.heart_rate),
        ]
        if self.block.study.plan.resolution == "hour":
            return daily
        return [
            *daily,
            ("minuteStepsNarrow_merged.csv", self.minute_steps),
            ("minuteCaloriesNarrow_merged.csv", self.minute_calories),
            ("minuteIntensitiesNarrow_merged.csv", self.minute_intensities),
            ("minuteSleep_merged.csv", self.minute_sleep),
        ]

    def _minutes(self, at: Ints, name: str, values: np.ndarray | pl.Series) -> tuple[pl.DataFrame, Ints]:
        frame = pl.DataFrame({"Id": self.ids[self._row(at)], "ActivityMinute": self.spelling.at(self.local[at])})
        return frame.with_columns(pl.Series(name, values)), self._key(at)

    def _row(self, at: Ints) -> Ints:
        return at // self.block.study.clocks.minutes

    def _key(self, at: Ints) -> Ints:
        return at + self.block.devices.start * self.block.study.clocks.minutes

    def minute_steps(self, held: Bools, export: int) -> tuple[pl.DataFrame, Ints]:
        """A row a minute, 0 where not worn."""
        at = np.flatnonzero(held)
        return self._minutes(at, "Steps", self.block.shown_steps.ravel()[at])

    def minute_intensities(self, held: Bools, export: int) -> tuple[pl.DataFrame, Ints]:
        """A row a minute: 0 to 3."""
        at = np.flatnonzero(held)
        return self._minutes(at, "Intensity", self.block.intensity.ravel()[at])

    def minute_calories(self, held: Bools, export: int) -> tuple[pl.DataFrame, Ints]:
        """A row a minute, at least the basal rate."""
        at = np.flatnonzero(held)
        text = looked_up(self.block.kcal_of_intensity.ravel())
        which = 4 * self._row(at) + self.block.intensity.ravel()[at]
        return self._minutes(at, "Calories", text.gather(pl.Series(which)))

    def minute_sleep(self, held: Bools, export: int) -> tuple[pl.DataFrame, Ints]:
        """A row a minute of each log. Every second log counts its minutes from the half minute on."""
        logs = self.logs
        is_held = logs.held(self.block, export)[logs.log_of]
        at, log = logs.at[is_held], logs.log_of[is_held]
        second = np.where(logs.log_id[log] % 2, 30, 0)
        frame = pl.DataFrame(
            {
                "Id": self.ids[self._row(at)],
                "date": self.spelling.at_second(self.local[at], second),
                "value": self.block.stage[self.rows].ravel()[at],
                "logId": logs.log_id[log],
            }
        )
        return frame, self._key(at)

    @cached_property
    def _readings(self) -> tuple[Ints, Ints, Ints]:
        """Every heart-rate reading: minute of the flat block, second, bpm. Only where worn and recorded."""
        block, study = self.block, self.block.study
        every_s = study.plan.heart_rate_every_s
        worn = block.records & block.is_worn[self.rows]
        parts = []
        for row, device in enumerate(range(block.devices.start, block.devices.stop)):
            rng = study.plan.generator("readings", device)
            # Drawn for all minutes, so that what is missing changes no other reading.
            spans = worn.shape[1] * 60 // every_s
            jitter = rng.integers(0, every_s, spans, dtype=np.int16)
            stray = rng.standard_normal(spans, dtype=np.float32) * SAMPLE_STRAY_BPM if every_s < 60 else 0
            second = (np.arange(spans, dtype=np.int32) % (60 // every_s)) * every_s + jitter
            bpm = np.repeat(block.device_bpm[row], 60 // every_s) + stray
            at = np.flatnonzero(np.repeat(worn[row], 60 // every_s))
            minute = row * worn.shape[1] + at * every_s // 60
            parts.append((minute, second[at], np.rint(bpm[at]).clip(*HEART_RATE_BPM).astype(np.int16)))
        minute, second, bpm = (np.concatenate(column) for column in zip(*parts, strict=True))
        return minute, second, bpm

    def heart_rate(self, held: Bools, export: int) -> tuple[pl.DataFrame, Ints]:
        """A row a reading."""
        minute, second, bpm = self._readings
        is_held = held.ravel()[minute]
        at, second = minute[is_held], second[is_held]
        frame = pl.DataFrame(
            {
                "Id": self.ids[self._row(at)],
                "Time": self.spelling.at_second(self.local[at], second),
                "Value": bpm[is_held],
            }
        )
        return frame, self._key(at) * 60 + second

    def _hours(self, held: Bools, columns: dict[str, np.ndarray | pl.Series]) -> tuple[pl.DataFrame, Ints]:
        hours = self.hours
        at = np.flatnonzero(hours.total(held))
        hour = {"Id": self.ids[hours.row[at]], "ActivityHour": self.spelling.at(60 * hours.local_hour[at])}
        frame = pl.DataFrame(hour | {name: pl.Series(values).gather(pl.Series(at)) for name, values in columns.items()})
        return frame, self._key(hours.starts[at])

    def hourly_steps(self, held: Bools, export: int) -> tuple[pl.DataFrame, Ints]:
        """A row an hour of which anything had been synced: the sum of the minutes that had."""
        steps = self.hours.total((self.block.shown_steps * held).astype(np.int32))
        return self._hours(held, {"StepTotal": steps})

    def hourly_calories(self, held: Bools, export: int) -> tuple[pl.DataFrame, Ints]:
        """Whole kilocalories of the minutes that had been synced."""
        kcal = self.hours.total((self._kcal * held).astype(np.float64))
        return self._hours(held, {"Calories": np.rint(kcal).astype(np.int64)})

    def hourly_intensities(self, held: Bools, export: int) -> tuple[pl.DataFrame, Ints]:
        """The sum, and the average per minute of the hour."""
        total = self.hours.total((self.block.intensity * held).astype(np.int32))
        length = self.hours.total(np.ones(held.shape, dtype=np.int32))
        return self._hours(held, {"TotalIntensity": total, "AverageIntensity": six_decimals(total / length)})

    def daily_activity(self, held: Bools, export: int) -> tuple[pl.DataFrame, Ints]:
        """A row a day of which anything had been synced, of the minutes that had."""
        block, rows = self.block, self.rows
        row, day = np.nonzero(by_day(block, rows, held))
        classes = [held & (block.intensity == k) for k in range(4)]
        minutes = [by_day(block, rows, c)[row, day].astype(np.int64) for c in classes]
        steps = [by_day(block, rows, c, block.shown_steps)[row, day] for c in classes]
        kcal = by_day(block, rows, held, self._kcal)[row, day]
        in_bed = by_day(block, rows, held & self._logged)[row, day].astype(np.int64)
        stride_km = block.study.cohort.people.stride_m[block.first + rows[row]] / 1_000
        light, fair, very = (steps[k] * stride_km for k in (1, 2, 3))
        very = very * VERY_ACTIVE_STRIDE_FACTOR
        total, nothing = looked_up((light + fair + very).round(2)), pl.Series(["0"]).gather([0] * len(row))
        frame = pl.DataFrame(
            {
                "Id": self.ids[row],
                "ActivityDate": self.spelling.date.gather(pl.Series(day)),
                "TotalSteps": np.sum(steps, axis=0).astype(np.int64),
                "TotalDistance": total,
                "TrackerDistance": total,
                "LoggedActivitiesDistance": nothing,
                "VeryActiveDistance": looked_up(very.round(2)),
                "ModeratelyActiveDistance": looked_up(fair.round(2)),
                "LightActiveDistance": looked_up(light.round(2)),
                "SedentaryActiveDistance": nothing,
                "VeryActiveMinutes": minutes[3],
                "FairlyActiveMinutes": minutes[2],
                "LightlyActiveMinutes": minutes[1],
                "SedentaryMinutes": minutes[0] - in_bed,
                "Calories": np.rint(kcal).astype(np.int64),
            }
        )
        return frame, (row + block.devices.start) * block.study.plan.days + day

    @cached_property
    def _logged(self) -> Bools:
        logged = np.zeros(self.block.records.shape, dtype=np.bool_)
        logged.ravel()[self.logs.at] = True
        return logged

    def sleep_day(self, held: Bools, export: int) -> tuple[pl.DataFrame, Ints]:
        """A row a day on which a log ended, with the sums of its logs, dated midnight of that day."""
        logs, days = self.logs, self.block.study.plan.days
        which = np.flatnonzero(logs.held(self.block, export))
        keys, of = np.unique(logs.row[which] * days + logs.day[which], return_inverse=True)
        row, day = np.divmod(keys, days)

        def total(values: Ints) -> Ints:
            return np.bincount(of, values, len(keys)).astype(np.int64)

        frame = pl.DataFrame(
            {
                "Id": self.ids[row],
                "SleepDay": self.spelling.at(DAY_MIN * day),
                "TotalSleepRecords": total(np.ones(len(which), dtype=np.int64)),
                "TotalMinutesAsleep": total(logs.minutes_asleep[which]),
                "TotalTimeInBed": total(logs.minutes_in_bed[which]),
            }
        )
        return frame, (row + self.block.devices.start) * days + day
