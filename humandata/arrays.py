"""Arrays by the type of what they hold; what their axes mean stands where they are used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
"""Indices, counts, and times in nanoseconds."""
Int32Array = NDArray[np.int32]
UInt64Array = NDArray[np.uint64]
Image = NDArray[np.uint8]
"""RGB (H, W, 3) or grey (H, W), or a stack of such."""
