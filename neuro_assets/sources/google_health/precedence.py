"""Where a listed point comes from, and which of several sources stands where they tell the same time.

`reconcile` has the server choose, and does not say what it chose; `list` gives the points of every source.
"""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import polars as pl
from msgspec import UNSET

from neuro_assets.sources.google_health.messages import DataSource

OTHER_SOURCE = "point of another source for the same time"
TWICE = "point that was given twice"
CONFLICT = "further point of a source for the same time, with another value or offset"
TOLD = ("platform", "recording_method", "device")
SOURCE = "_source"
_DIGITS = 6
_WORN, _OTHER, _PHONE, _TYPED = range(4)
# What Fitbit calls the pedometer of a phone; it has no form.
_FITBIT_PHONE = "MobileTrack"


def rank(source: DataSource) -> int:
    """How near to the body a source is: worn before others, before the phone, before what a person typed in."""
    if source.recording_method == "MANUAL":
        return _TYPED
    form = source.device.form_factor if source.device else UNSET
    name = source.device.display_name if source.device else UNSET
    if form in {"PHONE", "TABLET"} or name == _FITBIT_PHONE:
        return _PHONE
    if form in {"FITNESS_BAND", "WATCH"}:
        return _WORN
    has_form = form is not UNSET and form != "FORM_FACTOR_UNSPECIFIED"
    is_measured = source.platform == "FITBIT" and source.recording_method in {"PASSIVELY_MEASURED", "DERIVED"}
    return _WORN if is_measured and not has_form else _OTHER


def told(source: Any) -> tuple[str | None, str | None, str | None]:
    """Platform, recording method and device of a point's source, each None where it is not told.

    A device is its form, its maker and its name: Fitbit's are models; elsewhere a name may be a person's ("Ann's
    watch"), and a number stands for it.
    """
    if not source:
        return None, None, None
    return source.platform or None, source.recording_method or None, _device(source)


def _device(source: DataSource) -> str | None:
    device = source.device
    if not device:
        return None
    form = "" if device.form_factor is UNSET else device.form_factor.lower().replace("_", " ")
    name = device.display_name or ""
    if name and source.platform != "FITBIT":
        name = sha256(name.encode()).hexdigest()[:_DIGITS]
    return " ".join(t for t in (form, device.manufacturer or "", name) if t) or None


def with_sources(frame: pl.DataFrame, points: Sequence[Any], sources: Sequence[Any]) -> pl.DataFrame:
    """A frame of points, with `platform`, `recording_method`, `device` and `_source`, the lower the nearer.

    Args:
        frame: a row a point in the same order, or with the point's number in `point`.
        points: of `list`; those of `reconcile` have no source.
        sources: from `sources_of`, of all pages.
    """
    if not sources:
        none = (pl.lit(None, pl.String).alias(n) for n in TOLD)
        return frame.with_columns(*none, pl.lit(0, pl.Int32).alias(SOURCE))
    number = {s: n for n, s in enumerate(sources)}
    own = pl.Series(SOURCE, [number[p.data_source] for p in points], dtype=pl.Int32)
    texts = pl.DataFrame(
        [(n, *told(s)) for n, s in enumerate(sources)],
        schema={SOURCE: pl.Int32, **dict.fromkeys(TOLD, pl.String)},
        orient="row",
    )
    frame = frame.with_columns(own.gather(frame["point"]) if "point" in frame.columns else own)
    return frame.join(texts, on=SOURCE, how="left", maintain_order="left")


def sources_of(points: Sequence[Any]) -> list[Any]:
    """The sources of listed points, the nearest to the body first; none of reconciled ones."""
    if not points or not hasattr(points[0], "data_source"):
        return []
    return sorted({p.data_source for p in points}, key=lambda s: (rank(s) if s else _OTHER, repr(s)))


def standing(frame: pl.DataFrame, key: Sequence[str], prefer: Sequence[str], left_out: Counter[str]) -> pl.DataFrame:
    """The rows that stand: none twice, and none in a time that a source nearer to the body tells already.

    Clients have seen a minute twice from one watch, under two offsets, on a day of travel, with two counts.

    Args:
        frame: with `start` and `end` (UTC) and `_source`.
        key: columns of which a source has each row once.
        prefer: columns of which, of two rows with one key, the one with the greater value stands: it must not depend on
            the order in which the pages came.
        left_out: counts are added here.
    """
    found = _once(frame, [SOURCE, *key], prefer, left_out)
    numbers = found[SOURCE].unique().sort().to_list()
    if len(numbers) < 2:
        return found
    starts, ends = (found[c].dt.epoch("us").to_numpy() for c in ("start", "end"))
    source = found[SOURCE].to_numpy()
    stands = np.zeros(len(found), dtype=bool)
    for number in numbers:
        mine = source == number
        begun = np.searchsorted(np.sort(starts[stands]), ends[mine], side="left")
        over = np.searchsorted(np.sort(ends[stands]), starts[mine], side="right")
        stands[mine] = begun == over
    left_out[OTHER_SOURCE] += int((~stands).sum())
    return found.filter(pl.Series(stands))


def _once(frame: pl.DataFrame, key: list[str], prefer: Sequence[str], left_out: Counter[str]) -> pl.DataFrame:
    if frame.select(pl.struct(key).n_unique()).item() == len(frame):
        return frame
    distinct = frame.unique([*key, *prefer], keep="first", maintain_order=True)
    ordered = distinct.sort(prefer, descending=True, nulls_last=True, maintain_order=True)
    found = ordered.unique(key, keep="first", maintain_order=True).sort("start", descending=True, maintain_order=True)
    left_out[TWICE] += len(frame) - len(distinct)
    left_out[CONFLICT] += len(distinct) - len(found)
    return found
