"""Laws of Z on the page: densities with point masses, level lines, memory, the naive rule; against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from tpapp.compute import programs as compute
from tpapp.compute import programs_law as laws
from tpapp.compute import programs_shapes as shapes
from tpapp.compute.programs_listing import compiled, listing
from tpapp.labs.programs_state import TRANSPOSE

def theory(source: str, x: str, y: str | None = None):
    *_, found = laws.theory(source, x, y, compute.averages_of(source, x, y))
    return found


def area(density) -> float:
    return float(np.trapezoid(density.pdf, density.x)) + sum(mass for _, mass in density.atoms)


def test_relu_has_a_point_mass_and_half_a_gaussian():
    mean, variance = 0.4, 1.7
    found = theory(f"x=vector(mean={mean},variance={variance});y=relu(x)", "y").density.limit
    (place, mass), = found.atoms
    assert place == 0.0 and mass == pytest.approx(norm.cdf(-mean / math.sqrt(variance)), abs=0.005)
    at = np.linspace(0.3, 3.0, 9)
    exact = norm.pdf(at, mean, math.sqrt(variance))
    assert np.allclose(np.interp(at, found.x, found.pdf), exact, atol=0.012)
    assert area(found) == pytest.approx(1, abs=0.01) and found.x[0] == pytest.approx(0.0, abs=1e-3)
    assert found.pdf[2] == pytest.approx(norm.pdf(0, mean, math.sqrt(variance)), rel=0.06)


def test_a_smooth_image_follows_the_change_of_variables():
    found = theory("x=vector(variance=0.6);y=tanh(x)", "y").density.limit
    at = np.linspace(-0.8, 0.8, 9)
    exact = norm.pdf(np.arctanh(at), 0, math.sqrt(0.6)) / (1 - at**2)
    assert not found.atoms and np.allclose(np.interp(at, found.x, found.pdf), exact, rtol=0.04)
    assert area(found) == pytest.approx(1, abs=0.01)


def test_a_gaussian_is_drawn_exactly_and_a_constant_as_one_mass():
    found = theory("W=matrix(variance=1.3);x=vector(mean=0.7,variance=0.8);h=W@x", "h").density.limit
    sd = math.sqrt(1.3 * (0.8 + 0.49))
    assert found.method == "Gaussian" and np.allclose(found.pdf, norm.pdf(found.x, 0, sd), rtol=1e-9)
    constant = theory("x=vector(mean=0.7,variance=0)", "x").density.limit
    assert constant.atoms == ((0.7, 1.0),) and not len(constant.x)
    step = theory("x=vector(mean=0.5,variance=2);s=step(x)", "s").density.limit
    assert dict(step.atoms)[1.0] == pytest.approx(norm.cdf(0.5 / math.sqrt(2)), abs=0.005) and not len(step.x)


@pytest.mark.parametrize("name", ["wwx", "wwt", "wtw", "w-wtv", "wt-v2wx", "wt-step", "semicircle", "rnn", "mlp"])
def test_what_is_called_gaussian_is(name):
    made = compiled(name)
    for line in made.listing.lines:
        if line.gaussian and line.views and line.name != "1":
            (z,) = laws.sample(name, (line.views[0],), draws=20_000)
            if z.std() > 0:
                z = (z - z.mean()) / z.std()
                assert abs((z**3).mean()) < 0.12 and abs((z**4).mean() - 3) < 0.25, line.name


def test_images_of_functions_are_not_called_gaussian():
    flags = {line.name: line.gaussian for line in listing("tanh-wwt").lines}
    assert flags["y"] and flags["x"] and not flags["z"]
    assert not {line.name: line.gaussian for line in listing("wt-v2wx").lines}["g"]
    memory = "W=matrix();v=vector();x=vector();h=W@relu(x);y=W.T@(v*v*h)"
    assert not {line.name: line.gaussian for line in listing(memory).lines}["y"]
    two = "W=matrix();v=vector();x=vector();h=W@x;k=W@relu(x);y=W.T@(v*v*k)"
    assert not {line.name: line.gaussian for line in listing(two).lines}["y"]


def test_ellipses_hold_their_mass():
    centre, cov = np.array([0.3, -1.0]), np.array([[1.5, 0.7], [0.7, 0.9]])
    points = np.random.default_rng(3).multivariate_normal(centre, cov, 100_000)
    for mass, xs, ys in shapes.ellipses(centre, cov).lines:
        ring = np.stack([xs, ys], 1) - centre
        radius = np.einsum("ki,ij,kj->k", ring, np.linalg.inv(cov), ring)
        assert np.allclose(radius, radius[0])
        inside = np.einsum("ki,ij,kj->k", points - centre, np.linalg.inv(cov), points - centre) < radius[0]
        assert inside.mean() == pytest.approx(mass, abs=0.005)


def within(xs, ys, x, y) -> np.ndarray:
    """Which points a polygon holds: an odd number of its edges lies to their right."""
    odd = np.zeros(len(x), bool)
    for a, b, c, d in zip(xs, ys, np.roll(xs, -1), np.roll(ys, -1)):
        if b != d:
            odd ^= ((b > y) != (d > y)) & (x < (c - a) * (y - b) / (d - b) + a)
    return odd


def test_level_lines_hold_their_mass_and_curves_are_curves():
    rng = np.random.default_rng(5)
    x = rng.gamma(3.0, 0.5, 2**17)
    y = x + rng.standard_normal(2**17)
    found = shapes.level_lines(x, y)
    for mass in shapes.MASSES:
        inside = np.zeros(20_000, bool)
        for own, xs, ys in found.lines:
            if own == mass:
                inside ^= within(xs, ys, x[:20_000], y[:20_000])
        assert inside.mean() == pytest.approx(mass, abs=0.03)
    z = rng.standard_normal(2**14)
    (mass, xs, ys), = shapes.level_lines(z, np.tanh(2 * z)).lines
    assert mass == 1.0 and np.allclose(ys, np.tanh(2 * xs))


@pytest.mark.parametrize("source, line, expected", [
    (TRANSPOSE, 5, {"x": 0.5}),  # sigma^2 P(Z > 0)
    ("wtw", 4, {"x": 2 * 0.6}),  # rows / columns times sigma^2
    ("wt-step", 5, {"v": 1.5 / math.sqrt(2 * math.pi * 1.5 * 0.8)}),  # sigma^2 E delta(Z^{Wv})
    ("square-with-mean", None, {"x1": 1.2 * 0.6}),  # sigma^2 E v
])  # fmt: skip
def test_memory_has_its_closed_form(source, line, expected):
    made = listing(source)
    x, y = made.pair
    found = theory(source, x, y)
    line = line or next(each.number for each in made.lines if each.back)
    assert dict(found.facts.memory[line]) == pytest.approx(expected, rel=1e-6)


def test_the_naive_rule_is_wrong_where_there_is_memory_and_right_in_backpropagation():
    found = theory(TRANSPOSE, "g", "x")
    rows = {row.average.kind + row.average.views[0]: row for row in found.truths}
    assert rows["varianceg"].value == pytest.approx(0.75, abs=1e-9) and rows["varianceg"].naive == pytest.approx(0.5)
    assert rows["correlationg"].value == pytest.approx(0.5 / math.sqrt(0.75))
    assert rows["correlationg"].naive == pytest.approx(0)
    assert rows["varianceg"].wrong and not rows["variancex"].wrong
    assert found.density.naive is not None and found.contours.naive is not None
    back = theory("mlp-backward", "dx1", "x1")
    assert not any(row.wrong for row in back.truths) and back.density.naive is None and back.contours.naive is None
    plain = theory("wwx", "WWx", "Wx")
    assert all(row.naive is None for row in plain.truths)


@pytest.mark.parametrize("name", ["wwx", "w-relu-wx", "wwt", "tanh-wwt", "semicircle", "rnn", "attention", "layernorm",
                                  "square-with-mean"])
def test_the_table_agrees_with_many_networks(name):
    x, y = listing(name).pair
    wanted = compute.averages_of(name, x, y)
    truths = {row.average: row.value for row in theory(name, x, y).truths}
    *_, found = compute.averages(name, wanted, 2000, 60, seed=3)
    assert found.done and {row.average for row in found.rows} == set(truths)
    for row in found.rows:
        error = row.spread / math.sqrt(60)
        bias = 8 / 2000 * max(1.0, abs(truths[row.average]))
        assert abs(row.mean - truths[row.average]) < 4.5 * error + bias, row.average


def test_errors_fall_like_one_over_root_n():
    *_, found = compute.errors("wwt", ("y", "x"), (64, 128, 256, 512, 1024, 2048), 40, seed=1)
    assert found.done and abs(found.slope + 0.5) < 4 * found.slope_error + 0.02 and found.slope_error < 0.08
    assert found.bound == pytest.approx(float(np.mean(found.mean * np.sqrt(found.widths))), rel=0.3)
