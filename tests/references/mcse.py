"""Monte Carlo standard errors, and the scores made with them."""

from collections.abc import Iterable

import arviz as az
import numpy as np
from arviz import InferenceData
from numpy.typing import NDArray


def mcse_mean(draws: NDArray[np.float64]) -> float:
    """Standard error of the mean of (chain, draw)."""
    return float(draws.std(ddof=1) / np.sqrt(az.ess(draws, method="mean")))


def mcse_sd(draws: NDArray[np.float64]) -> float:
    """Standard error of the standard deviation, from the fourth moment.

    The formula of `az.mcse(method="sd")`, which itself fails with this NumPy when Numba is there.
    """
    square = (draws - draws.mean()) ** 2
    error = square.std() / np.sqrt(az.ess(square, method="mean"))
    return float(error / (2 * np.sqrt(square.mean())))


def scores(
    trace: InferenceData, names: Iterable[str], mean: Iterable[float], sd: Iterable[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(claimed - sampled) / MCSE of each parameter's mean and standard deviation."""
    z_mean, z_sd = [], []
    for name, m, s in zip(names, mean, sd):
        draws = trace.posterior[name].values
        z_mean.append((m - draws.mean()) / mcse_mean(draws))
        z_sd.append((s - draws.std()) / mcse_sd(draws))
    return np.array(z_mean), np.array(z_sd)
