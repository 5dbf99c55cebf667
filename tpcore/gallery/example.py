"""What an entry of the gallery is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tpcore.program.build import Program


@dataclass(frozen=True)
class Example:
    """A program worth knowing.

    Attributes
    ----------
    name : str
        By which `get` finds it.
    title : str
        As formulas are written.
    sentence : str
        What it teaches, in one sentence that can be read aloud.
    build : callable
        Without arguments; writes the program anew.
    watch : tuple of str
        Vectors worth looking at, the most telling first.
    pairs : tuple of str
        Two vectors whose joint law is worth looking at.
    fragment : {"netsor", "netsor+", "netsort", "netsort+"}
        The language of the program.
    naive : str
        What the rule that takes every W^T for an independent copy gets wrong here; "" where it is right.
    scalars : tuple of str
        C-vars worth looking at.
    source : str
        Paper and section.
    """

    name: str
    title: str
    sentence: str
    build: Callable[[], Program] = field(repr=False)
    watch: tuple[str, ...] = field(repr=False)
    pairs: tuple[str, str] = field(repr=False)
    fragment: str
    naive: str = field(repr=False, default="")
    scalars: tuple[str, ...] = field(repr=False, default=())
    source: str = field(repr=False, default="")
