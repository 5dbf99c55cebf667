r"""What a hidden matrix costs in training by SGD: stored, or known only by what it was multiplied with.

Stored, its n^2 entries are drawn once, read in every product, and multiplied with every vector:

.. math:: n^2 (c_0 + c_1 \, \mathrm{products} + c_2 \, \mathrm{vectors}).

Never stored, every direction that is new is drawn and made orthogonal to those of its side, and its image is held
against those of the other: with m_i vectors on a side, r_i of them new,

.. math:: c_3 \, \mathrm{products} + n \Big(c_4 (r_0 + r_1) + c_5 \Big[\sum_i r_i (m_i - r_i / 2) + r_0 r_1\Big]\Big).

The change by SGD, of low rank, costs both the same. Constants are nanoseconds, from a fit to 140 trainings of widths
512 to 8,192, 2 to 60 steps, 1 to 64 inputs, two and three hidden layers; only their ratios matter.
"""

from __future__ import annotations

import numpy as np

from tpcore.train.matrices import precision

SINGLE, DOUBLE = (1.2, 0.125, 0.035), (3.8, 0.2, 0.075)  # an entry: drawn, read, multiplied
PRODUCT, DIRECTION, PAIR = 180e3, 54.0, 0.28  # these with a fifth more: what is stored is shared evenly among threads
NEW = 60  # directions that the vectors of one input take in a long training


def stored(n: int, products: int, vectors: int) -> float:
    """Of a matrix of n^2 entries in `products` products with `vectors` vectors in all."""
    drawn, read, multiplied = SINGLE if precision(n) == np.float32 else DOUBLE
    return float(n) ** 2 * (drawn + read * products + multiplied * vectors)


def unstored(n: int, products: int, columns: tuple[int, int], inputs: int) -> float:
    """Of a matrix that meets `columns` vectors on its two sides, those of so many inputs."""
    new = [min(count, n, NEW * inputs) for count in columns]
    pairs = sum(r * (m - r / 2) for r, m in zip(new, columns, strict=True)) + new[0] * new[1]
    return PRODUCT * products + n * (DIRECTION * sum(new) + PAIR * pairs)


def store(n: int, products: int, columns: tuple[int, int], inputs: int) -> bool:
    """Whether storing the matrix is faster."""
    return stored(n, products, sum(columns)) <= unstored(n, products, columns, inputs)
