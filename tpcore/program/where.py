"""Where in the user's code an instruction was written, and errors that say so."""

from __future__ import annotations

import linecache
import os
import sys
from typing import NoReturn

from tpcore.errors import ProgramError

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def here() -> str:
    """``file:line`` of the innermost frame outside this package ("" where there is none)."""
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code.co_filename
        if not code.startswith(_PACKAGE):
            return f"{code}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def quote(where: str) -> str:
    """``line 7 `h = W @ x` `` for a ``file:line``; without the text where the source is not at hand."""
    file, _, line = where.rpartition(":")
    if not line.isdigit():
        return ""
    text = linecache.getline(file, int(line)).strip()
    return f"line {line} `{text}`" if text else f"line {line}"


def fail(instruction: str, must: str, came: str = "", hint: str = "", where: str | None = None) -> NoReturn:
    """Raise a `ProgramError` that begins with the instruction's name and its line."""
    place = quote(here() if where is None else where)
    raise ProgramError(f"{instruction}{', ' if place else ''}{place}: {must}", came, hint)
