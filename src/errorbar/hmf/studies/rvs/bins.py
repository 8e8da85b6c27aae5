r"""Samples of stars: overlapping ellipses in the Hertzsprung-Russell diagram.

An ellipse leans along the main sequence: with the colour $C$ and the magnitude $M$ of a star it is

$$\left(\frac{C - C_0}{a}\right)^2 + \left(\frac{M - M_0 - s (C - C_0)}{b}\right)^2 \le 1,$$

so that $a$ is half its range of colour, $b$ half its height in magnitudes at the centre, and $s$
the slope of its axis, all of which can be read off a diagram. The table of them is a CSV file with
the columns `name`, `colour`, `magnitude`, `half_colour`, `half_magnitude`, `slope`, to be edited.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.errors import SettingsError, TableError
from errorbar.hmf.data.blocks.names import list_names

__all__ = ["Ellipse", "count_stars", "read_bins", "usual_bins", "write_bins"]

USUAL = Path(__file__).with_name("bins.csv")
OUTLINE = 181


@dataclass(frozen=True, slots=True)
class Ellipse:
    """A bin: its name, its centre in BP-RP and absolute G, half its sizes, and its slope."""

    name: str
    colour: float
    magnitude: float
    half_colour: float
    half_magnitude: float
    slope: float

    def __post_init__(self) -> None:
        numbers = astuple(self)[1:]
        if not np.isfinite(numbers).all() or not (self.half_colour > 0 and self.half_magnitude > 0):
            raise SettingsError(
                f"bin {self.name!r} has the numbers {numbers}: all must be finite, half_colour and "
                "half_magnitude positive."
            )
        # It names a folder.
        if not self.name or not self.name.replace("-", "").replace("_", "").isalnum():
            raise SettingsError(
                f"bin {self.name!r} needs a name of letters, digits, - and _: it names a folder."
            )

    def holds(self, colour: ndarray, magnitude: ndarray) -> ndarray:
        """Which stars are inside; one without a place is not."""
        x = (colour - self.colour) / self.half_colour
        along = self.magnitude + self.slope * (colour - self.colour)
        y = (magnitude - along) / self.half_magnitude
        return x * x + y * y <= 1

    def outline(self) -> ndarray:
        """Colours and magnitudes of its edge, one row for each point, closed."""
        angle = np.linspace(0, 2 * np.pi, OUTLINE)
        x = self.half_colour * np.cos(angle)
        y = self.magnitude + self.slope * x + self.half_magnitude * np.sin(angle)
        return np.stack([self.colour + x, y], axis=1)


def usual_bins() -> tuple[Ellipse, ...]:
    """Fourteen bins along the main sequence, from A to M stars, each over a part of the next."""
    return read_bins(USUAL)


def read_bins(path: str | Path) -> tuple[Ellipse, ...]:
    """The bins of a CSV table, in its order."""
    path = Path(path)
    if not path.is_file():
        raise TableError(f"there is no file {path}: check the path of the table of bins.")
    try:
        table = pl.read_csv(path, comment_prefix="#", infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{path} cannot be read as CSV: {error}.") from error
    wanted = [field.name for field in fields(Ellipse)]
    table = table.rename({name: name.strip() for name in table.columns})
    lacking = [name for name in wanted if name not in table.columns]
    if lacking:
        raise TableError(
            f"{path} lacks {list_names(lacking)}; it has {list_names(table.columns)}. "
            f"`write_bins(PATH, usual_bins())` makes a table to begin with."
        )
    bins = tuple(_bin(path, number, row) for number, row in enumerate(table.rows(named=True)))
    names = [each.name for each in bins]
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice or not bins:
        raise TableError(
            f"{path} has {len(bins)} bins, {len(twice)} of them with a name that is there already"
            f"{f', first {twice[0]!r}' if twice else ''}: give each its own, and one at least."
        )
    return bins


def write_bins(path: str | Path, bins: Sequence[Ellipse]) -> Path:
    """The table of bins as CSV."""
    rows = [dict(zip([field.name for field in fields(Ellipse)], astuple(each))) for each in bins]
    pl.DataFrame(rows).write_csv(path)
    return Path(path)


def count_stars(bins: Sequence[Ellipse], colour: ndarray, magnitude: ndarray) -> pl.DataFrame:
    """Stars of each bin, those that are in no other, and in the last row those in none at all."""
    inside = np.array([each.holds(colour, magnitude) for each in bins]).reshape(len(bins), -1)
    often = inside.sum(axis=0)
    return pl.DataFrame(
        {
            "bin": [*(each.name for each in bins), "none"],
            "stars": [*(int(one.sum()) for one in inside), int((often == 0).sum())],
            "alone": [
                *(int((one & (often == 1)).sum()) for one in inside),
                int((often == 0).sum()),
            ],
        }
    )


def _bin(path: Path, number: int, row: dict[str, str | None]) -> Ellipse:
    name = (row["name"] or "").strip()
    values: list[float] = []
    for field in fields(Ellipse)[1:]:
        try:
            values.append(float(row[field.name] or ""))
        except ValueError as error:
            raise TableError(
                f"`{field.name}` of {path} is no number in row {number} ({row[field.name]!r})."
            ) from error
    return Ellipse(name, *values)
