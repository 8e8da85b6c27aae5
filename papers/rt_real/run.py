"""Retention times on real data: two lipid run sets and RepoRT's systems.

`python -m papers.rt_real.run --out DIR [--only lipids|systems]` writes `scores.csv`, and for the
lipids a report of the random-run split. The data are looked for at `ERRORBAR_DATA`, else in
`../shared/data`.
"""

import argparse
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import typer

from errorbar.rt import (
    Chemistry,
    FarRunWarning,
    Peaks,
    PoolModel,
    RetentionTimes,
    Times,
    peaks_from_runs,
    peaks_from_systems,
)
from errorbar.rt.baselines import fit_means, fit_ridge
from errorbar.rt.data import (
    Holdout,
    hold_out_compounds,
    hold_out_late_runs,
    hold_out_pairs,
    hold_out_runs,
    hold_out_species,
    hold_out_systems,
    lipid_chemistry,
    pick_anchors,
    reduce_chemistry,
)
from errorbar.rt.evaluate import evaluate_models, run_covariates
from errorbar.rt.pages import write_rt_page

MODELS = {
    "reference (3e-4)": PoolModel(penalty="reference", priors="reference"),
    "learned": PoolModel(),
    "heavy tails, runs": PoolModel(run_effect=True, freedom="learned"),
}
SYSTEMS = PoolModel(classes=True, stretch=True)
BEST = "heavy tails, runs"
ANCHORS = (0, 5, 20)


@dataclass(frozen=True)
class Task:
    """One table with its chemistry; `scale` turns its times into minutes."""

    name: str
    peaks: Peaks
    chemistry: Chemistry
    scale: np.ndarray


def folder() -> Path:
    """Where the real data are."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    return Path(os.environ.get("ERRORBAR_DATA") or beside) / "rt"


def lipids() -> Iterator[Task]:
    """The two sets of lipid runs."""
    first = peaks_from_runs(
        pl.read_parquet(folder() / "runs_lipids_masshunter.parquet"),
        run="run", compound="feature", rt="rt", standard="is_istd", kind="sample_type",
        order="acquired", blocks=2, kinds=["SPL", "BQC", "TQC", "LTR", "NIST"], drop_missing=True,
    )  # fmt: skip
    frame = pl.read_parquet(folder() / "runs_lipids_6batches.parquet")
    standards = frame["internal_standard"].unique().drop_nulls().to_list()
    second = peaks_from_runs(
        frame, run="run", compound="feature_name", rt="rt_apex", standard=standards,
        kind="sample_type", order="time_stamp", batch="batch",
        kinds=["SPL", "BQC", "TQC", "LTR"], drop_missing=True,
    )  # fmt: skip
    for name, table in (("lipids, 153 runs", first), ("lipids, 6 batches", second)):
        chemistry = lipid_chemistry(table.compounds)
        yield Task(name, table.peaks, chemistry, np.ones(len(table.peaks)))


def systems() -> Task:
    """RepoRT's reversed-phase systems, times as shares of the gradient."""
    parts = ("observations", "systems", "compounds")
    table = peaks_from_systems(
        *(pl.read_parquet(folder() / f"report_{part}.parquet") for part in parts)
    )
    return Task("RepoRT", table.peaks, reduce_chemistry(table.chemistry, 20), table.minutes)


def row(
    task: Task, split: str, model: str, peaks: Peaks, times: Times, scale: np.ndarray, cpu: float
) -> dict[str, object]:
    """What a model does on the rows of a split; errors of coverage are by run."""
    error = np.abs(times.mean - peaks.rt) * scale
    inside = np.abs(times.score(peaks.rt)) <= times.reach(0.95)
    by_run = np.array([inside[peaks.run == run].mean() for run in np.unique(peaks.run)])
    return {
        "data": task.name,
        "split": split,
        "model": model,
        "rows": len(peaks),
        "mae": float(error.mean()),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "coverage": float(inside.mean()),
        "coverage_error": float(by_run.std(ddof=1) / np.sqrt(len(by_run))),
        "width": float(np.mean(2 * times.reach(0.95) * times.sd * scale)),
        "nll": float(-times.log_density(peaks.rt).mean()),
        "cpu_seconds": cpu,
    }


