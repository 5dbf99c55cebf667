"""Spectra of large random matrices: laws, ensembles, histograms, moments."""

from __future__ import annotations

from tpcore.spectra.dyson import dyson
from tpcore.spectra.edge import edge, largest_chunks, largest_eigenvalues, outlier, outlier_spread, threshold
from tpcore.spectra.eigenvalues import eigenvalue_chunks, eigenvalues
from tpcore.spectra.ensembles import KINDS, Ensemble, eigenvalues_each, largest_n, matrix
from tpcore.spectra.histogram import cdf_gap, count_chunks, eigenvalue_counts, eigenvalue_histogram, sturm_counts
from tpcore.spectra.jacobians import JacobianDraws, free_words, jacobian_chunks, jacobian_draws
from tpcore.spectra.laws import *
from tpcore.spectra.laws import __all__ as _LAWS
from tpcore.spectra.modulus import modulus
from tpcore.spectra.moments import moment_program, spectral_moments
from tpcore.spectra.parameters import Parameters
from tpcore.spectra.pairings import catalan, closed_walk, narayana, noncrossing_pairings
from tpcore.spectra.spacing import spacing_law, spacings, wigner_surmise
from tpcore.spectra.tracy_widom import tracy_widom
from tpcore.spectra.tridiagonal import tridiagonal

__all__ = [
    "KINDS",
    "Ensemble",
    "JacobianDraws",
    "catalan",
    "cdf_gap",
    "closed_walk",
    "count_chunks",
    "dyson",
    "edge",
    "eigenvalue_chunks",
    "eigenvalue_counts",
    "eigenvalue_histogram",
    "eigenvalues",
    "eigenvalues_each",
    "free_words",
    "jacobian_chunks",
    "jacobian_draws",
    "largest_chunks",
    "largest_eigenvalues",
    "largest_n",
    "matrix",
    "modulus",
    "moment_program",
    "narayana",
    "noncrossing_pairings",
    "outlier",
    "outlier_spread",
    "spacing_law",
    "spacings",
    "spectral_moments",
    "sturm_counts",
    "threshold",
    "tracy_widom",
    "tridiagonal",
    "wigner_surmise",
    *_LAWS,
]
