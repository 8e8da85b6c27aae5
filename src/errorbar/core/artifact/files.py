"""Reading and writing artifact files."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast
from uuid import uuid4

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

import errorbar
from errorbar.core.artifact import format1
from errorbar.core.artifact.value import Artifact, Json, check_json, sorted_json
from errorbar.core.errors import ArtifactError

__all__ = ["READERS", "read_artifact", "write_artifact"]

Reader = Callable[[Mapping[str, object], Mapping[str, NDArray[Any]]], Artifact]

READERS: Mapping[int, Reader] = MappingProxyType({format1.FORMAT: format1.decode})


def write_artifact(
    path: str | os.PathLike[str],
    kind: str,
    arrays: Mapping[str, NDArray[Any]],
    manifest: Mapping[str, Json],
) -> Path:
    """Puts `arrays` and `manifest` into the file `path`, whole or not at all.

    A reader meanwhile sees the old file or the new one, never a part of either.
    """
    path = Path(path)
    if not kind:
        raise ArtifactError("an artifact needs a kind, the name its readers ask for.")
    check_json(manifest)
    versions = {"errorbar": errorbar.__version__, "numpy": np.__version__}
    data = format1.encode(kind, arrays, manifest, versions)
    # Beside the target, because a rename is atomic only within one file system.
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def read_artifact(path: str | os.PathLike[str], kind: str) -> Artifact:
    """The artifact in the file `path`, if it is one of this `kind` and still what was written."""
    path = Path(path)
    data = path.read_bytes()
    try:
        head, arrays = _open(data)
        artifact = _reader(head)(head, arrays)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from error
    if artifact.kind != kind:
        raise ArtifactError(f"{path}: it holds a {artifact.kind!r}, and a {kind!r} was asked for.")
    return artifact


def _open(data: bytes) -> tuple[Mapping[str, object], Mapping[str, NDArray[Any]]]:
    """The manifest and the arrays of a safetensors file, neither trusted yet."""
    try:
        arrays = safetensors.numpy.load(data)
    except (SafetensorError, KeyError) as error:
        # A KeyError is a number type that numpy does not have.
        raise ArtifactError(
            f"it is not a whole safetensors file ({error}). A pickle is never read."
        ) from error
    size = int.from_bytes(data[:8], "little")
    metadata: object = json.loads(data[8 : 8 + size]).get("__metadata__")
    if not isinstance(metadata, dict) or set(cast("dict[str, str]", metadata)) != {"manifest"}:
        raise ArtifactError(
            "it is a safetensors file, but not one of ours: an artifact's only metadata is "
            "`manifest`."
        )
    text = cast("dict[str, str]", metadata)["manifest"]
    try:
        head: object = json.loads(text)
        canonical = sorted_json(head)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"its manifest is not JSON ({error}).") from error
    if not isinstance(head, dict) or text != canonical:
        raise ArtifactError("its manifest is not sorted JSON, so this package did not write it.")
    return cast("dict[str, object]", head), arrays


def _reader(head: Mapping[str, object]) -> Reader:
    number = head.get("format")
    # True is 1 to a table's lookup, and no format.
    if isinstance(number, int) and not isinstance(number, bool) and number in READERS:
        return READERS[number]
    raise ArtifactError(
        f"it is of format {number!r}, and this version ({errorbar.__version__}) reads "
        f"{', '.join(map(str, READERS))}: use the errorbar that wrote it, or a newer one."
    )
