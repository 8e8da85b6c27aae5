"""Fitted baselines as arrays and a manifest, so that files of them can run no code."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy import ndarray

from errorbar.core.artifact import Json
from errorbar.core.errors import ArtifactError
from errorbar.rt.artifacts import CoeffSummaries
from errorbar.rt.baselines import FastRidgeFit, LassoFit, MeansFit
from errorbar.rt.baselines.means import Level

__all__ = ["KINDS", "pack", "unpack"]

# The kind of artifact that each is.
KINDS: dict[str, type[Any]] = {
    "rt fast ridge": FastRidgeFit,
    "rt lasso": LassoFit,
    "rt means": MeansFit,
}
INNER: dict[type[Any], type[Any]] = {FastRidgeFit: CoeffSummaries, MeansFit: Level}


def pack(value: Any) -> tuple[dict[str, ndarray], dict[str, Json]]:
    """Arrays and plain values of a fitted baseline; those of its parts by `part.name`."""
    arrays: dict[str, ndarray] = {}
    plain: dict[str, Json] = {}
    for each in fields(value):
        held = getattr(value, each.name)
        if is_dataclass(held):
            inner, texts = pack(held)
            arrays |= {f"{each.name}.{name}": array for name, array in inner.items()}
            plain[each.name] = texts
        elif isinstance(held, ndarray):
            arrays[each.name] = held
        elif held is not None:
            plain[each.name] = list(held) if isinstance(held, tuple) else held
    return arrays, plain


def unpack(made: type[Any], arrays: Mapping[str, ndarray], plain: Mapping[str, Any]) -> Any:
    """The baseline that `pack` took apart."""
    given: dict[str, Any] = {}
    for each in fields(made):
        inside = {
            name.partition(".")[2]: array
            for name, array in arrays.items()
            if name.startswith(f"{each.name}.")
        }
        if inside:
            given[each.name] = unpack(INNER[made], inside, plain[each.name])
        elif each.name in arrays:
            given[each.name] = np.asarray(arrays[each.name])
        elif each.name in plain:
            held = plain[each.name]
            given[each.name] = tuple(held) if isinstance(held, list) else held
    try:
        return made(**given)
    except TypeError as error:
        raise ArtifactError(f"the file is no whole {made.__name__} ({error}).") from error
