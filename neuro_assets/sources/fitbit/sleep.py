"""Sleep logs of either origin as sessions and as one stage per 30 s. Times are local in both; they stay as they are.

In the night the clocks go forward the vendor counts on by the winter clock: stages stand in the hour that does not
exist, those after it an hour early, and an "unknown" stage of an hour (PMData: 60 to 62 minutes) fills up to the true
end. Duration and minutes in bed have that hour too, minutes asleep and awake do not. To mend it takes the zone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import gcd

from neuro_assets.sources.fitbit.fields import Field, Moment, optional, seconds_of
from neuro_assets.sources.fitbit.parts import Part, Row, part

EPOCH_S = 30
_MINUTE_S = 60
_DAY_S = 86_400
_ZERO = datetime(1970, 1, 1)

_TYPES = {"classic": "classic", "stages": "stages"}
# What the vendor calls unknown is time in bed without a stage: it has no rows.
_UNKNOWN = "unknown"
_STAGES = {s: s for s in ("asleep", "restless", "awake", "light", "deep", "rem", "wake", _UNKNOWN)}
_MINUTE_VALUES = {"1": "asleep", "2": "restless", "3": "awake"}

NO_STAGES = "sleep log without stages"
UNKNOWN = "stage that the vendor calls unknown"
PART_EPOCH = "30 s that no stage covers wholly"
WAKE_OUTSIDE = "short wake where the log has no stage"
OVERLAP = "stage that begins before the one before it ends"


@dataclass(frozen=True, slots=True)
class Segment:
    """A stage that holds for some seconds, from a wall clock counted in seconds."""

    start: int
    seconds: int
    stage: str

    @property
    def end(self) -> int:
        """The first second after it."""
        return self.start + self.seconds


def parse_logs(logs: Field) -> list[Part]:
    """Sessions and stages of a list of sleep logs: Web API v1 and v1.2, and Takeout, which is v1.2 without a head.

    Raises:
        PayloadError: naming the field.
    """
    sessions: list[Row] = []
    stages: list[Row] = []
    left_out: Counter[str] = Counter()
    for log in logs.items():
        log_id = log.at("logId").identifier()
        start = log.at("startTime").moment()
        sessions.append(_session(log, log_id, start))
        everything = sorted(_segments(log, start), key=lambda s: s.start)
        segments = [s for s in everything if s.stage != _UNKNOWN]
        left_out[UNKNOWN] += len(everything) - len(segments)
        if not segments:
            left_out[NO_STAGES] += 1
            continue
        for second, stage in epochs(segments, list(_wakes(log)), left_out):
            stages.append((_text(second), log_id, stage))
    return [part("sleep_session", sessions), part("sleep_stage", stages, left_out)]


def _session(log: Field, log_id: str, start: Moment) -> Row:
    end, day = log.maybe("endTime"), log.maybe("dateOfSleep")
    is_main = log.maybe("isMainSleep") or log.maybe("mainSleep")
    return (
        start.text,
        end.moment().text if end else "",
        optional(day, Field.date),
        log_id,
        _type(log),
        seconds_of(log.maybe("duration")),
        *(
            optional(log.maybe(name), Field.count)
            for name in (
                "minutesAsleep",
                "minutesAwake",
                "minutesToFallAsleep",
                "minutesAfterWakeup",
                "timeInBed",
                "efficiency",
            )
        ),
        optional(is_main, Field.truth),
        optional(log.maybe("infoCode"), Field.whole),
        optional(log.maybe("logType"), Field.text),
    )


def _type(log: Field) -> str:
    """Logs of v1 do not say their type: they are from movement only, as classic ones are."""
    if kind := log.maybe("type"):
        return kind.one_of(_TYPES)
    return "classic" if log.has("minuteData") else ""


def _segments(log: Field, start: Moment) -> Iterable[Segment]:
    if levels := log.maybe("levels"):
        data = levels.maybe("data")
        return [] if data is None else [_segment(item) for item in data.items()]
    minutes = log.maybe("minuteData")
    return [] if minutes is None else _minutes(minutes, start)


def _wakes(log: Field) -> Iterator[Segment]:
    """Wakes of up to 3 minutes, which `data` leaves out: they are in `shortData`, of logs with stages only."""
    levels = log.maybe("levels")
    short = levels.maybe("shortData") if levels else None
    for item in short.items() if short else ():
        yield _segment(item)


def _segment(item: Field) -> Segment:
    when = item.either("dateTime", "datetime")
    seconds = item.at("seconds")
    length = int(seconds.count())
    if length > _DAY_S:
        raise seconds.error("bad_value", f"a stage of at most {_DAY_S} seconds is expected, not {length}")
    return Segment(_second(when.moment()), length, item.at("level").one_of(_STAGES))


def _minutes(minutes: Field, start: Moment) -> Iterator[Segment]:
    """Minutes of v1: times of day without a date. Each follows the one before it, over midnight if need be.

    The first is the one nearest to the log's start, which may be half a minute away from it on either side of midnight.
    """
    at = _second(start)
    nearest = _DAY_S // 2
    for n, item in enumerate(minutes.items()):
        clock = item.at("dateTime").clock()
        forward = (_second(Moment(start.date, clock, "")) - at) % _DAY_S
        at += forward - _DAY_S if n == 0 and forward > nearest else forward
        value = item.at("value")
        stage = _MINUTE_VALUES.get(value.count())
        if stage is None:
            raise value.wrong("1, 2 or 3 (asleep, restless, awake)")
        yield Segment(at, _MINUTE_S, stage)


def epochs(segments: list[Segment], wakes: list[Segment], left_out: Counter[str]) -> Iterator[tuple[int, str]]:
    """The stage of every 30 s from the first segment's start: (second, stage) in order of time.

    Short wakes are laid over the segments. Where segments overlap, the one that begins later holds. Within 30 s the
    stage that holds longest is taken, the earlier one of two that hold equally long. Nothing is invented: 30 s that
    the segments do not cover wholly have no row, and a short wake counts only where the segments have a stage.

    Args:
        segments: in order of their start, at least one.
        wakes: short wakes, in any order.
        left_out: counts are added here.
    """
    anchor = segments[0].start
    everything = [*segments, *wakes]
    step = gcd(EPOCH_S, *(s.start - anchor for s in everything), *(s.seconds for s in everything))
    state: dict[int, str] = {}
    covered = anchor
    for s in segments:
        left_out[OVERLAP] += s.start < covered
        covered = max(covered, s.end)
        state.update(dict.fromkeys(_cells(s, anchor, step), s.stage))
    for wake in wakes:
        cells = _cells(wake, anchor, step)
        inside = [cell for cell in cells if cell in state]
        left_out[WAKE_OUTSIDE] += len(inside) < len(cells)
        state.update(dict.fromkeys(inside, wake.stage))
    width = EPOCH_S // step
    for epoch in sorted({cell // width for cell in state}):
        held = [state[c] for c in range(epoch * width, (epoch + 1) * width) if c in state]
        if len(held) == width:
            yield anchor + epoch * EPOCH_S, Counter(held).most_common(1)[0][0]
        else:
            left_out[PART_EPOCH] += 1


def _cells(segment: Segment, anchor: int, step: int) -> range:
    return range((segment.start - anchor) // step, (segment.end - anchor) // step)


def _second(moment: Moment) -> int:
    return int((datetime.fromisoformat(moment.text) - _ZERO).total_seconds())


def _text(second: int) -> str:
    return str(_ZERO + timedelta(seconds=second))
