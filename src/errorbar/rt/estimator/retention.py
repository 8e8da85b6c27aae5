"""The model of retention times that a notebook holds."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.artifact import read_artifact, write_artifact
from errorbar.core.errors import FitError, SettingsError
from errorbar.rt.artifacts import BackoffSummaries, CoeffSummaries, write_export
from errorbar.rt.data import Chemistry, Peaks
from errorbar.rt.estimator import exports
from errorbar.rt.estimator.far import FarRunWarning, RunRange, far_words
from errorbar.rt.estimator.saving import from_arrays, to_arrays
from errorbar.rt.fit.anchors import anchored
from errorbar.rt.fit.gaps import check_covariates
from errorbar.rt.fit.predict import Predictor
from errorbar.rt.fit.run import PoolFit, fit_pool
from errorbar.rt.model.pool import PoolModel
from errorbar.rt.model.times import Times

__all__ = ["RetentionTimes"]

MODEL_KIND = "rt.pool"


class RetentionTimes:
    """Retention times of compounds in species, given each run's internal standards.

    Every number of the model is found by marginal likelihood, and every prediction carries all
    that is not known. Pairs that were never seen are predicted by what their species, their
    compound, their supercategory and their chemistry say.

    Parameters
    ----------
    model
        What the model has; `PoolModel()` if not given.
    group_col
        `species`, nested in supercategories, or `species_cluster`, which pools supercategories
        whole.
    floor
        The least standard deviation of noise, in minutes. None is what the steps of the times
        leave (`time_step` over the root of twelve), nothing where they have none.
    widen
        Measure on the far training runs how much faster errors grow outside of the range of
        training than the model says, and widen intervals there. It takes a second fit.
    parts
        Parts of a `PoolModel` by name instead of `model`.
    """

    def __init__(
        self,
        model: PoolModel | None = None,
        *,
        group_col: str = "species",
        floor: float | None = None,
        widen: bool = True,
        **parts: Any,
    ) -> None:
        if model is not None and parts:
            raise SettingsError(
                f"pass a model, or its parts by name ({', '.join(parts)}), not both."
            )
        unknown = sorted(set(parts) - set(PoolModel.__dataclass_fields__))
        if unknown:
            raise SettingsError(
                f"a model has no {', '.join(unknown)}; it has "
                f"{', '.join(PoolModel.__dataclass_fields__)}."
            )
        if floor is not None and not floor >= 0:
            raise SettingsError(f"floor={floor:g} must be zero or a number of minutes above it.")
        self.model = PoolModel(**parts) if model is None else model
        self.group_col = group_col
        self.floor = floor
        self.widen = widen
        self._fit: PoolFit | None = None
        self._predictor: Predictor | None = None
        self.run_range: RunRange | None = None

    def fit(
        self,
        peaks: Peaks | Iterable[Peaks],
        chemistry: Chemistry | None = None,
        *,
        progress: Callable[[int, float], None] | None = None,
    ) -> Self:
        """Fit a table, or one that comes in parts; `chemistry` are descriptors of compounds."""

        def fitted(table: Peaks | Iterable[Peaks]) -> PoolFit:
            return fit_pool(
                table, self.model, chemistry, group_col=self.group_col, floor=self.floor,
                progress=progress,
            )  # fmt: skip

        self._hold(fitted(peaks))
        self.run_range = None
        if isinstance(peaks, Peaks):
            self.run_range = RunRange.of(peaks)
        if self.widen and self.run_range is not None and isinstance(peaks, Peaks):
            self.run_range = self.run_range.calibrated(
                peaks, lambda near, far: Predictor(fitted(near)).times(far)
            )
        return self

    def predict(
        self, peaks: Peaks, anchors: Peaks | None = None, *, far: ndarray | None = None
    ) -> Times:
        """When the rows' compounds elute, with error bars; `rt` of the rows is not looked at.

        `anchors` are peaks of the same runs whose compounds are certain: what they share with the
        others moves those. Runs far outside of the range of training are warned of, unless `far`
        says how far the run of each row lies: part of a run's rows cannot tell. Covariates that are
        NaN were not measured: they are expected from the run's others, and intervals are wider by
        what that leaves open.
        """
        check_covariates(self.result.statistics, peaks)
        times = self.predictor.times(peaks)
        if anchors is not None and len(anchors):
            times = anchored(self.predictor, peaks, anchors)
        if self.run_range is None or not len(peaks):
            return times
        if far is None:
            far = self.run_range.of_rows(self.filled(peaks))
            self._warn(peaks, far)
        return self.run_range.widened(times, far)

    def filled(self, peaks: Peaks) -> Peaks:
        """The peaks with what is expected of covariates that were not measured."""
        if not np.isnan(peaks.covariates).any():
            return peaks
        values = self.predictor.covariates(peaks).x + self.result.statistics.centre
        return replace(peaks, covariates=values)

    def farness(self, peaks: Peaks) -> pl.DataFrame:
        """How far each run of a table lies from those of training: above 1 it is outside."""
        if self.run_range is None:
            raise SettingsError(
                "this model knows no range of runs: it was fitted to a table in parts, without "
                "internal standards, or to too few runs."
            )
        numbers, far = self.run_range.farness(self.filled(peaks))
        keys = peaks.run_keys[numbers]
        columns = dict(zip(("sampleset_id", "worksheet_id", "task_id"), keys.T))
        return pl.DataFrame({**columns, "farness": far, "outside": far > 1})

    def coefficients(self) -> CoeffSummaries:
        """The coefficients of every pair that was seen, as files exchange them."""
        return exports.coefficients(self.result)

    def backoff(self) -> BackoffSummaries:
        """The levels above the pairs, as files exchange them."""
        return exports.backoff(self.result)

    def export(self, folder: str | Path, config: dict[str, Any] | None = None) -> Path:
        """The coefficients (and the back-off where it has room for the model) as the reference's
        files, in `folder`."""
        own = self.coefficients()
        exports.check_single(self.result, own)
        try:
            back = self.backoff()
        except SettingsError:
            back = None
        write_export(folder, own, back, config or {})
        return Path(folder)

    @property
    def result(self) -> PoolFit:
        """The fit with all its parts."""
        if self._fit is None:
            raise FitError("this model has not been fitted: call fit first, or load one.")
        return self._fit

    @property
    def predictor(self) -> Predictor:
        """What predicts from the fit."""
        if self._predictor is None:
            raise FitError("this model has not been fitted: call fit first, or load one.")
        return self._predictor

    @property
    def scales(self) -> dict[str, float]:
        """The scales that were found: standard deviations in minutes, and penalties."""
        found = self.result.scales
        if np.isfinite(self.result.freedom):
            found["freedom"] = self.result.freedom
        return found

    def save(self, path: str | Path) -> Path:
        """The model as one file."""
        if Path(path).suffix != ".safetensors":
            raise SettingsError(
                f"{path}: a model is one .safetensors file, call it so; `export` writes the "
                "reference's files."
            )
        arrays, manifest = to_arrays(self.result, self.run_range)
        manifest["widen"] = self.widen
        return write_artifact(path, MODEL_KIND, arrays, manifest)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """A model that was saved; it predicts the same to the bit."""
        held = read_artifact(path, MODEL_KIND)
        fit, reach = from_arrays(held.arrays, held.manifest)
        model = cls(
            fit.model,
            group_col=fit.statistics.group_col,
            floor=fit.parameters.floor,
            widen=bool(held.manifest["widen"]),
        )
        model._hold(fit)
        model.run_range = reach
        return model

    def _hold(self, fit: PoolFit) -> None:
        self._fit, self._predictor = fit, Predictor(fit)

    def _warn(self, peaks: Peaks, far: ndarray) -> None:
        runs, first = np.unique(peaks.run[far > 1], return_index=True)
        if not len(runs):
            return
        distance = far[far > 1][first]
        worst = int(distance.argmax())
        warnings.warn(
            far_words(
                len(runs),
                len(np.unique(peaks.run)),
                peaks.run_keys[runs[worst]].tolist(),
                float(distance[worst]),
            ),  # fmt: skip
            FarRunWarning,
            stacklevel=3,
        )
