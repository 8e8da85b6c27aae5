r"""Who is whose: groups, species, compounds, and the maps from them to a group's coefficients.

A group's coefficients are centred on $M_k v_c + L a_k$: `maps` holds $M_k$, nothing where it is
the identity. Columns of $v_c$ are of four kinds: its offset, its slopes, its chemistry, and
chemistry times a direction of drift.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.rt.data import Chemistry
from errorbar.rt.fit.statistics import GroupStatistics
from errorbar.rt.model.pool import PoolModel

__all__ = ["GATE", "HEAD", "OFFSET", "SLOPE", "STRETCH", "Layout", "Stretch"]

OFFSET, SLOPE, HEAD, GATE, STRETCH = range(5)


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    r"""By what factor each species follows its compounds' offsets.

    `species`, `parent` and `top` are factors less one, of species, of new species of a
    supercategory and of others; new ones scatter about that with the variance `spread`. `score`
    are the compounds' offsets, which a new species' own factor multiplies.
    """

    score: Float[ndarray, " compounds"]
    species: Float[ndarray, " species"]
    parent: Float[ndarray, " supercategories"]
    top: float
    spread: float

    def of(self, species: ndarray, parent: ndarray) -> ndarray:
        """The factor less one, of species (-1: of the supercategory, else of the top)."""
        above = np.where(parent >= 0, self.parent[parent], self.top)
        return np.where(species >= 0, self.species[species], above)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Places and sizes.

    `start_of_compound`, `by_compound` list the groups of each compound. `kind` is the kind of each
    column of a species' vector. `z` are descriptors by which the compounds' offsets are centred,
    `klass` the place of each compound's class (-1: none), `effects` how many coordinates a
    compound has (its offset, or that and slopes). `drift` are the directions in which chemistry
    gates the response.
    """

    species: Int[ndarray, " groups"]
    compound: Int[ndarray, " groups"]
    parent: Int[ndarray, " species"]
    start_of_compound: Int[ndarray, " ends"]
    by_compound: Int[ndarray, " groups"]
    kind: Int[ndarray, " columns"]
    maps: Float[ndarray, "compounds coefficients columns"] | None
    z: Float[ndarray, "compounds descriptors"]
    klass: Int[ndarray, " compounds"]
    class_ids: Int[ndarray, " classes"]
    effects: int
    coefficients: int
    supercategories: int
    drift: Float[ndarray, "features rank"]
    head_names: tuple[str, ...]
    runs: int = 0
    stretch: Stretch | None = None

    @classmethod
    def of(
        cls,
        statistics: GroupStatistics,
        model: PoolModel,
        chemistry: Chemistry | None,
        runs: int = 0,
        stretch: Stretch | None = None,
    ) -> Self:
        """The layout of a model over these groups."""
        ids, features = statistics.compound_ids, statistics.features
        z = np.zeros((len(ids), 0)) if chemistry is None else chemistry.of(ids)
        check_chemistry(model, z.shape[1], chemistry is not None)
        order = np.argsort(statistics.compound, kind="stable")
        counts = np.bincount(statistics.compound, minlength=len(ids))
        klass, class_ids = classes_of(statistics, model, chemistry)
        kind, drift = columns_of(statistics, model)
        return cls(
            species=statistics.species,
            compound=statistics.compound,
            parent=statistics.parent,
            start_of_compound=np.r_[0, np.cumsum(counts)],
            by_compound=order,
            kind=kind,
            maps=maps_of(z, kind, drift, features, None if stretch is None else stretch.score),
            z=z,
            klass=klass,
            class_ids=class_ids,
            effects=1 + features if model.compound_slopes else 1,
            coefficients=1 + features,
            supercategories=len(statistics.supercategory_ids),
            drift=drift,
            head_names=() if chemistry is None else chemistry.names[: model.head_dims],
            runs=runs,
            stretch=stretch,
        )

    @property
    def load(self) -> Float[ndarray, " groups"]:
        """By what factor each group follows its compound."""
        if self.stretch is None:
            return np.ones(len(self.species))
        return 1.0 + self.stretch.species[self.species]

    @property
    def columns(self) -> int:
        """The length of a species' vector."""
        return len(self.kind)

    @property
    def offsets(self) -> tuple[int, int, int, int, int]:
        """Where supercategories, the top, theta, classes and runs begin in the core."""
        species = len(self.parent) * self.columns
        top = species + self.supercategories * self.columns
        theta = top + self.columns
        classes = theta + self.z.shape[1]
        return species, top, theta, classes, classes + len(self.class_ids) * self.effects

    @property
    def core(self) -> int:
        """How many unknowns are left when compounds are eliminated."""
        return self.offsets[-1] + self.runs


