"""How sure an estimate is: conformal intervals, from the errors made on hidden values that were estimated alike.

Errors are not symmetric (counts have a floor and bursts), so each side has its own quantile (Romano et al. 2019's
asymmetric form), within bins of the estimate (Mondrian: Vovk et al. 2005). Totals of gaps have their own, because
errors within a gap go together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]
COVERAGE = 0.9
VALUE_BINS, TOTAL_BINS = 12, 6
_LEAST = 40


@dataclass(frozen=True)
class Margins:
    """How far the truth lies from an estimate, by bins of the estimate.

    Attributes:
        edges: (bins - 1,), where one bin ends and the next begins.
        lower: (bins,), added to an estimate gives the lower end.
        upper: (bins,), the upper one.
    """

    edges: Float64s
    lower: Float64s
    upper: Float64s

    def around(self, estimate: NDArray[np.floating]) -> tuple[Float64s, Float64s]:
        """The ends of the interval around each estimate."""
        place = np.searchsorted(self.edges, estimate)
        return estimate + self.lower[place], estimate + self.upper[place]


def learn_margins(estimate: Float64s, truth: Float64s, bins: int) -> Margins:
    """The margins that hold `COVERAGE` of hidden values (N,) that were not used to estimate them.

    Raises:
        ValueError: there is nothing to learn from.
    """
    if not len(estimate):
        raise ValueError("no hidden values to learn margins from")
    edges = _edges(estimate, bins)
    place = np.searchsorted(edges, estimate)
    ends = [_ends(np.sort((truth - estimate)[place == n])) for n in range(len(edges) + 1)]
    return Margins(edges, np.array([low for low, _ in ends]), np.array([high for _, high in ends]))


def _edges(estimate: Float64s, bins: int) -> Float64s:
    """Quantiles of the estimates, as many as leave enough of them in each bin; equal estimates stay together."""
    ordered = np.sort(estimate)
    edges: list[float] = []
    begin = 0
    for edge in np.unique(np.quantile(ordered, np.arange(1, bins) / bins)) if bins > 1 else ():
        end = int(np.searchsorted(ordered, edge, side="right"))
        if end - begin >= _LEAST and len(ordered) - end >= _LEAST:
            edges.append(float(edge))
            begin = end
    return np.array(edges)


def _ends(errors: Float64s) -> tuple[float, float]:
    """The order statistics between which a new error lies with the probability asked for."""
    # Rounded: 0.05 of 100 is the fifth, whatever the binary fraction is.
    beyond = round((1 - COVERAGE) / 2 * (len(errors) + 1), 9)
    least, most = int(np.floor(beyond)) - 1, int(np.ceil(len(errors) + 1 - beyond)) - 1
    return float(errors[max(least, 0)]), float(errors[min(most, len(errors) - 1)])
