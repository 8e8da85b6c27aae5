"""What the numbers of a table are called: files that lie beside it, and beside its models.

`standards.csv` has the `covariate`, the `name` and the `median` time of each internal standard
where covariates are times less their median. `compounds.csv` has `comp_id` and `name`,
`species.csv` has `species`, `name`, `species_cluster`. Where times are shares of a gradient,
`minutes.csv` has `species` and the `minutes` that one unit of its times is.
"""

from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

import polars as pl

from errorbar.core.errors import TableError
from errorbar.rt.data import read_table

__all__ = ["FILES", "MINUTES", "Names", "copy_names", "read_names"]

MINUTES = "minutes.csv"
FILES = ("standards.csv", "compounds.csv", "species.csv", MINUTES)
WANTED = {
    "standards": ("covariate", "name", "median"),
    "compounds": ("comp_id", "name"),
    "species": ("species", "name", "species_cluster"),
    "minutes": ("species", "minutes"),
}
KINDS: dict[str, Any] = {"name": pl.String, "covariate": pl.String, "median": pl.Float64}
KINDS |= {"minutes": pl.Float64}


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """Tables of names; empty where a table is known by its numbers alone."""

    standards: pl.DataFrame
    compounds: pl.DataFrame
    species: pl.DataFrame
    minutes: pl.DataFrame

    @property
    def medians(self) -> dict[str, float]:
        """The median time of each covariate's standard, where covariates are less it."""
        return dict(self.standards.select("covariate", "median").rows())

    @property
    def in_minutes(self) -> dict[int, float]:
        """How many minutes one unit is in each species; empty where times are minutes."""
        return dict(self.minutes.rows())

    def covariate(self, name: str) -> str:
        """The covariate that a standard of this name is."""
        known: dict[str, str] = dict(self.standards.select("name", "covariate").rows())
        return known.get(name, name)

    def ids(self, what: str, words: pl.Series) -> pl.Series:
        """Numbers of `compounds` or `species` that are given by number or by name."""
        frame: pl.DataFrame = getattr(self, what)
        key = WANTED[what][0]
        known: dict[str, int] = dict(frame.select("name", key).rows())
        if words.dtype.is_integer():
            return words.cast(pl.Int64)
        found: list[int] = []
        lost: list[Any] = []
        for word in words.cast(pl.String).to_list():
            text = (word or "").strip()
            if text in known:
                found.append(known[text])
            elif text.removesuffix(".0").isdigit():
                found.append(int(text.removesuffix(".0")))
            else:
                lost.append(word)
        if lost:
            some = ", ".join(repr(name) for name in frame["name"].head(4).to_list())
            hint = f"names are such as {some}" if some else "this model knows no names"
            raise TableError(
                f"{len(lost)} {what} are neither numbers nor known names, first {lost[0]!r}: "
                f"{hint}."
            )
        return pl.Series(key, found, dtype=pl.Int64)

    def called(self, what: str) -> dict[int, str]:
        """Names by number."""
        key = WANTED[what][0]
        return dict(getattr(self, what).select(key, "name").rows())


def copy_names(here: Path, there: Path, unit: str) -> None:
    """Puts the files of names of one folder into another; a model's are in minutes."""
    for name in FILES:
        if not (here / name).is_file():
            continue
        copyfile(here / name, there / name)
        if name == "standards.csv" and unit == "seconds":
            held = read_names(here).standards
            held.with_columns(pl.col("median") / 60).write_csv(there / name)


def read_names(folder: Path | None) -> Names:
    """The names that lie in a folder."""
    found: dict[str, pl.DataFrame] = {}
    for what, columns in WANTED.items():
        schema = {column: KINDS.get(column, pl.Int64) for column in columns}
        path = None if folder is None else folder / f"{what}.csv"
        if path is None or not path.is_file():
            found[what] = pl.DataFrame(schema=schema)
            continue
        frame = read_table(path)
        if lacking := [column for column in columns if column not in frame.columns]:
            raise TableError(f"{path} lacks {', '.join(lacking)}: names need {', '.join(columns)}.")
        try:
            found[what] = frame.select(pl.col(c).cast(kind) for c, kind in schema.items())
        except pl.exceptions.PolarsError as error:
            raise TableError(f"{path} is no table of names ({error}).") from error
    return Names(**found)
