r"""Times of any row: pairs that were seen, and species, compounds or pairs that never were.

One formula serves all. A pair's coefficients are expected at $M_k v_c + L a_k$; where the pair was
seen they follow that centre by $S R S^{-1}$ only, the rest is their own rows' doing; where it was
not, they scatter about it by $T$. A species without rows is its supercategory's with the scatter
of species there, a supercategory without rows is the top's with that of supercategories too, and a
compound without rows is what its descriptors and class say, with the scatter of compounds.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numba import njit
from numpy import ndarray

from errorbar.rt.data import Peaks
from errorbar.rt.data.keys import find_places, pair_keys
from errorbar.rt.fit.gaps import Filled, fill_gaps
from errorbar.rt.fit.layout import STRETCH, Layout, maps_of
from errorbar.rt.fit.marginal import species_blocks
from errorbar.rt.fit.run import PoolFit
from errorbar.rt.model.times import Times, blend, known_codes

__all__ = ["Pairs", "Predictor"]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """What is known of the coefficients of some pairs.

    `mean` and `covariance` are theirs, `noise` the variance of one row about them, `known` a place
    in `KNOWN`, `support` the rows that the pair was seen with.
    """

    mean: Float[ndarray, "pairs coefficients"]
    covariance: Float[ndarray, "pairs coefficients coefficients"]
    noise: Float[ndarray, " pairs"]
    known: Int[ndarray, " pairs"]
    support: Int[ndarray, " pairs"]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Distinct pairs by their places; -1 where there is none. `ids` are species and compound."""

    ids: ndarray
    group: ndarray
    species: ndarray
    parent: ndarray
    compound: ndarray
    z: ndarray
    klass: ndarray
    described: ndarray
    maps: ndarray | None


