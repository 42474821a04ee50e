"""How well gaps are filled: what was observed is hidden, and estimated by every method that has not seen these days.

Methods are compared by the squared error of values and of the totals of gaps. The absolute error is told as well but
decides nothing: for counts that are mostly 0 it is least for 0, which is wrong about every total.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.imputation.masks import Masks, hidden, random_masks
from neuro_assets.science.imputation.methods import METHODS
from neuro_assets.science.imputation.model import CROSS, STACK, Hiding, Mode, Model, learn
from neuro_assets.science.imputation.series import Bools, Float32s, Record

Float64s = NDArray[np.float64]
ZERO = "zero"
# What the default is held against: the best of them, known only afterwards.
COMPARATORS = (ZERO, "ffill", "linear", "clock_mean", "weekday_median", "kalman_level", "kalman_ar")
RULES = tuple(name for name in COMPARATORS if name == ZERO or not METHODS[name].is_kalman)
LEARNED_SHARE, GAPS = 0.6, 600
PARTS_OF_DAY = {"night": (0, 6), "morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24)}
ALL = "all"
# How much worse than the best comparator, in hindsight, the default may be.
LIMIT = 1.02


@dataclass(frozen=True)
class Score:
    """How well one method filled the hidden gaps of one length, in a part of the day, of everybody or of one person.

    Attributes:
        length_min: of the gaps.
        part_of_day: in which their middle lies; `all` for any.
        person: whose, None for everybody's.
        method: by which they were filled.
        gaps: how many.
        values: how many values of them had been observed.
        rmse: of values.
        mae: of values.
        bias: mean error of values.
        total_rmse: of the gaps' totals.
        total_bias: error of all totals as a share of all that was hidden; NaN where that is 0.
        coverage: share of values within their interval; NaN for a method without.
        width: mean width of these intervals.
        total_coverage: share of totals within theirs.
    """

    length_min: int
    part_of_day: str
    person: int | None
    method: str
    gaps: int
    values: int
    rmse: float
    mae: float
    bias: float
    total_rmse: float
    total_bias: float
    coverage: float
    width: float
    total_coverage: float


@dataclass(frozen=True)
class Question:
    """What a back-test asks.

    Attributes:
        hiding: where and how stretches are hidden, on the days that are learned from as on those that are not.
        gaps: how many of each length.
        methods: beside the default and the comparators.
        mode: whether values after the day may be used.
        seed: of the chance by which gaps are chosen.
        starts: length [min] -> minutes of the day at which gaps begin; anywhere where a length is not there.
        with_intervals: whether margins of every method are learned; else of the default alone.
        floor: no estimate is less.
    """

    hiding: Hiding = field(default_factory=Hiding)
    gaps: int = GAPS
    methods: tuple[str, ...] = ()
    mode: Mode = "whole_record"
    seed: int = 1
    starts: Mapping[int, NDArray[np.integer]] = field(default_factory=dict)
    with_intervals: bool = True
    floor: float = 0.0


@dataclass(frozen=True)
class _Filled:
    """Hidden gaps of one length as a method filled them, (N, length) each."""

    truth: Float32s
    estimate: Float64s
    lower: Float64s | None
    upper: Float64s | None
    total_lower: Float64s | None
    total_upper: Float64s | None


def first_days(record: Record, share: float = LEARNED_SHARE) -> Bools:
    """The days of each person's record that are learned from, (people, days): the first ones, from first to last."""
    there: Bools = np.any(~np.isnan(record.values), axis=2)
    found = np.zeros(there.shape, dtype=np.bool_)
    for person in range(len(there)):
        seen = np.flatnonzero(there[person])
        if len(seen):
            found[person, : seen[0] + round(share * (seen[-1] + 1 - seen[0]))] = True
    return found


def backtest(record: Record, question: Question | None = None) -> list[Score]:
    """Learn from the first days of each person's record, hide gaps in the others, and score every method.

    Raises:
        ValueError: there is too little to learn from.
    """
    question = question or Question()
    learned = first_days(record)
    names = tuple(dict.fromkeys((*COMPARATORS[1:], *question.methods)))
    # An ARIMA is fitted anew for each gap: thousands of them to learn how sure it is would take hours.
    certain = (STACK, *(n for n in names if question.with_intervals and n != "arima"))
    model = learn(
        record.of_days(learned),
        question.mode,
        certain,
        hiding=question.hiding,
        floor=question.floor,
        with_simple=True,
        with_response=CROSS in names,
    )
    rng = np.random.default_rng(question.seed)
    found: list[Score] = []
    for length_min in record.resolution.lengths:
        masks = random_masks(
            record,
            length_min // record.resolution.step_min,
            question.gaps,
            rng,
            hours=question.hiding.hours,
            least_share=question.hiding.least_share,
            days=~learned,
            starts=_starts(question, length_min, record),
        )
        if len(masks):
            found += _scores(record, model, _with_edges(record, masks, question.mode), names, length_min)
    return found


def _starts(question: Question, length_min: int, record: Record) -> NDArray[np.integer] | None:
    starts = question.starts.get(length_min)
    return None if starts is None or not len(starts) else starts // record.resolution.step_min


def _with_edges(record: Record, masks: Masks, mode: Mode) -> Masks:
    """Those that have something observed before them, and after them where that may be seen."""
    kept = np.zeros(len(masks), dtype=np.bool_)
    place = record.resolution.context
    for begin in range(0, len(masks), 500):
        rows = np.arange(begin, min(begin + 500, len(masks)))
        windows, _ = hidden(record, masks.of(rows), past_only=mode == "past_only")
        gaps = windows.gaps
        kept[rows] = gaps.before[:, place] >= 0
        if mode == "whole_record":
            kept[rows] &= gaps.after[:, place] < windows.values.shape[1]
    return masks.of(kept)


