"""The peer's side of the kernel benchmark: runs inside its own environment and answers one line a request.

Command line: the inputs (.npy), where to write answers (.npz). Request, a JSON line: kind (mlp, resnet, layernorm or
cnn), phi, depth, sigma_w, sigma_b, get (["nngp"], ["ntk"] or both), repeats, degree (of the numerical transform), rows
(a block of the kernel: that many inputs against all of them; 0: all), count (of inputs, 0: all), arrays. Answer:
{"seconds": [..]}, timed warm, without the time of compilation.
"""

import json
import sys
import time
import types
import warnings

import jax

jax.config.update("jax_enable_x64", True)
# the experimental package needs TensorFlow and is not used here
sys.modules["neural_tangents.experimental"] = types.ModuleType("neural_tangents.experimental")
warnings.simplefilter("ignore")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from neural_tangents import stax  # noqa: E402


def activation(phi, degree):
    """The layer of an activation: closed form, or the numerical transform of the given degree."""
    if phi == "tanh":
        return stax.ElementwiseNumerical(jnp.tanh, deg=degree)
    return {"relu": stax.Relu, "erf": stax.Erf, "gelu": stax.Gelu}[phi]()


def layers_of(request):
    """The layers of a network."""
    dense = dict(W_std=request["sigma_w"], b_std=request["sigma_b"])
    phi, depth = lambda: activation(request["phi"], request.get("degree", 25)), request["depth"]
    if request["kind"] == "resnet":
        branch = lambda: stax.parallel(stax.Identity(), stax.serial(phi(), stax.Dense(1, **dense)))  # noqa: E731
        blocks = [layer for _ in range(depth) for layer in (stax.FanOut(2), branch(), stax.FanInSum())]
        return [stax.Dense(1, **dense), *blocks, phi(), stax.Dense(1, **dense)]
    if request["kind"] == "cnn":
        body = [layer for _ in range(depth) for layer in (stax.Conv(1, (3, 3), padding="SAME", **dense), phi())]
        return [*body, stax.GlobalAvgPool(), stax.Dense(1, **dense)]
    norm = [stax.LayerNorm()] if request["kind"] == "layernorm" else []
    body = [layer for _ in range(depth) for layer in (stax.Dense(1, **dense), *norm, phi())]
    return [*body, stax.Dense(1, **dense)]


def kernel(request):
    """The compiled function (x1, x2 or None) -> what is asked of one request."""
    kernel_fn, get = stax.serial(*layers_of(request))[2], tuple(request["get"])
    return jax.jit(lambda x1, x2: tuple(kernel_fn(x1, x2, get)))


def inputs_of(request, inputs):
    """What the compiled function is called with."""
    inputs = inputs[: request.get("count") or len(inputs)]
    if request["kind"] == "cnn":
        inputs = inputs.reshape(len(inputs), 8, 8, 1)
    rows = request.get("rows", 0)
    return (inputs[:rows], inputs) if rows else (inputs, None)


def main():
    inputs = jnp.asarray(np.load(sys.argv[1]))
    compiled = {}
    print(json.dumps({"inputs": str(inputs.dtype)}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        key = json.dumps({name: value for name, value in request.items() if name not in ("repeats", "arrays")})
        arguments = inputs_of(request, inputs)
        if key not in compiled:
            compiled[key] = kernel(request)
            jax.block_until_ready(compiled[key](*arguments))
        seconds = []
        for _ in range(request["repeats"]):
            start = time.perf_counter()
            found = jax.block_until_ready(compiled[key](*arguments))
            seconds.append(time.perf_counter() - start)
        if request.get("arrays"):
            np.savez(sys.argv[2], **{name: np.asarray(K) for name, K in zip(request["get"], found)})
        print(json.dumps({"seconds": seconds}), flush=True)


main()
