"""Eigenvalues of kernels for the Kernels lab."""

from __future__ import annotations

import numpy as np

from tpapp.kernel_results import Eigenvalues


def eigenvalues(K: np.ndarray, error: float = 0.0, width: int | None = None) -> Eigenvalues:
    """Eigenvalues of a symmetric kernel (N, N), largest first, and what of them is more than rounding.

    Parameters
    ----------
    K : ndarray (N, N)
    error : float
        Of its entries, absolute, where it was sampled: no eigenvalue is known better than N times that.
    width : int, optional
        Of the network, for the figure.
    """
    K = np.asarray(K, float)
    values = np.linalg.eigvalsh((K + K.T) / 2)[::-1]
    top = max(float(np.abs(values).max()), 1e-300)
    floor = max(len(K) * np.finfo(float).eps * top, len(K) * error)
    squares = float((values / top) @ (values / top))
    rank = float(values.sum() / top) ** 2 / squares if squares > 0 else 0.0
    return Eigenvalues(values, floor, rank, width)
