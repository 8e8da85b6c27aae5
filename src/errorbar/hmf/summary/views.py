"""What a picture of a factorisation shows, as values: nothing is left to compute when it is drawn.

A view of a row holds some pixels of one spectrum with what the model says of them. A basis is known
up to a linear mix of its vectors, so that true and found ones are compared after the found ones are
mixed to come as close to each true one as they can.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.linalg import subspace_angles

from errorbar.core.errors import InputError
from errorbar.hmf.summary.residuals import keep, residual_chunks

__all__ = [
    "BasisMatch",
    "RowView",
    "WeightHistogram",
    "match_basis",
    "row_view",
    "weight_histogram",
]


@dataclass(frozen=True, slots=True, eq=False)
class RowView:
    """Some pixels of a spectrum: `flux` and its `sd`, the `model`, and the robust weight `kept`.

    `flagged` are outlying pixels as found, `true` as they were made, all false where nobody knows.
    Without data `flux` is NaN, `sd` infinite, and `kept` is 1.
    """

    name: str
    wavelength: Float[ndarray, " pixels"]
    flux: Float[ndarray, " pixels"]
    sd: Float[ndarray, " pixels"]
    model: Float[ndarray, " pixels"]
    kept: Float[ndarray, " pixels"]
    flagged: Bool[ndarray, " pixels"]
    true: Bool[ndarray, " pixels"]

    @property
    def valid(self) -> Bool[ndarray, " pixels"]:
        return np.isfinite(self.flux)

    @property
    def z(self) -> Float[ndarray, " pixels"]:
        """Residuals in units of their errors; NaN without data."""
        return (self.flux - self.model) / np.where(self.valid, self.sd, 1.0)

    def part(self, first: float, last: float) -> Self:
        """The pixels between two wavelengths."""
        inside = (self.wavelength >= first) & (self.wavelength <= last)
        if not inside.any():
            raise InputError(
                f"no pixel lies between {first:g} and {last:g}; the row has {len(inside)} from "
                f"{self.wavelength.min():g} to {self.wavelength.max():g}."
            )
        arrays = [getattr(self, field.name)[inside] for field in fields(self)[1:]]
        return type(self)(self.name, *arrays)


@dataclass(frozen=True, slots=True, eq=False)
class BasisMatch:
    """Each true basis vector, what comes nearest to it in the span of the found ones, and how near.

    `angles` are the principal angles between both spans in degrees, largest first; there are as
    many as the smaller basis has vectors.
    """

    true: Float[ndarray, "pixels rank"]
    found: Float[ndarray, "pixels rank"]
    angles: Float[ndarray, " angles"]


@dataclass(frozen=True, slots=True, eq=False)
class WeightHistogram:
    """Counts of robust weights of pixels with data, in one row of `counts` for each of `groups`."""

    groups: tuple[str, ...]
    edges: Float[ndarray, " edges"]
    counts: Int[ndarray, "groups bins"]


def row_view(
    name: str,
    wavelength: Float[ndarray, " pixels"],
    y: Float[ndarray, " pixels"],
    w: Float[ndarray, " pixels"],
    model: Float[ndarray, " pixels"],
    c: float,
    *,
    flagged: Bool[ndarray, " pixels"] | None = None,
    true: Bool[ndarray, " pixels"] | None = None,
    cut: float = 0.5,
) -> RowView:
    """A whole row; unless `flagged` is given, pixels that keep less than `cut` of their weight."""
    given = (y, w, model, *(each for each in (flagged, true) if each is not None))
    if any(each.shape != wavelength.shape for each in given):
        raise InputError(
            f"a row has one length: there are {wavelength.shape} wavelengths, and arrays of "
            f"{', '.join(str(each.shape) for each in given)}."
        )
    valid = w > 0
    sd = np.full(w.shape, np.inf)
    np.divide(1.0, np.sqrt(w, where=valid, out=np.ones(w.shape)), out=sd, where=valid)
    flux = np.where(valid, y, np.nan).astype(np.float64)
    kept = np.where(valid, keep(np.where(valid, (flux - model) / sd, 0.0), c), 1.0)
    return RowView(
        name=name,
        wavelength=wavelength,
        flux=flux,
        sd=sd,
        model=np.asarray(model, dtype=np.float64),
        kept=kept,
        flagged=(kept < cut if flagged is None else flagged) & valid,
        true=np.zeros(w.shape, dtype=bool) if true is None else true & valid,
    )


def match_basis(
    true: Float[ndarray, "pixels rank"], found: Float[ndarray, "pixels other"]
) -> BasisMatch:
    """Mix the found basis to the true one by least squares."""
    if true.ndim != 2 or found.ndim != 2 or len(true) != len(found):
        raise InputError(
            f"bases of {true.shape} and {found.shape} do not have the same pixels: both are "
            "(pixels, rank)."
        )
    mix = np.linalg.lstsq(found, true, rcond=None)[0]
    angles = np.degrees(subspace_angles(true, found))
    return BasisMatch(true, found @ mix, np.sort(angles)[::-1])


def weight_histogram(
    Y: ndarray,
    W: ndarray,
    A: ndarray,
    G: ndarray,
    c: float,
    groups: Mapping[str, Bool[ndarray, "rows pixels"]] | None = None,
    bins: int = 50,
) -> WeightHistogram:
    """Robust weights of all pixels with data, or of each group's; pixels in none are left out."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    wanted = {"all": None} if groups is None else dict(groups)
    counts = np.zeros((len(wanted), bins), dtype=np.int64)
    for chunk in residual_chunks(Y, W, A, G):
        u = keep(chunk.z, c)
        for place, mask in enumerate(wanted.values()):
            inside = chunk.valid if mask is None else chunk.valid & mask[chunk.rows]
            counts[place] += np.histogram(u[inside], edges)[0]
    return WeightHistogram(tuple(wanted), edges, counts)
