"""The exact engine against brute-force sums, in posterior standard deviations.

`quadrature` writes every density anew. What the engine promises: single response 1e-6 in means,
sds and log evidence, 1e-6 and 1e-5 in the interval ends of coefficients and scatter, at no more
than 32 nodes; joint 1e-4 in means and sds and 1e-3 in interval ends, always; mass-star 1e-6.
"""

from dataclasses import dataclass
from functools import cache

import mpmath
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from errorbar.survey.data import SurveyData
from errorbar.survey.fit import fit_surveys
from errorbar.survey.fit.lattice import FitBatch
from errorbar.survey.model import JointPrior, MassStarPrior, PriorRule, SinglePrior
from tests.references.densities import joint_density, mass_star_density, single_density
from tests.references.quadrature import Answer, joint_answer, mass_star_answer, single_answer

RULES = (PriorRule(), PriorRule(intercept="flat"), PriorRule(slope="sd"))


@dataclass(frozen=True)
class Truth:
    """What a survey is drawn from: its size, scatters and correlation, sizes of its errors."""

    n: int
    scatter: tuple[float, float] = (0.5, 0.15)
    rho: float = 0.4
    noise: tuple[float, float] = (0.2, 0.08)
    uneven: float = 0.4

    def survey(self, seed: int) -> SurveyData:
        rng = np.random.default_rng([seed, self.n])
        x = rng.normal(-0.5, 0.9, self.n)
        sigma, star_sigma = np.multiply.outer(
            self.noise, np.exp(self.uneven * rng.normal(size=self.n))
        )
        first, second = rng.normal(size=(2, self.n))
        second = self.rho * first + np.sqrt(1 - self.rho**2) * second
        return SurveyData(
            x=x,
            y=-0.95 - 1.09 * x + self.scatter[0] * first + sigma * rng.normal(size=self.n),
            sigma=sigma,
            star=0.05 + 0.05 * x + self.scatter[1] * second + star_sigma * rng.normal(size=self.n),
            star_sigma=star_sigma,
        )


def rule_of(seed: int) -> PriorRule:
    return RULES[seed % len(RULES)]


def singles(seeds: range) -> list[tuple[SurveyData, SinglePrior]]:
    """Surveys of 5 to 600 planets whose scatter is anything from nothing to ten times the error."""
    cases = []
    for seed in seeds:
        rng = np.random.default_rng([17, seed])
        n = int(np.exp(rng.uniform(np.log(5), np.log(600.99))))
        scatter = float(rng.choice([0.0, 0.001, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0]))
        noise = float(rng.choice([0.02, 0.1, 0.2, 0.4]))
        data = Truth(n, (scatter, 0.15), noise=(noise, 0.08)).survey(seed)
        cases.append((data, rule_of(seed).single(data)))
    return cases


JOINT = {
    "usual": [Truth(n) for n in (5, 6, 8, 10, 15, 20, 30, 50, 70, 100)],
    "zero scatter": [Truth(n, (0.0, 0.0)) for n in (5, 8, 15, 30, 100)],
    "one scatter zero": [
        Truth(n, scatter) for n in (5, 10, 30, 100) for scatter in ((0.0, 0.2), (0.4, 0.0))
    ],
    "ridge": [
        Truth(n, (0.5, 0.2), rho, (0.05, 0.02)) for n in (5, 10, 30, 100) for rho in (-0.99, 0.99)
    ],
    "sharp ridge": [
        Truth(n, (0.5, 0.2), rho, (0.01, 0.005)) for n in (10, 30, 100) for rho in (-0.99, 0.99)
    ],
    "tiny noise": [Truth(n, noise=(0.001, 0.001)) for n in (5, 10, 50)],
    "five planets": [
        Truth(5, (a, b), rho) for a in (0.05, 0.2, 1.0) for b in (0.05, 0.3) for rho in (-0.9, 0.5)
    ],
    "uneven errors": [Truth(n, uneven=1.2) for n in (6, 12, 25, 60)],
}
MASS_STAR = [
    Truth(n, scatter, 0.3, noise)
    for n in (5, 8, 15, 30, 80, 200)
    for scatter in ((0.0, 0.2), (0.1, 0.3), (0.5, 0.1), (0.5, 0.3))
    for noise in ((0.2, 0.05), (0.05, 0.1))
]


