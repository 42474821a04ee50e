"""One local day of people: the stretches that were observed, and an estimate wherever a value is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from neuro_assets.imputation.models import Learned
from neuro_assets.science.imputation.methods import is_driven
from neuro_assets.science.imputation.model import CROSS, STACK, Mode, Model
from neuro_assets.science.imputation.rules import Rule
from neuro_assets.science.imputation.series import Bools, Float32s, Gaps, Resolution, Windows
from neuro_assets.series.grid import Grid

_MIN_US = 60_000_000
# What is seen of a gap refuses it; the last reason that holds is told.
_REFUSALS = (None, "no_estimate", "no_model", "only_totals", "too_long", "not_imputed")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Filled:
    """Rows for the temporary tables of a day.

    Attributes:
        cells: every minute or hour that has a value or misses one.
        totals: gaps that end on the day.
        observed: stretches with values.
        days: whose day it is.
    """

    cells: pl.DataFrame
    totals: pl.DataFrame
    observed: pl.DataFrame
    days: pl.DataFrame

    def of(self, people: frozenset[str]) -> "Filled":
        """The rows of some of the people."""
        if self.days["participant_id"].is_in(list(people)).all():
            return self
        some = pl.col("participant_id").is_in(list(people))
        return Filled(*(frame.filter(some) for frame in (self.cells, self.totals, self.observed, self.days)))


@dataclass(frozen=True)
class _View:
    """What is seen of a day: it and what lies around it."""

    values: Float32s
    driver: Float32s | None
    inner: slice
    begin: int


def fill_day(
    grid: Grid, resolution: Resolution, mode: Mode, rule: Rule, learned: Learned | None, day: date
) -> Filled | None:
    """Everything that is told of a local day of people; None where their clock never showed it."""
    own = grid.cells.of_day(day)
    if own.start >= own.stop:
        return None
    begin = max(0, own.start - resolution.context)
    end = own.stop if mode == "past_only" else own.stop + resolution.context
    seen = np.where(grid.stands, np.float32(0), grid.values)[:, begin:end]
    driver = None if grid.driver is None else grid.driver[:, begin:end]
    view = _View(grid.values[:, begin:end], driver, slice(own.start - begin, own.stop - begin), begin)
    # A cell that a reading beside it stands for is no gap, though it has no value of its own.
    gaps = Gaps.of(seen)
    estimates = _Estimates.of(grid, view, gaps, resolution, rule, learned)
    return Filled(
        cells=_cells(grid, own, view, gaps, estimates, resolution, rule, learned),
        totals=_totals(grid, view, gaps, estimates, resolution, rule, learned, day),
        observed=_observed(grid, own, day),
        days=pl.DataFrame({"participant_id": grid.people, "day": [day] * len(grid.people)}),
    )


@dataclass(frozen=True)
class _Estimates:
    """Of the cells that are seen, (people, cells); NaN where nothing is estimated.

    Attributes:
        value: the estimate.
        lower: lower end of its interval.
        upper: upper end.
        method: place among `names`, -1 for none.
        names: of the methods.
        stack: estimates of the default, which totals are made of.
        place: each person's place in the model, -1 for who is not in it.
    """

    value: Floats
    lower: Floats
    upper: Floats
    method: NDArray[np.int8]
    names: tuple[str, ...]
    stack: Floats
    place: NDArray[np.intp]

    @classmethod
    def of(
        cls, grid: Grid, view: _View, gaps: Gaps, resolution: Resolution, rule: Rule, learned: Learned | None
    ) -> "_Estimates":
        shape = view.values.shape
        names = tuple(dict.fromkeys((*(name for _, name in sorted(rule.methods)), CROSS)))
        empty = [np.full(shape, np.nan) for _ in range(4)]
        method = np.full(shape, -1, dtype=np.int8)
        place = np.full(len(grid.people), -1, dtype=np.intp)
        if learned is not None:
            known = {who: n for n, who in enumerate(learned.people)}
            place = np.array([known.get(who, -1) for who in grid.people], dtype=np.intp)
        found = cls(empty[0], empty[1], empty[2], method, names, empty[3], place)
        longest = max(rule.longest_min, rule.longest_total_min) // resolution.step_min
        is_wanted = gaps.is_missing & (gaps.length <= longest)
        rows = np.flatnonzero((place >= 0) & is_wanted.any(axis=1))
        if learned is None or not len(rows) or not longest:
            return found
        cells = slice(view.begin, view.begin + shape[1])
        windows = Windows(
            view.values[rows],
            (grid.cells.minute[cells] // resolution.slot_min)[None],
            grid.cells.is_weekend[cells][None],
            place[rows],
            resolution,
            None if view.driver is None else view.driver[rows],
        )
        model = learned.model
        length = np.where(is_wanted[rows], gaps.length[rows], 0)
        found.stack[rows] = np.where(is_wanted[rows], model.fill(windows, STACK), np.nan)
        shortest = 0
        for limit, name in sorted(rule.methods):
            chosen = (length > shortest // resolution.step_min) & (length <= limit // resolution.step_min)
            shortest = limit
            if chosen.any():
                estimate = found.stack[rows] if name == STACK else model.fill(windows, name)
                found._tell(model, name, estimate, rows, chosen, length)
        if rule.driven_min and CROSS in model.certainty:
            chosen = (length > 0) & (length <= rule.driven_min // resolution.step_min)
            chosen &= is_driven(windows, model.people)
            some: Bools = np.any(chosen, axis=1)
            if some.any():
                estimate = model.fill(windows.of(some), CROSS)
                found._tell(model, CROSS, estimate, rows[some], chosen[some], length[some])
        return found

    def _tell(
        self,
        model: Model,
        name: str,
        estimate: NDArray[np.floating],
        rows: NDArray[np.intp],
        chosen: Bools,
        length: NDArray[np.integer],
    ) -> None:
        """Put what a method estimates of chosen cells of some rows in the place of what is there."""
        lower, upper = model.around(np.where(np.isnan(estimate), 0, estimate), np.maximum(length, 1), name)
        is_told = chosen & ~np.isnan(estimate)
        for of, what in ((self.value, estimate), (self.lower, lower), (self.upper, upper)):
            of[rows] = np.where(is_told, what, of[rows])
        self.method[rows] = np.where(is_told, self.names.index(name), self.method[rows])


def _refusals(
    gaps: Gaps, estimates: _Estimates, resolution: Resolution, rule: Rule, learned: Learned | None
) -> NDArray[np.int8]:
    """Why a missing cell is not filled in, by what is seen of its gap: place in `_REFUSALS`."""
    length_min = gaps.length * resolution.step_min
    found = np.zeros(gaps.is_missing.shape, dtype=np.int8)
    is_unknown = (estimates.place < 0)[:, None] | (learned is None)
    for name, holds in (
        ("no_estimate", np.isnan(estimates.value)),
        ("no_model", is_unknown),
        ("only_totals", length_min > rule.longest_min),
        ("too_long", length_min > max(rule.longest_total_min, rule.longest_min)),
        ("not_imputed", np.array(not rule.longest_min and not rule.longest_total_min)),
    ):
        found[gaps.is_missing & holds] = _REFUSALS.index(name)
    return found


def _named(names: Sequence[str | None], place: NDArray[np.integer]) -> pl.Series:
    """The name at each place; the last one for -1."""
    return pl.Series(names, dtype=pl.String).gather(np.where(place < 0, len(names) - 1, place).astype(np.uint32))


def _cells(
    grid: Grid,
    own: slice,
    view: _View,
    gaps: Gaps,
    estimates: _Estimates,
    resolution: Resolution,
    rule: Rule,
    learned: Learned | None,
) -> pl.DataFrame:
    is_told = ~grid.stands[:, own]
    who, cell = np.nonzero(is_told)
    inner = view.inner

    def told(of: np.ndarray) -> np.ndarray:
        return of[:, inner][is_told]

    counts = grid.counts[:, own][is_told]
    return pl.DataFrame(
        {
            "participant_id": _named(grid.people, who),
            "start_min": grid.cells.start_min[own][cell],
            "minute": grid.cells.minute[own][cell].astype(np.int16),
            "fold": grid.cells.fold[own][cell],
            "observed_value": grid.recorded[:, own][is_told].astype(np.float64),
            "counts": counts,
            "is_off": grid.off[:, own][is_told],
            "estimate": told(estimates.value),
            "lower_90": told(estimates.lower),
            "upper_90": told(estimates.upper),
            "method": _named((*estimates.names, None), told(estimates.method)),
            "minutes_from_edge": told(gaps.distance).astype(np.int32) * resolution.step_min,
            "refusal": _named(_REFUSALS, told(_refusals(gaps, estimates, resolution, rule, learned))),
        }
    ).with_columns(
        pl.col("observed_value", "estimate", "lower_90", "upper_90").fill_nan(None),
        day=pl.lit(grid.cells.day[own.start].astype(object)),
        model_version=pl.lit(learned.version if learned else None, pl.String),
    )


def _totals(
    grid: Grid,
    view: _View,
    gaps: Gaps,
    estimates: _Estimates,
    resolution: Resolution,
    rule: Rule,
    learned: Learned | None,
    day: date,
) -> pl.DataFrame:
    """Gaps that end on the day, all of whose cells are seen."""
    schema = {
        "participant_id": pl.String,
        "day": pl.Date,
        "ts": pl.Datetime("us", "UTC"),
        "until_ts": pl.Datetime("us", "UTC"),
        "total": pl.Float64,
        "lower_90": pl.Float64,
        "upper_90": pl.Float64,
        "method": pl.String,
        "model_version": pl.String,
    }
    empty = pl.DataFrame(schema=schema)
    longest = rule.longest_total_min // resolution.step_min
    if learned is None or not longest:
        return empty
    missing = gaps.is_missing
    width = missing.shape[1]
    is_last: Bools = missing & np.append(~missing[:, 1:], np.ones((len(missing), 1), dtype=np.bool_), axis=1)
    is_last[:, : view.inner.start] = False
    is_last[:, view.inner.stop :] = False
    who, last = np.nonzero(is_last & (gaps.before >= 0) & (gaps.length <= longest) & (estimates.place >= 0)[:, None])
    first = gaps.before[who, last] + 1
    sums = np.concatenate([np.zeros((len(missing), 1)), np.nancumsum(estimates.stack, axis=1)], axis=1)
    length = last - first + 1
    total = sums[who, last + 1] - sums[who, first]
    if not len(total):
        return empty
    lower, upper = learned.model.around_total(total, length)
    start = grid.cells.start_min[view.begin : view.begin + width]
    ends = start[last] + grid.cells.length_min[view.begin : view.begin + width][last]
    return pl.DataFrame(
        {
            "participant_id": _named(grid.people, who),
            "day": [day] * len(total),
            "ts": start[first] * _MIN_US,
            "until_ts": ends * _MIN_US,
            "total": total,
            "lower_90": lower,
            "upper_90": upper,
            "method": [STACK] * len(total),
            "model_version": [learned.version] * len(total),
        }
    ).with_columns(pl.col("ts", "until_ts").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))


def _observed(grid: Grid, own: slice, day: date) -> pl.DataFrame:
    """Runs of cells in the same state."""
    counts = grid.counts[:, own] | grid.stands[:, own]
    not_worn = grid.off[:, own] | ~np.isnan(grid.recorded[:, own])
    state = np.where(counts, 1, np.where(not_worn, 2, 0)).astype(np.int8)
    start, length = grid.cells.start_min[own], grid.cells.length_min[own]
    begins = np.ones(state.shape, dtype=np.bool_)
    begins[:, 1:] = state[:, 1:] != state[:, :-1]
    who, first = np.nonzero(begins)
    last = np.append(first[1:], 0) - 1
    last[np.append(who[1:] != who[:-1], True)] = state.shape[1] - 1
    kind = state[who, first]
    kept = kind > 0
    who, first, last, kind = who[kept], first[kept], last[kept], kind[kept]
    return pl.DataFrame(
        {
            "participant_id": _named(grid.people, who),
            "day": [day] * len(who),
            "ts": start[first] * _MIN_US,
            "until_ts": (start[last] + length[last]) * _MIN_US,
            "state": _named(("", "valid", "not_worn"), kind),
        },
        schema_overrides={"day": pl.Date},
    ).with_columns(pl.col("ts", "until_ts").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
