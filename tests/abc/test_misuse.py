"""Whatever the parametrizations are handed, the answer is a `Misuse` in words."""

from __future__ import annotations

import numpy as np
import pytest

import tpcore as tp
from tpcore.errors import Misuse

abc = tp.abc
P = abc.mup(1)
NAN, INF = float("nan"), float("inf")
JUNK = [None, "", "x", b"x", 1j, {}, object(), NAN, INF, True, [None], np.ones((2, 3)), "1e999999999", "1/0"]
SPREADS = [*JUNK, [0], [[0], [1]], "ab", [0, "x"], [0, float("nan")], [0, 1e300], {0, 1}]
LISTS = [*SPREADS, 1.0, range(1)]
PAIRS = [None, 1, (1, 0), (0, 0), ("x", 1), (0, float("inf")), (0, 1, 2)]
NOT_NAMES = [None, "", "x", "a0", "a3", "b9", "d1", "c3", "a1+b2", "a1+c1", 3, ["a1"], "a1b1"]
VIEW, FOLD = abc.slice(P, "a1", "b2"), abc.unfold(P)
CALLS = {
    "a": (lambda v: abc.Parametrization(v, [0, 0]), LISTS),
    "b": (lambda v: abc.Parametrization([0, 0], v), LISTS),
    "c": (lambda v: abc.Parametrization([0, 0], [0, 0], v), [*SPREADS, [0, 1, 2]]),
    "d": (lambda v: abc.Parametrization([0, 0], [0, 0], 0, v), [*SPREADS[1:], [0, 1, 2]]),
    "shift": (P.shift, [*SPREADS, [0, 1, 2]]),
    "equivalent": (P.equivalent, JUNK),
    "depth": (abc.mup, [*JUNK, 0, -1, 1.5, 10**9]),
    "optimizer": (lambda v: abc.sp(1, optimizer=v), [*JUNK, "lamb"]),
    "rate": (lambda v: abc.sp(1, v), [v for v in JUNK if not isinstance(v, (list, np.ndarray))]),
    "path": (lambda v: abc.up(v, 1), [*JUNK, -0.1, 0.6]),
    "six": (lambda v: abc.six(v, 0, 0, 0, 0, 0), JUNK),
    "rates": (lambda v: abc.rates([0, 0], v), LISTS),
    "largest": (abc.largest_rate, [*JUNK, abc.Parametrization([0, 0], [1, 1]), abc.Parametrization([0, 0], [0, 0])]),
    "slice of": (abc.slice, JUNK),
    "slice x": (lambda v: abc.slice(P, v, "b2"), NOT_NAMES),
    "slice xlim": (lambda v: abc.slice(P, "a1", "b2", v), PAIRS),
    "slice n": (lambda v: abc.slice(P, "a1", "b2", n=v), [*JUNK, 0, 1, 10**9, 2.0]),
    "slice tie": (lambda v: abc.slice(P, "a1", "b2", tie=v), [v for v in JUNK if v is not True] + ["all", 1.0, 0]),
    "slice at": (lambda v: VIEW.at(v, 0), JUNK),
    "slice snap": (lambda v: VIEW.snap(0, v), ["x", None, float("nan")]),
    "slice contour": (VIEW.contour, JUNK),
    "unfold": (abc.unfold, JUNK),
    "unfold xlim": (lambda v: abc.unfold(P, v), PAIRS[1:]),
    "unfold at": (lambda v: FOLD.at(0, v), JUNK),
    "unfold where": (FOLD.where, [*JUNK, abc.mup(2), abc.mup(1, optimizer="adam"), abc.sp(1, 2), abc.sp(1, 0)]),
    "unfold cross": (lambda v: FOLD.cross(0, 1, v), PAIRS[1:]),
}


@pytest.mark.parametrize("name", CALLS)
def test_bad_input_is_refused_in_words(name):
    call, values = CALLS[name]
    for value in values:
        with pytest.raises(Misuse) as caught:
            call(value)
        assert len(str(caught.value)) > 30, value


TIED = [("a1", "b1", True), ("a1", "a1", True), ("a2", "c", "readout"), ("c", "c1", True), ("a1+b1", "c", True)]


@pytest.mark.parametrize("x, y, tie", [*TIED, ("a2+b2", "a2+b2", True)])
def test_coordinates_that_follow_from_each_other(x, y, tie):
    with pytest.raises(Misuse, match="free of each other"):
        abc.slice(P, x, y, tie=tie)


def test_words_of_the_common_mistakes():
    with pytest.raises(Misuse, match="as many entries as a, 2"):
        abc.Parametrization([0, 0], [0])
    with pytest.raises(Misuse, match="c1, c2"):
        abc.slice(abc.six(0, 0.5, 1, -1, 0, 1), "b3", "c")
    with pytest.raises(Misuse, match="no|stable"):
        abc.largest_rate(abc.Parametrization([0, 0], [1, 1]))
    with pytest.raises(Misuse, match="as far apart"):
        abc.unfold(abc.mup(2)).where(abc.sp(2))
