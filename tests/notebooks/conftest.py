"""The lectures stand in notebooks/, beside the checkers that they import as `exercises`."""

from __future__ import annotations

import sys
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parent.parent.parent / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))
