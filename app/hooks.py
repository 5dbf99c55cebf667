"""What a lab gives to its page: every method has a harmless default. The guide is tpapp.page's docstring."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from tpapp import export
from tpapp.flow import Request
from tpapp.reading import Number
from tpapp.state import Preset, State


class Hooks:
    """The part of a `Page` that labs override."""

    slug: ClassVar[str] = ""
    title: ClassVar[str] = ""
    glyph: ClassVar[str] = "lab"
    State: ClassVar[type[State]] = State
    presets: ClassVar[dict[str, Preset]] = {"default": Preset("Default")}
    plots: list

    def build(self) -> None:
        """Make the figures."""

    def controls(self) -> Sequence:
        """The left column: sections."""
        return []

    def figures(self) -> Sequence[Sequence]:
        """The middle: rows of figures."""
        return []

    def beside(self) -> Sequence:
        """Views that stand above the numbers in the reading column: a lab's own tables."""
        return []

    def requests(self, s) -> Iterable[Request]:
        """What the state `s` needs computed, most urgent first."""
        return []

    def claim(self, s) -> str:
        """One sentence that is true of `s`."""
        return ""

    def formula(self, s) -> str:
        """LaTeX, between dollars."""
        return ""

    def numbers(self, s) -> Sequence[Number]:
        """The numbers table."""
        return []

    def code(self, s) -> str:
        """A snippet that reproduces the figures as it stands."""
        return ""

    def status(self, s) -> str:
        """The bold line at the right of the dial: how many draws, say."""
        return ""

    def clear(self, slot: str) -> None:
        """Take away what `slot` showed: the state does not ask for it any more."""

    def restyle(self, theme: str, projector: bool) -> None:
        """Draw the figures in the theme "light" or "dark", for a screen or a projector."""
        for plot in self.plots:
            plot.restyle(theme=theme, projector=projector)

    def data(self) -> dict[str, Any]:
        """Name -> array: what the export of data holds."""
        return export.collect(self.plots)

    def ask_next(self, s) -> list[tuple[str, Callable[[], None]]]:
        """(question, what to do) of the chips under the figures. Default: the other presets that have a question."""
        return [(preset.question, lambda key=key: self.choose(key))
                for key, preset in self.presets.items() if preset.question and key != s.preset]
