"""What files call values, weights, wavelengths and rows."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError, TableError

__all__ = [
    "FLUX",
    "IDS",
    "IVAR",
    "WAVELENGTH",
    "check_shapes",
    "find_name",
    "find_pair",
    "list_names",
    "pad_names",
    "unpad_names",
]

FLUX, IVAR, WAVELENGTH, IDS = "flux", "ivar", "wavelength", "ids"
PAIRS = ((FLUX, IVAR), ("Y", "W"))
MOST = 12


def find_pair(
    names: Iterable[str], where: str | Path, flux: str | None = None, ivar: str | None = None
) -> tuple[str, str]:
    """The names of values and weights among `names`: those asked for, or those usual."""
    names = tuple(names)
    if (flux is None) != (ivar is None):
        raise SettingsError("`flux` and `ivar` belong together: name both, or neither.")
    wanted = PAIRS if flux is None or ivar is None else ((flux, ivar),)
    for pair in wanted:
        found = tuple(find_name(names, name) for name in pair)
        if found[0] is not None and found[1] is not None:
            return found[0], found[1]
    told = " or ".join(f"`{first}` and `{second}`" for first, second in wanted)
    raise TableError(
        f"{where} has no {told}; it has {list_names(names)}. Name the values and their inverse "
        "variances with flux=... and ivar=..."
    )


def find_name(names: Iterable[str], wanted: str) -> str | None:
    """`wanted` as a file spells it, in capitals or not."""
    names = tuple(names)
    if wanted in names:
        return wanted
    return next((name for name in names if name.lower() == wanted.lower()), None)


def list_names(names: Iterable[str]) -> str:
    """The names there are, for a message."""
    names = tuple(names)
    told = ", ".join(f"`{name}`" for name in names[:MOST])
    return (told if len(names) <= MOST else f"{told} and {len(names) - MOST} more") or "nothing"


def check_shapes(
    where: str | Path, flux: str, first: tuple[int, ...], ivar: str, second: tuple[int, ...]
) -> None:
    """Refuse values and weights that are not two matrices of one shape."""
    for name, shape in ((flux, first), (ivar, second)):
        if len(shape) != 2 or 0 in shape:
            hint = " One spectrum is a matrix of one row." if len(shape) == 1 else ""
            raise TableError(
                f"`{name}` of {where} has shape {tuple(shape)}: it must have rows and pixels.{hint}"
            )
    if first != second:
        raise TableError(
            f"`{flux}` of {where} has shape {tuple(first)} and `{ivar}` {tuple(second)}: each "
            "value needs its own weight."
        )


def pad_names(ids: Iterable[str]) -> NDArray[np.uint8]:
    """Names as a matrix of UTF-8 bytes, zeros at their ends: what every format can store."""
    # A fixed-length byte string is a row of bytes with zeros at its end.
    coded = np.array([name.encode() for name in ids], dtype=np.bytes_)
    return coded[:, None].view(np.uint8)


def unpad_names(table: NDArray[np.uint8]) -> tuple[str, ...]:
    """Names from a matrix of UTF-8 bytes."""
    table = np.ascontiguousarray(table, dtype=np.uint8)
    return tuple(name.decode() for name in table.view(f"S{table.shape[1]}").reshape(-1).tolist())
