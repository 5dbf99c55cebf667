"""Limit laws of spectra, one a file, behind one interface."""

from __future__ import annotations

from tpcore.spectra.laws.atom import PointMass
from tpcore.spectra.laws.base import Law
from tpcore.spectra.laws.semicircle import Semicircle, semicircle

__all__ = ["Law", "PointMass", "Semicircle", "semicircle"]