def _scores(record: Record, model: Model, masks: Masks, names: Sequence[str], length_min: int) -> Iterator[Score]:
    parts = _parts_of_day(masks, record)
    for method in (STACK, ZERO, *names):
        filled = _fill(record, model, masks, method)
        groups: list[tuple[str, int | None, Bools]] = [(ALL, None, np.ones(len(masks), dtype=np.bool_))]
        groups += [(part, None, parts == part) for part in PARTS_OF_DAY]
        groups += [(ALL, int(who), masks.person == who) for who in np.unique(masks.person)]
        for part, who, chosen in groups:
            if chosen.any():
                yield _score(filled, chosen, length_min, part, who, method)


def _parts_of_day(masks: Masks, record: Record) -> NDArray[np.str_]:
    resolution = record.resolution
    hour = (masks.start + masks.length // 2) % resolution.a_day * resolution.step_min // 60
    names = np.array(list(PARTS_OF_DAY))
    return names[np.searchsorted([since for since, _ in PARTS_OF_DAY.values()], hour, side="right") - 1]


def _fill(record: Record, model: Model, masks: Masks, method: str) -> _Filled:
    inner = slice(record.resolution.context, record.resolution.context + masks.length)
    estimate = np.zeros((len(masks), masks.length))
    truth = np.empty(estimate.shape, dtype=np.float32)
    for begin in range(0, len(masks), 500):
        rows = np.arange(begin, min(begin + 500, len(masks)))
        windows, truth[rows] = hidden(record, masks.of(rows), past_only=model.mode == "past_only")
        if method != ZERO:
            estimate[rows] = model.fill(windows, method)[:, inner]
    if method not in model.certainty:
        return _Filled(truth, estimate, None, None, None, None)
    is_seen = ~np.isnan(truth)
    lower, upper = model.around(estimate, np.full(estimate.shape, masks.length), method)
    total = np.where(is_seen, estimate, 0).sum(axis=1)
    totals = model.around_total(total, np.maximum(is_seen.sum(axis=1), 1), method)
    return _Filled(truth, estimate, lower, upper, *totals)


def _score(filled: _Filled, chosen: Bools, length_min: int, part: str, who: int | None, method: str) -> Score:
    truth = filled.truth[chosen].astype(np.float64)
    is_seen = ~np.isnan(truth)
    error = np.where(is_seen, filled.estimate[chosen] - truth, 0.0)
    count = max(int(is_seen.sum()), 1)
    totals, hidden_total = error.sum(axis=1), np.where(is_seen, truth, 0.0).sum(axis=1)
    coverage = width = total_coverage = float("nan")
    if filled.lower is not None and filled.upper is not None:
        lower, upper = filled.lower[chosen], filled.upper[chosen]
        coverage = float(((truth >= lower) & (truth <= upper))[is_seen].mean())
        width = float((upper - lower)[is_seen].mean())
    if filled.total_lower is not None and filled.total_upper is not None:
        is_within = (hidden_total >= filled.total_lower[chosen]) & (hidden_total <= filled.total_upper[chosen])
        total_coverage = float(is_within.mean())
    return Score(
        length_min,
        part,
        who,
        method,
        gaps=int(chosen.sum()),
        values=count,
        rmse=float(np.sqrt((error**2).sum() / count)),
        mae=float(np.abs(error).sum() / count),
        bias=float(error.sum() / count),
        total_rmse=float(np.sqrt((totals**2).mean())),
        total_bias=float(totals.sum() / hidden_total.sum()) if hidden_total.sum() else float("nan"),
        coverage=coverage,
        width=width,
        total_coverage=total_coverage,
    )


@dataclass(frozen=True)
class Verdict:
    """The default of one length of gap against what would have been best.

    Attributes:
        length_min: of the gaps.
        gaps: how many.
        best: the comparator with the least squared error.
        to_best: error of the default over that of the best.
        to_rule: over that of the best comparator without a state space model.
        to_ffill: over that of the last value carried forward.
        total_to_rule: the same of totals, over the rule that is best at totals.
        coverage: of the values' intervals.
        total_coverage: of the totals' intervals.
    """

    length_min: int
    gaps: int
    best: str
    to_best: float
    to_rule: float
    to_ffill: float
    total_to_rule: float
    coverage: float
    total_coverage: float


def verdicts(scores: Iterable[Score]) -> list[Verdict]:
    """For each length, over all parts of the day and all people."""
    by_length: dict[int, dict[str, Score]] = {}
    for score in scores:
        if score.part_of_day == ALL and score.person is None:
            by_length.setdefault(score.length_min, {})[score.method] = score
    found = []
    for length_min, of in by_length.items():
        own, best = of[STACK], min(COMPARATORS, key=lambda name: of[name].rmse)
        found.append(
            Verdict(
                length_min,
                own.gaps,
                best,
                to_best=_ratio(own.rmse, of[best].rmse),
                to_rule=_ratio(own.rmse, min(of[name].rmse for name in RULES)),
                to_ffill=_ratio(own.rmse, of["ffill"].rmse),
                total_to_rule=_ratio(own.total_rmse, min(of[name].total_rmse for name in RULES)),
                coverage=own.coverage,
                total_coverage=own.total_coverage,
            )
        )
    return found


def _ratio(own: float, other: float) -> float:
    """1 where neither errs."""
    return own / other if other else (1.0 if not own else float("inf"))
