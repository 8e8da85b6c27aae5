r"""What a graph needs of each group once slopes are integrated: numbers that no step changes.

With $\tilde X = [1, X]$, the slopes' prior $w \sim N(m, \sigma^2/\lambda)$ and
$V = I + X X^\top / \lambda$, the likelihood of a group given $u = (b, m)$ is

$$ -\tfrac12 [n \log 2\pi\sigma^2 + \log|V| + (|K u - h|^2 + r) / \sigma^2], $$

where $K^\top K = \tilde X^\top V^{-1} \tilde X$ and $r$ is what least squares leaves. From
$\tilde X^\top \tilde X = L L^\top$ and $M = I + L^\top \mathrm{diag}(0, 1/\lambda) L = C C^\top$
come $K = C^{-1} L^\top$ and $\log|V| = \log|M|$ without a difference of large numbers.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.rt.fit.statistics import GroupStatistics

__all__ = ["GroupConstants"]

# Directions in which a group's rows differ by less than this share count as not seen.
UNSEEN = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class GroupConstants:
    """`root` K and `target` h of each group (times less the group's mean), and sums over groups.

    `rows` counts all rows, `log_det` sums log|V|, `rest` sums what least squares leaves.
    """

    root: Float[ndarray, "groups coefficients coefficients"]
    target: Float[ndarray, "groups coefficients"]
    rows: int
    log_det: float
    rest: float

    @classmethod
    def of(cls, statistics: GroupStatistics, penalty: float) -> Self:
        """The constants at a penalty of slopes."""
        gram = products(statistics)
        size, root = np.linalg.eigh(gram)
        seen = size > UNSEEN * size[:, -1:]
        size = np.where(seen, size, 0.0)
        root = root * np.sqrt(size)[:, None, :]
        slopes = root[:, 1:, :]
        inner = slopes.transpose(0, 2, 1) @ slopes / penalty + np.eye(gram.shape[1])
        factor = np.linalg.cholesky(inner)
        side = np.concatenate([np.zeros((statistics.groups, 1)), statistics.sxy], axis=1)
        # D^-1/2 U' X'y: the part of the times that lies along each direction.
        along = np.einsum("gpd,gp->gd", root, side)
        along = np.divide(along, size, out=np.zeros_like(along), where=seen)
        return cls(
            root=np.linalg.solve(factor, root.transpose(0, 2, 1)),
            target=np.linalg.solve(factor, along[:, :, None])[:, :, 0],
            rows=statistics.rows,
            log_det=float(2 * np.log(np.einsum("gpp->gp", factor)).sum()),
            rest=float(np.maximum(statistics.syy - (along**2).sum(axis=1), 0.0).sum()),
        )


def products(statistics: GroupStatistics) -> Float[ndarray, "groups coefficients coefficients"]:
    """Products of the rows [1, x] of each group."""
    total, mean = statistics.total, statistics.mean_x
    size = 1 + statistics.features
    gram = np.empty((statistics.groups, size, size))
    gram[:, 0, 0] = total
    gram[:, 0, 1:] = gram[:, 1:, 0] = total[:, None] * mean
    gram[:, 1:, 1:] = statistics.sxx + total[:, None, None] * mean[:, :, None] * mean[:, None, :]
    return gram
