"""What a plane may ask of a system. Nothing else."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from numpy.typing import NDArray

from errorbar.core.contracts.columns import TableContract

if TYPE_CHECKING:
    import polars as pl

    from errorbar.core.contracts.cards import ModelCard, Recipe

__all__ = ["FittedArtifact", "Json", "System"]

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""What JSON can hold."""


@runtime_checkable
class FittedArtifact(Protocol):
    """A fit as `core.artifact` keeps it: named arrays, a manifest and the hash of both."""

    @property
    def kind(self) -> str: ...
    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]: ...
    @property
    def manifest(self) -> Mapping[str, Any]: ...
    @property
    def sha256(self) -> str: ...


@runtime_checkable
class System(Protocol):
    """What a plane may ask of a system: what it reads, to learn, to predict, to judge, to describe.

    `tables` names what the system reads and the contract of each; `None` is a table that the system
    checks itself. Tables come and go as frames under these names. Everything random comes from
    `seed`: equal arguments give equal artifacts.
    """

    @property
    def name(self) -> str: ...

    @property
    def tables(self) -> Mapping[str, TableContract | None]: ...

    def recipe(self, settings: Mapping[str, Json]) -> "Recipe":
        """The recipe of these settings, with defaults filled in, or which of them is wrong."""
        ...

    def fit(
        self,
        recipe: "Recipe",
        train: "Mapping[str, pl.DataFrame]",
        val: "Mapping[str, pl.DataFrame] | None" = None,
        *,
        seed: int = 0,
    ) -> FittedArtifact:
        """Learns from `train`, chooses and stops by `val`; the recipe goes into the artifact."""
        ...

    def predict(
        self, artifact: FittedArtifact, tables: "Mapping[str, pl.DataFrame]"
    ) -> "pl.DataFrame":
        """A table under `PREDICTIONS`, in the order of the rows asked about."""
        ...

    def evaluate(
        self, artifact: FittedArtifact, tables: "Mapping[str, pl.DataFrame]"
    ) -> "Mapping[str, Json]":
        """How well the artifact does on tables with known answers: numbers by name."""
        ...

    def describe(self, artifact: FittedArtifact) -> "ModelCard":
        """The card of an artifact, without what only the registry knows."""
        ...
