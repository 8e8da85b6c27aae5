"""The search for the scales' mode: against differences of gradients, and another optimiser."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize
from scipy.linalg import eigh

from errorbar.rt.fit import search
from errorbar.rt.fit.integrate import curvature, log_posterior
from errorbar.rt.fit.run import fit_pool
from errorbar.rt.model.pool import PoolModel
from tests.rt.fit.dense import descriptors, small_table

MODELS = [
    PoolModel(),
    PoolModel(penalty="reference", priors="reference", theta="unit"),
    PoolModel(penalty_by="feature", slope_variance="free"),
    PoolModel(penalty_by="supercategory"),
    PoolModel(noise="compound"),
    PoolModel(run_effect=True),
    PoolModel(compound_slopes=True),
    PoolModel(head_dims=2, head_level="both"),
]


@pytest.fixture(scope="module", params=range(len(MODELS)))
def fit(request):
    peaks = small_table(4, rows=400)
    model = replace(MODELS[request.param], replicates="separate")
    return fit_pool(peaks, model, descriptors(peaks))


def test_no_other_optimiser_goes_higher(fit):
    """From the mode found and from where it began; what is gained is less than what is enough."""

    def downhill(at):
        value, slope = log_posterior(fit, at)
        return -value, -slope

    assert fit.converged
    for start in (fit.at, fit.parameters.start):
        found = optimize.minimize(downhill, start, jac=True, method="BFGS", options={"gtol": 1e-4})
        assert -found.fun - fit.log_posterior < 5 * search.ENOUGH


def test_the_expected_information_is_about_the_curvature(fit):
    told = search.information(fit.statistics, fit.layout, fit.parameters, fit.at, fit.known)
    ratios = eigh(curvature(fit).hessian, told, eigvals_only=True)
    assert ratios.min() > 0.2
    assert ratios.max() < 5


def test_few_evaluations_are_enough(fit):
    assert fit.evaluations <= 20


def test_the_information_of_rows_alone_is_that_of_their_variances():
    """Against traces of whole matrices, where nothing is above the groups but a known level."""
    generator = np.random.default_rng(3)
    x = np.c_[np.ones(9), generator.normal(size=(9, 2))]
    noise, prior = 0.3, np.array([0.5, 0.2, 0.7])
    variance = noise * np.eye(9) + (x * prior) @ x.T
    parts = [noise * np.eye(9), *(p * np.outer(c, c) for p, c in zip(prior, x.T))]
    weighed = [np.linalg.solve(variance, part) for part in parts]
    expected = 0.5 * np.array([[np.trace(a @ b) for b in weighed] for a in weighed])
    root = np.sqrt(prior)
    shrink = np.linalg.inv(np.eye(3) + root[:, None] * (x.T @ x) * root / noise)
    count, part = np.array([9]), np.array([0])
    found, alone = search.groups.information(shrink[None], count, part, 1, False)
    np.testing.assert_allclose(found[0], expected, rtol=1e-10)
    np.testing.assert_allclose(alone, expected[0, 0], rtol=1e-10)
    # Penalties: the logs of the last two priors are the noise's less theirs.
    turn = np.eye(4)
    turn[0, 2:], turn[2:, 2:] = 1, -np.eye(2)
    found, alone = search.groups.information(shrink[None], count, part, 1, True)
    np.testing.assert_allclose(found[0], turn @ expected @ turn.T, rtol=1e-10)
    np.testing.assert_allclose(alone, found[0, 0, 0], rtol=1e-12)


def test_many_coordinates_are_taken_one_by_one(monkeypatch):
    peaks = small_table(5, rows=400)
    model = PoolModel(noise="compound", replicates="separate")
    dense = fit_pool(peaks, model, descriptors(peaks))
    monkeypatch.setattr(search, "DENSE", 3)
    apart = fit_pool(peaks, model, descriptors(peaks))
    assert apart.converged
    assert abs(apart.log_posterior - dense.log_posterior) < 1e-3


def test_a_search_that_is_cut_short_says_so():
    peaks = small_table(6, rows=400)
    fit = fit_pool(peaks, PoolModel(), descriptors(peaks))
    scales = fit.parameters
    found = search.climb(fit.statistics, fit.layout, scales, scales.start, None, 2)
    assert not found.converged
    assert found.evaluations <= 3
