"""A model whose scales are averaged over: its nodes on disk, and its predictions."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from errorbar.core.artifact import Json, read_artifact, write_artifact
from errorbar.core.errors import ArtifactError
from errorbar.rt.data import Peaks
from errorbar.rt.estimator import RetentionTimes
from errorbar.rt.fit.anchors import anchored
from errorbar.rt.fit.integrate import PoolMixture
from errorbar.rt.fit.predict import Predictor
from errorbar.rt.model import Times

__all__ = ["mixed_times", "read_scales", "write_scales"]

SCALES_KIND = "rt scales"
PARTS = ("at", "weights", "mean", "covariance")
NUMBERS = ("effective_size", "log_evidence", "evidence_error", "tail")


def write_scales(path: Path, mixture: PoolMixture) -> Path:
    """The nodes to a file of their own, beside the model that they belong to."""
    told: dict[str, Json] = {}
    for name in NUMBERS:
        value = float(getattr(mixture, name))
        told[name] = value if np.isfinite(value) else None
    told["mode"] = [float(x) for x in mixture.fit.at]
    return write_artifact(path, SCALES_KIND, {n: getattr(mixture, n) for n in PARTS}, told)


def read_scales(path: Path, model: RetentionTimes) -> PoolMixture:
    """The nodes of a model; refused where they are another model's."""
    held = read_artifact(path, SCALES_KIND)
    told: Any = dict(held.manifest)
    if told.pop("mode") != model.result.at.tolist():
        raise ArtifactError(
            f"{path} belongs to another model than the one beside it: take both from one training, "
            "or remove it to predict at the mode of the scales."
        )
    parts: dict[str, Any] = {name: held.arrays[name] for name in PARTS}
    parts |= {name: np.nan if value is None else float(value) for name, value in told.items()}
    return PoolMixture(fit=model.result, **parts)


def mixed_times(
    model: RetentionTimes,
    mixture: PoolMixture,
    peaks: Peaks,
    anchors: Peaks | None = None,
    far: ndarray | None = None,
) -> Times:
    """Times averaged over the nodes, by the law of total variance; `far` runs are widened."""
    mean, square = np.zeros(len(peaks)), np.zeros(len(peaks))
    first: Times | None = None
    for weight, fit in zip(mixture.weights, mixture.fits()):
        predictor = Predictor(fit)
        if anchors is not None and len(anchors):
            # Anchors that do not fit are told of once.
            part = anchored(predictor, peaks, anchors, warn=first is None)
        else:
            part = predictor.times(peaks)
        first = part if first is None else first
        off = part.mean - first.mean
        mean += weight * off
        square += weight * (part.sd**2 + off**2)
    assert first is not None
    sd = np.sqrt(square - mean**2)
    times = Times(first.mean + mean, sd, first.known, first.support, first.freedom)
    if model.run_range is None or not len(peaks):
        return times
    if far is None:
        far = model.run_range.of_rows(model.filled(peaks))
    return model.run_range.widened(times, far)
