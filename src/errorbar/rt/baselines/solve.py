r"""Ridge regression of many groups at once, from their centred sums.

With $A = X_c^\top X_c + \Lambda$ a group's slopes are $w = A^{-1} X_c^\top y_c$, its intercept,
which is not penalised, $b = \bar y - \bar x^\top w$, and with noise $\sigma^2$ the covariances are
$\mathrm{Cov}(w) = \sigma^2 A^{-1}$, $\mathrm{Cov}(b, w) = -\sigma^2 A^{-1} \bar x$ and
$\mathrm{Var}(b) = \sigma^2 (1/n + \bar x^\top A^{-1} \bar x)$.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.core.errors import FitError, SettingsError
from errorbar.rt.artifacts import CoeffSummaries, is_derived
from errorbar.rt.baselines.groups import GroupSums, compound_labels, parents, sum_groups
from errorbar.rt.data.keys import find_places, pair_keys
from errorbar.rt.data.peaks import Peaks

__all__ = ["Penalty", "RidgeSolution", "check_penalty", "pair_sums", "solve_ridge", "summarise"]

# One number, or one for each covariate.
Penalty = float | Float[ndarray, " features"]


@dataclass(frozen=True, slots=True, eq=False)
class RidgeSolution:
    """Slopes, inverses of `A` with the logs of its determinants, and what is left of the squares.

    `rest` is $y_c^\\top y_c - w^\\top X_c^\\top y_c$: residuals and penalty together.
    """

    weights: Float[ndarray, "groups features"]
    inverse: Float[ndarray, "groups features features"]
    log_det: Float[ndarray, " groups"]
    rest: Float[ndarray, " groups"]


def check_penalty(penalty: Penalty, features: int) -> Float[ndarray, " features"]:
    """A penalty for each covariate, all of them positive."""
    each = np.asarray(penalty, dtype=np.float64)
    if each.shape not in ((), (features,)):
        raise SettingsError(
            f"penalty {each.shape} must be one number, or one for each of {features} covariates."
        )
    each = np.broadcast_to(each, (features,))
    bad = np.flatnonzero(~((each > 0) & np.isfinite(each)))
    if bad.size:
        raise SettingsError(
            f"penalty must be positive, not {each[bad[0]]:g}: a group may have fewer rows than "
            "covariates, and then nothing else decides its slopes."
        )
    return each


def pair_sums(peaks: Peaks, group_col: str) -> tuple[GroupSums, Float[ndarray, " features"] | None]:
    """Sums of each group and compound, and the centre that was taken off the covariates.

    The centre is of float32, as files keep it; there is none where covariates are derived.
    """
    peaks.check_measured()
    center = None
    x = peaks.covariates.astype(np.float64)
    if len(peaks) and not any(map(is_derived, peaks.feature_names)):
        center = x.mean(axis=0).astype(np.float32).astype(np.float64)
        x -= center
    return sum_groups(pair_keys(peaks.group(group_col), peaks.compound), x, peaks.rt), center


def solve_ridge(sums: GroupSums, penalty: Float[ndarray, " features"]) -> RidgeSolution:
    """Slopes of all groups, by a batch of Cholesky factors."""
    A = sums.xx + np.diag(penalty)
    try:
        factor = np.linalg.cholesky(A)
    except np.linalg.LinAlgError as error:
        raise FitError(
            f"products of covariates reach {float(sums.xx.max(initial=0)):.3g}, beside which the "
            f"penalty {float(penalty.min()):.3g} is lost in rounding: scale the covariates down, "
            "or raise the penalty."
        ) from error
    half = np.linalg.inv(factor)
    inverse = half.transpose(0, 2, 1) @ half
    reduced = (half @ sums.xy[:, :, None])[:, :, 0]
    weights = (half.transpose(0, 2, 1) @ reduced[:, :, None])[:, :, 0]
    log_det = 2 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    # At an exact fit rounding may leave a hair less than nothing.
    rest = np.maximum(sums.yy - np.square(reduced).sum(axis=1), 0)
    return RidgeSolution(weights, inverse, log_det, rest)


def summarise(
    peaks: Peaks,
    group_col: str,
    sums: GroupSums,
    solution: RidgeSolution,
    sigma2: Float[ndarray, " groups"],
    center: Float[ndarray, " features"] | None,
) -> CoeffSummaries:
    """Coefficients with their covariances, given each group's noise."""
    groups, features = solution.weights.shape
    compounds, chem, classes = compound_labels(peaks)
    compound = peaks.compound[sums.first].astype(np.int64)
    label = find_places(compounds, compound)
    pull = (solution.inverse @ sums.x_mean[:, :, None])[:, :, 0]
    beta, cov = np.empty((groups, features + 1)), np.empty((groups, features + 1, features + 1))
    beta[:, 0] = sums.y_mean - (sums.x_mean * solution.weights).sum(axis=1)
    beta[:, 1:] = solution.weights
    cov[:, 0, 0] = 1 / sums.count + (pull * sums.x_mean).sum(axis=1)
    cov[:, 0, 1:] = cov[:, 1:, 0] = -pull
    cov[:, 1:, 1:] = solution.inverse
    cov *= sigma2[:, None, None]
    return CoeffSummaries(
        feature_names=peaks.feature_names,
        group_keys=sums.keys,
        species_cluster=_ids(peaks, group_col, sums.first),
        comp_id=compound,
        chem_id=chem[label],
        compound_class=classes[label],
        n_obs=sums.count.astype(np.int64),
        beta_hat=beta,
        beta_var_diag=np.diagonal(cov, axis1=1, axis2=2).copy(),
        sigma2_mean=sigma2,
        group_col=group_col,
        supercat_id=parents(peaks, sums.first) if group_col == "species" else None,
        beta_cov=cov,
        feature_center=center,
    )


def _ids(peaks: Peaks, group_col: str, first: Int[ndarray, " groups"]) -> Int[ndarray, " groups"]:
    return peaks.group(group_col)[first].astype(np.int64)
