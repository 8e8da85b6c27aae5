"""Odd spectra of one kind beside each other: a map of their residuals by UMAP."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.errors import InputError, MissingExtraError
from errorbar.hmf.studies.rvs.analysis import BinAnalysis

__all__ = ["ResidualMap", "map_residuals", "odd_residuals"]

# A pixel counts for this many error bars at most, and fewer spectra are no map.
MOST, FEWEST = 20.0, 10


@dataclass(frozen=True, slots=True, eq=False)
class ResidualMap:
    """Where each odd star lies on the map; its bin is the one in which it is oddest."""

    table: pl.DataFrame

    @property
    def xy(self) -> ndarray:
        """Both coordinates, which have no unit and no meaning but who is near whom."""
        return self.table.select("x", "y").to_numpy()


def odd_residuals(analyses: Sequence[BinAnalysis]) -> tuple[pl.DataFrame, ndarray]:
    """Each odd star once, in the order of identifiers, and its residuals where it is oddest.

    Residuals are in units of their errors, limited to 20 so that no single pixel rules, and scaled
    to one length, so that spectra of one kind are alike whatever their noise.
    """
    rows: list[dict[str, Any]] = []
    for number, each in enumerate(analyses):
        odd = each.found.objects[each.kept]
        rows += [
            {
                "source_id": int(each.source_ids[each.kept[place]]),
                "bin": each.name,
                "significance": float(each.found.significance[each.kept[place]]),
                "number": number,
                "place": int(place),
            }
            for place in np.flatnonzero(odd)
        ]
    if not rows:
        raise InputError("no spectrum is odd in any bin: there are no residuals to map.")
    table = (
        pl.DataFrame(rows)
        .sort("significance", descending=True, maintain_order=True)
        .unique("source_id", keep="first", maintain_order=True)
        .sort("source_id")
    )
    z = np.empty((table.height, len(analyses[0].wavelength)))
    for number, each in enumerate(analyses):
        mine = np.flatnonzero((table["number"] == number).to_numpy())
        if mine.size:
            z[mine] = each.residuals()[table["place"].to_numpy()[mine]]
    z = np.clip(z, -MOST, MOST)
    z /= np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-300)
    return table.drop("number", "place"), z


def map_residuals(
    analyses: Sequence[BinAnalysis], *, seed: int = 0, neighbours: int = 15
) -> ResidualMap:
    """The map of all odd stars of these bins; the same seed gives the same map.

    The first in a process takes a minute, most of it for compiling.
    """
    table, z = odd_residuals(analyses)
    if table.height < FEWEST:
        raise InputError(
            f"{table.height} odd spectra are too few for a map: it needs {FEWEST} at least."
        )
    with warnings.catch_warnings():
        # It warns of packages that it could use, and of threads that a seed forbids.
        warnings.simplefilter("ignore")
        try:
            from umap import UMAP
        except ImportError as error:
            raise MissingExtraError("umap-learn", "hmf") from error
        reducer: Any = UMAP(
            n_components=2, n_neighbors=min(neighbours, table.height - 1), min_dist=0.2,
            init="pca", random_state=seed, n_jobs=1,
        )  # fmt: skip
        xy = np.asarray(reducer.fit_transform(z), dtype=np.float64)
    return ResidualMap(table.with_columns(x=xy[:, 0], y=xy[:, 1]))
