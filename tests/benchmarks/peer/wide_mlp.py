"""The peer's side of the kernel benchmark: runs inside its own environment and answers one line a request.

Command line: the inputs (.npy), where to write answers (.npz). Request, a JSON line: phi, depth, sigma_w, sigma_b,
repeats, degree (of the numerical transform), rows (a block of the kernel: that many inputs against all of them; 0:
all), arrays. Answer: {"seconds": [..]}, timed warm, without the time of compilation.
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


def kernel(request):
    """The compiled function (x1, x2 or None) -> (nngp, ntk) of one request."""
    dense = dict(W_std=request["sigma_w"], b_std=request["sigma_b"])
    layers = []
    for _ in range(request["depth"]):
        layers += [stax.Dense(1, **dense), activation(request["phi"], request["degree"])]
    kernel_fn = stax.serial(*layers, stax.Dense(1, **dense))[2]
    return jax.jit(lambda x1, x2: tuple(kernel_fn(x1, x2, ("nngp", "ntk"))))


def main():
    inputs = jnp.asarray(np.load(sys.argv[1]))
    compiled = {}
    print(json.dumps({"inputs": str(inputs.dtype)}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        key = tuple(request[name] for name in ("phi", "depth", "sigma_w", "sigma_b", "degree", "rows"))
        rows = request["rows"]
        arguments = (inputs[:rows], inputs) if rows else (inputs, None)
        if key not in compiled:
            compiled[key] = kernel(request)
            jax.block_until_ready(compiled[key](*arguments))
        seconds = []
        for _ in range(request["repeats"]):
            start = time.perf_counter()
            nngp, ntk = jax.block_until_ready(compiled[key](*arguments))
            seconds.append(time.perf_counter() - start)
        if request.get("arrays"):
            np.savez(sys.argv[2], nngp=np.asarray(nngp), ntk=np.asarray(ntk))
        print(json.dumps({"seconds": seconds}), flush=True)


main()