class Predictor:
    """Predicts rows from a fit; what all rows share is computed once."""

    def __init__(self, fit: PoolFit) -> None:
        self.fit = fit
        self._blocks = species_blocks(fit.layout, fit.known.covariance)
        noise = fit.known.scales.noise
        # A compound without rows: the typical noise, from a log-normal spread of those seen.
        self._usual_noise = float(np.exp(np.log(noise).mean()))

    def times(self, peaks: Peaks) -> Times:
        """The times of rows whose runs are new."""
        pairs, which = self.pairs(peaks)
        mean, variance, noise = self.rows(peaks, pairs, which)
        noise = self.fit.errors(noise)
        sd, freedom = blend(variance + self.run_variance(), noise, self.fit.freedom)
        return Times(mean, sd, pairs.known[which], pairs.support[which], freedom)

    def rows(
        self, peaks: Peaks, pairs: Pairs | None = None, which: ndarray | None = None
    ) -> tuple[ndarray, ndarray, ndarray]:
        """Expected times, the variance of what is expected, and the variance of noise about it."""
        filled = self.covariates(peaks)
        if pairs is None or which is None:
            pairs, which = self.pairs(peaks)
        mean, variance = _rows(filled.x, which, pairs.mean, pairs.covariance)
        if not filled.complete:
            some = np.flatnonzero(filled.pattern)
            pair = which[some]
            slopes, unsure = pairs.mean[pair, 1:], pairs.covariance[pair, 1:, 1:]
            variance[some] += filled.select(some).variance(slopes, unsure)
        return mean + self.fit.statistics.centre_rt, variance, pairs.noise[which]

    def covariates(self, peaks: Peaks) -> Filled:
        """Centred covariates of rows, with what is expected of those that were not measured."""
        return fill_gaps(self.fit.statistics, self.fit.statistics.centred(peaks))

    def pairs(self, peaks: Peaks) -> tuple[Pairs, ndarray]:
        """What is known of the distinct pairs of a table, and which of them each row is of."""
        asked, which = self.asked(peaks)
        return self.knowledge(asked), which

    def asked(self, peaks: Peaks) -> tuple[Asked, ndarray]:
        """The distinct pairs of a table, and which of them each row is of."""
        groups = peaks.group(self.fit.statistics.group_col)
        triples = np.stack([groups, peaks.supercategory, peaks.compound], axis=1)
        distinct, first, which = np.unique(triples, axis=0, return_index=True, return_inverse=True)
        asked = self._asked(
            distinct[:, 0], distinct[:, 1], distinct[:, 2], peaks.compound_class[first]
        )
        return asked, which.reshape(-1)

    def run_variance(self) -> float:
        """The variance of a new run's effect."""
        return float(self.fit.known.scales.run[0]) if self.fit.model.run_effect else 0.0

    def _asked(
        self, species: ndarray, supercategory: ndarray, compound: ndarray, klass: ndarray
    ) -> Asked:
        fit, stats, layout = self.fit, self.fit.statistics, self.fit.layout
        place = find_places(stats.species_ids, species)
        parent = find_places(stats.supercategory_ids, supercategory)
        # A species that was seen is where it was seen.
        parent = np.where(place >= 0, layout.parent[place], parent)
        compound_place = find_places(stats.compound_ids, compound)
        group = find_places(stats.keys, pair_keys(species, compound))
        z = np.zeros((len(species), layout.z.shape[1]))
        described = np.ones(len(species), dtype=bool)
        if fit.chemistry is not None:
            z, described = fit.chemistry.of(compound), fit.chemistry.lists(compound)
            told = fit.chemistry.classes(compound)
            klass = np.where(told >= 0, told, klass)
        klass = find_places(layout.class_ids, klass)
        seen = compound_place >= 0
        klass[seen] = layout.klass[compound_place[seen]]
        maps = None
        if layout.maps is not None:
            score = self._scores(compound_place, z, klass)
            maps = maps_of(z, layout.kind, layout.drift, stats.features, score)
        ids = np.stack([species, compound], axis=1)
        return Asked(ids, group, place, parent, compound_place, z, klass, described, maps)

    def knowledge(self, asked: Asked) -> Pairs:
        """Means and covariances of the coefficients."""
        fit, layout, known = self.fit, self.fit.layout, self.fit.known
        effects, size = layout.effects, layout.coefficients
        vector, spread, cross = self._species(asked)
        effect, own = self._compounds(asked)
        if asked.maps is None:
            mean, covariance, across = vector, spread, cross
        else:
            mean = np.einsum("pqb,pb->pq", asked.maps, vector)
            turned = asked.maps.transpose(0, 2, 1)
            covariance = np.matmul(np.matmul(asked.maps, spread), turned)
            across = np.matmul(asked.maps, cross)
        mean, covariance = mean.copy(), covariance.copy()
        load = self.load(asked)[:, None, None]
        mean[:, :effects] += load[:, :, 0] * effect
        covariance[:, :, :effects] += load * across
        covariance[:, :effects, :] += load * across.transpose(0, 2, 1)
        covariance[:, :effects, :effects] += load**2 * own
        noise = self.noise(asked)
        fresh = asked.group < 0
        prior = self.scatter(asked, noise)
        every = np.arange(size)
        covariance[np.ix_(fresh, every, every)] += prior[fresh, :, None] * np.eye(size)
        seen = np.flatnonzero(~fresh)
        group = asked.group[seen]
        root = np.sqrt(known.prior[group])
        mean[seen] = known.own[group]
        covariance[seen] = known.shrink[group] * (root[:, :, None] * root[:, None, :])
        covariance[seen] += known.spread[group]
        kinds = known_codes(
            pair=asked.group >= 0, species=asked.species >= 0, compound=asked.compound >= 0
        )
        support = np.zeros(len(noise), dtype=np.int64)
        support[seen] = fit.support[group]
        return Pairs(mean, covariance, noise, kinds, support)

    def load(self, asked: Asked) -> ndarray:
        """By what factor pairs follow their compounds."""
        stretch = self.fit.layout.stretch
        if stretch is None:
            return np.ones(len(asked.species))
        return 1 + stretch.of(asked.species, asked.parent)

    def _scores(self, compound: ndarray, z: ndarray, klass: ndarray) -> ndarray | None:
        """The working offsets of compounds; of unseen ones what is said of them."""
        layout, core = self.fit.layout, self.fit.known.core
        if layout.stretch is None:
            return None
        score = layout.stretch.score[compound]
        for at in np.flatnonzero(compound < 0):
            places, weights = unseen_compound(layout, z[at], int(klass[at]))
            score[at] = core[places] @ weights[:, 0]
        return score

    def noise(self, asked: Asked) -> ndarray:
        """The variance of one row's noise."""
        own = self.fit.known.scales.noise[asked.compound]
        return np.where(asked.compound >= 0, own, self._usual_noise)

    def scatter(self, asked: Asked, noise: ndarray) -> ndarray:
        """The variances of pairs' own coefficients about their centre."""
        scales = self.fit.known.scales
        prior = np.empty((len(noise), self.fit.layout.coefficients))
        prior[:, 0] = scales.between[0]
        known = asked.parent[:, None] >= 0
        slope = np.where(known, scales.slope[asked.parent], scales.slope.mean(axis=0))
        prior[:, 1:] = noise[:, None] / slope if scales.tied else slope
        return prior

    def unseen_species(self, asked: Asked) -> ndarray:
        """The variances of species vectors about what stands for them; zero where they are seen."""
        scales = self.fit.known.scales
        known = asked.parent[:, None] >= 0
        above = scales.species.mean(axis=0) + scales.parent
        extra = np.where(known, scales.species[asked.parent], above)
        layout = self.fit.layout
        if layout.stretch is not None:
            extra[:, layout.kind == STRETCH] = layout.stretch.spread
        return np.where(asked.species[:, None] >= 0, 0.0, extra)

    def unseen_compounds(self, asked: Asked) -> ndarray:
        """The variances of unseen compounds' effects about what is said of them.

        Where no class is known that of classes comes in, and where no descriptors are, what they
        would have said.
        """
        layout, known, scales = self.fit.layout, self.fit.known, self.fit.known.scales
        total = np.tile(scales.compound, (len(asked.compound), 1))
        if len(layout.class_ids):
            total[asked.klass < 0] += scales.klass
        if self.fit.chemistry is not None and layout.z.shape[1]:
            theta = known.core[layout.offsets[2] : layout.offsets[3]]
            values = self.fit.chemistry.values
            total[~asked.described, 0] += float(np.var(values @ theta))
        return total

    def _species(self, asked: Asked) -> tuple[ndarray, ndarray, ndarray]:
        """Each pair's species vector, its covariance, and that with the compound's effect."""
        layout, known = self.fit.layout, self.fit.known
        columns = layout.columns
        first = self.first(asked.species, asked.parent)
        places = first[:, None] + np.arange(columns)
        vector = known.core[places]
        spread = np.empty((len(first), columns, columns))
        seen = asked.species >= 0
        spread[seen] = self._blocks[asked.species[seen]]
        for at in np.unique(first[~seen]):
            block = known.covariance[at : at + columns, at : at + columns]
            spread[~seen & (first == at)] = block
        extra = self.unseen_species(asked)
        spread = spread + extra[:, :, None] * np.eye(columns)
        cross = np.zeros((len(first), columns, layout.effects))
        _cross(
            first, asked.compound, asked.z, asked.klass, columns, np.array(layout.offsets),
            known.covariance, known.reach_places, known.reach_rows, known.reach_starts, cross,
        )  # fmt: skip
        return vector, spread, cross

    def first(self, species: ndarray, parent: ndarray) -> ndarray:
        """Where in the core the vector of a species, or of what stands for it, begins."""
        one, two = self.fit.layout.offsets[:2]
        columns = self.fit.layout.columns
        above = np.where(parent >= 0, one + parent * columns, two)
        return np.where(species >= 0, species * columns, above)

    def _compounds(self, asked: Asked) -> tuple[ndarray, ndarray]:
        """Each pair's compound effect, and its variance."""
        layout, known = self.fit.layout, self.fit.known
        effects = layout.effects
        effect = np.zeros((len(asked.compound), effects))
        own = np.zeros((len(asked.compound), effects, effects))
        seen = asked.compound >= 0
        effect[seen] = known.effect[asked.compound[seen]]
        own[seen] = known.effect_covariance[asked.compound[seen]]
        for at in np.flatnonzero(~seen):
            places, weights = unseen_compound(layout, asked.z[at], int(asked.klass[at]))
            effect[at] = known.core[places] @ weights
            own[at] = weights.T @ known.covariance[np.ix_(places, places)] @ weights
        own[~seen] += self.unseen_compounds(asked)[~seen, :, None] * np.eye(effects)
        return effect, own


