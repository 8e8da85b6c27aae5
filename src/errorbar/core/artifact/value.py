"""What a file holds once it has been checked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import ArtifactError

__all__ = ["Artifact", "Json", "check_json", "sorted_json"]

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


@dataclass(frozen=True, slots=True, eq=False)
class Artifact:
    """Named arrays of one `kind`, with what its writer said about them in `manifest`.

    `versions` are those of the packages that wrote it; `sha256` is the hash of all the rest.
    """

    kind: str
    arrays: Mapping[str, NDArray[Any]]
    manifest: Mapping[str, Json]
    versions: Mapping[str, str]
    sha256: str

    def __post_init__(self) -> None:
        for name in ("arrays", "manifest", "versions"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))


def check_json(value: object, where: str = "manifest") -> None:
    """Refuses whatever would come back from JSON as something else, or not at all."""
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[object, object]", value).items():
            if not isinstance(key, str):
                raise ArtifactError(
                    f"{where} has the key {key!r}, and JSON's keys are text: write {str(key)!r}."
                )
            check_json(inner, f"{where}[{key!r}]")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(cast("Sequence[object]", value)):
            check_json(inner, f"{where}[{index}]")
    elif isinstance(value, float) and not np.isfinite(value):
        raise ArtifactError(
            f"{where} is {value}, which JSON cannot hold: write None or text, "
            "or put the number in an array."
        )
    elif not (value is None or isinstance(value, bool | int | float | str)):
        raise ArtifactError(
            f"{where} is a {type(value).__name__}, which is not plain JSON: a number of numpy "
            "becomes plain with `.item()`, an array belongs in `arrays`."
        )


def sorted_json(value: object) -> str:
    """The one way to write a manifest, so that equal values are equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
