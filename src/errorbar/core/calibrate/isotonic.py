"""Isotonic calibration: the non-decreasing curve from claimed probability to found frequency."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from numpy import ndarray
from scipy import optimize  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.calibrate.base import BaseProbCalibrator, as_probs, read_array
from errorbar.core.calibrate.doors import Inputs, one_hot
from errorbar.core.errors import ArtifactError

__all__ = ["IsotonicCalibrator", "fit_isotonic"]

_pool = cast("Callable[..., Any]", optimize.isotonic_regression)


class IsotonicCalibrator(BaseProbCalibrator):
    """Each probability read off a non-decreasing curve; rows are then divided by their sum.

    With `per_class` every class has its own curve (Zadrozny & Elkan 2002), otherwise one curve
    serves all and keeps each row's order of classes. A class without a row in the fit keeps its
    probabilities as they are. A row whose curves are all zero is left as it was. Curves are flat
    steps joined by straight lines, so they can say exactly 0 or 1, which a log score punishes
    without mercy; on few rows another calibrator does better.
    """

    def __init__(self, per_class: bool = False, *, inputs: Inputs | None = None) -> None:
        super().__init__(inputs=inputs)
        self.per_class = bool(per_class)
        self.curves: tuple[tuple[ndarray, ndarray], ...] = ()

    def _learn(self, matrix: ndarray, labels: ndarray, inputs: Inputs) -> None:
        probs = as_probs(matrix, inputs)
        truth = one_hot(labels, probs.shape[1])
        if self.per_class:
            self.curves = tuple(
                fit_isotonic(p, hit) if hit.any() else (np.array([0.0, 1.0]), np.array([0.0, 1.0]))
                for p, hit in zip(probs.T, truth.T)
            )
        else:
            self.curves = (fit_isotonic(probs.ravel(), truth.ravel()),)

    def _apply(self, matrix: ndarray, inputs: Inputs) -> ndarray:
        probs = as_probs(matrix, inputs)
        curves = self.curves if self.per_class else self.curves * probs.shape[1]
        read = np.empty(probs.shape)
        for column, (at, to) in enumerate(curves):
            read[:, column] = np.interp(probs[:, column], at, to)
        total = read.sum(axis=1, keepdims=True)
        return np.where(total > 0, read / np.where(total > 0, total, 1.0), probs)

    def _state(self) -> dict[str, Any]:
        curves = [{"claimed": at.tolist(), "found": to.tolist()} for at, to in self.curves]
        return {"per_class": self.per_class, "curves": curves}

    def _restore(self, payload: Mapping[str, Any]) -> None:
        self.per_class = bool(payload.get("per_class", False))
        written = payload.get("curves", ())
        wanted = (self.n_classes or 0) if self.per_class else 1
        if self.n_classes is None or len(written) != wanted:
            raise ArtifactError(
                f"the payload of an IsotonicCalibrator holds {len(written)} curves for "
                f"{self.n_classes} classes: it does not hold the fit. Fit again and write it with "
                "`to_dict`."
            )
        self.curves = tuple(_read_curve(curve) for curve in written)


def fit_isotonic(claimed: ndarray, hit: ndarray) -> tuple[ndarray, ndarray]:
    """Places and heights of the non-decreasing least-squares curve; equal claims share one height.

    Inner points of flat steps are left out, which changes nothing between the others.
    """
    place, at, rows = np.unique(claimed, return_inverse=True, return_counts=True)
    mean = np.bincount(at, weights=hit) / rows
    height = np.asarray(_pool(mean, weights=rows.astype(np.float64)).x, dtype=np.float64)
    height = np.clip(height, 0.0, 1.0)
    step = np.diff(height) > 0
    kept = np.concatenate([[True], step]) | np.concatenate([step, [True]])
    return place[kept], height[kept]


def _read_curve(curve: Mapping[str, Any]) -> tuple[ndarray, ndarray]:
    named = {"type": "IsotonicCalibrator", **curve}
    claimed = read_array(named, "claimed", None)
    found = read_array(named, "found", claimed.shape)
    if claimed.ndim != 1 or len(claimed) == 0 or (np.diff(claimed) <= 0).any():
        raise ArtifactError(
            "a curve of an IsotonicCalibrator does not rise: the payload was changed."
        )
    return claimed, found
