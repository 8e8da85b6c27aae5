r"""Spectra, light curves and rows of photometry that are the same observation twice.

Equal arrays have equal hashes, whatever their precision was. Two reductions of one exposure differ,
but they share its noise, and spectra of two stars, however alike, do not. So what all arrays have
in common is taken away first: each column's median, and the leading principal components. What is
left of two stars correlates like chance, $\pm 1/\sqrt{d}$ with $d$ effective pixels; what is left
of one exposure reduced twice correlates like the share of noise in it. Pairs beyond a limit are
twins.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import cast

import numpy as np
import polars as pl
from numpy import ndarray
from scipy import stats  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.split.buckets import find_candidates, in_chunks
from errorbar.core.split.findings import Finding, crossing, role_names
from errorbar.core.split.value import Split

__all__ = ["TwinSearch", "find_copies", "find_twins", "search_twins"]

# Typed once: the library has no type stubs.
_beta_isf = cast("Callable[..., float]", stats.beta.isf)  # pyright: ignore[reportUnknownMemberType]

# Pairs of different stars that may pass the limit by chance, in the whole table.
BY_CHANCE = 1e-3

OUT_OF_REACH = 0.999

SAMPLE = 1500

# Rounds in which missing pixels settle.
FILLS = 10


@dataclass(frozen=True, slots=True, eq=False)
class TwinSearch:
    """Pairs of rows in different roles that correlate by `limit` or more, and how sure that is.

    `limit` is what was asked for, or more where chance alone would reach that in arrays of so few
    effective `pixels`. `crowded` is the share of rows with too many rows like them for all to be
    compared.
    """

    pairs: ndarray
    correlation: ndarray
    limit: float
    pixels: float
    crowded: float


def find_copies(split: Split, arrays: ndarray | Sequence[ndarray]) -> list[Finding]:
    """Arrays that stand in two roles, equal to single precision; lengths may differ."""
    keys = pl.Series([_content(row) for row in arrays], dtype=pl.String)
    rows = crossing(split, keys)
    if not rows.size:
        return []
    count = keys[rows].n_unique()
    return [
        Finding(
            check="copied arrays",
            severity="failure",
            said=f"{count} arrays stand in two roles or more ({role_names(split, rows)})",
            way_out="Give the copies one star id, or leave all but one of them out.",
            rows=rows,
            numbers={"arrays": count},
        )
    ]


def find_twins(
    split: Split, arrays: ndarray, *, limit: float = 0.95, common: int = 30, seed: int = 0
) -> list[Finding]:
    """Arrays of two roles that share their noise, such as one exposure reduced twice."""
    search = search_twins(split, arrays, limit=limit, common=common, seed=seed)
    found: list[Finding] = []
    numbers: dict[str, float] = {
        "pairs": len(search.pairs),
        "limit": search.limit,
        "effective_pixels": search.pixels,
        "crowded": search.crowded,
    }
    if search.limit > OUT_OF_REACH:
        found.append(
            Finding(
                check="near twins",
                severity="note",
                said=f"{search.pixels:.1f} effective pixels cannot tell twins from chance among "
                f"{len(split)} rows, so copies alone were sought",
                way_out="Pass the arrays before they are reduced to few numbers.",
                rows=np.arange(0),
                numbers=numbers,
            )
        )
    if search.crowded > 0.01:
        found.append(
            Finding(
                check="near twins",
                severity="warning",
                said=f"{search.crowded:.1%} of rows have more rows like them than were compared",
                way_out="Take more common components away, so that arrays differ.",
                rows=np.arange(0),
                numbers=numbers,
            )
        )
    if len(search.pairs):
        rows = np.unique(search.pairs)
        first, second = search.pairs[0].tolist()
        found.append(
            Finding(
                check="near twins",
                severity="failure",
                said=f"{len(search.pairs)} pairs of arrays in two roles ({role_names(split, rows)})"
                f" share their noise, first rows {first} and {second} (correlation "
                f"{search.correlation[0]:.4f}, limit {search.limit:.4f})",
                way_out="Link re-reductions with `components` and split by its stars.",
                rows=rows,
                numbers=numbers,
            )
        )
    return found


def search_twins(
    split: Split, arrays: ndarray, *, limit: float = 0.95, common: int = 30, seed: int = 0
) -> TwinSearch:
    """All pairs beyond the limit after `common` principal components are taken away.

    Where few effective pixels are left, the limit that chance does not reach may lie beyond 0.999,
    out of reach of re-reductions too: then no pair is returned.
    """
    rng = np.random.default_rng(seed)
    rest, kept = _remainders(arrays, common, rng)
    pixels = _effective(rest[_sample(len(rest), rng)])
    limit = max(limit, _chance(pixels, len(rest)))
    none = TwinSearch(np.empty((0, 2), dtype=np.int64), np.empty(0), limit, pixels, 0.0)
    if len(rest) < 2 or limit > OUT_OF_REACH:
        return none
    pairs, crowded = find_candidates(rest, split.role[kept], limit, rng)
    correlation = np.concatenate(
        [np.empty(0)]
        + [np.einsum("ij,ij->i", rest[a], rest[b]) for a, b in in_chunks(pairs, rest.shape[1])]
    )
    best = np.flatnonzero(correlation >= limit)
    best = best[np.lexsort((pairs[best, 1], pairs[best, 0]))]
    return TwinSearch(kept[pairs[best]], correlation[best], limit, pixels, crowded)


def _content(row: ndarray) -> str | None:
    values = np.asarray(row, dtype=np.float32)
    real = values[np.isfinite(values)]
    # An array without content is like all others without.
    if real.size == 0 or real.min() == real.max():
        return None
    # Adding zero makes -0 what it equals.
    bits = np.where(np.isnan(values), np.float32(np.nan), values + np.float32(0))
    return blake2b(bits.astype("<f4").tobytes(), digest_size=16).hexdigest()


def _remainders(arrays: ndarray, common: int, rng: np.random.Generator) -> tuple[ndarray, ndarray]:
    """Unit vectors of what each array has to itself, and the rows that have any."""
    values = np.array(arrays, dtype=np.float32)
    values[~np.isfinite(values)] = np.nan
    kept = np.flatnonzero(np.isfinite(values).mean(axis=1) >= 0.5)
    values = values[kept]
    # Fluxes of one exposure may have been brought to two scales.
    level = np.nanmedian(np.abs(values), axis=1, keepdims=True) if values.size else values
    values /= np.where(level > 0, level, 1)
    some = values[_sample(len(values), rng)]
    seen = np.isfinite(some).any(axis=0)
    values, some = values[:, seen], some[:, seen]
    middle = np.nanmedian(some, axis=0) if some.size else np.zeros(values.shape[1])
    scale = 1.4826 * np.nanmedian(np.abs(some - middle), axis=0) if some.size else middle + 1
    values = (values - middle) / np.where(scale > 0, scale, 1)
    # One bad pixel must not be a whole component, nor, below, a whole array.
    holes = np.isnan(values)
    values = np.clip(np.nan_to_num(values, nan=0.0), -20, 20).astype(np.float32)
    # Of few rows the later components are the noise of single ones, and that must stay.
    parts = min(common, values.shape[1] // 4, len(values) // 40)
    if parts > 0:
        some = values[_sample(len(values), rng)].astype(np.float64)
        axes = np.linalg.svd(some, full_matrices=False)[2][:parts].astype(np.float32)
        values -= _expected(values, holes, axes)
        values[holes] = 0
    edge = 5 * 1.4826 * np.median(np.abs(values), axis=1, keepdims=True)
    values = np.clip(values, -edge, edge)
    size = np.linalg.norm(values, axis=1)
    some_left = size > 1e-3 * np.sqrt(values.shape[1])
    return values[some_left] / size[some_left, None], kept[some_left]


def _expected(values: ndarray, holes: ndarray, axes: ndarray) -> ndarray:
    """What the components say of each array, where missing pixels are as they say."""
    rows = np.flatnonzero(holes.any(axis=1))
    filled, missing = values[rows], holes[rows]
    for _ in range(FILLS if rows.size else 0):
        filled = np.where(missing, (filled @ axes.T) @ axes, filled)
    found = (values @ axes.T) @ axes
    found[rows] = (filled @ axes.T) @ axes
    return found


def _sample(rows: int, rng: np.random.Generator) -> ndarray:
    return np.sort(rng.permutation(rows)[:SAMPLE])


def _effective(rest: ndarray) -> float:
    """Dimensions in which unrelated unit vectors would correlate as much as these do."""
    count = len(rest)
    if count < 3:
        return 1.0
    gram = rest.astype(np.float64) @ rest.T
    off = gram[~np.eye(count, dtype=bool)]
    # Copies among them are what is sought, and no measure of chance.
    return float(1 / np.mean(np.square(off[np.abs(off) < 0.9]))) if off.size else 1.0


def _chance(pixels: float, rows: int) -> float:
    """The correlation that unrelated rows do not reach."""
    half = max((pixels - 1) / 2, 0.5)
    pairs = max(rows * (rows - 1) / 2, 1)
    return 2 * float(_beta_isf(min(BY_CHANCE / pairs, 0.5), half, half)) - 1
