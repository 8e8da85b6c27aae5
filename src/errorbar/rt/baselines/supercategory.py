r"""The Bayesian ridge of CompAssign's supercategory baseline, without sampling.

Rows of a pair are $y = b + X w + e$ with $e \sim N(0, \sigma^2)$, a flat $b$ and
$w \sim N(0, \sigma^2 \Lambda^{-1})$. With the centred sums of `solve`, $b$ and $w$ integrate out:

$$\log p(y) = -\tfrac12 \sum_g \left[ (n_g - 1) \log 2 \pi \sigma^2 + \log |A_g| - \log |\Lambda|
+ r_g / \sigma^2 \right],$$

the density of all contrasts between rows of a pair. In $\sigma$, the only number that pairs share,
it is a power times an exponential, so its mode is known in closed form, with a half-normal prior on
$\sigma$ too.
"""

import numpy as np

from errorbar.core.errors import FitError, SettingsError
from errorbar.rt.artifacts import CoeffSummaries
from errorbar.rt.baselines.solve import Penalty, check_penalty, pair_sums, solve_ridge, summarise
from errorbar.rt.data.peaks import Peaks

__all__ = ["fit_supercategory_ridge", "supercategory_evidence"]


def fit_supercategory_ridge(
    peaks: Peaks,
    *,
    group_col: str = "species_cluster",
    penalty: Penalty = 3e-4,
    sigma_scale: float | None = None,
) -> CoeffSummaries:
    """Ridge of each group and compound with one noise for all, the most probable one.

    Slopes and intercepts are those of `fit_ridge` at the same penalty. `sigma_scale` is the scale,
    in minutes, of a half-normal prior on the noise (CompAssign has 0.05), whose mode is then that
    of log sigma; with None it is the marginal likelihood's.
    """
    if sigma_scale is not None and not sigma_scale > 0:
        raise SettingsError(f"sigma_scale={sigma_scale:g} must be positive, or None for no prior.")
    each = check_penalty(penalty, peaks.features)
    sums, center = pair_sums(peaks, group_col)
    solution = solve_ridge(sums, each)
    contrasts, rest = int((sums.count - 1).sum()), float(solution.rest.sum())
    if contrasts == 0 or not rest > 0:
        raise FitError(
            f"{len(sums)} pairs have {contrasts} rows beyond their first, and the squares that the "
            f"ridge leaves of them are {rest:g}: the noise cannot be told from that."
        )
    sigma2 = np.full(len(sums), _mode(contrasts, rest, sigma_scale))
    return summarise(peaks, group_col, sums, solution, sigma2, center)


def supercategory_evidence(
    peaks: Peaks,
    *,
    sigma2: float,
    group_col: str = "species_cluster",
    penalty: Penalty = 3e-4,
) -> float:
    """The log of the marginal likelihood above, without any prior of the noise."""
    if not sigma2 > 0:
        raise SettingsError(f"sigma2={sigma2:g} must be positive.")
    each = check_penalty(penalty, peaks.features)
    sums, _ = pair_sums(peaks, group_col)
    solution = solve_ridge(sums, each)
    terms = (sums.count - 1) * np.log(2 * np.pi * sigma2) + solution.log_det
    return -0.5 * float((terms - np.log(each).sum() + solution.rest / sigma2).sum())


def _mode(contrasts: int, rest: float, scale: float | None) -> float:
    """Noise squared at the mode: of the likelihood, or of the posterior of log sigma."""
    if scale is None:
        return rest / contrasts
    # The positive root of u^2 / s^2 + (N - 1) u - Q = 0, written so that nothing cancels.
    half = contrasts - 1
    return 2 * rest / (half + np.sqrt(half**2 + 4 * rest / scale**2))
