"""The levels above the groups: how far each lies from the one above, and what that says."""

import numpy as np
from numpy import ndarray

from errorbar.rt.fit.layout import OFFSET, STRETCH, Layout
from errorbar.rt.fit.scales import TOP_OFFSET, TOP_OTHER, TOP_STRETCH, ScaleGradient

__all__ = ["deviations", "level_gradients", "said", "top_prior"]


def top_prior(layout: Layout, centre_rt: float) -> tuple[ndarray, ndarray]:
    """The precision and the mean of the prior of the top level."""
    first = layout.kind == OFFSET
    precision = np.where(first, TOP_OFFSET**-2, TOP_OTHER**-2)
    precision = np.where(layout.kind == STRETCH, TOP_STRETCH**-2, precision)
    return precision, np.where(first, -centre_rt, 0.0)


def deviations(
    layout: Layout, mean: ndarray, effect: ndarray, centre_rt: float
) -> dict[str, ndarray]:
    """How far each level lies from the level above it."""
    one, two, three, four, end = layout.offsets
    species = mean[:one].reshape(-1, layout.columns)
    supers = mean[one:two].reshape(-1, layout.columns)
    top, theta = mean[two:three], mean[three:four]
    classes = mean[four:end].reshape(-1, layout.effects)
    return {
        "species": species - supers[layout.parent],
        "parent": supers - top,
        "compound": effect - said(layout, theta, classes),
        "theta": theta,
        "klass": classes,
        "top": top - top_prior(layout, centre_rt)[1],
        "run": mean[end:],
    }


def said(layout: Layout, theta: ndarray, classes: ndarray) -> ndarray:
    """What descriptors and classes say of the compounds' effects."""
    found = np.zeros((len(layout.z), layout.effects))
    found[:, 0] = layout.z @ theta
    known = layout.klass >= 0
    if known.any():
        found[known] += classes[layout.klass[known]]
    return found


def level_gradients(
    layout: Layout, covariance: ndarray, scatter: ndarray, off: dict[str, ndarray],
    variance: dict[str, ndarray],
) -> tuple[ScaleGradient, ScaleGradient, ScaleGradient]:  # fmt: skip
    """Derivatives by the logs of the levels' variances; what is told of each log; their bends."""
    one, two, three, four, end = layout.offsets
    columns = layout.columns
    diagonal = np.diag(covariance)
    places = np.arange(one).reshape(-1, columns)
    above = one + layout.parent[:, None] * columns + np.arange(columns)
    tops = two + np.broadcast_to(np.arange(columns), (layout.supercategories, columns))
    supers = np.arange(one, two).reshape(-1, columns)

    def apart(low: ndarray, high: ndarray) -> ndarray:
        return diagonal[low] + diagonal[high] - 2 * covariance[low, high]

    unknown = {
        "species": apart(places, above),
        "parent": apart(supers, tops),
        "compound": scatter,
        "theta": diagonal[three:four],
        "klass": diagonal[four:end].reshape(-1, layout.effects),
        "run": diagonal[end:],
    }
    change = {n: 0.5 * ((off[n] ** 2 + unknown[n]) / variance[n] - 1) for n in unknown}
    seen = {n: np.clip(1 - unknown[n] / variance[n], 0, 1) for n in unknown}
    told = {n: 0.5 * seen[n] ** 2 for n in unknown}
    bend = {n: (seen[n] - 1) * change[n] for n in unknown}
    return _by_entry(layout, change), _by_entry(layout, told), _by_entry(layout, bend)


def _by_entry(layout: Layout, values: dict[str, ndarray]) -> ScaleGradient:
    species = np.zeros((layout.supercategories, layout.columns))
    np.add.at(species, layout.parent, values["species"])
    known = len(layout.class_ids) > 0
    return {
        "species": species,
        "parent": values["parent"].sum(axis=0),
        "compound": values["compound"].sum(axis=0),
        "theta": np.array([values["theta"].sum()]),
        "run": np.array([values["run"].sum()]),
        "klass": values["klass"].sum(axis=0) if known else np.zeros(layout.effects),
    }
