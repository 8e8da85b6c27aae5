"""The marginal likelihood and the predictions against one dense Gaussian over all rows."""

from dataclasses import replace

import numpy as np
import pytest

from errorbar.rt.data import Chemistry
from errorbar.rt.fit.marginal import solve
from errorbar.rt.fit.predict import Predictor
from errorbar.rt.fit.run import fit_pool
from errorbar.rt.model.pool import PoolModel
from tests.rt.fit.dense import (
    dense_log_marginal,
    dense_prediction,
    descriptors,
    small_table,
)

MODELS = {
    "reference": PoolModel(
        replicates="separate", penalty="reference", priors="reference", theta="unit"
    ),
    "learned": PoolModel(replicates="separate"),
    "no slope head": PoolModel(replicates="separate", slope_head="none"),
    "classes": PoolModel(replicates="separate", classes=True),
    "by feature, noise by compound": PoolModel(
        replicates="separate", penalty_by="feature", noise="compound"
    ),
    "free slopes": PoolModel(
        replicates="separate", slope_variance="free", penalty_by="supercategory"
    ),
    "species chemistry": PoolModel(replicates="separate", head_dims=2, head_level="species"),
    "cluster chemistry": PoolModel(replicates="separate", head_dims=2, head_level="cluster"),
    "everything": PoolModel(
        replicates="separate",
        head_dims=2,
        gate_rank=2,
        classes=True,
        compound_slopes=True,
        noise="compound",
    ),
    "runs": PoolModel(replicates="separate", run_effect=True),
    "everything and runs": PoolModel(
        replicates="separate",
        head_dims=1,
        gate_rank=1,
        classes=True,
        compound_slopes=True,
        run_effect=True,
    ),
}


def fitted(name, seed=1):
    peaks = small_table(seed)
    model = MODELS[name]
    return peaks, fit_pool(peaks, model, descriptors(peaks))


@pytest.mark.parametrize("name", MODELS)
def test_the_marginal_likelihood_is_the_dense_gaussians(name):
    peaks, fit = fitted(name)
    assert fit.known.log_marginal == pytest.approx(dense_log_marginal(peaks, fit), abs=1e-8)


@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_is_that_of_the_marginal_likelihood(name):
    peaks, fit = fitted(name)
    rng = np.random.default_rng(3)
    at = fit.parameters.start + 0.3 * rng.normal(size=len(fit.at))
    known = solve(fit.statistics, fit.layout, fit.parameters.scales(at), fit.cells)
    gradient = fit.parameters.pull(at, known.gradient)

    def value(point):
        scales = fit.parameters.scales(point)
        return solve(fit.statistics, fit.layout, scales, fit.cells).log_marginal

    direction = rng.normal(size=len(at))
    steps = np.array([-2, -1, 1, 2]) * 1e-3
    weights = np.array([1, -8, 8, -1]) / (12 * 1e-3)
    slope = weights @ [value(at + step * direction) for step in steps]
    assert gradient @ direction == pytest.approx(slope, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_the_mode_is_one(name):
    _, fit = fitted(name)
    prior, slope = fit.parameters.log_prior(fit.at)
    gradient = fit.parameters.pull(fit.at, fit.known.gradient) + slope
    assert fit.converged
    assert fit.log_posterior == pytest.approx(fit.known.log_marginal + prior)
    assert np.abs(gradient).max() < 0.5


def partly(peaks):
    """Rows to learn from: a species, a compound and some pairs are kept out."""
    kept = np.random.default_rng(0).random(len(peaks)) > 0.1
    kept &= (peaks.species != 16) & (peaks.compound != peaks.compound.max())
    return kept & ~((peaks.species == 14) & (peaks.compound == peaks.compound.min()))


@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_the_dense_gaussians_seen_or_not(name):
    peaks = small_table(2, rows=300)
    kept = partly(peaks)
    train, test = peaks.select(kept), peaks.select(~kept)
    fit = fit_pool(train, MODELS[name], descriptors(peaks))
    if fit.model.run_effect:
        # New runs, as predictions take them.
        test = replace(test, run=test.run + 100)
    times = Predictor(fit).times(test)
    mean, covariance = dense_prediction(train, test, fit)
    sd = np.sqrt(np.diag(covariance))
    assert set(times.known) >= {0, 1, 2, 3}
    np.testing.assert_allclose(times.mean, mean, atol=1e-6 * sd.min())
    np.testing.assert_allclose(times.sd, sd, rtol=1e-6)


def test_rows_in_any_order_give_the_same_fit():
    peaks = small_table(4)
    order = np.random.default_rng(0).permutation(len(peaks))
    first, second = fit_pool(peaks), fit_pool(peaks.select(order))
    np.testing.assert_allclose(first.at, second.at, atol=1e-6)


def test_a_table_in_parts_gives_the_same_fit():
    peaks = small_table(4)
    parts = [peaks.select(slice(at, at + 37)) for at in range(0, len(peaks), 37)]
    model = PoolModel(replicates="separate")
    first, second = fit_pool(peaks, model), fit_pool(iter(parts), model)
    np.testing.assert_allclose(first.at, second.at, atol=1e-6)


def test_an_unseen_compound_without_descriptors_is_as_unsure_as_they_would_have_said():
    peaks = small_table(6, rows=400, compounds=30)
    told = descriptors(peaks)
    moved = replace(peaks, rt=peaks.rt + 2 * told.of(peaks.compound) @ np.array([1.0, -1.0, 0.5]))
    last = peaks.compound == peaks.compound.max()
    kept = told.compound != peaks.compound.max()
    partial = Chemistry(
        told.compound[kept], told.values[kept], told.names, told.compound_class[kept]
    )
    train, test = moved.select(~last), moved.select(last)
    known, unknown = (
        Predictor(fit_pool(train, PoolModel(), each)).times(test) for each in (told, partial)
    )
    spread = np.std(2 * told.values @ np.array([1.0, -1.0, 0.5]))
    assert (unknown.sd > known.sd).all()
    assert unknown.sd.min() > 0.7 * spread
