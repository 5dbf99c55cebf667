"""The Kernels lab: figures from requests, the snippet as shown, uploads, refusals in words, links."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import tpcore as tp
from tests.app.driven import run, settled
from tpapp import KernelsLab, uploads
from tpapp.compute import kernels as compute
from tpapp.dropper import dropper
from tpapp.labs import kernels_words as words
from tpapp.labs.kernels import EDGE, LADDER, KernelsState, deviation_request, net, outputs_request
from tpapp.results import Net


@pytest.fixture
def lab():
    made = KernelsLab(width=64, draws=200, depth=2)
    made.start()
    yield made
    made.leave()


def test_it_opens_on_its_sentence():
    opened = KernelsLab()
    opened.start()
    s = settled(opened)
    assert opened.claim(s) == "A wide random network is a Gaussian process, whatever its architecture."
    assert s.width == 4096 and not opened.flow.failed
    labels = [number.label for number in opened.numbers(s)]
    assert labels == ["Width n", "Draws", "Deviation", "Slope in log n", "Method", "Error of the limit"]
    slope = opened.result("ladder")
    assert abs(slope.slope + 0.5) < 4 * slope.slope_error + 0.02
    data = opened.data()
    arrays = {"kernel-limit.kernel_limit", "kernel-draw.kernel_draw", "outputs.outputs", "deviation.deviation"}
    assert arrays <= set(data)
    assert all(np.asarray(array).dtype.kind in "biuf" for array in data.values())


@pytest.mark.parametrize(
    "values", [{}, {"kernel": "ntk", "phi": "erf", "width": 100}, {"x2": 1, "seed": 3, "data": "all"}]
)
def test_the_code_runs_as_shown_and_gives_the_figures(lab, values):
    lab.state.param.update(**values)
    s = settled(lab)
    space, data = run(lab.code(s)), lab.data()
    assert np.array_equal(space["K"], data["kernel-limit.kernel_limit"])
    assert np.array_equal(space["K_n"], data["kernel-draw.kernel_draw"])
    assert np.array_equal(space["f"][:, 0], data["outputs.outputs"]) and len(space["f"]) == 200
    assert np.array_equal(space["f"] if space["f"].shape[1] == 2 else space["f"][:, [0, 0]], data["density.pairs"])
    ladder = lab.result("ladder")
    assert np.allclose(np.mean(space["d"], axis=1), ladder.mean, rtol=1e-12) and tuple(space["widths"]) == LADDER
    assert (space["fit"].slope, space["fit"].stderr) == pytest.approx((ladder.slope, ladder.slope_error), rel=1e-9)


def test_the_code_of_the_limit_alone(lab):
    lab.state.width = math.inf
    space = run(lab.code(settled(lab)))
    assert "f" not in space and np.array_equal(space["K"], lab.data()["kernel-limit.kernel_limit"])
    assert not {"kernel-draw.kernel_draw", "outputs.outputs"} & set(lab.data()), "finite figures are empty"
    assert lab.status(lab.state.snapshot()) == "the limit alone"


@pytest.mark.parametrize("ending", ["npy", "csv"])
def test_an_upload_is_shown_and_its_code_loads_the_file(lab, tmp_path, monkeypatch, ending):
    X = np.random.default_rng(5).standard_normal((7, 3))
    path = tmp_path / f"points.{ending}"
    np.save(path, X) if ending == "npy" else np.savetxt(path, X, delimiter=",")
    lab.given.take_file(path.name, path.read_bytes())
    s = settled(lab)
    assert s.data == "upload" and len(s.upload) == 7 and (s.x, s.x2) == (0, 1)
    assert lab.trio.names.data["label"] == list("1234567") and lab.given.source.value == "upload"
    assert path.name in lab.given.source.options
    monkeypatch.chdir(tmp_path)
    code = lab.code(s)
    assert path.name in code
    assert np.allclose(run(code)["K"], lab.data()["kernel-limit.kernel_limit"], rtol=1e-12)


def test_a_bad_upload_keeps_the_last_good_one(lab):
    good = np.random.default_rng(5).standard_normal((5, 3))
    lab.given.take_file("good.csv", "\n".join(",".join(map(str, row)) for row in good).encode())
    before = settled(lab)
    kernel = lab.data()["kernel-limit.kernel_limit"]
    for name, content, said in (("bad.csv", b"1,2\n3,x\n", "numbers alone"), ("bad.npy", b"\x93NUMPY", "header"),
                                ("big.npy", bytes(uploads.MAX_BYTES + 1), "at most 8 MB"),
                                ("evil.pkl", b"c", ".npy or a .csv")):
        lab.given.take_file(name, content)
        assert said in lab.flow.failed["upload"]
        assert lab.state.snapshot() == before and np.array_equal(lab.data()["kernel-limit.kernel_limit"], kernel)
    lab.state.depth = 3
    assert "upload" not in lab.flow.failed, "the next change takes the words away"


def test_a_link_carries_all_but_the_upload(lab):
    for preset in lab.presets:
        state = KernelsState(lab.presets, preset=preset, sigma_v=0.7, x=4, width=300)
        other = KernelsState(lab.presets)
        assert other.read("kernels", state.query("kernels")) == []
        assert other.snapshot() == state.snapshot()
    said = other.read("kernels", {"kernels.data": "upload"})
    assert other.data == "digits" and "Upload the file again" in said[0]


def test_the_tangent_kernel_of_a_jump_is_refused_in_words(lab):
    for phi in ("step", "sign"):
        settled(lab)
        before = lab.data()["kernel-limit.kernel_limit"]
        lab.state.param.update(phi=phi, kernel="ntk")
        assert phi in lab.flow.failed["state"] and np.array_equal(lab.data()["kernel-limit.kernel_limit"], before)
        question, act = lab.ask_next(lab.state.snapshot())[0]
        act()
        assert lab.state.kernel == "nngp" and not lab.flow.failed


def test_what_takes_too_long_is_refused_with_the_width_that_fits(lab):
    settled(lab)
    many = np.random.default_rng(0).standard_normal((200, 4))
    lab.given.take_file("many.csv", "\n".join(",".join(map(str, row)) for row in many).encode())
    lab.state.param.update(kernel="ntk", depth=20, width=1_000_000)
    refused = lab.flow.failed["state"]
    fits = compute.widest(net(lab.state.snapshot()), lab.state.upload, "ntk")
    assert f"n = {fits:,}" in refused
    assert compute.seconds(net(lab.state), lab.state.upload, fits, 1, "ntk") <= compute.SECONDS
    question, act = lab.ask_next(lab.state.snapshot())[0]
    assert f"{fits:,}" in question
    lab.flow.cancel()


def test_fewer_draws_where_the_asked_do_not_fit():
    s = KernelsState(KernelsLab.presets, width=10**6, draws=10_000).snapshot()
    request = outputs_request(s)
    assert 100 < request.draws < 2000
    assert compute.pair_seconds(net(s), request.inputs, 0, 1, 10**6, request.draws) <= compute.SECONDS
    assert outputs_request(s, 8).draws == 10_000
    assert deviation_request(s, (10**6,), 0.1) is None and deviation_request(s, LADDER, 15.0).draws == 40


def test_widths_beside_the_ladder_stay_for_this_network_alone(lab):
    for n in (100, 300):
        lab.state.width = n
        settled(lab)
    assert set(lab.deviation.data()["width"]) == {*LADDER, 100, 300}
    here = words.deviation(300, lab.result("draw"), lab.result("ladder"), lab.points)[0]
    assert here.value == pytest.approx(lab.points[300][0]) and here.error == pytest.approx(2 * lab.points[300][1])
    lab.state.depth = 3
    settled(lab)
    assert set(lab.deviation.data()["width"]) == {*LADDER, 300}


def test_clicks_move_x_and_x2_in_turns_and_cells_move_both(lab):
    lab.given.pick(5)
    lab.given.pick(6)
    assert (lab.state.x, lab.state.x2) == (5, 6) == (lab.given.menus["x"].value, lab.given.menus["x2"].value)
    lab.choose_pair(2, 3)
    s = settled(lab)
    assert (s.x, s.x2) == (2, 3) and list(lab.trio.boxes.data["x"]) == 2 * [3.5, 2.5]
    K = tp.nngp(tp.nets.MLP(2, "relu", 1.41, 0.32, 1.0), lab.given.shown.X)
    assert np.allclose(lab.covariance, K[np.ix_([2, 3], [2, 3])], rtol=1e-12)
    lab.given.menus["x"].value = 9
    assert lab.state.x == 9


def test_going_back_to_a_pair_shows_its_outputs_again(lab):
    lab.choose_pair(0, 1)
    settled(lab)
    first = lab.data()["outputs.outputs"]
    lab.choose_pair(2, 3)
    lab.choose_pair(0, 1)
    settled(lab)
    assert np.array_equal(lab.data()["outputs.outputs"], first) and "outputs.narrow_outputs" in lab.data()


def test_the_edge_of_chaos_is_where_it_is_said_to_be():
    """chi = sigma_w^2 E phi'(sqrt(q) z)^2 = 1 at the fixed point q of the variance (Poole et al., arXiv 1606.05340)."""
    q, w, b = 1.0, EDGE["sigma_w"] ** 2, EDGE["sigma_b"] ** 2
    z, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    for _ in range(2000):
        q = w * weights @ np.tanh(np.sqrt(q) * z) ** 2 + b
    assert w * weights @ (1 - np.tanh(np.sqrt(q) * z) ** 2) ** 2 == pytest.approx(1, abs=0.01)


