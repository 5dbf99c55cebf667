"""The law of the squared singular values of a network's input-output Jacobian at initialization."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.nets import MLP
from tpcore.spectra.laws import derivative
from tpcore.spectra.laws.atom import PointMass
from tpcore.spectra.laws.banded import trusted
from tpcore.spectra.laws.base import Law
from tpcore.spectra.laws.factors import Factors
from tpcore.spectra.laws.multiplicative import tabulate
from tpcore.spectra.laws.product import product
from tpcore.spectra.laws.pushed import SquaredSlope

WEIGHTS = ("gaussian", "orthogonal")


def jacobian(net: MLP, q0: float | None = None, weights: str = "gaussian") -> Law:
    r"""The limit law of the eigenvalues of J J^T, J the derivative of the last hidden layer by the input.

    .. math:: J = \frac{\partial x^L}{\partial x^0} = D_L W^L \cdots D_1 W^1, \qquad D_l = \mathrm{diag}\,\phi'(h^l),

    all matrices n x n (an input of dimension n), n -> infinity; the readout is left out. Weights and slopes become
    free, so that J J^T is a free product of the laws of phi'(h^l)^2 and of sigma_w^2 W W^T.

    Parameters
    ----------
    net : MLP
        Its depth, phi, sigma_w and sigma_b.
    q0 : float, optional
        |x|^2 / n of the input: layer 1 has variance q_1 = sigma_w^2 q0 + sigma_b^2, layer l + 1 has sigma_w^2
        E phi(h^l)^2 + sigma_b^2. Without it every layer is at the fixed point q* of that map.
    weights : {"gaussian", "orthogonal"}
        Gaussian: independent entries of variance sigma_w^2 / n, as in `tp.nets.MLP`. Orthogonal: W^l = sigma_w O^l, O^l
        uniform on the orthogonal matrices, biases and everything else as they are. An MLP has no such option because
        at infinite width its outputs, kernels and variances q_l are the same for both; only the spectrum differs.

    Returns
    -------
    Law
        Of the squared singular values; `singular_values` makes it that of the singular values. Besides the methods of
        every law: ``variances`` (q_1 .. q_L), ``chi`` (sigma_w^2 E phi'(h^l)^2, a layer each), ``error``.

    Raises
    ------
    Misuse
        If `net` is no MLP, phi jumps (its derivative is no function), the variances have no fixed point, or the law's
        error would be beyond 0.01.

    Notes
    -----
    S(z) = prod_l S_(phi'(h^l)^2)(z) / (sigma_w^2 (1 + z)), without the 1 + z for orthogonal weights. Mean chi^L;
    variance L chi^(2L) mu_2 / mu_1^2, mu_k = E phi'^(2k), at the fixed point (L chi^(2L) (mu_2 / mu_1^2 - 1) for
    orthogonal weights). What is as good as 0 counts as an atom there: where phi'(h)^2 falls below 1e-100, all of it
    below 1e-30; and what of the product lies below 1e-304. Pennington, Schoenholz and Ganguli (arXiv 1711.04735 and
    1802.09979); freeness: Tensor Programs III (arXiv 2009.10685).
    """
    if not isinstance(net, MLP):
        raise Misuse("The Jacobian's law is known for an MLP", type(net).__name__)
    weights = checks.choice("The weights", weights, WEIGHTS)
    phi = net.phi
    derivative.prime(phi)
    square, bias = net.sigma_w**2, net.bias_variance
    if square == 0:
        return _described(PointMass(0.0), np.full(net.depth, bias), np.zeros(net.depth))
    if q0 is None:
        q = np.full(net.depth, derivative.fixed_point(phi, square, bias))
    else:
        q = derivative.variances(phi, square, bias, net.depth, checks.real("q0, the mean square of the input", q0, 0.0))
    groups: list[tuple[float, int]] = []
    for value in q:
        if groups and (abs(value - groups[-1][0]) <= 1e-12 * value or phi.degree == 1):
            groups[-1] = (groups[-1][0], groups[-1][1] + 1)
        else:
            groups.append((float(value), 1))
    parts = [(derivative.slopes(phi, value), times) for value, times in groups]
    chi = np.concatenate([np.full(times, square * part.measure.moment(1)) for part, times in parts])
    return _described(_law(net, parts, weights), q, chi)


def _law(net: MLP, parts, weights: str) -> Law:
    gaussian, depth, log_square = weights == "gaussian", net.depth, 2 * np.log(net.sigma_w)
    name, latex = f"Jacobian of depth {depth}, {net.phi.name}, {weights}", r"J J^\top"
    if any(part.measure.top == 0 for part, _ in parts):
        return PointMass(0.0)
    if all(part.measure.places.size == 1 for part, _ in parts):
        log_slopes = sum(times * np.log(part.measure.top) for part, times in parts)
        if not gaussian:
            return PointMass(float(np.exp(depth * log_square + log_slopes)))
        law = product(depth, float(np.exp(log_square / 2 + log_slopes / (2 * depth))))
        law.name = name
        return law
    if not gaussian and depth == 1:
        only = parts[0][0]
        quadrature = only.measure.places, only.measure.masses
        return SquaredSlope(only.slope, only.monotone, net.sigma_w**2, only.measure.atoms, quadrature, name)
    factors = Factors()
    for part, times in parts:
        factors.measure(part.measure, times)
    if gaussian:
        factors.marchenko_pastur(1.0, log_square, depth)
    else:
        factors.point(depth * log_square)
    law = tabulate(factors, name, latex)
    return trusted(law, "The law's orders of magnitude must be within reach of double precision",
                   "Other weights or biases, or fewer layers")  # fmt: skip


def _described(law: Law, q: np.ndarray, chi: np.ndarray) -> Law:
    law.variances, law.chi = q, chi
    return law
