"""The random numbers of R from a seed, so that a test in R can be repeated here on the same input.

From R's manual, ?RNG: Mersenne Twister, normals by inversion, samples by rejection (R 3.6 and later).
"""

from collections.abc import Iterator
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

_SCRAMBLINGS, _KEY = 50, 624
_BIG = 134217728  # 2^27: two uniforms make one with enough digits for the tails


def r_uniform(seed: int, n: int) -> NDArray[np.float64]:
    """`set.seed(seed); runif(n)`."""
    states = []
    for _ in range(_SCRAMBLINGS + 1 + _KEY):
        seed = (69069 * seed + 1) % 2**32
        states.append(seed)
    twister = np.random.MT19937()
    twister.state = {
        "bit_generator": "MT19937",
        "state": {"key": np.array(states[-_KEY:], dtype=np.uint32), "pos": _KEY},
    }
    return twister.random_raw(n).astype(np.float64) * 2.3283064365386963e-10


def r_normal(seed: int, n: int) -> NDArray[np.float64]:
    """`set.seed(seed); rnorm(n)`."""
    from scipy.special import ndtri

    high, low = r_uniform(seed, 2 * n).reshape(n, 2).T
    return ndtri((np.floor(_BIG * high) + low) / _BIG)


def r_sample(seed: int, n: int, size: int) -> NDArray[np.float64]:
    """`set.seed(seed); sample(1:n, size)`."""
    uniform = iter(r_uniform(seed, 20 * size).tolist())
    left, drawn = list(range(1, n + 1)), []
    for _ in range(size):
        place = _below(len(left), uniform)
        drawn.append(left[place])
        left[place] = left[-1]
        left.pop()
    return np.array(drawn, dtype=np.float64)


def _below(n: int, uniform: Iterator[float]) -> int:
    bits = ceil(log2(n))
    while True:
        value = 0
        for _ in range(0, bits + 1, 16):
            value = 65536 * value + int(next(uniform) * 65536)
        value %= 2**bits
        if value < n:
            return value
