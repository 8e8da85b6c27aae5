"""The covariate-shift study's generator: species whose runs drift in clusters.

Every species is measured in a few runs whose internal standards are shifted by the species' drift
cluster, by the species, by three common factors and by the run; every pair of species and compound
is measured a fixed number of times, so that no pair is favoured. Beside each peak stand satellites
(adducts, fragments, isotopes) that share its time up to .08 min. The same shift of a run acts on
its standards and on all its times.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from numpy.random import Generator
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError
from errorbar.rt.data import Chemistry, Peaks
from errorbar.rt.synth.truth import Scales, Table, Truth

__all__ = ["StudySettings", "StudyTable", "study_table"]


@dataclass(frozen=True, slots=True)
class StudySettings:
    """Sizes and standard deviations of the study, in minutes; None for a default by size.

    `fixed_runs_per_species_compound` is how many peaks a pair has before satellites, spread evenly
    over the runs of its species. `satellites` is the mean number of further rows of each. Slopes
    of a compound are `slope_scale` times a part of its class and a part of its own;
    `species_gamma_sd` is what each species adds to them. With `species_theta_sd` each species also
    weighs descriptors in its own way, which `Scales` do not tell.
    """

    n_species: int = 20
    n_compounds: int = 60
    runs_per_species: int = 8
    fixed_runs_per_species_compound: int = 10
    n_internal_standards: int = 10
    n_clusters: int | None = None
    n_classes: int = 8
    n_descriptors: int = 20
    cluster_sd: float = 1.0
    species_sd: float = 0.7
    compound_sd: float = 0.6
    theta_sd: float = 0.16
    sigma_y: float = 0.4
    satellites: float = 1.9
    satellite_range: float = 0.08
    slope_scale: float = 0.4
    class_gamma_sd: float = 0.35
    compound_gamma_sd: float = 0.12
    species_gamma_sd: float = 0.1
    species_theta_sd: float = 0.0
    is_cluster_sd: float = 0.25
    is_species_sd: float = 0.2
    is_factor_sd: float = 0.3
    is_factors: int = 3
    is_species_range: float = 0.5
    run_shift_sd: float = 0.08
    is_noise_sd: float = 0.06

    def __post_init__(self) -> None:
        for name in ("n_species", "n_compounds", "runs_per_species", "n_internal_standards"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name}={getattr(self, name)} must be at least one.")
        if self.fixed_runs_per_species_compound < 1:
            raise SettingsError("fixed_runs_per_species_compound must be at least one peak.")
        if not 1 <= self.clusters <= self.n_species:
            raise SettingsError(
                f"n_clusters={self.clusters} must lie between 1 and n_species={self.n_species}."
            )

    @property
    def clusters(self) -> int:
        """How many drift clusters there are."""
        return self.n_clusters or min(8, self.n_species // 5 + 1)


@dataclass(frozen=True, slots=True, eq=False)
class StudyTable(Table):
    """A study's table. `run_species` is the species of each run, `peak` what satellites share."""

    run_species: Int[ndarray, " runs"]
    peak: Int[ndarray, " rows"]


def study_table(settings: StudySettings | None = None, seed: int = 42) -> StudyTable:
    """The study's peaks; their supercategories are the true drift clusters of the species."""
    settings = settings or StudySettings()
    rng = np.random.default_rng(seed)
    S, K, R = settings.n_species, settings.n_compounds, settings.runs_per_species
    cluster = rng.permutation(np.arange(S) % settings.clusters)
    run_species = np.repeat(np.arange(S), R)
    base, covariates, shift = _runs(settings, cluster, run_species, rng)
    chemistry = _chemistry(settings, rng)
    centre = float(rng.uniform(5, 11))
    weights = rng.normal(0, settings.theta_sd, settings.n_descriptors)
    level = centre + rng.normal(0, settings.cluster_sd, settings.clusters)
    species = level[cluster] + rng.normal(0, settings.species_sd, S)
    compound = chemistry.of(np.arange(K)) @ weights + rng.normal(0, settings.compound_sd, K)
    # A stream of its own, so that all else is the same with and without it.
    own = np.random.default_rng((seed, 1)).normal(size=(S, settings.n_descriptors))
    chemical = settings.species_theta_sd * own @ chemistry.of(np.arange(K)).T
    truth = Truth(
        scales=_scales(settings, centre),
        parent=cluster,
        intercept=species[:, None] + compound + chemical,
        slopes=_slopes(settings, chemistry.compound_class, rng),
        weights=weights,
        feature_centre=base,
        run_shift=shift,
    )
    peaks, peak = _observe(settings, truth, chemistry, covariates, rng)
    return StudyTable(peaks, chemistry, truth, run_species, peak)


