"""The data types that the fake server has: names, record type, scope and filter members, as the API documents them.

Source: the discovery document health:v4, revision 20261030. Written without a look at the reader under test.
"""

from dataclasses import dataclass
from typing import Literal

Form = Literal["utc", "civil", "date"]
Record = Literal["interval", "sample", "daily", "session", "sleep", "rollup"]

SCOPE = "https://www.googleapis.com/auth/googlehealth."
ACTIVITY, METRICS, SLEEP = "activity_and_fitness", "health_metrics_and_measurements", "sleep"
PROFILE, SETTINGS = "profile", "settings"
SCOPES = tuple(f"{SCOPE}{name}.readonly" for name in (ACTIVITY, METRICS, SLEEP, PROFILE, SETTINGS))
DAY_S, MINUTE_S = 86_400, 60


@dataclass(frozen=True)
class DataType:
    """A data type.

    Attributes:
        name: in kebab case, as in paths.
        record: decides the member that is filtered on and the form of times.
        scope: what the token must have been granted, without prefix and `.readonly`.
        has_name: whether its points can be identified.
        can_list: whether it can be listed and reconciled.
        rollup_days: the longest range of a roll-up, 0 for a type that cannot be rolled up.
        lists_family: whether `list` takes a dataSourceFamily.
    """

    name: str
    record: Record
    scope: str
    has_name: bool = False
    can_list: bool = True
    rollup_days: int = 0
    lists_family: bool = True

    @property
    def snake(self) -> str:
        """As in filters."""
        return self.name.replace("-", "_")

    @property
    def camel(self) -> str:
        """As the member of a data point."""
        first, *rest = self.name.split("-")
        return first + "".join(part.capitalize() for part in rest)

    @property
    def page_sizes(self) -> tuple[int, int]:
        """Default and largest page size of `list` and `reconcile`."""
        return (25, 25) if self.name in ("sleep", "exercise") else (1440, 10_000)

    @property
    def members(self) -> dict[str, Form]:
        """Members that may be filtered on, and the form of their literals: utc, civil or date."""
        at: dict[str, dict[str, Form]] = {
            "interval": {"interval.start_time": "utc", "interval.civil_start_time": "civil"},
            "sample": {"sample_time.physical_time": "utc", "sample_time.civil_time": "civil"},
            "daily": {"date": "date"},
            "session": {"interval.civil_start_time": "civil"},
            "sleep": {"interval.end_time": "utc", "interval.civil_end_time": "civil"},
            "rollup": {},
        }
        return {f"{self.snake}.{member}": form for member, form in at[self.record].items()}


def _daily(name: str) -> DataType:
    return DataType(name, "daily", METRICS)


DATA_TYPES = {
    t.name: t
    for t in (
        DataType("steps", "interval", ACTIVITY, rollup_days=90),
        DataType("distance", "interval", ACTIVITY, rollup_days=90),
        DataType("total-calories", "rollup", ACTIVITY, can_list=False, rollup_days=14),
        DataType("active-minutes", "interval", ACTIVITY, rollup_days=14),
        DataType("active-zone-minutes", "interval", ACTIVITY, rollup_days=90),
        DataType("heart-rate", "sample", METRICS, rollup_days=14),
        DataType("heart-rate-variability", "sample", METRICS),
        DataType("oxygen-saturation", "sample", METRICS),
        DataType("respiratory-rate-sleep-summary", "sample", METRICS),
        DataType("weight", "sample", METRICS, has_name=True, rollup_days=90),
        DataType("sleep", "sleep", SLEEP, has_name=True, lists_family=False),
        DataType("exercise", "session", ACTIVITY, has_name=True),
        _daily("daily-resting-heart-rate"),
        _daily("daily-heart-rate-variability"),
        _daily("daily-oxygen-saturation"),
        _daily("daily-respiratory-rate"),
        _daily("daily-sleep-temperature-derivations"),
    )
}
