"""Coefficients and back-off on disk: artifacts, or `.npz` of the exchange format."""

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from errorbar.core.artifact import read_artifact, write_artifact
from errorbar.core.errors import ArtifactError, InputError
from errorbar.rt.artifacts.backoff import BackoffSummaries
from errorbar.rt.artifacts.coefficients import CoeffSummaries
from errorbar.rt.artifacts.exchange import Texts, read_npz, write_npz

__all__ = [
    "BACKOFF_KIND",
    "COEFFICIENTS_KIND",
    "read_backoff",
    "read_coefficients",
    "write_backoff",
    "write_coefficients",
]

BACKOFF_KIND = "rt backoff"
COEFFICIENTS_KIND = "rt coefficients"

_Path = str | os.PathLike[str]
_Value = TypeVar("_Value", BackoffSummaries, CoeffSummaries)

_TEXTS = ("feature_names", "group_col")


def write_coefficients(path: _Path, value: CoeffSummaries) -> Path:
    """Coefficients as an artifact; or, where `path` ends in .npz, in the exchange format.

    The exchange format keeps float32: predictions of what is read back differ by about 1e-6.
    """
    return _write(path, COEFFICIENTS_KIND, value)


def read_coefficients(path: _Path) -> CoeffSummaries:
    """Coefficients from either format; of pickled names only text is read, and nothing is run."""
    return _read(path, COEFFICIENTS_KIND, CoeffSummaries)


def write_backoff(path: _Path, value: BackoffSummaries) -> Path:
    """A back-off as an artifact; or, where `path` ends in .npz, in the exchange format."""
    return _write(path, BACKOFF_KIND, value)


def read_backoff(path: _Path) -> BackoffSummaries:
    """A back-off from either format."""
    return _read(path, BACKOFF_KIND, BackoffSummaries)


def _write(path: _Path, kind: str, value: BackoffSummaries | CoeffSummaries) -> Path:
    held = {f.name: getattr(value, f.name) for f in fields(value)}
    texts = {name: held.pop(name) for name in _TEXTS if name in held}
    arrays = {name: np.asarray(array) for name, array in held.items() if array is not None}
    if Path(path).suffix == ".npz":
        return write_npz(path, arrays, texts)
    return write_artifact(path, kind, arrays, texts)


def _read(path: _Path, kind: str, made: type[_Value]) -> _Value:
    if Path(path).suffix == ".npz":
        arrays, texts = read_npz(path, _TEXTS)
    else:
        artifact = read_artifact(path, kind)
        arrays, texts = artifact.arrays, _plain_texts(artifact.manifest)
    if made is BackoffSummaries:
        arrays = _older_backoff(arrays)
    required = {f.name for f in fields(made)} - {*_OPTIONAL}
    lacking = sorted(required - {*arrays, *texts})
    if lacking:
        raise ArtifactError(
            f"{path} lacks {', '.join(lacking)}; it has {', '.join(sorted({*arrays, *texts}))}: it "
            f"is not {kind}, or was written by a version that did not keep them."
        )
    known = {f.name for f in fields(made)}
    given: dict[str, Any] = {name: text for name, text in texts.items() if name in known}
    given |= {name: array for name, array in arrays.items() if name in known}
    given |= {name: _number(path, name, arrays[name]) for name in _NUMBERS if name in given}
    if isinstance(given["feature_names"], str):
        raise ArtifactError(f"{path}: `feature_names` is one text, and must be a row of them.")
    try:
        return made(**given)
    except InputError as error:
        raise ArtifactError(f"{path}: {error}") from error


_OPTIONAL = ("beta_cov", "feature_center", "feature_rotation", "group_col", "supercat_id")
_NUMBERS = ("lambda_slopes", "sigma2", "t0", "tau_b", "tau_comp")


def _number(path: _Path, name: str, array: NDArray[Any]) -> float:
    if array.size != 1:
        raise ArtifactError(f"{path}: `{name}` {array.shape} must be one number.")
    return float(array.reshape(())[()])


def _plain_texts(manifest: Mapping[str, Any]) -> Texts:
    return {
        name: text if isinstance(text, str) else tuple(map(str, text))
        for name, text in manifest.items()
    }


def _older_backoff(arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    """Older files have no chemical ids: none is known then."""
    ids, chem = arrays.get("comp_ids"), arrays.get("comp_chem_id")
    if ids is None or (chem is not None and chem.shape == ids.shape):
        return arrays
    return {**arrays, "comp_chem_id": np.full(ids.shape, -1, dtype=np.int64)}
