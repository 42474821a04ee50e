"""One look at the machine: what it told, and when. What follows from two of them is in changes."""

from dataclasses import asdict, dataclass
from datetime import datetime

# Attribute of a reading -> what a person calls it.
ASPECTS = {
    "idle_s": "idle time",
    "is_locked": "lock",
    "is_screen_on": "screen on or off",
    "app": "program in front",
}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the machine tells of its use; None is what it does not tell.

    Attributes:
        idle_s: seconds since the last key or movement of the mouse.
        is_locked: the session is locked.
        is_screen_on: the screen has power.
        app: name of the program in front; empty where none is.
    """

    idle_s: float | None = None
    is_locked: bool | None = None
    is_screen_on: bool | None = None
    app: str | None = None

    @property
    def untold(self) -> tuple[str, ...]:
        """The attributes that the machine does not tell."""
        return tuple(name for name in ASPECTS if getattr(self, name) is None)


@dataclass(frozen=True, kw_only=True)
class Sample(Reading):
    """A reading and its time.

    Attributes:
        at: the wall clock, with the machine's offset from UTC.
        awake_s: seconds on a clock that nobody sets, and that may stand still while the machine sleeps.
    """

    at: datetime
    awake_s: float

    @classmethod
    def of(cls, reading: Reading, at: datetime, awake_s: float) -> "Sample":
        """The reading with its time."""
        return cls(at=at, awake_s=awake_s, **asdict(reading))
