"""The Kernels lab's other figures: what may stand in its lower rows instead of the outputs."""

from __future__ import annotations

from tpapp.labs.kernels_tabs import Tab

TABS: tuple[type[Tab], ...] = ()
