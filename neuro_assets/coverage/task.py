"""What coverage is asked for, and what it is told from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from neuro_assets.coverage.pulls import Breaks
from neuro_assets.streams.catalogue import STREAMS, stream
from neuro_assets.streams.model import Stream
from neuro_assets.study import Study

# Wear and gaps are told by these, whatever the protocol expects.
_TELLING = ("steps", "heart_rate")


@dataclass(frozen=True)
class Covered:
    """The streams of a protocol that coverage is told of.

    Attributes:
        samples: by the hour and the day.
        by_day: by the day: the vendor's summaries, and nights.
        read: whose rows tell of wear and gaps.
    """

    samples: tuple[Stream, ...]
    by_day: tuple[Stream, ...]
    read: tuple[Stream, ...]

    @property
    def names(self) -> list[str]:
        """Names of all that are told of."""
        return [s.name for s in (*self.samples, *self.by_day)]


def covered_streams(study: Study) -> Covered:
    """What the protocol expects of samples and of rows a day; nothing is told of the other streams."""
    expected = [s for s in STREAMS if s.name in study.expected_streams]
    samples = tuple(s for s in expected if s.sampling in {"interval", "instant"})
    by_day = tuple(s for s in expected if s.sampling == "daily" or s.name == "sleep_session")
    read = tuple({s.name: s for s in (*samples, *(stream(n) for n in _TELLING))}.values())
    return Covered(samples, by_day, read)


@dataclass(frozen=True)
class Reached:
    """Until when everybody's data reach, by different measures.

    Attributes:
        until: the last sync, else the end of the last row, one of a day included: what gaps are told by.
        rows_until: the end of the last row of samples.
        came_until: the latest row, where a row of a day only begins it.
        whole_until: the latest sync or that row.
    """

    until: Mapping[str, datetime]
    rows_until: Mapping[str, datetime]
    came_until: Mapping[str, datetime]
    whole_until: Mapping[str, datetime]


@dataclass(frozen=True)
class Task:
    """Days to write, and what holds whichever days they are.

    Attributes:
        study: the protocol.
        covered: the streams.
        reached: until when each person's data reach.
        held: days of streams whose new version was refused, by the name of the stream.
        breaks: each person's streams that pulls have stopped to bring.
        first: first local day.
        last: last local day.
        now: the clock; hours that have not begun are left out.
    """

    study: Study
    covered: Covered
    reached: Reached
    held: frozenset[tuple[str, date]]
    breaks: Breaks
    first: date
    last: date
    now: datetime
