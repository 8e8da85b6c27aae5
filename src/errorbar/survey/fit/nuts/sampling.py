"""One survey sampled by the no-U-turn sampler."""

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import FitError, SettingsError
from errorbar.survey.data import SurveyData
from errorbar.survey.fit.inference import InferenceData, draws_to_inference_data
from errorbar.survey.fit.nuts.compiled import compiled_model
from errorbar.survey.fit.nuts.models import (
    ModelName,
    Prior,
    model_arrays,
    model_shape,
    resolve_prior,
)
from errorbar.survey.fit.nuts.settings import NutsSettings, Sampler
from errorbar.survey.fit.nuts.summary import nuts_diagnostics
from errorbar.survey.model import PriorRule

__all__ = ["fit_nuts", "reference_seeds"]

REFERENCE_SEEDS = {"single": 123, "joint": 321, "mass-star": 321}
LARGEST_SEED = 2**32 - 1


def fit_nuts(
    data: SurveyData,
    model: ModelName = "single",
    prior: PriorRule | Prior | None = None,
    *,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 2,
    target_accept: float = 0.9,
    seed: int,
    sampler: Sampler = "pymc",
    progress: bool = False,
) -> InferenceData:
    """Posterior draws of one survey, with their diagnostics.

    The posterior holds the model's parameters and its latent numbers: `z` (planet, response) of
    the joint model, `star_true` (planet) of the mass-star model. The intercepts stand at the
    survey's mean log mass. Without a prior the reference's rule is used. `attrs` tell R-hat,
    effective sample sizes, divergences and every setting.

    The first survey of a shape compiles the model; later ones reuse it. The same seed gives the
    same draws.
    """
    settings = NutsSettings(draws, tune, chains, target_accept, sampler)
    _check_seed(seed)
    rule = PriorRule() if prior is None else prior
    numbers = resolve_prior(data, model, rule)
    arrays = model_arrays(data, model, numbers)
    shape = model_shape(data, model, arrays)
    with compiled_model(sampler, shape, arrays) as compiled:
        raw = compiled.draw(arrays, settings, seed, progress=progress)
    for name, values in raw.values.items():
        if not np.isfinite(values).all():
            raise FitError(
                f"{sampler} left {int((~np.isfinite(values)).sum())} draws of {name} that are not "
                "finite: check the units of the abundances, their errors and the prior's scales."
            )
    trace = draws_to_inference_data(
        raw.values,
        data,
        attrs={
            "model": model,
            "prior": rule.label if isinstance(rule, PriorRule) else repr(rule),
            "seed": int(seed),
            **asdict(settings),
        },
        sample_stats=raw.stats,
    )
    trace.attrs.update(nuts_diagnostics(trace).attrs)
    return trace


def reference_seeds(model: ModelName, surveys: int) -> NDArray[np.int64]:
    """Sampler seeds in the reference's manner: its `Model` starts from 123, `MetModel` from 321."""
    rng = np.random.default_rng(REFERENCE_SEEDS[model])
    return np.array([rng.integers(0, LARGEST_SEED) for _ in range(surveys)], dtype=np.int64)


def _check_seed(seed: int) -> None:
    if not isinstance(seed, int | np.integer) or not 0 <= seed <= LARGEST_SEED:
        raise SettingsError(f"seed={seed!r} must be a whole number between 0 and {LARGEST_SEED}.")
