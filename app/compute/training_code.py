"""The snippet that trains what the Training lab shows."""

from __future__ import annotations

import math

from tpapp.compute import training, training_tasks
from tpapp.training_results import KernelRequest
from tpcore.abc.numbers import show


def code(request: KernelRequest, width: float, seed: int) -> str:
    """Kernel limit, feature-learning limit and one network, with the numbers of the table."""
    s, r = request.setup, show(training.exponent(request.r))
    r = r if "/" not in r else f'"{r}"'
    q = r if training.exponent(request.r) > 0 else show(training.ZERO_START)
    q = q if "/" not in q or q.startswith('"') else f'"{q}"'
    rule = f"kernel_p = tp.abc.up({q}, L={s.depth})\n"
    if request.trains == "readout":
        rule += f"kernel_p = tp.abc.Parametrization(kernel_p.a, kernel_p.b, {[1] * s.depth + [0]})\n"
    rest = "" if s.depth == 1 else f', method="{training.method(s)}"'
    finite = math.isfinite(width)
    knob = f"{int(width)}**{float(training.exponent(request.r)):g}" if finite else 'float("inf")'
    rest += "" if request.r == 0 else f", gamma={knob}"
    run = (f"network = tp.train.sgd(tp.abc.up({r}, L={s.depth}), task, width={int(width)}, seed={seed}, **options)\n"
           if finite else "")  # fmt: skip
    shown = "kernel, network, feature" if finite else "kernel, feature"
    return (
        f"import tpcore as tp\n\n{training_tasks.code(s.task)}\nframes = {training.frames(s.steps).tolist()}\n"
        f'options = dict(steps={s.steps}, lr={s.lr:g}, phi="{s.phi}", record=frames, at=frames, ntk=True)\n{rule}'
        f"kernel = tp.train.limit(kernel_p, task, **options)\n"
        f"feature = tp.train.limit(tp.abc.mup({s.depth}), task, samples={training.SAMPLES}{rest}, **options)\n{run}"
        f"for machine in ({shown}):\n"
        f'    print(machine, machine.test_loss[-1], machine.alignment()[[0, -1]], machine.delta["dx{s.depth}"][-1])\n'
    )
