r"""How near a model comes to whoever knows the true scales: the oracle of a made table.

The oracle is the linear Gaussian model that the generators draw from, with the standard deviations
they drew with, written out row by row and independent of the room `fit`. Unknowns above the pairs
are $u \sim N(0, P)$, rows are $y = t_0 + D u + C + e$ with $C$ the pairs' own coefficients and $e$
the noise, so that $V = \mathrm{Cov}(C + e)$ is block-diagonal over pairs, and

$$ A = D^\top V^{-1} D + P^{-1}, \quad \hat u = A^{-1} D^\top V^{-1} (y - t_0), \quad
m_* = t_0 + d_*^\top \hat u + k_*^\top V^{-1} (y - t_0 - D \hat u). $$

Runs' shifts also act on the standards. The oracle knows how standards tell of shifts (the
regression over all runs, within their species) and takes the rest as unknown.
"""

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

from errorbar.core.errors import SettingsError
from errorbar.rt.data import Peaks
from errorbar.rt.evaluate import run_covariates
from errorbar.rt.model.times import Times, known_codes
from errorbar.rt.synth import StudyTable, Table

__all__ = ["Oracle", "OracleCheck", "check_oracle", "fit_oracle"]

REACH = 1.959963984540054
_sparse = cast(Any, sparse)


@dataclass(frozen=True, slots=True, eq=False)
class Oracle:
    """The oracle after it has seen `train`, whose peaks' satellites were put together."""

    table: Table
    train: Peaks
    shift: Float[ndarray, " runs"]
    unsure: float
    inverse: Any
    mean: Float[ndarray, " unknowns"]
    covariance: Float[ndarray, "unknowns unknowns"]

    def predict(self, peaks: Peaks) -> Times:
        """When rows of the same made table elute."""
        scales = self.table.truth.scales
        design = _design(self.table, peaks, self.unsure)
        across = _shared(self.table, peaks, self.train)
        pull = across @ self.inverse
        left = design - pull @ _design(self.table, self.train, self.unsure)
        known = scales.centre + self.shift[peaks.run] + pull @ self._centred
        mean = known + left @ self.mean
        own = (
            _own_variance(self.table, peaks) - np.asarray(pull.multiply(across).sum(axis=1)).ravel()
        )
        dense = left.toarray()
        above = np.einsum("ru,ru->r", dense @ self.covariance, dense)
        noise = scales.replicate**2 + scales.noise[peaks.compound] ** 2
        keys, count = np.unique(self.train.keys(), return_counts=True)
        at = np.minimum(np.searchsorted(keys, peaks.keys()), len(keys) - 1)
        support = np.where(keys[at] == peaks.keys(), count[at], 0)
        seen = known_codes(
            pair=support > 0,
            species=np.isin(peaks.species, self.train.species),
            compound=np.isin(peaks.compound, self.train.compound),
        )
        return Times(mean, np.sqrt(own + above + noise), seen, support)

    @property
    def _centred(self) -> Float[ndarray, " rows"]:
        centre = self.table.truth.scales.centre
        return self.train.rt - centre - self.shift[self.train.run]


@dataclass(frozen=True, slots=True)
class OracleCheck:
    """A model beside the oracle on the same test rows; times in minutes."""

    mae: float
    oracle_mae: float
    coverage: float
    oracle_coverage: float
    rows: int

    @property
    def percent(self) -> float:
        """By how many percent the model errs more."""
        return 100 * (self.mae / self.oracle_mae - 1)

    def table(self) -> pl.DataFrame:
        """One row with everything."""
        return pl.DataFrame({
            "mae": [self.mae], "oracle_mae": [self.oracle_mae], "percent": [self.percent],
            "coverage": [self.coverage], "oracle_coverage": [self.oracle_coverage],
            "rows": [self.rows],
        })  # fmt: skip


def check_oracle(table: Table, train: Bool[ndarray, " rows"], times: Times) -> OracleCheck:
    """Times that a model predicted for all rows outside of `train`, against the oracle's."""
    test = table.peaks.select(~train)
    oracle = fit_oracle(table, train).predict(test)

    def told(found: Times) -> tuple[float, float]:
        error = np.abs(test.rt - found.mean)
        inside = error <= found.reach(0.95) * found.sd
        return float(error.mean()), float(inside.mean())

    (mae, covered), (oracle_mae, oracle_covered) = told(times), told(oracle)
    return OracleCheck(mae, oracle_mae, covered, oracle_covered, len(test))


def fit_oracle(table: Table, train: Bool[ndarray, " rows"]) -> Oracle:
    """What the oracle knows after the rows of a mask."""
    scales = table.truth.scales
    if np.isfinite(scales.freedom):
        raise SettingsError(
            f"the oracle is Gaussian and this table's noise has {scales.freedom:g} degrees of "
            "freedom: make one with normal noise."
        )
    peaks, count = _merged(table, train)
    noise = scales.replicate**2 + scales.noise[peaks.compound] ** 2 / count
    shift, unsure = _told_shifts(table)
    inverse = _block_inverse(table, peaks, noise)
    design = _design(table, peaks, unsure)
    y = peaks.rt - scales.centre - shift[peaks.run]
    through = design.T @ inverse
    precision = (through @ design).toarray()
    precision[np.diag_indices_from(precision)] += 1.0
    factor = cho_factor(precision, lower=True)
    mean = cho_solve(factor, through @ y)
    covariance = cho_solve(factor, np.eye(len(mean)))
    return Oracle(table, peaks, shift, unsure, inverse, mean, covariance)


