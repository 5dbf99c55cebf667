"""What the Matrices lab says: claims, formulas, notes."""

from __future__ import annotations

import math

from tpapp.labs.matrices_state import given, kind
from tpapp.page import finite

NOTES = {
    "goe": "Symmetric; Gaussian entries of variance 1/n, on the diagonal 2/n.",
    "gue": "Hermitian; complex Gaussian entries, 1/n the mean of |Aᵢⱼ|².",
    "wigner": "Symmetric; entries of any law, variance 1/n everywhere.",
    "band": "Symmetric; zero further than w from the diagonal (around the corners), variance 1/(2w + 1) within.",
    "wishart": "X Xᵀ/n; X has m = yn rows, n columns and entries of variance 1.",
    "product": "Singular values of X₁ ⋯ Xₖ, square, entries of variance 1/n.",
    "iid": "No symmetry: all entries independent, variance 1/n.",
}
TABLE = {"wishart": ("Narayana", "(1/m) tr (XXᵀ/n)<sup>k</sup>"),
         "product": ("Fuss–Catalan", "(1/n) tr (PPᵀ)<sup>j</sup>"),
         "iid": ("1/(k+1)", "mean of |λ|<sup>2k</sup>")}  # fmt: skip


def table_words(s) -> tuple[str, str]:
    """(the name of the limit's numbers, what the table holds)."""
    return TABLE.get(s.ensemble, ("Catalan", "(1/n) tr A<sup>k</sup>"))


def order(ensemble: str) -> str:
    """The letter of a moment's order: k, where it does not count factors."""
    return "j" if ensemble == "product" else "k"


def breaks(s) -> bool:
    """Whether the entries have no variance."""
    return s.entries == "cauchy" or (s.entries == "student" and s.nu <= 2)


def outside(s, threshold: float | None) -> bool | None:
    """Whether a spike leaves the bulk; None without a spike."""
    strength = given(s).get("spike", 0.0)
    return None if not strength or threshold is None else strength > threshold


def claim(s, threshold: float | None) -> str:
    """One sentence that is true of the state."""
    if s.figures != "motion" and not (breaks(s) and s.figures != "largest"):
        said = _lower(s, threshold)
        if said:
            return said
    if breaks(s):
        return f"Without a variance {_law(s)} breaks: a few huge entries make eigenvalues of any size."
    spiked = outside(s, threshold)
    if spiked is not None:
        return ("A strong direction stands out: one eigenvalue leaves the bulk." if spiked else
                "A weak spike hides: below the threshold no eigenvalue leaves the bulk.")  # fmt: skip
    if not finite(s):
        return "In the limit nothing is random: every draw has the same eigenvalue density."
    if s.width <= 32:
        many = "Averaged over many draws, small matrices come close to the law, but not onto it."
        one = "A small matrix is still random: its eigenvalues change from draw to draw."
        if s.draws < 100:
            return one
        return _kinds(s) if s.entries == "sparse" or s.ensemble == "band" else many
    return _kinds(s)


def _law(s) -> str:
    """What the spectrum of an ensemble tends to, in a sentence."""
    laws = {"wishart": "Marchenko and Pastur’s law", "iid": "the disc", "product": "the law"}
    return laws.get(s.ensemble, "the semicircle")


def _kinds(s) -> str:
    if s.entries == "sparse":
        return f"With a few entries a row the spectrum keeps the graph’s shape; {_law(s)} needs ever more of them."
    if s.ensemble == "band":
        return "A band of growing width is enough for the semicircle."
    if s.ensemble == "iid":
        return "Without symmetry the eigenvalues fill a disc, evenly, whatever the entries’ law."
    if s.ensemble == "product":
        return "Every factor stretches: small singular values come closer to zero, the largest grow."
    if s.ensemble == "wishart":
        return ("More variables than samples: a share 1 − 1/y of the eigenvalues is zero." if s.ratio > 1 else
                "Covariances of pure noise are not equal: they spread by the law of Marchenko and Pastur.")  # fmt: skip
    if s.entries == "student":
        return "Heavy tails make n work harder, but a finite variance is enough: the same law."
    if s.entries in ("rademacher", "uniform"):
        return "The entries’ law does not matter: eigenvalues of a big random matrix are not random."
    return "Eigenvalues of a big random matrix are not random."


def _torn(s) -> float:
    """Entries a row up to which a share of 0.005 or more of the neighbours in the bulk coincide, as measured."""
    return {"wishart": max(1.0, 2 - math.log2(s.ratio)), "product": 2.0}.get(s.ensemble, 4.0)


