"""The main job on an export: prepare, train three variants, evaluate and plot, for each library."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from errorbar.app.verbs.output import check_folder, put_table
from errorbar.app.verbs.rt.evaluate import rt_evaluate
from errorbar.app.verbs.rt.layout import ExportedLibrary, find_library
from errorbar.app.verbs.rt.prepare import check_mapping
from errorbar.app.verbs.rt.steps import Steps
from errorbar.app.verbs.rt.tables import read_rows
from errorbar.app.verbs.rt.told import told_warnings
from errorbar.app.verbs.rt.train import rt_train
from errorbar.core.engine.run import progress_bar
from errorbar.core.errors import SettingsError
from errorbar.rt.data import cap_rows, hold_out_runs, read_table

__all__ = ["VARIANTS", "ReproduceAnswer", "rt_reproduce"]

# The three of the reference's experiment, the one that matters first.
VARIANTS: Mapping[str, Mapping[str, str]] = {
    "pooled": {
        "group_col": "species",
        "intercept_mode": "explicit",
        "intercept_prior": "comp_hier_supercat",
        "slope_head_mode": "cluster_supercat",
    },
    "supercategory": {"group_col": "species_cluster", "model": "ridge"},
    "species": {"group_col": "species", "model": "ridge"},
}


@dataclass(frozen=True, slots=True, eq=False)
class ReproduceAnswer:
    """Scores of the three variants for each library, what was done anew, and the reports."""

    table: pl.DataFrame
    done: tuple[str, ...]
    skipped: tuple[str, ...]
    notes: tuple[str, ...]
    reports: tuple[Path, ...]
    summary: Path


def rt_reproduce(
    folder: Path | str,
    *,
    libs: Sequence[int] = (208, 209),
    cap: int = 100,
    out: Path | str = "rt_reproduced",
    chemistry: Path | str | None = None,
    test_share: float = 0.3,
    max_train_rows: int | None = None,
    max_groups: int | None = None,
    max_test_rows: int | None = None,
    seed: int = 42,
    resume: bool = True,
    progress: bool | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> ReproduceAnswer:
    """Run the whole pipeline on the `repo_export` layout, with an HTML page and a PDF a library.

    The table is `lib{N}/cap{C}/*_rt_prod.csv` (or is capped from a larger one), held against
    `lib{N}/species_mapping/`; `lib{N}/realtest/*_rt_prod.csv` tests, else a share of whole runs
    does. Steps whose inputs and settings are unchanged are not done again.
    """
    source, target = Path(folder), check_folder(out)
    if not libs:
        raise SettingsError("libs names no library: give some, such as 208,209.")
    if not 0 < test_share < 1:
        raise SettingsError(f"test_share={test_share:g} must lie between 0 and 1.")
    found = [find_library(source, each, cap) for each in libs]
    target.mkdir(parents=True, exist_ok=True)
    job = _Job(Steps(target, resume), chemistry, test_share, seed, [], [], [], [])
    sizes: dict[str, Any] = {"max_train_rows": max_train_rows, "max_groups": max_groups}
    with progress_bar(progress, "steps", 5 * len(found), 0) as advance:

        def moved(text: str) -> None:
            tell(text)
            advance()

        for each in found:
            job.library(each, sizes, max_test_rows, moved)
    table = pl.concat(job.tables)
    return ReproduceAnswer(
        table=table,
        done=tuple(job.done),
        skipped=tuple(job.skipped),
        notes=tuple(dict.fromkeys(job.notes)),
        reports=tuple(
            target / f"lib{each.library}" / f"cap{cap}" / "evaluation" / "report.html"
            for each in found
        ),
        summary=put_table(target / "summary.csv", table),
    )


@dataclass(frozen=True, slots=True)
class _Job:
    steps: Steps
    chemistry: Path | str | None
    test_share: float
    seed: int
    done: list[str]
    skipped: list[str]
    notes: list[str]
    tables: list[pl.DataFrame]

    def step(
        self, name: str, inputs: Sequence[Path], settings: dict[str, Any],
        work: Callable[[], Sequence[Path]], moved: Callable[[str], None],
    ) -> None:  # fmt: skip
        fresh = self.steps.run(name, inputs, settings, work)
        (self.done if fresh else self.skipped).append(name)
        moved(f"{name}: {'done' if fresh else 'was there already'}")

    def library(
        self, library: ExportedLibrary, sizes: dict[str, Any], max_test_rows: int | None,
        moved: Callable[[str], None],
    ) -> None:  # fmt: skip
        name = f"lib{library.library}"
        own = self.steps.folder / name / f"cap{library.cap}"
        train, test = own / "data" / "train.parquet", own / "data" / "test.parquet"
        if library.test is None:
            self.notes.append(
                f"{name} has no realtest/*_rt_prod.csv: {100 * self.test_share:g} % of its runs, "
                f"chosen with seed {self.seed}, test instead."
            )
        inputs = [library.table, library.mapping, *([library.test] if library.test else [])]
        told = {"cap": library.cap, "share": self.test_share, "seed": self.seed}
        self.step(
            f"{name} prepare", inputs, told,
            lambda: _prepared(library, train, test, self.test_share, self.seed), moved,
        )  # fmt: skip
        chemistry = None if self.chemistry is None else Path(self.chemistry)
        models = {variant: own / "models" / variant for variant in VARIANTS}
        for variant, flags in VARIANTS.items():
            given: dict[str, Any] = {**flags, **sizes, "seed": self.seed}
            pooled = variant == "pooled"
            extra = [chemistry] if pooled and chemistry is not None else []

            def work(variant: str = variant, given: dict[str, Any] = given) -> Sequence[Path]:
                own = {**given, "chemistry": chemistry if variant == "pooled" else None}
                found = rt_train(train, out=models[variant], progress=False, **own)
                return [found.model, found.model.parent / "config.json"]

            self.step(f"{name} train {variant}", [train, *extra], given, work, moved)
        files = [path / "model.safetensors" for path in models.values()]
        evaluation = own / "evaluation"

        def judged() -> Sequence[Path]:
            found = rt_evaluate(
                models, test, out=evaluation, training=train, max_test_rows=max_test_rows,
                seed=self.seed, title=f"Retention times of {name}, cap {library.cap}",
                progress=False,
            )  # fmt: skip
            assert found.report is not None
            assert found.pdf is not None
            return [*found.tables, found.report, found.pdf]

        told = {"max_test_rows": max_test_rows, "seed": self.seed}
        self.step(f"{name} evaluate", [test, train, *files], told, judged, moved)
        scores = pl.read_csv(evaluation / "tables" / "scores.csv")
        self.tables.append(
            scores.filter(pl.col("bin") == "all").select(
                pl.lit(name).alias("library"),
                "model", "n_obs_test", "mae", "rmse", "coverage_95", "interval_width_mean",
                "share_scored",
            )
        )  # fmt: skip


def _prepared(
    library: ExportedLibrary, train: Path, test: Path, share: float, seed: int
) -> Sequence[Path]:
    """Tables to train and to test with, their species those of the mapping."""
    frame, mapping = read_table(library.table), read_table(library.mapping)
    check_mapping(frame, library.table, mapping, library.mapping)
    if library.found_cap > library.cap:
        frame = cap_rows(frame, library.cap, seed)
    if library.test is not None:
        judged = read_table(library.test)
        check_mapping(judged, library.test, mapping, library.mapping)
        return [put_table(train, frame), put_table(test, judged)]
    # Read as training would, so that what is wrong with the table is said here.
    whole = put_table(train, frame)
    with told_warnings([]):
        split = hold_out_runs(read_rows(whole), share, seed)
    parts = [frame.filter(pl.Series(mask)) for mask in (split.train, split.test)]
    return [put_table(path, part) for path, part in zip((train, test), parts)]
