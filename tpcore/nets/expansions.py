"""Hermite series of smooth activations at the variances of inputs, found once and used for all pairs of inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tpcore.jitted import series as jitted
from tpcore.limit import mixture, series
from tpcore.limit.closed import form_of
from tpcore.limit.derivative import slope_of
from tpcore.nets.moments import Side


def expanded(layers: Sequence, left: list[Side], right: list[Side], slopes: bool) -> tuple[list[Side], list[Side]]:
    """The sides with coefficients at every `Act` whose phi has a fast series and no closed form.

    Its arrays become q, 1/sqrt q, and even and odd coefficients (N, K, P) of phi and, with `slopes`, of phi'.
    """
    found = [_one(*each, slopes) for each in zip(layers, left, right, strict=True)]
    return [mine for mine, _ in found], [theirs for _, theirs in found]


def _one(layer, left: Side, right: Side, slopes: bool) -> tuple[Side, Side]:
    if left.inner:
        mine, theirs = expanded(layer.layers, list(left.inner), list(right.inner), slopes)
        return replace(left, inner=tuple(mine)), replace(right, inner=tuple(theirs))
    phi = getattr(layer, "phi", None)
    if phi is None or len(left.arrays) != 1 or phi.kinks or phi.form in ("identity", "hermite") or form_of(phi):
        return left, right
    q, q2 = left.arrays[0], right.arrays[0]
    both = q.reshape(-1) if left is right else np.concatenate([q.reshape(-1), q2.reshape(-1)])
    if mixture.holds(phi, both):
        return left, right
    parts = [series.expand(f, both) for f in (phi.f, slope_of(phi))[: 1 + slopes]]
    if any(part is None for part in parts):
        return left, right
    with np.errstate(divide="ignore"):
        r = np.where(both > 0, 1 / np.sqrt(both), 0.0)
    rows = [r[None], *(row for part in parts for row in (part.even, part.odd))]
    mine = Side((q, *_blocks(rows, slice(0, q.size), q.shape)), left.shared)
    return mine, mine if left is right else Side((q2, *_blocks(rows, slice(q.size, None), q2.shape)), right.shared)


def _blocks(rows: list[np.ndarray], own: slice, shape: tuple[int, int]) -> list[np.ndarray]:
    """(N, P), then (N, K, P) arrays."""
    r, *rest = [np.ascontiguousarray(np.swapaxes(row[:, own].reshape(len(row), *shape), 0, 1)) for row in rows]
    return [r[:, 0], *rest]


def expectations(K: np.ndarray, left: Side, right: Side, slope: bool) -> np.ndarray:
    """E phi phi, or E phi' phi', of pairs (B, P, Q), or (B, P), whose sides have coefficients."""
    place, out = 4 if slope else 2, np.empty_like(K)
    work = jitted.diagonals if K.ndim == 2 else jitted.blocks
    mine, theirs = ((*side.arrays[place : place + 2], side.arrays[1]) for side in (left, right))
    work(*mine, *theirs, np.ascontiguousarray(K), out)
    return out
