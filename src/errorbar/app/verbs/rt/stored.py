"""Models on disk, of whatever kind: opened by their files, asked alike."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy import ndarray

from errorbar.app.verbs.rt.names import Names, read_names
from errorbar.app.verbs.rt.packed import KINDS, pack, unpack
from errorbar.app.verbs.rt.scales import mixed_times, read_scales, write_scales
from errorbar.core.artifact import read_artifact, write_artifact
from errorbar.core.errors import SettingsError
from errorbar.rt.artifacts import (
    BackoffSummaries,
    CoeffSummaries,
    backed_off,
    read_backoff,
    read_coefficients,
    read_export,
    with_features,
    write_backoff,
    write_coefficients,
)
from errorbar.rt.baselines import FastRidgeFit, LassoFit, MeansFit
from errorbar.rt.data import Chemistry, Peaks, read_chemistry, write_chemistry
from errorbar.rt.estimator import RetentionTimes
from errorbar.rt.estimator.far import RunRange
from errorbar.rt.evaluate import PartialTimes
from errorbar.rt.fit.integrate import PoolMixture
from errorbar.rt.model import Times

__all__ = ["MODEL", "SIDE", "OpenModel", "open_model", "write_model"]

MODEL, BACKOFF, SCALES = "model.safetensors", "backoff.safetensors", "scales.safetensors"
CHEMISTRY = "chemistry.parquet"
# What belongs to an earlier model of the same folder, and not to a new one.
SIDE = (BACKOFF, SCALES, CHEMISTRY)
EXPORTED = "partial_pool_backoff_summaries.npz"


@dataclass(frozen=True, slots=True, eq=False)
class OpenModel:
    """A model that was read: its value, what it falls back on, and what its numbers are called."""

    value: Any
    backoff: BackoffSummaries | None = None
    mixture: PoolMixture | None = None
    chemistry: Chemistry | None = None
    names: Names = field(default_factory=lambda: read_names(None))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The covariates that rows must have."""
        match self.value:
            case RetentionTimes():
                return self.value.result.statistics.feature_names
            case FastRidgeFit():
                return self.value.pairs.feature_names
            case MeansFit():
                return ()
        return self.value.feature_names

    @property
    def group_col(self) -> str:
        """What compounds are paired with: `species` or `species_cluster`."""
        match self.value:
            case RetentionTimes():
                return self.value.group_col
            case FastRidgeFit():
                return "species_cluster"
            case MeansFit():
                return "species"
        return self.value.group_col

    @property
    def keys(self) -> ndarray:
        """The pairs that were seen."""
        match self.value:
            case RetentionTimes():
                return self.value.result.statistics.keys
            case FastRidgeFit():
                return self.value.pairs.group_keys
            case MeansFit():
                return self.value.pairs.ids
        return self.value.group_keys

    @property
    def parents(self) -> dict[int, int]:
        """The supercategory of each species that was seen, where the model knows it."""
        if isinstance(self.value, RetentionTimes):
            held = self.value.result.statistics
            own = held.supercategory_ids[held.parent]
            return dict(zip(held.species_ids.tolist(), own.tolist()))
        if self.backoff is not None:
            ids, own = self.backoff.cluster_ids, self.backoff.cluster_supercat_id
            return dict(zip(ids.tolist(), own.tolist()))
        if isinstance(self.value, CoeffSummaries) and self.value.supercat_id is not None:
            return dict(zip(self.value.species_cluster.tolist(), self.value.supercat_id.tolist()))
        return {}

    @property
    def knows_gaps(self) -> bool:
        """Whether it can be asked of rows that lack some covariates."""
        return isinstance(self.value, RetentionTimes)

    def filled(self, peaks: Peaks) -> Peaks:
        """The peaks with what stands for covariates that were not measured."""
        if not np.isnan(peaks.covariates).any():
            return peaks
        if isinstance(self.value, RetentionTimes):
            return self.value.filled(peaks)
        return replace(peaks, covariates=np.nan_to_num(peaks.covariates))

    @property
    def centre(self) -> ndarray | None:
        """The covariates' mean in training, where the model knows it."""
        if isinstance(self.value, RetentionTimes):
            return self.value.result.statistics.centre
        return getattr(self.value, "feature_center", None)

    def predict(
        self, peaks: Peaks, anchors: Peaks | None = None, far: ndarray | None = None
    ) -> PartialTimes:
        """Times of the rows that the model can score; `far` is the far-ness of each if known."""
        if anchors is not None and len(anchors) and not isinstance(self.value, RetentionTimes):
            raise SettingsError(
                "only the hierarchy learns from compounds that were already found in a run; this "
                f"model is a {type(self.value).__name__}: leave --anchors out."
            )
        rows = peaks
        if peaks.feature_names != self.feature_names:
            rows = with_features(peaks, self.feature_names)
        if not self.knows_gaps:
            rows = self.filled(rows)
        match self.value:
            case RetentionTimes() if self.mixture is not None:
                return _whole(mixed_times(self.value, self.mixture, rows, anchors, far))
            case RetentionTimes():
                return _whole(self.value.predict(rows, anchors, far=far))
            case MeansFit():
                return _whole(self.value.predict(rows))
            case LassoFit():
                return _of_lasso(self.value, rows)
        if self.backoff is not None:
            return _whole(backed_off(self.value, self.backoff, rows, self.chemistry))
        return PartialTimes(*self.value.predict(rows, unseen="skip"))

    def farness(self, peaks: Peaks) -> ndarray | None:
        """How far each row's run lies from those of training; beyond 1 it is outside."""
        reach = self._range
        return None if reach is None or not len(peaks) else reach.of_rows(self.filled(peaks))

    def run_farness(self, runs: ndarray) -> ndarray | None:
        """The same for runs of these covariates."""
        return None if self._range is None else self._range.of_runs(runs)

    @property
    def knows_range(self) -> bool:
        """Whether the model can say how far a run lies."""
        return self._range is not None

    @property
    def _range(self) -> RunRange | None:
        return self.value.run_range if isinstance(self.value, RetentionTimes) else None


