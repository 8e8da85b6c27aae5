"""The files that a training leaves."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from errorbar import __version__
from errorbar.app.verbs.folder import file_digest
from errorbar.app.verbs.output import staged
from errorbar.app.verbs.rt.names import FILES, copy_names
from errorbar.app.verbs.rt.plan import TrainPlan
from errorbar.app.verbs.rt.routes import Fitted
from errorbar.app.verbs.rt.stored import SIDE, write_model
from errorbar.rt.artifacts import write_export
from errorbar.rt.data import Peaks, write_peaks
from errorbar.rt.evaluate import count_support

__all__ = ["HELD", "TrainAnswer", "write_training"]

CONFIG, SUPPORT, HELD = "config.json", "support_map.csv", "held_out.csv"


@dataclass(frozen=True, slots=True)
class TrainAnswer:
    """A training: what was fitted, what was found, where it is.

    `scales` are standard deviations in `unit`, and penalties. `held_out` is a table of the rows
    that were kept from the training on purpose. `seconds` are the processor's.
    """

    kind: str
    method: str
    group_col: str
    rows: int
    groups: int
    features: int
    scales: dict[str, float]
    unit: str
    converged: bool
    evaluations: int
    log_posterior: float | None
    diagnostics: dict[str, float]
    seconds: float
    notes: tuple[str, ...]
    model: Path
    exported: Path | None
    held_out: Path | None


def write_training(
    folder: Path, plan: TrainPlan, fitted: Fitted, answer: TrainAnswer, data: Path,
    peaks: Peaks | None, held: Peaks | None, options: dict[str, Any],
) -> None:  # fmt: skip
    """All files of a training, when each of them could be made."""
    config: dict[str, Any] = {
        "model": plan.model, "method": plan.method, "group_col": answer.group_col,
        "lambda_slopes": plan.penalty, "data": data.name, "data_sha256": file_digest(data),
        "rows": answer.rows, "groups": answer.groups, "scales": answer.scales,
        "notes": list(answer.notes), "errorbar": __version__, **options,
    }  # fmt: skip
    if plan.model == "hierarchy":
        pooled = {n: getattr(plan.pool, n) for n in plan.pool.__dataclass_fields__}
        config |= {
            "pool": pooled, "intercept_mode": "explicit", "intercept_prior": "comp_hier_supercat",
            "slope_head_mode": plan.pool.slope_head,
        }  # fmt: skip
    elif plan.model in ("ridge", "sklearn"):
        config |= {"intercept_mode": "collapsed", "intercept_prior": "flat"}
        config |= {"slope_head_mode": "none"}
    with staged(folder) as part:
        if fitted.coefficients is not None:
            write_export(part, fitted.coefficients, fitted.backoff, config)
        else:
            text = json.dumps(config, indent=2, sort_keys=True, allow_nan=False)
            (part / CONFIG).write_text(text + "\n", encoding="utf-8")
        write_model(part, fitted.model)
        if peaks is not None:
            _support_table(peaks).write_csv(part / SUPPORT)
        if held is not None and len(held):
            write_peaks(part / HELD, held)
        copy_names(data.parent, part, options["unit"])
        stale = {*SIDE, SUPPORT, HELD, *FILES, "models/partial_pool_backoff_summaries.npz"}
        stale |= {"models/stage1_coeff_summaries_posterior.npz"}
        for name in stale:
            if not (part / name).exists() and (folder / name).resolve() != data.resolve():
                (folder / name).unlink(missing_ok=True)


def _support_table(peaks: Peaks) -> pl.DataFrame:
    """Training peaks of each supercategory and compound, as `--common-support-map-csv` reads."""
    counts = count_support(peaks)
    return pl.DataFrame(
        {
            "species_cluster": counts.keys >> 32,
            "comp_id": counts.keys & 0xFFFFFFFF,
            "n": counts.count,
        }
    )
