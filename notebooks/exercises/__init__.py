"""Checkers of the lectures' exercises: ``check("1.2", answer)`` says in words whether the answer holds.

A checker computes the truth afresh, looks for the usual slips, and names what
to look at; it never shows the value. An answer that is still ``...`` (or a
function that returns nothing) is not judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exercises import architectures, feature_learning, jacobians, master_theorem, semicircle, sums, wide_networks
from exercises.answers import Unanswered, Wrong
from exercises.feature_learning import mystery

__all__ = ["CHECKERS", "Verdict", "check", "mystery"]

CHECKERS: dict[str, Callable[[object], str]] = {
    "1.1": wide_networks.coins,
    "1.2": wide_networks.single_layer_kurtosis,
    "1.3": wide_networks.relu_pair,
    "1.4": wide_networks.nngp_function,
    "1.5": wide_networks.residual_program,
    "1.6": wide_networks.width_for_a_target,
    "2.1": semicircle.inner_share,
    "2.2": semicircle.crossing_pairings,
    "2.3": semicircle.fourth_moment,
    "2.4": semicircle.wigner_matrix,
    "2.5": semicircle.wishart_program,
    "2.6": semicircle.sturm,
    "3.1": master_theorem.recursion,
    "3.2": master_theorem.most_reuse,
    "3.3": master_theorem.memory,
    "3.4": master_theorem.jump,
    "3.5": master_theorem.antisymmetric,
    "3.6": master_theorem.own,
    "4.1": architectures.one_step,
    "4.2": architectures.recurrent_kernel,
    "4.3": architectures.edge,
    "4.4": architectures.attention,
    "4.5": architectures.word_order,
    "5.1": sums.throws,
    "5.2": sums.fourth_moment,
    "5.3": sums.crossings,
    "5.4": sums.tenth_moment,
    "5.5": sums.two_steps,
    "5.6": sums.heavy_rate,
    "6.1": jacobians.chi,
    "6.2": jacobians.vanished,
    "6.3": jacobians.alternating,
    "6.4": jacobians.fourth,
    "6.5": jacobians.singular_values,
    "6.6": jacobians.isometry,
    "7.1": feature_learning.standard_power,
    "7.2": feature_learning.exponent_r,
    "7.3": feature_learning.adaptive_rates,
    "7.4": feature_learning.lagging_layer,
    "7.5": feature_learning.mystery_power,
    "7.6": feature_learning.kernel_layers,
}


@dataclass(frozen=True)
class Verdict:
    """What `check` says. `holds` is None for an exercise not answered yet."""

    holds: bool | None
    words: str

    def __repr__(self) -> str:
        mark = {True: "✓ It holds.", False: "✗ Not yet.", None: "… Not answered yet."}[self.holds]
        return f"{mark} {self.words}".rstrip()


def check(exercise: str, answer) -> Verdict:
    """Judge an answer.

    Parameters
    ----------
    exercise : str
        Its number, "1.1" to "7.6".
    answer
        A number, array, function or program, as the exercise asks; ``...`` while there is none.

    Returns
    -------
    Verdict
        Whether it holds, and what to look at if it does not.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    if exercise not in CHECKERS:
        raise ValueError(f"There is no exercise {exercise!r}; there are {', '.join(CHECKERS)}.")
    if answer is None or answer is ...:
        return Verdict(None, "")
    try:
        return Verdict(True, CHECKERS[exercise](answer))
    except Unanswered:
        return Verdict(None, "")
    except Wrong as wrong:
        return Verdict(False, str(wrong))