def _runs(
    settings: StudySettings, cluster: NDArray[np.int64], of: NDArray[np.int64], rng: Generator
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float64]]:
    """The standards' usual times, their times in each run, and the runs' shifts."""
    P, S, runs = settings.n_internal_standards, settings.n_species, len(of)
    base = rng.uniform(2, 15, P)
    groups = rng.normal(0, settings.is_cluster_sd, (settings.clusters, P))
    own = rng.normal(0, settings.is_species_sd, (S, P))
    own += rng.uniform(-settings.is_species_range, settings.is_species_range, (S, 1))
    loadings = rng.normal(size=(settings.is_factors, P)) / settings.is_factors**0.5
    factors = rng.normal(0, settings.is_factor_sd, (runs, settings.is_factors))
    shift = rng.normal(0, settings.run_shift_sd, runs)
    covariates = base + groups[cluster][of] + own[of] + factors @ loadings + shift[:, None]
    covariates += rng.normal(0, settings.is_noise_sd, (runs, P))
    return base, covariates.astype(np.float32), shift


def _chemistry(settings: StudySettings, rng: Generator) -> Chemistry:
    """Descriptors of unit variance, half of it between classes."""
    K, D = settings.n_compounds, settings.n_descriptors
    label = rng.permutation(np.arange(K) % settings.n_classes)
    values = (rng.normal(size=(settings.n_classes, D))[label] + rng.normal(size=(K, D))) / 2**0.5
    return Chemistry(np.arange(K), values, tuple(f"z{d:02d}" for d in range(D)), label)


def _slopes(
    settings: StudySettings, label: NDArray[np.int64], rng: Generator
) -> NDArray[np.float64]:
    S, K, P = settings.n_species, settings.n_compounds, settings.n_internal_standards
    of_class = rng.normal(0, settings.class_gamma_sd, (settings.n_classes, P))
    own = of_class[label] + rng.normal(0, settings.compound_gamma_sd, (K, P))
    return settings.slope_scale * own + rng.normal(0, settings.species_gamma_sd, (S, 1, P))


def _observe(
    settings: StudySettings,
    truth: Truth,
    chemistry: Chemistry,
    covariates: NDArray[np.float32],
    rng: Generator,
) -> tuple[Peaks, NDArray[np.int64]]:
    S, K, R = settings.n_species, settings.n_compounds, settings.runs_per_species
    each = settings.fixed_runs_per_species_compound
    species = np.repeat(np.arange(S), K * each)
    compound = np.tile(np.repeat(np.arange(K), each), S)
    # Every run of the species in turn, beginning anew once all have been taken.
    turns = rng.permuted(np.tile(np.arange(R), (S * K, -(-each // R), 1)), axis=2)
    run = species * R + turns.reshape(S * K, -1)[:, :each].ravel()
    rt = truth.intercept[species, compound] + truth.run_shift[run]
    rt += np.einsum(
        "rp,rp->r", covariates[run] - truth.feature_centre, truth.slopes[species, compound]
    )
    rt += rng.normal(0, settings.sigma_y, len(rt))

    peak = np.repeat(np.arange(len(rt)), 1 + rng.poisson(settings.satellites, len(rt)))
    beside = rng.uniform(-settings.satellite_range, settings.satellite_range, len(peak))
    beside[np.diff(peak, prepend=-1) > 0] = 0.0
    order = np.argsort(run[peak], kind="stable")
    peak, beside = peak[order], beside[order]
    species, compound, run = species[peak], compound[peak], run[peak]
    runs = np.arange(S * R)
    peaks = Peaks(
        rt=rt[peak] + beside,
        covariates=covariates[run],
        species=species,
        supercategory=truth.parent[species],
        compound=compound,
        run=run,
        chem_id=1 + compound,
        compound_class=chemistry.compound_class[compound],
        rows=np.arange(len(peak)),
        feature_names=tuple(sorted(f"IS{j + 1}" for j in range(settings.n_internal_standards))),
        run_keys=np.stack([runs // R, 0 * runs, runs % R], axis=1),
    )
    return peaks, peak


def _scales(settings: StudySettings, centre: float) -> Scales:
    """Satellites stand at a uniform distance, so their noise is its standard deviation."""
    return Scales(
        centre=centre,
        supercategory=settings.cluster_sd,
        species=np.full(settings.clusters, settings.species_sd),
        descriptor=settings.theta_sd,
        compound=settings.compound_sd,
        pair=0.0,
        slope_mean=0.0,
        slope_supercategory=0.0,
        slope_species=settings.species_gamma_sd,
        slope_class=settings.slope_scale * settings.class_gamma_sd,
        slope_compound=settings.slope_scale * settings.compound_gamma_sd,
        slope_pair=0.0,
        run=settings.run_shift_sd,
        replicate=settings.sigma_y,
        noise=np.full(settings.n_compounds, settings.satellite_range / 3**0.5),
    )
