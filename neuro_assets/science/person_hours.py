"""The hours of a wall clock in true time: 23 or 25 a day where the clock changes, none that did not occur."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from neuro_assets.science.local_time import UtcSpan

_EPOCH = datetime(1970, 1, 1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class PersonHours:
    """The hours of some local days, one after the other in true time; each array has an entry for each hour.

    Attributes:
        day: local day.
        hour: of the wall clock, 0 to 23.
        fold: 1 for an hour that the clock shows for the second time.
        start_min: when it begins, in whole minutes since 1970-01-01 UTC.
        length_min: 60, less for an hour that the clock jumped into or out of.
    """

    day: npt.NDArray[np.datetime64]
    hour: npt.NDArray[np.int8]
    fold: npt.NDArray[np.int8]
    start_min: npt.NDArray[np.int64]
    length_min: npt.NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.day)


def person_hours(spans: Sequence[UtcSpan], first: date, last: date) -> PersonHours:
    """The hours of the local days `first` to `last` that the spans of a clock cover.

    Hours are side by side in true time where the spans are.
    """
    begin, end = datetime.combine(first, datetime.min.time()), datetime.combine(last, datetime.min.time())
    end += timedelta(days=1)
    found: dict[tuple[date, int, int], list[int]] = {}
    for span in spans:
        offset = timedelta(minutes=span.utc_offset_min)
        at, until = max(span.utc_start + offset, begin), min(span.utc_end + offset, end)
        while at < until:
            edge = min(at.replace(minute=0, second=0, microsecond=0) + _HOUR, until)
            start, length = _minutes(at - offset), int((edge - at) // timedelta(minutes=1))
            own = found.setdefault((at.date(), at.hour, span.fold), [start, 0])
            own[1] += length
            at = edge
    keys = sorted(found, key=lambda k: found[k][0])
    return PersonHours(
        day=np.array([k[0] for k in keys], dtype="datetime64[D]"),
        hour=np.array([k[1] for k in keys], dtype=np.int8),
        fold=np.array([k[2] for k in keys], dtype=np.int8),
        start_min=np.array([found[k][0] for k in keys], dtype=np.int64),
        length_min=np.array([found[k][1] for k in keys], dtype=np.int16),
    )


def _minutes(moment: datetime) -> int:
    return int((moment - _EPOCH) // timedelta(minutes=1))
