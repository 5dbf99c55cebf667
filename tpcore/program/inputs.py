"""Laws of input vectors, checked."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.program import check, ops
from tpcore.program.where import fail


MOST_COLUMNS = 16_384


def length(what: str, value) -> float:
    """A length in units of n: a positive number."""
    return checks.real(what, value, 0.0, open_low=True)


def block_shape(what: str, cov, shape) -> tuple[int, ...]:
    """The shape of a block: as given, or one axis with a vector for each row of the covariance."""
    if shape is None:
        cov = check.checked(what, checks.array, "cov", cov)
        if cov.ndim == 0:
            fail(what, "the number of vectors must be given by shape or by a covariance matrix", check.describe(cov))
        return (len(cov),)
    shape = shape if isinstance(shape, tuple | list) else (shape,)
    return tuple(check.checked(what, checks.integer, "each entry of shape", s, 1, MOST_COLUMNS) for s in shape)


def gaussian_group(what: str, mean, cov, size: int, dim: float) -> ops.GaussianGroup:
    """The joint law of `size` vectors, immutable; a number for `cov` is the variance of independent ones."""
    if size > MOST_COLUMNS:
        fail(what, f"a block holds at most {MOST_COLUMNS:,} vectors, whose covariances are stored", f"{size:,}")
    if check.checked(what, checks.raw_array, "cov", cov).ndim == 0:
        cov = check.checked(what, checks.real, "cov", cov, 0.0) * np.eye(size)
    else:
        cov = check.checked(what, checks.covariance, "cov", cov, size)
    mean = check.checked(what, checks.array, "mean", mean)
    if mean.size not in (1, size):
        fail(what, f"mean must be one number or {size}", f"shape {mean.shape}")
    mean = np.array(np.broadcast_to(mean.ravel(), (size,)))
    mean.flags.writeable = cov.flags.writeable = False
    return ops.GaussianGroup(mean, cov, check.checked(what, length, "dim", dim))
