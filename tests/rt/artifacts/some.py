"""A few random peaks and coefficients."""

from dataclasses import replace

import numpy as np

from errorbar.rt.artifacts import BackoffSummaries, CoeffSummaries
from errorbar.rt.data.keys import pair_keys
from errorbar.rt.data.peaks import Peaks


def some_peaks(
    seed=0, rows=300, features=3, species=6, compounds=8, noise=0.01, center=5.0, runs=20
):
    """Peaks with slopes and intercepts of their own for each pair; species 2s and 2s+1 go together.

    Ids have gaps, and the last species has rows of a few compounds only.
    """
    rng = np.random.default_rng(seed)
    kind, k = rng.integers(species, size=rows), rng.integers(compounds, size=rows)
    k = np.where(kind == species - 1, k % 2, k)
    run = rng.integers(runs, size=rows)
    covariates = center + rng.normal(size=(runs, features))
    b = 5 + rng.normal(size=(species, compounds))
    w = 0.1 * rng.normal(size=(species, compounds, features))
    x = covariates[run]
    rt = b[kind, k] + ((x - center) * w[kind, k]).sum(axis=1) + noise * rng.normal(size=rows)
    return Peaks(
        rt=rt,
        covariates=x,
        species=10 + 3 * kind,
        supercategory=1 + kind // 2,
        compound=100 + 7 * k,
        run=run,
        chem_id=1000 + k // 2,
        compound_class=np.where(k == 0, -1, k % 3),
        rows=np.arange(rows),
        feature_names=tuple(f"IS{i + 1}" for i in range(features)),
        run_keys=np.stack([np.arange(runs)] * 3, axis=1),
    )


def some_coefficients(seed=0, features=3, groups=5, **changes):
    """Coefficients of random pairs with a full covariance."""
    rng = np.random.default_rng(seed)
    group = 10 + 3 * np.sort(rng.integers(3, size=groups))
    compound = 100 + 7 * np.arange(groups)
    half = 0.1 * rng.normal(size=(groups, features + 1, features + 1))
    cov = half @ half.transpose(0, 2, 1)
    value = CoeffSummaries(
        feature_names=tuple(f"IS{i + 1}" for i in range(features)),
        group_keys=pair_keys(group, compound),
        species_cluster=group,
        comp_id=compound,
        chem_id=np.arange(groups),
        compound_class=np.full(groups, -1),
        n_obs=np.arange(groups) + 1,
        beta_hat=rng.normal(size=(groups, features + 1)),
        beta_var_diag=np.diagonal(cov, axis1=1, axis2=2).copy(),
        sigma2_mean=rng.uniform(0.01, 0.02, groups),
        group_col="species",
        supercat_id=group // 6,
        beta_cov=cov,
        feature_center=rng.normal(size=features),
        feature_rotation=np.linalg.qr(rng.normal(size=(features, features)))[0],
    )
    return replace(value, **changes)


def peaks_of(coefficients, rows=40, seed=3):
    """Peaks of pairs that the coefficients have."""
    rng = np.random.default_rng(seed)
    at = rng.integers(len(coefficients), size=rows)
    features = len(coefficients.feature_names)
    return replace(
        some_peaks(seed, rows, features),
        species=coefficients.species_cluster[at],
        supercategory=coefficients.species_cluster[at] // 6,
        compound=coefficients.comp_id[at],
        feature_names=coefficients.feature_names,
    )


def some_backoff(seed=0, features=3, descriptors=2, **changes):
    """A back-off for the species and compounds of `some_peaks`, two of each left out."""
    rng = np.random.default_rng(seed)
    value = BackoffSummaries(
        feature_names=tuple(f"IS{i + 1}" for i in range(features)),
        cluster_ids=np.array([10, 13, 16, 22]),
        cluster_supercat_id=np.array([1, 1, 2, 3]),
        comp_ids=100 + 7 * np.arange(6),
        comp_chem_id=np.arange(6),
        comp_class=np.full(6, -1),
        t0=5.0,
        mu_cluster=rng.normal(size=4),
        alpha_comp=rng.normal(size=6),
        w_cluster=0.1 * rng.normal(size=(4, features)),
        tau_b=0.2,
        sigma2=1e-4,
        lambda_slopes=0.03,
        alpha_z_center=rng.normal(size=descriptors),
        alpha_theta=rng.normal(size=descriptors),
        tau_comp=0.3,
    )
    return replace(value, **changes)
