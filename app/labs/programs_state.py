"""The state of the Programs lab, its presets, and how a program stands in a link."""

from __future__ import annotations

import param

from tpapp.compute import programs_text as text
from tpapp.compute.programs_listing import OWN, examples, listing
from tpapp.compute.programs_results import Line, Listing
from tpapp.state import Preset, State, Width
from tpcore.errors import Misuse

TRANSPOSE = "W=matrix();x=vector();h=W.T@x;y=relu(h);g=W@y;z=tanh(g);theta=inner(z,x)"
START = "W=matrix();x=vector();h=W@x"
QUESTIONS = {
    "wwx": "WWx instead of WWᵀx?", "two-matrices": "A fresh matrix the second time?",
    "w-relu-wx": "When does reuse show?", "wwt": "Nothing between Wᵀ and W?", "wtw": "A rectangular matrix?",
    "w-wtv": "A readout that comes back?", "wt-v2wx": "What almost looks like backprop?",
    "wt-step": "Step function: no derivative?", "tanh-wwt": "A function of the memory?",
    "square-zero-mean": "When is the naive rule right?", "square-with-mean": "A readout with a mean?",
    "semicircle": "Where do Catalan numbers come from?", "marchenko-pastur": "A sample covariance?",
    "amp": "What is Onsager’s term?", "compressed-sensing": "Can it recover a signal?", "mlp": "A whole network?",
    "rnn": "Tied weights over time?", "attention": "Attention?", "layernorm": "Layer normalization?",
    "mlp-backward": "Its gradient?", "mup-step": "And after a step of training?", OWN: "Build your own?",
}  # fmt: skip
NEXT = {
    "transpose": ("wwx", "wt-step", "mlp-backward"), "wwx": ("two-matrices", "w-relu-wx", "wwt"),
    "two-matrices": ("w-relu-wx", "wwt", "rnn"), "w-relu-wx": ("wwt", "rnn", "mlp"),
    "wwt": ("wtw", "w-wtv", "tanh-wwt"), "wtw": ("marchenko-pastur", "wwt", "w-wtv"),
    "w-wtv": ("wt-v2wx", "square-zero-mean", "wt-step"), "wt-v2wx": ("square-zero-mean", "wt-step", "square-with-mean"),
    "wt-step": ("tanh-wwt", "compressed-sensing", "wwx"), "tanh-wwt": ("wt-step", "amp", "square-with-mean"),
    "square-zero-mean": ("square-with-mean", "mlp-backward", "wt-v2wx"),
    "square-with-mean": ("square-zero-mean", "mlp-backward", "mup-step"),
    "semicircle": ("marchenko-pastur", "amp", "wwt"), "marchenko-pastur": ("semicircle", "wtw", "compressed-sensing"),
    "amp": ("compressed-sensing", "semicircle", "mup-step"),
    "compressed-sensing": ("amp", "marchenko-pastur", "layernorm"),
    "mlp": ("rnn", "mlp-backward", "layernorm"), "rnn": ("attention", "mlp", "w-relu-wx"),
    "attention": ("layernorm", "rnn", "mlp"), "layernorm": ("attention", "mlp", "mlp-backward"),
    "mlp-backward": ("mup-step", "square-with-mean", "mlp"), "mup-step": ("mlp-backward", "amp", "rnn"),
    OWN: ("wwt", "mlp", "mup-step"),
}  # fmt: skip


def _presets() -> dict[str, Preset]:
    found = {"transpose": Preset("W, then its transpose", {"step": 5})}
    for name, (title, _) in examples().items():
        found[name] = Preset(title, {"program": name}, question=QUESTIONS.get(name, f"{title}?"))
    return found | {OWN: Preset("Build your own", {"program": START}, question=QUESTIONS[OWN])}


PRESETS = _presets()


class ProgramsState(State):
    """A program, the line and the vectors on show, and what is drawn of it."""

    program = param.String(TRANSPOSE, label="Program", doc="a name of the gallery, or lines joined by ;")
    step = param.Integer(0, bounds=(0, 400), label="Line", doc="0: the one worth looking at")
    width = Width(16384, low=8)
    x = param.String("", regex=r"^[^<>&\"]{0,40}\Z", label="Variable", doc="empty: that of the line")
    y = param.String("", regex=r"^[^<>&\"]{0,40}\Z", label="Against", doc="empty: what it is worth comparing with")
    view = param.Selector(objects={"Pair": "pair", "Error": "error"}, default="pair", label="Second figure")
    draws = param.Selector(objects={"1": 1, "20": 20, "200": 200}, default=200, label="Draws")
    seed = param.Integer(0, bounds=(0, 999_999), label="Seed")

    def __init__(self, presets=None, **values):
        if values.get("program") in (presets or {}) and "preset" not in values:
            values["preset"] = values.pop("program")
        elif "program" in values and "preset" not in values:
            values["preset"] = OWN
        super().__init__(presets, **values)

    def query(self, lab: str) -> dict[str, str]:
        """A program of the gallery stands in the link by its name, another one by its lines."""
        out = super().query(lab)
        if f"{lab}.program" in out:
            out.pop(f"{lab}.preset", None)
        elif self.preset != self.param.preset.default:
            out = {f"{lab}.program": out.pop(f"{lab}.preset")} | out
        return out

    def read(self, lab: str, query) -> list[str]:
        """As `State.read`; a program that is none is left out, in words."""
        query = dict(query)
        source = query.pop(f"{lab}.program", "")
        if source in self.presets:
            query[f"{lab}.preset"], source = source, ""
        elif source:
            query[f"{lab}.preset"] = OWN
        words = super().read(lab, query)
        if source:
            words += self._take(source)
        return words

    def _take(self, source: str) -> list[str]:
        try:
            if "=" not in source:
                listing(source)
            source = ";".join(text.lines(source))
            listing(source)
        except Misuse as refusal:
            return [f"The link's program is none: {refusal}"]
        self.program = source
        return []


def line_of(s, made: Listing) -> Line:
    """The line on show."""
    number = s.step if 1 <= s.step <= len(made.lines) else made.watch
    return made.lines[number - 1]


def views_of(s, made: Listing) -> tuple[str, str]:
    """The vector on show and the one that it is compared with; "" where there is none."""
    views = made.views
    x = s.x if s.x in views else _focus(line_of(s, made), made)
    if not x:
        return "", ""
    fitting = [view for view in views if view != x and made.line_of(view).dim == made.line_of(x).dim]
    y = s.y if s.y in fitting else ""
    if not y:
        wanted = [*made.pair[::-1], *_inputs(made.line_of(x), made), *fitting]
        y = next((view for view in wanted if view in fitting), "")
    return x, y


def _focus(line: Line, made: Listing) -> str:
    """The vector of a line: its own, or the last one that a scalar or an output is made of."""
    if line.views:
        return line.views[0]
    found = _inputs(line, made)
    if line.kind == "" and found:
        return found[-1]
    return found[0] if found else (made.pair or made.views or ("",))[0]


def _inputs(line: Line, made: Listing) -> list[str]:
    by_name = {each.name: each for each in made.lines if each.views}
    return [by_name[name].views[0] for name in line.args if name in by_name]
