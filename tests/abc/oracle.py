"""Orders of magnitude by bookkeeping: forward, backward and update of a network, step by step, as powers of n.

Nothing here knows r or a condition. A vector of n entries is two powers, of its part that is odd in the initial readout
("v") and of the rest ("o"); a power p stands for entries of size n^p, -infinity for none. Inner products of a vector
with one that it is independent of, or of opposite parity to, grow like n^(1/2), all others like n. Training data are
fixed, losses' derivatives of size one.
"""

from __future__ import annotations

import random
from fractions import Fraction as F

NONE = F(-1000)
HALF = F(1, 2)


def vec(v=NONE, o=NONE):
    return {"v": v, "o": o}


def add(*vectors):
    return {part: max(x[part] for x in vectors) for part in ("v", "o")}


def times(power, x):
    return {part: max(NONE, power + value) for part, value in x.items()}


def size(x):
    return max(x.values())


def sign(x):
    """Entries of size one with the parity that dominates."""
    return times(-size(x), x)


class Magnitudes:
    """The magnitudes in `steps` updates of the network that `p` describes; read only a, b, rates and scales of it."""

    def __init__(self, a, b, c, d=None, steps=4):
        self.a, self.b, self.c, self.d, self.L = a, b, c, d, len(a) - 1
        self.start = -a[-1] - b[-1]
        self.init = [-a[0] - b[0]]
        for layer in range(1, self.L):
            self.init.append(self.init[-1] + HALF - a[layer] - b[layer])
        self.f0 = self.start + HALF
        self.sound = all(x == 0 for x in self.init) and self.f0 <= 0
        self.past, self.trace, self.bad_scale = [], [], False
        for _ in range(steps + 1 if self.sound else 0):
            self._step()

    def _update(self, layer, tau, right):
        """W^layer's change at step tau, times a vector whose product with that step's features is of size n^right."""
        back, feats = self.past[tau]["dh"][layer], self.past[tau]["x"][layer - 1] if layer else F(0)
        if self.d is not None:
            return times(-self.a[layer] - self.c[layer] + right - feats, sign(back))
        return times(-2 * self.a[layer] - self.c[layer] + right, back)

    def _forward(self):
        dx, xs, own = [], [], []
        for layer in range(self.L):
            here = xs[layer - 1] if layer else F(0)
            seen = [(1 + one["x"][layer - 1] if layer else 0) + here for one in self.past]
            pieces = [self._update(layer, t, right) for t, right in enumerate(seen)]
            mine = add(vec(), *pieces)
            own.append(size(mine))
            dx.append(add(mine, dx[-1]) if layer else mine)
            xs.append(max(F(0), size(dx[-1])))
        return dx, xs, own

    def _readout(self):
        """The readout's change as a vector."""
        change = vec()
        for one in self.past:
            feats = add(vec(o=F(0)), one["dx"][-1])
            if self.d is not None:
                change = add(change, times(-self.a[-1] - self.c[-1], sign(feats)))
            else:
                change = add(change, times(-2 * self.a[-1] - self.c[-1], feats))
        return change

    def _step(self):
        dx, xs, own = self._forward()
        change = self._readout()
        by_readout = 1 + max(change["o"] + max(F(0), dx[-1]["o"]), change["v"] + dx[-1]["v"])
        by_features = max(self.start + dx[-1]["v"] + 1, self.start + dx[-1]["o"] + HALF)
        back = add(vec(v=self.start), change)
        gradient, dh = size(back), [None] * self.L
        for layer in reversed(range(self.L)):
            dh[layer] = {"v": back["v"], "o": max(back["o"], back["v"] + dx[layer]["v"])}
            back = dh[layer]
            if layer:
                for one in self.past:
                    feats = add(vec(o=F(0)), one["dx"][layer - 1])
                    inner = 1 + size(one["dh"][layer]) + size(dh[layer])
                    scale = -2 * self.a[layer] - self.c[layer] + inner
                    if self.d is not None:
                        scale, feats = -self.a[layer] - self.c[layer] + 1 + size(dh[layer]), sign(feats)
                    back = add(back, times(scale, feats))
        if self.d is not None:
            seen = [self.d[i] - self.a[i] + size(dh[i]) + (xs[i - 1] if i else 0) for i in range(self.L)]
            self.bad_scale |= any(x != 0 for x in [*seen, self.d[-1] - self.a[-1] + xs[-1]])
        self.past.append({"x": xs, "dx": dx, "dh": dh})
        df = max(by_readout, by_features)
        self.trace.append({"df": df, "own": [*own, by_readout], "dx": dx, "gradient": gradient})

    def kernel_change(self, layer):
        """Of <x^l, x'^l>/n: the features' change against the features, and against itself."""
        dx = self.trace[-1]["dx"][layer]
        return max(dx["o"], dx["v"] - HALF, 2 * size(dx))

    @property
    def phase(self):
        if not self.sound or self.bad_scale:
            return "unstable"
        if any(one["df"] > 0 or max(map(size, one["dx"])) > 0 for one in self.trace):
            return "unstable"
        if all(one["df"] < 0 for one in self.trace):
            return "trivial"
        return "feature" if any(size(one["dx"][-1]) == 0 for one in self.trace) else "kernel"


def draw(rng: random.Random, adaptive=False):
    """A random point of small exact fractions, often on the borders: (a, b, c, d), c one per layer."""
    depth = rng.choice([1, 1, 2, 3])
    start = rng.choice([F(1, 3), HALF, HALF, F(3, 4), F(1), F(7, 5)])
    step = rng.choice([F(2, 3), F(1), F(1), F(5, 4), F(2)])
    level = rng.choice([F(-1, 5), F(0), F(0), F(1, 4), HALF, 1 - start, 1 - start, F(2, 3)])
    a, b, c = [], [], []
    for layer in range(depth):
        r = level + rng.choice([F(0), F(0), F(0), F(1, 6), F(1)])
        own = r + (layer > 0) - (0 if adaptive else min(start, step))  # 2 a + c, or a + c
        multiplier = F(rng.randint(-6, 6), 4)
        a.append(multiplier)
        b.append(HALF * (layer > 0) - multiplier + (rng.random() < 0.06) * F(rng.choice([-1, 1]), 3))
        c.append(own - multiplier * (1 if adaptive else 2))
    a.append(F(rng.randint(-6, 6), 4))
    b.append(start - a[-1])
    c.append(step - a[-1] * (1 if adaptive else 2))
    d = None
    if adaptive:
        d = [x + start for x in a[:-1]] + [a[-1]]
        if rng.random() < 0.1:
            d[rng.randrange(depth + 1)] += F(rng.choice([-1, 1]), 2)
    return a, b, c, d


def draw_uniform(rng: random.Random):
    """As `draw`, with one learning rate for all layers."""
    a, b, c, _ = draw(rng)
    one = F(rng.randint(-4, 4), 4)
    shift = [(x - one) / 2 for x in c]
    return [x + t for x, t in zip(a, shift, strict=True)], [x - t for x, t in zip(b, shift, strict=True)], one