def moments_apart(batch: FitBatch, row: int, answer: Answer) -> float:
    """Largest difference of a mean, an sd or the log evidence."""
    return float(
        max(
            np.max(np.abs(batch.mean[row] - answer.mean) / answer.sd),
            np.max(np.abs(batch.sd[row] / answer.sd - 1)),
            abs(batch.log_evidence[row] - answer.log_evidence),
        )
    )


def ends_apart(batch: FitBatch, row: int, answer: Answer) -> np.ndarray:
    """Largest difference of an interval's end, by parameter."""
    ends = np.stack([batch.hdi_low[row], batch.hdi_high[row]], axis=1)
    return np.max(np.abs(ends - answer.hdi) / answer.sd[:, None], axis=1)


def told(moments: list[float], ends: list[np.ndarray]) -> None:
    """Print the largest differences, for whoever runs pytest with -s."""
    print(f"{len(moments)} surveys: moments {max(moments):.1e}; ends", end=" ")  # noqa: T201
    print(" ".join(f"{end:.1e}" for end in np.max(ends, axis=0)))  # noqa: T201


def check_singles(cases) -> None:
    batch = fit_surveys([data for data, _ in cases], "single", [prior for _, prior in cases])
    assert batch.nodes.max() <= 32
    answers = [single_answer(data, prior) for data, prior in cases]
    moments = [moments_apart(batch, row, answer) for row, answer in enumerate(answers)]
    ends = [ends_apart(batch, row, answer) for row, answer in enumerate(answers)]
    told(moments, ends)
    assert max(moments) < 1e-6
    assert np.all(np.max(ends, axis=0) < [1e-6, 1e-6, 1e-5])


def check_joint(cases) -> None:
    batch = fit_surveys([data for data, _ in cases], "joint", [prior for _, prior in cases])
    answers = [joint_answer(data, prior) for data, prior in cases]
    assert max(answer.error for answer in answers) < 5e-5
    assert max(answer.hdi_error for answer in answers) < 5e-4
    moments = [moments_apart(batch, row, answer) for row, answer in enumerate(answers)]
    ends = [ends_apart(batch, row, answer) for row, answer in enumerate(answers)]
    told(moments, ends)
    assert max(moments) < 1e-4
    assert np.max(ends) < 1e-3


def joints(truths: list[Truth], seeds: range) -> list[tuple[SurveyData, JointPrior]]:
    cases = []
    for seed in seeds:
        for i, truth in enumerate(truths):
            data = truth.survey(seed)
            cases.append((data, rule_of(seed + i).joint(data)))
    return cases


def mass_stars(seeds: range) -> list[tuple[SurveyData, MassStarPrior]]:
    cases = []
    for seed in seeds:
        for i, truth in enumerate(MASS_STAR):
            data = truth.survey(seed)
            cases.append((data, rule_of(seed + i).mass_star(data)))
    return cases


def dense_normal(data: SurveyData, prior, scatter, responses: int) -> float:
    """Log probability of a survey given its scatter, coefficients integrated by one big normal."""
    x = data.x - data.x.mean()
    design = np.stack([np.ones_like(x), x], axis=1)
    if responses == 1:
        cov = design @ np.diag([prior.alpha_sd**2, prior.beta_sd**2]) @ design.T
        cov += np.diag(data.sigma**2 + scatter**2)
        return float(multivariate_normal.logpdf(data.y - prior.alpha_mean, cov=cov))
    star, star_sigma = data.need_star()
    sp, ss, rho = scatter
    blocks = [
        design @ np.diag([a**2, b**2]) @ design.T for a, b in zip(prior.alpha_sd, prior.beta_sd)
    ]
    eye = np.eye(data.n)
    blocks[0] = blocks[0] + np.diag(data.sigma**2) + sp**2 * eye
    blocks[1] = blocks[1] + np.diag(star_sigma**2) + ss**2 * eye
    cov = np.block([[blocks[0], rho * sp * ss * eye], [rho * sp * ss * eye, blocks[1]]])
    values = np.concatenate([data.y - prior.alpha_mean[0], star - prior.alpha_mean[1]])
    return float(multivariate_normal.logpdf(values, cov=cov))


def half_normal(s, scale: float) -> float:
    return float(
        np.sum(np.log(2 / (np.sqrt(2 * np.pi) * scale)) - 0.5 * (np.array(s) / scale) ** 2)
    )


