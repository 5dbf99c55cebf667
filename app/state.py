"""A lab's state: bounded parameters, presets, and their way to the URL and back.

Every parameter with a precedence of 0 or more (the default) is part of the
link, as ``<lab>.<name>``; values that the preset already has are left out.
What comes back from a URL is hostile: it is parsed by the parameter's type,
cut to its bounds or ignored, and each such correction is told in words.
"""

from __future__ import annotations

import math
import re
from collections import namedtuple
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import param

WIDEST = 1_000_000
LONGEST = 200
FIELDS = 100
INFINITE = ("inf", "infinity", "∞", "limit")


class Width(param.Parameter):
    """A width: a whole number from `low` to 1,000,000, or ``math.inf`` for the limit alone."""

    __slots__ = ["low"]

    def __init__(self, default: float = 4096, *, low: int = 8, **params):
        self.low = low
        super().__init__(default=default, **params)
        self._validate(default)

    def _validate(self, val):
        if isinstance(val, bool) or not isinstance(val, (int, float)):
            raise ValueError(f"A width must be a number. Got {val!r}.")
        if not (val == math.inf or (self.low <= val <= WIDEST and val == int(val))):
            raise ValueError(f"A width must be a whole number from {self.low} to {WIDEST:,}, or infinite. Got {val!r}.")


class Text(param.String):
    """A text of at most `longest` characters."""

    __slots__ = ["longest"]

    def __init__(self, default: str = "", *, longest: int = LONGEST, **params):
        self.longest = longest
        super().__init__(default=default, **params)

    def _validate(self, val):
        super()._validate(val)
        if len(val or "") > self.longest:
            raise ValueError(f"At most {self.longest:,} characters. Got {len(val):,}.")


def parse_width(text: str, low: int = 8) -> tuple[float, str]:
    """A typed width and a word about it: ``"4,096"``, ``"4 096"``, ``"1e5"``, ``"10^6"``, ``"20k"``, ``"inf"``.

    Returns
    -------
    (width, word)
        `width` is an int in [low, 1,000,000] or ``math.inf``; `word` is empty unless the number was cut or rounded.

    Raises
    ------
    ValueError
        The text is no number: no sign but a minus, and thousands are apart everywhere or nowhere.
    """
    clean = _NAMED.sub("", text.strip().lower())
    if clean in INFINITE:
        return math.inf, ""
    found = _NUMBER.fullmatch(clean)
    if found is None:
        raise ValueError(f"A width must be a number from {low} to {WIDEST:,}, or ∞. Got “{text[:40]}”.")
    value = _value(re.sub(r"[,_\s]", "", found["base"]), found["power"], found["scale"])
    cut = max(low, min(WIDEST, value if value > WIDEST else round(value)))
    if low <= value <= WIDEST:
        return cut, "" if cut == value else f"Widths are whole numbers, so {text[:40]} became {cut:,}."
    return cut, f"Widths run from {low} to {WIDEST:,}, so {text[:40]} became {cut:,}."


_NAMED = re.compile(r"^n?\s*=?\s*(?=[^a-z]|inf|limit)")
_NUMBER = re.compile(r"""
    (?P<base>-?([1-9][0-9]{0,2}(?P<apart>[,_\s])[0-9]{3}((?P=apart)[0-9]{3})*|[0-9]+)(\.[0-9]*)?(e[-+]?[0-9]{1,3})?)
    (\s*\^\s*(?P<power>[0-9]{1,3})|\s*(?P<scale>[km]))?""", re.VERBOSE)


def _value(base: str, power: str | None, scale: str | None) -> float:
    """What the parts of a typed number come to; inf where that is too large."""
    try:
        return float(base) ** int(power or 1) * {"k": 1e3, "m": 1e6}.get(scale, 1)
    except OverflowError:
        return math.inf


def grid(low: int = 8) -> tuple[int, ...]:
    """The widths of the dial: powers of 2 from `low` up, then 1,000,000."""
    return (*(2**k for k in range(low.bit_length() - 1, 20)), WIDEST)


@dataclass(frozen=True)
class Preset:
    """A named state: only what differs from the defaults. With a `question` it is offered as an "Ask next" chip."""

    label: str
    values: Mapping[str, Any] = field(default_factory=dict)
    question: str = ""


def parse(parameter: param.Parameter, text: str) -> tuple[Any, str]:
    """The value of `parameter` that `text` means, and a word where it had to be cut; ValueError where it means none."""
    longest = getattr(parameter, "longest", LONGEST)
    if len(text) > longest:
        raise ValueError(f"is longer than {longest} characters")
    if isinstance(parameter, Width):
        return parse_width(text, parameter.low)
    if isinstance(parameter, param.Boolean):
        known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        if text.lower() not in known:
            raise ValueError("is neither true nor false")
        return known[text.lower()], ""
    if isinstance(parameter, param.Selector):
        for choice in parameter.objects:
            if str(choice) == text:
                return choice, ""
        raise ValueError("is not one of " + ", ".join(str(choice) for choice in list(parameter.objects)[:12]))
    if isinstance(parameter, (param.Integer, param.Number)):
        return _number(parameter, text)
    if isinstance(parameter, param.String):
        try:
            parameter._validate(text)
        except ValueError:
            raise ValueError("has characters that do not belong there") from None
        return text, ""
    raise ValueError("cannot be set by a link")


