"""Named programs: the products, algorithms and networks that Tensor Programs are explained with.

``gallery.EXAMPLES`` in the order of a lecture; ``gallery.get("wwt").build()`` is a `Program`. Each `Example` says what
to look at, and what the naive rule (every transpose an independent matrix) gets wrong in it.
"""

from tpcore import checks
from tpcore.gallery import iterations, networks, products, training
from tpcore.gallery.example import Example

EXAMPLES: tuple[Example, ...] = (
    *products.EXAMPLES,
    *training.EXAMPLES,
    *iterations.EXAMPLES,
    *networks.EXAMPLES,
    *training.STEPS,
)
NAMES = tuple(example.name for example in EXAMPLES)
_BY_NAME = dict(zip(NAMES, EXAMPLES, strict=True))


def get(name: str) -> Example:
    """The example called `name`.

    Raises
    ------
    Misuse
        If there is none; it names the nearest.
    """
    return _BY_NAME[checks.choice("The name of an example", name, NAMES)]


__all__ = ["EXAMPLES", "NAMES", "Example", "get"]
