"""The tensor program behind a network: its typed listing."""

from __future__ import annotations

from tpapp.compute import kernels_nets as nets
from tpapp.labs.kernels_tabs import Tab
from tpapp.page import Request, figure, retitle
from tpapp.widgets import escape, html

PRE = """pre { margin: 0; padding: 12px 16px; max-height: 300px; overflow: auto;
  border: 1px solid var(--tp-line); border-radius: 8px;
  font: 400 var(--tp-caption)/1.5 var(--tp-mono); color: var(--tp-ink); white-space: pre; }"""


class ProgramTab(Tab):
    """What the network is as a tensor program, on x and x'."""

    key, title = "program", "Program"

    def build(self):
        self.text = html("")
        self.text.stylesheets = [*self.text.stylesheets, PRE]
        self.view = figure("The program", "", self.text)

    def views(self):
        return [self.view]

    def requests(self, s, X, net, i, j):
        n = int(s.width) if s.width < 10**7 else None
        yield Request("program", ("program", X, net, i, j, n), lambda p: nets.listing(X, net, i, j, n), self.show,
                      quick=True, label="the program")

    def show(self, listing):
        more = f", the first {len(listing.shown)} shown" if len(listing.shown) < listing.lines else ""
        retitle(self.view, f"The program, {listing.fragment}",
                f"{listing.on}; {listing.lines} lines{more}: A matrices, G Gaussian vectors, H their images, C scalars")
        text = escape("\n".join(listing.shown))
        self.text.object = f'<pre tabindex="0" aria-label="Listing of the program">{text}</pre>'

    def code(self, s):
        return "print(net.program(pair))  # the listing" if s.width < 10**7 else "print(net.program(X))  # the listing"
