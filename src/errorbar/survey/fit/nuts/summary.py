"""What a sampling run says, and whether to believe it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError
from errorbar.core.extras import load
from errorbar.survey.fit.inference import InferenceData

__all__ = ["NutsDiagnostics", "NutsSummary", "nuts_diagnostics", "nuts_summary"]

# Vehtari et al. (2021), Bayesian Analysis 16, 667.
LARGEST_RHAT = 1.01
FEWEST_EFFECTIVE_PER_CHAIN = 100


@dataclass(frozen=True, slots=True, eq=False)
class NutsDiagnostics:
    """Rank-normalised split R-hat and effective sample sizes by parameter, and divergences."""

    names: tuple[str, ...]
    rhat: NDArray[np.float64]
    ess_bulk: NDArray[np.float64]
    ess_tail: NDArray[np.float64]
    divergences: int
    chains: int

    @property
    def rhat_max(self) -> float:
        return float(np.max(self.rhat))

    @property
    def ess_min(self) -> float:
        """The least bulk effective sample size."""
        return float(np.min(self.ess_bulk))

    @property
    def status(self) -> str:
        """`ok`, or the first of what speaks against the run.

        `unchecked`: one chain has no R-hat; `unconverged`: R-hat above 1.01 or fewer than 100
        effective draws a chain; `divergences`: some trajectories broke off.
        """
        if np.isnan(self.rhat_max):
            return "unchecked"
        if (
            self.rhat_max > LARGEST_RHAT
            or min(self.ess_min, float(np.min(self.ess_tail)))
            < FEWEST_EFFECTIVE_PER_CHAIN * self.chains
        ):
            return "unconverged"
        return "divergences" if self.divergences else "ok"

    @property
    def attrs(self) -> dict[str, float | int | str]:
        """The whole in five numbers and a word, as they stand in the trace's `attrs`."""
        return {
            "rhat_max": self.rhat_max,
            "ess_min": self.ess_min,
            "ess_tail_min": float(np.min(self.ess_tail)),
            "divergences": self.divergences,
            "status": self.status,
        }


@dataclass(frozen=True, slots=True, eq=False)
class NutsSummary:
    """Mean, standard deviation and highest-density interval of each parameter.

    `line_covariance` is that of intercept and slope, per response.
    """

    names: tuple[str, ...]
    level: float
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    hdi_low: NDArray[np.float64]
    hdi_high: NDArray[np.float64]
    line_covariance: NDArray[np.float64]
    rhat_max: float
    ess_min: float
    divergences: int
    status: str


def nuts_diagnostics(trace: InferenceData) -> NutsDiagnostics:
    """How well the chains of a trace mixed; latent numbers are not looked at."""
    az = load("arviz")
    names = _parameters(trace)
    posterior = trace["posterior"][list(names)]
    rhat, bulk, tail = az.rhat(posterior), az.ess(posterior), az.ess(posterior, method="tail")
    return NutsDiagnostics(
        names=names,
        rhat=_column(rhat, names),
        ess_bulk=_column(bulk, names),
        ess_tail=_column(tail, names),
        divergences=int(trace["sample_stats"]["diverging"].sum()),
        chains=int(posterior.sizes["chain"]),
    )


def nuts_summary(trace: InferenceData, level: float = 0.68) -> NutsSummary:
    """The numbers the reference puts in its tables, with the diagnostics it leaves out."""
    if not 0 < level < 1:
        raise SettingsError(f"level={level!r} is a probability: choose one between 0 and 1.")
    az = load("arviz")
    diagnostics = nuts_diagnostics(trace)
    draws = np.stack([trace["posterior"][name].values.ravel() for name in diagnostics.names])
    hdi = np.stack([az.hdi(row, hdi_prob=level) for row in draws])
    return NutsSummary(
        names=diagnostics.names,
        level=level,
        mean=draws.mean(axis=1),
        sd=draws.std(axis=1, ddof=1),
        hdi_low=hdi[:, 0],
        hdi_high=hdi[:, 1],
        line_covariance=_line_covariance(diagnostics.names, draws),
        rhat_max=diagnostics.rhat_max,
        ess_min=diagnostics.ess_min,
        divergences=diagnostics.divergences,
        status=diagnostics.status,
    )


def _line_covariance(names: tuple[str, ...], draws: NDArray[np.float64]) -> NDArray[np.float64]:
    # A slope follows its intercept in every model's list of parameters.
    rows = [i for i in range(len(names) - 1) if names[i].startswith("alpha")]
    return np.array([np.cov(draws[i], draws[i + 1])[0, 1] for i in rows], dtype=np.float64)


def _parameters(trace: InferenceData) -> tuple[str, ...]:
    posterior = trace["posterior"]
    return tuple(str(name) for name, draws in posterior.data_vars.items() if draws.ndim == 2)


def _column(values: object, names: tuple[str, ...]) -> NDArray[np.float64]:
    return np.array([float(values[name]) for name in names])  # type: ignore[index]
