"""Tables and peaks as the engine's journal keeps them: named arrays and text."""

import json
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.contracts import PieceValue, PieceValues
from errorbar.rt.data import Chemistry, Peaks

__all__ = [
    "chemistry_from",
    "frame_from",
    "pack_chemistry",
    "pack_frame",
    "pack_peaks",
    "peaks_from",
]

PEAKS = (
    "rt", "covariates", "species", "supercategory", "compound", "run", "chem_id",
    "compound_class", "rows", "run_keys",
)  # fmt: skip


def pack_frame(frame: pl.DataFrame, name: str) -> dict[str, PieceValue]:
    """A table under `name`: each column of numbers an array, those of words as JSON."""
    packed: dict[str, PieceValue] = {f"{name}.columns": json.dumps(frame.columns)}
    for column in frame.columns:
        values = frame[column]
        whole = values.dtype.is_numeric() or values.dtype == pl.Boolean
        packed[f"{name}.{column}"] = values.to_numpy() if whole else json.dumps(values.to_list())
    return packed


def frame_from(values: PieceValues, name: str) -> pl.DataFrame:
    """The table that `pack_frame` put away."""
    columns: dict[str, Any] = {}
    for column in json.loads(str(values[f"{name}.columns"])):
        found = values[f"{name}.{column}"]
        columns[column] = json.loads(found) if isinstance(found, str) else found
    return pl.DataFrame(columns)


def pack_peaks(peaks: Peaks, name: str) -> dict[str, PieceValue]:
    """A table of peaks under `name`."""
    packed: dict[str, PieceValue] = {f"{name}.{each}": getattr(peaks, each) for each in PEAKS}
    return {**packed, f"{name}.feature_names": json.dumps(peaks.feature_names)}


def peaks_from(values: PieceValues, name: str) -> Peaks:
    """The peaks that `pack_peaks` put away."""
    arrays = {each: _array(values, f"{name}.{each}") for each in PEAKS}
    names = tuple(json.loads(str(values[f"{name}.feature_names"])))
    return Peaks(**cast(Any, arrays), feature_names=names)


def pack_chemistry(chemistry: Chemistry | None, name: str) -> dict[str, PieceValue]:
    """Descriptors under `name`, or that there are none."""
    if chemistry is None:
        return {f"{name}.names": "null"}
    return {
        f"{name}.names": json.dumps(chemistry.names),
        f"{name}.compound": chemistry.compound,
        f"{name}.values": chemistry.values,
        f"{name}.compound_class": chemistry.compound_class,
    }


def chemistry_from(values: PieceValues, name: str) -> Chemistry | None:
    """The descriptors that `pack_chemistry` put away."""
    names = json.loads(str(values[f"{name}.names"]))
    if names is None:
        return None
    return Chemistry(
        _array(values, f"{name}.compound"),
        _array(values, f"{name}.values"),
        tuple(names),
        _array(values, f"{name}.compound_class"),
    )


def _array(values: Mapping[str, PieceValue], name: str) -> ndarray:
    found = values[name]
    assert isinstance(found, np.ndarray)
    return found
