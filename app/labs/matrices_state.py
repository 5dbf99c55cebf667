"""The state of the Matrices lab, its presets, and which question follows which."""

from __future__ import annotations

import param

from tpapp.state import Preset, State, Width

ENTRIES = ("gaussian", "rademacher", "uniform", "student", "cauchy")
NAMES = {"gaussian": "Gaussian", "rademacher": "± 1", "uniform": "Uniform", "student": "Student t", "cauchy": "Cauchy"}
GLYPHS = {  # densities, in a box of 44 by 26
    "gaussian": "<path d='M1 24H43'/><path d='M2 23C14 23 15 4 22 4C29 4 30 23 42 23'/>",
    "rademacher": "<path d='M1 24H43M13 24V7M31 24V7'/><g fill='#000'>"
    "<circle cx='13' cy='5' r='2.5'/><circle cx='31' cy='5' r='2.5'/></g>",
    "uniform": "<path d='M1 24H43M7 24V8H37V24'/>",
    "student": "<path d='M1 24H43'/><path d='M2 21C16 20 17 3 22 3C27 3 28 20 42 21'/>",
    "cauchy": "<path d='M1 24H43'/><path d='M2 20C17 19 19 16 20.500 7C21.500 1 22.500 1 23.500 7C25 16 27 19 42 20'/>",
}
WIGNER = {"ensemble": "wigner", "width": 512}  # stored whole: a size that still follows the dial
PRESETS = {
    "goe": Preset("Gaussian, n = 1,024"),
    "coins": Preset("Coin flips", WIGNER | {"entries": "rademacher"}, question="What if the entries are coin flips?"),
    "eight": Preset("n = 8", {"width": 8}, question="Does it hold for n = 8?"),
    "mean": Preset("n = 8, on average", {"width": 8, "draws": 10000}, question="And on average over 10,000 draws?"),
    "million": Preset("A million by a million", {"width": 10**6}, question="How far can n go?"),
    "student": Preset("Heavy tails", WIGNER | {"entries": "student"}, question="Do heavy tails matter?"),
    "cauchy": Preset("Infinite variance", WIGNER | {"entries": "cauchy"}, question="What if the variance is infinite?"),
}
NEXT = {  # preset -> those whose questions come next
    "goe": ("coins", "eight", "cauchy"),
    "coins": ("student", "cauchy", "million"),
    "eight": ("mean", "million", "coins"),
    "mean": ("coins", "million", "cauchy"),
    "million": ("coins", "eight", "cauchy"),
    "student": ("cauchy", "coins", "million"),
    "cauchy": ("student", "coins", "eight"),
}


class MatricesState(State):
    """What the lab shows; the link calls the width `n`."""

    ensemble = param.Selector(objects={"GOE": "goe", "Wigner": "wigner"}, default="goe", label="Ensemble")
    entries = param.Selector(objects=list(ENTRIES), default="gaussian", label="Law of the entries")
    width = Width(1024, low=2)
    nu = param.Number(3.0, bounds=(1.0, 10.0), step=0.5, label="Degrees of freedom ν")
    draws = param.Selector(objects={"1": 1, "10": 10, "100": 100, "1k": 1000, "10k": 10000}, default=1, label="Draws")
    seed = param.Integer(0, bounds=(0, 999_999), label="Seed")
    pairs = param.Selector(objects=[1, 2, 3, 4], default=3, label="Pairs of points")
    small = param.Integer(8, bounds=(2, 12), label="Size of the moving matrix")

    def __init__(self, presets=None, **values):
        if values.get("entries", "gaussian") != "gaussian":
            values["ensemble"] = "wigner"
        super().__init__(presets, **values)

    @param.depends("entries", watch=True)
    def _entries_chosen(self):
        if self.entries != "gaussian":
            self.ensemble = "wigner"

    @param.depends("ensemble", watch=True)
    def _ensemble_chosen(self):
        if self.ensemble == "goe":
            self.entries = "gaussian"

    def query(self, lab: str) -> dict[str, str]:
        return {name.replace(f"{lab}.width", f"{lab}.n"): text for name, text in super().query(lab).items()}

    def read(self, lab: str, query) -> list[str]:
        query = {f"{lab}.width" if name == f"{lab}.n" else name: text for name, text in query.items()}
        if query.get(f"{lab}.entries") in ENTRIES[1:]:
            query[f"{lab}.ensemble"] = "wigner"
        return super().read(lab, query)


def kind(s) -> str:
    """What tpcore calls the ensemble of a snapshot."""
    return "goe" if s.ensemble == "goe" else f"symmetric:{s.entries}"
