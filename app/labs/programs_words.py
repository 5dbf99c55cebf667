"""What the Programs lab says: claims, lines explained with their formulas, numbers."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from tpapp.compute.programs_results import Average, Facts, Line, Listing, Moments
from tpapp.page import Number
from tpapp.plots import format as fmt
from tpapp.plots.averages import number

PLAIN = "Every coordinate of a big program looks like an independent draw of Z."
FORMULA = (r"$\displaystyle \frac{1}{n}\sum_{\alpha=1}^{n} \psi(x_\alpha, \ldots, g_\alpha)"
           r" \;\to\; \mathbb{E}\,\psi(Z^{x}, \ldots, Z^{g})$")  # fmt: skip
BROAD = (r"$\begin{array}{l} \displaystyle \frac{1}{n}\sum_{\alpha} \psi(x_\alpha, \ldots, g_\alpha) \\[6pt]"
         r"\quad \to\; \mathbb{E}\,\psi(Z^{x}, \ldots, Z^{g}) \end{array}$")  # fmt: skip


def claim(s, made: Listing) -> str:
    """One sentence, true of the state."""
    if s.width == math.inf:
        return "In the limit nothing is left but Z: coordinates are independent draws of one law."
    if s.width <= 32:
        return "A narrow program is still random: its few coordinates are no law yet."
    return made.sentence or PLAIN


def short(value: float) -> str:
    """A number in a law: 0.75, 1.3, −0.5."""
    plain = f"{value:.4g}" if abs(value) >= 1 else f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if plain in ("", "-0") else fmt.minus(plain)


def law(line: Line, moments: Moments | None, scalar) -> str:
    """What a listing's line says of its Z."""
    if scalar is not None:
        many = f"{' × '.join(map(str, scalar.shape))} numbers"
        return f"→ {many if scalar.ndim else number(float(scalar), 4)}"
    if moments is None or not line.views:
        return ""
    if moments.variance <= 1e-14:
        return f"constant {short(moments.mean)}"
    if line.gaussian:
        return f"N({short(moments.mean)}, {short(moments.variance)})"
    return f"mean {short(moments.mean)}, sd {short(math.sqrt(moments.variance))}"


def fragment(made: Listing) -> str:
    """The smallest of the papers' languages that says the program: ``Netsor⊤⁺``."""
    return made.fragment.replace("T", "⊤").replace("+", "⁺")


def laws(made: Listing, facts: Facts | None) -> dict[int, str]:
    """line -> words, as far as they are known; an input's own law needs no limit."""
    if facts is None:
        return {}
    found = {}
    for line in made.lines:
        if line.rule == "Input" and len(line.law) <= 16:
            continue
        known = facts.moments.get(line.views[0]) if line.views else None
        found[line.number] = law(line, known, facts.scalars.get(line.name) if line.kind == "C" else None)
    return {number: words for number, words in found.items() if words}


# -- a line in words -------------------------------------------------------------------------------------------


def tex(name: str) -> str:
    """A name in a formula."""
    clean = re.sub(r"[^\w\[\],.']", " ", name)
    return clean if len(clean) == 1 else rf"\text{{{clean.replace('_', chr(92) + '_')}}}"


def z(name: str) -> str:
    return rf"Z^{{{tex(name)}}}"


def right_side(line: Line, made: Listing) -> str:
    """The right-hand side of a line with Z in place of vectors."""
    vectors = {each.name for each in made.lines if each.views}
    names = sorted((name for name in line.args), key=len, reverse=True)
    known = "|".join(re.escape(name) for name in names if name != "1")
    pattern = "|".join([*([rf"(?:{known})(?:\^[\d.]+)?"] if known else []), r"[A-Za-z_]\w*(?=\()", r"\d[\d.]*", r"\*"])

    def put(match: re.Match) -> str:
        word, _, power = match[0].partition("^")
        if power:
            return rf"\big({z(word) if word in vectors else tex(word)}\big)^{{{power}}}"
        if word in vectors and word != "1":
            return z(word)
        if word in line.args:
            return tex(word)
        if word == "*":
            return r"\,"
        return short(float(word)) if word[0].isdigit() else rf"\operatorname{{{word.replace('_', ' ').strip()}}}"

    return re.sub(pattern, put, line.text).replace("ᵀ", "")


def explain(line: Line, made: Listing, memory: tuple[tuple[str, float], ...] | None = None) -> tuple[str, str, str]:
    """(title, text, formula) of a line; `memory` is its dotZ as (vector, coefficient), where that is known."""
    kinds = {"Input": _input, "MatMul": _matmul, "Moment": _moment, "Output": _output, "Block": _block,
             "Scalar": _scalar}  # fmt: skip
    if line.rule == "MatMul" and line.back:
        return _memory(line, made, memory)
    return kinds.get(line.rule, _image)(line, made)


