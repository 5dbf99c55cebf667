"""Laws of spectra: a Jacobian's law while a slider moves, free convolutions."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.table import Row, median_seconds
from tpcore.nets import MLP
from tpcore.spectra import discrete, free_product, free_sum, jacobian, marchenko_pastur, semicircle

NETS = {
    "tanh, depth 10": (MLP(10, "tanh", 1.3, 0.2), {}),
    "gelu, depth 5": (MLP(5, "gelu", 1.4, 0.3), {}),
    "relu, depth 20": (MLP(20, "relu", 1.4142), {}),
    "tanh, depth 16, orthogonal": (MLP(16, "tanh", 1.05, 0.05), {"weights": "orthogonal"}),
}


def rows() -> Iterator[Row]:
    for name, (net, options) in NETS.items():
        seconds = median_seconds(lambda net=net, options=options: jacobian(net, **options))
        yield Row(f"law of the Jacobian: {name}", seconds, "s", "< 0.3 s", seconds < 0.3)
    coin = discrete([-1.0, 1.0])
    seconds = median_seconds(lambda: free_sum(semicircle(0.5), coin), repeats=3)
    yield Row("semicircle + coin, free", seconds, "s")
    seconds = median_seconds(lambda: free_product(discrete([1.0, 4.0]), marchenko_pastur(0.5)), repeats=3)
    yield Row("two eigenvalues x Marchenko-Pastur, free", seconds, "s")
