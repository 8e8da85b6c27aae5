r"""A fitted model in the files that other programs read.

Coefficients are about the covariates' mean. Files have no centre for covariates that are computed
from others, so theirs are about zero: $u' = (1, x) = (1, x - c) T^{-1}$ with
$T^{-1} = \begin{pmatrix} 1 & c^\top \\ 0 & I \end{pmatrix}$, so that $\beta' = T \beta$ and
$\mathrm{Cov}' = T \, \mathrm{Cov} \, T^\top$ give the same times. The variance of a row is that
of its noise and of a new run's effect. Heavy tails are lost: files are of normals.
"""

import numpy as np
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.rt.artifacts import BackoffSummaries, CoeffSummaries, is_derived
from errorbar.rt.fit.run import PoolFit
from errorbar.rt.model.pool import REFERENCE_PENALTY

__all__ = ["backoff", "check_single", "coefficients"]

# What single precision may change: an sd by this share of it, a time by this share of its sd.
ROUNDING = 1e-3


def coefficients(fit: PoolFit) -> CoeffSummaries:
    """Each seen pair's intercept and slopes, with all that is not known in their covariance."""
    statistics, known = fit.statistics, fit.known
    root = np.sqrt(known.prior)
    covariance = known.shrink * (root[:, :, None] * root[:, None, :]) + known.spread
    beta = known.own.copy()
    beta[:, 0] += statistics.centre_rt
    centre: ndarray | None = statistics.centre
    if _derived(fit):
        beta, covariance = _about_zero(beta, covariance, statistics.centre)
        centre = None
    species = statistics.species_ids[statistics.species]
    parent = statistics.supercategory_ids[statistics.parent][statistics.species]
    return CoeffSummaries(
        feature_names=statistics.feature_names,
        group_keys=statistics.keys,
        species_cluster=species,
        comp_id=statistics.compound_ids[statistics.compound],
        chem_id=statistics.chem_id[statistics.compound],
        compound_class=statistics.compound_class[statistics.compound],
        n_obs=fit.support,
        beta_hat=beta,
        beta_var_diag=np.einsum("gpp->gp", covariance),
        sigma2_mean=fit.errors(known.noise) + _run_variance(fit),
        group_col=statistics.group_col,
        supercat_id=parent,
        beta_cov=covariance,
        feature_center=centre,
    )


def check_single(fit: PoolFit, value: CoeffSummaries) -> None:
    """Refuse coefficients whose times would change in files of single precision.

    Only those about zero can, where covariates lie far from it.
    """
    if value.feature_center is not None or value.beta_cov is None:
        return
    statistics = fit.statistics
    u = np.c_[np.ones(statistics.groups), statistics.mean_x + statistics.centre]
    mean, variance = _moments(u, value.beta_hat, value.beta_cov)
    beta, covariance = (each.astype(np.float32) for each in (value.beta_hat, value.beta_cov))
    off, other = _moments(u, beta.astype(np.float64), covariance.astype(np.float64))
    sd = np.sqrt(value.sigma2_mean + variance)
    left = np.sqrt(np.maximum(value.sigma2_mean + other, 0.0))
    lost = np.maximum(np.abs(left - sd), np.abs(off - mean)) / sd
    worst = float(lost.max(initial=0.0))
    if worst > ROUNDING:
        raise SettingsError(
            "coefficients of computed covariates are about zero, far from where these lie: in "
            f"single precision, which .npz files hold, times and sds would be off by up to "
            f"{worst:.2g} sd. Make covariates times less their median, write "
            "the coefficients to .safetensors, or save the model itself."
        )


def _moments(u: ndarray, beta: ndarray, covariance: ndarray) -> tuple[ndarray, ndarray]:
    return np.einsum("gp,gp->g", u, beta), np.einsum("gp,gpq,gq->g", u, covariance, u)


def _run_variance(fit: PoolFit) -> float:
    """The variance that a new run's effect adds to each of its rows."""
    return float(fit.known.scales.run[0]) if fit.model.run_effect else 0.0


def _derived(fit: PoolFit) -> bool:
    return any(map(is_derived, fit.statistics.feature_names))


def _about_zero(beta: ndarray, covariance: ndarray, centre: ndarray) -> tuple[ndarray, ndarray]:
    turn = np.eye(len(centre) + 1)
    turn[0, 1:] = -centre
    moved = turn @ covariance @ turn.T
    return beta @ turn.T, (moved + moved.transpose(0, 2, 1)) / 2


def backoff(fit: PoolFit) -> BackoffSummaries:
    """The levels above the pairs as plain numbers, for pairs that were not seen."""
    statistics, layout, known = fit.statistics, fit.layout, fit.known
    if layout.maps is not None or layout.effects > 1 or not known.scales.tied:
        raise SettingsError(
            "the back-off file has room for offsets and one slope head alone: leave out "
            "head_dims, gate_rank, compound_slopes, slope_head='none' and slope_variance='free', "
            "or save the model itself."
        )
    if _derived(fit):
        raise SettingsError(
            "the back-off file has no centre, and its intervals widen with the distance from it: "
            "for covariates that are computed from others that centre cannot be told. Leave the "
            "second powers out, or save the model itself."
        )
    species, _, theta, classes, _ = layout.offsets
    vectors = known.core[:species].reshape(-1, layout.columns)
    # Sums to zero, so that the overall level is in one place.
    mu, alpha = vectors[:, 0], known.effect[:, 0]
    level = float(mu.mean() + alpha.mean())
    slope = known.scales.slope
    # Without covariates there are no slopes to penalise, and any number says so.
    penalty = float(np.exp(np.log(slope).mean())) if slope.size else REFERENCE_PENALTY
    told = np.zeros(0) if fit.chemistry is None else known.core[theta:classes]
    return BackoffSummaries(
        feature_names=statistics.feature_names,
        cluster_ids=statistics.species_ids,
        cluster_supercat_id=statistics.supercategory_ids[statistics.parent],
        comp_ids=statistics.compound_ids,
        comp_chem_id=statistics.chem_id,
        comp_class=statistics.compound_class,
        t0=statistics.centre_rt + level,
        mu_cluster=mu - mu.mean(),
        alpha_comp=alpha - alpha.mean(),
        w_cluster=vectors[:, 1 : 1 + statistics.features],
        # Files have no place for runs: a new run shifts all that is not noise.
        tau_b=float(np.sqrt(known.scales.between[0] + _run_variance(fit))),
        sigma2=float(np.exp(np.log(known.scales.noise).mean())),
        lambda_slopes=penalty,
        alpha_z_center=np.zeros(0) if fit.chemistry is None else fit.chemistry.values.mean(axis=0),
        alpha_theta=told,
        tau_comp=float(np.sqrt(known.scales.compound[0])),
    )
