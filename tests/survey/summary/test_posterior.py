from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from errorbar.core.errors import InputError
from errorbar.survey.summary import parameter_quantity, survey_posterior
from errorbar.survey.summary.posterior import density_levels, marginal
from tests.survey.fake_grid import fake_surveys

DATA = fake_surveys(sizes=(40,), repeats=1, classes=("S1",))[0].data()
NAMES = {
    "single": ("alpha", "beta", "epsilon"),
    "joint": ("alpha_p", "beta_p", "alpha_s", "beta_s", "sigma_p", "sigma_s", "rho"),
    "mass-star": ("alpha", "beta_p", "beta_s", "epsilon"),
}


class NormalFit:
    """A posterior that is normal in every parameter."""

    def __init__(self, model):
        self.names = NAMES[model]
        self.mean = np.linspace(0.2, 0.8, len(self.names))
        self.sd = np.linspace(0.05, 0.1, len(self.names))

    def hdi(self, level):
        reach = stats.norm.ppf(0.5 + level / 2)
        return np.stack([self.mean - reach * self.sd, self.mean + reach * self.sd], axis=1)

    def quantile(self, q):
        return self.mean[:, None] + self.sd[:, None] * stats.norm.ppf(np.atleast_1d(q))

    def cdf(self, name, value):
        i = self.names.index(name)
        return stats.norm.cdf(value, self.mean[i], self.sd[i])

    def draws(self, n, seed):
        rng = np.random.default_rng(seed)
        columns = self.mean + self.sd * rng.normal(size=(n, len(self.names)))
        return dict(zip(self.names, columns.T, strict=True))


@pytest.mark.parametrize("model", NAMES)
def test_every_parameter_has_a_marginal_and_every_two_a_pair(model):
    value = survey_posterior(NormalFit(model), DATA, draws=500)
    count = len(NAMES[model])
    assert value.model == model
    assert len(value.marginals) == count
    assert len(value.pairs) == count * (count - 1) // 2
    assert len(value.lines) == (2 if model == "joint" else 1)


def test_an_exact_density_is_the_derivative_of_the_distribution_function():
    fit = NormalFit("single")
    slope = survey_posterior(fit, DATA, draws=200).marginals[1]
    exact = stats.norm.pdf(slope.x, fit.mean[1], fit.sd[1])
    np.testing.assert_allclose(slope.density, exact, atol=2e-3 * exact.max())
    assert (slope.low, slope.high) == tuple(fit.hdi(0.68)[1])


def test_draws_of_a_normal_give_its_interval():
    draws = np.random.default_rng(1).normal(2.0, 0.5, 200_000)
    value = marginal(draws, parameter_quantity("single", "beta"))
    assert (value.low, value.high) == pytest.approx((2 - 0.497, 2 + 0.497), abs=0.02)
    area = np.sum(value.density) * (value.x[1] - value.x[0])
    assert area == pytest.approx(1.0, abs=1e-3)


def test_contours_enclose_the_shares_they_claim():
    grid = np.linspace(-5, 5, 301)
    density = stats.norm.pdf(grid)[:, None] * stats.norm.pdf(grid)
    low, high = density_levels(density, (0.68, 0.95))
    # A bivariate normal holds 1 - f/f_max within the height f.
    peak = density.max()
    assert (1 - high / peak, 1 - low / peak) == pytest.approx((0.68, 0.95), abs=0.005)


def test_the_band_of_the_line_is_that_of_its_coefficients():
    fit = NormalFit("single")
    line = survey_posterior(fit, DATA, draws=40_000).lines[0]
    at = line.places - DATA.centre
    width = np.hypot(fit.sd[0], fit.sd[1] * at) * stats.norm.ppf(0.84)
    np.testing.assert_allclose(line.middle, fit.mean[0] + fit.mean[1] * at, atol=3e-3)
    np.testing.assert_allclose(line.high - line.middle, width, rtol=0.05)


def test_chains_are_read_as_draws():
    fit = NormalFit("single")
    chains = {name: values.reshape(2, -1) for name, values in fit.draws(4000, 0).items()}
    chains["z"] = np.zeros((2, 2000, 40))
    wrapped = SimpleNamespace(
        posterior=SimpleNamespace(
            data_vars={name: _Variable(values) for name, values in chains.items()}
        )
    )
    value = survey_posterior(wrapped, DATA)
    assert [m.quantity.plain for m in value.marginals] == ["α", "β", "ε"]
    assert value.marginals[1].sd == pytest.approx(fit.sd[1], rel=0.05)


class _Variable(np.ndarray):
    def __new__(cls, values):
        return np.asarray(values).view(cls)


def test_a_posterior_of_something_else_is_refused():
    strange = SimpleNamespace(draws=lambda n, seed: {"mu": np.zeros(n)})
    with pytest.raises(InputError, match="parameters mu is of no model here"):
        survey_posterior(strange, DATA)