def test_claims_are_true_of_the_state():
    presets = KernelsLab.presets
    base = KernelsState(presets).snapshot()
    assert "narrow" in words.claim(base._replace(width=8), None, None)
    assert "In the limit" in words.claim(base._replace(width=math.inf), None, None)
    alike = SimpleNamespace(K=np.full((3, 3), 2.0) + 1e-3 * np.eye(3))
    assert "alike" in words.claim(base, None, alike)
    assert "alike" not in words.claim(base, None, SimpleNamespace(K=np.eye(3)))
    C = np.array([[4.0, 1.0], [1.0, 1.0]])
    assert words.correlation(C) == pytest.approx(0.5) and words.correlation(0 * C) == 0.0
    for kernel in ("nngp", "ntk"):
        assert words.formula(kernel).count("$") == 2


def test_long_limits_wait_their_turn_and_short_ones_do_not():
    few, many = compute.digits(), compute.digits(tuple(range(10)), 25)
    assert compute.quick_limit(Net.mlp(3, "relu", 1.4, 0.1), few)
    assert not compute.quick_limit(Net.mlp(20, "softplus", 1.4, 0.1), many)


def test_the_file_field_hands_over_what_was_chosen():
    taken = []
    field = dropper(lambda name, content: taken.append((name, content))).objects[0]
    field.param.update(filename="a.csv", value=b"1,2\n\xff3")
    field.param.update(filename="b.csv", value=None)  # what Panel makes of an empty one
    assert taken == [("a.csv", b"1,2\n\xff3"), ("b.csv", b"")]
