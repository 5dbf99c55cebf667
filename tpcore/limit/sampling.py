"""Draws of the limit law: the Gaussians of each family, then everything made of them."""

from __future__ import annotations

import zlib

import numpy as np

from tpcore.limit.forms import Combo, Family, Product


def values(combos: list[Combo], draws: int, seed: int) -> list[np.ndarray]:
    """Joint draws (draws, size) of combos."""
    memo: dict = {}
    families = _families(combos)
    for number, family in enumerate(families):
        key = [seed, zlib.crc32(family.label.encode()), number]
        memo[family] = _gaussian(family, np.random.default_rng(key), draws)
    return [_combo(combo, memo, draws) for combo in combos]


def _gaussian(family: Family, rng: np.random.Generator, draws: int) -> np.ndarray:
    """N(mean, cov) with a possibly singular cov, by its eigenvectors."""
    size, vectors = np.linalg.eigh(family.cov)
    factor = vectors * np.sqrt(np.maximum(size, 0.0))
    return family.mean + rng.standard_normal((draws, family.size)) @ factor.T


def _families(combos: list[Combo]) -> list[Family]:
    """Every family that combos depend on, in the order met."""
    found: dict = {}
    seen: set = set()
    todo = [feature for combo in combos for feature in combo.terms]
    while todo:
        feature = todo.pop(0)
        if feature in seen:
            continue
        seen.add(feature)
        if isinstance(feature, Family):
            found[feature] = None
        else:
            inner = feature.factors if isinstance(feature, Product) else feature.args
            todo.extend(below for combo in inner for below in combo.terms)
    return list(found)


def _combo(combo: Combo, memo: dict, draws: int) -> np.ndarray:
    result = np.tile(combo.const, (draws, 1))
    for feature, matrix in combo.terms.items():
        result += (matrix @ _feature(feature, memo, draws).T).T
    return result


def _feature(feature, memo: dict, draws: int) -> np.ndarray:
    if feature not in memo:
        if isinstance(feature, Product):
            memo[feature] = np.prod([_combo(factor, memo, draws) for factor in feature.factors], axis=0)
        else:
            args = [_combo(arg, memo, draws) for arg in feature.args]
            memo[feature] = feature.call(
                *(a.reshape(draws, *shape) for a, shape in zip(args, feature.shapes, strict=True))
            )
    return memo[feature]
