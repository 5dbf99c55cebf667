"""Whatever a public function is handed, its answer is a `Misuse` in words: no trace from inside, no NaN, no hang."""

import warnings

import numpy as np
import pytest

import tpcore as tp
from tpcore.errors import Misuse

NAN, INF = float("nan"), float("inf")
RAGGED, OBJECTS = [[1, 2], [3]], np.array([1, "a"], dtype=object)
GROWS = lambda x: np.exp(x * x)  # noqa: E731
JUNK = [None, "", "x", b"x", 1j, np.array([1j]), {}, object(), OBJECTS, RAGGED, [None], lambda x: x, tp.Program]
NOT_NUMBERS = [*JUNK, NAN, INF, np.full((2, 2), NAN), np.array(["a"])]
UNEVEN = [v for v in NOT_NUMBERS if v is not RAGGED]  # rows of several lengths are fine
NOT_COUNTS = [*NOT_NUMBERS, -1, 0, 0.5, 2.0, True, 1e300, np.ones((2, 3))]
NOT_NAMES = [*JUNK[3:], None, "", "1x", "a b", "x", NAN, 0.5, True, np.ones((2, 3))]
NOT_PROGRAMS = [*JUNK, NAN, 0, True, np.ones((2, 2))]
GRAM = np.array([[1.0, 0.3], [0.3, 2.0]])


def built():
    prog = tp.Program("victim")
    x, y = prog.vectors("x y")
    h = prog.name("h", prog.matrix("W") @ tp.relu(x))
    prog.name("m", tp.moment(h * h))
    prog.output("f", prog.vector("v"), h)
    prog.block("X", shape=(2, 3))
    return prog


def unknown(value):
    """What no variable of `built` can be looked up by."""
    return not (isinstance(value, str) and value in built())


def _nothing(value):
    """No names at all are fine: None asks for every vector, an empty container for none."""
    return value is None or isinstance(value, dict)


