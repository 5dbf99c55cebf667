"""Arrays that know how they were computed."""

from __future__ import annotations

import numpy as np


class Values(np.ndarray):
    """A float64 array with `method` and `error`; what is computed from it is a plain array again.

    Attributes
    ----------
    method : str
        As in `tpcore.limit.estimate.Estimate`.
    error : float
        Largest absolute error of an entry, estimated for the covariance exactly as given.
    """

    method: str
    error: float

    def __new__(cls, array: np.ndarray, method: str, error: float) -> Values:
        self = np.asarray(array, dtype=np.float64).view(cls)
        self.method, self.error = method, float(error)
        return self

    def __array_finalize__(self, source):
        self.method, self.error = getattr(source, "method", ""), getattr(source, "error", float("nan"))

    def __array_wrap__(self, array, context=None, return_scalar=False):
        return array[()] if return_scalar else np.asarray(array)
