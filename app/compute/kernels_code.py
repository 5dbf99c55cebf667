"""Python that reproduces the kernels, outputs and deviations of the page, for every network."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from tpapp.compute import kernels_nets as nets
from tpapp.compute.ladder import FITTED_FROM
from tpapp.results import Inputs, Net
from tpcore.nets.recurrent import GRU, LSTM, RNN
from tpcore.nets.spec import LAYERS, NETWORKS

CELLS = {"RNN": RNN, "GRU": GRU, "LSTM": LSTM}
WIDTH = 60  # columns of the code on show


def code(inputs: Inputs, net: Net, *, kernel: str = "nngp", width: int | None = 4096, draws: int = 2000, seed: int = 0,
         i: int = 0, j: int = 1, ladder: tuple[tuple[int, ...], int] | None = None) -> str:  # fmt: skip
    """A snippet that reproduces kernels, outputs and deviations of the page; without a width the limit alone.

    `ladder` is the widths and the draws of the deviations.
    """
    lines = ["import numpy as np", "import tpcore as tp", *inputs.code.split("\n"), ""]
    lines += [*constructed(net), f"K = tp.{kernel}(net, X)  # the limit"]
    if width is None:
        return "\n".join(lines) + "\n"
    lines += [
        "",
        f"n = {width}",
        f"K_n = tp.empirical_{kernel}(",
        f"    net, X, width=n, draws=1, seed={seed})[0]",
        "print(tp.agreement.deviation(K_n, K))",
        "",
        *_outputs(inputs, net, draws, seed, i, j),
    ]
    if ladder is not None:
        lines += ["", *_ladder(kernel, seed, *ladder, may_die(net))]
    return "\n".join(lines) + "\n"


def constructed(net: Net) -> list[str]:
    """Lines of Python that make the network."""
    spec = net.fields
    if net.kind == "MLP":
        readout = f', sigma_v={spec["sigma_v"]!r}' if "sigma_v" in spec else ""
        return ["net = tp.nets.MLP(", f'    depth={spec["depth"]}, phi="{spec["phi"]}",',
                f'    sigma_w={spec["sigma_w"]!r}, sigma_b={spec["sigma_b"]!r}{readout})']  # fmt: skip
    if net.kind != "Sequential":
        return _wrapped(f"net = tp.nets.{net.kind}(", _arguments(net.kind, NETWORKS[net.kind], spec))
    names = sorted({layer["layer"] for layer in nets.layers(spec)})
    lines = ["from tpcore.nets import (", f"    {', '.join(names)})"]
    return [*lines, "", *_wrapped("net = tp.nets.Sequential(", [_layer(layer) for layer in spec["layers"]])]


def _layer(spec: Mapping[str, Any]) -> str:
    kind = spec["layer"]
    if kind == "Residual":
        return f"Residual({', '.join(_layer(inner) for inner in spec['layers'])})"
    return f"{kind}({', '.join(_arguments(kind, CELLS.get(kind) or LAYERS[kind], spec))})"


def _arguments(kind: str, made: type, spec: Mapping[str, Any]) -> list[str]:
    """The arguments that are not the defaults; names of activations alone go without theirs."""
    known = inspect.signature(made.__init__).parameters
    found = ["A"] if kind == "GraphConv" and "layer" in spec else []
    for name, value in spec.items():
        if name in ("net", "layer", "adjacency") or name in known and known[name].default == value:
            continue
        found.append(f'"{value}"' if kind == "Act" else f"{name}={_shown(value)}")
    return found + (["adjacency=A"] if kind == "GraphConv" and "net" in spec else [])


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _wrapped(head: str, parts: list[str]) -> list[str]:
    lines = [head]
    for k, part in enumerate(parts):
        text = part + (")" if k == len(parts) - 1 else ",")
        if k and len(lines[-1]) + 1 + len(text) <= WIDTH:
            lines[-1] += " " + text
        else:
            lines.append("    " + text)
    return lines if parts else [head + ")"]


def may_die(net: Net) -> bool:
    """Whether narrow networks may normalize neurons that are all equal, and so have no outputs."""
    return "Norm" in net.spec or net.kind == "Transformer"


def _outputs(inputs: Inputs, net: Net, draws: int, seed: int, i: int, j: int) -> list[str]:
    sample = ["f = tp.sample_outputs(", f"    net, pair, width=n, draws={draws}, seed={seed})"]
    if net.kind == "MLP":
        rows = f"[{i}]" if i == j else f"[{i}, {j}]"
        return [f"pair = X[{rows}]  # x and x'", *sample, "print(np.cov(f.T), tp.nngp(net, pair))"]
    found = nets.pair(inputs, net, i, j)
    alive = ["f = f[np.isfinite(f).all(axis=1)]  # those that live"] if may_die(net) else []
    chosen = f"f = f[:, {list(found.rows)}]  # x and x'"
    return [f"pair = {found.code}", *sample, *alive, chosen, "print(np.cov(f.T))"]


def _ladder(kernel: str, seed: int, widths: tuple[int, ...], draws: int, die: bool) -> list[str]:
    return [
        f"widths = 2 ** np.arange({widths[0].bit_length() - 1}, {widths[-1].bit_length()})",
        "d = []  # deviations: widths, draws",
        "for n in widths.tolist():",
        f"    s = np.random.SeedSequence([{seed}, n])",
        f"    k = tp.empirical_{kernel}(",
        f"        net, X, width=n, draws={draws}, seed=s)",
        *(["    k = k[np.isfinite(k).all(axis=(1, 2))]"] if die else []),
        "    d.append(tp.agreement.deviation(k, K))",
        "print([row.mean() for row in d])",
        f"wide = [k for k, n in enumerate(widths) if n >= {FITTED_FROM}]",
        "fit = tp.agreement.slope(",
        "    widths[wide], [d[k] for k in wide])",
        "print(fit.slope, 2 * fit.stderr)",
    ]