def _input(line: Line, made: Listing) -> tuple[str, str, str]:
    if line.kind == "A":
        text = ("One draw for the whole program: wherever it stands it is the same matrix, "
                "and its transpose is no second one.")  # fmt: skip
        formula = rf"${tex(line.name)}_{{\alpha\beta}} \sim \mathcal{{{line.law[:1]}}}{line.law[1:]}$"
        return f"{line.name} is a random matrix", text, formula
    if line.law == "all 1":
        return "The constant vector", "Numbers in formulas multiply it.", rf"${z(line.name)} = 1$"
    text = "Its coordinates are independent draws: Z is what each of them follows."
    if line.readout:
        text = "A readout: outputs use it, and nothing else may."
    law = re.sub(r"^N", r"\\mathcal{N}", line.law.split(",  ")[0])
    plain = re.match(r"\\mathcal{N}\([-\d., ]+\)$", law)
    text = text if plain else f"{text} Here {line.law}."
    return f"{line.name} is an input vector", text, rf"${z(line.name)} \sim {law}$" if plain else ""


def _matmul(line: Line, made: Listing) -> tuple[str, str, str]:
    matrix, x = line.args[0], line.args[1]
    before = made.lines[: line.number - 1]
    seen = [each for each in before if each.rule == "MatMul" and each.args[0] == matrix]
    text = "Each coordinate is a sum of n small terms, so Z is Gaussian with mean 0."
    if seen:
        past = seen[-1]
        text += (f" Line {past.number} met the same matrix: the two are correlated "
                 f"as far as the inner product of {x} and {past.args[1]} is not 0.")  # fmt: skip
    formula = rf"$\mathbb{{E}}\,({z(line.name)})^2 = {_size(line, made)}\, \mathbb{{E}}\,({z(x)})^2$"
    return f"{_used(line)} meets {x}", text, formula


def _used(line: Line) -> str:
    """The matrix of a product as it stands there: W or Wᵀ."""
    return line.args[0] + ("ᵀ" if line.text.startswith(f"{line.args[0]}ᵀ") else "")


def _size(line: Line, made: Listing) -> str:
    """The variance of a product's matrix: that of W^T is rows / columns times as large."""
    matrix = next(each for each in made.lines if each.name == line.args[0] and each.kind == "A")
    factor = matrix.dim if _used(line).endswith("ᵀ") else 1.0
    return (f"{short(factor)}\\," if factor != 1 else "") + rf"\sigma_{{{tex(matrix.name)}}}^2"


def _memory(line: Line, made: Listing, memory) -> tuple[str, str, str]:
    name, x, first = line.name, line.args[1], made.lines[line.back[0] - 1]
    own, other = _used(line), _used(first)
    used = f"used {other}"
    *most, last = map(str, line.back)
    lines = f"Lines {', '.join(most)} and {last}" if most else f"Line {last}"
    past = first.args[1]
    if made.fragment != "NetsorT+":
        text = (f"{lines} already {used}, but this program is like backpropagation: the memory averages out, "
                "and the naive rule is right.")  # fmt: skip
        return f"{own} meets what {other} made, and forgets", text, rf"$\dot Z^{{{tex(name)}}} = 0$"
    pasts = " and ".join(dict.fromkeys(made.lines[k - 1].args[1] for k in line.back[:2]))
    pasts += " and others" * (len(line.back) > 2)
    if memory is not None and all(abs(c) < 1e-7 for _, c in memory):
        text = f"{lines} already {used}, but the memory has coefficient 0 here: at this line the naive rule is right."
        return f"{own} meets what {other} made, and forgets", text, rf"$\dot Z^{{{tex(name)}}} = 0$"
    keeps = "keeps" if memory is not None else "can keep"
    text = f"{lines} already {used}, so {name} {keeps} a memory of {pasts}. The naive rule forgets it."
    total = r"\sum_i " if len(line.back) > 1 else ""
    by = rf"\partial \hat Z^{{{tex(first.name)}}}"
    derivative = rf"\mathbb{{E}}\!\left[\frac{{\partial {z(x)}}}{{{by}}}\right] {z(past)}"
    if len(line.back) > 1:
        derivative = rf"\mathbb{{E}}\!\left[\frac{{\partial {z(x)}}}{{\partial \hat Z_i}}\right] Z_i"
    worth = "" if memory is None else " = " + _combination(memory)
    sigma = _size(line, made)
    formula = (rf"$\begin{{array}}{{l}} {z(name)} = \hat Z^{{{tex(name)}}} + \dot Z^{{{tex(name)}}} \\[4pt] "
               rf"\displaystyle \dot Z^{{{tex(name)}}} = {sigma}\, {total}{derivative}{worth} "
               r"\end{array}$")  # fmt: skip
    return f"{own} meets what {other} made", text, formula