def write_model(folder: Path, model: OpenModel) -> Path:
    """The model's own files in a folder."""
    path = folder / MODEL
    match model.value:
        case RetentionTimes():
            model.value.save(path)
        case CoeffSummaries():
            write_coefficients(path, model.value)
        case _:
            kind = next(name for name, made in KINDS.items() if isinstance(model.value, made))
            write_artifact(path, kind, *pack(model.value))
    if model.mixture is not None:
        write_scales(folder / SCALES, model.mixture)
    if model.backoff is not None:
        write_backoff(folder / BACKOFF, model.backoff)
    if model.chemistry is not None and not isinstance(model.value, RetentionTimes):
        write_chemistry(folder / CHEMISTRY, model.chemistry)
    return path


def open_model(path: Path | str) -> OpenModel:
    """A model by its file, or by the folder of a training; ours or the reference code's."""
    path = Path(path)
    if path.is_dir():
        own = path / MODEL
        return open_model(own) if own.exists() else _exported(path)
    if path.suffix == ".npz":
        back = path.with_name(EXPORTED)
        return OpenModel(
            read_coefficients(path),
            read_backoff(back) if back.exists() and back != path else None,
            chemistry=_chemistry(path.parent.parent),
            names=read_names(path.parent.parent),
        )
    kind, folder = _kind(path), path.parent
    names = read_names(folder)
    if kind == "rt coefficients":
        back = folder / BACKOFF
        return OpenModel(
            read_coefficients(path),
            read_backoff(back) if back.exists() else None,
            chemistry=_chemistry(folder),
            names=names,
        )
    if kind in KINDS:
        held = read_artifact(path, kind)
        return OpenModel(unpack(KINDS[kind], held.arrays, held.manifest), names=names)
    value = RetentionTimes.load(path)
    nodes = folder / SCALES
    mixture = read_scales(nodes, value) if nodes.exists() else None
    return OpenModel(value, mixture=mixture, names=names)


def _exported(folder: Path) -> OpenModel:
    held = read_export(folder)
    return OpenModel(
        held.coefficients, held.backoff, chemistry=_chemistry(folder), names=read_names(folder)
    )


def _chemistry(folder: Path) -> Chemistry | None:
    path = folder / CHEMISTRY
    return read_chemistry(path) if path.exists() else None


def _kind(path: Path) -> str:
    """What an artifact says it is; whether that is so is seen when it is read."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        head = file.read(min(size, 2**24))
    try:
        told: Any = json.loads(json.loads(head)["__metadata__"]["manifest"])
        return str(told["kind"])
    except (ValueError, KeyError, TypeError):
        return ""


def _whole(times: Times) -> PartialTimes:
    return PartialTimes(times, np.ones(len(times), dtype=bool))


def _of_lasso(fit: LassoFit, peaks: Peaks) -> PartialTimes:
    mean, scored = fit.predict(peaks)
    support = fit.n_obs[np.searchsorted(fit.group_keys, peaks.keys(fit.group_col)[scored])]
    zero = np.zeros(len(support), dtype=np.int64)
    return PartialTimes(
        Times(mean[scored], np.ones(len(support)), zero, cast(Any, support)), scored, spread=False
    )
