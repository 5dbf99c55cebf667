"""The state of the Matrices lab, and what tpcore calls what it shows."""

from __future__ import annotations

import param

from tpapp.labs.matrices_presets import NEXT, PRESETS
from tpapp.matrix_results import SpectrumRequest
from tpapp.state import State, Width

ENTRIES = ("gaussian", "rademacher", "uniform", "sparse", "student", "cauchy")
NAMES = {"gaussian": "Gaussian", "rademacher": "± 1", "uniform": "Uniform", "sparse": "Sparse", "student": "Student t",
         "cauchy": "Cauchy"}  # fmt: skip
GLYPHS = {  # densities, in a box of 44 by 26
    "gaussian": "<path d='M1 24H43'/><path d='M2 23C14 23 15 4 22 4C29 4 30 23 42 23'/>",
    "rademacher": "<path d='M1 24H43M13 24V7M31 24V7'/><g fill='#000'>"
    "<circle cx='13' cy='5' r='2.5'/><circle cx='31' cy='5' r='2.5'/></g>",
    "uniform": "<path d='M1 24H43M7 24V8H37V24'/>",
    "sparse": "<path d='M1 24H43M7 24V20M22 24V6M37 24V20'/><g fill='#000'><circle cx='7' cy='18' r='1.5'/>"
    "<circle cx='22' cy='4' r='2.5'/><circle cx='37' cy='18' r='1.5'/></g>",
    "student": "<path d='M1 24H43'/><path d='M2 21C16 20 17 3 22 3C27 3 28 20 42 21'/>",
    "cauchy": "<path d='M1 24H43'/><path d='M2 20C17 19 19 16 20.500 7C21.500 1 22.500 1 23.500 7C25 16 27 19 42 20'/>",
}
ENSEMBLES = {"GOE": "goe", "GUE": "gue", "Wigner": "wigner", "Band": "band", "Wishart": "wishart",
             "Product": "product", "iid": "iid"}  # fmt: skip
GAUSSIAN = ("goe", "gue")  # these have no other entries
UNSPIKED = ("band", "product")
FIGURES = {"Motion": "motion", "Neighbours": "spacing", "Largest": "largest", "Moments": "moments"}

__all__ = ["ENTRIES", "FIGURES", "GLYPHS", "NAMES", "NEXT", "PRESETS", "MatricesState", "given", "kind", "request"]


class MatricesState(State):
    """What the lab shows; the link calls the width `n`."""

    ensemble = param.Selector(objects=ENSEMBLES, default="goe", label="Ensemble")
    entries = param.Selector(objects=list(ENTRIES), default="gaussian", label="Law of the entries")
    width = Width(1024, low=2)
    nu = param.Number(3.0, bounds=(1.0, 10.0), step=0.5, label="Degrees of freedom ν")
    draws = param.Selector(objects={"1": 1, "10": 10, "100": 100, "1k": 1000, "10k": 10000}, default=1, label="Draws")
    seed = param.Integer(0, bounds=(0, 999_999), label="Seed")
    pairs = param.Selector(objects=[1, 2, 3, 4], default=3, label="Pairs of points")
    small = param.Integer(8, bounds=(2, 12), label="Size of the moving matrix")
    ratio = param.Number(0.5, bounds=(0.05, 4.0), step=0.05, label="Rows by columns y = m/n")
    degree = param.Number(4.0, bounds=(1.0, 64.0), step=1.0, label="Entries a row that are not zero")
    band = param.Integer(16, bounds=(1, 128), label="Half width w of the band")
    factors = param.Integer(2, bounds=(1, 6), label="Factors k")
    spike = param.Number(0.0, bounds=(0.0, 4.0), step=0.1, label="Spike θ")
    figures = param.Selector(objects=FIGURES, default="motion", label="Lower figure")

    def __init__(self, presets=None, **values):
        if values.get("entries", "gaussian") != "gaussian" and values.get("ensemble", "goe") in GAUSSIAN:
            values["ensemble"] = "wigner"
        super().__init__(presets, **values)

    @param.depends("entries", watch=True)
    def _entries_chosen(self):
        if self.entries != "gaussian" and self.ensemble in GAUSSIAN:
            self.ensemble = "wigner"

    @param.depends("ensemble", watch=True)
    def _ensemble_chosen(self):
        if self.ensemble in GAUSSIAN:
            self.entries = "gaussian"

    def query(self, lab: str) -> dict[str, str]:
        return {name.replace(f"{lab}.width", f"{lab}.n"): text for name, text in super().query(lab).items()}

    def read(self, lab: str, query) -> list[str]:
        query = {f"{lab}.width" if name == f"{lab}.n" else name: text for name, text in query.items()}
        preset = self.presets.get(query.get(f"{lab}.preset", ""))
        meant = query.get(f"{lab}.ensemble", preset.values.get("ensemble", "goe") if preset else "goe")
        if query.get(f"{lab}.entries") in ENTRIES[1:] and meant in GAUSSIAN:
            query[f"{lab}.ensemble"] = "wigner"
        return super().read(lab, query)


def kind(s) -> str:
    """What tpcore calls the ensemble of a snapshot."""
    if s.ensemble in GAUSSIAN:
        return s.ensemble
    if s.ensemble == "wigner":
        return f"symmetric:{s.entries}"
    return s.ensemble if s.entries == "gaussian" else f"{s.ensemble}:{s.entries}"


def given(s) -> dict:
    """The parameters that the snapshot's ensemble has."""
    heavy = s.entries == "cauchy" or (s.entries == "student" and s.nu <= 2)
    has = {"nu": s.entries == "student", "degree": s.entries == "sparse", "ratio": s.ensemble == "wishart",
           "band": s.ensemble == "band", "factors": s.ensemble == "product",
           "spike": s.spike > 0 and s.ensemble not in UNSPIKED and not heavy}  # fmt: skip
    return {name: getattr(s, name) for name, yes in has.items() if yes}


def request(s, n: int | None = None, draws: int | None = None) -> SpectrumRequest:
    """The spectrum of a snapshot, or one of another size."""
    return SpectrumRequest(kind(s), int(s.width) if n is None else n, s.draws if draws is None else draws, s.seed,
                           **given(s))  # fmt: skip
