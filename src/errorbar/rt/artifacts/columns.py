"""Covariates by name, and those that are computed from others.

A derived covariate is named by what it is: `poly2_sq(IS1)` is a square, `poly2_int(IS1,RS2)` a
product, both of the columns as they stand in the table.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import TableError
from errorbar.rt.data.columns import poly2_sources
from errorbar.rt.data.peaks import Peaks

__all__ = ["design_matrix", "is_derived", "with_features"]


def is_derived(name: str) -> bool:
    """Whether a covariate of this name is computed from others."""
    return poly2_sources(name) != (name,)


def design_matrix(peaks: Peaks, names: Sequence[str]) -> Float[ndarray, "rows features"]:
    """Covariates of `names` in this order; all that the peaks have must be among them."""
    wanted = _columns(peaks, names)
    used = {part for name in names for part in _parts(name, peaks.feature_names)}
    extra = [name for name in peaks.feature_names if name not in used]
    if extra:
        raise TableError(
            f"the peaks have {len(extra)} covariates that the model does not know "
            f"({_listed(extra)}), and {len(names)} that it does ({_listed(names)}): leave the "
            "others out with `with_features(peaks, model.feature_names)`."
        )
    return wanted


def with_features(peaks: Peaks, names: Sequence[str]) -> Peaks:
    """The same peaks with the covariates of `names`, in this order and no others.

    A derived name that the peaks lack is computed, so `[*names, *poly2_names(names)]` adds second
    powers.
    """
    return replace(peaks, covariates=_columns(peaks, names), feature_names=tuple(names))


def _columns(peaks: Peaks, names: Sequence[str]) -> Float[ndarray, "rows features"]:
    place = {name: index for index, name in enumerate(peaks.feature_names)}
    lacking = [
        name for name in names if any(p not in place for p in _parts(name, peaks.feature_names))
    ]
    if lacking:
        raise TableError(
            f"the peaks lack {len(lacking)} of {len(names)} covariates that are needed, first "
            f"{_listed(lacking)}; they have {_listed(peaks.feature_names)}. A covariate that was "
            "not measured is a column of zeros, and must be there."
        )
    wanted = np.ones((len(peaks), len(names)))
    for column, name in enumerate(names):
        for part in _parts(name, peaks.feature_names):
            wanted[:, column] *= peaks.covariates[:, place[part]]
    return wanted


def _parts(name: str, there: Sequence[str]) -> tuple[str, ...]:
    """The columns whose product a covariate is."""
    return (name,) if name in there else poly2_sources(name)


def _listed(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
