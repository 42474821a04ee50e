"""Why a minute of a person is not there: one reason each, the first in force from the bottom of the list up."""

from enum import IntEnum


class Reason(IntEnum):
    """Where several hold, the greatest stands; of two devices worn at once, the one that has more counts.

    `RECORDED` is in the union of all exports, worn. `NOT_WORN` is in the exports as well, with 0 steps and without
    heart rate. All others are in no export.
    """

    RECORDED = 0
    NOT_WORN = 1
    NOT_EXPORTED = 2
    NOT_SYNCED = 3
    LOST = 4
    SHOWN_AGAIN = 5
    BATTERY = 6
    NO_DEVICE = 7
    WITHDRAWN = 8
    NOT_ENROLLED = 9
    OUTSIDE = 10

    @property
    def label(self) -> str:
        """The word in the truth tables."""
        return self.name.lower()
