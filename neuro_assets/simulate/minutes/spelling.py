"""Times and numbers of the vendor as tables of text to look up: millions of cells share some thousand spellings."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from neuro_assets.simulate.arrays import Days
from neuro_assets.simulate.fitabase import fifteen_digits, time_of_day
from neuro_assets.simulate.minutes.clocks import DAY_MIN


@dataclass(frozen=True)
class Spelling:
    """Text by index: `date` by day; `minute` by wall-clock minute since the first midnight, and its two halves."""

    date: pl.Series
    minute: pl.Series
    to_the_second: pl.Series
    after_the_second: pl.Series

    def at(self, local_min: np.ndarray) -> pl.Series:
        """`2/20/2016 1:05:00 AM`."""
        return self.minute.gather(pl.Series(local_min))

    def at_second(self, local_min: np.ndarray, second: np.ndarray) -> pl.Series:
        """`2/20/2016 1:05:59 AM`."""
        index = pl.Series(local_min)
        parts = [
            self.to_the_second.gather(index),
            _SECONDS.gather(pl.Series(second)),
            self.after_the_second.gather(index),
        ]
        return pl.select(pl.concat_str(parts)).to_series()


def spelling_of(days: Days) -> Spelling:
    """The tables for the days of a study."""
    dates = [f"{day.month}/{day.day}/{day.year}" for day in days.tolist()]
    clock = [time_of_day(60 * minute) for minute in range(DAY_MIN)]
    every = [f"{date} {time}" for date in dates for time in clock]
    return Spelling(
        date=pl.Series(dates),
        minute=pl.Series(every),
        to_the_second=pl.Series([text[:-5] for text in every]),
        after_the_second=pl.Series([text[-3:] for text in every]),
    )


def looked_up(values: np.ndarray) -> pl.Series:
    """Float32 numbers as the vendor spells them, each distinct one spelled once."""
    unique, index = np.unique(values.astype(np.float32), return_inverse=True)
    return pl.Series([fifteen_digits(value) for value in unique.tolist()], dtype=pl.String).gather(pl.Series(index))


def six_decimals(values: np.ndarray) -> pl.Series:
    """Numbers with up to six decimals and no more than they need."""
    unique, index = np.unique(values, return_inverse=True)
    texts = [f"{value:.6f}".rstrip("0").rstrip(".") for value in unique.tolist()]
    return pl.Series(texts, dtype=pl.String).gather(pl.Series(index))


_SECONDS = pl.Series([f"{second:02d}" for second in range(60)])
