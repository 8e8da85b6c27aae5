"""Retention times on real data: two lipid run sets and RepoRT's systems.

`python -m papers.rt_real.run --out DIR [--only lipids|systems]` writes `scores_*.csv`, the same by
support in `support_*.csv`, and for the lipids a report of the random-run split. The data are looked
for at `ERRORBAR_DATA`, else in `../shared/data`.
"""

import argparse
import os
import time
import warnings
from collections.abc import Iterator, Mapping
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
from errorbar.rt.evaluate import Evaluation, compare, evaluate_models, run_covariates
from errorbar.rt.pages import write_rt_page

MODELS = {
    "reference (3e-4)": PoolModel(penalty="reference", priors="reference"),
    "learned": PoolModel(),
    "heavy tails, runs": PoolModel(run_effect=True, freedom="learned"),
    "heavy tails, runs, noise by compound": PoolModel(
        run_effect=True, freedom="learned", noise="compound"
    ),
}
SYSTEMS = {
    "stretch": PoolModel(classes=True, stretch=True),
    "stretch, heavy tails": PoolModel(classes=True, stretch=True, freedom="learned"),
}
BEST = "heavy tails, runs"
MEAN = "mean of the compound"
ANCHORS = (0, 5, 20)
SEEDS = range(3)

Row = dict[str, object]


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
    task: Task, split: str, seed: int, model: str, peaks: Peaks, times: Times, scale: np.ndarray,
    cpu: float,
) -> Row:  # fmt: skip
    """What a model does on the rows of a split; errors of coverage are by run."""
    error = np.abs(times.mean - peaks.rt) * scale
    inside = np.abs(times.score(peaks.rt)) <= times.reach(0.95)
    by_run = np.array([inside[peaks.run == run].mean() for run in np.unique(peaks.run)])
    return {
        "data": task.name,
        "split": split,
        "seed": seed,
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


class Scores:
    """What was scored so far, kept in files: each split as a whole, and by support."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.rows: list[Row] = []
        self.support: list[pl.DataFrame] = []

    def add(self, found: Row) -> None:
        """One model on one split."""
        self.rows.append(found)
        typer.echo({k: round(v, 4) if isinstance(v, float) else v for k, v in found.items()})
        pl.DataFrame(self.rows).write_csv(self.folder / f"scores_{self.name}.csv")

    def by_support(
        self, task: Task, split: str, models: Mapping[str, Times], test: Peaks, train: Peaks
    ) -> Evaluation:
        """Several models on one split, by how many training peaks a row's pair has."""
        found = evaluate_models(test, models, training=train)
        table = compare(found.scores, "support")
        names = pl.lit(task.name).alias("data"), pl.lit(split).alias("split")
        self.support.append(table.select(*names, pl.all()))
        pl.concat(self.support).write_csv(self.folder / f"support_{self.name}.csv")
        return found


def score_lipids(task: Task, scores: Scores) -> None:
    """Random runs, late runs, unseen species, unseen compounds."""
    splits = [
        *((hold_out_runs(task.peaks, 0.3, seed), seed) for seed in SEEDS),
        (hold_out_late_runs(task.peaks, 0.4), 0),
        (hold_out_species(task.peaks, 0.2, 0), 0),
        (hold_out_compounds(task.peaks, 0.2, 0), 0),
    ]
    for split, seed in splits:
        train, test = task.peaks.select(split.train), task.peaks.select(split.test)
        shown = {}

        def told(name, rows, times, cpu, split=split, seed=seed) -> None:
            one = np.ones(len(rows))
            scores.add(row(task, split.name, seed, name, rows, times, one, cpu))

        for name, model in MODELS.items():
            start = time.process_time()
            fitted = RetentionTimes(model, widen=False).fit(train, task.chemistry)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FarRunWarning)
                shown[name] = fitted.predict(test)
            told(name, test, shown[name], time.process_time() - start)
        shown[MEAN] = fit_means(train).predict(test)
        told(MEAN, test, shown[MEAN], 0.0)
        if split.name.endswith("runs"):
            ridge = fit_ridge(train, penalty=3e-4).predict(test, unseen="skip")
            told("ridge (3e-4)", test.select(ridge[1]), ridge[0], 0.0)
        shown = {BEST: shown.pop(BEST), **shown}
        found = scores.by_support(task, split.name, shown, test, train)
        if split is splits[0][0]:
            stem = task.name.replace(",", "").replace(" ", "_")
            write_rt_page(scores.folder / f"{stem}.html", found, title=f"{task.name}: {split.name}")


def score_systems(task: Task, scores: Scores) -> None:
    """Pairs, compounds and systems left out; the last with anchors, on the same rows."""

    def fitted(split: Holdout, model: PoolModel) -> tuple[RetentionTimes, float]:
        start = time.process_time()
        train = task.peaks.select(split.train)
        found = RetentionTimes(model, widen=False).fit(train, task.chemistry)
        return found, time.process_time() - start

    for split in (hold_out_pairs(task.peaks, 0.175, 0), hold_out_compounds(task.peaks, 0.2, 0)):
        test, scale = task.peaks.select(split.test), task.scale[split.test]
        train = task.peaks.select(split.train)
        shown, cost = {MEAN: fit_means(train).predict(test)}, {MEAN: 0.0}
        for name, model in SYSTEMS.items():
            found, cost[name] = fitted(split, model)
            shown[name] = found.predict(test)
        for name, times in shown.items():
            scores.add(row(task, split.name, 0, name, test, times, scale, cost[name]))
            for code, words in ((1, "compound seen"), (3, "compound new")):
                part = times.known == code
                if part.any() and not part.all():
                    chosen, rows = times.select(part), test.select(part)
                    words = f"{split.name}, {words}"
                    scores.add(row(task, words, 0, name, rows, chosen, scale[part], cost[name]))
        scores.by_support(task, split.name, shown, test, train)
    for seed in SEEDS:
        whole = hold_out_systems(task.peaks, 0.2, seed)
        most = pick_anchors(task.peaks, whole, max(ANCHORS), seed)
        test, scale = task.peaks.select(most.test), task.scale[most.test]
        means = fit_means(task.peaks.select(whole.train)).predict(test)
        scores.add(row(task, whole.name, seed, MEAN, test, means, scale, 0.0))
        held = np.flatnonzero(most.anchors)
        rank = np.zeros(len(held), dtype=int)
        for system in np.unique(task.peaks.run[held]):
            mine = task.peaks.run[held] == system
            rank[mine] = np.arange(mine.sum())
        for name, model in SYSTEMS.items():
            found, cpu = fitted(whole, model)
            for count in ANCHORS:
                anchors = task.peaks.select(held[rank < count]) if count else None
                times = found.predict(test, anchors)
                words = f"{whole.name}, {count} anchors"
                scores.add(row(task, words, seed, name, test, times, scale, cpu))


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/rt_real"))
    parser.add_argument("--only", choices=["lipids", "systems"])
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.only != "systems":
        scores = Scores(given.out, "lipids")
        for task in lipids():
            runs = len(run_covariates(task.peaks)[0])
            typer.echo(f"{task.name}: {len(task.peaks)} peaks, {runs} runs")
            score_lipids(task, scores)
    if given.only != "lipids":
        score_systems(systems(), Scores(given.out, "systems"))


if __name__ == "__main__":
    main()
