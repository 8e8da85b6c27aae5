"""The call that pools the slopes of classes, and its answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.core.predict import MixtureMarginal, Posterior
from errorbar.survey.data import SurveyData
from errorbar.survey.fit.pooled.classes import check_classes
from errorbar.survey.fit.pooled.draws import draw_pooled
from errorbar.survey.fit.pooled.marginals import make_marginals
from errorbar.survey.fit.pooled.outer import OuterSum, cut_slice, sum_outer
from errorbar.survey.fit.pooled.profile import Profile, make_profile
from errorbar.survey.model import PooledPrior, PriorRule

if TYPE_CHECKING:
    import polars as pl

__all__ = ["PooledFit", "fit_pooled", "usual_prior"]

TAU_SCALE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class PooledFit:
    """Slopes of classes that learn from each other; every class's alone beside it.

    `posterior` knows `mu`, `tau`, and `alpha[label]`, `beta[label]`, `epsilon[label]` of every
    class. `alone` has each class's slope with a flat prior, as if there were no other class;
    `whole` the mean and sd of a slope that all classes share exactly.
    """

    classes: Mapping[str, SurveyData]
    prior: PooledPrior
    posterior: Posterior
    alone: Posterior
    whole: tuple[float, float]
    outer: OuterSum
    profiles: Mapping[str, Profile]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        return self.posterior.names

    @property
    def mean(self) -> Float[ndarray, " parameters"]:
        return self.posterior.mean

    @property
    def sd(self) -> Float[ndarray, " parameters"]:
        return self.posterior.sd

    @property
    def log_evidence(self) -> float:
        return self.posterior.log_evidence

    def hdi(self, level: float = 0.68) -> Float[ndarray, "parameters 2"]:
        """The shortest interval of every parameter that holds a share `level`."""
        return self.posterior.hdi(level)

    def draws(self, n: int = 1000, *, seed: int) -> dict[str, Float[ndarray, " draws"]]:
        """Independent draws of all parameters together."""
        if n < 1:
            raise SettingsError(f"{n} draws were asked for: at least one is needed.")
        rng = np.random.default_rng(seed)
        curve = self.posterior.marginal("tau")
        low, high = curve.support()
        # Cells as narrow as the coordinate that the spread was summed in.
        scale = self.outer.grid.scale
        place = scale * np.sinh(
            np.linspace(np.arcsinh(low / scale), np.arcsinh(high / scale), 8001)
        )
        share = curve.cdf(place)
        tau = np.interp(rng.random(n) * share[-1], share, place)
        return draw_pooled(self.outer, dict(self.profiles), self.prior, tau, rng)

    def table(self, level: float = 0.68) -> "pl.DataFrame":
        """One row per class: pooled slope with its interval, the slope alone, line and scatter."""
        import polars as pl

        ends, alone_ends = self.hdi(level), self.alone.hdi(level)
        rows = []
        for c, (label, data) in enumerate(self.classes.items()):
            row: dict[str, object] = {
                "class_label": label,
                "N": data.n,
                "L_logM": data.leverage,
                "centre": data.centre,
            }
            for name in ("beta", "alpha", "epsilon"):
                at = self.posterior.place(f"{name}[{label}]")
                row |= _columns(name, self.mean[at], self.sd[at], ends[at])
            row |= _columns("alone", self.alone.mean[c], self.alone.sd[c], alone_ends[c])
            rows.append(row)
        return pl.DataFrame(rows)

    def summary(self, level: float = 0.68) -> Mapping[str, Mapping[str, float]]:
        """Mean, sd and interval per parameter, for printing and JSON."""
        ends = self.hdi(level)
        return {
            name: {
                "mean": float(self.mean[i]),
                "sd": float(self.sd[i]),
                "hdi_low": float(ends[i, 0]),
                "hdi_high": float(ends[i, 1]),
            }
            for i, name in enumerate(self.names)
        }


def _columns(name: str, mean: float, sd: float, ends: ndarray) -> dict[str, object]:
    values = (float(mean), float(sd), float(ends[0]), float(ends[1]))
    return dict(zip((f"{name}_{part}" for part in ("mean", "sd", "hdi16", "hdi84")), values))


def usual_prior(classes: Mapping[str, SurveyData]) -> PooledPrior:
    """The mean slope as the reference's slope over all planets, a spread of 0.5 dex per dex.

    Intercepts are flat; a scatter is half-normal with the standard deviation of all abundances.
    """
    x, y = (np.concatenate([getattr(d, name) for d in classes.values()]) for name in ("x", "y"))
    _, _, slope, scatter = PriorRule(intercept="flat").single_columns(x, y)
    return PooledPrior(0.0, float(slope), TAU_SCALE, float(scatter))


def fit_pooled(classes: Mapping[str, SurveyData], prior: PooledPrior | None = None) -> PooledFit:
    """The exact posterior of slopes that are drawn from a common normal, one per class.

    `classes` are disjoint: a planet that stands in two of them is refused. `mass_bins` makes
    disjoint classes by mass.
    """
    check_classes(classes)
    chosen = usual_prior(classes) if prior is None else prior
    profiles = {label: make_profile(data, chosen) for label, data in classes.items()}
    outer = sum_outer(list(profiles.values()), chosen)
    marginals = make_marginals(outer, profiles)
    curves, means, sds = zip(*marginals.values())
    posterior = Posterior(
        tuple(marginals), np.array(means), np.array(sds), tuple(curves), outer.log_evidence
    )
    return PooledFit(
        MappingProxyType(dict(classes)),
        chosen,
        posterior,
        _alone(outer, tuple(classes)),
        _whole(outer),
        outer,
        MappingProxyType(profiles),
    )


def _alone(outer: OuterSum, labels: tuple[str, ...]) -> Posterior:
    """Every class's slope under a flat prior of its own."""
    grid = outer.grid
    weight = np.exp(grid.log_weight - grid.top[:, None])
    total = weight.sum(1)
    marginals = tuple(
        MixtureMarginal(w / t, b, np.sqrt(v))
        for w, t, b, v in zip(weight, total, grid.slope, grid.variance)
    )
    evidence = float((np.log(total) + grid.top).sum())
    return Posterior(labels, grid.alone, np.sqrt(grid.alone_variance), marginals, evidence)


def _whole(outer: OuterSum) -> tuple[float, float]:
    """Mean and sd of one slope for all classes."""
    cut = cut_slice(outer.grid, 0.0)
    weight = np.exp(cut.log_density - cut.log_density.max()) * cut.weight
    weight /= weight.sum()
    mean = float(weight @ cut.mu)
    return mean, float(np.sqrt(weight @ (cut.mu - mean) ** 2))
