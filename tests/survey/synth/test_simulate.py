import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from errorbar.core.errors import SettingsError, SurveyError
from errorbar.survey.model import JOINT_PARAMETERS, MASS_STAR_PARAMETERS, SINGLE_PARAMETERS
from errorbar.survey.synth import simulate_joint, simulate_mass_star, simulate_single
from errorbar.survey.synth.noise import measure

X = np.linspace(-2, 1, 40)
SINGLE = dict(zip(SINGLE_PARAMETERS, (-0.6, -1.1, 0.4)))
JOINT = dict(zip(JOINT_PARAMETERS, (-0.6, -1.1, 0.1, 0.2, 0.4, 0.2, 0.5)))
MASS_STAR = dict(zip(MASS_STAR_PARAMETERS, (-0.6, -1.1, 0.8, 0.4)))
MODELS = {
    "single": lambda rng, x=X, **k: simulate_single(rng, x, 0.2, **SINGLE, **k),
    "joint": lambda rng, x=X, **k: simulate_joint(rng, x, 0.2, 0.1, **JOINT, **k),
    "mass-star": lambda rng, x=X, **k: simulate_mass_star(
        rng, x, 0.2, 0.1 * np.cos(x), 0.1, **MASS_STAR, **k
    ),
}


@pytest.mark.parametrize("model", MODELS)
def test_a_generator_in_one_state_gives_one_survey(model):
    first, second = (MODELS[model](np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first.y, second.y)
    other = MODELS[model](np.random.default_rng(4))
    assert (first.y != other.y).all()


@pytest.mark.parametrize("model", MODELS)
@given(shift=st.floats(-3, 3))
def test_moving_the_pivot_moves_the_intercept_along_the_line(model, shift):
    at_mean = MODELS[model](np.random.default_rng(0))
    moved = MODELS[model](np.random.default_rng(0), pivot=X.mean() + shift)
    np.testing.assert_allclose(moved.y, at_mean.y + 1.1 * shift, atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_abundances_below_the_threshold_become_limits_there(model):
    plain = MODELS[model](np.random.default_rng(1))
    threshold = np.where(X < 0, -0.5, -1.0)
    cut = MODELS[model](np.random.default_rng(1), threshold=threshold)
    assert plain.limit is None
    np.testing.assert_array_equal(cut.limit, plain.y < threshold)
    np.testing.assert_array_equal(cut.y, np.maximum(plain.y, threshold))
    assert 0 < cut.limit.sum() < len(X)


@pytest.mark.parametrize("model", MODELS)
def test_masses_are_measured_after_the_abundances_followed_the_true_ones(model):
    x = np.repeat(X, 500)
    plain = MODELS[model](np.random.default_rng(1), x)
    blurred = MODELS[model](np.random.default_rng(1), x, x_sigma=0.3)
    np.testing.assert_array_equal(plain.y, blurred.y)
    assert np.std(blurred.x - x) == pytest.approx(0.3, rel=0.03)
    np.testing.assert_array_equal(blurred.x_sigma, 0.3)


def test_a_single_survey_scatters_by_error_and_intrinsic_scatter_together():
    sigma = np.resize([0.1, 0.5], 40_000)
    x = np.resize(X, 40_000)
    data = simulate_single(np.random.default_rng(2), x, sigma, **SINGLE)
    residual = data.y + 0.6 + 1.1 * (x - x.mean())
    for each in (0.1, 0.5):
        expected = np.hypot(each, 0.4)
        assert residual[sigma == each].std() == pytest.approx(expected, rel=0.03)
    assert stats.kstest(residual / np.hypot(sigma, 0.4), "norm").pvalue > 1e-3


def test_a_joint_survey_has_the_stated_covariance_and_independent_errors():
    x = np.resize(X, 60_000)
    data = simulate_joint(np.random.default_rng(3), x, 0.2, 0.1, **JOINT)
    away = x - x.mean()
    residual = data.y + 0.6 + 1.1 * away, data.star - 0.1 - 0.2 * away
    expected = [[0.4**2 + 0.2**2, 0.5 * 0.4 * 0.2], [0.5 * 0.4 * 0.2, 0.2**2 + 0.1**2]]
    np.testing.assert_allclose(np.cov(residual), expected, rtol=0.03)


@pytest.mark.parametrize("star_is_true", [False, True])
def test_a_mass_star_survey_follows_the_true_star(star_is_true):
    n = 60_000
    x, rng = np.resize(X, n), np.random.default_rng(4)
    given_star = rng.normal(0.1, 0.2, n)
    data = simulate_mass_star(
        rng, x, 0.05, given_star, 0.15, **{**MASS_STAR, "epsilon": 0.0}, star_is_true=star_is_true
    )
    y = data.y + 1.1 * (x - x.mean())
    slope = stats.linregress(data.star, y).slope
    # Errors about the measured value leave the slope; errors of the measured value flatten it.
    expected = 0.8 * (0.2**2 / (0.2**2 + 0.15**2) if star_is_true else 1.0)
    assert slope == pytest.approx(expected, rel=0.03)
    blur = np.std(given_star - data.star)
    assert blur == pytest.approx(0.15 if star_is_true else 0.0, rel=0.03)


def test_least_squares_on_simulated_surveys_claims_the_right_errors():
    rng = np.random.default_rng(5)
    z = []
    for _ in range(400):
        data = simulate_single(rng, X, 0.2, **SINGLE)
        fit = stats.linregress(data.xc, data.y)
        z.append([(fit.slope + 1.1) / fit.stderr, (fit.intercept + 0.6) / fit.intercept_stderr])
    z = np.array(z)
    assert np.abs(z.mean(axis=0)).max() < 4 / 20
    np.testing.assert_allclose(z.std(axis=0), np.sqrt(38 / 36), atol=4 / np.sqrt(800))


def test_outliers_widen_the_residuals_by_their_share():
    x = np.resize(X, 60_000)
    data = simulate_single(
        np.random.default_rng(6), x, 0.2, **SINGLE, outlier_share=0.05, outlier_size=2.0
    )
    variance = np.var(data.y + 1.1 * (x - x.mean()))
    assert variance == pytest.approx(0.2**2 + 0.4**2 + 0.05 * 4, rel=0.05)


def test_bad_arguments_are_refused_before_anything_is_drawn():
    rng = np.random.default_rng(0)
    with pytest.raises(SettingsError, match="between -1 and 1"):
        simulate_joint(rng, X, 0.2, 0.1, **{**JOINT, "rho": 1.2})
    with pytest.raises(SettingsError, match="split-normal, normal, reference"):
        measure(rng, X, X, X, "cauchy")
    with pytest.raises(SurveyError, match="`sigma` must be positive"):
        simulate_single(rng, X, 0.0, **SINGLE)
    with pytest.raises(SurveyError, match="at least 3"):
        simulate_single(rng, X[:2], 0.2, **SINGLE)
