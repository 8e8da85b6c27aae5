"""Lasso of each pair: the production baseline, with its alpha from cross-validation.

What it does is scikit-learn's: `StandardScaler`, then `LassoCV` with at most five folds of
neighbouring rows where a pair has five rows or more, else `Lasso(alpha=0.01)`. How it does it is
`descent`: scikit-learn spends its time between the small problems, and these are many.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.artifacts import design_matrix
from errorbar.rt.baselines.groups import group_rows
from errorbar.rt.data.keys import find_places, pair_keys
from errorbar.rt.data.peaks import Peaks

__all__ = ["LassoFit", "fit_lasso"]

# Alphas from the one that leaves no slope down to a thousandth of it, as LassoCV has them.
GRID = np.geomspace(1.0, 1e-3, 100)

# That of pairs too small for folds.
SHALLOW = np.array([0.01])

# Pairs between two calls of `progress`.
BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class LassoFit:
    """A lasso for each pair that had rows enough, sorted by key.

    `beta` is the intercept and the slopes of `feature_names`, on the covariates as they are.
    `too_few` pairs had fewer rows than `min_rows`.
    """

    feature_names: tuple[str, ...]
    group_col: str
    group_keys: Int[ndarray, " groups"]
    n_obs: Int[ndarray, " groups"]
    beta: Float[ndarray, "groups cols"]
    alpha: Float[ndarray, " groups"]
    min_rows: int
    too_few: int

    def __len__(self) -> int:
        return len(self.group_keys)

    def predict(self, peaks: Peaks) -> tuple[Float[ndarray, " rows"], Bool[ndarray, " rows"]]:
        """Times of the peaks, NaN where their pair has no lasso, and which of them have one."""
        x = design_matrix(peaks, self.feature_names)
        at = find_places(self.group_keys, pair_keys(peaks.group(self.group_col), peaks.compound))
        scored = at >= 0
        mean = np.full(len(peaks), np.nan)
        beta = self.beta[at[scored]]
        mean[scored] = beta[:, 0] + (beta[:, 1:] * x[scored]).sum(axis=1)
        return mean, scored


def fit_lasso(
    peaks: Peaks,
    *,
    group_col: str = "species",
    folds: int = 5,
    min_rows: int = 3,
    progress: Callable[[int, int], None] | None = None,
) -> LassoFit:
    """A lasso of each group and compound with at least `min_rows` rows.

    `progress` is told how many pairs are done, of how many. Folds are of neighbouring rows, so the
    order of a pair's rows matters, as it does in scikit-learn.
    """
    # Compiled on first use, which takes seconds once for an installation.
    from errorbar.rt.baselines.descent import fit_batch

    if folds < 2 or min_rows < 1:
        raise SettingsError(f"folds={folds} must be 2 or more, and min_rows={min_rows} 1 or more.")
    if not len(peaks):
        raise TableError("there are no peaks, so there is nothing to fit: read some first.")
    peaks.check_measured()
    keys = pair_keys(peaks.group(group_col), peaks.compound)
    order, starts, counts = group_rows(keys)
    x = np.ascontiguousarray(peaks.covariates[order], dtype=np.float64)
    y = peaks.rt[order].astype(np.float64)
    enough = np.flatnonzero(counts >= min_rows)
    beta = np.empty((len(enough), peaks.features + 1))
    alpha = np.empty(len(enough))
    for begin in range(0, len(enough), BATCH):
        part = slice(begin, begin + BATCH)
        chosen = enough[part]
        fit_batch(
            x, y, starts[chosen], counts[chosen], folds, GRID, SHALLOW, beta[part], alpha[part]
        )
        if progress is not None:
            progress(min(begin + BATCH, len(enough)), len(enough))
    return LassoFit(
        feature_names=peaks.feature_names,
        group_col=group_col,
        group_keys=keys[order[starts[enough]]],
        n_obs=counts[enough],
        beta=beta,
        alpha=alpha,
        min_rows=min_rows,
        too_few=len(starts) - len(enough),
    )
