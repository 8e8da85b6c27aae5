r"""When to stop.

The reference code's rules compare with the state at the check before. Its changes are *squared*:

$$\max_{jk} (G - G_{\text{old}})^2_{jk} \big/ \overline{G^2} < \text{tol}$$

so that a tolerance of 0.01 lets an entry move by a tenth of the root mean square. The rules on
factors look at the gauge of the rotation in use.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy import ndarray

from errorbar.core.errors import SettingsError

__all__ = ["ConvStrategy", "Watch", "check_strategy", "usual_tol"]

ConvStrategy = Literal["max_frac_G", "max_frac_A", "rel_frac_loss", "none"]
STRATEGIES = ("max_frac_G", "max_frac_A", "rel_frac_loss", "none")
# Tolerances where none is given: those of the reference code, and a gain that is hardly one.
USUAL = {"rel_frac_loss": 5e-5}
ELSE = 1e-3


def usual_tol(strategy: str) -> float:
    """The tolerance of a rule where a person has none in mind."""
    return USUAL.get(strategy, ELSE)


def check_strategy(strategy: str, tol: float, cadence: int) -> None:
    """Refuse a rule that is not known, and numbers that are none for it."""
    if strategy not in STRATEGIES:
        raise SettingsError(
            f"conv_strategy={strategy!r} is not known; choose one of {', '.join(STRATEGIES)}."
        )
    if not tol >= 0:
        raise SettingsError(f"conv_tol={tol:g} must be positive, or 0 to run to max_iter.")
    if cadence < 1:
        raise SettingsError(f"conv_check_cadence={cadence} must be at least 1.")


@dataclass(slots=True)
class Watch:
    """One rule, the state at its last check, and the change found there."""

    strategy: ConvStrategy
    tol: float
    cadence: int
    held: float | ndarray | None = field(default=None)
    change: float = float("nan")

    @property
    def wants_coefficients(self) -> bool:
        return self.strategy == "max_frac_A"

    def start(self, A: ndarray, G: ndarray) -> None:
        self.held = self._seen(A, G, np.nan)

    def settled(self, it: int, A: ndarray, G: ndarray, objective: float) -> bool:
        """Whether the state after iteration `it` (from 1) is close to that of the last check."""
        if self.strategy == "none" or it % self.cadence:
            return False
        seen, held = self._seen(A, G, objective), self.held
        self.held = seen
        if held is None or seen is None:
            return False
        if isinstance(seen, float):
            moved, size = abs(held - seen), abs(seen)
        else:
            moved, size = float(np.max((seen - held) ** 2)), float(np.mean(seen**2))
        self.change = float(moved / size) if size > 0 else 0.0 if moved == 0 else float("nan")
        return bool(moved <= self.tol * size)

    def _seen(self, A: ndarray, G: ndarray, objective: float) -> float | ndarray | None:
        if self.strategy == "rel_frac_loss":
            return objective
        if self.strategy == "none":
            return None
        return (A if self.wants_coefficients else G).copy()
