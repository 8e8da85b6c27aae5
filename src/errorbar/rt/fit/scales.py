r"""The scales of the model, and the short vector that the optimiser moves.

Every variance of the model is an entry of an array in `Scales`; each entry points to a coordinate
of the vector of logarithms of standard deviations, or is fixed. So the gradient with respect to
the vector is a sum over the entries that share a coordinate.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.rt.fit.layout import GATE, HEAD, OFFSET, SLOPE, STRETCH, Layout
from errorbar.rt.fit.statistics import GroupStatistics
from errorbar.rt.model.pool import PoolModel

__all__ = ["FIELDS", "Parameters", "ScaleGradient", "Scales", "parameters"]

FIELDS = ("noise", "between", "slope", "species", "parent", "compound", "theta", "klass", "run")
# The widths of priors that are not learned: the top's offset in minutes, everything else's.
TOP_OFFSET, TOP_OTHER, TOP_STRETCH = 10.0, 1.0, 1e-3
# What stands for "no scatter here", relative to where a scale starts. Much less would cost digits.
NOTHING = 1e-2
# How far the logarithm of one supercategory's or compound's scale departs from that of all, and
# of how many species a departure can be told.
DEPARTURE, LEAST_SPECIES = 0.5, 3


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """Variances. `slope` is the penalty where slopes are tied to the noise."""

    noise: Float[ndarray, " compounds"]
    between: Float[ndarray, " 1"]
    slope: Float[ndarray, "supercategories features"]
    species: Float[ndarray, "supercategories columns"]
    parent: Float[ndarray, " columns"]
    compound: Float[ndarray, " effects"]
    theta: Float[ndarray, " 1"]
    klass: Float[ndarray, " effects"]
    run: Float[ndarray, " 1"]
    tied: bool


# Derivatives with respect to the logarithm of each entry.
ScaleGradient = dict[str, ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """Named coordinates, what they move, and their priors.

    `index` gives each entry of each field its coordinate (-1: fixed at `fixed`), and `own` that of
    its own departure from what it shares (-1: none). A coordinate is
    the log of a standard deviation with a half-normal prior of scale `width`; where `width` is
    infinite its log has a normal prior of `centre` and `spread` instead.
    """

    names: tuple[str, ...]
    index: dict[str, Int[ndarray, "..."]]
    own: dict[str, Int[ndarray, "..."]]
    fixed: dict[str, Float[ndarray, "..."]]
    width: Float[ndarray, " coordinates"]
    centre: Float[ndarray, " coordinates"]
    spread: Float[ndarray, " coordinates"]
    start: Float[ndarray, " coordinates"]
    tied: bool
    floor: float = 0.0

    def scales(self, at: Float[ndarray, " coordinates"]) -> Scales:
        """The variances at a point."""
        values = {}
        for name in FIELDS:
            index = self.index[name]
            values[name] = np.where(index >= 0, np.exp(2 * at[index]), self.fixed[name])
            if name in self.own:
                values[name] *= np.where(self.own[name] >= 0, np.exp(2 * at[self.own[name]]), 1.0)
        values["noise"] = values["noise"] + self.floor**2
        return Scales(**values, tied=self.tied)

    def pull(self, at: ndarray, gradient: ScaleGradient) -> Float[ndarray, " coordinates"]:
        """The gradient with respect to the coordinates."""
        total = np.zeros(len(self.names))
        for name in FIELDS:
            index, change = self.index[name], gradient[name]
            if name == "noise":
                change = change * (1 - self.floor**2 / self.scales(at).noise)
            for places in (index, self.own.get(name)):
                if places is not None:
                    moving = places >= 0
                    np.add.at(total, places[moving], 2 * change[moving])
        return total

    def log_prior(self, at: ndarray) -> tuple[float, ndarray]:
        """The log density of the prior at a point, and its gradient."""
        half = np.isfinite(self.width)
        share = np.where(half, np.exp(2 * (at - np.log(self.width))), 0.0)
        normal = np.where(half, 0.0, (at - self.centre) / self.spread)
        constant = 0.5 * np.log(2 / np.pi) - np.log(self.width[half])
        value = -0.5 * share.sum() + at[half].sum() + constant.sum() - 0.5 * (normal**2).sum()
        value -= np.log(self.spread[~half] * np.sqrt(2 * np.pi)).sum()
        return float(value), np.where(half, 1.0 - share, -normal / self.spread)

    def named(self, at: ndarray) -> dict[str, float]:
        """Each coordinate's standard deviation (a penalty where it is one) by its name."""
        return {
            name: float(np.exp(2 * x if name.startswith("penalty") else x))
            for name, x in zip(self.names, at)
        }


