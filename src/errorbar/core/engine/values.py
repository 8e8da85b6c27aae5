"""Pieces and results in one canonical form, as bytes and as a digest.

A mapping from names to arrays and JSON scalars. Arrays are contiguous, in native byte order and
read-only, so that a result is the same value whether it came from a thread, over a network or from
a journal.
"""

import hashlib
import json
import sys
from typing import Any, cast

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from errorbar.core.contracts import PieceValue, PieceValues
from errorbar.core.errors import EngineError

__all__ = ["decoded", "digest", "encoded", "frozen"]

SIZES = {"int": (8, 16, 32, 64), "uint": (8, 16, 32, 64), "float": (16, 32, 64)}
ARRAY_KINDS = {"bool", *(f"{kind}{size}" for kind in SIZES for size in SIZES[kind])}


def frozen(values: PieceValues, where: str) -> dict[str, PieceValue]:
    """A canonical copy of `values`, sorted by name; `where` names them in an error."""
    if not hasattr(values, "items"):
        raise EngineError(
            f"{where} is a {type(values).__name__}: it must be a mapping from names to arrays "
            "and JSON scalars."
        )
    names = [name for name in cast("dict[Any, Any]", values) if not isinstance(name, str)]
    if names:
        raise EngineError(f"{where} has the name {names[0]!r}: names must be text.")
    return {name: _frozen_value(values[name], f"`{name}` of {where}") for name in sorted(values)}


def _frozen_value(value: Any, where: str) -> PieceValue:
    if value is None or type(value) in (str, int, float, bool):
        return value
    if not isinstance(value, np.ndarray | np.generic):
        raise EngineError(
            f"{where} is a {type(value).__name__}: a piece holds arrays, numbers, text, true, "
            "false and nothing else. Make it an array, or several named values."
        )
    array: NDArray[Any] = np.asarray(cast("Any", value))
    if array.dtype.name not in ARRAY_KINDS:
        raise EngineError(
            f"{where} is an array of {array.dtype}, which the journal cannot keep: use one of "
            f"{', '.join(sorted(ARRAY_KINDS))}."
        )
    # order="C" also untangles a transposed view, which safetensors would write scrambled.
    array = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
    array.setflags(write=False)
    return array


def _split(values: PieceValues) -> tuple[dict[str, NDArray[Any]], dict[str, PieceValue]]:
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    scalars = {name: value for name, value in values.items() if name not in arrays}
    return arrays, scalars


def digest(values: PieceValues) -> str:
    """The sha256 of canonical values: names, kinds, shapes and every bit."""
    arrays, scalars = _split(values)
    shapes = {name: (array.dtype.name, array.shape) for name, array in arrays.items()}
    hasher = hashlib.sha256(json.dumps([scalars, shapes], sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        little = array if sys.byteorder == "little" else array.byteswap()
        hasher.update(little.tobytes())
    return hasher.hexdigest()


def encoded(values: PieceValues, header: dict[str, PieceValue]) -> bytes:
    """One safetensors block with one metadata key, so that equal values give equal bytes."""
    arrays, scalars = _split(values)
    manifest = json.dumps({"header": header, "values": scalars}, sort_keys=True)
    return safetensors.numpy.save(arrays, {"manifest": manifest})


def decoded(block: bytes) -> tuple[dict[str, PieceValue], dict[str, PieceValue]]:
    """The values and the header of `encoded`; ValueError or KeyError where it is none."""
    arrays = safetensors.numpy.load(block)
    length = int.from_bytes(block[:8], "little")
    manifest = json.loads(json.loads(block[8 : 8 + length])["__metadata__"]["manifest"])
    return frozen({**manifest["values"], **arrays}, "a journal file"), manifest["header"]
