"""Rows cut into local days, each with a digest of its content, so that a day found as before is told from another.

A digest depends on the rows of its day alone: not on their order, nor on when, in which request and beside which
other days they came.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from neuro_assets.sources.google_health.around import by_zone
from neuro_assets.sources.google_health.pull_file import ZoneBefore

DAY = "chunk_day"
_LOCAL, _OFFSET = "local_time", "written_offset_min"
FOLD = "written_fold"
# No zone sets its clock forth and back within less.
_BETWEEN_STEPS = timedelta(days=21)


def chunks_of(frame: pl.DataFrame) -> Iterator[tuple[date, pl.DataFrame, str]]:
    """The days of a frame: (day, its rows in order, digest).

    Args:
        frame: rows of one participant, data type and kind, with `chunk_day`.
    """
    if frame.is_empty():
        return
    names = sorted(c for c in frame.columns if c != DAY)
    ordered = frame.sort(DAY, *names, nulls_last=True)
    days = ordered.get_column(DAY)
    starts = days.rle_id().arg_unique().to_list()
    texts = [_bytes_of(ordered.get_column(n)) for n in names]
    head = "\x1f".join(names).encode()
    for start, end in zip(starts, [*starts[1:], ordered.height], strict=True):
        digest = hashlib.sha256(head)
        for values in texts:
            digest.update(b"\x1e")
            digest.update(values(start, end))
        yield days[start], ordered.slice(start, end - start), digest.hexdigest()


EMPTY = hashlib.sha256(b"no rows").hexdigest()


def _bytes_of(column: pl.Series) -> Callable[[int, int], bytes]:
    """A column's content between two rows, as bytes that no version of a library changes, nor any other row."""
    if column.dtype == pl.String:
        return _bytes_of_texts(column.to_list())
    if column.dtype == pl.Float32 or column.dtype == pl.Float64:
        numbers = column.cast(pl.Float64)
        filled = numbers.fill_null(0.0).to_numpy()
    elif column.dtype == pl.Boolean:
        filled = column.cast(pl.Int64).fill_null(0).to_numpy()
    else:
        filled = column.to_physical().cast(pl.Int64).fill_null(0).to_numpy()
    missing = column.is_null().to_numpy()
    if not missing.any():
        return lambda start, end: filled[start:end].tobytes()

    def told(start: int, end: int) -> bytes:
        absent = missing[start:end]
        return filled[start:end].tobytes() + (absent.tobytes() if absent.any() else b"")

    return told


def _bytes_of_texts(values: list[str | None]) -> Callable[[int, int], bytes]:
    """One text for rows that share it, as thousands mostly do, else one after the other."""

    def same(start: int, end: int) -> bytes:
        return f"{end - start}\x1d{_told(values[start])}".encode()

    if len(set(values)) == 1:
        return same

    def told(start: int, end: int) -> bytes:
        own = values[start:end]
        return same(start, end) if len(set(own)) == 1 else "\x1f".join(map(_told, own)).encode()

    return told


def _told(value: str | None) -> str:
    return "\x00" if value is None else value


def with_folds(frame: pl.DataFrame, zone: str | None, zones_before: Sequence[ZoneBefore] = ()) -> pl.DataFrame:
    """The frame with `written_fold`: 1 where the wall clock shows a time once more, as after an hour set back.

    A time is shown once more where the person's zone says so, or where other rows have it with an earlier moment, as
    those of a person have who flew west.

    Args:
        frame: rows of one participant and kind with `local_time` and `written_offset_min`; others have no moments.
        zone: the account's zone, where it is known.
        zones_before: other zones that it had, in order; moments up to `until` are told by them.
    """
    if _LOCAL not in frame.columns or _OFFSET not in frame.columns:
        return frame
    again = pl.col(_OFFSET) < pl.col(_OFFSET).max().over(_LOCAL) if _is_moving(frame) else pl.lit(False)
    if zone is not None:
        second = {z: _ambiguous(frame, z) for z in {zone, *(b.zone for b in zones_before)}}
        if any(e is not None for e in second.values()):
            moment = pl.col(_LOCAL) - pl.duration(minutes=_OFFSET)
            again = again | by_zone(lambda z: _or_no(second[z]), moment, zone, zones_before)
    return frame.with_columns(again.fill_null(False).cast(pl.Int32).alias(FOLD))


def _or_no(told: pl.Expr | None) -> pl.Expr:
    return pl.lit(False) if told is None else told


def _is_moving(frame: pl.DataFrame) -> bool:
    return frame.get_column(_OFFSET).n_unique() > 1


def _ambiguous(frame: pl.DataFrame, zone: str) -> pl.Expr | None:
    """Whether a row is the second showing of its time in the zone; None where the zone's clock goes on evenly."""
    if frame.is_empty():
        return None
    local = frame.get_column(_LOCAL)
    first, last = local.min(), local.max()
    clock = ZoneInfo(zone)
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return None
    is_even = first.replace(tzinfo=clock).utcoffset() == last.replace(tzinfo=clock, fold=1).utcoffset()
    if is_even and last - first < _BETWEEN_STEPS:
        return None
    told = []
    for which in ("earliest", "latest"):
        moment = pl.col(_LOCAL).dt.replace_time_zone(zone, ambiguous=which, non_existent="null")  # type: ignore[arg-type]
        told.append((moment.dt.base_utc_offset() + moment.dt.dst_offset()).dt.total_minutes())
    return (told[0] != told[1]) & (pl.col(_OFFSET) == told[1])
