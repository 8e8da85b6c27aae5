r"""Simulation-based calibration: parameters from the prior, a survey from them, its posterior.

If prior, simulation and fit are one model, the truth is a draw from each posterior, and the
posterior distribution function at the truth (PIT) is uniform (Cook, Gelman & Rubin 2006; Talts et
al. 2018). Exact posteriors give the PIT itself, without the ties and noise of ranks among draws.

Priors that look at the data are no priors in this sense. They get the other question: with one
truth for all surveys, how often do intervals hold it?
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from errorbar.core.engine import run_pieces
from errorbar.core.errors import SettingsError
from errorbar.survey.check.prior import DEFAULT_PRIORS, check_prior
from errorbar.survey.check.result import CalibrationResult
from errorbar.survey.check.work import calibrate_piece
from errorbar.survey.model import PriorRule
from errorbar.survey.synth import MockDesign
from errorbar.survey.synth.parameters import PARAMETERS, PRIORS, prior_label, prior_numbers

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["calibrate_survey"]

# Fixed, so that a job's numbers do not depend on who works on it.
CHUNK = {"single": 200, "joint": 50, "mass-star": 100}
FEWEST_PLANETS = 3
SCATTERS = ("epsilon", "sigma_p", "sigma_s")


def calibrate_survey(
    model: str = "single",
    *,
    n_planets: int | Sequence[int] = (5, 10, 30, 100),
    n_surveys: int = 1000,
    prior: Any = None,
    truth: Mapping[str, float] | None = None,
    design: MockDesign | None = None,
    level: float = 0.68,
    seed: int = 0,
    journal: Path | str | None = None,
    workers: "str | Client" = "threads",
    n_workers: int | None = None,
    progress: bool | None = None,
) -> CalibrationResult:
    """Simulate surveys with known truths, fit each exactly, and compare.

    Sizes take turns where `n_planets` is a list. Truths are drawn from `prior`, a prior with
    numbers; with `truth` all surveys share that one and `prior` may be a `PriorRule`. `design`
    says where masses and error bars come from. The rest is as in `core.engine.run_pieces`: the same
    seed gives the same numbers anywhere, and with a `journal` a killed run goes on.
    """
    if model not in PARAMETERS:
        raise SettingsError(f"there is no model {model!r}; choose one of {', '.join(PARAMETERS)}.")
    prior = DEFAULT_PRIORS[model] if prior is None else prior
    if truth is None or not isinstance(prior, PriorRule | PRIORS[model]):
        check_prior(model, prior)
    sizes = _sizes(n_planets, n_surveys)
    if not 0 < level < 1:
        raise SettingsError(f"level={level:g} must lie between 0 and 1: 68 % is written 0.68.")
    shared: dict[str, Any] = {"model": model, "level": float(level)}
    shared |= (design or MockDesign()).to_values()
    if isinstance(prior, PriorRule):
        shared |= {"intercept": prior.intercept, "slope": prior.slope}
    else:
        shared["prior"] = prior_numbers(prior)
    if truth is not None:
        shared["truth"] = _truth(model, truth)
    chunk = CHUNK[model]
    pieces = [
        {**shared, "sizes": sizes[start : start + chunk]} for start in range(0, len(sizes), chunk)
    ]
    results: list[Any] = run_pieces(
        calibrate_piece,
        pieces,
        seed=seed,
        journal=journal,
        workers=workers,
        n_workers=n_workers,
        progress=progress,
        label=f"calibration, {model}",
    )
    columns = {name: np.concatenate([part[name] for part in results]) for name in results[0]}
    return CalibrationResult(
        model=model,
        names=PARAMETERS[model],
        prior=prior_label(prior),
        drawn=truth is None,
        level=float(level),
        sizes=sizes,
        **columns,
    )


def _sizes(n_planets: int | Sequence[int], n_surveys: int) -> np.ndarray:
    sizes = np.atleast_1d(np.asarray(n_planets, dtype=np.int64))
    if sizes.size == 0 or sizes.min() < FEWEST_PLANETS:
        raise SettingsError(
            f"n_planets={n_planets}: a survey needs at least {FEWEST_PLANETS} planets."
        )
    if n_surveys < 1:
        raise SettingsError(f"n_surveys={n_surveys}: at least one survey is needed.")
    return np.resize(sizes, n_surveys)


def _truth(model: str, truth: Mapping[str, float]) -> np.ndarray:
    if set(truth) != set(PARAMETERS[model]):
        raise SettingsError(
            f"truth has {', '.join(sorted(truth)) or 'nothing'}; the model {model!r} needs exactly "
            f"{', '.join(PARAMETERS[model])}."
        )
    for name, value in truth.items():
        least = 0.0 if name in SCATTERS else -1.0 if name == "rho" else -np.inf
        most = 1.0 if name == "rho" else np.inf
        if not (np.isfinite(value) and least <= value <= most):
            raise SettingsError(
                f"{name}={value:g} cannot be true: a scatter is not negative, a correlation lies "
                "between -1 and 1, and all are finite."
            )
    return np.array([float(truth[name]) for name in PARAMETERS[model]])
