"""Points of the Phases lab and the planes they lie in: `tp.abc` in, frozen results out."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from tpapp.compute.phases_exponents import exponents
from tpapp.phase_results import Check, Growth, PictureRequest, PointRequest, Verdict
from tpcore import abc
from tpcore.abc.numbers import show

TIES = {"init": True, "readout": "readout", "none": False}
LIMITS = (-1, 2)
FAMILY = {"sgd": "sgd", "adam": "adam", "sign": "adam"}  # one analysis for all adaptive optimizers
SIX = {"b1": "b_U", "b2": "b_W", "b3": "b_V", "c1": "c_U", "c2": "c_W", "c3": "c_V"}
SIX_LIMITS = {"c1": (-2, 2), "c2": (-1, 2), "c3": (0, 2), "b3": (0, 2)}
STEPS = {"at initialization": 0, "after the first step": 1, "after the second step": 2}


def named(depth: int, optimizer: str) -> dict[str, abc.Parametrization]:
    """Parametrizations that have a name; SP with several learning rates."""
    options = {"optimizer": FAMILY[optimizer]}
    largest = abc.largest_rate(abc.sp(depth, **options)).rates[0]
    found = {"μP": abc.mup(depth, **options), "NTP": abc.ntp(depth, **options)}
    if depth == 1 and optimizer == "sgd":
        found["MFP"] = abc.mfp()
    rates = dict.fromkeys((largest, *(Fraction(k, 2) for k in (0, 1, 4))))
    return found | {f"SP, c = {show(c)}": abc.sp(depth, c, **options) for c in rates}


def texts(p: abc.Parametrization) -> dict[str, str]:
    """The exponents as the lab's fields hold them; no d where gradients come in size one."""
    c = [p.c] if p.uniform else p.rates
    d = () if _faithful(p) else p.scales
    return {name: ", ".join(map(_write, row)) for name, row in (("a", p.a), ("b", p.b), ("c", c), ("d", d))}


def _faithful(p: abc.Parametrization) -> bool:
    """SGD, or gradients that an adaptive optimizer sees in size one."""
    return all(one.holds for one in p.conditions if one.name.startswith("faithful"))


def _write(value: Fraction) -> str:
    return show(value) if (value * 1000).denominator == 1 or value.denominator > 1000 else str(value)


@lru_cache(maxsize=4096)
def point(request: PointRequest) -> abc.Parametrization:
    """The parametrization that the controls say.

    Raises
    ------
    Misuse
        If an exponent is no number, or there are not L + 1 of them.
    """
    p = _on_path(request)
    if request.on_path:
        return p
    count = request.depth + 1
    a = exponents("a", request.a, count, _texts(p.a)) if request.a else p.a
    b = exponents("b", request.b, count, _texts(p.b)) if request.b else p.b
    own = list(p.rates) if not p.uniform else [p.c]
    c = exponents("c", request.c, count, _texts(own)) if request.c else own
    c = c[0] if len(c) == 1 else c
    if not request.adaptive:
        return abc.Parametrization(a, b, c)
    known = abc.adaptive(a, b, c)
    return abc.Parametrization(a, b, c, exponents("d", request.d, count, _texts(known.scales))) if request.d else known


def _texts(row) -> list[str]:
    return [_write(value) for value in row]


def _on_path(request: PointRequest) -> abc.Parametrization:
    r = Fraction(request.path).limit_denominator(1000)
    if not request.adaptive:
        return abc.up(r, request.depth)
    return _unfolded(abc.mup(request.depth, optimizer="adam")).at(r, 1 - r)


def verdict(request: PointRequest) -> Verdict:
    """Phase, reasons, every condition with its value, predicted powers."""
    p = point(request)
    checks = tuple(Check(one.formula, one.group, show(one.value), one.holds, one.sentence) for one in p.conditions)
    layers = tuple(float(p.exponents[f"dx{i}"]) for i in range(1, p.depth + 1)) if p.stable else ()
    name = next((n for n, q in named(request.depth, request.optimizer).items() if q.equivalent(p)), "")
    rows = (tuple(map(_write, row)) for row in (p.a, p.b, p.rates))
    return Verdict(str(p.phase), float(p.r), p.adaptive, tuple(p.reasons), checks, layers, *rows, p.maximal, name,
                   growth(p))  # fmt: skip


def growth(p: abc.Parametrization) -> Growth | None:
    """What an unstable point's training can be seen to do first; None where that is no growth."""
    for one in p.violated:
        step = STEPS[one.when]
        if one.growth > 0 and one.name in ("init", "readout", "logits"):
            same = [q.growth for q in p.violated if q.when == one.when and q.name in ("init", "readout", "logits")]
            return Growth("df" if step else "f", step, float(max(same)))
        if one.growth > 0 and one.name == "features":
            layers = p.first_layer_r if step == 1 else p.layer_r
            return Growth(f"dh{[-r for r in layers].index(one.growth) + 1}", step, float(one.growth))
        if one.when == "at initialization":
            return None
    return None


