r"""How strange a class would be for a row: the scores that conformal sets are cut from.

- **LAC**, $1 - p_k$: the smallest sets on average, and the least even coverage (Sadinle, Lei &
  Wasserman 2019, arXiv:1609.00451);
- **APS**, the probability of all classes at least as likely as $k$ (Romano, Sesia & Candès 2020,
  arXiv:2006.02544): larger for hard rows, smaller for easy ones;
- **RAPS**, APS and a penalty $\lambda$ for each rank beyond $r$ (Angelopoulos et al. 2021,
  arXiv:2009.14193): fewer very large sets.

Randomised, APS and RAPS leave out a uniform share $u$ of the probability of $k$ itself, which makes
coverage exact; otherwise sets are a little too large. Classes of one probability are taken
together, so that no score depends on the order of the columns.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

__all__ = ["ScoreName", "class_scores"]

ScoreName = Literal["lac", "aps", "raps"]


def class_scores(
    probs: Float[ndarray, "rows classes"],
    score: ScoreName,
    u: Float[ndarray, " rows"] | None = None,
    *,
    penalty: float = 0.01,
    free_rank: int = 1,
) -> Float[ndarray, "rows classes"]:
    """The score of every class for every row; `u` are the uniform numbers, one a row."""
    if score == "lac":
        return 1.0 - probs
    before, upto, rank = _cumulated(probs)
    found = upto if u is None else before + (1.0 - u[:, None]) * (upto - before)
    if score == "raps":
        found = found + penalty * np.maximum(rank - free_rank, 0)
    return found


def _cumulated(
    probs: Float[ndarray, "rows classes"],
) -> tuple[
    Float[ndarray, "rows classes"], Float[ndarray, "rows classes"], Float[ndarray, "rows classes"]
]:
    """Probability of likelier classes, that and of those as likely, and how many those are."""
    order = np.argsort(-probs, axis=1, kind="stable")
    ordered = np.take_along_axis(probs, order, axis=1)
    total = np.cumsum(ordered, axis=1)
    falls = np.diff(ordered, axis=1) < 0
    edge = np.ones((len(probs), 1), dtype=np.bool_)
    first, last = np.hstack([edge, falls]), np.hstack([falls, edge])
    earlier = np.hstack([np.zeros((len(probs), 1)), total[:, :-1]])
    count = np.cumsum(np.ones(ordered.shape), axis=1)
    before = np.maximum.accumulate(np.where(first, earlier, 0.0), axis=1)
    upto = _from_the_right(np.where(last, total, np.inf))
    rank = _from_the_right(np.where(last, count, np.inf))
    back = np.argsort(order, axis=1)
    return (
        np.take_along_axis(before, back, axis=1),
        np.take_along_axis(upto, back, axis=1),
        np.take_along_axis(rank, back, axis=1),
    )


def _from_the_right(values: ndarray) -> ndarray:
    return np.minimum.accumulate(values[:, ::-1], axis=1)[:, ::-1]
