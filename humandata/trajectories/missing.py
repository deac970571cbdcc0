"""Missing numbers are NaN: which steps are known, and how a step is made missing."""

from __future__ import annotations

import numpy as np

from humandata.arrays import BoolArray, FloatArray


def known_steps(values: FloatArray) -> BoolArray:
    """(T,) whether every number of a step of values (T, ...) is finite."""
    return np.asarray(np.isfinite(values.reshape(len(values), -1)).all(axis=1))


def where_valid(valid: BoolArray, values: FloatArray) -> FloatArray:
    """Values (T, ...) with NaN at the steps that `valid` (T,) excludes."""
    return np.where(valid.reshape(-1, *([1] * (values.ndim - 1))), values, np.nan)
