"""A cosine of 24 h through the observed values of a window. Measures without a curve are in `rhythm`."""

from dataclasses import dataclass

import numpy as np

from neuro_assets.science.features.model import Floats, ratio
from neuro_assets.science.features.rhythm import DAY_H, Span

MIDDLE = 0.5
# An amplitude of less than this part of the standard deviation is a rounding error, and its peak has no hour.
_LEAST_AMPLITUDE = 1e-9


@dataclass(frozen=True)
class Cosinor:
    """The cosine of each person, mesor + amplitude * cos(2 pi (t - acrophase_h) / 24).

    Attributes:
        mesor: (people,) the middle of the cosine, in the unit of the values.
        amplitude: (people,) its peak above the mesor, same unit.
        acrophase_h: (people,) the hour of the clock of its peak, 0 up to 24; NaN where the amplitude is 0.
        r2: (people,) share of the variance of the values that it explains, 0 to 1; NaN for a constant.
    """

    mesor: Floats
    amplitude: Floats
    acrophase_h: Floats
    r2: Floats


def fit_cosinor(span: Span, at: float = MIDDLE) -> Cosinor:
    """Fit by least squares over the observed values (Cornelissen 2014, Theor Biol Med Model 11:16, single component).

    Args:
        span: windows of people; those with too little in them get NaN.
        at: the moment that a value stands for, from 0 (the begin of its hour or minute) to 1 (its end). The middle,
            because a sum over an hour says when in it only on average; then hours and minutes tell the same
            acrophase. pyActigraphy (e9e5e64) has 0; GGIR (388064b, through ActCR) has 1. This moves the acrophase
            by half a step, and nothing else.
    """
    values_a_day = span.values_a_day
    angle = 2 * np.pi * (np.arange(values_a_day) + at) / values_a_day
    terms = np.stack([np.ones(values_a_day), np.cos(angle), np.sin(angle)], axis=1)
    crossed = (terms[:, :, None] * terms[:, None, :]).reshape(values_a_day, 9)
    normal = (span.seen @ crossed).reshape(-1, 3, 3)
    normal[~span.is_enough] = np.eye(3)
    # Centred first: the mean of heart rates is large beside their rhythm.
    day = np.nan_to_num(span.mean_day - span.mean[:, None])
    right = (span.seen * day) @ terms
    fitted = np.linalg.solve(normal, right[:, :, None])[:, :, 0]
    amplitude = np.where(span.is_flat, 0.0, np.hypot(fitted[:, 1], fitted[:, 2]))
    acrophase_h = np.arctan2(fitted[:, 2], fitted[:, 1]) * DAY_H / (2 * np.pi) % DAY_H
    acrophase_h[acrophase_h >= DAY_H] = 0.0  # what is left of a tiny negative angle
    has_peak = amplitude > _LEAST_AMPLITUDE * np.sqrt(ratio(span.squares, span.n))
    # Within a time of the clock the cosine is one number: all that it can miss beyond the mean day is in the mean day.
    missed = (span.seen * (day - fitted @ terms.T) ** 2).sum(axis=1)
    r2 = np.clip(ratio(span.squares_between - missed, span.squares), 0, 1)
    return Cosinor(
        mesor=span.told(span.mean + fitted[:, 0]),
        amplitude=span.told(amplitude),
        acrophase_h=span.told(acrophase_h, where=has_peak),
        r2=span.told(r2, where=~span.is_flat),
    )
