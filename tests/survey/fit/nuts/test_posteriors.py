"""What the sampled posteriors say, and that NumPyro's programs keep to themselves."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import arviz as az
import numpy as np
import pytest

from errorbar.survey.fit.nuts import fit_nuts, nuts_summary
from errorbar.survey.model import JOINT_PARAMETERS, MASS_STAR_PARAMETERS, MassStarPrior, PriorRule
from tests.references.mcse import mcse_mean, mcse_sd, scores
from tests.survey.fit.nuts.surveys import single_by_grid, small_survey

pytestmark = pytest.mark.heavy

LONG = {"draws": 2000, "tune": 1000, "chains": 2, "sampler": "numpyro"}
SHORT = {"draws": 400, "tune": 400, "chains": 2, "sampler": "numpyro"}


@pytest.fixture(scope="module")
def joint() -> az.InferenceData:
    return fit_nuts(small_survey(), "joint", seed=3, **LONG)


def assert_standard_normal(score):
    """Each column of (chain, draw, ...) has mean 0 and standard deviation 1."""
    for column in np.moveaxis(score.reshape(*score.shape[:2], -1), -1, 0):
        assert abs(column.mean()) < 4.5 * mcse_mean(column)
        assert abs(column.std() - 1) < 4.5 * mcse_sd(column)


def test_a_flat_intercept_is_flat():
    data = small_survey()
    trace = fit_nuts(data, "single", PriorRule(intercept="flat"), seed=8, **SHORT)
    expected = single_by_grid(data, PriorRule(intercept="flat").single(data))
    assert np.abs(scores(trace, ("alpha", "beta", "epsilon"), *expected)).max() < 4
    assert trace.attrs["prior"] == "intercept=flat, slope=ptp"


def test_a_survey_that_says_nothing_returns_its_prior():
    data = small_survey()
    blind = replace(data, sigma=np.full(data.n, 1e6))
    prior = MassStarPrior(
        alpha_mean=3.0,
        alpha_sd=0.5,
        beta_p_sd=2.0,
        beta_s_mean=1.0,
        beta_s_sd=0.1,
        epsilon_scale=0.3,
    )
    trace = fit_nuts(blind, "mass-star", prior, seed=4, **LONG)
    half_normal = 0.3 * np.sqrt([2 / np.pi, 1 - 2 / np.pi])
    means, sds = (3.0, 0.0, 1.0, half_normal[0]), (0.5, 2.0, 0.1, half_normal[1])
    assert np.abs(scores(trace, MASS_STAR_PARAMETERS, means, sds)).max() < 4


def test_latent_metallicities_are_normal_around_their_shrunken_observations(joint):
    data = small_survey()
    draws = {name: joint.posterior[name].values for name in (*JOINT_PARAMETERS, "z")}
    line = [draws[f"alpha_{r}"][..., None] + draws[f"beta_{r}"][..., None] * data.xc for r in "ps"]
    line = np.stack(line, axis=-1)
    sp, ss, rho = draws["sigma_p"], draws["sigma_s"], draws["rho"]
    own = np.stack(
        [np.stack([sp**2, rho * sp * ss], -1), np.stack([rho * sp * ss, ss**2], -1)], -2
    )[:, :, None]
    noise = np.stack([np.diag([a**2, b**2]) for a, b in zip(data.sigma, data.star_sigma)])
    gain = own @ np.linalg.inv(own + noise)
    seen = np.stack([data.y, data.star], axis=-1)
    centre = line + (gain @ (seen - line)[..., None])[..., 0]
    root = np.linalg.cholesky(own - gain @ own)
    score = np.linalg.solve(root, (draws["z"] - centre)[..., None])[..., 0]
    assert_standard_normal(score)


def test_the_joint_trace_names_planets_and_responses(joint):
    assert tuple(joint.posterior.data_vars) == (*JOINT_PARAMETERS, "z")
    assert joint.posterior["z"].dims == ("chain", "draw", "planet", "response")
    assert (np.abs(joint.posterior["rho"]) < 1).all()
    np.testing.assert_array_equal(joint.observed_data["star"], small_survey().star)


def test_true_stellar_metallicities_are_normal_around_their_shrunken_observations():
    data = small_survey()
    trace = fit_nuts(data, "mass-star", seed=6, **LONG)
    alpha, beta_p, beta_s, eps = (
        trace.posterior[name].values[..., None] for name in ("alpha", "beta_p", "beta_s", "epsilon")
    )
    rest = data.y - alpha - beta_p * data.xc + beta_s * data.star.mean()
    weight = beta_s**2 / (data.sigma**2 + eps**2)
    precision = data.star_sigma**-2 + weight
    shift = data.star * data.star_sigma**-2 + rest * beta_s / (data.sigma**2 + eps**2)
    score = (trace.posterior["star_true"].values - shift / precision) * np.sqrt(precision)
    assert_standard_normal(score)


def test_two_threads_sharing_a_compiled_model_do_not_mix_their_surveys():
    def fit(seed):
        trace = fit_nuts(small_survey(seed=seed), seed=1, **SHORT)
        return nuts_summary(trace).mean

    alone = [fit(seed) for seed in range(6)]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(fit, range(6)))
    np.testing.assert_array_equal(together, alone)


def test_jax_keeps_its_width_of_numbers_and_the_draws_are_double():
    import jax.numpy as jnp

    trace = fit_nuts(small_survey(), seed=1, **SHORT)
    assert trace.posterior["alpha"].dtype == np.float64
    assert len(np.unique(trace.posterior["alpha"].values.astype(np.float32))) > 1
    assert jnp.ones(1).dtype == jnp.float32
