r"""Factors by which species follow their compounds' offsets.

$(1 + \rho_c)\, a_k$ is a product, and the model is linear only in one of its parts. So the two are
found in turn: given the factors, offsets and everything else by the exact solve; given the
posterior of the offsets, each species' factor by the regression of its times on them, in which a
second moment counts what is not known of an offset (expectation-maximisation, as in factor
analysis). Factors scatter about their supercategory's, and those about one. Only the product is
seen: the mean factor over groups is one.
"""

import numpy as np
from numpy import ndarray

from errorbar.rt.fit.layout import Layout, Stretch
from errorbar.rt.fit.run import PoolFit

__all__ = ["stretched"]

START = 0.1
PASSES = 20


def stretched(fit: PoolFit) -> Stretch:
    """The factors that follow from a fit at the last ones."""
    layout, known = fit.layout, fit.known
    offset, unsure = known.effect[:, 0], known.effect_covariance[:, 0, 0]
    level = _levels(fit) + layout.load * offset[layout.compound]
    weight = 1.0 / (known.prior[:, 0] + known.noise / fit.statistics.total)
    factor, precision = _regress(layout, level, offset, unsure, weight)
    species, parent, spread = _pool(layout, factor, precision)
    scale = float(np.average(species[layout.species], weights=fit.statistics.total))
    return Stretch(
        score=offset * scale,
        species=species / scale - 1,
        parent=parent / scale - 1,
        top=1 / scale - 1,
        spread=spread / scale**2,
    )


def _levels(fit: PoolFit) -> ndarray:
    """What is left of each group's mean time beyond where its coefficients are centred."""
    known, statistics = fit.known, fit.statistics
    x = np.c_[np.ones(statistics.groups), statistics.mean_x]
    return statistics.mean_y - np.einsum("gp,gp->g", x, known.centre)


def _regress(
    layout: Layout, level: ndarray, offset: ndarray, unsure: ndarray, weight: ndarray
) -> tuple[ndarray, ndarray]:
    """Each species' factor by least squares beside a level of its own, and its precision."""
    count = len(layout.parent)
    a, v = offset[layout.compound], unsure[layout.compound]

    def total(values: ndarray) -> ndarray:
        return np.bincount(layout.species, weight * values, minlength=count)

    one, mean = total(np.ones(len(a))), total(a)
    square = total(a * a + v) - mean**2 / one
    cross = total(a * level) - mean * total(level) / one
    square = np.maximum(square, 1e-12)
    return cross / square, square


def _pool(layout: Layout, factor: ndarray, precision: ndarray) -> tuple[ndarray, ndarray, float]:
    """Factors shrunk to their supercategory's, those of supercategories, and the scatter."""
    supers = layout.supercategories
    low, high = START**2, START**2
    species, parent, own = factor, np.ones(supers), np.full(supers, 1 / high)
    for _ in range(PASSES):
        held = precision + 1 / low
        species = (precision * factor + parent[layout.parent] / low) / held
        own = np.bincount(layout.parent, minlength=supers) / low + 1 / high
        sums = np.bincount(layout.parent, species, minlength=supers)
        parent = (sums / low + 1 / high) / own
        low = float(np.mean((species - parent[layout.parent]) ** 2 + 1 / held))
        high = float(np.mean((parent - 1) ** 2 + 1 / own))
    return species, parent, low + float(np.mean(1 / own))
