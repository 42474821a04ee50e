"""Why somebody should be spoken to."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Finding:
    """A reason of the worklist, since which day of the person, what is told, and whether it cannot wait."""

    reason: str
    since: date
    told: str
    is_urgent: bool = False
