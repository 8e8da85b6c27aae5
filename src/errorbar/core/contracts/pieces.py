"""What the engine may ask of a function that works on one piece."""

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

__all__ = ["PieceFunction", "PieceValue", "PieceValues"]

PieceValue = NDArray[Any] | str | int | float | bool | None
PieceValues = Mapping[str, PieceValue]


class PieceFunction(Protocol):
    """Work on one piece: pure, defined at the top of a module, its randomness only from `seed`."""

    def __call__(self, piece: PieceValues, seed: int, /) -> PieceValues: ...