def _combination(memory) -> str:
    """0.5 Z^x - 1.2 Z^y of (vector, coefficient)."""
    found = ""
    for name, c in memory[:3]:
        size = short(abs(c))
        found += f" {'-' if c < 0 else '+'} " if found else "-" if c < 0 else ""
        found += (size if size != "1" else "") + rf"\, {z(name)}"
    return found + (r" + \cdots" if len(memory) > 3 else "")


def _image(line: Line, made: Listing) -> tuple[str, str, str]:
    if line.rule == "Nonlin" and not line.function:  # a sum with images in it
        line = replace(line, rule="LinComb")
    titles = {"LinComb": "A sum", "Nonlin": "A function of coordinates", "Nonlin+": "A function with scalars in it"}
    title = titles.get(line.rule, line.rule)
    text = {"LinComb": "Z adds up as the vectors do.",
            "Nonlin": "It acts on each coordinate alone, so Z is the same function of Z.",
            "Nonlin+": "The scalars tend to constants; with these in their place it acts on each coordinate alone.",
            }.get(line.rule, "")  # fmt: skip
    right = right_side(line, made)
    if re.search(r" \[[\d x]+\]$", line.text):  # columns of a block mixed by constants, which the listing counts
        right = rf"\sum_j c_j\, {z(line.args[0])}_j"
    return f"{line.name}: {title[0].lower()}{title[1:]}", text, rf"${z(line.name)} = {right}$"


def _moment(line: Line, made: Listing) -> tuple[str, str, str]:
    text = "An average over the coordinates tends to a constant: the law of large numbers."
    used = [each for name in line.args for each in made.lines if each.name == name and each.views]
    vectors, scalars = [each.name for each in used], [name for name in line.args if name not in {e.name for e in used}]
    block = any(each.views[0] != each.name for each in used)
    inside = r"\,".join(z(name) for name in vectors)
    if len(vectors) == 1 and re.search(r"ᵀ", line.text):
        inside = rf"{inside}_i\,{inside}_j" if block else rf"({inside})^2"
    elif "(" in line.text.split("Σ")[-1]:
        given = "".join(f"; {', '.join(map(tex, scalars))}" if scalars else "")
        inside = rf"\operatorname{{{line.function.replace('_', ' ')}}}({', '.join(map(z, vectors))}{given})"
    return f"{line.name}: an average", text, rf"${tex(line.name)} \to \mathbb{{E}}\, {inside}$"


def _scalar(line: Line, made: Listing) -> tuple[str, str, str]:
    formula = rf"${tex(line.name)} = {right_side(line, made)}$"
    return f"{line.name}: a function of scalars", "Constants in, a constant out.", formula


def _output(line: Line, made: Listing) -> tuple[str, str, str]:
    v, y = line.args
    text = "One number a network, and it stays random: over networks it is Gaussian. The figures show what it reads."
    bias = re.search(r"N\(0, ([\d.e-]+)\)$", line.text)
    more = f" + {bias[1]}" if bias else ""
    variance = rf"\sigma_{{{tex(v)}}}^2\, \mathbb{{E}}\,({z(y)})^2{more}"
    formula = rf"${tex(line.name)} \to \mathcal{{N}}\big(0,\; {variance}\big)$"
    return f"{line.name}: an output", text, formula


def _block(line: Line, made: Listing) -> tuple[str, str, str]:
    return f"{line.name}: vectors rearranged", "The same vectors in another arrangement.", ""


# -- numbers ---------------------------------------------------------------------------------------------------


def numbers(s, made: Listing, x: str, theory, drawn, averages, errors) -> list[Number]:
    """The reading column: what is asked, how it was drawn, how far from the limit, how the limit is known."""
    found = [Number("Width n", s.width)]
    if averages is not None:
        note = f"of {averages.asked:,}" if averages.draws < averages.asked else ""
        found.append(Number("Draws", averages.draws, note=note))
    if drawn is not None:
        found.append(Number("Execution", "lazy, no W stored" if drawn.method == "lazy" else "dense, W stored"))
    truths = () if theory is None or theory.truths is None else theory.truths
    limit = next((truth for truth in truths if truth.average == Average("variance", (x,))), None)
    if limit is not None and averages is not None:
        row = next((row for row in averages.rows if row.average == limit.average), None)
        if row is not None and math.isfinite(row.mean):
            spread, gap = 2 * row.spread if math.isfinite(row.spread) else None, row.mean - limit.value
            exact = abs(gap) + (spread or 0.0) < 1e-10
            label = f"Deviation, var {x}" if len(x) < 4 else "Deviation, variance"
            found.append(Number(label, 0.0) if exact else Number(label, gap, spread))
    if errors is not None and math.isfinite(errors.slope):
        found.append(Number("Slope in log n", errors.slope, 2 * errors.slope_error))
    found.append(Number("Theorem", fragment(made)))
    if limit is not None:
        found += [Number("Method", limit.method), Number("Error of the limit", fmt.power(limit.error, 1))]
    return found