@pytest.mark.parametrize("eps", [0.0, 0.03, 0.7])
def test_the_reference_density_of_one_response_is_one_big_normal(eps):
    data = Truth(9).survey(1)
    prior = SinglePrior(alpha_mean=-0.4, alpha_sd=0.6, beta_sd=1.3, epsilon_scale=0.8)
    found = single_density(data, prior)(np.array([eps]))[0][0]
    assert found == pytest.approx(
        dense_normal(data, prior, eps, 1) + half_normal(eps, 0.8), abs=1e-9
    )


@pytest.mark.parametrize("outer", [(0.5, 0.2, 0.4), (0.0, 0.3, -0.7), (1.0, 0.01, 0.999)])
def test_the_reference_density_of_two_responses_is_one_big_normal(outer):
    data = Truth(7).survey(2)
    prior = JointPrior((-0.4, 0.1), (0.6, 0.3), (1.3, 0.5), 0.5)
    sp, ss, rho = outer
    found = joint_density(data, prior)(np.array([[sp, ss, np.arctanh(rho)]]))[0][0]
    wanted = (
        dense_normal(data, prior, outer, 2)
        + half_normal([sp, ss], 0.5)
        + np.log(0.75)
        + 2 * np.log1p(-(rho**2))
    )
    assert found == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("outer", [(1.0, 0.4), (-0.5, 0.0), (0.0, 2.0)])
def test_the_reference_density_on_mass_and_star_is_one_big_normal(outer):
    data = Truth(7).survey(3)
    prior = MassStarPrior(-0.4, 0.6, 1.3, 0.9, 0.7)
    slope, eps = outer
    star, star_sigma = data.need_star()
    found = mass_star_density(data, prior)(np.array([outer]))[0][0]
    moved = SurveyData(
        data.x,
        data.y - slope * (star - star.mean()),
        np.sqrt(data.sigma**2 + slope**2 * star_sigma**2),
    )
    as_single = SinglePrior(-0.4, 0.6, 1.3, 0.7)
    wanted = (
        dense_normal(moved, as_single, eps, 1)
        + half_normal(eps, 0.7)
        - 0.5 * ((slope - 1) / 0.9) ** 2
        - np.log(0.9 * np.sqrt(2 * np.pi))
    )
    assert found == pytest.approx(wanted, abs=1e-9)


@pytest.mark.heavy
@pytest.mark.parametrize("truth", [Truth(5, (0.0, 0.1)), Truth(12, (2.0, 0.1))])
def test_the_reference_of_one_response_agrees_with_thirty_digit_integration(truth):
    data = truth.survey(4)
    prior = PriorRule().single(data)
    x, y = data.x - data.x.mean(), data.y - prior.alpha_mean
    columns = [[mpmath.mpf(float(t)) for t in column] for column in (x, y, data.sigma**2)]
    a, b, s = (mpmath.mpf(t) ** -2 for t in (prior.alpha_sd, prior.beta_sd, prior.epsilon_scale))

    @cache
    def weigh(eps):
        w = [1 / (v + eps**2) for v in columns[2]]
        s0, s1 = mpmath.fsum(w), mpmath.fdot(w, columns[0])
        s2 = mpmath.fsum(p * t * t for p, t in zip(w, columns[0]))
        t0 = mpmath.fdot(w, columns[1])
        t1 = mpmath.fsum(p * t * z for p, t, z in zip(w, *columns[:2]))
        q = mpmath.fsum(p * z * z for p, z in zip(w, columns[1]))
        det = (s0 + a) * (s2 + b) - s1**2
        alpha, beta = ((s2 + b) * t0 - s1 * t1) / det, ((s0 + a) * t1 - s1 * t0) / det
        f = mpmath.sqrt(mpmath.fprod(w) * a * b * s / det) * mpmath.exp(
            -(q - t0 * alpha - t1 * beta) / 2 - s * eps**2 / 2
        )
        return f, alpha, beta, (s2 + b) / det + alpha**2

    with mpmath.workdps(30):
        edges = [prior.epsilon_scale * t for t in (0, 0.1, 0.2, 0.4, 0.7, 1, 1.5, 2, 3, 5, 9)]
        total, one, two, alpha, beta, alpha2 = (
            mpmath.quad(value, edges)
            for value in (
                lambda e: weigh(e)[0],
                lambda e: weigh(e)[0] * e,
                lambda e: weigh(e)[0] * e * e,
                lambda e: weigh(e)[0] * weigh(e)[1],
                lambda e: weigh(e)[0] * weigh(e)[2],
                lambda e: weigh(e)[0] * weigh(e)[3],
            )
        )
        log_z = mpmath.log(total) - data.n * mpmath.log(2 * mpmath.pi) / 2
        log_z += mpmath.log(2 / mpmath.sqrt(2 * mpmath.pi))
        mean = [float(alpha / total), float(beta / total), float(one / total)]
        sd_alpha = float(mpmath.sqrt(alpha2 / total - (alpha / total) ** 2))
        sd_eps = float(mpmath.sqrt(two / total - (one / total) ** 2))
    answer = single_answer(data, prior)
    mean[0] += prior.alpha_mean
    np.testing.assert_allclose((answer.mean - mean) / answer.sd, 0, atol=1e-10)
    np.testing.assert_allclose(answer.sd[[0, 2]], [sd_alpha, sd_eps], rtol=1e-10)
    assert answer.log_evidence == pytest.approx(float(log_z), abs=1e-10)


