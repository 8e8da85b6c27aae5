"""A factorisation: coefficients, basis, how it was reached."""

from dataclasses import dataclass

from jaxtyping import Float
from numpy import ndarray

__all__ = ["RHMFState"]


@dataclass(frozen=True, slots=True, eq=False)
class RHMFState:
    """Coefficients `A`, basis `G` and the number of iterations behind them.

    With a mean the last basis vector is that mean and its coefficients are one.
    """

    A: Float[ndarray, "rows rank"]
    G: Float[ndarray, "pixels rank"]
    it: int = 0

    @property
    def rank(self) -> int:
        return self.G.shape[1]