def _number(parameter: param.Number, text: str) -> tuple[float, str]:
    whole = isinstance(parameter, param.Integer)
    try:
        value = float(text.replace("−", "-"))
        if not math.isfinite(value):
            raise ValueError
        if whole and value != int(value):
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError("is not a whole number" if whole else "is not a number") from None
    low, high = parameter.bounds or (None, None)
    cut = value if low is None else max(low, value)
    cut = cut if high is None else min(high, cut)
    cut = int(cut) if whole else cut
    return cut, "" if cut == value else f"is outside {_plain(low)} to {_plain(high)} and became {_plain(cut)}"


def _plain(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:,}"


def as_text(value: Any) -> str:
    """A value as it stands in a URL; `parse` reads it back to the same value."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return "inf" if value == math.inf else repr(int(value) if value == int(value) else value)
    return str(value)


def tidy(value: Any) -> Any:
    """A number less the rounding of a slider's steps: 1.4 for 1.4000000000000001."""
    if not isinstance(value, float) or not math.isfinite(value):
        return value
    near = float(f"{value:.8g}")
    return near if abs(near - value) <= 1e-14 * abs(value) else value


class State(param.Parameterized):
    """What a lab shows. Subclass it with bounded parameters; `preset` is given by the page.

    A parameter with ``precedence=-1`` is not in the link. All values must be hashable.
    """

    preset = param.Selector(objects=["default"], default="default", doc="the named state that the others start from")

    def __init__(self, presets: Mapping[str, Preset] | None = None, **values):
        super().__init__()
        self.presets = dict(presets or {"default": Preset("Default")})
        first = next(iter(self.presets))
        self.param.preset.objects = list(self.presets)
        self.param.preset.default = first
        with param.discard_events(self):
            self.preset = first
            self.choose(values.get("preset", first))
            self.param.update(**values)

    @classmethod
    def fields(cls) -> list[str]:
        """Names of the parameters that a link carries, `preset` first."""
        shown = [n for n, p in cls.param.objects("existing").items() if (p.precedence or 0) >= 0]
        return ["preset", *(n for n in shown if n not in ("name", "preset"))]

    def baseline(self, preset: str | None = None) -> dict[str, Any]:
        """The values of a preset (the present one by default), defaults filled in, without `preset` itself."""
        values = {n: self.param[n].default for n in self.fields() if n != "preset"}
        return values | dict(self.presets[preset or self.preset].values)

    @property
    def changed(self) -> list[str]:
        """The fields that differ from the preset."""
        base = self.baseline()
        return [name for name, value in base.items() if tidy(getattr(self, name)) != tidy(value)]

    def choose(self, preset: str) -> None:
        """Take a preset's values, all at once."""
        self.param.update(preset=preset, **self.baseline(preset))

    def reset(self) -> None:
        """Go back to what the preset says."""
        self.choose(self.preset)

    def snapshot(self):
        """The present values as a frozen, hashable tuple with the parameters' names; what computations get."""
        names = [n for n in self.param if n != "name"]
        return _frozen(type(self).__name__, tuple(names))(*(tidy(getattr(self, n)) for n in names))

    def query(self, lab: str) -> dict[str, str]:
        """The link's parameters: ``{"<lab>.<name>": text}`` of all that is not the default or the preset's."""
        out = {} if self.preset == self.param.preset.default else {f"{lab}.preset": self.preset}
        return out | {f"{lab}.{name}": as_text(tidy(getattr(self, name))) for name in self.changed}

    def read(self, lab: str, query: Mapping[str, str]) -> list[str]:
        """Take the state from a link (what it leaves out is the preset's); returns the corrections in words."""
        prefix, words, values = f"{lab}.", [], {}
        given = {k.removeprefix(prefix): v for k, v in list(query.items())[:FIELDS] if k.startswith(prefix)}
        for name, text in given.items():
            if name not in self.fields():
                words.append(f"The link's “{name[:40]}” means nothing in this lab.")
                continue
            try:
                values[name], word = parse(self.param[name], text)
                if word:
                    words.append(word if word[0].isupper() else f"{name} = {text[:40]} {word}.")
            except ValueError as error:
                words.append(_reason(name, text, error))
        preset = values.pop("preset", self.param.preset.default)
        self.param.update(preset=preset, **self.baseline(preset) | values)
        return words


def _reason(name: str, text: str, error: Exception) -> str:
    reason = str(error)
    if reason[:1].isupper():
        return reason
    return f"The link's {name} = “{text[:40]}” {reason}; it was left out."


_frozen_types: dict = {}


def _frozen(name: str, fields: tuple[str, ...]):
    if (name, fields) not in _frozen_types:
        _frozen_types[name, fields] = namedtuple(name, fields)
    return _frozen_types[name, fields]


def parse_query(search: str) -> dict[str, str]:
    """``location.search`` as a dict: at most 100 names, the first of equal ones counts, bad bytes are replaced."""
    try:
        pairs = parse_qsl(search.lstrip("?")[:8192], keep_blank_values=True, max_num_fields=FIELDS, errors="replace")
    except ValueError:
        return {}
    return dict(reversed(pairs))


def format_query(query: Mapping[str, str]) -> str:
    """``"?page=kernels&kernels.depth=3"``, or an empty string."""
    return "?" + urlencode(query) if query else ""
