"""What the numbers of a table are called: files that lie beside it, and beside its models.

`standards.csv` has the `covariate`, the `name` and the `median` time of each internal standard
where covariates are times less their median. `compounds.csv` has `comp_id` and `name`,
`species.csv` has `species`, `name`, `species_cluster`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from errorbar.core.errors import TableError
from errorbar.rt.data import read_table

__all__ = ["FILES", "Names", "read_names"]

FILES = ("standards.csv", "compounds.csv", "species.csv")
WANTED = {
    "standards": ("covariate", "name", "median"),
    "compounds": ("comp_id", "name"),
    "species": ("species", "name", "species_cluster"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """Tables of names; empty where a table is known by its numbers alone."""

    standards: pl.DataFrame
    compounds: pl.DataFrame
    species: pl.DataFrame

    @property
    def medians(self) -> dict[str, float]:
        """The median time of each covariate's standard, where covariates are less it."""
        return dict(self.standards.select("covariate", "median").rows())

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


def read_names(folder: Path | None) -> Names:
    """The names that lie in a folder."""
    found: dict[str, pl.DataFrame] = {}
    for what, columns in WANTED.items():
        kinds: dict[str, Any] = {c: pl.Int64 for c in columns} | {"name": pl.String}
        kinds |= {"covariate": pl.String, "median": pl.Float64} if what == "standards" else {}
        schema = {column: kinds[column] for column in columns}
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
