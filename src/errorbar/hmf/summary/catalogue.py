"""A table of outliers for people: what, where, how strong, and why in words.

One row is an object, a feature of neighbouring pixels, or a column. `significance` is in standard
deviations of the ordinary for objects and columns, and the peak of a feature in units of its error
bar. Samples that overlap find one thing more than once; `merge_catalogues` keeps the strongest row
and lists every sample that found it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.errors import InputError, TableError
from errorbar.hmf.summary.outliers import Outliers

__all__ = [
    "CATALOGUE",
    "merge_catalogues",
    "outlier_catalogue",
    "read_catalogue",
    "write_catalogue",
]

CATALOGUE = pl.Schema(
    {
        "kind": pl.String,
        "id": pl.String,
        "row": pl.Int64,
        "start": pl.Int64,
        "stop": pl.Int64,
        "wavelength_first": pl.Float64,
        "wavelength_last": pl.Float64,
        "sign": pl.Int8,
        "significance": pl.Float64,
        "score": pl.Float64,
        "valid_pixels": pl.Int64,
        "outlying_pixels": pl.Int64,
        "reason": pl.String,
        "bins": pl.List(pl.String),
    }
)
SIDES = {1: "above", -1: "below", 0: "off"}
STATISTICS = {"median": "median", "low": "1 % quantile of the"}


def outlier_catalogue(
    found: Outliers,
    ids: Sequence[object],
    wavelength: ndarray,
    *,
    bin: str = "",
    every_feature: bool = False,
) -> pl.DataFrame:
    """Objects, then columns, then features, the strongest of each first.

    `ids` name the rows and become strings; `row` counts from zero, and `start` to `stop`, the pixel
    after the last, are pixels. The `score` of an object is the statistic of its robust weights, for
    whatever reason it is listed, of a feature the robust weight at its peak, of a column the share
    of objects that are off. `bin` names the sample. Features in objects and columns that are
    listed themselves are left out unless `every_feature`.
    """
    rows, pixels = len(found.objects), len(found.columns)
    if len(ids) != rows or len(wavelength) != pixels:
        raise InputError(
            f"{len(ids)} ids and {len(wavelength)} wavelengths do not fit outliers of {rows} "
            f"objects with {pixels} pixels: pass one for each, in the order of the data."
        )
    names = np.array([str(name) for name in ids], dtype=object)
    parts = [
        _objects(found, names, wavelength),
        _columns(found, wavelength),
        _features(found, names, wavelength, every_feature),
    ]
    schema = {name: kind for name, kind in CATALOGUE.items() if name != "bins"}
    return pl.concat(
        pl.DataFrame(part, schema=schema)
        .with_columns(bins=pl.lit([bin], dtype=CATALOGUE["bins"]))
        .sort("significance", descending=True, maintain_order=True)
        for part in parts
    )


def merge_catalogues(catalogues: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """One catalogue of several samples, each object, column and feature in it once.

    Rows are one thing if they agree in kind, id and sign and their pixels overlap, directly or by
    way of others; samples must share their pixels. The most significant row stays, with `bins` of
    all.
    """
    frames = [_checked(frame) for frame in catalogues]
    if not frames:
        raise TableError("there is no catalogue to merge: pass one at least.")
    same = ["kind", "id", "sign"]
    reached = pl.col("stop").cum_max().shift(1).over(same)
    apart = (pl.col("start") >= reached).fill_null(value=True)
    merged = (
        pl.concat(frames)
        .with_row_index("order")
        .sort([*same, "start", "stop", "order"])
        .with_columns(thing=apart.cum_sum())
        .sort("significance", descending=True, maintain_order=True)
        .group_by("thing", maintain_order=True)
        .agg(
            pl.exclude("thing", "bins").first(),
            pl.col("bins").explode().unique().sort(),
        )
    )
    rank = pl.col("kind").replace_strict({"object": 0, "column": 1, "pixels": 2})
    return merged.sort([rank, -pl.col("significance"), "order"]).select(CATALOGUE.names())


def write_catalogue(catalogue: pl.DataFrame, path: str | Path) -> Path:
    """Save a catalogue as Parquet."""
    _checked(catalogue).write_parquet(path)
    return Path(path)


def read_catalogue(path: str | Path) -> pl.DataFrame:
    """A catalogue that was saved."""
    if not Path(path).is_file():
        raise TableError(f"there is no file {path}: check the path of the catalogue.")
    return _checked(pl.read_parquet(path))


def _checked(frame: pl.DataFrame) -> pl.DataFrame:
    if frame.schema != CATALOGUE:
        missing = [name for name in CATALOGUE if frame.schema.get(name) != CATALOGUE[name]]
        raise TableError(
            f"this is no outlier catalogue: {len(missing)} of its columns are missing or of "
            f"another type, {', '.join(f'`{name}`' for name in missing)}. Make it with "
            "`outlier_catalogue`."
        )
    return frame


def _objects(found: Outliers, names: ndarray, wavelength: ndarray) -> dict[str, object]:
    rows = np.flatnonzero(found.objects)
    rule, valid = found.rule, found.scores.valid[rows]
    score = found.scores.of(rule.statistic)[rows]
    reasons, significance = _object_reasons(found, rows)
    runs = found.features
    outlying = np.bincount(
        runs.row, weights=runs.stop - runs.start, minlength=len(found.objects)
    ).astype(np.int64)[rows]
    return {
        "kind": ["object"] * len(rows),
        "id": names[rows].tolist(),
        "row": rows,
        **_span(wavelength, np.zeros_like(rows), np.full_like(rows, len(wavelength))),
        "sign": np.zeros(len(rows), dtype=np.int8),
        "significance": significance,
        "score": score,
        "valid_pixels": valid,
        "outlying_pixels": outlying,
        "reason": [f"{reason}; {o} pixels outlying" for reason, o in zip(reasons, outlying)],
    }


def _object_reasons(found: Outliers, rows: ndarray) -> tuple[list[str], ndarray]:
    """Why each is flagged, and the largest significance of its reasons."""
    rule, held = found.rule, found.coefficients
    reasons: list[list[str]] = [[] for _ in rows]
    significance = np.full(len(rows), -np.inf)
    valid = found.scores.valid[rows]
    weight, cut = found.scores.of(rule.statistic)[rows], rule.cut(valid)
    for place in np.flatnonzero(found.misfits[rows]):
        significance[place] = found.significance[rows[place]]
        reasons[place].append(
            f"{STATISTICS[rule.statistic]} weight {weight[place]:.3f} of {valid[place]} pixels; "
            f"ordinary objects fall below {cut[place]:.3f} at most once in "
            f"{1 / rule.false_alarm:,.0f}"
        )
    if held is None:
        return ["; ".join(each) for each in reasons], significance
    often = f"ordinary objects are beyond once in {1 / held.rule.false_alarm:,.0f}"
    for place in np.flatnonzero(held.flags[rows]):
        row = rows[place]
        significance[place] = max(significance[place], held.significance[row])
        reasons[place].append(
            f"no signal: its model has {held.signal[row]:.2g} of the noise of a pixel, ordinary "
            f"ones {np.exp(held.rule.brightness[0]):.2g}"
            if held.empty[row]
            else f"coefficients unlike the others by {held.unlike[row]:.1f}; "
            f"{often}, from {held.rule.critical:.1f} on"
        )
    return ["; ".join(each) for each in reasons], significance


def _columns(found: Outliers, wavelength: ndarray) -> dict[str, object]:
    at, scores = np.flatnonzero(found.columns), found.column_scores
    share = scores.share[at]
    return {
        "kind": ["column"] * len(at),
        "id": [None] * len(at),
        "row": [None] * len(at),
        **_span(wavelength, at, at + 1),
        "sign": np.zeros(len(at), dtype=np.int8),
        "significance": scores.significance[at],
        "score": share,
        "valid_pixels": scores.valid[at],
        "outlying_pixels": scores.flagged[at],
        "reason": [
            f"outlying in {s:.1%} of {n} ordinary objects; typical is {scores.typical:.1%}"
            for s, n in zip(share, scores.valid[at])
        ],
    }


def _features(
    found: Outliers, names: ndarray, wavelength: ndarray, every: bool
) -> dict[str, object]:
    runs = found.features
    if not every:
        bad = np.append(0, np.cumsum(found.columns))
        inside = bad[runs.stop] - bad[runs.start] == runs.stop - runs.start
        runs = runs.take(~(inside | found.objects[runs.row]))
    length = runs.stop - runs.start
    return {
        "kind": ["pixels"] * len(runs),
        "id": names[runs.row].tolist(),
        "row": runs.row,
        **_span(wavelength, runs.start, runs.stop),
        "sign": runs.sign.astype(np.int8),
        "significance": runs.peak,
        "score": 1.0 / (1.0 + runs.peak**2 / found.rule.c),
        "valid_pixels": length,
        "outlying_pixels": length,
        "reason": [
            f"{n} pixel{'' if n == 1 else 's in a row'} {SIDES[int(s)]} the model, up to {p:.1f} "
            f"error bars at {w:.6g}"
            for n, s, p, w in zip(length, runs.sign, runs.peak, wavelength[runs.peak_pixel])
        ],
    }


def _span(wavelength: ndarray, start: ndarray, stop: ndarray) -> dict[str, object]:
    wavelength = np.asarray(wavelength, dtype=np.float64)
    return {
        "start": start,
        "stop": stop,
        "wavelength_first": wavelength[start],
        "wavelength_last": wavelength[stop - 1],
    }
