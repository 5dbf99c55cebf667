"""Snippets of the Jacobians lab: they reproduce the figures, and run as shown."""

from __future__ import annotations

from tpapp.jacobian_results import DrawsRequest, NetRequest


def code(request: DrawsRequest | NetRequest) -> str:
    """A snippet for networks beside their limit, or for the limit alone."""
    r = request.net if isinstance(request, DrawsRequest) else request
    start = "" if r.q0 is None else f", q0={r.q0!r}"
    dense = "orthogonal" if r.weights == "orthogonal" else "gaussian"
    lines = [
        "import numpy as np", "import tpcore as tp", "",
        f'net = tp.nets.MLP({r.depth}, "{r.phi}", sigma_w={r.sigma_w!r}, sigma_b={r.sigma_b!r})',
        f'law = tp.spectra.jacobian(net, weights="{dense}"{start})  # of squared singular values',
        "mean, edge = law.moment(1), law.support[1] ** 0.5",
        f'plane = tp.nets.order_chaos("{r.phi}", {r.sigma_w!r}, {r.sigma_b!r})',
        "print(plane.q, plane.chi, mean, edge)",
    ]  # fmt: skip
    if isinstance(request, DrawsRequest):
        lines += [
            "",
            f'draws = tp.spectra.jacobian_draws(net, n={request.n}, draws={request.draws}, seed={request.seed}, '
            f'weights="{r.weights}"{start})',
            "s = draws.singular  # (draws, n)",
            "sizes = draws.sizes.mean(axis=0)  # of gradients, layer by layer",
            "a, b = draws.moments.mean(axis=0)  # of A = D^2 and B = W D^2 W^T",
            "print(np.c_[draws.mixed.mean(axis=0), tp.spectra.free_words(a, b)])",
            "print((s**2).mean(), mean, s.max(), edge)",
        ]
    return "\n".join(lines) + "\n"