def check_chemistry(model: PoolModel, descriptors: int, given: bool) -> None:
    """Refuse parts of a model that need descriptors that are not there."""
    wanted = max(model.head_dims, 1 if model.gate_rank else 0)
    if wanted > descriptors:
        have = f"{descriptors} descriptors were given" if given else "no descriptors were given"
        raise SettingsError(
            f"head_dims={model.head_dims} and gate_rank={model.gate_rank} need descriptors of "
            f"compounds, and {have}: pass chemistry, or leave them 0."
        )


def columns_of(statistics: GroupStatistics, model: PoolModel) -> tuple[ndarray, ndarray]:
    """The kinds of columns of a species' vector, and the directions of drift that are gated."""
    features = statistics.features
    rank = min(model.gate_rank, features)
    slopes = features if model.slope_head == "cluster_supercat" else 0
    gates = rank * (model.head_dims or 4 if rank else 0)
    counts = [1, slopes, model.head_dims, gates, int(model.stretch)]
    kind = np.repeat([OFFSET, SLOPE, HEAD, GATE, STRETCH], counts)
    if not rank:
        return kind, np.zeros((features, 0))
    spread = statistics.sxx.sum(axis=0)
    spread += (statistics.mean_x * statistics.total[:, None]).T @ statistics.mean_x
    _, vectors = np.linalg.eigh(spread)
    drift = vectors[:, ::-1][:, :rank]
    return kind, drift * np.sign(drift[np.abs(drift).argmax(axis=0), np.arange(rank)])


def maps_of(
    z: ndarray, kind: ndarray, drift: ndarray, features: int, score: ndarray | None = None
) -> ndarray | None:
    """The map of each compound from a species' vector to coefficients; nothing if it is one.

    `score` are the compounds' working offsets, zero where they are not given.
    """
    if len(kind) == 1 + features and not (kind >= HEAD).any():
        return None
    maps = np.zeros((len(z), 1 + features, len(kind)))
    maps[:, 0, 0] = 1.0
    slopes = np.flatnonzero(kind == SLOPE)
    maps[:, 1 + np.arange(len(slopes)), slopes] = 1.0
    heads = np.flatnonzero(kind == HEAD)
    maps[:, 0, heads] = z[:, : len(heads)]
    if score is not None:
        maps[:, 0, kind == STRETCH] = score[:, None]
    gates = np.flatnonzero(kind == GATE)
    dims = len(gates) // max(drift.shape[1], 1)
    for at, column in enumerate(gates):
        direction, descriptor = divmod(at, dims)
        maps[:, 1:, column] = z[:, descriptor, None] * drift[:, direction]
    return maps


def classes_of(
    statistics: GroupStatistics, model: PoolModel, chemistry: Chemistry | None
) -> tuple[ndarray, ndarray]:
    """The place of each compound's class, and the classes' ids."""
    if not model.classes:
        return np.full(len(statistics.compound_ids), -1), np.empty(0, dtype=np.int64)
    klass = statistics.compound_class
    if chemistry is not None:
        told = chemistry.classes(statistics.compound_ids)
        klass = np.where(told >= 0, told, klass)
    ids = np.unique(klass[klass >= 0])
    if not len(ids):
        raise SettingsError("classes=True needs classes of compounds, and none is known.")
    return np.where(klass >= 0, np.searchsorted(ids, klass), -1), ids