def score_lipids(task: Task, out: Path) -> Iterator[dict[str, object]]:
    """Random runs, late runs, unseen species, unseen compounds."""
    splits = [
        *(hold_out_runs(task.peaks, 0.3, seed) for seed in range(3)),
        hold_out_late_runs(task.peaks, 0.4),
        hold_out_species(task.peaks, 0.2, 0),
        hold_out_compounds(task.peaks, 0.2, 0),
    ]
    for number, split in enumerate(splits):
        train, test = task.peaks.select(split.train), task.peaks.select(split.test)
        one, shown = np.ones(len(test)), {}
        for name, model in MODELS.items():
            start = time.process_time()
            fitted = RetentionTimes(model, widen=False).fit(train, task.chemistry)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FarRunWarning)
                times = fitted.predict(test)
            shown[name] = times
            yield row(task, split.name, name, test, times, one, time.process_time() - start)
        means = fit_means(train).predict(test)
        yield row(task, split.name, "mean of the compound", test, means, one, 0.0)
        if split.name.endswith("runs"):
            ridge = fit_ridge(train, penalty=3e-4).predict(test, unseen="skip")
            yield row(task, split.name, "ridge (3e-4)", test.select(ridge[1]), ridge[0], one, 0.0)
        if number == 0 and out is not None:
            shown = {BEST: shown.pop(BEST), **shown, "mean of the compound": means}
            found = evaluate_models(test, shown, training=train)
            stem = task.name.replace(",", "").replace(" ", "_")
            write_rt_page(out / f"{stem}.html", found, title=f"{task.name}: {split.name}")


def score_systems(task: Task) -> Iterator[dict[str, object]]:
    """Pairs, compounds and systems left out; the last with anchors."""

    def fitted(split: Holdout) -> tuple[RetentionTimes, float]:
        start = time.process_time()
        train = task.peaks.select(split.train)
        model = RetentionTimes(SYSTEMS, widen=False).fit(train, task.chemistry)
        return model, time.process_time() - start

    for split in (hold_out_pairs(task.peaks, 0.175, 0), hold_out_compounds(task.peaks, 0.2, 0)):
        model, cpu = fitted(split)
        test, scale = task.peaks.select(split.test), task.scale[split.test]
        times = model.predict(test)
        yield row(task, split.name, "stretch", test, times, scale, cpu)
        for code, words in ((1, "compound seen"), (3, "compound new")):
            part = times.known == code
            if part.any() and not part.all():
                name = f"{split.name}, {words}"
                chosen = times.select(part)
                yield row(task, name, "stretch", test.select(part), chosen,
                          scale[part], cpu)  # fmt: skip
    whole = hold_out_systems(task.peaks, 0.2, 0)
    model, cpu = fitted(whole)
    # The same rows are predicted with however many anchors.
    most = pick_anchors(task.peaks, whole, max(ANCHORS), 0)
    test, scale = task.peaks.select(most.test), task.scale[most.test]
    held = np.flatnonzero(most.anchors)
    rank = np.zeros(len(held), dtype=int)
    for system in np.unique(task.peaks.run[held]):
        mine = task.peaks.run[held] == system
        rank[mine] = np.arange(mine.sum())
    for count in ANCHORS:
        anchors = task.peaks.select(held[rank < count]) if count else None
        times = model.predict(test, anchors)
        name = f"{whole.name}, {count} anchors"
        yield row(task, name, "stretch", test, times, scale, cpu)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/rt_real"))
    parser.add_argument("--only", choices=["lipids", "systems"])
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    found: list[dict[str, object]] = []

    def keep(rows: Iterator[dict[str, object]]) -> None:
        for each in rows:
            found.append(each)
            typer.echo({k: round(v, 4) if isinstance(v, float) else v for k, v in each.items()})
            pl.DataFrame(found).write_csv(given.out / "scores.csv")

    if given.only != "systems":
        for task in lipids():
            runs = len(run_covariates(task.peaks)[0])
            typer.echo(f"{task.name}: {len(task.peaks)} peaks, {runs} runs")
            keep(score_lipids(task, given.out))
    if given.only != "lipids":
        keep(score_systems(systems()))


if __name__ == "__main__":
    main()
