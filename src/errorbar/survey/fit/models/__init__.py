"""The models a lattice can sum, one file each."""

from errorbar.core.errors import SettingsError
from errorbar.survey.fit.lattice import LatticeModel
from errorbar.survey.fit.models import joint, limits, mass_errors, mass_star, robust, single

__all__ = ["MODELS", "find_model"]

MODELS: dict[str, LatticeModel] = {
    model.name: model
    for model in (
        single.MODEL,
        joint.MODEL,
        mass_star.MODEL,
        mass_errors.MODEL,
        limits.MODEL,
        robust.MODEL,
    )
}


def find_model(name: str) -> LatticeModel:
    """The model of that name, or the names there are."""
    if name not in MODELS:
        raise SettingsError(f"there is no model {name!r}; choose one of {', '.join(MODELS)}.")
    return MODELS[name]
