"""The state of the Averages lab, its presets, and which question follows which."""

from __future__ import annotations

import param

from tpapp.state import Preset, State, Width

NAMES = {"coin": "Coin", "die": "Die", "uniform": "Uniform", "exponential": "Exponential", "mixture": "Mixture",
         "student": "Student t", "cauchy": "Cauchy"}  # fmt: skip
STEM = "<circle cx='{0}' cy='{1}' r='2.5'/>"
GLYPHS = {  # laws of one term, in a box of 44 by 26
    "coin": "<path d='M1 24H43M13 24V7M31 24V7'/><g fill='#000'>" + STEM.format(13, 5) + STEM.format(31, 5) + "</g>",
    "die": "<path d='M1 24H43M5 24V12M12 24V12M19 24V12M26 24V12M33 24V12M40 24V12'/><g fill='#000'>"
    + "".join(STEM.format(x, 10) for x in range(5, 41, 7)) + "</g>",
    "uniform": "<path d='M1 24H43M7 24V8H37V24'/>",
    "exponential": "<path d='M1 24H43M5 24V3C9 17 20 22 42 23'/>",
    "mixture": "<path d='M1 24H43'/>"
    "<path d='M2 23C8 23 8 4 14 4C20 4 19 22 25 23C30 23 30 16 34 16C38 16 38 23 42 23'/>",
    "student": "<path d='M1 24H43'/><path d='M2 21C16 20 17 3 22 3C27 3 28 20 42 21'/>",
    "cauchy": "<path d='M1 24H43'/><path d='M2 20C17 19 19 16 20.500 7C21.500 1 22.500 1 23.500 7C25 16 27 19 42 20'/>",
}
PRESETS = {
    "dice": Preset("Dice, N = 1,024"),
    "single": Preset("A single throw", {"width": 1}, question="What does one throw look like?"),
    "skewed": Preset("A skewed mixture", {"terms": "mixture", "width": 16}, question="What if the terms are skewed?"),
    "fast": Preset("Uniform, N = 4", {"terms": "uniform", "width": 4}, question="Which law becomes normal fastest?"),
    "million": Preset("A million terms", {"terms": "exponential", "width": 10**6}, question="How far can N go?"),
    "student": Preset("Heavy tails", {"terms": "student", "width": 256}, question="Do heavy tails matter?"),
    "variance": Preset("No variance", {"terms": "student", "nu": 1.5, "width": 4096},
                       question="What if there is a mean, but no variance?"),
    "cauchy": Preset("No mean: Cauchy", {"terms": "cauchy", "width": 4096}, question="What if there is no mean?"),
    "conspire": Preset("Terms conspire", {"terms": "coin", "rho": 0.25}, question="What if the terms conspire?"),
    "little": Preset("A little conspiracy", {"terms": "coin", "rho": 0.01, "width": 65_536},
                     question="How little conspiracy is enough?"),
}  # fmt: skip
NEXT = {  # preset -> those whose questions come next
    "dice": ("single", "conspire", "cauchy"),
    "single": ("skewed", "fast", "million"),
    "skewed": ("fast", "student", "million"),
    "fast": ("skewed", "student", "conspire"),
    "million": ("student", "cauchy", "conspire"),
    "student": ("variance", "cauchy", "fast"),
    "variance": ("cauchy", "conspire", "million"),
    "cauchy": ("variance", "conspire", "student"),
    "conspire": ("little", "cauchy", "student"),
    "little": ("cauchy", "variance", "skewed"),
}


class AveragesState(State):
    """What the lab shows; the link calls the number of terms `n`."""

    terms = param.Selector(objects=list(NAMES), default="die", label="Law of one term")
    width = Width(1024, low=1)
    nu = param.Number(3.0, bounds=(1.0, 10.0), step=0.5, label="Degrees of freedom ν")
    rho = param.Number(0.0, bounds=(0.0, 1.0), step=0.01, label="Correlation ρ")
    draws = param.Selector(objects={"1k": 1000, "10k": 10_000, "100k": 100_000}, default=10_000, label="Draws")
    seed = param.Integer(0, bounds=(0, 999_999), label="Seed")

    def query(self, lab: str) -> dict[str, str]:
        return {name.replace(f"{lab}.width", f"{lab}.n"): text for name, text in super().query(lab).items()}

    def read(self, lab: str, query) -> list[str]:
        query = {f"{lab}.width" if name == f"{lab}.n" else name: text for name, text in query.items()}
        return [about_terms(words) for words in super().read(lab, query)]


def about_terms(words: str) -> str:
    """What the width's parser says, said of N."""
    said = {"A width must be": "N must be", "Widths run": "N runs", "Widths are whole numbers": "N is a whole number",
            "link's width": "link's n"}  # fmt: skip
    for of_widths, of_terms in said.items():
        words = words.replace(of_widths, of_terms)
    return words