class _Builder:
    """Coordinates as they are added."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.rows: list[tuple[float, float, float, float]] = []

    def half_normal(self, name: str, width: float, start: float) -> int:
        return self._add(name, (width, 0.0, 1.0, float(np.log(start))))

    def normal(self, name: str, centre: float, spread: float, start: float) -> int:
        return self._add(name, (np.inf, centre, spread, start))

    def _add(self, name: str, row: tuple[float, float, float, float]) -> int:
        self.names.append(name)
        self.rows.append(row)
        return len(self.names) - 1


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large things are in the data: what starts and priors of `"data"` are measured in."""

    noise: float
    between: float
    species: float
    compound: float
    covariate: float

    @classmethod
    def of(cls, statistics: GroupStatistics) -> Self:
        """Rough sizes by moments."""
        spare = np.maximum(statistics.count - 1, 0).sum()
        own = np.sqrt(statistics.syy.sum() / max(spare, 1))
        weight = np.minimum(statistics.total, 10.0)
        y = statistics.mean_y
        by_compound = np.bincount(statistics.compound, weight * y)
        by_compound /= np.bincount(statistics.compound, weight)
        rest = y - by_compound[statistics.compound]
        by_species = np.bincount(statistics.species, weight * rest)
        by_species /= np.bincount(statistics.species, weight)
        last = rest - by_species[statistics.species]
        tiny = 1e-6 * max(np.abs(y).max(), 1e-3)
        between = max(float(np.sqrt(np.average(last**2, weights=weight))), tiny)
        ranges = np.einsum("gpp->", statistics.sxx) / statistics.total.sum()
        ranges /= max(statistics.features, 1)
        return cls(
            covariate=float(np.sqrt(max(ranges, 1e-12))) if statistics.features else 1.0,
            noise=max(float(own), tiny) if spare else between,
            between=between,
            species=max(float(by_species.std()), tiny),
            compound=max(float(by_compound.std()), tiny),
        )


