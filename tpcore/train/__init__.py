"""Training in any abc-parametrization: networks of finite width, and what they tend to.

``sgd(tp.abc.mup(2), Task(X, y), width=1024)`` trains one network, `ladder` many; ``limit(p, task)`` is the limit, by
the phase of p: kernel gradient descent, the unrolled program's limit, or words. All of them give a `History`. `task`
makes named tasks.

``unroll(model, X, y, steps, lr)`` is a program like any other: ``series(tp.limit(prog), "f")`` is the trajectory of
the outputs at infinite width, ``series(tp.run(prog, width), "f")`` one at finite width.
"""

from tpcore.train.descent import kernel_descent
from tpcore.train.finite import ladder, sgd
from tpcore.train.history import History
from tpcore.train.infinite import limit
from tpcore.train.losses import LOSSES, Loss
from tpcore.train.models import MLPModel, RNNModel
from tpcore.train.tasks import TASKS, Task, task
from tpcore.train.unroll import series, unroll

__all__ = [
    "LOSSES",
    "TASKS",
    "History",
    "Loss",
    "MLPModel",
    "RNNModel",
    "Task",
    "kernel_descent",
    "ladder",
    "limit",
    "series",
    "sgd",
    "task",
    "unroll",
]
