"""The exchange format: a compressed `.npz`, as CompAssign writes and reads it.

Its names are arrays of text. CompAssign writes them as objects, which numpy pickles; here they are
written at fixed width, which its reader takes as well and `np.load` opens without pickles. Both
are read, the pickled ones by `pickled_text`, which cannot run anything.
"""

import os
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from errorbar.core.errors import ArtifactError
from errorbar.rt.artifacts.pickled_text import LARGEST, pickled_text

__all__ = ["Texts", "read_npz", "write_npz"]

Texts = Mapping[str, str | tuple[str, ...]]

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}

# What numpy and zipfile raise over damaged bytes; the runtime error is of archives with a password
# or of a later version, as damage makes them look.
_DAMAGED = (
    *(ValueError, TypeError, OSError, EOFError, KeyError, RuntimeError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error),
)


def write_npz(
    path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]], texts: Texts
) -> Path:
    """Puts arrays and texts into the file `path`, whole or not at all.

    Numbers become float32 and ids int64, as the format has it.
    """
    path = Path(path)
    plain = {
        name: array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        for name, array in arrays.items()
    }
    words = {name: np.asarray(text, dtype=np.str_) for name, text in texts.items()}
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            cast(Any, np.savez_compressed)(file, **words, **plain)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def read_npz(
    path: str | os.PathLike[str], texts: Collection[str]
) -> tuple[dict[str, NDArray[Any]], dict[str, str | tuple[str, ...]]]:
    """All arrays of a file, and those of its members `texts` that are there, as text.

    An array of objects under any other name is refused.
    """
    path = Path(path)
    # Opened here, because numpy leaves a file open that is no archive.
    with path.open("rb") as file:
        try:
            return _members(np.load(file, allow_pickle=False), texts)
        except ArtifactError as error:
            raise ArtifactError(f"{path}: {error}") from error
        except _DAMAGED as error:
            raise ArtifactError(
                f"{path} is no whole .npz archive of arrays ({error}): it is something else, is "
                "damaged, or holds objects where numbers belong, which are never loaded. Fetch or "
                "make it again."
            ) from error


def _members(
    archive: Any, texts: Collection[str]
) -> tuple[dict[str, NDArray[Any]], dict[str, str | tuple[str, ...]]]:
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ArtifactError("it holds one array, and an .npz archive of several is needed.")
    with archive:
        arrays = {name: archive[name] for name in archive.files if name not in texts}
        return arrays, {name: _text(archive, name) for name in archive.files if name in texts}


def _text(archive: Any, name: str) -> str | tuple[str, ...]:
    """A member that is text: at fixed width, or as pickled objects."""
    with archive.zip.open(f"{name}.npy") as member:
        version = npy.read_magic(member)
        if version not in _HEADERS:
            raise ArtifactError(f"`{name}` is of npy version {version}, and text is of 1 or 2.")
        shape, _, kind = _HEADERS[version](member)
        pickled = member.read(LARGEST + 1) if kind.hasobject else None
    if pickled is None:
        held = archive[name]
        if held.dtype.kind != "U":
            raise ArtifactError(f"`{name}` is of type {held.dtype}, and text is needed.")
        items, shape = [str(item) for item in held.ravel()], held.shape
    else:
        items, inner = pickled_text(pickled)
        if inner != shape:
            raise ArtifactError(f"`{name}` is said to have shape {shape}, and has {inner}.")
    if len(shape) > 1 or len(items) != int(np.prod(shape)):
        raise ArtifactError(f"`{name}` has shape {shape} and {len(items)} texts: one row is needed")
    return tuple(items) if shape else items[0]
