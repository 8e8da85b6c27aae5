"""Coefficients of rows on a basis that stands still."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.hmf.fit.kernel.passes import Rule
from errorbar.hmf.fit.rows import Device, at_hand
from errorbar.hmf.model import Likelihood, Regulariser

__all__ = ["RowFit", "infer_coefficients", "objective_of"]

# The squared share by which rounding in single precision moves coefficients, with room to spare.
REACH = float(8.0 * np.finfo(np.float32).eps) ** 2


@dataclass(frozen=True, slots=True, eq=False)
class RowFit:
    """Coefficients, the passes that each row took, and whether it came to rest.

    A row without a valid pixel has coefficients of zero: it is at rest, and nothing is known.
    """

    A: Float[ndarray, "rows rank"]
    passes: Int[ndarray, " rows"]

    @property
    def converged(self) -> ndarray:
        return self.passes > 0


def infer_coefficients(
    Y: ndarray,
    W: ndarray,
    G: ndarray,
    likelihood: Likelihood,
    *,
    regulariser: Regulariser | None = None,
    max_iter: int = 100,
    tol: float = 1e-3,
    start: ndarray | None = None,
    workers: int | None = None,
    device: Device = "auto",
) -> RowFit:
    """Fit every row for itself: first by least squares, then with weights that follow residuals.

    A row stops by itself, when the largest squared change of a coefficient is below `tol` times
    their mean square; the rows beside it neither wait for it nor hold it up. Coefficients of data
    in single precision do not come closer than `REACH`, which stands for any smaller tolerance but
    zero, with which each row takes `max_iter` passes.
    """
    if max_iter < 1:
        raise SettingsError(f"max_iter={max_iter} must be at least 1.")
    if not tol >= 0:
        raise SettingsError(f"tol={tol:g} must be zero or positive.")
    held = Regulariser() if regulariser is None else regulariser
    rule = Rule(likelihood.c, 1, held.ridge, held.nonnegative, held.mean)
    basis = np.ascontiguousarray(G, dtype=np.float64)
    A = np.zeros((len(Y), basis.shape[1]))
    if start is not None:
        A[:] = start
    if held.mean:
        A[:, -1] = 1.0
    if 0 < tol < REACH and Y.dtype == np.float32:
        tol = REACH
    with at_hand(Y, W, rule, workers, device) as rows:
        passes = rows.infer(A, basis, rule, most=max_iter, tol=tol)
    return RowFit(A, passes)


def objective_of(
    Y: ndarray,
    W: ndarray,
    A: ndarray,
    G: ndarray,
    likelihood: Likelihood,
    *,
    workers: int | None = None,
    device: Device = "auto",
) -> float:
    """The objective of a factorisation, with no matrix of residuals in memory."""
    basis = np.ascontiguousarray(G, dtype=np.float64)
    held = np.array(A, dtype=np.float64)
    still = Rule(likelihood.c, refits=0)
    with at_hand(Y, W, still, workers, device) as rows:
        return rows.move(held, basis, still).objective
