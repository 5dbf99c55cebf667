"""What the Averages lab says: claim, formula, numbers, captions."""

from __future__ import annotations

import math

from tpapp.average_results import Distances, Sums, TermsLaw
from tpapp.page import Number, finite
from tpapp.plots import format as fmt

FEW = 16


def claim(s, info: TermsLaw) -> str:
    """The sentence of a state."""
    if math.isnan(info.mean):
        one = "Cauchy means never settle: the mean of N terms has the law of one term, for the largest is of size N."
        return one.replace("means never settle", "means never settle, conspiring or not") if s.rho else one
    if s.rho:
        if math.isinf(info.sd):
            return "Terms that conspire do not average out: the mean tends to a copy of one term, √ρ times as large."
        return "Terms that conspire do not average out: the mean keeps a variance of ρσ², however many they are."
    if math.isinf(info.sd):
        if info.index == 2:
            return "At the edge of a variance the sum turns normal only when divided by √(N log N), not by √N."
        return "The mean settles, slowly; its fluctuations never turn Gaussian, for a few huge terms decide the sum."
    if not finite(s):
        return "In the limit the mean is not random, and what is left of its fluctuations is Gaussian."
    if s.width == 1:
        return "One term is all chance: nothing has averaged out yet."
    if s.width <= FEW:
        return "A few terms are enough for a bell to begin, and for the mean to lean towards its limit."
    if s.terms == "student" and s.nu < 4:
        return "Heavy tails slow it down, but a variance is enough: sums settle, and their fluctuations turn Gaussian."
    return "Sums settle, and their fluctuations turn Gaussian."


def formula(s, info: TermsLaw) -> str:
    """What the claim rests on."""
    if math.isnan(info.mean):
        lines = [r"\mathbb{E}\, e^{i t X} = e^{-|t|}",
                 r"\mathbb{E}\, e^{i t S/N} = \bigl(e^{-|t|/N}\bigr)^N = e^{-|t|}"]  # fmt: skip
    elif s.rho:
        copy = r"\frac{S}{N} \to \sqrt{\rho}\, X_0 + (1 - \sqrt{\rho})\, \mu"
        spread = r"\operatorname{Var} \frac{S}{N} = \sigma^2 \Bigl(\rho + \frac{1 - \rho}{N}\Bigr) \to \rho\, \sigma^2"
        lines = [copy] if math.isinf(info.sd) else [spread, copy]
    elif math.isinf(info.sd):
        power = r"\sqrt{N \log N}" if info.index == 2 else rf"N^{{1/{s.nu:g}}}"
        law = r"\mathcal{N}" if info.index == 2 else rf"\text{{stable, index }} {s.nu:g}"
        lines = [r"\frac{S}{N} \to \mu = 0", rf"\frac{{S}}{{{power}}} \to {law}"]
    else:
        lines = [r"\frac{S}{N} \to \mu, \qquad \mathbb{E}\, Z^k \to (k-1)!!",
                 r"Z = \frac{S - N\mu}{\sigma \sqrt{N}} \to \mathcal{N}(0, 1)"]  # fmt: skip
    return r"$\begin{array}{l} \displaystyle " + r" \\[8pt] \displaystyle ".join(lines) + r" \end{array}$"


def numbers(s, info: TermsLaw, result: Sums | None, far: Distances | None, variance: float) -> list[Number]:
    """The table; `variance`: of S / N, exactly."""
    lines = [Number("Terms N", "∞" if math.isinf(s.width) else s.width)]
    if math.isfinite(info.mean):
        lines.append(Number("Term’s μ", info.mean))
    if not math.isinf(info.sd):
        lines.append(Number("Term’s σ", info.sd))
    if finite(s) and result is not None:
        lines += _drawn(s, info, result, variance)
    elif not finite(s) and s.rho and math.isfinite(info.sd):
        lines.append(Number("Var S/N", info.leftover, note="= ρσ²"))
    if info.normal and far is not None:
        lines += _rates(s, info, far)
    if finite(s):
        if result is not None:
            lines.append(Number("Time", fmt.seconds(result.seconds), note=f"{result.draws:,} draws"))
        lines.append(Number("Method", info.method))
    return lines


