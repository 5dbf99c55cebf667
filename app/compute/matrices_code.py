"""Snippets that reproduce what the Matrices lab shows."""

from __future__ import annotations

import numpy as np

from tpapp.compute import matrices_laws as laws
from tpapp.matrix_results import DEFAULTS, PathRequest, SpectrumRequest
from tpcore import spectra

LAWS = {"wishart": "tp.spectra.marchenko_pastur({ratio:g})", "iid": "tp.spectra.modulus()",
        "product": "tp.spectra.singular_values(tp.spectra.product({factors}))"}  # fmt: skip


def law_code(kind: str, given: dict) -> str:
    """Python for the law beside the spectrum."""
    return LAWS.get(laws.view_family(kind), "tp.spectra.semicircle()").format(**given)


def limit_code(kind: str = "goe", given: dict | None = None) -> str:
    """A snippet for the limit alone."""
    given = DEFAULTS | (given or {})
    return (
        "import numpy as np\nimport tpcore as tp\n\n"
        f"law = {law_code(kind, given)}\n"
        "low, high = law.bands[0]\n"
        "x = np.linspace(low, high, 402)[1:]\n"
        "limit = law.pdf(x)\n"
        f"catalan = [law.moment(k) for k in {_orders(kind)}]\n"
        "print(catalan)\n"
    )


def _orders(kind: str) -> str:
    """Orders of the moments of what is shown: singular values and moduli are roots."""
    family = laws.view_family(kind)
    return "(2, 4, 6, 8, 10)" if family != "wishart" else "(1, 2, 3, 4, 5)"


def path_code(p: PathRequest) -> str:
    """A line that reproduces the moving eigenvalues."""
    shown = {"iid": "np.sort(np.abs({}))", "product": "np.sqrt({})"}.get(laws.view_family(p.kind), "{}")
    call = f'tp.spectra.dyson({p.n}, steps={p.frames}, dt={p.step:g}, kind="{p.kind}", seed={p.seed}{p.keywords})'
    return f"path = {shown.format(call)}\n"


def edges_code(edges: np.ndarray) -> str:
    """Python for the edges of the bins."""
    step, low = edges[1] - edges[0], edges[0]
    if len(edges) == 81 and edges[-1] in (laws.HEAVY_REACH, laws.HEAVY_REACH / 2):
        return f"np.linspace({low:g}, {edges[-1]:g}, 81)"
    cells = round(2 / step)
    if low < 0 and abs(cells * step - 2) < 1e-12:
        first = round(low / step)
        return f"2 * np.arange({first}, {first + len(edges)}) / {cells}"
    return f"{float(step)!r} * np.arange({len(edges)})"


def code(request: SpectrumRequest) -> str:
    """A snippet that reproduces the histogram, the law and the moments."""
    r = request
    seen = laws.view(r.kind, r.given)
    size = spectra.eigenvalues_each(r.kind, r.n, **r.given)
    edges = laws.edges_of(seen, size * r.draws)
    head = (
        "import numpy as np\nimport tpcore as tp\n\n"
        f"edges = {edges_code(edges)}\n"
    )
    common = f'"{r.kind}", n={r.n}, draws={r.draws}, seed={r.seed}{r.keywords}'
    tail = (
        f"density = counts / ({size * r.draws} * np.diff(edges))\n"
        f"law = {law_code(r.kind, r.given)}\n"
        "limit = law.pdf((edges[1:] + edges[:-1]) / 2)\n"
    )
    return head + _counts(seen, common, size - r.n) + tail + _moments(r.kind, seen, common)


def _counts(seen: laws.View, common: str, zeros: int) -> str:
    if seen.family in ("iid", "product"):
        root = "np.abs" if seen.family == "iid" else "np.sqrt"
        return f"values = tp.spectra.eigenvalues({common})\ncounts = np.histogram({root}(values), edges)[0]\n"
    call = f"counts = tp.spectra.eigenvalue_histogram({common.replace(', draws', ', edges=edges, draws', 1)})\n"
    draws = common.split("draws=")[1].split(",")[0]
    return call + (f"counts[0] -= {zeros} * {draws}  # zeros by shape: the law's atom\n" if zeros > 0 else "")


def _moments(kind: str, seen: laws.View, common: str) -> str:
    orders = list(laws.orders(kind))
    if seen.family == "iid":
        first = "moments = [(np.abs(values) ** k).mean() for k in (2, 4, 6, 8, 10)]\n"
    else:
        first = f"moments = tp.spectra.spectral_moments({common}, orders={orders}).mean(axis=0)\n"
    return first + f"catalan = [law.moment(k) for k in {_orders(kind)}]\nprint(np.c_[moments, catalan])\n"
