"""The peer's side of the training benchmark: runs inside its own environment and answers one line a request.

Request, a JSON line: width, depth, steps, lr, threads, repeats, optimizer ("sgd" or "adam"). The network is
h^1 = W^1 xi, x^l = tanh(h^l), h^{l+1} = W^{l+1} x^l, f = W^{L+1} x^L in float32, without biases, in muP; four inputs in
three dimensions, full batch, mean (f - y)^2 / 2. Answer: {"seconds": [..], "f": [..]}, timed warm: drawing the weights
and all steps, with f recorded at each.
"""

import json
import sys
import time

import torch

X = torch.tensor([[1.2, -0.4, 0.6], [-0.3, 0.9, 1.1], [0.7, 1.0, -0.8], [-1.1, 0.2, 0.5]])
Y = torch.tensor([1.0, -0.7, 0.4, -1.3])


def train(n, depth, steps, lr, optimizer):
    """One network, drawn and trained."""
    sizes = [3] + [n] * depth + [1]
    scales = [1.0] + [n**-0.5] * (depth - 1) + [1.0 / n]
    layers = [torch.nn.Linear(a, b, bias=False) for a, b in zip(sizes[:-1], sizes[1:])]
    for layer, scale in zip(layers, scales):
        torch.nn.init.normal_(layer.weight, std=scale)
    net = torch.nn.Sequential(*[part for layer in layers[:-1] for part in (layer, torch.nn.Tanh())], layers[-1])
    rates = [lr * n] + [lr] * (depth - 1) + [lr / n]
    if optimizer == "adam":
        rates = [lr] + [lr / n] * (depth - 1) + [lr / n]
    groups = [{"params": layer.parameters(), "lr": rate} for layer, rate in zip(layers, rates)]
    step = (torch.optim.SGD if optimizer == "sgd" else torch.optim.Adam)(groups)
    found = []
    for _ in range(steps):
        step.zero_grad(set_to_none=True)
        f = net(X)[:, 0]
        found.append(f.detach().tolist())
        loss = ((f - Y) ** 2).mean() / 2
        loss.backward()
        step.step()
    with torch.no_grad():
        found.append(net(X)[:, 0].tolist())
    return found


def main():
    """Answer requests until the input ends."""
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        ask = json.loads(line)
        torch.set_num_threads(ask["threads"])
        seconds, work = [], lambda: train(ask["width"], ask["depth"], ask["steps"], ask["lr"], ask["optimizer"])
        work()
        for _ in range(ask["repeats"]):
            began = time.perf_counter()
            f = work()
            seconds.append(time.perf_counter() - began)
        print(json.dumps({"seconds": seconds, "f": f[-1]}), flush=True)


main()