def _drawn(s, info: TermsLaw, r: Sums, variance: float) -> list[Number]:
    if math.isinf(info.sd):
        note = "law: 1" if math.isnan(info.mean) else ""
        return [Number("Median |S/N|", r.half, r.half_error, note)]
    if s.rho:
        error = 2 * r.sd * r.sd_error
        return [Number("Var S/N", r.sd**2, error), Number("exactly", variance),
                Number("for N → ∞, ρσ²", info.leftover)]  # fmt: skip
    return [Number("Mean of S/N", r.mean, r.mean_error), Number("Its s.d.", r.sd, r.sd_error),
            Number("σ/√N", math.sqrt(variance)), Number("Distance", r.gap, 2 * r.gap_error)]  # fmt: skip


def _rates(s, info: TermsLaw, far: Distances) -> list[Number]:
    lines = []
    at = [float(d) for n, d in zip(far.counts, far.exact) if n == s.width]
    if at:
        lines.append(Number("exactly", fmt.power(at[0], 3)))
    if math.isfinite(far.slope):
        lines.append(Number("Slope in N", fmt.minus(f"{far.slope:.2f}"), note=f"± {max(far.slope_error, 0.01):.2f}"))
    if math.isfinite(far.drawn_slope):
        lines.append(Number("from the draws", fmt.minus(f"{far.drawn_slope:.2f}"), note=f"± {far.drawn_error:.2f}"))
    logs = " log N" if s.terms == "student" and s.nu == 4 else ""
    lines.append(Number("predicted", fmt.minus(f"{info.rate:.2f}"), note=logs and "with a log N"))
    return lines


def captions(s, info: TermsLaw, result: Sums | None) -> dict[str, tuple[str, str]]:
    """Figure -> the two lines above it."""
    heavy, cauchy = math.isinf(info.sd), math.isnan(info.mean)
    many = f"{s.draws:,} draws" if finite(s) else "the limit alone"
    band = "" if heavy else "dotted: ± 2 s.d."
    band = "dotted: half lie between" if cauchy else band
    over = "√N" if heavy else "σ√N" if info.mean else "(σ√N)"
    top = "Sum" if heavy or info.mean == 0 else "Sum − Nμ"
    return {
        "mean_paths": ("Sum / N", "; ".join(filter(None, ["30 repetitions as N grows", band]))),
        "scaled_paths": (f"({top}) / ({over})" if " " in top else f"{top} / {over}",
                         "the same repetitions, magnified" + ("" if heavy else "; dotted: ± 2 s.d.")),
        "means": ("Law of Sum / N", f"{many}; dashed: {_limit(s, info)}" + _outside(result and result.means)),
        "scaled": ("Law of the fluctuations", f"{many}; {'dashed' if info.normal else 'dots'}: the normal"
                   + _outside(result and result.scaled)),
        "quantiles": ("Quantiles against the normal’s", _quantiles(many, info) if finite(s) else many),
        "distance": ("Distance to the normal", _far(s, info)),
    }  # fmt: skip


def _limit(s, info: TermsLaw) -> str:
    if info.settles:
        return f"the limit, {info.mean:g}"
    if math.isnan(info.mean):
        return "one term’s law"
    return "√ρ copies of one term’s law"


def _quantiles(many: str, info: TermsLaw) -> str:
    return f"{many}; " + ("band: ± 2 s.e. of a normal’s" if info.normal else "those beyond ±4 stand on the edge")


def _outside(bars) -> str:
    return f"; {bars.outside:,} outside" if bars is not None and bars.outside else ""


def _far(s, info: TermsLaw) -> str:
    draws = "dots: of 50,000 draws; dotted: their noise"
    return f"dashed: the law’s; {draws}" if info.normal else draws
