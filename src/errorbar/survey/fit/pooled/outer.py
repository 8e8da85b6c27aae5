r"""The sum over the common mean $\mu$ and the spread $\tau$ of the slopes.

$\tau = c \sinh t$, over which the integrand is even: the trapezoid rule with half weight on
$\tau = 0$ converges geometrically when $c$ is no wider than the best class's error of its slope. At
each $\tau$, $\mu = m(\tau) + r(\tau) \sinh u$ around the mean of the classes weighted by
$1/(S_c^2 + \tau^2)$, with $r$ its error; the sinh reaches the tails that small classes leave.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.survey.fit.models.inputs import HALF_NORMAL
from errorbar.survey.fit.pooled.profile import Profile
from errorbar.survey.model import PooledPrior

__all__ = ["OuterSum", "Slice", "cut_slice", "sum_outer"]

_U = np.linspace(-4.0, 4.0, 193)


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    r"""Log density of $\mu$ at one $\tau$, with every class's likelihood of that pair.

    `log_density` holds the prior of $\mu$, not that of $\tau$; `class_log` each class's log
    likelihood of the pair, `shares` the probability of each node of its scatter.
    """

    mu: Float[ndarray, " points"]
    weight: Float[ndarray, " points"]
    log_density: Float[ndarray, " points"]
    class_log: Float[ndarray, "classes points"]
    shares: Float[ndarray, "classes points nodes"]


class OuterGrid:
    """Nodes of every class, stacked, and where the common mean lies at any spread."""

    def __init__(self, profiles: list[Profile], prior: PooledPrior) -> None:
        stacked = [profile.coarse() for profile in profiles]
        self.prior = prior
        self.log_weight, self.slope, self.variance = (np.array(a) for a in zip(*stacked))
        self.top = self.log_weight.max(1)
        share = np.exp(self.log_weight - self.top[:, None])
        share /= share.sum(1, keepdims=True)
        self.alone = (share * self.slope).sum(1)
        spread = (self.slope - self.alone[:, None]) ** 2
        self.alone_variance = (share * (self.variance + spread)).sum(1)
        least = float(np.sqrt(self.variance.min()))
        self.scale = min(least, 0.5 * prior.tau_scale)
        step = min(0.15, 0.5 / np.sqrt(2 * len(profiles)))
        reach = float(np.arcsinh(8.0 * prior.tau_scale / self.scale))
        self.t = np.linspace(0.0, reach, int(np.ceil(reach / step)) + 1)

    def place(self, tau: float) -> tuple[float, float]:
        """The classes' weighted mean and its error at a spread."""
        known = 1.0 / (self.alone_variance + tau * tau)
        precision = known.sum() + self.prior.mu_sd**-2
        mean = (known @ self.alone + self.prior.mu_sd**-2 * self.prior.mu_mean) / precision
        return float(mean), float(precision**-0.5)


def cut_slice(grid: OuterGrid, tau: float) -> Slice:
    r"""Everything at one $\tau$."""
    prior = grid.prior
    middle, width = grid.place(tau)
    mu = middle + width * np.sinh(_U)
    weight = width * np.cosh(_U) * (_U[1] - _U[0])
    wide = grid.variance + tau * tau
    norm = grid.log_weight - grid.top[:, None] - 0.5 * np.log(2 * np.pi * wide)
    away = mu[None, :, None] - grid.slope[:, None, :]
    log_parts = norm[:, None, :] - 0.5 * away * away / wide[:, None, :]
    peak = log_parts.max(2)
    parts = np.exp(log_parts - peak[:, :, None])
    total = parts.sum(2)
    class_log = np.log(total) + peak + grid.top[:, None]
    log_density = class_log.sum(0)
    if np.isfinite(prior.mu_sd):
        z = (mu - prior.mu_mean) / prior.mu_sd
        log_density = log_density - 0.5 * z * z - np.log(prior.mu_sd * np.sqrt(2 * np.pi))
    return Slice(mu, weight, log_density, class_log, parts / total[:, :, None])


@dataclass(frozen=True, slots=True, eq=False)
class OuterSum:
    r"""The posterior of $(\mu, \tau)$ on its nodes, and the classes' moments.

    `weight[j, m]` is the posterior probability of a node, `others[c][j, m]` the same without class
    c's likelihood, relative to the whole's evidence; `scatter[c]` the probability of its nodes.
    """

    grid: OuterGrid
    tau: Float[ndarray, " spreads"]
    mu: Float[ndarray, "spreads points"]
    weight: Float[ndarray, "spreads points"]
    others: Float[ndarray, "classes spreads points"]
    log_tau: Float[ndarray, " spreads"]
    scatter: Float[ndarray, "classes nodes"]
    slope_mean: Float[ndarray, " classes"]
    slope_sd: Float[ndarray, " classes"]
    log_evidence: float

    @property
    def mu_mean(self) -> float:
        return float((self.weight * self.mu).sum())

    @property
    def mu_sd(self) -> float:
        return float(np.sqrt((self.weight * (self.mu - self.mu_mean) ** 2).sum()))


def sum_outer(profiles: list[Profile], prior: PooledPrior) -> OuterSum:
    r"""Sum over $(\mu, \tau)$, keeping what the marginals of every class need."""
    grid = OuterGrid(profiles, prior)
    tau = grid.scale * np.sinh(grid.t)
    z = tau / prior.tau_scale
    log_tau = HALF_NORMAL - np.log(prior.tau_scale) - 0.5 * z * z
    log_tau = log_tau + np.log(grid.scale * np.cosh(grid.t))
    step = np.full(len(tau), grid.t[1])
    step[[0, -1]] *= 0.5
    mus, log_nodes, class_logs, scatters, firsts, seconds = [], [], [], [], [], []
    for j, spread in enumerate(tau):
        cut = cut_slice(grid, float(spread))
        log_node = cut.log_density + np.log(cut.weight) + log_tau[j] + np.log(step[j])
        peak = log_node.max()
        node = np.exp(log_node - peak)
        shrink = spread**2 / (grid.variance + spread**2)
        away = grid.slope[:, None, :] - cut.mu[None, :, None]
        mean = cut.mu[None, :, None] + shrink[:, None, :] * away
        square = mean * mean + (grid.variance * shrink)[:, None, :]
        mus.append(cut.mu)
        log_nodes.append(log_node)
        class_logs.append(cut.class_log)
        scatters.append((peak, np.einsum("m,cmk->ck", node, cut.shares)))
        firsts.append(np.einsum("m,cmk,cmk->c", node, cut.shares, mean))
        seconds.append(np.einsum("m,cmk,cmk->c", node, cut.shares, square))
    log_node = np.array(log_nodes)
    top = log_node.max()
    total = np.exp(log_node - top).sum()
    log_z = float(top + np.log(total))
    at = np.exp(np.array([peak for peak, _ in scatters]) - log_z)
    first, second = at @ np.array(firsts), at @ np.array(seconds)
    others = np.exp(log_node[None] - np.array(class_logs).transpose(1, 0, 2) - log_z)
    return OuterSum(
        grid=grid,
        tau=tau,
        mu=np.array(mus),
        weight=np.exp(log_node - log_z),
        others=others,
        log_tau=log_tau,
        scatter=np.einsum("j,jck->ck", at, np.array([share for _, share in scatters])),
        slope_mean=first,
        slope_sd=np.sqrt(np.maximum(second - first**2, 0.0)),
        log_evidence=log_z,
    )