@pytest.mark.heavy
def test_single_posteriors_are_brute_force_sums():
    check_singles(singles(range(40)))


@pytest.mark.slow
def test_a_thousand_single_posteriors_are_brute_force_sums():
    check_singles(singles(range(1000, 2200)))


@pytest.mark.heavy
def test_joint_posteriors_are_brute_force_sums():
    few = [JOINT["usual"][4], JOINT["zero scatter"][1], JOINT["ridge"][3], JOINT["five planets"][0]]
    check_joint(joints(few, range(1)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", JOINT)
def test_joint_posteriors_of_every_kind_are_brute_force_sums(kind):
    check_joint(joints(JOINT[kind], range(1, 4)))


def check_mass_stars(cases) -> None:
    batch = fit_surveys([data for data, _ in cases], "mass-star", [prior for _, prior in cases])
    answers = [mass_star_answer(data, prior) for data, prior in cases]
    assert max(answer.error for answer in answers) < 1e-6
    moments = [moments_apart(batch, row, answer) for row, answer in enumerate(answers)]
    ends = [ends_apart(batch, row, answer) for row, answer in enumerate(answers)]
    told(moments, ends)
    assert max(moments) < 1e-6
    assert np.max(ends) < 1e-3


@pytest.mark.heavy
def test_mass_star_posteriors_are_brute_force_sums():
    check_mass_stars(mass_stars(range(1))[::9])


@pytest.mark.slow
def test_mass_star_posteriors_of_every_kind_are_brute_force_sums():
    check_mass_stars(mass_stars(range(1, 4)))


@pytest.mark.heavy
def test_evidence_is_the_mean_likelihood_over_the_prior():
    """By plain Monte Carlo from the prior: the normalised one, not PyMC's LKJ density.

    `LKJCholeskyCov` exceeds the normalised density by ln(16/9), a constant that moves an evidence
    taken from its log probability and no posterior.
    """
    data = Truth(6, (0.4, 0.2), noise=(0.4, 0.3)).survey(7)
    prior = JointPrior((-0.5, 0.0), (1.0, 0.3), (1.0, 0.3), 0.5)
    exact = fit_surveys([data], "joint", prior).log_evidence[0]
    rng = np.random.default_rng(20260101)
    draws = 200_000
    sp, ss = np.abs(rng.normal(0, 0.5, (2, draws)))
    # LKJ(2) in two dimensions is 3/4 (1 - rho^2): a Beta(2, 2) stretched to (-1, 1).
    rho = 2 * rng.beta(2, 2, draws) - 1
    alpha = rng.normal(prior.alpha_mean, prior.alpha_sd, (draws, 2))
    beta = rng.normal(0, prior.beta_sd, (draws, 2))
    star, star_sigma = data.need_star()
    log_l = np.zeros(draws)
    for i in range(data.n):
        x = data.x[i] - data.x.mean()
        r, t = data.y[i] - alpha[:, 0] - beta[:, 0] * x, star[i] - alpha[:, 1] - beta[:, 1] * x
        a, c, k = sp**2 + data.sigma[i] ** 2, ss**2 + star_sigma[i] ** 2, rho * sp * ss
        det = a * c - k**2
        log_l -= (
            np.log(2 * np.pi)
            + 0.5 * np.log(det)
            + (c * r**2 - 2 * k * r * t + a * t**2) / (2 * det)
        )
    likelihood = np.exp(log_l - log_l.max())
    estimate = np.log(likelihood.mean()) + log_l.max()
    error = likelihood.std() / likelihood.mean() / np.sqrt(draws)
    assert error < 0.05
    assert abs(exact - estimate) < 4 * error
    assert abs(exact + np.log(16 / 9) - estimate) > 8 * error