# -- planes -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _unfolded(p: abc.Parametrization) -> abc.Unfolded:
    return abc.unfold(p)


def place(p: abc.Parametrization) -> tuple[Fraction, Fraction]:
    """Where a point lies in its unfolded picture; what lies on neither facet is seen along its own level, on the first.

    The features' level is what r has besides the readout, (r - min(s, u)) / 2 of the start s and the step u.
    """
    if p.moves:
        return _unfolded(p).where(p)
    start = p.a[-1] + p.b[-1]
    return (p.r if p.adaptive else (p.r - min(start, p.readout_step)) / 2), start


@lru_cache(maxsize=512)
def plane(request: PictureRequest):
    """What tp.abc calls the picture: an `Unfolded` or a `Slice`."""
    p = point(request.point)
    if request.kind == "facets":
        return _unfolded(p)
    if request.kind == "across":
        return _across(p)
    if request.kind == "six":
        return abc.slice(bare(p), request.x, request.y, SIX_LIMITS[request.x], SIX_LIMITS[request.y], n=2)
    x, y = axes(request)
    return abc.slice(p, x, y, LIMITS, LIMITS, n=2, tie=TIES[request.tie])


def bare(p: abc.Parametrization) -> abc.Parametrization:
    """The same training without multipliers, a = 0, and with a learning rate for each layer."""
    return p.shift([-a for a in p.a])


def six_texts(request: PointRequest) -> dict[str, str]:
    """Name -> exponent as text, of a network with two hidden layers U, W, V: the six numbers."""
    p = bare(point(request))
    return {name: _write((p.b if key[0] == "b" else p.rates)[int(key[1]) - 1]) for key, name in SIX.items()}


def from_six(numbers: dict[str, str]) -> dict[str, str]:
    """The exponents as the lab's fields hold them, of six numbers by their names."""
    b, c = (", ".join(numbers[name].strip() for key, name in SIX.items() if key[0] == letter) for letter in "bc")
    return {"a": "0, 0, 0", "b": b, "c": c, "d": ""}


def _across(p: abc.Parametrization) -> abc.Slice:
    """The slice across the facets at the level of `p`: the readout's multiplier (its rate where there is one a layer)
    against its start."""
    top, letter, weight = p.depth + 1, "a" if p.uniform else "c", 2 if p.uniform and not p.adaptive else 1
    own = (p.a if p.uniform else p.rates)[-1]
    edge = own + (1 - p.readout_step) / weight  # where the readout is updated maximally
    low, high = _unfolded(p).ylim
    start = f"b{top}" if letter == "c" and not p.a[-1] else f"a{top}+b{top}"
    return abc.slice(p, f"{letter}{top}", start, (edge - Fraction(1, 2), edge + 1), (low, high), n=2)


def axes(request: PictureRequest) -> tuple[str, str]:
    """The coordinates of a slice; by default the first multiplier and the readout at its start."""
    top = request.point.depth + 1
    return request.x or "a1", request.y or f"a{top}+b{top}"


def coordinates(depth: int, uniform: bool = True) -> list[str]:
    """Names of the coordinates that a slice may have."""
    layers = range(1, depth + 2)
    rows = [f"{letter}{i}" for letter in "ab" for i in layers]
    return rows + ["c"] * uniform + [f"c{i}" for i in layers] + [f"a{i}+b{i}" for i in layers]


def key(request: PictureRequest) -> tuple:
    """What a picture depends on: equal for points that have the same one."""
    p = point(request.point)
    rest = (request.point.depth, p.adaptive, p.uniform)
    if request.kind == "facets":
        r = p.r
        return ("facets", *rest, tuple(one - r for one in p.layer_r), p.c if p.uniform else p.a, not any(p.a))
    found = plane(request)
    letters = tuple((name, tuple(found.letters[name])) for name in sorted(found.letters))
    return (request.kind, *rest, letters, found.xlim, found.ylim, found.labels)


def point_texts(request: PointRequest) -> dict[str, str]:
    """The exponents of a point as text, d of every adaptive optimizer."""
    p = point(request)
    return texts(p) | {"d": ", ".join(map(_write, p.scales or ()))}


@lru_cache(maxsize=16)
def named_texts(depth: int, optimizer: str) -> dict[str, dict[str, str]]:
    """Name -> exponents as text, of every named parametrization."""
    return {name: texts(p) for name, p in named(depth, optimizer).items()}


def here(request: PictureRequest, point_: PointRequest) -> tuple[float, float, bool]:
    """Where a point is in a picture, and whether it lies in its plane (else that is where it is seen)."""
    p = point(point_)
    if request.kind == "facets":
        return *map(float, place(p)), p.moves and _faithful(p)
    return *map(float, plane(replace(request, point=point_)).here), True


def pick(request: PictureRequest, x: float, y: float, within: float = 0.03) -> dict[str, str]:
    """The exponents where a hand points, on the border it means if it is near one."""
    found = plane(request)
    return texts(found.at(*found.snap(x, y, within)))
