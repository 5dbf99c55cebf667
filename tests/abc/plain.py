"""Networks trained in plain NumPy, straight from the definition of an abc-parametrization."""

from __future__ import annotations

import numpy as np

X = np.array([[1.2, -0.4, 0.6], [-0.3, 0.9, 1.1], [0.7, 1.0, -0.8], [-1.1, 0.2, 0.5]])
Y = np.array([1.0, -0.7, 0.4, -1.3])


class Net:
    """f = W^{L+1} phi(... phi(W^1 xi)), trained by full-batch SGD (or sign descent) on mean (f - y)^2 / 2."""

    def __init__(self, p, n: int, seed: int):
        rng = np.random.default_rng([seed, n])
        sizes = [X.shape[1], *[n] * p.depth, 1]
        shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
        self.p, self.n, self.power = p, n, lambda e: float(n) ** float(-e)
        self.w = [self.power(b) * rng.standard_normal(shape) for b, shape in zip(p.b, shapes, strict=True)]
        self.start = [w.copy() for w in self.w]

    def weights(self, w):
        return [self.power(a) * one for a, one in zip(self.p.a, w, strict=True)]

    def forward(self, w):
        """Features x^0 .. x^L as columns, preactivations' derivatives, outputs."""
        weights, xs, slopes = self.weights(w), [X.T], []
        for one in weights[:-1]:
            x = np.tanh(one @ xs[-1])
            xs.append(x)
            slopes.append(1 - x**2)
        return xs, slopes, (weights[-1] @ xs[-1])[0]

    def backward(self, w, slopes):
        """df/dh^l for each input as columns, l = 1 .. L+1."""
        weights, back = self.weights(w), [np.ones((1, len(Y)))]
        for one, slope in zip(weights[:0:-1], slopes[::-1], strict=True):
            back.insert(0, slope * (one.T @ back[0]))
        return back

    def step(self, lr: float) -> None:
        xs, slopes, f = self.forward(self.w)
        chi, back = (f - Y) / len(Y), self.backward(self.w, slopes)
        for i, (a, c) in enumerate(zip(self.p.a, self.p.rates, strict=True)):
            gradient = self.power(a) * (back[i] * chi) @ xs[i].T
            if self.p.adaptive:
                gradient = np.sign(gradient)
            self.w[i] = self.w[i] - lr * self.power(c) * gradient

    def tangent(self, w):
        """The tangent kernel with each layer's learning rate in it."""
        xs, slopes, _ = self.forward(w)
        parts = zip(self.p.a, self.p.rates, self.backward(w, slopes), xs, strict=True)
        return sum(self.power(2 * a + c) * (back.T @ back) * (x.T @ x) for a, c, back, x in parts)


def rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def sizes(p, n: int, seed: int, steps: int = 4, lr: float = 0.5) -> dict[str, float]:
    """Root mean squares of what `Parametrization.exponents` predicts, after `steps` steps."""
    net = Net(p, n, seed)
    for _ in range(steps):
        net.step(lr)
    xs, slopes, f = net.forward(net.w)
    x0, _, f0 = net.forward(net.start)
    old, new = net.weights(net.start), net.weights(net.w)
    found = {"f0": rms(f0), "df": rms(f - f0), "gradient": rms(net.backward(net.w, slopes)[-2] / slopes[-1])}
    for i, (before, after) in enumerate(zip(old, new, strict=True), 1):
        change = after - before
        found |= {f"W{i}": rms(before), f"W{i}_frobenius": np.linalg.norm(before), f"dW{i}": rms(change)}
        found |= {f"dW{i}_norm": np.linalg.norm(change), f"dWx{i}": rms(change @ xs[i - 1])}
        if i <= p.depth:
            found[f"dh{i}"] = rms(after @ xs[i - 1] - before @ x0[i - 1])
            found[f"dx{i}"] = rms(xs[i] - x0[i])
            found[f"dx{i}_kernel"] = rms(xs[i].T @ xs[i] - x0[i].T @ x0[i]) / n
    if not p.adaptive:
        before, after = net.tangent(net.start), net.tangent(net.w)
        found |= {"ntk": rms(after), "dntk": rms(after - before)}
    return found


def slopes(p, widths, seeds: int, **options) -> dict[str, float]:
    """Slope of log root mean square (over seeds) against log width, for each quantity."""
    table = []
    for n in widths:
        runs = [sizes(p, n, seed, **options) for seed in range(seeds)]
        table.append({name: rms([run[name] for run in runs]) for name in runs[0]})
    logs = np.log(widths)
    return {name: float(np.polyfit(logs, np.log([max(row[name], 1e-300) for row in table]), 1)[0]) for name in table[0]}
