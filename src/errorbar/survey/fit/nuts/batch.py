"""Many surveys sampled one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from errorbar.core.errors import FitError, SettingsError
from errorbar.survey.data import SurveyData
from errorbar.survey.fit.nuts.models import PARAMETERS, ModelName, Prior
from errorbar.survey.fit.nuts.sampling import fit_nuts
from errorbar.survey.fit.nuts.settings import Sampler
from errorbar.survey.fit.nuts.summary import NutsSummary, nuts_summary
from errorbar.survey.model import PriorRule

__all__ = ["NutsBatch", "nuts_batch"]


@dataclass(frozen=True, slots=True, eq=False)
class NutsBatch:
    """Summaries of many sampled surveys: one row per survey, one column per parameter."""

    names: tuple[str, ...]
    level: float
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    hdi_low: NDArray[np.float64]
    hdi_high: NDArray[np.float64]
    line_covariance: NDArray[np.float64]
    rhat_max: NDArray[np.float64]
    ess_min: NDArray[np.float64]
    divergences: NDArray[np.int64]
    status: tuple[str, ...]


def nuts_batch(
    datas: Sequence[SurveyData],
    model: ModelName = "single",
    prior: PriorRule | Prior | Sequence[Prior] | None = None,
    seeds: Sequence[int] | NDArray[np.int64] = (),
    *,
    level: float = 0.68,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 2,
    target_accept: float = 0.9,
    sampler: Sampler = "pymc",
    progress: bool = False,
) -> NutsBatch:
    """Sample each survey with its own seed and keep its summary, not its draws.

    `prior` is one for all or one for each. A survey's numbers do not depend on the others.
    """
    priors = [prior] * len(datas) if not isinstance(prior, Sequence) else list(prior)
    for name, given in (("seeds", seeds), ("priors", priors)):
        if len(given) != len(datas):
            raise SettingsError(
                f"{len(datas)} surveys need as many {name}, not {len(given)}; "
                "`reference_seeds(model, surveys)` makes seeds."
            )
    summaries: list[NutsSummary] = []
    rows = track(range(len(datas)), "surveys") if progress else range(len(datas))
    for i in rows:
        try:
            trace = fit_nuts(
                datas[i],
                model,
                priors[i],
                draws=draws,
                tune=tune,
                chains=chains,
                target_accept=target_accept,
                seed=int(seeds[i]),
                sampler=sampler,
            )
        except FitError as error:
            raise FitError(f"survey {i}: {error}") from error
        summaries.append(nuts_summary(trace, level))
    return _stack(summaries, PARAMETERS[model], level)


def _stack(summaries: list[NutsSummary], names: tuple[str, ...], level: float) -> NutsBatch:
    def table(field: str, columns: int = len(names)) -> NDArray[np.float64]:
        rows = [getattr(summary, field) for summary in summaries]
        return np.array(rows, dtype=np.float64).reshape(-1, columns)

    return NutsBatch(
        names=names,
        level=level,
        mean=table("mean"),
        sd=table("sd"),
        hdi_low=table("hdi_low"),
        hdi_high=table("hdi_high"),
        line_covariance=table("line_covariance", sum(n.startswith("alpha") for n in names)),
        rhat_max=np.array([s.rhat_max for s in summaries]),
        ess_min=np.array([s.ess_min for s in summaries]),
        divergences=np.array([s.divergences for s in summaries], dtype=np.int64),
        status=tuple(s.status for s in summaries),
    )