PROG = built()
LIM, RUN, ENS = tp.limit(PROG), tp.run(PROG, 8), tp.ensemble(PROG, 8, 3)
LAW = tp.spectra.semicircle()
SLOPE = tp.agreement.slope([1, 2, 3], [3.0, 2.0, 1.0])
LOOKUPS = [v for v in [*JUNK, NAN, 10**30, -99, True, np.ones(2)] if unknown(v)]
CALLS = {
    "matrix name": (lambda b: built().matrix(b), NOT_NAMES),
    "matrix variance": (lambda b: built().matrix("Q", variance=b), [*NOT_NUMBERS, -0.5, 10**400]),
    "vector dim": (lambda b: built().vector("q", dim=b), [*NOT_NUMBERS, -1, 0]),
    "vectors names": (lambda b: built().vectors(b), [v for v in NOT_NAMES if not (isinstance(v, str) and v == "a b")]),
    "vectors cov": (lambda b: built().vectors("a b", cov=b), [*NOT_NUMBERS[1:], -1.0, np.eye(3)]),
    "vectors mean": (lambda b: built().vectors("a b", mean=b), [*NOT_NUMBERS, np.ones(3)]),
    "block shape": (lambda b: built().block("B", shape=b), [*JUNK, -1, 0, 10**30, (2, -1), 0.5]),
    "block cov": (lambda b: built().block("B", cov=b), [*NOT_NUMBERS, 1.0, -np.eye(2), np.ones((2, 3))]),
    "look-up": (lambda b: built()[b], LOOKUPS),
    "line": (lambda b: built().var(b), LOOKUPS),
    "sum axis": (lambda b: built()["X"].sum(b), ["x", 2, 0.5, RAGGED, [None], {}, 1j]),
    "nonlin function": (lambda b: tp.nonlin(b, built()["x"]), [v for v in JUNK if not callable(v)]),
    "nonlin argument": (lambda b: tp.nonlin(np.tanh, b), [*JUNK, 1.0, np.ones(3)]),
    "nonlin params": (lambda b: tp.nonlin(np.tanh, built()["x"], params=b), [None, "x", 1.0, OBJECTS, np.ones((2, 3))]),
    "nonlin value": (lambda b: tp.nonlin(lambda s: b, built()["x"]),
                     [None, "x", 1j, RAGGED, object(), np.ones((7, 7))]),  # fmt: skip
    "stack": (tp.stack, [None, 1.0, "x", [], {}, [1], OBJECTS]),
    "activation": (tp.relu, [v for v in JUNK if v is not tp.Program]),
    "custom": (tp.activations.custom, [v for v in JUNK if not callable(v)]),
    "activation name": (tp.activations.get, ["", "Relu", "leaky_relu(nan)", "hermite(2.5)", "hermite(-1)", None, 1.0]),
    "limit": (tp.limit, NOT_PROGRAMS),
    "limit samples": (lambda b: tp.limit(PROG, samples=b), NOT_COUNTS[1:]),
    "limit tol": (lambda b: tp.limit(PROG, tol=b), [*NOT_NUMBERS[1:], 0, -1, 2]),
    "limit mean": (LIM.mean, LOOKUPS),
    "limit sample": (LIM.sample, [*NOT_COUNTS, 10**30]),
    "limit names": (lambda b: LIM.sample(3, names=b), [v for v in LOOKUPS if not _nothing(v)]),
    "limit expect": (lambda b: LIM.expect(b, "x"), [np.log, np.sqrt, lambda s: 1 / (s - s), GROWS, None]),
    "run": (lambda b: tp.run(b, 8), NOT_PROGRAMS),
    "run width": (lambda b: tp.run(PROG, b), [*NOT_COUNTS, 10**30]),
    "run seed": (lambda b: tp.run(PROG, 8, seed=b), [*JUNK, NAN, -1, 0.5, True]),
    "run dtype": (lambda b: tp.run(PROG, 8, dtype=b), ["x", NAN, int, "int8", RAGGED, np.ones(2), lambda: 0]),
    "run budget": (lambda b: tp.run(PROG, 8, budget=b), [*JUNK, NAN, -1, np.ones(2)]),
    "run keep": (lambda b: tp.run(PROG, 8, keep=b), [1.5, NAN, b"x", ["nope"], object(), "m", RAGGED]),
    "run progress": (lambda b: tp.run(PROG, 8, progress=b), ["x", 1.0, {}, object()]),
    "run vector": (lambda b: RUN[b], LOOKUPS),
    "run method": (lambda b: tp.run(PROG, 8, method=b), [*JUNK, NAN, np.ones((2, 2))]),
    "ensemble": (lambda b: tp.ensemble(b, 8, 3), NOT_PROGRAMS),
    "ensemble width": (lambda b: tp.ensemble(PROG, b, 3), [*NOT_COUNTS, 10**30]),
    "ensemble draws": (lambda b: tp.ensemble(PROG, 8, b), [*NOT_COUNTS, 10**30]),
    "ensemble executor": (lambda b: tp.ensemble(PROG, 8, 3, executor=b), ["x", 1.0, {}, object()]),
    "ensemble mean": (ENS.mean, [v for v in LOOKUPS if not isinstance(v, int)]),
    "deviation": (lambda b: tp.agreement.deviation(GRAM, b), [*NOT_NUMBERS, 0.0, np.ones(5)]),
    "slope": (lambda b: tp.agreement.slope([1, 2], b), [*UNEVEN, -1, [1.0, -1.0], [1.0]]),
    "slope line": (SLOPE.line, [*NOT_NUMBERS, -1, 0]),
    "zscores": (lambda b: tp.agreement.zscores(b, 1.0), [*NOT_NUMBERS, 1.0, np.ones((3, 2))]),
    "compare": (lambda b: tp.agreement.compare(b, [8, 16], 3), NOT_PROGRAMS),
    "compare widths": (lambda b: tp.agreement.compare(PROG, b, 3), [*NOT_NUMBERS, 8, [8, -1], [8, 8]]),
    "compare seed": (lambda b: tp.agreement.compare(PROG, [8, 16], 3, seed=b), [*JUNK, NAN, -1, 0.5]),
    "V phi": (lambda b: tp.expect.V(b, GRAM), [v for v in JUNK if not callable(v)]),
    "V undefined": (lambda b: tp.expect.V(b, GRAM), [np.log, np.sqrt, lambda x: x * NAN, lambda x: np.exp(x * x)]),
    "V Sigma": (lambda b: tp.expect.V("tanh", b), [*NOT_NUMBERS, -np.eye(2), [[1, 2]], [[1, 2], [2, 1]], [[1e300]]]),
    "dV of a jump": (lambda b: tp.expect.dV(b, GRAM), ["step", "sign"]),
    "pair variance": (lambda b: tp.expect.pair("tanh", b, 1.0, 0.2), [*NOT_NUMBERS, -1, 0.01, 1e300]),
    "pair covariance": (lambda b: tp.expect.pair("relu", 1.0, 1.0, b), [*NOT_NUMBERS, 2.0, -1.1]),
    "pair mean": (lambda b: tp.expect.pair("relu", 1.0, 1.0, 0.1, m1=b), [*NOT_NUMBERS, 1e300]),
    "one": (lambda b: tp.expect.one("tanh", b), [*NOT_NUMBERS, -1, 1e300]),
    "one undefined": (lambda b: tp.expect.one(b, 1.0), [np.log, np.sqrt, lambda x: x * NAN, lambda x: np.exp(x * x)]),
    "semicircle": (tp.spectra.semicircle, [*NOT_NUMBERS, -1]),
    "pdf": (LAW.pdf, [*JUNK, np.array(["a"])]),
    "quantile": (LAW.quantile, [*NOT_NUMBERS, -0.1, 1.1]),
    "eigenvalues n": (lambda b: tp.spectra.eigenvalues("goe", b), [*NOT_COUNTS, 10**30]),
    "eigenvalues kind": (tp.spectra.eigenvalues, [*JUNK, "GOE", 1.0]),
    "eigenvalues nu": (lambda b: tp.spectra.eigenvalues("symmetric:student", 5, nu=b), [*NOT_NUMBERS, -1, 0, 1e-300]),
    "histogram edges": (lambda b: tp.spectra.eigenvalue_histogram("goe", 9, b), [*NOT_NUMBERS, [1.0], [1.0, 0.0], 1.0]),
    "largest n": (lambda b: tp.spectra.largest_n("goe", b), NOT_COUNTS),
    "moments orders": (lambda b: tp.spectra.spectral_moments("goe", 9, b), [*NOT_NUMBERS, -1, 0.5, 1e300]),
    "moment program": (tp.spectra.moment_program, [*NOT_NUMBERS, -1, 0.5, True, 10**6]),
    "dyson steps": (lambda b: tp.spectra.dyson(3, b), NOT_COUNTS),
    "ensemble ratio": (lambda b: tp.spectra.eigenvalues("wishart", 5, ratio=b), [*NOT_NUMBERS, -1, 0, 1e300]),
    "ensemble degree": (lambda b: tp.spectra.eigenvalues("symmetric:sparse", 5, degree=b), [*NOT_NUMBERS, -1, 0]),
    "ensemble band": (lambda b: tp.spectra.matrix("band", 5, band=b), [*NOT_NUMBERS, -1, 0.5, True]),
    "ensemble factors": (lambda b: tp.spectra.eigenvalues("product", 5, factors=b), [*NOT_COUNTS, 10**6]),
    "ensemble spike": (lambda b: tp.spectra.eigenvalues("goe", 5, spike=b), [*NOT_NUMBERS, -1]),
    "ensemble unknown parameter": (lambda b: tp.spectra.eigenvalues("goe", 5, width=b), [1]),
    "tracy_widom": (tp.spectra.tracy_widom, [*NOT_COUNTS, 4]),
    "spacing_law": (tp.spectra.spacing_law, [*NOT_COUNTS, 4]),
    "spacings": (tp.spectra.spacings, [*NOT_NUMBERS, 1.0, [1.0, 2.0]]),
    "largest eigenvalues": (lambda b: tp.spectra.largest_eigenvalues("goe", 9, b), [*NOT_COUNTS, 10**12]),
    "edge": (lambda b: tp.spectra.edge("goe", b), NOT_COUNTS),
    "narayana": (lambda b: tp.spectra.narayana(3, b), [*NOT_NUMBERS, -1, 0.5, 4]),
    "modulus": (tp.spectra.modulus, [*NOT_NUMBERS, -1, 0]),
}


@pytest.mark.parametrize("name", CALLS)
def test_misuse_is_told_in_words(name):
    call, values = CALLS[name]
    for value in values:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                result = call(value)
            except Misuse as error:
                assert len(str(error)) > 20
            else:
                pytest.fail(f"{value!r} was taken: {result!r}")


def test_good_use_is_silent_at_the_edges():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(tp.run(PROG, 1).scalar("m")) and np.isfinite(tp.ensemble(PROG, 1, 1).mean("m"))
        empty = tp.Program("empty")
        tp.limit(empty), tp.run(empty, 4), tp.ensemble(empty, 4, 2), str(empty)
        for phi in tp.activations.NAMED:
            for q in (0.0, 1e-300, 1e4, 1e99):
                assert np.isfinite(tp.expect.V(phi, q * GRAM)).all(), (phi, q)
                assert np.isfinite(float(tp.expect.one(phi, q))), (phi, q)
