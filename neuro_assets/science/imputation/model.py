"""A method, learned and applied: people, the weights of the default's parts, and how sure an estimate is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.imputation.intervals import TOTAL_BINS, VALUE_BINS, Margins, learn_margins
from neuro_assets.science.imputation.masks import ALL_DAY, Hours, Masks, hidden, random_masks
from neuro_assets.science.imputation.methods import METHODS, Estimate
from neuro_assets.science.imputation.people import People, learn_people, without_days
from neuro_assets.science.imputation.series import Bools, Float32s, Record, Windows
from neuro_assets.science.imputation.stack import PARTS, Weights, combine, learn_weights, length_place, parts_of

Float64s = NDArray[np.float64]
Mode = Literal["past_only", "whole_record"]
STACK = "stack"
CROSS = "cross_stream"
# Each day of five is filled by what the other four say.
_FOLDS = 5
STRETCHES, _AT_ONCE = 1000, 250
SEED = 20_260_101


@dataclass(frozen=True)
class Certainty:
    """How sure the estimates of a method are, for each length of gap.

    Attributes:
        values: margins of single values.
        totals: margins of a gap's mean.
    """

    values: tuple[Margins, ...]
    totals: tuple[Margins, ...]


@dataclass(frozen=True)
class Model:
    """What is needed to fill gaps of one stream at one resolution.

    Attributes:
        people: whose gaps.
        weights: of the parts of the default.
        certainty: method -> how sure it is.
        mode: whether values after the day may be used.
        floor: no value is less.
    """

    people: People
    weights: Weights
    certainty: Mapping[str, Certainty]
    mode: Mode
    floor: float = 0.0

    def fill(self, windows: Windows, method: str = STACK) -> Estimate:
        """Estimates for every place, (N, T); NaN where the method has none."""
        if method == STACK:
            found = combine(parts_of(windows, self.people), self.weights, windows)
        else:
            found = METHODS[method].fill(windows, self.people)
        return np.maximum(found, self.floor)

    def around(self, estimate: Estimate, length: NDArray[np.integer], method: str = STACK) -> tuple[Float64s, Float64s]:
        """The interval of each value, given how many values its gap has."""
        place = length_place(length, self.people.resolution)
        lower, upper = np.empty(estimate.shape), np.empty(estimate.shape)
        for n, margins in enumerate(self.certainty[method].values):
            chosen = place == n
            lower[chosen], upper[chosen] = margins.around(estimate[chosen])
        return np.maximum(lower, self.floor), np.maximum(upper, self.floor)

    def around_total(
        self, total: Float64s, length: NDArray[np.integer], method: str = STACK
    ) -> tuple[Float64s, Float64s]:
        """The interval of the sum over each gap (N,) of so many values (N,); between known lengths by their ratio."""
        known = np.log(np.array(self.people.resolution.lengths) / self.people.resolution.step_min)
        mean = total / length
        ends = np.array([m.around(mean) for m in self.certainty[method].totals])
        place = np.interp(np.log(length), known, np.arange(len(known)))
        first = np.minimum(place.astype(np.intp), len(known) - 2)
        share, gap = place - first, np.arange(len(total))
        lower: Float64s = (1 - share) * ends[first, 0, gap] + share * ends[first + 1, 0, gap]
        upper: Float64s = (1 - share) * ends[first, 1, gap] + share * ends[first + 1, 1, gap]
        values = length.astype(np.float64)
        return np.maximum(lower, self.floor) * values, np.maximum(upper, self.floor) * values


@dataclass(frozen=True)
class Hidden:
    """Stretches of one length that were hidden, and what was put in their place.

    Attributes:
        truth: (N, length), NaN where nothing had been observed.
        distance: (length,), values to the nearer edge, from 1.
        day: (N,), number of the day on which each begins.
        parts: (parts of the default, N, length).
        estimates: method -> (N, length).
    """

    truth: Float32s
    distance: NDArray[np.integer]
    day: NDArray[np.intp]
    parts: Float32s
    estimates: Mapping[str, Float32s]

    def of(self, chosen: Bools) -> "Hidden":
        """Some of them."""
        kept = {name: each[chosen] for name, each in self.estimates.items()}
        return Hidden(self.truth[chosen], self.distance, self.day[chosen], self.parts[:, chosen], kept)


@dataclass(frozen=True)
class Hiding:
    """How stretches are chosen that are hidden to learn from.

    Attributes:
        hours: no part of a stretch is outside of them.
        least_share: so much of a stretch was observed.
        stretches: how many of each length.
        seed: of the chance by which they are chosen; the same record gives the same model.
    """

    hours: Hours = ALL_DAY
    least_share: float = 1.0
    stretches: int = STRETCHES
    seed: int = SEED


def learn(
    record: Record,
    mode: Mode = "whole_record",
    methods: Sequence[str] = (STACK,),
    *,
    hiding: Hiding | None = None,
    floor: float = 0.0,
    with_simple: bool = False,
    with_response: bool = False,
) -> Model:
    """Learn from a record by hiding parts of it.

    Args:
        record: of all people.
        mode: see `Model`.
        methods: of which margins are learned.
        hiding: what is hidden.
        floor: no value is less.
        with_simple: learn what `kalman_ar` and `kalman_level` need, though no margins of theirs are asked for.
        with_response: the same of `cross_stream`.

    Raises:
        ValueError: not one stretch of the shortest length was observed.
    """
    hiding = hiding or Hiding()
    rng = np.random.default_rng(hiding.seed)
    is_simple = with_simple or not {"kalman_ar", "kalman_level"}.isdisjoint(methods)
    people = learn_people(record, with_simple=is_simple, with_response=with_response or CROSS in methods)
    resolution = record.resolution
    others = without_days(people, record, _FOLDS)
    wanted = {name: METHODS[name].fill for name in methods if name != STACK}
    found: dict[int, Hidden] = {}
    for place, length_min in enumerate(resolution.lengths):
        length = length_min // resolution.step_min
        masks = random_masks(
            record, length, hiding.stretches, rng, hours=hiding.hours, least_share=hiding.least_share
        )  # fmt: skip
        if len(masks):
            found[place] = _hide(record, masks, others, mode, wanted)
    if not found:
        raise ValueError("no stretch of values is long enough to learn from")
    weights = learn_weights({p: _example(h) for p, h in found.items()}, resolution)
    # What the margins are learned from was not weighted by itself: odd days by even ones, and the other way round.
    halves = [
        learn_weights({p: _example(h.of(h.day % 2 == half)) for p, h in found.items()}, resolution) for half in (0, 1)
    ]
    certainty: dict[str, Certainty] = {}
    for method in methods:
        by_place = {
            place: _margins(h, _weighted(h, place, halves) if method == STACK else h.estimates[method], floor)
            for place, h in found.items()
        }
        # A length that nobody's record has a stretch of is told by the nearest one.
        margins = [by_place[min(by_place, key=lambda p, n=n: abs(p - n))] for n in range(len(resolution.lengths))]
        certainty[method] = Certainty(tuple(m[0] for m in margins), tuple(m[1] for m in margins))
    return Model(people, weights, certainty, mode, floor)


def _hide(
    record: Record,
    masks: Masks,
    others: Sequence[People],
    mode: Mode,
    wanted: Mapping[str, Callable[[Windows, People], Estimate]],
) -> Hidden:
    """Hide stretches, and estimate them by people who were learned without these days."""
    day = masks.start // record.resolution.a_day
    inner = slice(record.resolution.context, record.resolution.context + masks.length)
    shape = (len(masks), masks.length)
    estimates = {name: np.empty(shape, dtype=np.float32) for name in wanted}
    parts = np.empty((len(PARTS), *shape), dtype=np.float32)
    truth = np.empty(shape, dtype=np.float32)
    for fold, people in enumerate(others):
        chosen = np.flatnonzero(day % _FOLDS == fold)
        for begin in range(0, len(chosen), _AT_ONCE):
            some = chosen[begin : begin + _AT_ONCE]
            windows, truth[some] = hidden(record, masks.of(some), past_only=mode == "past_only")
            for n, estimate in enumerate(parts_of(windows, people)):
                parts[n, some] = estimate[:, inner]
            for name, fill in wanted.items():
                estimates[name][some] = fill(windows, people)[:, inner]
    place = np.arange(masks.length)
    return Hidden(truth, np.minimum(place, masks.length - 1 - place) + 1, day, parts, estimates)


def _example(found: Hidden) -> tuple[Float32s, Float32s, NDArray[np.integer]]:
    return found.parts, found.truth, found.distance


def _weighted(found: Hidden, place: int, halves: Sequence[Weights]) -> Float64s:
    """Each half of the estimates, weighted by what the other half says."""
    estimates, truth, distance = _example(found)
    weighted = np.empty(truth.shape)
    for n in (0, 1):
        own = halves[1 - n].at(np.full(len(distance), place), distance)
        chosen = found.day % 2 == n
        weighted[chosen] = np.einsum("pij,jp->ij", estimates[:, chosen], own)
    return weighted


def _margins(found: Hidden, estimate: NDArray[np.floating], floor: float) -> tuple[Margins, Margins]:
    """Of single values, and of the means of stretches."""
    told: Float64s = np.maximum(np.asarray(estimate, dtype=np.float64), floor)
    truth = found.truth.astype(np.float64)
    is_seen = ~np.isnan(truth) & ~np.isnan(told)
    values = learn_margins(told[is_seen], truth[is_seen], VALUE_BINS)
    seen = is_seen.sum(axis=1)
    mean, true_mean = (np.where(is_seen, of, 0).sum(axis=1)[seen > 0] / seen[seen > 0] for of in (told, truth))
    return values, learn_margins(mean, true_mean, TOTAL_BINS)
