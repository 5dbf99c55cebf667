"""What is written down while a finite network trains."""

from __future__ import annotations

import numpy as np

from tpcore.train.network import Network, Pass

KERNEL_INPUTS = 64


def rms(x: np.ndarray) -> float:
    """Root mean square of all entries."""
    size = float(np.abs(x).max(initial=0.0))
    return size * float(np.sqrt(np.mean(np.square(x / size)))) if size else 0.0


def changes(net: Network, at: Pass, count: int) -> dict[str, float]:
    """Sizes of everything that has changed, over the first `count` inputs of a pass; the names of
    `Parametrization.exponents`."""
    n, at = net.n, at.columns(slice(count))
    found = {"df": rms(at.df), "gradient": rms(net.V + net.readout.change)}
    for layer, (part, act) in enumerate(zip(net.changes, at.acts, strict=True), 1):
        found[f"dWx{layer}"] = rms(act)
        if part is None:
            continue
        frobenius, spectral = part.norms()
        rows, cols = n if layer <= len(at.x) else 1, net.plan.X.shape[1] if layer == 1 else n
        found[f"dW{layer}"] = frobenius / float(np.sqrt(rows * cols))
        found[f"dW{layer}_norm"], found[f"dW{layer}_frobenius"] = spectral, frobenius
    few = slice(min(count, KERNEL_INPUTS))
    for layer, (dh, dx, x) in enumerate(zip(at.dh, at.dx, at.x, strict=True), 1):
        found[f"dh{layer}"], found[f"dx{layer}"] = rms(dh), rms(dx)
        x, dx = x[:, few], dx[:, few]
        cross = dx.T @ x
        found[f"dx{layer}_kernel"] = rms(cross + cross.T - dx.T @ dx) / n
    return found


class Records:
    """Lists that grow with the steps, and what becomes of them."""

    def __init__(self, recorded: np.ndarray, at: np.ndarray, ntk: bool, count: int):
        self.recorded, self.at, self.with_ntk, self.count = set(recorded.tolist()), set(at.tolist()), ntk, count
        self.f, self.f_test, self.changes, self.kernels, self.features, self.ntk = [], [], [], [], [], []
        self.steps: list[int] = []
        self.kernel_steps: list[int] = []

    def columns(self, t: int) -> slice:
        """The inputs whose pass is needed at step t: all of them, or those that are trained on."""
        return slice(None) if t in self.recorded or t in self.at else slice(self.count)

    def add(self, t: int, net: Network, at: Pass) -> None:
        """Step t, from a pass on `columns(t)`."""
        changed = changes(net, at, self.count) if t in self.recorded else None
        if changed is not None and not all(map(np.isfinite, changed.values())):
            raise FloatingPointError
        self.f.append(at.f[: self.count])
        if changed is not None:
            self.steps.append(t)
            self.f_test.append(at.f[self.count :])
            self.changes.append(changed)
        if t in self.at:
            self.kernel_steps.append(t)
            self.kernels.append([x.T @ x / net.n for x in at.x])
            self.features.append(at.x[-1].astype(np.float32))
            if self.with_ntk:
                self.ntk.append(net.tangent(at))

    def fields(self, net: Network | None) -> dict:
        """The fields of a `History` that are recorded."""
        inputs = self.count if net is None else len(net.plan.X)
        names = self.changes[0] if self.changes else ()
        depth = 0 if net is None else len(net.x0)
        empty = np.zeros((0, inputs, inputs))
        kernels = {f"x{i + 1}": np.array([k[i] for k in self.kernels]) if self.kernels else empty for i in range(depth)}
        flat = np.concatenate(self.features, axis=1) if self.features else None
        size = len(self.features)
        overlap = None if flat is None else (flat.T @ flat / net.n).reshape(size, inputs, size, inputs).astype(float)
        return {
            "f": np.array(self.f).reshape(len(self.f), self.count),
            "f_test": np.array(self.f_test).reshape(len(self.f_test), inputs - self.count),
            "recorded": np.array(self.steps, int),
            "delta": {name: np.array([row[name] for row in self.changes]) for name in names},
            "at": np.array(self.kernel_steps, int),
            "kernels": kernels,
            "overlap": overlap,
            "ntk": np.array(self.ntk) if self.ntk else None,
        }
