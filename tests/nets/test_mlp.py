"""MLPs: their description, their program, what they refuse."""

import json

import numpy as np
import pytest

from tests.cases import CASES, parametrized, points
from tpcore.activations import custom, leaky_relu
from tpcore.errors import Misuse
from tpcore.nets import MLP, from_spec


@parametrized([case for case in CASES if case.id != "mlp-custom"])
def test_a_description_goes_through_json_and_back(case):
    text = json.dumps(case.net.spec())
    again = from_spec(json.loads(text))
    assert again == case.net and hash(again) == hash(case.net) and repr(again) == repr(case.net)


def test_equality_sees_every_field():
    net = MLP(3, "relu", 1.4, 0.1, 0.9)
    others = [MLP(2, "relu", 1.4, 0.1, 0.9), MLP(3, "erf", 1.4, 0.1, 0.9), MLP(3, "relu", 1.5, 0.1, 0.9),
              MLP(3, "relu", 1.4, 0.2, 0.9), MLP(3, "relu", 1.4, None, 0.9), MLP(3, "relu", 1.4, 0.1)]
    assert all(net != other for other in others) and net != "MLP"
    assert MLP(1, leaky_relu(0.1)) == MLP(1, "leaky_relu(0.1)") != MLP(1, "leaky_relu(0.2)")
    assert MLP(2, "relu", 1.4, None) != MLP(2, "relu", 1.4, 0.0)


def test_repr_is_code():
    net = MLP(3, "relu", 1.4142, 0.1)
    assert repr(net) == "MLP(depth=3, phi='relu', sigma_w=1.4142, sigma_b=0.1)"
    assert eval(repr(MLP(2, "leaky_relu(0.2)", 1.5, None, 0.5))) == MLP(2, leaky_relu(0.2), 1.5, None, 0.5)


def test_a_user_function_has_no_description():
    def relu(x):
        return np.sin(x) * x

    phi = custom(relu)
    net = MLP(2, phi)
    assert net == MLP(2, phi) and net != MLP(2, "relu")
    with pytest.raises(Misuse, match="names.*own"):
        net.spec()


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: MLP(0), "depth"),
        (lambda: MLP(2.5), "depth"),
        (lambda: MLP(2, "rleu"), "relu"),
        (lambda: MLP(2, "relu", -1.0), "sigma_w"),
        (lambda: MLP(2, "relu", 1.0, float("nan")), "sigma_b"),
        (lambda: MLP(2, "relu", 1.0, 0.1, -2), "sigma_v"),
        (lambda: MLP(2, 7), "activation"),
        (lambda: MLP(2).program(np.zeros(3)), "axes"),
        (lambda: MLP(2).program([[np.inf]]), "finite"),
        (lambda: MLP(2).program(np.zeros((0, 3))), "at least one"),
        (lambda: from_spec({"depth": 2}), "'net'"),
        (lambda: from_spec({"net": "MPL", "depth": 2}), "MLP"),
        (lambda: from_spec({"net": "MLP"}), "depth"),
        (lambda: from_spec({"net": "MLP", "depth": 2, "sigma": 1}), "sigma_"),
        (lambda: from_spec({"net": "MLP", "depth": 2, "phi": 3}), "name"),
        (lambda: from_spec(3), "mapping"),
    ],
)
def test_misuse_is_refused_in_words(make, word):
    with pytest.raises(Misuse, match=word):
        make()


def test_the_program_is_the_network():
    prog = MLP(3, "gelu", 1.3, 0.4, 0.9).program(points())
    assert prog.fragment == "netsor"
    kinds = {prog.node(n).kind for n in ("h1", "h2", "h3")}
    assert kinds == {"G"} and prog.node("x3").kind == "H" and prog.node("h3").shape == (5,)
    assert prog.node("W2").op.variance == pytest.approx(1.3**2)
    cov = prog.node("h1").op.group.cov
    X = points()
    np.testing.assert_allclose(cov, 1.69 * X @ X.T / 7 + 0.16, rtol=1e-14)
    without = MLP(3, "gelu", 1.3, None).program(points())
    assert "b2" in prog and "b2" not in without
