"""Local wall-clock time to UTC offset, for time that is stored without one.

Only the calendar arithmetic of time zones belongs here; choosing a participant's zone does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

TimeQuality = Literal["ok", "dst_gap", "dst_overlap"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(9000, 12, 31)
# A UTC offset is below 24 h and so is every change of one except the date-line moves of exactly 24 h.
_MARGIN = timedelta(days=2)
_ONE_DAY = timedelta(days=1)
# Changes closer than this that cancel out would be missed. The closest in tzdata 2026 since 1970 are a week
# apart (America/Recife, October 2000; Asia/Gaza, from 2040), before that four days (Africa/Freetown, 1939).
_SEARCH_STEP_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class OffsetSpan:
    """The half-open wall-clock interval [local_start, local_end) of `zone`, which has one UTC offset.

    Both ends are naive local times. `utc_offset_min` is in minutes east of UTC. `fold` is PEP 495's: 1 only
    for the second pass of an overlap. `time_quality` is "ok", "dst_gap" (these wall times never occurred;
    the offset is the one before the change) or "dst_overlap" (they occurred twice).
    """

    zone: str
    local_start: datetime
    local_end: datetime
    fold: int
    utc_offset_min: int
    time_quality: TimeQuality


@dataclass(frozen=True, slots=True)
class UtcSpan:
    """The half-open UTC interval [utc_start, utc_end) over which a person's clock had one offset, both ends naive.

    `fold` is 1 where the person's clock shows times it has shown before: in a repeated autumn hour, and after a journey
    to the west. `period` says which of the zones given it is in, the first being 0.
    """

    utc_start: datetime
    utc_end: datetime
    utc_offset_min: int
    fold: int
    period: int


def utc_spans(periods: Sequence[tuple[date, date, str]], start: date, end: date) -> list[UtcSpan]:
    """What a person's clock showed from `start` to `end`, for moments given in UTC; sorted, without overlap.

    Args:
        periods: half-open ranges of local days with their zone, in order and side by side. From one to the next the
            clock changes at midnight of the zone that is left.
        start: first local day.
        end: last local day.

    Raises:
        ValueError: as `offset_spans` does.
    """
    spans: list[UtcSpan] = []
    free_from = reached = datetime.combine(start - 2 * _ONE_DAY, time.min)
    for n, (since, until, zone) in enumerate(periods):
        # After a journey to the west the new zone begins on the evening before its first day.
        evening = 2 * _ONE_DAY if spans else timedelta()
        first, last = max(since - evening, start) if since > start else start, min(until, end + _ONE_DAY)
        if last <= first:
            continue
        left_at = datetime.combine(last, time.min)
        for piece in offset_spans(zone, first, last - _ONE_DAY):
            if piece.time_quality == "dst_gap":
                continue
            offset = timedelta(minutes=piece.utc_offset_min)
            begins = max(piece.local_start - offset, free_from)
            ends = min(piece.local_end, left_at) - offset
            seen_until = min(max(reached - offset, begins), ends)
            for lo, hi, fold in ((begins, seen_until, 1), (seen_until, ends, 0)):
                if lo < hi:
                    spans.append(UtcSpan(lo, hi, piece.utc_offset_min, fold, n))
            if begins < ends:
                free_from, reached = ends, max(reached, ends + offset)
    return spans


def offset_spans(zone: str, start: date, end: date) -> list[OffsetSpan]:
    """Return the spans that cover every wall time of `zone` from `start` 00:00 to the end of the day `end`.

    A wall time is in exactly one span when it is "ok" or "dst_gap", and in two (fold 0 and fold 1) when it is
    "dst_overlap". Sorted by local_start, then fold. The meaning of gap, overlap and fold is PEP 495's; the
    offsets are those of `zoneinfo`.

    Raises:
        ValueError: unknown zone; end before start; a day outside 1900..9000; an offset with seconds
            (local mean time, which most zones used long before 1970).
    """
    if end < start:
        raise ValueError(f"offset spans of {zone!r}: end {end} is before start {start}")
    if start < _FIRST_DAY or end > _LAST_DAY:
        raise ValueError(f"offset spans of {zone!r}: {start}..{end} is outside {_FIRST_DAY}..{_LAST_DAY}")
    first = datetime.combine(start, time.min)
    last = datetime.combine(end, time.min) + timedelta(days=1)
    spans = []
    pieces = _wall_intervals(_zone_info(zone), first - _MARGIN, last + _MARGIN)
    for piece_start, piece_end, fold, offset, quality in pieces:
        lo, hi = max(piece_start, first), min(piece_end, last)
        if lo < hi:
            spans.append(OffsetSpan(zone, lo, hi, fold, _whole_minutes(zone, offset, lo), quality))
    return sorted(spans, key=lambda s: (s.local_start, s.fold))


@lru_cache(maxsize=4096)
def day_length_min(zone: str, day: date) -> int:
    """Return the true length of the local day `day` in minutes.

    1440 on most days, 1380 and 1500 when clocks change by an hour, 0 for a day that a move of the date line
    skipped (Pacific/Apia, 2011-12-30). Raises ValueError as `offset_spans` does.
    """
    lived = [s for s in offset_spans(zone, day, day) if s.time_quality != "dst_gap"]
    return sum((s.local_end - s.local_start) // timedelta(minutes=1) for s in lived)


def _wall_intervals(
    info: ZoneInfo, utc_start: datetime, utc_end: datetime
) -> list[tuple[datetime, datetime, int, timedelta, TimeQuality]]:
    """Lay the constant-offset stretches of a UTC interval on the wall clock: ok, gap and overlap pieces."""
    changes = _offset_changes(info, _to_epoch_s(utc_start), _to_epoch_s(utc_end))
    offsets = [_offset_at(info, s) for s in (_to_epoch_s(utc_start), *changes)]
    pieces: list[tuple[datetime, datetime, int, timedelta, TimeQuality]] = []
    ok_from = utc_start + offsets[0]
    for change, (before, after) in zip(changes, pairwise(offsets), strict=True):
        utc = utc_start + timedelta(seconds=change - _to_epoch_s(utc_start))
        stops, resumes = utc + before, utc + after
        pieces.append((ok_from, min(stops, resumes), 0, before, "ok"))
        if resumes > stops:
            pieces.append((stops, resumes, 0, before, "dst_gap"))
        else:
            pieces.append((resumes, stops, 0, before, "dst_overlap"))
            pieces.append((resumes, stops, 1, after, "dst_overlap"))
        ok_from = max(stops, resumes)
    pieces.append((ok_from, utc_end + offsets[-1], 0, offsets[-1], "ok"))
    return pieces


def _offset_changes(info: ZoneInfo, start_s: int, end_s: int) -> list[int]:
    """Return the epoch seconds in (start_s, end_s] at which a new UTC offset begins."""
    changes = []
    grid = [*range(start_s, end_s, _SEARCH_STEP_S), end_s]
    offsets = [_offset_at(info, s) for s in grid]
    for (lo, lo_offset), (hi, hi_offset) in pairwise(zip(grid, offsets, strict=True)):
        if lo_offset == hi_offset:
            continue
        while hi - lo > 1:
            middle = (lo + hi) // 2
            lo, hi = (middle, hi) if _offset_at(info, middle) == lo_offset else (lo, middle)
        changes.append(hi)
    return changes


def _offset_at(info: ZoneInfo, epoch_s: int) -> timedelta:
    utc = _EPOCH + timedelta(seconds=epoch_s)
    return utc.astimezone(info).replace(tzinfo=None) - utc.replace(tzinfo=None)


def _to_epoch_s(naive_utc: datetime) -> int:
    return (naive_utc - _EPOCH.replace(tzinfo=None)) // timedelta(seconds=1)


def _whole_minutes(zone: str, offset: timedelta, local: datetime) -> int:
    minutes, rest = divmod(offset, timedelta(minutes=1))
    if rest:
        raise ValueError(
            f"{zone!r} has the UTC offset {offset} at {local}: not whole minutes (local mean time); "
            "use dates after the zone took up standard time"
        )
    return minutes


def _zone_info(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    # zoneinfo answers a folder of the database ("America") with the operating system's error
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError) as error:
        raise ValueError(
            f"unknown time zone {zone!r}: an IANA name such as 'Europe/Vienna' is expected "
            "(if the name is right, install the tzdata package)"
        ) from error
