"""How long, how often and by which sampler a survey is sampled."""

from dataclasses import dataclass
from numbers import Integral
from typing import Literal, get_args

from errorbar.core.errors import SettingsError

__all__ = ["NutsSettings", "Sampler"]

Sampler = Literal["pymc", "nutpie", "numpyro"]

# R-hat and effective sample size are not defined for shorter chains.
FEWEST_DRAWS = 4


@dataclass(frozen=True, slots=True)
class NutsSettings:
    """Lengths and manner of one sampling run; `draws` and `tune` count per chain."""

    draws: int = 1000
    tune: int = 1000
    chains: int = 2
    target_accept: float = 0.9
    sampler: Sampler = "pymc"

    def __post_init__(self) -> None:
        for name, least in (("draws", FEWEST_DRAWS), ("tune", 0), ("chains", 1)):
            count = getattr(self, name)
            if not isinstance(count, Integral) or count < least:
                raise SettingsError(f"{name}={count!r} must be a whole number of at least {least}.")
        if not 0 < self.target_accept < 1:
            raise SettingsError(
                f"target_accept={self.target_accept!r} is a probability: choose one between 0 and "
                "1, such as 0.9."
            )
        if self.sampler not in get_args(Sampler):
            raise SettingsError(
                f"sampler={self.sampler!r} does not exist; choose one of "
                f"{', '.join(get_args(Sampler))}."
            )
