"""Draws of either engine as ArviZ InferenceData, with the survey they came from."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import MissingExtraError, SettingsError
from errorbar.survey.data import SurveyData

if TYPE_CHECKING:
    from arviz import InferenceData

    from errorbar.survey.fit.one import SurveyFit
else:
    InferenceData = Any

__all__ = ["InferenceData", "draws_to_inference_data", "to_inference_data"]

DIMS = {"z": ["planet", "response"], "star_true": ["planet"]}


def draws_to_inference_data(
    draws: Mapping[str, NDArray[np.float64]],
    data: SurveyData,
    *,
    attrs: Mapping[str, float | int | str],
    sample_stats: Mapping[str, NDArray[Any]] | None = None,
) -> InferenceData:
    """Draws by parameter, with the survey's numbers beside them.

    Axes are draw, or chain and draw, then planet and response where a number is latent.
    Independent draws without a chain axis become one chain.
    """
    try:
        az = import_module("arviz")
    except ModuleNotFoundError as error:
        if error.name != "arviz":
            raise
        raise MissingExtraError("arviz", "nuts") from error
    columns = {"x": data.x, "x_centred": data.xc, "sigma": data.sigma}
    optional = {"star_sigma": data.star_sigma, "x_sigma": data.x_sigma, "limit": data.limit}
    columns |= {name: column for name, column in optional.items() if column is not None}
    observed = {"y": data.y} | ({} if data.star is None else {"star": data.star})
    return az.from_dict(
        posterior={name: _with_chains(name, values) for name, values in draws.items()},
        sample_stats=None if sample_stats is None else dict(sample_stats),
        observed_data=observed,
        constant_data=columns,
        coords={
            "planet": list(data.names) if data.names else np.arange(data.n),
            "response": ["planet", "star"],
        },
        dims=DIMS | {name: ["planet"] for name in (*columns, *observed)},
        attrs=dict(attrs),
    )


def to_inference_data(
    fit: "SurveyFit | InferenceData", n: int = 4000, *, seed: int = 0
) -> InferenceData:
    """A fit of either engine as ArviZ holds it.

    Chains are that already; of an exact posterior `n` independent draws are taken.
    """
    from errorbar.survey.fit.one import SurveyFit

    if isinstance(fit, SurveyFit):
        return fit.to_inference_data(n, seed=seed)
    if hasattr(fit, "posterior"):
        return fit
    raise SettingsError(
        f"a {type(fit).__name__} is no fit of one survey: give what `fit_one`, `fit_nuts` or "
        "`fit_survey` returned."
    )


def _with_chains(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    latent_axes = len(DIMS.get(name, ()))
    return values[None] if np.ndim(values) == 1 + latent_axes else values
