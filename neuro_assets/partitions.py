"""Days, the only partitions there are. A participant is a column, never a partition."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

import dagster as dg

from neuro_assets.study import Study


def daily_partitions(study: Study) -> dg.DailyPartitionsDefinition:
    """One partition per local day of the study window.

    Today exists while it lasts, and so does tomorrow: east of UTC it has begun. A day is a label here, not an
    interval of UTC: it is the participant's local date.
    """
    end = study.window.end
    return dg.DailyPartitionsDefinition(
        start_date=study.window.start.isoformat(),
        end_date=(end + timedelta(days=1)).isoformat() if end else None,
        end_offset=2,
    )


@dataclass(frozen=True)
class DayRange:
    """Consecutive days, both ends inclusive."""

    start: date
    end: date

    @property
    def days(self) -> list[date]:
        """Every day of the range."""
        return [date.fromordinal(n) for n in range(self.start.toordinal(), self.end.toordinal() + 1)]

    def __str__(self) -> str:
        return f"{self.start}...{self.end}"


def range_of(context: dg.AssetExecutionContext) -> DayRange:
    """The days a step is asked for: all of them, not just the first."""
    keys = context.partition_key_range
    return DayRange(date.fromisoformat(keys.start), date.fromisoformat(keys.end))


def contiguous(days: list[date]) -> list[DayRange]:
    """Days as the fewest ranges that hold exactly them."""
    ordered = sorted(set(days))
    groups = groupby(enumerate(ordered), key=lambda pair: pair[1].toordinal() - pair[0])
    runs = [[day for _, day in group] for _, group in groups]
    return [DayRange(run[0], run[-1]) for run in runs]
