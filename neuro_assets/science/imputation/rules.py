"""What is filled in by default, by which method and up to which length, and what is never: by stream and resolution.

Limits follow from back-tests (docs/imputation.md): where estimates of single values were no better than the usual,
only a total with its interval is told; where not even that holds, nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Refusal = Literal["not_allowed", "not_imputed", "not_over", "too_long", "only_totals", "no_model", "no_estimate"]
REFUSALS: dict[Refusal, str] = {
    "not_allowed": "the protocol does not let gaps of this reason be filled in",
    "not_imputed": "values of this stream are never filled in at this resolution",
    "too_long": "longer than estimates are worth anything",
    "only_totals": "too long for single values; the gap's total is in imputed.gap_total",
    "not_over": "nothing has come since: the end of the gap is not known",
    "no_model": "nothing had been learned of the stream by then",
    "no_estimate": "the method has none there",
}


@dataclass(frozen=True)
class Rule:
    """How gaps of a stream are filled in at one resolution.

    Attributes:
        methods: up to how many minutes which method; longer gaps are left empty.
        longest_total_min: up to which length a total is told.
        driven_min: up to which length `cross_stream` fills in values whose driver is known, not `methods`.

    Raises:
        ValueError: values are filled in by the driver in longer gaps than without it.
    """

    methods: tuple[tuple[int, str], ...] = ()
    longest_total_min: int = 0
    driven_min: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.driven_min <= self.longest_min:
            raise ValueError(f"driven_min is {self.driven_min}: 0 to {self.longest_min}, the longest of the methods")

    @property
    def longest_min(self) -> int:
        """The longest gap whose values are filled in."""
        return max((limit for limit, _ in self.methods), default=0)

    def method_of(self, length_min: int) -> str | None:
        """The method for a gap of that length."""
        return next((name for limit, name in sorted(self.methods) if length_min <= limit), None)


_COUNTS = {"1m": Rule(((60, "stack"),), 360), "1h": Rule((), 1440)}
NEVER = Rule()
DEFAULTS: Mapping[str, Mapping[str, Rule]] = {
    "steps": _COUNTS,
    "distance": _COUNTS,
    "intensity": _COUNTS,
    "activity_counts": {"1m": Rule(((360, "stack"),), 360), "1h": Rule(((360, "stack"),), 1440)},
    "calories": {"1m": Rule(((60, "stack"),), 360), "1h": Rule(((1440, "stack"),), 1440)},
    "mets": {"1m": Rule(((60, "stack"),)), "1h": NEVER},
    "heart_rate": {"1m": Rule(((5, "linear"), (120, "stack")), driven_min=120), "1h": NEVER},
}
# Stream -> the one that it follows, by the minute, and that may be there where it is missing.
DRIVERS: Mapping[str, str] = {"heart_rate": "steps"}
# Nobody has them while they live: the floor of estimates.
FLOORS: Mapping[str, float] = {"heart_rate": 25.0}


def rule_of(stream: str, resolution: str) -> Rule:
    """The default of a stream; nothing is filled in of one that has none."""
    return DEFAULTS.get(stream, {}).get(resolution, NEVER)
