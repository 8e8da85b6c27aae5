"""One fit of the species-rare study: a split, an arm, and what it errs on rare pairs."""

import json
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.contracts import PieceValue, PieceValues
from errorbar.core.errors import SettingsError
from errorbar.rt.data import (
    Chemistry,
    Peaks,
    hold_out_rare,
    hold_out_runs,
    reduce_chemistry,
)
from errorbar.rt.estimator import RetentionTimes
from errorbar.rt.model.pool import PoolModel
from errorbar.rt.studies.frames import chemistry_from, pack_frame, peaks_from
from errorbar.rt.studies.settings import RareSettings
from errorbar.rt.synth import StudySettings, study_table

__all__ = [
    "BARE",
    "FULL",
    "OTHERS",
    "RARE",
    "Arm",
    "arm_words",
    "arms_of",
    "components",
    "fit_arm",
]

FULL, BARE = "full", "no descriptors"
RARE, OTHERS = "rare pairs", "other pairs"
REACH = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Arm:
    """A model with a name; `descriptors` says whether it is given any."""

    name: str
    model: PoolModel
    descriptors: bool = True

    @property
    def headed(self) -> bool:
        """Whether species respond to chemistry in their own way."""
        return bool(self.model.head_dims or self.model.gate_rank)


def arms_of(settings: RareSettings) -> tuple[Arm, ...]:
    """All arms, the one without heads first."""
    base = settings.model
    heads = [
        Arm(f"head {dims}, {level}", replace(base, head_dims=dims, head_level=level))
        for dims in settings.head_dims
        for level in settings.levels
    ]
    gates = [
        Arm(f"gate {rank}", replace(base, gate_rank=rank, head_level="both"))
        for rank in settings.gate_ranks
    ]
    return (Arm(FULL, base), Arm(BARE, base, descriptors=False), *heads, *gates)


def fit_arm(piece: PieceValues, seed: int) -> dict[str, PieceValue]:
    """One arm on one split, as the engine runs it; its randomness is that of the piece's seed."""
    del seed
    given: dict[str, Any] = json.loads(str(piece["arm"]))
    arm = Arm(given["name"], PoolModel(**given["model"]), given["descriptors"])
    peaks, chemistry = _table(piece)
    own, shares = int(str(piece["seed"])), json.loads(str(piece["split"]))
    base = hold_out_runs(peaks, shares["test_share"], own)
    split = hold_out_rare(peaks, base, shares["rare_share"], own, most=shares["most"])
    train, test = peaks.select(split.train), peaks.select(base.test)
    start = time.process_time()
    fit = RetentionTimes(arm.model, widen=False).fit(train, chemistry if arm.descriptors else None)
    seconds = time.process_time() - start
    times = fit.predictor.times(test)
    error, inside = np.abs(test.rt - times.mean), np.abs(times.score(test.rt)) <= REACH
    rare = split.test[base.test]
    told = pl.DataFrame([
        {"slice": name, "rows": int(part.sum())} | _means(error, inside, times.sd, part)
        for name, part in ((RARE, rare), (OTHERS, ~rare))
    ])  # fmt: skip
    runs = np.unique(test.run[rare])
    place = np.searchsorted(runs, test.run[rare])
    result = fit.result
    return pack_frame(told, "scores") | {
        "run": runs,
        "run_rows": np.bincount(place, minlength=len(runs)),
        "run_error": np.bincount(place, error[rare], minlength=len(runs)),
        "log_posterior": result.log_posterior,
        "converged": result.converged,
        "cpu_seconds": seconds,
    }


def _table(piece: PieceValues) -> tuple[Peaks, Chemistry | None]:
    """The table of a piece: the one given, or one made for its seed; descriptors as components."""
    if "generator" in piece:
        settings = StudySettings(**json.loads(str(piece["generator"])))
        made = study_table(settings, int(str(piece["seed"])))
        return made.peaks, components(made.chemistry)
    return peaks_from(piece, "peaks"), chemistry_from(piece, "chemistry")


def components(chemistry: Chemistry) -> Chemistry:
    """All principal components of descriptors, so that the first few are a small head's.

    They say together what the descriptors say, so all arms are given them.
    """
    varies = chemistry.values.std(axis=0) > 1e-12 * np.abs(chemistry.values).max(axis=0, initial=0)
    most = min(int(varies.sum()), len(chemistry.compound))
    if most == 0:
        raise SettingsError("no descriptor varies between compounds: there is nothing to head by.")
    return reduce_chemistry(chemistry, most)


def arm_words(arm: Arm) -> str:
    """An arm as a piece holds it."""
    return json.dumps(asdict(arm), sort_keys=True)


def _means(error: ndarray, inside: ndarray, sd: ndarray, part: ndarray) -> dict[str, float]:
    if not part.any():
        return dict.fromkeys(("mae", "rmse", "coverage", "width"), np.nan)
    return {
        "mae": float(error[part].mean()),
        "rmse": float(np.sqrt((error[part] ** 2).mean())),
        "coverage": float(inside[part].mean()),
        "width": float(2 * REACH * sd[part].mean()),
    }
