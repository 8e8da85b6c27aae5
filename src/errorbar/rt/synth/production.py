"""Tables such as a laboratory's production yields: many pairs, most of them seen a few times."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.random import Generator
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError
from errorbar.rt.data import Chemistry, Peaks
from errorbar.rt.synth.truth import Scales, Table, Truth

__all__ = ["LARGE", "Draw", "ProductionSettings", "draw_parameters", "observe", "production_table"]

# Standards drift together, in this many ways.
FACTORS = 3


@dataclass(frozen=True, slots=True)
class ProductionSettings:
    """Sizes and scales of a production-like table; times in minutes.

    Peaks of a pair are Pareto distributed with median `support` and exponent `tail`, at most one
    for each of the `runs_per_species`. `drift` and `wobble` are what standards vary by together
    and each alone. `slope_pair` is the noise over the root of the slopes' ridge penalty, here
    .03. `noise_spread` is the log-sd of compounds' noise around `noise`, `freedom` makes noise
    Student-t, `quantum` rounds times, `run_sd` shifts whole runs.
    """

    species: int = 40
    supercategories: int = 8
    compounds: int = 150
    pairs: int = 3_633
    features: int = 10
    descriptors: int = 20
    classes: int = 8
    runs_per_species: int = 44
    support: float = 3.0
    tail: float = 1.1
    centre: float = 5.0
    supercategory_sd: float = 0.05
    species_sd: float = 0.03
    descriptor_sd: float = 0.2
    compound_sd: float = 0.4
    pair_sd: float = 0.02
    slope_mean_sd: float = 0.1
    slope_supercategory_sd: float = 0.02
    slope_species_sd: float = 0.01
    slope_pair_sd: float = 0.004 / 0.03**0.5
    run_sd: float = 0.0
    noise: float = 0.004
    noise_spread: float = 0.0
    freedom: float = np.inf
    quantum: float = 0.0
    drift: float = 0.15
    wobble: float = 0.03

    def __post_init__(self) -> None:
        if not self.compounds <= self.pairs <= self.species * self.compounds:
            raise SettingsError(
                f"pairs={self.pairs} must lie between compounds={self.compounds} and "
                f"{self.species * self.compounds}, all pairs of {self.species} species with them."
            )
        if self.supercategories > self.species:
            raise SettingsError(
                f"supercategories={self.supercategories} cannot outnumber species={self.species}."
            )
        if not self.freedom > 2:
            raise SettingsError(f"freedom={self.freedom:g} must be above 2: noise has a variance.")


# 459 thousand rows of 15,470 pairs with 20 standards, for timings.
LARGE = ProductionSettings(
    species=60, compounds=884, pairs=15_470, features=20, runs_per_species=100, support=17, tail=1.0
)


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """Parameters, descriptors, runs and observed pairs of a table before any peak is drawn.

    Run `r` belongs to species `r // runs_per_species`. `weights` say how often a pair is seen
    relative to the others.
    """

    truth: Truth
    chemistry: Chemistry
    covariates: Float[ndarray, "runs features"]
    pair_species: Int[ndarray, " pairs"]
    pair_compound: Int[ndarray, " pairs"]
    weights: Float[ndarray, " pairs"]


def production_table(
    settings: ProductionSettings | None = None, seed: int = 0, *, shuffle: bool = False
) -> Table:
    """A table in memory: its rows in order of runs and compounds, or shuffled.

    The default has about 23 thousand rows, `LARGE` 459 thousand.
    """
    settings = settings or ProductionSettings()
    draw_rng, row_rng = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    draw = draw_parameters(settings, draw_rng)
    support = np.clip(np.floor(draw.weights), 1, settings.runs_per_species).astype(np.int64)
    # The first `support` of a random order of the species' runs: no run twice.
    order = np.argsort(row_rng.random((len(support), settings.runs_per_species)), axis=1)
    pair, place = np.nonzero(np.arange(settings.runs_per_species) < support[:, None])
    run = draw.pair_species[pair] * settings.runs_per_species + order[pair, place]
    sort = np.lexsort((draw.pair_compound[pair], run))
    if shuffle:
        sort = row_rng.permutation(sort)
    peaks = observe(draw, settings, pair[sort], run[sort], row_rng)
    return Table(peaks=peaks, chemistry=draw.chemistry, truth=draw.truth)


def draw_parameters(settings: ProductionSettings, rng: Generator) -> Draw:
    """Everything but the peaks."""
    S, K, P = settings.species, settings.compounds, settings.features
    parent = rng.permutation(np.arange(S) % settings.supercategories)
    chemistry = _chemistry(settings, rng)
    weights = rng.normal(0, settings.descriptor_sd, settings.descriptors)
    level = settings.centre + rng.normal(0, settings.supercategory_sd, settings.supercategories)
    species = level[parent] + rng.normal(0, settings.species_sd, S)
    compound = chemistry.of(np.arange(K)) @ weights + rng.normal(0, settings.compound_sd, K)
    intercept = species[:, None] + compound + rng.normal(0, settings.pair_sd, (S, K))

    mean = rng.normal(0, settings.slope_mean_sd, P)
    above = mean + rng.normal(0, settings.slope_supercategory_sd, (settings.supercategories, P))
    own = above[parent] + rng.normal(0, settings.slope_species_sd, (S, P))
    slopes = own[:, None, :] + rng.normal(0, settings.slope_pair_sd, (S, K, P))

    runs = S * settings.runs_per_species
    base = rng.uniform(2, 15, P)
    together = rng.normal(size=(runs, FACTORS)) @ rng.normal(size=(FACTORS, P)) / FACTORS**0.5
    covariates = base + settings.drift * together + rng.normal(0, settings.wobble, (runs, P))
    noise = settings.noise * np.exp(settings.noise_spread * rng.normal(size=K))
    pair_species, pair_compound = _pairs(settings, rng)
    least = (settings.support + 0.5) / 2 ** (1 / settings.tail)
    truth = Truth(
        scales=_scales(settings, noise),
        parent=parent,
        intercept=intercept,
        slopes=slopes,
        weights=weights,
        feature_centre=base,
        run_shift=rng.normal(size=runs) * settings.run_sd,
    )
    return Draw(
        truth=truth,
        chemistry=chemistry,
        covariates=covariates.astype(np.float32),
        pair_species=pair_species,
        pair_compound=pair_compound,
        weights=least * (1 - rng.random(settings.pairs)) ** (-1 / settings.tail),
    )


def observe(
    draw: Draw,
    settings: ProductionSettings,
    pair: NDArray[np.int64],
    run: NDArray[np.int64],
    rng: Generator,
    first_row: int = 0,
) -> Peaks:
    """Peaks of these pairs in these runs, a pair and a run for each row."""
    truth = draw.truth
    species, compound = draw.pair_species[pair], draw.pair_compound[pair]
    covariates = draw.covariates[run]
    rt = truth.intercept[species, compound] + truth.run_shift[run]
    shift = covariates - truth.feature_centre
    rt += np.einsum("rp,rp->r", shift, truth.slopes[species, compound])
    error = rng.normal(size=len(pair))
    if np.isfinite(settings.freedom):
        error /= np.sqrt(rng.chisquare(settings.freedom, len(pair)) / settings.freedom)
    rt += truth.scales.noise[compound] * error
    if settings.quantum:
        rt = np.round(rt / settings.quantum) * settings.quantum
    runs = np.arange(len(draw.covariates))
    each = settings.runs_per_species
    return Peaks(
        rt=rt,
        covariates=covariates,
        species=species,
        supercategory=truth.parent[species],
        compound=compound,
        run=run,
        # Every other compound shares its chemical with the one before, as library entries do.
        chem_id=1 + compound // 2,
        compound_class=draw.chemistry.compound_class[compound],
        rows=np.arange(first_row, first_row + len(pair)),
        feature_names=tuple(sorted(f"IS_{j + 1}" for j in range(settings.features))),
        run_keys=np.stack([runs // each, 0 * runs, runs % each], axis=1),
    )


def _chemistry(settings: ProductionSettings, rng: Generator) -> Chemistry:
    """Descriptors of unit variance, half of it between classes."""
    K, D = settings.compounds, settings.descriptors
    label = rng.integers(settings.classes, size=K)
    values = (rng.normal(size=(settings.classes, D))[label] + rng.normal(size=(K, D))) / 2**0.5
    names = tuple(f"z{d:02d}" for d in range(D))
    return Chemistry(np.arange(K), values, names, label)


def _pairs(
    settings: ProductionSettings, rng: Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which pairs are observed: each compound somewhere, the others anywhere."""
    K = settings.compounds
    first = rng.integers(settings.species, size=K) * K + np.arange(K)
    rest = np.setdiff1d(np.arange(settings.species * K), first)
    more = rng.choice(rest, settings.pairs - K, replace=False)
    chosen = np.sort(np.concatenate([first, more]))
    return chosen // K, chosen % K


def _scales(settings: ProductionSettings, noise: NDArray[np.float64]) -> Scales:
    return Scales(
        centre=settings.centre,
        supercategory=settings.supercategory_sd,
        species=np.full(settings.supercategories, settings.species_sd),
        descriptor=settings.descriptor_sd,
        compound=settings.compound_sd,
        pair=settings.pair_sd,
        slope_mean=settings.slope_mean_sd,
        slope_supercategory=settings.slope_supercategory_sd,
        slope_species=settings.slope_species_sd,
        slope_class=0.0,
        slope_compound=0.0,
        slope_pair=settings.slope_pair_sd,
        run=settings.run_sd,
        replicate=0.0,
        noise=noise,
        freedom=settings.freedom,
        quantum=settings.quantum,
    )
