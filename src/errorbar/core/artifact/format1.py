"""Format 1: how arrays and a manifest become bytes and come back.

This file is frozen once a release has written with it. A change of format is a new module beside
this one and a new line in the table of readers, so that old files stay readable.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from errorbar.core.artifact.value import Artifact, Json, sorted_json
from errorbar.core.errors import ArtifactError

__all__ = ["FORMAT", "decode", "encode"]

FORMAT = 1

DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
)

KEYS = {"content": dict, "format": int, "kind": str, "sha256": str, "versions": dict}


def encode(
    kind: str,
    arrays: Mapping[str, NDArray[Any]],
    manifest: Mapping[str, Json],
    versions: Mapping[str, str],
) -> bytes:
    """The bytes of one artifact; equal arguments give equal bytes in every process."""
    plain = {name: _plain(name, arrays[name]) for name in sorted(arrays)}
    head: dict[str, Json] = {
        "content": manifest,
        "format": FORMAT,
        "kind": kind,
        "versions": versions,
    }
    head["sha256"] = _content_hash(head, plain)
    # One metadata key only: the library writes several in an order that differs from one process
    # to the next.
    return safetensors.numpy.save(plain, {"manifest": sorted_json(head)})


def decode(head: Mapping[str, object], arrays: Mapping[str, NDArray[Any]]) -> Artifact:
    """The value in a manifest and its arrays, if they are still what was written."""
    if set(head) != set(KEYS) or not all(isinstance(head[key], KEYS[key]) for key in KEYS):
        raise ArtifactError(
            f"its manifest has {_kinds(head)}; format {FORMAT} has "
            f"{', '.join(f'{key} ({kind.__name__})' for key, kind in KEYS.items())}."
        )
    rest = {key: value for key, value in head.items() if key != "sha256"}
    found = _content_hash(cast("Mapping[str, Json]", rest), arrays)
    if found != head["sha256"]:
        raise ArtifactError(
            f"its content hashes to {found[:12]}… but its manifest says "
            f"{str(head['sha256'])[:12]}…: the file has been changed or damaged since it was "
            "written. Fetch or make it again."
        )
    return Artifact(
        kind=cast("str", head["kind"]),
        arrays={name: _read_only(array) for name, array in sorted(arrays.items())},
        manifest=cast("Mapping[str, Json]", head["content"]),
        versions=cast("Mapping[str, str]", head["versions"]),
        sha256=found,
    )


def _plain(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Contiguous and little-endian: a transposed view would be saved scrambled, silently."""
    array = np.asarray(array)
    if array.dtype.name not in DTYPES:
        raise ArtifactError(
            f"array {name!r} is of type {array.dtype}, and an artifact holds "
            f"{', '.join(DTYPES)}. Text belongs in the manifest."
        )
    # asarray, because ascontiguousarray would give a number without axes one axis.
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _kinds(head: Mapping[str, object]) -> str:
    return ", ".join(f"{key} ({type(value).__name__})" for key, value in sorted(head.items()))


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array


def _content_hash(head: Mapping[str, Json], arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(sorted_json(head).encode())
    for name in sorted(arrays):
        array = arrays[name]
        label: Json = [name, array.dtype.name, list(array.shape)]
        # A line of JSON fixes how many bytes follow it, so no two contents hash the same text.
        digest.update(b"\n" + sorted_json(label).encode() + b"\n")
        digest.update(array.tobytes())
    return digest.hexdigest()
