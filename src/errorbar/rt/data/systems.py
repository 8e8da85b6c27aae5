"""Collections of chromatographic systems, such as RepoRT, as peaks.

A system is a species and one run, its column is the supercategory. There are no covariates: what is
known of a compound is its descriptors.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data.peaks import Chemistry, Peaks

__all__ = ["SystemTable", "peaks_from_systems"]

WANTED = {
    "observations": ("system", "comp_id", "rt"),
    "systems": ("system", "mode", "column", "gradient_end_min"),
    "compounds": ("comp_id", "class"),
}
UNKNOWN = "unknown"
# A number for each compound, but of the table and not of the compound.
NO_DESCRIPTORS = ("comp_id", "n_systems")


@dataclass(frozen=True, slots=True, eq=False)
class SystemTable:
    """Peaks of a collection of systems, their descriptors, and names for their numbers.

    `minutes` is what one unit of `peaks.rt` is in each row: the gradient's length where times are
    shares of it, else 1; an error times `minutes` is an error in minutes. `fallback` are systems
    whose gradient's end is unknown or before their last compound: their longest time stands in.
    """

    peaks: Peaks
    chemistry: Chemistry
    minutes: Float[ndarray, " rows"]
    systems: tuple[str, ...]
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    fallback: tuple[str, ...]


def peaks_from_systems(
    observations: pl.DataFrame,
    systems: pl.DataFrame,
    compounds: pl.DataFrame,
    *,
    mode: str | None = "RP",
    least: int = 30,
    scale: Literal["gradient", "minutes"] = "gradient",
) -> SystemTable:
    """Peaks of systems of one `mode` with at least `least` compounds each.

    `observations` has `system`, `comp_id` and `rt` in minutes; `systems` has `system`, `mode`,
    `column` and `gradient_end_min`; `compounds` has `comp_id`, `class` and descriptors, which are
    all its other columns of numbers but `n_systems`. With `scale="gradient"` times are shares of
    the gradient's length.
    """
    if scale not in ("gradient", "minutes"):
        raise SettingsError(f"scale={scale!r} must be gradient or minutes.")
    given = {"observations": observations, "systems": systems, "compounds": compounds}
    for what, frame in given.items():
        if lacking := [name for name in WANTED[what] if name not in frame.columns]:
            raise TableError(f"{what} lack {', '.join(f'`{name}`' for name in lacking)}.")
    for what, frame, keys in (
        ("observations", observations, ["system", "comp_id"]),
        ("systems", systems, ["system"]),
        ("compounds", compounds, ["comp_id"]),
    ):
        if frame.select(keys).is_duplicated().any():
            raise TableError(f"{what} repeat a {' and '.join(keys)}: one row each.")
    for key, frame in (("system", systems), ("comp_id", compounds)):
        strange = observations.join(frame, on=key, how="anti")[key].unique().sort()
        if len(strange):
            raise TableError(
                f"{len(strange)} values of `{key}` in observations are not described, first "
                f"{strange[0]!r}."
            )
    chosen = systems if mode is None else systems.filter(pl.col("mode") == mode)
    rows = observations.with_row_index("row").join(
        chosen.select("system", pl.col("column").fill_null(UNKNOWN), "gradient_end_min"),
        on="system",
        maintain_order="left",
    )
    rows = rows.filter(pl.len().over("system") >= least)
    if not rows.height:
        raise TableError(f"no system of mode {mode!r} has {least} compounds: ask for fewer.")
    last = pl.col("rt").max().over("system")
    known = (pl.col("gradient_end_min") >= last).fill_null(False)
    rows = rows.with_columns(
        known=known, minutes=pl.when(known).then("gradient_end_min").otherwise(last)
    )
    names, columns = (rows[name].unique().sort().to_list() for name in ("system", "column"))
    species, parent = (
        rows[name].replace_strict(every, list(range(len(every))), return_dtype=pl.Int64).to_numpy()
        for name, every in (("system", names), ("column", columns))
    )
    used = compounds.filter(pl.col("comp_id").is_in(rows["comp_id"].unique().to_list()))
    chemistry, classes = _chemistry(used)
    minutes = rows["minutes"].cast(pl.Float64).to_numpy()
    if scale == "minutes":
        minutes = np.ones(rows.height)
    compound = rows["comp_id"].cast(pl.Int64).to_numpy()
    peaks = Peaks(
        rt=rows["rt"].cast(pl.Float64).to_numpy() / minutes,
        covariates=np.zeros((rows.height, 0), dtype=np.float32),
        species=species,
        supercategory=parent,
        compound=compound,
        run=species,
        chem_id=np.full(rows.height, -1),
        compound_class=chemistry.classes(compound),
        rows=rows["row"].cast(pl.Int64).to_numpy(),
        feature_names=(),
        run_keys=np.stack([0 * np.arange(len(names))] * 2 + [np.arange(len(names))], axis=1),
    )
    fallback = tuple(rows.filter(~pl.col("known"))["system"].unique().sort().to_list())
    return SystemTable(
        peaks=peaks,
        chemistry=chemistry,
        minutes=minutes,
        systems=tuple(names),
        columns=tuple(columns),
        classes=classes,
        fallback=fallback,
    )


def _chemistry(compounds: pl.DataFrame) -> tuple[Chemistry, tuple[str, ...]]:
    """Descriptors and classes: of no class is -1, and who lacks a number is left out."""
    names = [
        name
        for name in compounds.columns
        if compounds[name].dtype.is_numeric() and name not in NO_DESCRIPTORS
    ]
    whole = compounds.filter(pl.all_horizontal(pl.col(names).is_finite().fill_null(False)))
    label = whole["class"].replace({"NA": None, "NA (NA)": None, "": None})
    classes = label.drop_nulls().unique().sort().to_list()
    code = label.replace_strict(classes, list(range(len(classes))), default=-1)
    chemistry = Chemistry(
        compound=whole["comp_id"].cast(pl.Int64).to_numpy(),
        values=whole.select(pl.col(names).cast(pl.Float64)).to_numpy(order="c"),
        names=tuple(names),
        compound_class=code.fill_null(-1).cast(pl.Int64).to_numpy(),
    )
    return chemistry, tuple(classes)
