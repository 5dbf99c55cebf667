"""Training: networks whose SGD steps are lines of a program, losses, kernel gradient descent.

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
