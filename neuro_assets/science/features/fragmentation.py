"""How time in a state breaks up into bouts, from the lengths of the bouts. What a bout is, is told elsewhere.

Lengths have the shape (..., bouts): a person, or people with NaN behind the last bout of those who have fewer.
"""

import numpy as np

from neuro_assets.science.features.model import Bools, Floats, ratio


def gini(lengths: Floats, *, is_corrected: bool) -> Floats:
    """Gini index of the lengths, shape (...): 0 when all are equal, towards 1 when one bout has nearly all the time.

    sum over i of (2 i - n - 1) x(i) / (n sum x), with x(1) the shortest of n; corrected for few bouts, times
    n / (n - 1). Source: Di et al. 2017, bioRxiv 182337; GGIR (388064b) and skdh (e9a26c9) correct. NaN without bouts,
    and for the corrected one with a single bout, where skdh has 0 and 1.

    Raises:
        ValueError: a length that is not above 0.
    """
    in_order, n = _sorted(lengths)
    weights = 2 * np.arange(1, lengths.shape[-1] + 1) - n[..., None] - 1
    total = np.nansum(in_order, axis=-1)
    found = ratio(np.nansum(weights * in_order, axis=-1), n * total)
    return ratio(found * n, n - 1) if is_corrected else found


def transition_probability(lengths: Floats, is_cut: Bools | None = None) -> Floats:
    """Probability that a bout ends after any one minute of it, shape (...): bouts that end / minutes at risk.

    Of active bouts it is the active-to-sedentary transition probability, ASTP. Where all bouts count as ended it is
    1 / mean length (Di et al. 2017, bioRxiv 182337; skdh e9a26c9). The last minute of a bout that is cut, by the end of
    the record or by an unknown minute, is not at risk, since nobody saw what came next: with `is_cut` it is the
    maximum-likelihood estimate of a geometric length, which GGIR (388064b, g.fragmentation TP) has, rounded to 6
    decimals, with 0.000001 added above and below. NaN without a minute at risk.

    Args:
        lengths: minutes of each bout.
        is_cut: same shape, bouts whose end was not seen; None when all were.

    Raises:
        ValueError: a length that is not above 0, or is_cut of another shape.
    """
    n = _sorted(lengths)[1]
    if is_cut is None:
        return ratio(n, np.nansum(lengths, axis=-1))
    if is_cut.shape != lengths.shape:
        raise ValueError(f"is_cut must have the shape of the lengths, got {is_cut.shape} and {lengths.shape}")
    n_cut = (is_cut & ~np.isnan(lengths)).sum(axis=-1)
    return ratio(n - n_cut, np.nansum(lengths, axis=-1) - n_cut)


def average_hazard(lengths: Floats) -> Floats:
    """Mean over the distinct lengths t of the share of bouts that end at t, of those that last at least t; shape (...).

    Source: Di et al. 2017, bioRxiv 182337; skdh (e9a26c9) average_hazard. NaN without bouts.

    Raises:
        ValueError: a length that is not above 0.
    """
    in_order, n = _sorted(lengths)
    rank = np.arange(lengths.shape[-1])
    is_new = np.ones(in_order.shape, dtype=np.bool_)
    is_new[..., 1:] = np.diff(in_order, axis=-1) > 0
    is_new &= ~np.isnan(in_order)
    first = np.maximum.accumulate(np.where(is_new, rank, 0), axis=-1)
    # Each of the bouts of a length adds 1 / (bouts that last at least as long).
    shares = np.where(np.isnan(in_order), 0, 1 / np.maximum(n[..., None] - first, 1))
    return ratio(shares.sum(axis=-1), is_new.sum(axis=-1))


def power_law_exponent(lengths: Floats, least: Floats | float) -> Floats:
    """Exponent of a power law of the lengths, 1 + n / sum of log(length / least), shape (...): high for short bouts.

    Maximum likelihood (Clauset et al. 2009, SIAM Rev 51:661-703, eq. 3.1). NaN without bouts, or where all have the
    least length.

    Args:
        lengths: of each bout.
        least: the shortest that can be, a number or shape (...). GGIR (388064b; Chastin 2010) has 1 epoch; Di et al.
            2017 and skdh (e9a26c9) have the shortest seen - 0.5, which is eq. 3.7 for whole numbers.

    Raises:
        ValueError: a length that is not above 0.
    """
    n = _sorted(lengths)[1]
    return 1 + ratio(n, np.nansum(np.log(lengths / np.asarray(least)[..., None]), axis=-1))


def _sorted(lengths: Floats) -> tuple[Floats, Floats]:
    """The lengths in order, NaN last, and the number of them."""
    if (lengths <= 0).any():
        raise ValueError("lengths of bouts must be above 0")
    return np.sort(lengths, axis=-1), np.asarray((~np.isnan(lengths)).sum(axis=-1), dtype=np.float64)
