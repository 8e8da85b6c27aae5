"""How the numbers of a result table are called, written and measured."""

from dataclasses import dataclass
from typing import Literal

from errorbar.core.errors import SettingsError

__all__ = ["LEVERAGE", "Quantity", "ResultModel", "parameter_quantity", "posterior_sd"]

ResultModel = Literal["single", "joint", "mass-star"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something on an axis: its words, its symbol in TeX and in plain letters, its unit."""

    words: str
    tex: str
    plain: str
    unit: str

    @property
    def axis(self) -> str:
        """Words, symbol and unit, as an axis carries them."""
        unit = f" ({self.unit})" if self.unit else ""
        return f"{self.words} ${self.tex}${unit}"

    @property
    def text(self) -> str:
        """The same in plain letters, for pages and hover labels."""
        unit = f" ({self.unit})" if self.unit else ""
        return f"{self.words} {self.plain}{unit}"


LEVERAGE = Quantity("leverage", "L", "L", "dex")

_SINGLE = {
    "alpha": Quantity("intercept", r"\alpha", "α", "dex"),
    "beta": Quantity("slope", r"\beta", "β", "dex per dex"),
    "sigma": Quantity("intrinsic scatter", r"\epsilon", "ε", "dex"),
}
_JOINT = {
    "alpha_p": Quantity("planet intercept", r"\alpha_p", "αₚ", "dex"),
    "beta_p": Quantity("planet slope", r"\beta_p", "βₚ", "dex per dex"),
    "sigma_p": Quantity("planet scatter", r"\sigma_p", "σₚ", "dex"),
    "alpha_s": Quantity("star intercept", r"\alpha_s", "αₛ", "dex"),
    "beta_s": Quantity("star slope", r"\beta_s", "βₛ", "dex per dex"),
    "sigma_s": Quantity("star scatter", r"\sigma_s", "σₛ", "dex"),
    "rho": Quantity("scatter correlation", r"\rho", "ρ", ""),
}
_MASS_STAR = {
    "alpha": Quantity("intercept", r"\alpha", "α", "dex"),
    "beta_p": Quantity("mass slope", r"\beta_p", "βₚ", "dex per dex"),
    "beta_s": Quantity("stellar slope", r"\beta_s", "βₛ", "dex per dex"),
    "sigma": Quantity("intrinsic scatter", r"\epsilon", "ε", "dex"),
}
_MODELS = {"single": _SINGLE, "joint": _JOINT, "mass-star": _MASS_STAR}


def parameter_quantity(model: ResultModel, parameter: str) -> Quantity:
    """The quantity behind a parameter of a model; tables write the scatter epsilon as sigma."""
    known = _MODELS[model]
    name = "sigma" if parameter == "epsilon" else parameter
    if name not in known:
        raise SettingsError(
            f"the model {model} has no parameter {parameter!r}; it has {', '.join(known)}."
        )
    return known[name]


def posterior_sd(quantity: Quantity) -> Quantity:
    """The posterior standard deviation of a quantity, as a quantity of its own."""
    return Quantity(
        f"sd of {quantity.words}",
        rf"\sigma({quantity.tex})",
        f"σ({quantity.plain})",
        quantity.unit,
    )
