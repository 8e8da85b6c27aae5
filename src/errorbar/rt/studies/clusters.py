"""Drift clusters of species, found from the internal standards of their runs alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.core.errors import MissingExtraError, SettingsError
from errorbar.rt.data import Peaks
from errorbar.rt.evaluate import run_covariates

__all__ = ["infer_clusters"]


def infer_clusters(
    peaks: Peaks, n_clusters: int, seed: int = 0, *, by: Literal["species", "run"] = "species"
) -> Peaks:
    """The peaks with inferred drift clusters in the place of their supercategories.

    k-means of standardised means of the runs' covariates, by species; or of the runs themselves,
    and a species belongs where most of its runs are (ties to the smaller label). Times are not
    looked at.
    """
    runs, covariates = run_covariates(peaks)
    _, first = np.unique(peaks.run, return_index=True)
    species, place = np.unique(peaks.species[first], return_inverse=True)
    asked = len(species) if by == "species" else len(runs)
    if not 1 <= n_clusters <= asked:
        raise SettingsError(
            f"n_clusters={n_clusters} must lie between 1 and {asked}, as many as "
            f"there are {'species' if by == 'species' else 'runs'}."
        )
    if by == "species":
        means = np.stack([covariates[place == each].mean(axis=0) for each in range(len(species))])
        label = _labels(means, n_clusters, seed)
    else:
        votes = np.zeros((len(species), n_clusters), dtype=np.int64)
        np.add.at(votes, (place, _labels(covariates, n_clusters, seed)), 1)
        label = votes.argmax(axis=1)
    at = np.searchsorted(species, peaks.species)
    return replace(peaks, supercategory=label[at].astype(np.int64))


def _labels(
    values: Float[ndarray, "units features"], count: int, seed: int
) -> Int[ndarray, " units"]:
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return _k_means()(n_clusters=count, n_init=10, random_state=seed).fit_predict(scaled)


def _k_means() -> Callable[..., Any]:
    try:
        from sklearn.cluster import KMeans
    except ModuleNotFoundError as missing:
        raise MissingExtraError("scikit-learn", "rt") from missing
    return KMeans
