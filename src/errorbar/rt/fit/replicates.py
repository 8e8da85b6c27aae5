r"""Several peaks of one compound in one run share most of their error: they are one measurement.

Satellites of a peak, or repeated records of it, are put together as their mean. With the
correlation $\rho$ of their errors a mean of $n$ has the variance
$\sigma^2 (\rho + (1 - \rho) / n)$, so its row weighs $1 / (\rho + (1 - \rho) / n)$;
$\sigma^2 (1 - \rho)$ is the variance found within such sets.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.rt.data import Peaks

__all__ = ["Replicates"]


@dataclass(frozen=True, slots=True, eq=False)
class Replicates:
    """Rows of one run and pair as one: `peaks` with the `count` that each stands for.

    `within` is the variance found within sets, `sets` the number of those with several rows.
    """

    peaks: Peaks
    count: Int[ndarray, " rows"]
    within: float
    sets: int

    @classmethod
    def of(cls, peaks: Peaks) -> Self:
        """The rows of a table put together; the table itself where none repeats."""
        identity = np.stack([peaks.run, peaks.species, peaks.compound], axis=1)
        _, first, which, count = np.unique(
            identity, axis=0, return_index=True, return_inverse=True, return_counts=True
        )
        which = which.reshape(-1)
        if len(count) == len(peaks):
            return cls(peaks, np.ones(len(peaks), dtype=np.int64), 0.0, 0)
        start = peaks.rt.mean()
        mean = np.bincount(which, peaks.rt - start) / count
        spare = int((count - 1).sum())
        within = float(((peaks.rt - start - mean[which]) ** 2).sum() / spare)
        order = np.argsort(first)
        rows = first[order]
        merged = replace(peaks.select(rows), rt=mean[order] + start)
        return cls(merged, count[order], within, int((count > 1).sum()))

    def weight(self, noise: float) -> Float[ndarray, " rows"]:
        """How much each row weighs beside a single peak whose error has the variance `noise`."""
        own = min(self.within / noise, 1.0) if self.within else 0.0
        return 1.0 / (1.0 - own + own / self.count)
