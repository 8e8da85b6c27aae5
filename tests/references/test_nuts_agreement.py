"""The exact engine against long runs of the no-U-turn sampler.

Surveys and seeds are fixed here and were so before the first comparison. Each score is (exact -
sampled) / MCSE, of a mean or of a standard deviation: if both sides are right they behave as
standard normal numbers.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from errorbar.survey.data import SurveyData
from errorbar.survey.fit import fit_surveys
from errorbar.survey.fit.nuts import fit_nuts, nuts_diagnostics
from errorbar.survey.model import PriorRule
from tests.references.marginal import sample_joint
from tests.references.mcse import scores

TRUTH_ALPHA, TRUTH_BETA = (-0.95, 0.05), (-1.09, -0.05)


@dataclass(frozen=True)
class Case:
    """A survey to simulate: its size, intrinsic scatter, errors, prior of the intercept, seed."""

    n: int
    scatter: tuple[float, float]
    rho: float
    noise: tuple[float, float]
    intercept: str
    seed: int

    @property
    def rule(self) -> PriorRule:
        return PriorRule(intercept=self.intercept)

    def data(self) -> SurveyData:
        rng = np.random.default_rng(self.seed)
        x = rng.normal(0.0, 0.8, self.n)
        sigma, star_sigma = np.multiply.outer(self.noise, rng.lognormal(0.0, 0.4, self.n))
        root = np.array([[1.0, 0.0], [self.rho, np.sqrt(1 - self.rho**2)]])
        own = (root @ rng.normal(size=(2, self.n))) * np.reshape(self.scatter, (2, 1))
        line = np.reshape(TRUTH_ALPHA, (2, 1)) + np.multiply.outer(TRUTH_BETA, x)
        y, star = line + own + [sigma, star_sigma] * rng.normal(size=(2, self.n))
        return SurveyData(x=x, y=y, sigma=sigma, star=star, star_sigma=star_sigma)


def cases(sizes, kinds, intercepts=("reference", "flat"), first_seed=0) -> list[Case]:
    """Every size with every (scatter, rho, noise), the intercept's prior in turn."""
    return [
        Case(n, scatter, rho, noise, intercepts[i % len(intercepts)], first_seed + i)
        for i, (n, (scatter, rho, noise)) in enumerate(product(sizes, kinds))
    ]


USUAL = ((0.4, 0.2), 0.5, (0.2, 0.08))
SINGLE = cases(
    (5, 8, 10, 15, 20, 30, 50, 100),
    (USUAL, ((0.0, 0.2), 0.0, (0.2, 0.08)), ((1.0, 0.2), 0.0, (0.05, 0.08))),
    first_seed=1000,
)
JOINT = cases(
    (5, 10, 20, 50),
    (
        USUAL,
        ((0.0, 0.0), 0.0, (0.2, 0.08)),
        ((0.001, 0.2), 0.0, (0.2, 0.08)),
        ((0.5, 0.2), 0.97, (0.05, 0.03)),
        ((0.5, 0.2), -0.99, (0.02, 0.01)),
        ((1.0, 0.5), -0.3, (0.2, 0.2)),
    ),
    first_seed=2000,
)
# Scatter well above the errors: where the latent model has no narrow place to miss.
LATENT = cases(
    (15, 20, 30, 50),
    [((0.6, 0.3), rho, (0.1, 0.05)) for rho in (-0.8, -0.4, 0.0, 0.4, 0.8)],
    first_seed=3000,
)
MASS_STAR = cases(
    (8, 20, 50),
    (USUAL, ((0.0, 0.3), 0.0, (0.2, 0.1)), ((0.5, 0.1), 0.0, (0.1, 0.1))),
    first_seed=4000,
)


def long_run(case: Case, model: str, draws: int):
    return fit_nuts(
        case.data(),
        model,
        case.rule,
        draws=draws,
        tune=2000,
        chains=4,
        target_accept=0.95,
        seed=case.seed,
        sampler="numpyro",
    )


def marginal_run(case: Case, draws: int):
    data = case.data()
    return sample_joint(data, case.rule.joint(data), draws=draws, seed=case.seed)


def agreement(cases: list[Case], model: str, run) -> NDArray[np.float64]:
    """Scores with axes case, mean or sd, parameter."""
    table = []
    for case in cases:
        exact = fit_surveys([case.data()], model, case.rule)
        trace = run(case)
        assert nuts_diagnostics(trace).rhat_max < 1.01
        table.append(scores(trace, exact.names, exact.mean[0], exact.sd[0]))
    return np.array(table)


def assert_like_standard_normal(z: NDArray[np.float64]) -> None:
    above = int((np.abs(z) > 2).sum())
    print(f"{len(z)} surveys, {z.size} scores: largest {np.abs(z).max():.2f}, above 2: {above}")  # noqa: T201
    assert np.abs(z).max() < 4
    assert binomtest(above, z.size, 2 * norm.sf(2)).pvalue > 0.001, f"{above} of {z.size} above 2"


@pytest.mark.heavy
def test_one_small_survey_of_each_kind_agrees_with_its_long_run():
    z = agreement(SINGLE[3:4], "single", lambda case: long_run(case, "single", 2000))
    assert np.abs(z).max() < 4
    z = agreement(JOINT[6:7], "joint", lambda case: marginal_run(case, 2000))
    assert np.abs(z).max() < 4


@pytest.mark.slow
def test_single_posteriors_agree_with_long_runs():
    z = agreement(SINGLE, "single", lambda case: long_run(case, "single", 10_000))
    assert_like_standard_normal(z)


@pytest.mark.slow
def test_joint_posteriors_agree_with_long_runs_without_latents():
    assert_like_standard_normal(agreement(JOINT, "joint", lambda case: marginal_run(case, 10_000)))


@pytest.mark.slow
def test_joint_posteriors_agree_with_long_runs_of_the_latent_model():
    z = agreement(LATENT, "joint", lambda case: long_run(case, "joint", 5000))
    assert_like_standard_normal(z)


@pytest.mark.slow
def test_mass_star_posteriors_agree_with_long_runs():
    z = agreement(MASS_STAR, "mass-star", lambda case: long_run(case, "mass-star", 10_000))
    assert_like_standard_normal(z)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["pymc", "nutpie"])
def test_the_slower_samplers_find_the_same_joint_posterior(sampler):
    case = LATENT[0]
    exact = fit_surveys([case.data()], "joint", case.rule)
    trace = fit_nuts(case.data(), "joint", case.rule, draws=2000, seed=1, sampler=sampler)
    assert np.abs(scores(trace, exact.names, exact.mean[0], exact.sd[0])).max() < 4
