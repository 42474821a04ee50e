"""What is asked of a simulation: size, seed, place, where the two export periods meet. Makes no data."""

import zlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

PERIOD_1_SHARE = 0.6
EXPORT_HOUR = 12
"""Local hour at which export 1 was taken; every sleep of that night has ended by then."""


@dataclass(frozen=True)
class SimulationPlan:
    """Arguments of a simulation; equal plans give byte-identical files.

    `start` is the first local day, `days` the number of calendar days, `zone` an IANA zone name.
    The default start makes 45 days cross the DST change of 2016-03-13 in New York.
    """

    participants: int = 20
    days: int = 45
    seed: int = 1
    start: date = date(2016, 2, 20)
    zone: str = "America/New_York"

    def __post_init__(self) -> None:
        """Raise ValueError for a size that cannot be exported, ZoneInfoNotFoundError for an unknown zone."""
        if self.participants < 1:
            raise ValueError(f"SimulationPlan.participants is {self.participants}: at least 1 is needed")
        if self.days < 2:
            raise ValueError(f"SimulationPlan.days is {self.days}: two export periods need at least 2")
        ZoneInfo(self.zone)

    @property
    def last_day(self) -> date:
        """The last local day, inclusive."""
        return self.start + timedelta(days=self.days - 1)

    @property
    def export_cut(self) -> datetime:
        """Local wall-clock time at which export 1 was taken; export 2 starts at the midnight before it."""
        days_in_period_1 = max(1, round(self.days * PERIOD_1_SHARE))
        return datetime.combine(self.start + timedelta(days=days_in_period_1 - 1), time(EXPORT_HOUR))

    def generator(self, topic: str) -> np.random.Generator:
        """A random stream of its own per topic: widening one effect leaves the draws of the others alone."""
        return np.random.default_rng([self.seed, zlib.crc32(topic.encode())])
