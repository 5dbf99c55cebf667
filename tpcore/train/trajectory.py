"""From the C-vars of an unrolled program to the fields of a history."""

from __future__ import annotations

import numpy as np

from tpcore.train.feature_learning import Found


def read(request, found: Found, rates: dict[str, float]) -> dict:
    """The fields of a `History` of the request's task, from a program unrolled for it with these learning rates."""
    one, at, recorded, N, depth = request.task, request.at, request.recorded, request.columns, request.p.depth
    f, error = np.empty((2, request.steps + 1, one.count))
    for t in range(request.steps + 1):
        whole = f"F[{t}]" in found.prog
        value, wrong = found(f"F[{t}]", (N,)) if whole else found(f"f[{t}]", (one.count,))
        f[t], error[t] = value[: one.count], wrong[: one.count]
    every = [found(f"F[{t}]", (N,)) for t in recorded]
    delta, delta_error = _sizes(found, one.count, N, depth, recorded)
    delta["df"] = np.sqrt(np.mean((f[recorded] - f[0]) ** 2, axis=1))
    overlap = np.zeros((len(at), N, len(at), N))
    kernels = {f"x{i}": np.array([found(f"Kx{i}[{t}]", (N, N))[0] for t in at]) for i in range(1, depth + 1)}
    for j, t in enumerate(at):
        overlap[j, :, j] = kernels[f"x{depth}"][j]
        for i, s in enumerate(at[:j]):
            overlap[i, :, j] = found(f"O[{s},{t}]", (N, N))[0]
            overlap[j, :, i] = overlap[i, :, j].T
    return {
        "method": "program", "f": f, "f_error": error, "loss": one.mean_loss(f), "recorded": recorded,
        "f_test": np.array([value[one.count :] for value, _ in every]).reshape(len(recorded), N - one.count),
        "f_test_error": np.array([wrong[one.count :] for _, wrong in every]).reshape(len(recorded), N - one.count),
        "delta": delta, "delta_error": delta_error, "at": at, "kernels": kernels, "overlap": overlap,
        "ntk": _tangent(request, found, kernels, rates) if request.ntk else None,
    }  # fmt: skip


def _sizes(found: Found, count: int, N: int, depth: int, recorded) -> tuple[dict, dict]:
    """Root mean squares of changes over the inputs that are trained on, and their errors."""
    delta, errors = {}, {}
    names = [f"d{v}{i}" for i in range(1, depth + 1) for v in "hx"] + [f"dWx{i}" for i in range(1, depth + 1)]
    for name in names:
        rows = [found(f"{name}[{t}]", (N, N)) for t in recorded]
        square = np.array([np.mean(np.diag(value)[:count]) for value, _ in rows])
        wrong = np.array([np.mean(np.diag(error)[:count]) for _, error in rows])
        delta[name] = np.sqrt(np.maximum(square, 0.0))
        errors[name] = wrong / (2 * np.where(delta[name] > 0, delta[name], 1.0))
    readout = [found(f"dWx{depth + 1}[{t}]", (N,))[0][:count] for t in recorded]
    delta[f"dWx{depth + 1}"] = np.array([np.sqrt(np.mean(row**2)) for row in readout])
    for i in range(1, depth + 1):
        first = found(f"Kx{i}[0]", (N, N))[0]
        changes = [found(f"Kx{i}[{t}]", (N, N))[0] - first if t else np.zeros((N, N)) for t in recorded]
        delta[f"dx{i}_kernel"] = np.array([np.sqrt(np.mean(k[:count, :count] ** 2)) for k in changes])
    return delta, errors


def _tangent(request, found: Found, kernels, rates: dict[str, float]) -> np.ndarray:
    """rate <x^L, x'^L> + sum_l rate_l <back^l, back'^l> <x^{l-1}, x'^{l-1}> at the steps `at`."""
    X, N, depth, rows = request.task.inputs, request.columns, request.p.depth, []
    for j, t in enumerate(request.at):
        K = rates["V"] * kernels[f"x{depth}"][j]
        for layer in range(1, depth + 1):
            back = found(f"B{layer}[{t}]", (N, N))[0]
            forward = X @ X.T if layer == 1 else kernels[f"x{layer - 1}"][j]
            K = K + rates["U" if layer == 1 else f"W{layer}"] * back * forward
            K = K + rates.get(f"b{layer}", 0.0) * back
        rows.append(K)
    return np.array(rows).reshape(len(rows), N, N)
