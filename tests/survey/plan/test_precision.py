"""Closed forms of the standard deviations: laws, and the dense matrices they come from."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import DesignError
from errorbar.survey.model import PriorRule, SinglePrior
from errorbar.survey.plan import (
    Design,
    JointTrend,
    MassStarTrend,
    SingleTrend,
    information_nats,
    leading_precision,
    second_order_precision,
    summary_design,
    target_information,
)

TRENDS = (
    SingleTrend(epsilon=0.3),
    JointTrend(sigma_p=0.3, sigma_s=0.15, rho=-0.5, beta_p=-1.0, beta_s=0.2),
    MassStarTrend(epsilon=0.3, beta_s=0.8),
)


def some_design(seed: int, n: int = 12) -> Design:
    rng = np.random.default_rng(seed)
    return Design(
        x=rng.normal(0.0, 1.0, n),
        sigma=rng.uniform(0.05, 0.4, n),
        star=rng.normal(0.0, 0.2, n),
        star_sigma=rng.uniform(0.03, 0.15, n),
        x_sigma=rng.uniform(0.0, 0.1, n),
    )


seeds = st.integers(0, 2**32 - 1)


def test_equal_errors_and_a_flat_prior_give_total_scatter_over_leverage():
    design = summary_design(50, 6.3, 0.2)
    sd = leading_precision(design, SingleTrend(epsilon=0.48))
    total = np.hypot(0.2, 0.48)
    assert sd.of("beta") == pytest.approx(total / 6.3, rel=1e-12)
    assert sd.of("alpha") == pytest.approx(total / np.sqrt(50), rel=1e-12)
    assert sd.of("epsilon") == pytest.approx(total**2 / (0.48 * np.sqrt(100)), rel=1e-12)


@given(seed=seeds, which=st.sampled_from(TRENDS), pivot=st.floats(-2, 2))
def test_adding_a_planet_never_makes_any_parameter_worse(seed, which, pivot):
    design = some_design(seed)
    fewer = leading_precision(design.take(np.arange(11)), which, pivot=pivot)
    more = leading_precision(design, which, pivot=pivot)
    # The plane's intercept stands at the list's own mean metallicity: not one quantity for both.
    first = 1 if isinstance(which, MassStarTrend) else 0
    assert np.all(more.sd[first:] <= fewer.sd[first:] * (1 + 1e-9))


@given(seed=seeds, which=st.sampled_from(TRENDS), shift=st.floats(-5, 5))
def test_shifting_every_mass_changes_no_precision(seed, which, shift):
    design = some_design(seed)
    moved = replace(design, x=design.x + shift, star=design.star + 0.3 * shift)
    here, there = leading_precision(design, which), leading_precision(moved, which)
    np.testing.assert_allclose(there.sd, here.sd, rtol=1e-7)


@given(seed=seeds, factor=st.floats(0.1, 10))
def test_a_change_of_abundance_units_scales_every_sd(seed, factor):
    design, trend = some_design(seed), SingleTrend(epsilon=0.3, beta=-1.0)
    scaled = replace(design, sigma=design.sigma * factor)
    other = SingleTrend(epsilon=0.3 * factor, beta=-factor)
    np.testing.assert_allclose(
        leading_precision(scaled, other).sd, factor * leading_precision(design, trend).sd, rtol=1e-8
    )


@given(seed=seeds, factor=st.floats(0.1, 10))
def test_a_change_of_mass_units_scales_the_slope_alone(seed, factor):
    design, trend = some_design(seed), SingleTrend(epsilon=0.3, beta=-1.0)
    scaled = replace(design, x=design.x * factor, x_sigma=design.x_sigma * factor)
    here = leading_precision(design, trend)
    there = leading_precision(scaled, SingleTrend(epsilon=0.3, beta=-1.0 / factor))
    np.testing.assert_allclose(there.sd * [1, factor, 1], here.sd, rtol=1e-8)


def test_the_intercept_is_best_known_at_the_weighted_mean_mass():
    design, trend = some_design(1), SingleTrend(epsilon=0.3)
    w = 1.0 / (design.sigma**2 + 0.09 + trend.beta**2 * design.x_sigma**2)
    best = leading_precision(design, trend, pivot=float(np.average(design.x, weights=w)))
    assert best.of("alpha") == pytest.approx(1 / np.sqrt(w.sum()), rel=1e-12)
    assert best.covariance[0, 1] == pytest.approx(0.0, abs=1e-15)
    for pivot in (-1.0, 0.0, 1.0):
        assert leading_precision(design, trend, pivot=pivot).of("alpha") >= best.of("alpha")


def _log_likelihood(theta, y, s, design):
    """The marginal log likelihood of many surveys of one design, written plainly."""
    x = design.x - design.centre
    if len(theta) == 4:
        a, b, c, e = theta
        t = design.sigma**2 + e**2 + c**2 * design.star_sigma**2
        miss = y - a - b * x - c * (design.star - design.star_centre)
        return -0.5 * np.sum(np.log(t) + miss**2 / t, axis=1)
    a, b, c, d, p, q, r = theta
    value = np.zeros(len(y))
    for i in range(design.rows):
        cov = np.array([[p * p, r * p * q], [r * p * q, q * q]])
        cov += np.diag([design.sigma[i] ** 2, design.star_sigma[i] ** 2])
        miss = np.array([y[:, i] - a - b * x[i], s[:, i] - c - d * x[i]])
        value -= 0.5 * np.log(np.linalg.det(cov))
        value -= 0.5 * np.sum(miss * np.linalg.solve(cov, miss), axis=0)
    return value


@pytest.mark.parametrize("trend", TRENDS[1:], ids=["joint", "mass-star"])
def test_fisher_information_is_the_variance_of_the_score(trend):
    """Simulated scores, differentiated numerically, against the closed form."""
    surveys, rows, step = 20_000, 8, 1e-5
    design = replace(some_design(3, n=rows), x_sigma=None)
    x, normal = design.x - design.centre, np.random.default_rng(5).normal
    if isinstance(trend, JointTrend):
        theta = [0.1, trend.beta_p, -0.2, trend.beta_s, trend.sigma_p, trend.sigma_s, trend.rho]
        off = trend.rho * trend.sigma_p * trend.sigma_s
        cov = np.array([[trend.sigma_p**2, off], [off, trend.sigma_s**2]])
        noise = normal(size=(surveys, rows, 2)) @ np.linalg.cholesky(cov).T
        y = theta[0] + theta[1] * x + noise[..., 0] + design.sigma * normal(size=(surveys, rows))
        s = theta[2] + theta[3] * x + noise[..., 1]
        s = s + design.star_sigma * normal(size=(surveys, rows))
    else:
        theta = [0.1, trend.beta_p, trend.beta_s, trend.epsilon]
        t = design.sigma**2 + trend.epsilon**2 + (trend.beta_s * design.star_sigma) ** 2
        y = theta[0] + theta[1] * x + theta[2] * (design.star - design.star_centre)
        y, s = y + np.sqrt(t) * normal(size=(surveys, rows)), None
    scores = [
        (
            _log_likelihood(theta + step * unit, y, s, design)
            - _log_likelihood(theta - step * unit, y, s, design)
        )
        / (2 * step)
        for unit in np.eye(len(theta))
    ]
    found = np.cov(scores)
    want = target_information(design, trend, pivot=design.centre).total(design.weight)
    scale = np.sqrt(np.outer(np.diag(want), np.diag(want)))
    # 20 000 scores give a normal's variance to 1 %; five such errors are allowed.
    np.testing.assert_allclose(found / scale, want / scale, atol=0.05)


def test_a_prior_adds_its_precision_where_it_stands():
    design, trend = some_design(2), SingleTrend(epsilon=0.3)
    prior = SinglePrior(alpha_mean=0.0, alpha_sd=0.2, beta_sd=0.1, epsilon_scale=1.0)
    pivot = 0.7
    w = 1.0 / (design.sigma**2 + 0.09 + trend.beta**2 * design.x_sigma**2)
    row = np.stack([np.ones(design.rows), design.x - pivot], axis=1)
    centre = np.array([1.0, design.centre - pivot])
    dense = row.T @ np.diag(w) @ row + np.outer(centre, centre) / 0.04 + np.diag([0.0, 100.0])
    found = leading_precision(design, trend, prior, pivot=pivot)
    np.testing.assert_allclose(found.covariance[:2, :2], np.linalg.inv(dense), rtol=1e-10)


def test_mass_errors_blur_the_slope_by_the_variance_they_add():
    design = some_design(4)
    sharp = leading_precision(replace(design, x_sigma=None), SingleTrend(epsilon=0.3))
    blurred = leading_precision(design, SingleTrend(epsilon=0.3))
    moved = replace(design, sigma=np.hypot(design.sigma, 1.09 * design.x_sigma), x_sigma=None)
    assert blurred.of("beta") > sharp.of("beta")
    np.testing.assert_allclose(
        blurred.sd, leading_precision(moved, SingleTrend(epsilon=0.3)).sd, rtol=1e-12
    )


def test_what_a_design_cannot_see_has_an_infinite_sd():
    two = Design([0.0, 0.0], [0.1, 0.1])
    sd = leading_precision(two, SingleTrend(epsilon=0.0))
    assert np.isinf(sd.of("beta"))
    assert np.isinf(sd.of("epsilon"))
    assert sd.of("alpha") == pytest.approx(0.1 / np.sqrt(2))


def test_information_on_the_slope_is_the_closed_form_in_nats():
    design, trend = summary_design(60, 5.0, 0.2), SingleTrend(epsilon=0.4)
    prior = SinglePrior(alpha_mean=0.0, alpha_sd=np.inf, beta_sd=1.5, epsilon_scale=1.0)
    want = 0.5 * np.log(1 + 1.5**2 * 25.0 / (0.04 + 0.16))
    assert information_nats(design, trend, prior) == pytest.approx(want, rel=1e-12)
    with pytest.raises(DesignError, match="pass a prior with a finite standard deviation"):
        information_nats(design, trend, replace(prior, beta_sd=np.inf))


def test_second_order_for_equal_errors_is_the_textbook_expansion():
    n, trend = 60, SingleTrend(epsilon=0.4)
    design = summary_design(n, 5.0, 0.2)
    prior = SinglePrior(alpha_mean=0.0, alpha_sd=np.inf, beta_sd=np.inf, epsilon_scale=1.0)
    t, tau, nu = 0.2, 0.16, n - 2
    slope = -0.5 / tau - 0.5
    median = (1 - 2 / (9 * nu)) ** 3  # Wilson and Hilferty
    want = np.sqrt(t / 25.0 * (1 + (4 + 2 * slope * t) / nu) * median)
    assert second_order_precision(design, trend, prior).of("beta") == pytest.approx(want, rel=1e-4)


def test_second_order_is_refused_near_zero_scatter():
    with pytest.raises(DesignError, match="use `expected_precision`"):
        second_order_precision(summary_design(20, 4.0, 0.2), SingleTrend(epsilon=0.05))


def test_a_prior_of_another_model_is_refused():
    prior = SinglePrior(0.0, 1.0, 1.0, 1.0)
    with pytest.raises(DesignError, match="must be of one model"):
        leading_precision(some_design(1), TRENDS[1], prior)


def test_the_reference_rule_tightens_the_intercept_and_the_flat_rule_does_not():
    design, trend = summary_design(50, 6.0, 0.2), SingleTrend(epsilon=0.48)
    flat = leading_precision(design, trend, PriorRule(intercept="flat"))
    reference = leading_precision(design, trend, PriorRule())
    assert flat.of("alpha") == pytest.approx(leading_precision(design, trend).of("alpha"))
    spread = np.sqrt(1.09**2 * 36 / 50 + 0.2704)
    want = 1 / np.sqrt(50 / 0.2704 + 50 / spread**2)
    assert reference.of("alpha") == pytest.approx(want, rel=1e-12)
