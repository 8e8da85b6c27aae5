"""What goes into a lattice sum and what comes out of it."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from numpy import ndarray

__all__ = [
    "CONVERGED",
    "IDENTITY",
    "LOGISTIC",
    "NOT_FINITE",
    "NO_MODE",
    "SINH",
    "TANH",
    "TOO_MANY_NODES",
    "Accuracy",
    "NodeSum",
    "Sums",
]

# Kinds of outer coordinate: the parameter is the coordinate, or a function of it.
IDENTITY, SINH, TANH, LOGISTIC = 0, 1, 2, 3

# Status of one sum.
CONVERGED, TOO_MANY_NODES, NO_MODE, NOT_FINITE = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How finely a lattice is laid.

    `step` in standard deviations; `cut`, how far below the maximum of the log density; the
    tolerances, how far coarser halves of a lattice may differ from the whole, in standard
    deviations, for a lattice along the posterior's axes and for one folded at a scale of zero;
    `cells` of the marginals' fine grids; `side` of the cube that nodes may fill, and their number.
    """

    step: float
    cut: float
    tolerance: float
    tolerance_folded: float
    cells: int
    side: int
    capacity: int


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Summaries of a stack of posteriors, inner parameters first; one that failed holds NaN.

    `covariance` is that of inner parameters 0 and 1, 2 and 3, and so on.
    """

    mean: Float[ndarray, "posteriors parameters"]
    sd: Float[ndarray, "posteriors parameters"]
    low: Float[ndarray, "posteriors parameters"]
    high: Float[ndarray, "posteriors parameters"]
    log_integral: Float[ndarray, " posteriors"]
    status: Int[ndarray, " posteriors"]
    nodes: Int[ndarray, " posteriors"]
    covariance: Float[ndarray, "posteriors pairs"]


@dataclass(frozen=True, slots=True, eq=False)
class NodeSum:
    """One posterior with its nodes: lattice coordinates, weights, inner means and covariances.

    `grids` holds each outer coordinate's marginal on `places`.
    """

    mean: Float[ndarray, " parameters"]
    sd: Float[ndarray, " parameters"]
    log_integral: float
    status: int
    index: Int[ndarray, "nodes outer"]
    weight: Float[ndarray, " nodes"]
    inner: Float[ndarray, "nodes packed"]
    origin: Float[ndarray, " outer"]
    basis: Float[ndarray, "outer outer"]
    folded: Bool[ndarray, " outer"]
    places: Float[ndarray, "outer cells"]
    grids: Float[ndarray, "outer cells"]
