"""One stream of random numbers for each ingredient of a catalogue.

An option then changes what it is about and nothing else: outliers leave the masses where they were.
"""

import numpy as np

from errorbar.core.errors import SettingsError

__all__ = ["check_seed", "stream"]

# The order is part of every synthetic catalogue: append, never insert.
INGREDIENTS = (
    "masses",
    "mass bars",
    "star bars",
    "stars",
    "telescope",
    "bars",
    "scatter",
    "abundance noise",
    "star noise",
    "mass noise",
    "outliers",
)


def check_seed(seed: int) -> int:
    """Refuse a seed that is no whole number from zero."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise SettingsError(f"seed={seed!r} is not a whole number from 0 on.")
    return int(seed)


def stream(seed: int, ingredient: str) -> np.random.Generator:
    """The stream of one ingredient under a seed."""
    return np.random.default_rng([check_seed(seed), INGREDIENTS.index(ingredient)])