def _lower(s, threshold: float | None) -> str:
    if s.figures == "spacing":
        if s.ensemble == "iid":
            return ""
        if s.ensemble == "band" and s.band**2 < min(s.width, 300):
            return "In a narrow band eigenvalues live in different places, and no longer repel each other."
        if s.entries == "sparse" and s.degree <= _torn(s):
            return "With so few entries a row the graph falls apart: some eigenvalues coincide, and do not repel."
        if s.ensemble == "gue":
            return "Complex entries repel harder: the chance of a gap s falls like s²."
        return "Neighbours repel: the chance of a gap s falls like s."
    if s.figures == "largest":
        if s.ensemble in ("iid", "product"):
            return ""
        heavy = s.entries == "cauchy" or (s.entries == "student" and s.nu <= 4)
        if heavy:
            return "The edge feels the tails: without four moments one huge entry makes the largest eigenvalue."
        if outside(s, threshold):
            return "An eigenvalue that left the bulk fluctuates like a normal variable."
        known = s.entries != "sparse" and s.ensemble != "band"
        return "Even the largest eigenvalue has a law of its own." if known else ""
    if s.figures == "moments":
        return "A moment is a program, and its limit counts cycles."
    return ""


def formula(s, threshold: float | None) -> str:
    """LaTeX between dollars: the law, and what the moments tend to."""
    if breaks(s):
        across = "(2w + 1)" if s.ensemble == "band" else "n"
        power = across if s.entries == "cauchy" or s.nu == 1 else rf"{across}^{{1/{s.nu:g}}}"
        return rf"$A_{{ij}} = X_{{ij}} / {power}, \qquad \mathbb{{E}}\, X_{{ij}}^2 = \infty$"
    lines = _formulas(s, threshold)
    return rf"$\begin{{array}}{{l}} \displaystyle {lines[0]} \\[4pt] {lines[1]} \end{{array}}$"


def _formulas(s, threshold: float | None) -> tuple[str, str]:
    law = r"\rho(\lambda) = \frac{\sqrt{4 - \lambda^2}}{2\pi}"
    moments = r"\tfrac{1}{n} \operatorname{tr} A^{2k} \to C_k"
    if s.ensemble == "wishart":
        law = r"\rho(\lambda) = \frac{\sqrt{(b - \lambda)(\lambda - a)}}{2\pi y \lambda}"
        moments = r"a, b = (1 \mp \sqrt{y})^2"
        if s.figures == "moments":
            moments = r"m_k \to \textstyle\sum_r N_{k,r}\, y^{r-1}"
    elif s.ensemble == "product":
        law = r"m_j \to \frac{1}{kj + 1} \binom{(k + 1) j}{j}"
        moments = rf"s \le (k + 1)^{{(k+1)/2}} / k^{{k/2}}, \;\; k = {s.factors}"
    elif s.ensemble == "iid":
        law, moments = r"\rho(z) = \frac{1}{\pi}, \quad |z| \le 1", r"P(|\lambda| \le r) = r^2"
    if s.figures == "spacing" and s.ensemble != "iid":
        beta = 2 if s.ensemble == "gue" else 1
        small = r"\tfrac{\pi^2}{3} s^2" if beta == 2 else r"\tfrac{\pi^2}{6} s"
        return r"p(s) = \frac{d^2}{ds^2} \det(1 - K_s)", rf"p(s) \approx {small} \;\text{{for small }} s"
    if threshold is not None and given(s).get("spike", 0.0):
        out = {"wishart": r"(1 + \theta)(1 + y / \theta)", "iid": r"\theta"}.get(s.ensemble, r"\theta + 1/\theta")
        least = r"\sqrt{y}" if s.ensemble == "wishart" else "1"
        return law, rf"\lambda_{{\max}} \to {out} \;\text{{ if }} \theta > {least}"
    if s.figures == "largest" and s.entries == "student" and s.nu <= 4 and s.ensemble == "wigner":
        return law, r"\lambda_{\max} \approx \max_{i,j} |A_{ij}|"
    if s.figures == "largest" and s.ensemble not in ("iid", "product"):
        beta = 2 if s.ensemble == "gue" else 1
        end = r"b + c\, n^{-2/3}" if s.ensemble == "wishart" else r"2 + n^{-2/3}"
        power = "^2" if beta == 2 else ""
        law = rf"P(\xi \le s) = F_{beta}(s) = \det(1 - \mathrm{{Ai}}_s{power})"
        return rf"\lambda_{{\max}} \approx {end}\, \xi", law
    return law, moments


def caption(result, heavy: bool, holds: bool, word: str) -> str:
    """Under the histogram's title: of what, how many, what the bars mean."""
    r = result.request
    many = f"n = {r.n:,}, {result.draws:,} draws" if result.draws > 1 else f"n = {r.n:,}, one draw"
    if "wishart" in r.kind:
        m = round(result.total / result.draws)
        many = f"{m:,} × {r.n:,}" + (f", {result.draws:,} draws" if result.draws > 1 else ", one draw")
    end = f"±{result.reach:g}" if result.start is not None and result.start < -1 else f"{result.reach:.3g}"
    outside = f"; {result.outside:,} of {result.total:,} lie beyond {end}"
    beyond = outside if result.outside else ""
    law = "dashed: the limit" if holds else f"dots: {word}, {'which fails here' if heavy else 'for comparison'}"
    zeros = f"; {result.zeros:,} zeros stand at 0" if result.zeros else ""
    area = f"{1 - result.zeros / result.total:.3g}"
    return f"{many}; bars have area {area}; {law}{zeros}{beyond}"


__all__ = ["NOTES", "breaks", "caption", "claim", "formula", "kind", "order", "outside", "table_words"]
