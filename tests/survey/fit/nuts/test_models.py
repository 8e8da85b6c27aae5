"""The PyMC text against densities written out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from errorbar.core.extras import load
from errorbar.survey.fit.nuts.draws import Starts
from errorbar.survey.fit.nuts.models import build_model, model_arrays, model_shape
from errorbar.survey.model import PriorRule
from tests.survey.fit.nuts.surveys import small_survey

pytestmark = pytest.mark.heavy

FLAT = PriorRule(intercept="flat")


def log_density(data, model, prior):
    arrays = model_arrays(data, model, prior)
    graph = build_model(model_shape(data, model, arrays), arrays)
    return graph, graph.compile_logp(jacobian=False, mode="FAST_COMPILE")


def half_normal(value, scale):
    return stats.halfnorm.logpdf(value, scale=scale)


def test_the_joint_density_differs_from_the_written_one_by_a_constant():
    data = small_survey()
    prior = replace(PriorRule().joint(data), scatter_scale=0.3)
    graph, density = log_density(data, "joint", prior)
    rng = np.random.default_rng(2)
    differences = []
    for _ in range(5):
        alpha, beta = rng.normal(size=2), rng.normal(size=2)
        spreads, rho = rng.uniform(0.1, 1.0, 2), rng.uniform(-0.9, 0.9)
        z = rng.normal(size=(data.n, 2))
        corner = np.sqrt(1 - rho**2) * spreads[1]
        point = {
            "alpha_p": alpha[0],
            "alpha_s": alpha[1],
            "beta_p": beta[0],
            "beta_s": beta[1],
            "z": z,
            # The packed Cholesky root, its diagonal as logarithms.
            "chol_cov_cholesky-cov-packed__": np.array(
                [np.log(spreads[0]), rho * spreads[1], np.log(corner)]
            ),
        }
        assert set(point) == {variable.name for variable in graph.value_vars}
        own = np.diag(spreads) @ [[1, rho], [rho, 1]] @ np.diag(spreads)
        expected = (
            stats.norm.logpdf(alpha, prior.alpha_mean, prior.alpha_sd).sum()
            + stats.norm.logpdf(beta, 0, prior.beta_sd).sum()
            + half_normal(spreads, 0.3).sum()
            + np.log(0.75 * (1 - rho**2))
            # From (sigma_p, sigma_s, rho) to the elements of the root.
            - np.log(spreads[1] / np.sqrt(1 - rho**2))
            + sum(
                stats.multivariate_normal.logpdf(z[i], alpha + beta * data.xc[i], own)
                for i in range(data.n)
            )
            + stats.norm.logpdf(data.y, z[:, 0], data.sigma).sum()
            + stats.norm.logpdf(data.star, z[:, 1], data.star_sigma).sum()
        )
        differences.append(float(density(point)) - expected)
    # PyMC's LKJ constant is ln(16/9) too large; a constant moves no posterior.
    np.testing.assert_allclose(differences, np.log(16 / 9), atol=1e-9)


@pytest.mark.parametrize("model", ["single", "mass-star"])
def test_the_planet_density_is_the_written_one(model):
    data = small_survey()
    rule = PriorRule()
    prior = rule.single(data) if model == "single" else rule.mass_star(data)
    _, density = log_density(data, model, prior)
    rng = np.random.default_rng(3)
    alpha, slope, star_slope, eps = *rng.normal(size=3), 0.3
    xi = rng.normal(size=data.n)
    line = alpha + slope * data.xc
    expected = stats.norm.logpdf(alpha, prior.alpha_mean, prior.alpha_sd)
    expected += half_normal(eps, prior.epsilon_scale)
    point = {"alpha": alpha, "epsilon_log__": np.log(eps)}
    if model == "single":
        point["beta"] = slope
        expected += stats.norm.logpdf(slope, 0, prior.beta_sd)
    else:
        point |= {"beta_p": slope, "beta_s": star_slope, "star_true": xi}
        line = line + star_slope * (xi - data.star.mean())
        expected += stats.norm.logpdf(slope, 0, prior.beta_p_sd)
        expected += stats.norm.logpdf(star_slope, 1, prior.beta_s_sd)
        expected += stats.norm.logpdf(xi, data.star, data.star_sigma).sum()
    expected += stats.norm.logpdf(data.y, line, np.sqrt(data.sigma**2 + eps**2)).sum()
    assert float(density(point)) == pytest.approx(expected, abs=1e-9)


def test_chains_start_near_the_survey_that_is_held_even_under_a_flat_prior():
    near, far = small_survey(), replace(small_survey(), y=small_survey().y + 1e4)
    arrays = [model_arrays(data, "single", FLAT.single(data)) for data in (near, far)]
    graph = build_model(model_shape(near, "single", arrays[0]), arrays[0])
    starts = Starts(graph)
    for data, held in zip((near, far), arrays):
        with graph:
            load("pymc").set_data(held)
        point = starts.draw(seed=1, log_density=lambda _: 0.0)
        assert abs(point["alpha"] - data.y.mean()) <= 1
        assert abs(point["beta"]) <= 1
