"""Type names of the arrays passed around in this package. No functions.

Shapes are written as people P (ascending vendor id), local days D, and hour slots S (see `wall_clock`).
"""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Days = NDArray[np.datetime64]
Instants = NDArray[np.datetime64]
