r"""Posteriors of the survey regressions by brute force, to judge the exact engine by.

Written in NumPy from the formulas alone: many nodes, no economy, and nothing of the package but its
values. Each joint and mass-star posterior is summed at two resolutions, and `error` is how far
they differ in standard deviations: a reference that does not agree with itself judges nobody.

Scatters are mapped by $s = c \sinh t$, correlations by $\rho = \tanh t$. Gauss-Legendre nodes serve
where a scatter may be zero, the trapezoid rule in coordinates turned to the posterior where not.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq, minimize
from scipy.special import ndtr

from errorbar.survey.data import SurveyData
from errorbar.survey.model import JointPrior, MassStarPrior, SinglePrior
from tests.references.densities import (
    Array,
    Density,
    joint_density,
    mass_star_density,
    single_density,
)

# How far below the peak the sum still looks, in log density.
DEPTH = 36.0
# Two resolutions this near in moments and interval ends, in sds, need no third: the finer one is
# much nearer still.
GOOD = np.array([3e-5, 3e-4])


@dataclass(frozen=True)
class Answer:
    """What a posterior is judged by: rows are parameters, `error` is the reference's own doubt."""

    mean: Array
    sd: Array
    hdi: Array
    log_evidence: float
    error: float
    hdi_error: float


def panels(edges: Array, order: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights, panel by panel."""
    node, weight = leggauss(order)
    middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    return (middle[:, None] + half[:, None] * node).ravel(), (half[:, None] * weight).ravel()


def interval(cdf: Callable, pdf: Callable, guess: tuple[float, float], sd: float, level: float):
    """The shortest interval of a unimodal density, by a Newton iteration to rounding."""
    low, high = guess
    for _ in range(100):
        share, tilt = cdf(high) - cdf(low) - level, pdf(high) - pdf(low)
        step = 1e-4 * sd
        d_low = (pdf(low + step) - pdf(low - step)) / (2 * step)
        d_high = (pdf(high + step) - pdf(high - step)) / (2 * step)
        jacobian = np.array([[-pdf(low), pdf(high)], [-d_low, d_high]])
        move = np.clip(-np.linalg.solve(jacobian, [share, tilt]), -0.3 * sd, 0.3 * sd)
        low, high = low + move[0], high + move[1]
        if np.max(np.abs(move)) < 1e-9 * sd:
            return low, high
    raise ArithmeticError("the reference's own interval did not settle")


def mixture_interval(weight: Array, mean: Array, sd: Array, level: float) -> tuple[float, float]:
    """Highest-density interval of a mixture of normals."""
    keep = weight > 1e-11 * weight.max()
    w, m, s = weight[keep] / weight[keep].sum(), mean[keep], sd[keep]
    centre = w @ m
    spread = np.sqrt(w @ (s**2 + (m - centre) ** 2))

    def cdf(t):
        return w @ ndtr((t - m) / s)

    def pdf(t):
        return w @ (np.exp(-0.5 * ((t - m) / s) ** 2) / s) / np.sqrt(2 * np.pi)

    return interval(cdf, pdf, (centre - spread, centre + spread), spread, level)


def curve_interval(
    place: Array, density: Array, sd: float, level: float, zero: bool
) -> tuple[float, float]:
    """Highest-density interval of a density known on many ordered points, splined in its log."""
    keep = density > 1e-16 * density.max()
    log_curve = CubicSpline(place[keep], np.log(density[keep]))
    fine = np.linspace(place[keep][0], place[keep][-1], 20001)
    spline = CubicSpline(fine, np.exp(log_curve(fine)))
    area = spline.antiderivative()
    total = float(area(fine[-1]))

    def cdf(t):
        return float(area(np.clip(t, fine[0], fine[-1]))) / total

    def quantile(q):
        return brentq(lambda t: cdf(t) - q, fine[0], fine[-1], xtol=1e-12 * sd + 1e-300)

    if zero and spline(0.0) >= spline(quantile(level)):
        return 0.0, quantile(level)

    def tilt(q):
        return float(spline(quantile(q + level)) - spline(quantile(q)))

    q = brentq(tilt, 1e-9, 1 - level - 1e-9, xtol=1e-13)
    return quantile(q), quantile(q + level)


def mixture_moments(weight: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
    centre = weight @ mean
    return centre, np.sqrt(weight @ (variance + (mean - centre) ** 2))


def single_answer(data: SurveyData, prior: SinglePrior, level: float = 0.68) -> Answer:
    """The single response by Gauss-Legendre panels in epsilon, finer towards zero."""
    density = single_density(data, prior)
    top = 9.0 * prior.epsilon_scale
    fine = np.concatenate([[0.0], np.geomspace(1e-6 * top, top, 3000)])
    log_f = density(fine)[0]
    inside = np.flatnonzero(log_f > log_f.max() - 45.0)
    low, high = fine[max(inside[0] - 1, 0)], fine[min(inside[-1] + 1, len(fine) - 1)]
    doubling = data.sigma.min() * 2.0 ** np.arange(-2, 40)
    edges = np.unique(
        np.concatenate([np.linspace(low, high, 25), doubling[(doubling > low) & (doubling < high)]])
    )
    eps, weight = panels(edges, 24)
    log_f, mean, variance = density(eps)
    peak = log_f.max()
    weight = weight * np.exp(log_f - peak)
    total = weight.sum()
    share = weight / total
    centre, sd = mixture_moments(share, mean, variance)
    eps_mean = share @ eps
    eps_sd = np.sqrt(share @ (eps - eps_mean) ** 2)
    before = np.concatenate([[0.0], np.cumsum(share.reshape(-1, 24).sum(axis=1))])

    def pdf(t):
        return float(np.exp(density(np.atleast_1d(t))[0] - peak)[0]) / total

    def cdf(t):
        panel = int(np.clip(np.searchsorted(edges, t) - 1, 0, len(edges) - 2))
        node, w = panels(np.array([edges[panel], t]), 24)
        return before[panel] + w @ np.exp(density(node)[0] - peak) / total

    def quantile(q):
        return brentq(lambda t: cdf(t) - q, low, high, xtol=1e-13 * eps_sd)

    rough = curve_interval(eps, np.exp(log_f - peak), eps_sd, level, low == 0.0)
    if rough[0] == 0.0 or (low == 0.0 and pdf(0.0) >= pdf(quantile(level))):
        eps_hdi = (0.0, quantile(level))
    else:
        eps_hdi = interval(cdf, pdf, rough, eps_sd, level)
    ends = [mixture_interval(share, mean[:, k], np.sqrt(variance[:, k]), level) for k in (0, 1)]
    shift = np.array([prior.alpha_mean, 0.0, 0.0])
    return Answer(
        np.append(centre, eps_mean) + shift,
        np.append(sd, eps_sd),
        np.array([*ends, eps_hdi]) + shift[:, None],
        float(peak + np.log(total)),
        0.0,
        0.0,
    )


@dataclass(frozen=True)
class Axes:
    """A density in coordinates on the whole line: `place` maps them to parameters."""

    density: Density
    scale: Array
    kinds: tuple[str, ...]

    def place(self, t: Array) -> Array:
        """Scatters as they are; a correlation stays its hyperbolic angle here."""
        return np.stack(
            [
                c * np.sinh(u) if kind == "scatter" else u
                for u, c, kind in zip(t.T, self.scale, self.kinds)
            ],
            axis=1,
        )

    def slope(self, t: Array) -> Array:
        """Log of the volume that the map to `place` brings."""
        total = np.zeros(len(t))
        for k, kind in enumerate(self.kinds):
            if kind == "scatter":
                total += np.log(self.scale[k] * np.cosh(t[:, k]))
        return total

    def full(self, t: Array) -> tuple[Array, Array, Array]:
        pieces = np.array_split(t, max(1, len(t) // 20000))
        parts = [self.density(self.place(piece)) for piece in pieces]
        log_f, mean, variance = (np.concatenate(part) for part in zip(*parts))
        return log_f + self.slope(t), mean, variance

    def log(self, t: Array) -> float:
        return float(self.full(np.atleast_2d(t))[0][0])

    def reported(self, k: int, t: Array) -> tuple[Array, Array]:
        """Parameter `k` as it is reported, and its derivative, at its coordinate."""
        kind = self.kinds[k]
        if kind == "scatter":
            return self.scale[k] * np.sinh(t), self.scale[k] * np.cosh(t)
        if kind == "correlation":
            return np.tanh(t), 1 / np.cosh(t) ** 2
        return t, np.ones_like(t)


def climb(axes: Axes, start: Array) -> Array:
    """The mode, from several starts."""
    best, best_f = start, axes.log(start)
    for angle in (0.0, -2.0, 2.0):
        guess = np.array(
            [a + angle if kind == "correlation" else a for a, kind in zip(start, axes.kinds)]
        )
        found = minimize(
            lambda t: -axes.log(t),
            guess,
            method="Nelder-Mead",
            options={"maxiter": 1500, "xatol": 1e-6, "fatol": 1e-10, "adaptive": True},
        )
        if -found.fun > best_f:
            best, best_f = found.x, -found.fun
    return np.array([abs(b) if kind == "scatter" else b for b, kind in zip(best, axes.kinds)])


def hessian(axes: Axes, mode: Array) -> Array:
    d = len(mode)
    step = np.full(d, 1e-3)
    for k in range(d):
        e = np.eye(d)[k] * step[k]
        fall = (2 * axes.log(mode) - axes.log(mode + e) - axes.log(mode - e)) / step[k] ** 2
        step[k] = np.clip(0.05 / np.sqrt(max(fall, 1e-2)), 1e-5, 0.05)
    h = np.empty((d, d))
    for i in range(d):
        for j in range(d):
            a, b = np.eye(d)[i] * step[i], np.eye(d)[j] * step[j]
            h[i, j] = -(
                axes.log(mode + a + b)
                - axes.log(mode + a - b)
                - axes.log(mode - a + b)
                + axes.log(mode - a - b)
            ) / (4 * step[i] * step[j])
    return h


def reach(axes: Axes, origin: Array, basis: Array, floor: Array) -> Array:
    """How far along each basis vector the best of all else stays within `DEPTH` of the peak."""
    d = len(origin)
    peak = axes.log(origin)
    ends = np.empty((d, 2))
    for k in range(d):
        others = [i for i in range(d) if i != k]
        for side, sign in enumerate((-1.0, 1.0)):
            z, at = 0.0, np.zeros(d)
            while True:
                z += sign * 0.7
                at = at.copy()
                at[k] = z
                if z <= floor[k]:
                    z = floor[k]
                    break

                def fall(w, at=at, others=others):
                    full = at.copy()
                    full[others] = w
                    return -axes.log(origin + basis @ full)

                # From zero Nelder-Mead's own first steps are too short to leave.
                simplex = at[others] + np.vstack([np.zeros(d - 1), 0.7 * np.eye(d - 1)])
                found = minimize(
                    fall,
                    at[others],
                    method="Nelder-Mead",
                    options={"xatol": 0.02, "fatol": 0.02, "initial_simplex": simplex},
                )
                at[others] = found.x
                if -found.fun < peak - DEPTH or abs(z) > 200:
                    break
            ends[k, side] = z
    return ends


def sum_tensor(axes: Axes, origin: Array, basis: Array, grids: list[tuple[Array, Array]]):
    """Nodes of a tensor grid: coordinates, log density with the grid's weights, coefficients."""
    mesh = np.stack(np.meshgrid(*[g for g, _ in grids], indexing="ij"), axis=-1)
    weight = np.ones(mesh.shape[:-1])
    for k, (_, w) in enumerate(grids):
        weight = weight * w.reshape([-1 if i == k else 1 for i in range(len(grids))])
    t = origin + mesh.reshape(-1, len(grids)) @ basis.T
    log_f, mean, variance = axes.full(t)
    return t, log_f, weight.ravel(), mean, variance


def tensor_answer(
    axes: Axes, start: Array, level: float, orders: tuple[int, ...]
) -> tuple[Array, Array, Array, float, float, float]:
    """Moments, intervals and evidence of coefficients and outer parameters."""
    mode = climb(axes, start)
    d = len(mode)
    scatter = np.array([kind == "scatter" for kind in axes.kinds])
    h = hessian(axes, mode)
    turned = bool(np.all(np.linalg.eigvalsh(h) > 0))
    if turned:
        cov = np.linalg.inv(h)
        basis = np.linalg.cholesky(cov)
        ends = reach(axes, mode, basis, np.full(d, -np.inf))
        corner = np.array(np.meshgrid(*ends)).reshape(d, -1)
        lowest = (mode[:, None] + np.abs(basis) @ -np.abs(corner)).min(axis=1)
        # A turned box that would cross zero scatter is left to nodes along the axes.
        if np.any(scatter & (lowest < 0)):
            turned = False
            for k in np.flatnonzero(scatter):
                floor = reach_zero(axes, mode, k)
                if floor > axes.log(mode) - DEPTH:
                    break
            else:
                turned = True
    if turned:
        return turned_answer(axes, mode, cov, level)
    return upright_answer(axes, mode, level, orders)


def reach_zero(axes: Axes, mode: Array, k: int) -> float:
    """The greatest log density on the face where one scatter is zero."""
    others = [i for i in range(len(mode)) if i != k]

    def fall(w):
        full = mode.copy()
        full[k] = 0.0
        full[others] = w
        return -axes.log(full)

    starts = [
        mode[others],
        np.where(np.array(axes.kinds)[others] == "correlation", 0.0, mode[others]),
    ]
    return max(-minimize(fall, s, method="Nelder-Mead").fun for s in starts)


def summarise(axes, t, log_f, weight, mean, variance):
    peak = log_f.max()
    w = weight * np.exp(log_f - peak)
    total = w.sum()
    w = w / total
    outer = np.stack([axes.reported(k, t[:, k])[0] for k in range(t.shape[1])], axis=1)
    centre, sd = mixture_moments(
        w, np.hstack([mean, outer]), np.hstack([variance, np.zeros_like(outer)])
    )
    return w, centre, sd, float(peak + np.log(total))


def apart(one, other) -> float:
    """Largest difference of two sums in standard deviations, evidence in log."""
    (_, m1, s1, z1), (_, m2, s2, z2) = one, other
    return float(max(np.max(np.abs(m1 - m2) / s1), np.max(np.abs(s2 / s1 - 1)), abs(z1 - z2)))


def turned_answer(axes: Axes, mode: Array, cov: Array, level: float):
    d = len(mode)
    sums, hdis = [], []
    for step in (0.5, 0.35):
        ends_of, first = {}, None
        for a in range(d):
            order = [a, *[k for k in range(d) if k != a]]
            low = np.linalg.cholesky(cov[np.ix_(order, order)])
            basis = np.zeros((d, d))
            basis[order] = low
            box = reach(axes, mode, basis, np.full(d, -np.inf))
            grids = []
            for k in range(d):
                fine = step if k else 0.6 * step
                z = np.arange(np.floor(box[k, 0] / fine), np.ceil(box[k, 1] / fine) + 1) * fine
                grids.append((z, np.full(len(z), fine)))
            nodes = sum_tensor(axes, mode, basis, grids)
            log_z = np.log(abs(np.linalg.det(basis)))
            t, log_f, weight, mean, variance = nodes
            whole = summarise(axes, t, log_f + log_z, weight, mean, variance)
            if first is None:
                first = whole
                mixture = (whole[0], mean, np.sqrt(variance))
            line = whole[0].reshape(len(grids[0][0]), -1).sum(axis=1)
            u = mode[a] + basis[a, 0] * grids[0][0]
            place, slope = axes.reported(a, u)
            ends_of[a] = smooth_interval(
                axes, a, u, line, whole[2][mean.shape[1] + a], level, False
            )
        w, m, s = mixture
        coefficient_ends = [mixture_interval(w, m[:, k], s[:, k], level) for k in range(m.shape[1])]
        sums.append(first)
        hdis.append(np.array([*coefficient_ends, *[ends_of[a] for a in range(d)]]))
    return finish(sums, hdis)


def upright_answer(axes: Axes, mode: Array, level: float, orders: tuple[int, ...]):
    d = len(mode)
    scatter = np.array([kind == "scatter" for kind in axes.kinds])
    basis = np.diag([0.3 if s else 0.5 for s in scatter])
    floor = np.where(scatter, -mode / np.diag(basis), -np.inf)
    box = mode[:, None] + np.diag(basis)[:, None] * reach(axes, mode, basis, floor)
    # Down to zero but for rounding.
    box[scatter & (box[:, 0] < 1e-9), 0] = 0.0
    sums, hdis = [], []
    for order in orders:
        grids = [panels(np.linspace(lo, hi, 3), order // 2) for lo, hi in box]
        t, log_f, weight, mean, variance = sum_tensor(axes, np.zeros(d), np.eye(d), grids)
        whole = summarise(axes, t, log_f, weight, mean, variance)
        p = mean.shape[1]
        shape = [len(g) for g, _ in grids]
        ends = [
            mixture_interval(whole[0], mean[:, k], np.sqrt(variance[:, k]), level) for k in range(p)
        ]
        for a in range(d):
            line = whole[0].reshape(shape).sum(axis=tuple(k for k in range(d) if k != a))
            ends.append(
                smooth_interval(
                    axes,
                    a,
                    grids[a][0],
                    line / grids[a][1],
                    whole[2][p + a],
                    level,
                    bool(scatter[a] and box[a, 0] == 0.0),
                )
            )
        sums.append(whole)
        hdis.append(np.array(ends))
        if len(sums) > 1 and np.all(finish(sums, hdis)[-2:] < GOOD):
            break
    return finish(sums, hdis)


def smooth_interval(axes: Axes, a: int, u: Array, line: Array, sd: float, level: float, zero: bool):
    """Interval of a reported parameter from the density of its coordinate on some points."""
    keep = line > 1e-15 * line.max()
    u, line = u[keep], line[keep]
    if zero:
        # Even in the coordinate: mirrored, the spline knows its slope at zero.
        u, line = np.concatenate([-u[::-1], u]), np.concatenate([line[::-1], line])
    fine = np.linspace(0.0 if zero else u[0], u[-1], 6001)
    dense = np.exp(CubicSpline(u, np.log(line))(fine))
    place, slope = axes.reported(a, fine)
    return curve_interval(place, dense / slope, sd, level, zero)


def finish(sums, hdis):
    _, mean, sd, log_z = sums[-1]
    hdi_error = float(np.max(np.abs(hdis[-2] - hdis[-1]) / sd[:, None]))
    return mean, sd, hdis[-1], log_z, apart(sums[-2], sums[-1]), hdi_error


def own_scale(variance: Array) -> float:
    """The scatter at which the data begin to notice it."""
    return float(0.5 * (2 / np.sum(variance**-2.0)) ** 0.25)


def joint_answer(data: SurveyData, prior: JointPrior, level: float = 0.68) -> Answer:
    star, star_sigma = data.need_star()
    scale = np.array([own_scale(data.sigma**2), own_scale(star_sigma**2), 1.0])
    scale[:2] = np.minimum(scale[:2], 0.5 * prior.scatter_scale)
    axes = Axes(joint_density(data, prior), scale, ("scatter", "scatter", "correlation"))
    line = [np.polyval(np.polyfit(data.x, z, 1), data.x) for z in (data.y, star)]
    start = np.array(
        [np.arcsinh(np.std(z - f) / c) for z, f, c in zip((data.y, star), line, scale)]
    )
    shift = np.array([prior.alpha_mean[0], 0, prior.alpha_mean[1], 0, 0, 0, 0])
    mean, sd, hdi, log_z, error, hdi_error = tensor_answer(
        axes, np.append(start, 0.1), level, (36, 52, 76, 108, 150)
    )
    return Answer(mean + shift, sd, hdi + shift[:, None], log_z, error, hdi_error)


def mass_star_answer(data: SurveyData, prior: MassStarPrior, level: float = 0.68) -> Answer:
    """In the order alpha, beta_p, beta_s, epsilon."""
    c = min(own_scale(data.sigma**2), 0.5 * prior.epsilon_scale)
    axes = Axes(mass_star_density(data, prior), np.array([1.0, c]), ("slope", "scatter"))
    scatter = np.std(data.y - np.polyval(np.polyfit(data.x, data.y, 1), data.x))
    start = np.array([prior.beta_s_mean, np.arcsinh(scatter / c)])
    for sizes in ((240, 320), (320, 480), (480, 720)):
        mean, sd, hdi, log_z, error, hdi_error = tensor_answer(axes, start, level, sizes)
        if error < 5e-7:
            break
    shift = np.array([prior.alpha_mean, 0, 0, 0])
    return Answer(mean + shift, sd, hdi + shift[:, None], log_z, error, hdi_error)
