"""Limit laws of spectra, one a file, behind one interface."""

from __future__ import annotations

from tpcore.spectra.laws.atom import Discrete, PointMass, discrete
from tpcore.spectra.laws.base import Law
from tpcore.spectra.laws.free import free_product, free_sum
from tpcore.spectra.laws.goe import FiniteGOE, goe
from tpcore.spectra.laws.jacobian import jacobian
from tpcore.spectra.laws.marchenko_pastur import MarchenkoPastur, marchenko_pastur
from tpcore.spectra.laws.planar import Elliptic, circular, elliptic
from tpcore.spectra.laws.product import FussCatalan, product
from tpcore.spectra.laws.root import Root, singular_values
from tpcore.spectra.laws.semicircle import Semicircle, semicircle
from tpcore.spectra.laws.spiked import Spiked, spiked_wigner, spiked_wishart

__all__ = [
    "Discrete",
    "Elliptic",
    "FiniteGOE",
    "FussCatalan",
    "Law",
    "MarchenkoPastur",
    "PointMass",
    "Root",
    "Semicircle",
    "Spiked",
    "circular",
    "discrete",
    "elliptic",
    "free_product",
    "free_sum",
    "goe",
    "jacobian",
    "marchenko_pastur",
    "product",
    "semicircle",
    "singular_values",
    "spiked_wigner",
    "spiked_wishart",
]
