r"""Several measurements of a band of a star, made one.

Weights are inverse variances of fluxes: $f = \sum w_i f_i / \sum w_i$, $\sigma^2 = 1 / \sum w_i$.
What the measurements disagree by is $\chi^2 = \sum w_i (f_i - f)^2$ on $n - 1$ degrees of freedom.
Where it is less likely than `alpha` the band is flagged and its error grows by
$\sqrt{\chi^2 / (n - 1)}$ (Birge's ratio): a variable star or a blend is not known as well as its
errors say. A limit beside detections adds nothing; of limits alone the deepest is kept.
"""

from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray
from scipy import stats

from errorbar.core.errors import TableError
from errorbar.stellar.sed.data.bands import find_band
from errorbar.stellar.sed.data.fluxes import flux_from_mag
from errorbar.stellar.sed.data.photometry import Photometry
from errorbar.stellar.sed.data.tables import as_frame

__all__ = ["merge_epochs"]

NEEDED = ("row", "band", "mag", "err")


def merge_epochs(table: Any, stars: Any = None, *, alpha: float = 1e-3) -> Photometry:
    """Photometry of a long table: `row`, `band`, `mag`, `err`, and maybe `limit` and `system`.

    `stars` has a row for each star: `row`, and if known `ebv`, `ebv_err`, `parallax` and
    `parallax_err`. Stars keep the order of `stars`, or else of their first measurement.
    """
    frame = as_frame(table)
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        raise TableError(f"the table has no column {', '.join(missing)}; it needs {NEEDED}.")
    about = None if stars is None else as_frame(stars)
    rows = (frame if about is None else about)["row"].unique(maintain_order=True)
    bands = tuple(sorted(frame["band"].unique().to_list()))
    place = _places(frame, rows, bands)
    flux, err, limit = _fluxes(frame)
    size = len(rows) * len(bands)
    used = np.isfinite(flux)
    merged, error, chi2, count = _weighted(flux, err, place, used & ~limit, size)
    surprising = (count > 1) & (stats.chi2.sf(chi2, np.maximum(count - 1, 1)) < alpha)
    error = np.where(surprising, error * np.sqrt(chi2 / np.maximum(count - 1, 1)), error)
    deepest = np.full(size, np.inf)
    np.minimum.at(deepest, place[used & limit], flux[used & limit])
    only = (count == 0) & np.isfinite(deepest)
    shape = len(rows), len(bands)
    return Photometry(
        rows=rows.to_numpy(),
        bands=bands,
        flux=np.where(only, deepest, merged).reshape(shape),
        flux_err=error.reshape(shape),
        limit=only.reshape(shape),
        disagree=surprising.reshape(shape),
        **{name: _about(about, name, len(rows)) for name in ("ebv", "ebv_err")},
        **{name: _about(about, name, len(rows)) for name in ("parallax", "parallax_err")},
    )


def _weighted(
    flux: ndarray, err: ndarray, place: ndarray, used: ndarray, size: int
) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    bad = np.flatnonzero(used & ~((err > 0) & np.isfinite(err)))
    if bad.size:
        raise TableError(
            f"{bad.size} measurements have no positive error, first row {bad[0]} ({err[bad[0]]}): "
            "their weight is not known."
        )
    at, value, weight = place[used], flux[used], err[used] ** -2.0
    total = np.bincount(at, weights=weight, minlength=size)
    count = np.bincount(at, minlength=size)
    # About the first measurement of each, so that equal values merge to themselves.
    first = np.zeros(size)
    first[at[::-1]] = value[::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = np.bincount(at, weights=weight * (value - first[at]), minlength=size) / total
        merged, error = first + shift, total**-0.5
    merged, error = np.where(count > 0, merged, np.nan), np.where(count > 0, error, np.nan)
    chi2 = np.bincount(at, weights=weight * (value - merged[at]) ** 2, minlength=size)
    return merged, error, chi2, count


def _fluxes(frame: pl.DataFrame) -> tuple[ndarray, ndarray, ndarray]:
    mag = frame["mag"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    err = frame["err"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    limit = np.zeros(len(mag), dtype=bool)
    if "limit" in frame.columns:
        limit = frame["limit"].fill_null(False).to_numpy().astype(bool)
    systems = frame["system"] if "system" in frame.columns else pl.Series(["native"] * len(mag))
    pairs = zip(frame["band"].to_list(), systems.to_list())
    known: dict[tuple[str, str], float] = {}
    for pair in pairs:
        if pair not in known:
            known[pair] = find_band(pair[0]).offset(pair[1])
    offset = np.array([known[p] for p in zip(frame["band"].to_list(), systems.to_list())])
    flux, spread = flux_from_mag(mag + offset, err)
    return flux, np.where(limit, np.nan, spread), limit


def _places(frame: pl.DataFrame, rows: pl.Series, bands: tuple[str, ...]) -> ndarray:
    row = {name: at for at, name in enumerate(rows.to_list())}
    unknown = [name for name in frame["row"].unique().to_list() if name not in row]
    if unknown:
        raise TableError(
            f"{len(unknown)} stars are measured and not in `stars`, first {unknown[0]!r}."
        )
    star = np.array([row[name] for name in frame["row"].to_list()], dtype=np.int64)
    band = {name: at for at, name in enumerate(bands)}
    return star * len(bands) + np.array([band[name] for name in frame["band"].to_list()])


def _about(about: pl.DataFrame | None, name: str, size: int) -> ndarray:
    if about is None or name not in about.columns:
        return np.full(size, np.nan)
    return about[name].cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
