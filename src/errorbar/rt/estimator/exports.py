"""A fitted model in the files that other programs read."""

import numpy as np

from errorbar.core.errors import SettingsError
from errorbar.rt.artifacts import BackoffSummaries, CoeffSummaries
from errorbar.rt.fit.run import PoolFit

__all__ = ["backoff", "coefficients"]


def coefficients(fit: PoolFit) -> CoeffSummaries:
    """Each seen pair's intercept and slopes, with all that is not known in their covariance."""
    statistics, known = fit.statistics, fit.known
    root = np.sqrt(known.prior)
    covariance = known.shrink * (root[:, :, None] * root[:, None, :]) + known.spread
    beta = known.own.copy()
    beta[:, 0] += statistics.centre_rt
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
        sigma2_mean=known.noise,
        group_col=statistics.group_col,
        supercat_id=parent,
        beta_cov=covariance,
        feature_center=statistics.centre,
    )


def backoff(fit: PoolFit) -> BackoffSummaries:
    """The levels above the pairs as plain numbers, for pairs that were not seen."""
    statistics, layout, known = fit.statistics, fit.layout, fit.known
    if layout.maps is not None or layout.effects > 1 or not known.scales.tied:
        raise SettingsError(
            "the back-off file has room for offsets and one slope head alone: leave out "
            "head_dims, gate_rank, compound_slopes, slope_head='none' and slope_variance='free', "
            "or save the model itself."
        )
    species, _, theta, classes, _ = layout.offsets
    vectors = known.core[:species].reshape(-1, layout.columns)
    # Sums to zero, so that the overall level is in one place.
    mu, alpha = vectors[:, 0], known.effect[:, 0]
    level = float(mu.mean() + alpha.mean())
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
        tau_b=float(np.sqrt(known.scales.between[0])),
        sigma2=float(np.exp(np.log(known.scales.noise).mean())),
        lambda_slopes=float(np.exp(np.log(known.scales.slope).mean())),
        alpha_z_center=np.zeros(0) if fit.chemistry is None else fit.chemistry.values.mean(axis=0),
        alpha_theta=told,
        tau_comp=float(np.sqrt(known.scales.compound[0])),
    )
