"""Snippets of the Kernels lab's tabs, behind the lab's own lines, which make X, net, K and, of width n, K_n."""

from __future__ import annotations

import math

from tpapp.compute import kernels_functions as functions
from tpapp.compute import kernels_nets as nets
from tpapp.compute import kernels_predict as predict
from tpapp.compute.kernels_readers import samples_of, single
from tpapp.kernel_results import AccuracyRequest, DepthDrawsRequest, DepthRequest, FunctionDrawsRequest, FunctionRequest
from tpcore.nets.recurrent import Recurrent


def depth_code(request: DepthRequest, draws: DepthDrawsRequest | None) -> str:
    """Variances and correlations on the way through the network."""
    pair, net = nets.pair(request.inputs, request.net, request.i, request.j), nets.network(request.net, request.inputs)
    if isinstance(net, Recurrent):
        lines = ['steps = tp.nets.from_spec(net.spec() | {"readout": "each"})',
                 f"K_steps = tp.nngp(steps, {pair.code})",
                 "print(np.diagonal(K_steps))  # a variance for every step"]  # fmt: skip
        if draws is not None:
            lines += ["K_steps_n = tp.empirical_nngp(", f"    steps, {pair.code}, width={draws.width},",
                      f"    draws={draws.draws}, seed={draws.seed})"]  # fmt: skip
        return "\n".join(lines) + "\n"
    i, j = pair.rows
    more = "" if draws is None else "empirical_through, "
    lines = [f"from tpcore.kernels.depth import {more}entries, through", "",
             f"stages = through(net, {pair.code})",
             f"q, c = entries(stages, {i}, {j})  # variances, correlation"]  # fmt: skip
    if draws is not None:
        lines += ["stages_n = empirical_through(", f"    net, {pair.code}, width={draws.width},",
                  f"    draws={draws.draws}, seed={draws.seed})", f"q_n, c_n = entries(stages_n, {i}, {j})",
                  "print(c[-1], c_n[:, -1].mean())"]  # fmt: skip
    return "\n".join(lines) + "\n"


def eigenvalues_code(finite: bool) -> str:
    """Eigenvalues and effective ranks of K and K_n."""
    lines = ["values = np.linalg.eigvalsh(K)[::-1]", "print(values.sum() ** 2 / (values**2).sum())  # effective rank"]
    if finite:
        lines += ["values_n = np.linalg.eigvalsh(K_n)[::-1]", "print(values_n.sum() ** 2 / (values_n**2).sum())"]
    return "\n".join(lines) + "\n"


def accuracy_code(request: AccuracyRequest) -> str:
    """One training set of the largest size, by `tpcore.regression`; every rule."""
    if request.graph is None:
        made, shape = predict.reads(nets.network(request.net))
        count = predict.count_of(made, shape)
        samples = _samples(made)
        lines = ["from tpcore.data import digits", "", *_single(request.net, "one"), f"D, y = digits({count})",
                 f"D = D.reshape{(count, *shape)}"]  # fmt: skip
    else:
        count, samples = len(request.graph.labels), ""
        lines = ["one, D = net, X", "y = club.labels[order]  # sides of the club"]
    most = int(predict.sizes_for(count)[-1])
    lines += [
        f"mixed = np.random.default_rng([{request.seed}, 0]).permutation({count})",
        f"targets = np.eye(y.max() + 1)[y[mixed[:{most}]]]",
        "targets -= 1 / (y.max() + 1)",
        "right = {}",
        f"for rule in {request.rules}:",
        f"    K_all = getattr(tp, rule)(one, D{samples})",
        f"    s2 = {request.noise!r} * np.diagonal(K_all).mean()",
        "    law = tp.regression.posterior(",
        "        K_all[np.ix_(mixed, mixed)], targets, s2, covariance=False)",
        f"    right[rule] = np.mean(law.mean.argmax(1) == y[mixed[{most}:]])",
        "print(right)",
    ]
    return "\n".join(lines) + "\n"


def functions_code(request: FunctionRequest, draws: FunctionDrawsRequest | None) -> str:
    """The law before and after the data, and samples of it."""
    r = request
    made, way = functions.reads(nets.network(r.net))
    at, y = functions.data_of(r)
    turns = {"circle": "", "steps": "[:, None] + turn", "image": "[:, None, None] + turn[:, None] + turn"}[way]
    lines = [*_single(r.net, "one")]
    if turns:
        lines.append(f"turn = 2 * np.pi * np.arange({functions.TURNS}) / {functions.TURNS}")
    lines += [
        f"at = np.array({_numbers(at)})",
        f"y_at = np.array({_numbers(y)})",
        f"grid = np.linspace(-np.pi, np.pi, {len(functions.grid(made))})",
        f"a = np.concatenate([at, grid]){turns}",
        "circle = np.sqrt(2) * np.stack([np.cos(a), np.sin(a)], -1)",
        f"K_a = tp.nngp(one, circle{_samples(made)})",
    ]
    if r.rule == "ntk":
        time = "np.inf" if math.isinf(r.time) else f"{r.time!r} / np.diagonal(theta).mean()"
        lines += [f"theta = tp.ntk(one, circle{_samples(made)})", f"law = tp.regression.flow(K_a, theta, y_at, {time})"]
    else:
        lines += [f"law = tp.regression.posterior(K_a, y_at, noise={r.noise!r})"]
    lines += [f"prior = tp.regression.sample(K_a[{r.points}:, {r.points}:], {r.draws}, {r.seed})",
              f"samples = law.sample({r.draws}, {r.seed})", "print(law.std.max())"]  # fmt: skip
    if draws is not None:
        each = "" if len(functions.coarse(way)) == len(functions.grid(made)) else ":4"
        lines += ["f_a = tp.sample_outputs(", f"    one, circle[{r.points}:{each}], width={draws.width},",
                  f"    draws={draws.draws}, seed={draws.seed})"]  # fmt: skip
    return "\n".join(lines) + "\n"


def _samples(net) -> str:
    return "" if samples_of(net) is None else f", samples={samples_of(net)}"


def _numbers(values) -> str:
    return "[" + ", ".join(repr(float(v)) for v in values) + "]"


def _single(net, name: str) -> list[str]:
    """The network with one output for each input."""
    made = nets.network(net)
    readout = getattr(single(made), "readout", "")
    if single(made) == made:
        return [f"{name} = net"]
    return [f"{name} = tp.nets.from_spec(", f'    net.spec() | {{"readout": "{readout}"}})']
