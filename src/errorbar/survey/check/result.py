"""What a calibration found: coverage, uniformity, tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from errorbar.core.errors import InputError
from errorbar.core.maths.calibration import (
    CoverageCurve,
    EcdfDifference,
    PitHistogram,
    coverage_curve,
    ecdf_difference,
    pit_histogram,
)

__all__ = ["CalibrationResult"]

BINS = 20
CURVE_LEVELS = np.linspace(0.05, 0.95, 19)


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationResult:
    """The truth of each simulated survey beside what its posterior said of it.

    Rows are surveys, columns the parameters `names`. `pit` is the posterior distribution function
    at the truth, `inside` whether the highest-density interval of `level` holds the truth. A survey
    whose fit failed holds NaN and counts as `failed`. Where all surveys share one truth, and so
    none was drawn from the prior, `drawn` is false: PIT values are then not promised to be uniform.
    """

    model: str
    names: tuple[str, ...]
    prior: str
    drawn: bool
    level: float
    sizes: NDArray[np.int64]
    truth: NDArray[np.float64]
    pit: NDArray[np.float64]
    inside: NDArray[np.bool_]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]

    @property
    def good(self) -> NDArray[np.bool_]:
        """Surveys whose fit succeeded."""
        return np.asarray(np.isfinite(self.pit).all(axis=1))

    @property
    def failed(self) -> int:
        """How many fits did not reach their accuracy."""
        return int(np.sum(~self.good))

    def column(self, name: str, n: int | None = None) -> NDArray[np.float64]:
        """PIT values of one parameter over all surveys that were fitted, or those of one size."""
        return self.pit[self._rows(n), self._place(name)]

    def curve(self, name: str) -> CoverageCurve:
        """Found against claimed coverage of central intervals."""
        return coverage_curve(self.column(name), CURVE_LEVELS)

    def histogram(self, name: str) -> PitHistogram:
        """PIT values in 20 equal bins: the ranks of the truth."""
        return pit_histogram(self.column(name), BINS)

    def difference(self, name: str) -> EcdfDifference:
        """The distribution of PIT values less the uniform one."""
        return ecdf_difference(self.column(name))

    def coverage(self, levels: tuple[float, ...] = (0.5, 0.68, 0.9, 0.95)) -> pl.DataFrame:
        """Coverage of the highest-density interval and of central intervals at some levels.

        Rows with an empty `N` are over all sizes. `standard_error` is binomial around the claim;
        `z` is the departure in standard errors.
        """
        rows: list[dict[str, Any]] = []
        for n in (None, *np.unique(self.sizes).tolist()):
            chosen = self._rows(n)
            for i, name in enumerate(self.names):
                found = float(self.inside[chosen, i].mean()) if chosen.any() else np.nan
                rows.append(self._row(name, n, "highest density", self.level, found, chosen))
                distance = np.abs(2.0 * self.pit[chosen, i] - 1.0)
                for level in levels:
                    found = float(np.mean(distance <= level)) if chosen.any() else np.nan
                    rows.append(self._row(name, n, "central", level, found, chosen))
        return pl.DataFrame(rows, schema_overrides={"N": pl.Int64})

    def uniformity(self) -> pl.DataFrame:
        """Kolmogorov-Smirnov and chi-square (20 bins) p values of each parameter's PIT."""
        test = cast(Any, stats)
        rows: list[dict[str, Any]] = []
        for n in (None, *np.unique(self.sizes).tolist()):
            for name in self.names:
                pit = self.column(name, n)
                if len(pit) == 0:
                    continue
                counts = np.histogram(pit, BINS, (0.0, 1.0))[0]
                rows.append(
                    {
                        "parameter": name,
                        "N": n,
                        "surveys": len(pit),
                        "pit_mean": float(pit.mean()),
                        "pit_sd": float(pit.std()),
                        "ks_p": float(test.kstest(pit, "uniform").pvalue),
                        "chi2_p": float(test.chisquare(counts).pvalue),
                    }
                )
        return pl.DataFrame(rows, schema_overrides={"N": pl.Int64})

    def departures(self, *, errors: float = 3.0, p: float = 0.001) -> tuple[str, ...]:
        """What contradicts calibration over all sizes, in words; empty where nothing does."""
        found = [f"{self.failed} of {len(self.pit)} fits failed"] if self.failed else []
        whole = pl.col("N").is_null()
        for row in (
            self.coverage()
            .filter(whole & (pl.col("interval") == "highest density"))
            .rows(named=True)
        ):
            if not abs(row["z"]) < errors:
                found.append(
                    f"{row['parameter']}: the {row['level']:.0%} interval holds the truth in "
                    f"{row['found']:.4f}, {row['z']:+.1f} standard errors off"
                )
        for row in self.uniformity().filter(whole).rows(named=True):
            if not row["ks_p"] > p:
                found.append(f"{row['parameter']}: PIT is not uniform (KS p = {row['ks_p']:.2g})")
        return tuple(found)

    def to_frame(self) -> pl.DataFrame:
        """One row per survey: size, and per parameter truth, mean, sd, PIT, inside."""
        columns: dict[str, Any] = {"survey": np.arange(len(self.sizes)), "N": self.sizes}
        for i, name in enumerate(self.names):
            columns[f"{name}_true"] = self.truth[:, i]
            columns[f"{name}_mean"] = self.mean[:, i]
            columns[f"{name}_sd"] = self.sd[:, i]
            columns[f"{name}_pit"] = self.pit[:, i]
            columns[f"{name}_inside"] = self.inside[:, i]
        return pl.DataFrame(columns)

    def write_tables(self, folder: str | Path) -> tuple[Path, ...]:
        """Coverage, uniformity and every survey as `calibration_MODEL_….csv`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"calibration_{self.model.replace('-', '_')}"
        written: list[Path] = []
        for name, frame in (
            ("coverage", self.coverage()),
            ("uniformity", self.uniformity()),
            ("surveys", self.to_frame()),
        ):
            path = folder / f"{stem}_{name}.csv"
            stated = frame.with_columns(model=pl.lit(self.model), prior=pl.lit(self.prior))
            (frame if name == "surveys" else stated).write_csv(path)
            written.append(path)
        return tuple(written)

    def _rows(self, n: int | None) -> NDArray[np.bool_]:
        return self.good if n is None else self.good & (self.sizes == n)

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise InputError(f"there is no {name!r} here; choose one of {', '.join(self.names)}.")
        return self.names.index(name)

    def _row(
        self,
        name: str,
        n: int | None,
        interval: str,
        level: float,
        found: float,
        chosen: NDArray[np.bool_],
    ) -> dict[str, Any]:
        count = int(chosen.sum())
        error = float(np.sqrt(level * (1 - level) / count)) if count else np.nan
        return {
            "parameter": name,
            "N": n,
            "interval": interval,
            "level": level,
            "found": found,
            "standard_error": error,
            "z": (found - level) / error,
            "surveys": count,
        }
