"""The posterior of one survey."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errorbar.core.artifact import write_artifact
from errorbar.core.errors import SettingsError
from errorbar.core.measure import BarRule
from errorbar.survey.data import HermesData, SurveyData
from errorbar.survey.fit import MODELS, fit_one
from errorbar.survey.model import PriorRule

__all__ = ["DRAWS_KIND", "SurveySummary", "survey_fit"]

DRAWS_KIND = "survey draws"
WITH_STARS = ("joint", "mass-star")
WITH_MASS_ERRORS = ("mass-errors",)

Draws = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class SurveySummary:
    """What one survey knows: mean, sd and interval of each parameter.

    Intercepts stand at the log mass `centre`. The evidence is the exact method's, the diagnostics
    are the sampler's.
    """

    planets: int
    dropped: tuple[str, ...]
    model: str
    method: str
    prior: str
    level: float
    centre: float
    parameters: dict[str, dict[str, float]]
    log_evidence: float | None
    diagnostics: dict[str, float | int | str] | None
    draws: Path | None


def survey_fit(
    table: Path | str,
    *,
    model: str = "single",
    method: str = "exact",
    intercept: str | None = None,
    slope: str = "ptp",
    level: float = 0.68,
    bars: BarRule = "mean",
    seed: int = 42,
    out: Path | str | None = None,
    count: int = 4000,
    **sampling: Any,
) -> SurveySummary:
    """Fit one survey, a table of its planets.

    `intercept` and `slope` are the prior's rule; without `intercept` it is the model's usual one.
    With `out`, draws are written there as an artifact: `count` independent ones by the exact
    method, all chains by the sampler, whose settings are `sampling`.
    """
    if model not in MODELS:
        raise SettingsError(f"model={model!r} is not known; choose one of {', '.join(MODELS)}.")
    if not 0 < level < 1:
        raise SettingsError(f"level={level:g} must lie between 0 and 1: 68 % is written 0.68.")
    if method not in ("exact", "nuts"):
        raise SettingsError(f"method={method!r} is not known; choose one of exact, nuts.")
    if out is not None and Path(out).is_dir():
        raise SettingsError(f"out={out} is a folder: name the file that the draws go to.")
    planets = HermesData(table)
    data = planets.data(bars=bars, star=model in WITH_STARS, mass_errors=model in WITH_MASS_ERRORS)
    usual = MODELS[model].usual.intercept if intercept is None else intercept
    rule = PriorRule(usual, slope)  # pyright: ignore[reportArgumentType] (checked there)
    fit = _exact if method == "exact" else _sampled
    parameters, draws, evidence, diagnostics = fit(data, model, rule, level, seed, count, sampling)
    path = None
    if out is not None:
        held = {"model": model, "method": method, "prior": rule.label, "planets": data.n}
        manifest = {**held, "centre_logM": data.centre, "seed": seed}
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        path = write_artifact(out, DRAWS_KIND, draws(), manifest)
    return SurveySummary(
        planets=data.n,
        dropped=tuple(f"{group.count} {group.reason}" for group in planets.dropped.groups),
        model=model,
        method=method,
        prior=rule.label,
        level=level,
        centre=data.centre,
        parameters=parameters,
        log_evidence=evidence,
        diagnostics=diagnostics,
        draws=path,
    )


def _exact(
    data: SurveyData,
    model: str,
    rule: PriorRule,
    level: float,
    seed: int,
    count: int,
    sampling: dict[str, Any],
) -> Any:
    if sampling:
        raise SettingsError(
            f"{', '.join(sampling)} is for the method nuts: an exact fit is not sampled."
        )
    fit = fit_one(data, model, rule)
    parameters = {name: dict(values) for name, values in fit.summary(level).items()}
    return parameters, lambda: fit.draws(count, seed=seed), fit.log_evidence, None


def _sampled(
    data: SurveyData,
    model: str,
    rule: PriorRule,
    level: float,
    seed: int,
    count: int,
    sampling: dict[str, Any],
) -> Any:
    from errorbar.survey.fit.nuts import fit_nuts, nuts_diagnostics, nuts_summary

    trace: Any = fit_nuts(data, model, rule, seed=seed, **sampling)  # pyright: ignore[reportArgumentType] (checked there)
    summary = nuts_summary(trace, level)
    parameters = {
        name: {
            "mean": float(summary.mean[place]),
            "sd": float(summary.sd[place]),
            "hdi_low": float(summary.hdi_low[place]),
            "hdi_high": float(summary.hdi_high[place]),
        }
        for place, name in enumerate(summary.names)
    }
    posterior = trace.posterior
    return (
        parameters,
        lambda: {name: np.asarray(posterior[name]).ravel() for name in summary.names},
        None,
        nuts_diagnostics(trace).attrs,
    )
