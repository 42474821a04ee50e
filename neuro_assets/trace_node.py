"""What a trace is made of: steps on the way back, each with the steps before it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Node:
    """One step of the way back: a table's row, a rule, a file."""

    title: str
    facts: dict[str, Any] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"title": self.title, "facts": self.facts, "from": [c.as_dict() for c in self.children]}


def shown(value: Any) -> Any:
    """A value as JSON can have it."""
    return value if isinstance(value, int | float | bool | str) or value is None else str(value)