def parameters(
    statistics: GroupStatistics, layout: Layout, model: PoolModel, floor: float = 0.0
) -> Parameters:
    """The coordinates of a model, where they start and what is expected of them."""
    size, make = Sizes.of(statistics), _Builder()
    supers = layout.supercategories
    reference = model.priors == "reference"
    spread = max(size.compound, size.species, size.between)
    wide = 0.5 if reference else 2 * spread
    near = 0.5 if reference else 2 * max(size.species, size.between, size.noise)
    # Slopes move times by as much over the usual range of a covariate.
    steep = 0.5 if reference else near / size.covariate
    slope = size.noise / size.covariate
    size_z = max(float(layout.z.std()), 1e-9) if layout.z.size else 1.0
    index: dict[str, ndarray] = {}
    own: dict[str, ndarray] = {}
    fixed: dict[str, ndarray] = {}

    def still(name: str, values: ndarray) -> None:
        index[name], fixed[name] = np.full(np.shape(values), -1), np.asarray(values, np.float64)

    def moved(name: str, places: ndarray) -> None:
        index[name], fixed[name] = np.asarray(places), np.zeros(np.shape(places))

    compounds = len(layout.z)
    noise = max(np.sqrt(max(size.noise**2 - floor**2, 0.04 * size.noise**2)), 1e-9)
    at = make.half_normal("sigma", 0.05 if reference else 2 * size.noise, 0.7 * noise)
    moved("noise", np.full(compounds, at))
    if statistics.count.max() > 1:
        at = make.half_normal("tau_b", near, max(size.between, 0.3 * size.noise))
        moved("between", np.array([at]))
    else:
        # One row a pair cannot tell the pair's own scatter from noise: all of it is noise.
        still("between", np.array([(NOTHING * noise) ** 2]))
    _slopes(model, make, moved, still, statistics, size.covariate, steep, slope)

    columns = np.zeros((supers, layout.columns), dtype=np.int64) - 1
    quiet, departs = np.zeros((supers, layout.columns)), columns.copy()
    parent, parent_quiet = np.zeros(layout.columns, np.int64) - 1, np.zeros(layout.columns)
    first = max(size.species, 0.1 * size.between)
    for kind, name, width, start in (
        (OFFSET, "tau_mu", near, first),
        (SLOPE, "tau_w", steep, slope),
        (HEAD, "tau_head", wide, 0.1 * spread / size_z),
        (GATE, "tau_gate", steep, 0.3 * slope / size_z),
        (STRETCH, "", 0.0, 0.0),
    ):
        chosen = np.flatnonzero(layout.kind == kind)
        if not len(chosen):
            continue
        if kind == STRETCH:
            # Factors are found beside the linear model; here they stand still.
            quiet[:, chosen], parent_quiet[chosen] = TOP_STRETCH**2, TOP_STRETCH**2
            continue
        if kind in (HEAD, GATE):
            width = width / size_z
            by_level = {"species": (True, False), "cluster": (False, True), "both": (True, True)}
            low, high = by_level[model.head_level]
            if low:
                columns[:, chosen] = make.half_normal(f"{name}_species", width, start)
            else:
                quiet[:, chosen] = (NOTHING * start) ** 2
            if high:
                parent[chosen] = make.half_normal(f"{name}_cluster", width, start)
            else:
                parent_quiet[chosen] = (NOTHING * start) ** 2
            continue
        if not reference:
            # Few species say little of their own scatter: it departs from one for all of them.
            columns[:, chosen] = make.half_normal(name, width, start)
        for s in np.flatnonzero(np.bincount(layout.parent) >= (1 if reference else LEAST_SPECIES)):
            label = f"{name}[{statistics.supercategory_ids[s]}]"
            if reference:
                columns[s, chosen] = make.half_normal(label, width, start)
            else:
                departs[s, chosen] = make.normal(label, 0.0, DEPARTURE, 0.0)
        parent[chosen] = make.half_normal(f"{name}_sup", width, start)
    index["species"], fixed["species"] = columns, quiet
    index["parent"], fixed["parent"] = parent, parent_quiet
    own["species"] = departs

    effect = np.zeros(layout.effects, np.int64)
    effect[0] = make.half_normal("tau_comp", wide, size.compound)
    if layout.effects > 1:
        effect[1:] = make.half_normal("tau_comp_slope", steep, slope)
    moved("compound", effect)
    if layout.z.shape[1] and model.theta == "learned":
        start = 0.3 * size.compound / (size_z * np.sqrt(layout.z.shape[1]))
        moved("theta", np.array([make.half_normal("tau_theta", 10 * start, start)]))
    else:
        still("theta", np.array([1.0]))
    if len(layout.class_ids):
        klass = np.zeros(layout.effects, np.int64)
        klass[0] = make.half_normal("tau_class", wide, 0.5 * size.compound)
        if layout.effects > 1:
            klass[1:] = make.half_normal("tau_class_slope", steep, slope)
        moved("klass", klass)
    else:
        still("klass", np.ones(layout.effects))
    if model.run_effect:
        moved("run", np.array([make.half_normal("tau_run", wide, 0.3 * size.noise)]))
    else:
        still("run", np.array([1.0]))
    if model.noise == "compound":
        names = (f"noise[{each}]" for each in statistics.compound_ids)
        own["noise"] = np.array([make.normal(name, 0.0, DEPARTURE, 0.0) for name in names])
    rows = np.array(make.rows)
    return Parameters(
        names=tuple(make.names),
        index=index,
        own=own,
        fixed=fixed,
        width=rows[:, 0],
        centre=rows[:, 1],
        spread=rows[:, 2],
        start=rows[:, 3],
        tied=model.slope_variance == "tied",
        floor=floor,
    )


def _slopes(model, make, moved, still, statistics, covariate, steep, slope) -> None:
    """Coordinates of the slopes about their head."""
    supers, features = len(statistics.supercategory_ids), statistics.features
    if not features:
        still("slope", np.ones((supers, 0)))
        return
    if (value := model.fixed_penalty) is not None:
        still("slope", np.full((supers, features), value))
        return
    shape = {"all": (1, 1), "feature": (1, features), "supercategory": (supers, 1)}
    count = int(np.prod(shape[model.penalty_by]))
    names = {
        "all": [""],
        "feature": [f"[{name}]" for name in statistics.feature_names],
        "supercategory": [f"[{each}]" for each in statistics.supercategory_ids],
    }[model.penalty_by]
    if model.slope_variance == "free":
        places = [make.half_normal(f"tau_slope{names[i]}", steep, slope) for i in range(count)]
    else:
        # Slopes that move times by half the noise over the usual range of a covariate; half of the
        # log of the penalty, so that it is a coordinate like the others.
        start = float(np.log(2 * covariate))
        places = [make.normal(f"penalty{names[i]}", start, 2.5, start) for i in range(count)]
    grid = np.array(places).reshape(shape[model.penalty_by])
    moved("slope", np.broadcast_to(grid, (supers, features)).copy())