def _merged(table: Table, train: ndarray) -> tuple[Peaks, Int[ndarray, " rows"]]:
    """Training peaks with their satellites as one, and how many rows each was."""
    peaks = table.peaks.select(train)
    if not isinstance(table, StudyTable):
        return peaks, np.ones(len(peaks), dtype=np.int64)
    _, first, which, count = np.unique(
        table.peak[train], return_index=True, return_inverse=True, return_counts=True
    )
    return replace(peaks.select(first), rt=np.bincount(which, peaks.rt) / count), count


def _told_shifts(table: Table) -> tuple[Float[ndarray, " runs"], float]:
    """What the standards say of each run's shift, and the sd of what they do not say."""
    truth, peaks = table.truth, table.peaks
    told = np.zeros(len(truth.run_shift))
    if truth.scales.run == 0:
        return told, 0.0
    runs, covariates = run_covariates(peaks)
    _, first = np.unique(peaks.run, return_index=True)
    _, species = np.unique(peaks.species[first], return_inverse=True)
    count = np.bincount(species)
    means = np.stack([np.bincount(species, x) / count for x in covariates.T], axis=1)
    within = covariates - means[species]
    found = np.linalg.lstsq(within, truth.run_shift[runs], rcond=None)[0]
    told[runs] = within @ found
    freedom = max(len(runs) - within.shape[1], 1)
    rest = truth.run_shift[runs] - told[runs]
    return told, float(np.sqrt((rest**2).sum() / freedom))


def _design(table: Table, peaks: Peaks, unsure: float) -> Any:
    """Rows of all unknowns above the pairs, each in units of its own standard deviation."""
    truth, scales = table.truth, table.truth.scales
    S, K = truth.intercept.shape
    x = _away(table, peaks)
    one = np.ones((len(peaks), 1))
    parent, label = truth.parent[peaks.species], table.chemistry.classes(peaks.compound)
    supers, classes = int(truth.parent.max()) + 1, int(label.max(initial=0)) + 1
    classes = max(classes, int(table.chemistry.compound_class.max(initial=0)) + 1)
    zero = np.zeros(len(peaks), dtype=np.int64)
    parts = [
        (zero, 1, x * scales.slope_mean),
        (parent, supers, one * scales.supercategory),
        (parent, supers, x * scales.slope_supercategory),
        (peaks.species, S, scales.species[parent][:, None]),
        (peaks.species, S, x * scales.slope_species),
        (zero, 1, table.chemistry.of(peaks.compound) * scales.descriptor),
        (peaks.compound, K, one * scales.compound),
        (peaks.compound, K, x * scales.slope_compound),
        (label, classes, x * scales.slope_class),
        (peaks.run, len(truth.run_shift), one * unsure),
    ]
    return _sparse.hstack([_of_units(*part) for part in parts if part[2].any()]).tocsr()


def _of_units(unit: ndarray, units: int, values: ndarray) -> Any:
    """Each row's values in the columns of its unit."""
    rows, width = values.shape
    columns = unit[:, None] * width + np.arange(width)
    start = np.arange(rows + 1) * width
    return _sparse.csr_matrix((values.ravel(), columns.ravel(), start), (rows, units * width))


def _away(table: Table, peaks: Peaks) -> Float[ndarray, "rows features"]:
    return np.asarray(peaks.covariates, dtype=np.float64) - table.truth.feature_centre


def _own_variance(table: Table, peaks: Peaks) -> Float[ndarray, " rows"]:
    scales = table.truth.scales
    return scales.pair**2 + scales.slope_pair**2 * (_away(table, peaks) ** 2).sum(axis=1)


def _shared(table: Table, left: Peaks, right: Peaks) -> Any:
    """Covariance of rows through their pairs' own coefficients: `left` rows by `right` rows."""
    scales = table.truth.scales
    shape = (len(left), len(right))
    if scales.pair == 0 and scales.slope_pair == 0:
        return _sparse.csr_matrix(shape)
    near, far = _away(table, left), _away(table, right)
    places = _by_key(right.keys())
    rows, columns, values = [], [], []
    for key, own in _by_key(left.keys()).items():
        if (others := places.get(key)) is None:
            continue
        block = scales.pair**2 + scales.slope_pair**2 * (near[own] @ far[others].T)
        rows.append(np.repeat(own, len(others)))
        columns.append(np.tile(others, len(own)))
        values.append(block.ravel())
    if not rows:
        return _sparse.csr_matrix(shape)
    where = (np.concatenate(rows), np.concatenate(columns))
    return _sparse.csr_matrix((np.concatenate(values), where), shape)


def _block_inverse(table: Table, peaks: Peaks, noise: ndarray) -> Any:
    """The inverse of the rows' covariance given everything above the pairs."""
    whole = (_shared(table, peaks, peaks) + _sparse.diags(noise)).tocsr()
    if whole.nnz == len(peaks):
        return _sparse.diags(1 / noise).tocsr()
    rows, columns, values = [], [], []
    for own in _by_key(peaks.keys()).values():
        block = np.linalg.inv(whole[own][:, own].toarray())
        rows.append(np.repeat(own, len(own)))
        columns.append(np.tile(own, len(own)))
        values.append(block.ravel())
    where = (np.concatenate(rows), np.concatenate(columns))
    return _sparse.csr_matrix((np.concatenate(values), where), whole.shape)


def _by_key(keys: ndarray) -> dict[int, ndarray]:
    """The rows of each key."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return dict(zip(ordered[starts].tolist(), np.split(order, starts[1:])))
