"""What the studies are asked to do."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from errorbar.core.errors import SettingsError
from errorbar.rt.model.pool import PoolModel
from errorbar.rt.synth import ProductionSettings, StudySettings

__all__ = ["RareSettings", "ShiftSettings", "TailSettings"]

LEVELS = ("species", "cluster", "both")


@dataclass(frozen=True, slots=True)
class ShiftSettings:
    """The covariate-shift study: sizes of the generator, split, anchors, clusters and models.

    Runs up to the first of `percentiles` of far-ness train, the bins between them test. `anchors`
    are numbers of compounds of each test run whose times are known. Drift clusters are inferred
    from the standards for all methods, `n_clusters` of them (None for as many as the generator
    has), from the means of species or by a vote of their runs. The hierarchy has run effects
    (`"quick"`), and with `"full"` also slopes of compounds and classes if training finds that
    likelier.
    """

    anchors: tuple[int, ...] = (0, 3, 5)
    percentiles: tuple[float, ...] = (60, 70, 80, 90, 95, 100)
    seeds: tuple[int, ...] = (42, 43, 44, 45, 46)
    n_species: int = 20
    n_compounds: int = 60
    n_internal_standards: int = 10
    runs_per_species: int = 8
    fixed_runs_per_species_compound: int = 10
    species_gamma_sd: float = 0.1
    descriptors: bool = True
    clusters_by: Literal["species", "run"] = "species"
    n_clusters: int | None = None
    fit: Literal["quick", "full"] = "full"

    def __post_init__(self) -> None:
        _check_seeds(self.seeds)
        if (
            not self.anchors
            or self.anchors[0] != 0
            or list(self.anchors) != sorted(set(self.anchors))
        ):
            raise SettingsError(
                f"anchors={self.anchors} must rise from 0: anchors are judged against none."
            )
        if max(self.anchors) >= self.n_compounds:
            raise SettingsError(
                f"{max(self.anchors)} anchors of {self.n_compounds} compounds leave no row to test."
            )
        levels = self.percentiles
        if (
            len(levels) < 2
            or list(levels) != sorted(set(levels))
            or not (levels[0] > 0 and levels[-1] <= 100)
        ):
            raise SettingsError(f"percentiles={levels} must rise from above 0 to at most 100.")
        if self.clusters_by not in ("species", "run"):
            raise SettingsError(f"clusters_by={self.clusters_by!r} must be species or run.")
        if self.fit not in ("quick", "full"):
            raise SettingsError(f"fit={self.fit!r} must be quick or full.")
        clusters = self.generator.clusters if self.n_clusters is None else self.n_clusters
        if not 1 <= clusters <= self.n_species:
            raise SettingsError(
                f"n_clusters={clusters} must lie between 1 and n_species={self.n_species}."
            )

    @property
    def generator(self) -> StudySettings:
        """The generator's settings."""
        return StudySettings(
            n_species=self.n_species,
            n_compounds=self.n_compounds,
            n_internal_standards=self.n_internal_standards,
            runs_per_species=self.runs_per_species,
            fixed_runs_per_species_compound=self.fixed_runs_per_species_compound,
            species_gamma_sd=self.species_gamma_sd,
        )

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TailSettings:
    """Three ways to group peaks, scored in their tails: `model` is that of the pooled one.

    `test_share` of the runs test. `penalty` is that of both ridges. `cap` keeps at most so many
    random training rows of each species and compound. Rows are in bins by the training peaks of
    their pair of `support_of` and compound, the same for all.
    """

    test_share: float = 0.3
    seed: int = 0
    penalty: float = 3e-4
    cap: int | None = None
    support_of: Literal["species", "species_cluster"] = "species"
    model: PoolModel = field(default_factory=PoolModel)
    generator: ProductionSettings = field(default_factory=ProductionSettings)

    def __post_init__(self) -> None:
        _check_share("test_share", self.test_share)
        _check_seeds((self.seed,))
        if self.support_of not in ("species", "species_cluster"):
            raise SettingsError(f"support_of={self.support_of!r}: species or species_cluster.")
        if not self.penalty > 0:
            raise SettingsError(f"penalty={self.penalty:g} must be positive.")
        if self.cap is not None and self.cap < 1:
            raise SettingsError(f"cap={self.cap} leaves nothing to train with: at least 1.")

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RareSettings:
    """Do species-specific responses to chemistry help where a pair was hardly ever seen?

    A share `rare_share` of pairs keeps at most `most` training rows; `test_share` of the runs test.
    Arms are the model with covariates and descriptors, without descriptors, and with heads of each
    of `head_dims` components on each of `levels`, and a gate of each of `gate_ranks`. Without a
    table of one's own, tables are made with each of `species_theta_sd`, what descriptors' weights
    differ by between species. Heads are adopted where the 95 % interval of what they gain on rare
    pairs lies above zero, the gain is `least_gain` or more of the error, and fitting costs at most
    `most_cost` times as much.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    most: int = 2
    rare_share: float = 0.3
    test_share: float = 0.3
    head_dims: tuple[int, ...] = (4, 8)
    levels: tuple[str, ...] = LEVELS
    gate_ranks: tuple[int, ...] = (1,)
    species_theta_sd: tuple[float, ...] = (0.0, 0.1)
    model: PoolModel = field(default_factory=lambda: PoolModel(compound_slopes=True, classes=True))
    generator: StudySettings = field(default_factory=StudySettings)
    least_gain: float = 0.01
    most_cost: float = 10.0

    def __post_init__(self) -> None:
        _check_seeds(self.seeds)
        _check_share("test_share", self.test_share)
        _check_share("rare_share", self.rare_share)
        if self.most < 0:
            raise SettingsError(f"most={self.most} must be 0 or more rows.")
        if not self.head_dims or min(self.head_dims) < 1:
            raise SettingsError(f"head_dims={self.head_dims} must be one or more descriptors.")
        if not self.levels or not set(self.levels) <= set(LEVELS):
            raise SettingsError(f"levels={self.levels} must be of {', '.join(LEVELS)}.")
        if any(rank < 1 for rank in self.gate_ranks):
            raise SettingsError(f"gate_ranks={self.gate_ranks} must be 1 or more.")
        if not self.species_theta_sd or min(self.species_theta_sd) < 0:
            raise SettingsError(f"species_theta_sd={self.species_theta_sd} must be 0 or more.")
        if self.model.head_dims or self.model.gate_rank:
            raise SettingsError("the model is the one without heads: head_dims=0 and gate_rank=0.")

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def _check_seeds(seeds: tuple[int, ...]) -> None:
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise SettingsError(f"seeds={seeds} must be different whole numbers, 0 or more.")


def _check_share(name: str, share: float) -> None:
    if not 0 < share < 1:
        raise SettingsError(f"{name}={share:g} must lie between 0 and 1.")
