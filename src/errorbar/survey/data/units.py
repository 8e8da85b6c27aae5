"""Is a column in the unit it claims? Ranges no planet leaves, and shapes that betray a linear unit.

A catalogue in the wrong unit gives a regression that runs, converges and is wrong. The checks are
wide: they refuse Earth masses, kilograms, mixing ratios that are no logarithms, and metallicities
in per cent, and let every planet pass. Whoever means an unusual table passes other ranges, or none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError, TableError

__all__ = ["Plausible", "check_shape", "outside"]

# Fewer rows say too little about the shape of a distribution.
ROWS_FOR_SHAPE = 10

MEANS_IT = (
    "If the column is right as it stands, say so with `units=Plausible(...)` with a wider range "
    "(`linear=False` for the shape), or `units=None` for no such check."
)


@dataclass(frozen=True, slots=True)
class Plausible:
    """What a catalogue's numbers may be.

    `log_mass` in log10 Jupiter masses, `log_abundance` and `star_metallicity` in dex,
    `largest_bar` the widest believable error bar in dex. Up to `share` of the rows may lie outside
    and are then dropped; more is a wrong unit and refuses the table. `linear` also refuses columns
    whose distribution looks like masses, mixing ratios or metal fractions before the logarithm.
    """

    log_mass: tuple[float, float] = (-5.0, 3.0)
    log_abundance: tuple[float, float] = (-20.0, 10.0)
    star_metallicity: tuple[float, float] = (-5.0, 5.0)
    largest_bar: float = 10.0
    share: float = 0.05
    linear: bool = True

    def __post_init__(self) -> None:
        for name in ("log_mass", "log_abundance", "star_metallicity"):
            low, high = getattr(self, name)
            if not low < high:
                raise SettingsError(
                    f"{name}=({low:g}, {high:g}) is not a range: the lower end comes first."
                )
        if not 0 <= self.share <= 1:
            raise SettingsError(f"share={self.share:g} is not a share: it lies between 0 and 1.")
        if not self.largest_bar > 0:
            raise SettingsError(f"largest_bar={self.largest_bar:g} must be positive (dex).")


def outside(
    values: NDArray[np.float64], bounds: tuple[float, float], share: float, column: str, unit: str
) -> NDArray[np.bool_]:
    """Rows beyond `bounds`; a table with more than `share` of them is refused."""
    finite = np.isfinite(values)
    beyond = finite & ~((values >= bounds[0]) & (values <= bounds[1]))
    count = int(beyond.sum())
    if count > share * finite.sum():
        first = int(np.flatnonzero(beyond)[0])
        raise TableError(
            f"`{column}` lies outside [{bounds[0]:g}, {bounds[1]:g}] in {count} of "
            f"{int(finite.sum())} rows, first at row {first} ({values[first]:g}): it does not "
            f"look like {unit}. Convert it. {MEANS_IT}"
        )
    return beyond


def check_shape(values: NDArray[np.float64], column: str, kind: str) -> None:
    """Refuse a column whose distribution is that of a number before its logarithm.

    A `mass` column that is never negative yet exceeds 1.5 holds Jupiter masses (as logarithms
    those would be planets beyond 30 of them), one with a median above 1.2 other units than
    Jupiter's. A `fraction` that is positive throughout with a median below 0.05 is a mixing ratio
    or a metal fraction.
    """
    values = values[np.isfinite(values)]
    if len(values) < ROWS_FOR_SHAPE:
        return
    middle = float(np.median(values))
    if kind == "mass":
        if values.min() >= 0 and values.max() > 1.5:
            _refuse(values, column, "masses in Jupiter masses, not their log10")
        if middle > 1.2:
            _refuse(values, column, "log10 masses in another unit than Jupiter's (Earth's?)")
    elif values.min() >= 0 and middle < 0.05:
        _refuse(values, column, "linear fractions, not their log10")


def _refuse(values: NDArray[np.float64], column: str, look: str) -> None:
    raise TableError(
        f"`{column}` looks like {look}: its {len(values)} values run from {values.min():g} to "
        f"{values.max():g} with median {np.median(values):g}, first {values[0]:g} at row 0. "
        f"Convert it. {MEANS_IT}"
    )