def unseen_compound(layout: Layout, z: ndarray, klass: int) -> tuple[ndarray, ndarray]:
    """Where in the core, and with what weights, a compound without rows is described."""
    _, _, theta, classes, _ = layout.offsets
    places = np.arange(theta, classes)
    weights = np.zeros((len(places), layout.effects))
    weights[:, 0] = z
    if klass < 0:
        return places, weights
    own = classes + klass * layout.effects + np.arange(layout.effects)
    return np.r_[places, own], np.concatenate([weights, np.eye(layout.effects)])


@njit(cache=True, nogil=True)
def _cross(
    first, compound, z, klass, columns, offsets, covariance, places, rows, starts, cross
):  # fmt: skip
    """Covariance of each species vector with its compound's effect."""
    effects = cross.shape[2]
    for p in range(len(first)):
        k = compound[p]
        for i in range(columns):
            source = covariance[first[p] + i]
            if k >= 0:
                for at in range(starts[k], starts[k + 1]):
                    value = source[places[at]]
                    for a in range(effects):
                        cross[p, i, a] -= value * rows[at, a]
                continue
            for d in range(z.shape[1]):
                cross[p, i, 0] += source[offsets[2] + d] * z[p, d]
            if klass[p] >= 0:
                for a in range(effects):
                    cross[p, i, a] += source[offsets[3] + klass[p] * effects + a]


@njit(cache=True, nogil=True)
def _rows(x, which, mean, covariance):
    """Means and variances of b + x'w."""
    rows, features = x.shape
    centre, variance = np.empty(rows), np.empty(rows)
    for i in range(rows):
        p = which[i]
        value, total = mean[p, 0], covariance[p, 0, 0]
        for a in range(features):
            value += x[i, a] * mean[p, a + 1]
            part = 2 * covariance[p, 0, a + 1] + x[i, a] * covariance[p, a + 1, a + 1]
            for b in range(a):
                part += 2 * x[i, b] * covariance[p, a + 1, b + 1]
            total += x[i, a] * part
        centre[i] = value
        variance[i] = total
    return centre, variance
