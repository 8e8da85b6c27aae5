"""How well do models predict runs that have drifted away from all that training saw?

Every replicate is a table of the study's generator. Its runs are ordered by how far their standards
lie from those of any other run; the nearest train, the farthest test. Drift clusters are inferred
from the standards and given to all methods alike. Anchors are compounds of a test run whose times
are known: the hierarchy conditions on them, the lassos are moved by their mean error. All methods
and all numbers of anchors are scored on the same rows.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import polars as pl

from errorbar.core.contracts import PieceValue, PieceValues
from errorbar.core.engine import run_pieces
from errorbar.rt.evaluate import ALL, replicate_means
from errorbar.rt.studies.clusters import infer_clusters
from errorbar.rt.studies.far_runs import (
    CLUSTER_LASSO,
    HIERARCHY,
    fit_hierarchy,
    score_anchors,
    split_far,
)
from errorbar.rt.studies.frames import frame_from, pack_frame
from errorbar.rt.studies.settings import ShiftSettings
from errorbar.rt.synth import study_table

__all__ = ["ShiftStudy", "run_shift", "shift_replicate"]

JOURNAL = "journal"
# What anchors may cost at most, and what the hierarchy must gain from which bin on, in percent.
MOST_LOSS, LEAST_GAIN, FAR_FROM = 0.5, 10.0, 80.0


@dataclass(frozen=True, slots=True, eq=False)
class ShiftStudy:
    """What was found: `scores` of each replicate, and three summaries over replicates.

    `bins` are the MAE of each method in each bin. `gains` compare the hierarchy with the cluster ×
    compound lasso on the rows that both score, `anchoring` the hierarchy with and without anchors,
    both in percent of the error of the latter: negative is better. Intervals hold with 95 %, over
    replicates. `fits` say which model training found likelier in each. `targets` hold the findings
    against what was asked.
    """

    settings: ShiftSettings
    scores: pl.DataFrame
    bins: pl.DataFrame
    gains: pl.DataFrame
    anchoring: pl.DataFrame
    fits: pl.DataFrame
    targets: pl.DataFrame


def run_shift(
    settings: ShiftSettings | None = None,
    out: str | Path | None = None,
    *,
    progress: bool | None = None,
    workers: int = 1,
) -> ShiftStudy:
    """Run the study; with a folder `out` its replicates are kept there, and a run that was killed
    goes on. `workers` are processes, if more than one."""
    settings = ShiftSettings() if settings is None else settings
    told = json.dumps({k: v for k, v in settings.plain().items() if k != "seeds"}, sort_keys=True)
    found = run_pieces(
        shift_replicate,
        [{"settings": told, "seed": seed} for seed in settings.seeds],
        seed=0,
        journal=None if out is None else Path(out) / JOURNAL,
        workers="threads" if workers == 1 else "processes",
        n_workers=workers,
        progress=progress,
        label="replicates",
    )
    scores = pl.concat([frame_from(each, "scores") for each in found])
    fits = pl.concat([frame_from(each, "fits") for each in found])
    means = replicate_means(scores.fill_nan(None), ["anchors", "bin", "method"])
    gains, anchoring = _gains(scores), _anchoring(scores)
    return ShiftStudy(
        settings, scores, means, gains, anchoring, fits, _targets(scores, gains, anchoring)
    )


def shift_replicate(piece: PieceValues, seed: int) -> dict[str, PieceValue]:
    """One replicate as the engine runs it; its randomness is that of the piece's own seed."""
    del seed
    given: dict[str, Any] = json.loads(str(piece["settings"]))
    own = int(piece["seed"])  # pyright: ignore[reportArgumentType]
    told = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    settings = ShiftSettings(**cast(Any, told), seeds=(own,))
    table = study_table(settings.generator, own)
    count = settings.generator.clusters if settings.n_clusters is None else settings.n_clusters
    peaks = infer_clusters(table.peaks, count, own, by=settings.clusters_by)
    split = split_far(peaks, settings.percentiles, max(settings.anchors), own)
    chemistry = table.chemistry if settings.descriptors else None
    model, fits = fit_hierarchy(split.train, chemistry, settings.fit)
    scores = pl.DataFrame(score_anchors(split, model, settings.anchors))
    facts = pl.DataFrame(fits).with_columns(
        seed=pl.lit(own), rows_train=pl.lit(len(split.train)), rows_test=pl.lit(split.test_rows)
    )
    return pack_frame(scores.with_columns(seed=pl.lit(own)), "scores") | pack_frame(facts, "fits")


def _gains(scores: pl.DataFrame) -> pl.DataFrame:
    """The hierarchy against the cluster lasso, in percent of the lasso's MAE, over replicates."""
    keys = ["seed", "anchors", "bin"]
    ours, theirs = (
        scores.filter(pl.col("method") == name).select(*keys, pl.col("mae_common").alias(label))
        for name, label in ((HIERARCHY, "hierarchy"), (CLUSTER_LASSO, "lasso"))
    )
    both = ours.join(theirs, on=keys, maintain_order="left")
    both = both.with_columns(percent=100 * (pl.col("hierarchy") / pl.col("lasso") - 1))
    means = both.group_by(["anchors", "bin"], maintain_order=True).agg(
        pl.col("hierarchy", "lasso").mean()
    )
    return means.join(
        replicate_means(both, ["anchors", "bin"], "percent"),
        on=["anchors", "bin"], maintain_order="left",
    )  # fmt: skip


def _anchoring(scores: pl.DataFrame) -> pl.DataFrame:
    """The hierarchy with anchors against itself without, in percent, over replicates."""
    keys = ["seed", "bin"]
    ours = scores.filter(pl.col("method") == HIERARCHY)
    none = ours.filter(pl.col("anchors") == 0).select(*keys, pl.col("mae").alias("without"))
    both = ours.filter(pl.col("anchors") > 0).join(none, on=keys, maintain_order="left")
    both = both.with_columns(percent=100 * (pl.col("mae") / pl.col("without") - 1))
    return replicate_means(both, ["anchors", "bin"], "percent")


def _most(frame: pl.DataFrame, column: str) -> float:
    return float(frame[column].to_numpy().max())


def _targets(scores: pl.DataFrame, gains: pl.DataFrame, anchoring: pl.DataFrame) -> pl.DataFrame:
    """The worst finding beside each target."""
    begins = pl.col("bin").str.split("-").list.first().cast(pl.Float64, strict=False)
    far = gains.filter(begins >= FAR_FROM)
    ours = scores.filter(pl.col("method") == HIERARCHY)
    rows: list[tuple[str, float, float]] = []
    if far.height:
        rows.append((
            f"MAE against the cluster × compound lasso, any bin from {FAR_FROM:g} % (percent)",
            _most(far, "percent"), -LEAST_GAIN,
        ))  # fmt: skip
    rows.append(("rows that the hierarchy does not predict (share)", _most(ours, "nan_share"), 0.0))
    for row in anchoring.filter(pl.col("bin") == ALL).iter_rows(named=True):
        high = row["percent"] if row["high"] is None else row["high"]
        rows.append((
            f"MAE with {row['anchors']} anchors against none, upper 95 % bound (percent)",
            float(high), MOST_LOSS,
        ))  # fmt: skip
    frame = pl.DataFrame(rows, schema=["target", "worst", "at_most"], orient="row")
    return frame.with_columns(reached=pl.col("worst") <= pl.col("at_most"))
