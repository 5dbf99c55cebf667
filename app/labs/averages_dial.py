"""The dial of the Averages lab: the number of terms N, from 1 to a million, then infinity."""

from __future__ import annotations

from tpapp.dial import Dial
from tpapp.labs.averages_state import about_terms

FIELD = '.bk-input-container::before { content: "N" !important; }'


class TermsDial(Dial):
    """The width's dial, with N terms for the width. Parameters as `Dial`."""

    def _build(self) -> None:
        say = self.complain
        self.complain = lambda words: say(about_terms(words))
        super()._build()
        self.value.name = "Number of terms"
        self.value.stylesheets = [*self.value.stylesheets, FIELD]
        self.slider.label = "Number of terms, from one to the limit"
        self.track.styles = self.track.styles | {"--tp-name": "'Number of terms'"}

    def _show(self) -> None:
        super()._show()
        said = self.slider.styles
        self.slider.styles = said | {"--tp-words": said["--tp-words"].replace("n = ", "N = ")}
