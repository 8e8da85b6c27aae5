"""Everything the figures of the toy problem show, computed and written to a folder.

    python -m papers.hmf_toy.run --out results/hmf_toy

Each step writes one file, and a step whose file is there is not made again; the grid also keeps
each of its models, so that a run that was killed loses one fit at most.

- `toy.parquet`: what the toy holds, and what the truth itself would find,
- `grid.parquet`: each model's objective, scores and detections on the test half,
- `best.safetensors`: the model with the best score,
- `baselines.parquet`: principal components and their robust kin under the same scoring,
- `figures.safetensors`: all that is drawn but in no table.
"""

import argparse
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.artifact import write_artifact
from errorbar.core.errors import FitError, SettingsError
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.fit.als import AlsSettings
from errorbar.hmf.fit.infer import infer_coefficients
from errorbar.hmf.fit.pursuit import fit_pca, fit_pursuit, project_rows
from errorbar.hmf.fit.run import fit_factors
from errorbar.hmf.fit.starts import InitStrategy
from errorbar.hmf.grid import GridResult, search
from errorbar.hmf.model import StudentTLikelihood
from errorbar.hmf.summary import (
    ObjectRule,
    best_detection,
    calibrate_objects,
    detect,
    find_outliers,
    match_basis,
    score_fit,
    score_objects,
    weight_histogram,
)
from errorbar.hmf.synth import ToySpectra, make_toy

__all__ = ["CONFIG", "KIND", "main", "read_config", "run"]

CONFIG = Path(__file__).with_name("config.toml")
KIND = "hmf toy figures"
# The paper on the robust factorisation flags objects whose median weight is below this.
PAPER_CUT = 0.9

Config = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Toy:
    """The toy and its two halves."""

    spectra: ToySpectra

    @cached_property
    def train(self) -> tuple[ndarray, ndarray]:
        return self.spectra.Y[self.spectra.train], self.spectra.W[self.spectra.train]

    @cached_property
    def test(self) -> tuple[ndarray, ndarray]:
        return self.spectra.Y[self.spectra.test], self.spectra.W[self.spectra.test]

    @cached_property
    def outliers(self) -> ndarray:
        """True outlying pixels of the test half."""
        return self.spectra.outliers[self.spectra.test]

    @cached_property
    def objects(self) -> ndarray:
        """True outlier spectra of the test half."""
        return self.spectra.outlier_objects[self.spectra.test]


def read_config(path: str | Path = CONFIG, *, small: bool = False) -> Config:
    """The settings of a run; with `small` those of the quick one."""
    held = tomllib.loads(Path(path).read_text())
    changes = held.pop("small", {})
    return {name: part | (changes.get(name, {}) if small else {}) for name, part in held.items()}


def run(config: Config, out: str | Path, *, progress: bool | None = None) -> Path:
    """Write all results into the folder `out`, which serves one configuration only."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder / "config.json", config)
    toy = Toy(make_toy(**config["toy"]))
    _step(folder / "toy.parquet", lambda: _describe(toy))
    grid = config["grid"]
    found = search(
        *toy.train, grid["ranks"], grid["scales"], held_out=toy.test,
        journal=folder / "journal", progress=progress,
    )  # fmt: skip
    best = found.best(grid["choose_by"])
    model = found.model(best.rank, best.scale)
    model.save(folder / "best.safetensors")
    _step(folder / "grid.parquet", lambda: _detections(toy, found))
    made = _Once(lambda: _bases(toy, max(grid["ranks"]), config["baselines"]["passes"]))
    _step(
        folder / "baselines.parquet",
        lambda: pl.DataFrame(_score_baselines(toy, made(), grid["ranks"], best.scale)),
    )
    if not (folder / "figures.safetensors").exists():
        _write_figure_values(folder, toy, model, best.objective, made(), config["figures"])
    return folder


class _Once:
    """Something long that two steps need, made when the first asks."""

    def __init__(self, make: Callable[[], dict[str, ndarray]]) -> None:
        self.make = make
        self.made: dict[str, ndarray] | None = None

    def __call__(self) -> dict[str, ndarray]:
        if self.made is None:
            self.made = self.make()
        return self.made


def _claim(path: Path, config: Config) -> None:
    """Refuse a folder that holds the results of another configuration."""
    told = json.dumps(config, indent=1, sort_keys=True) + "\n"
    if path.exists() and path.read_text() != told:
        raise SettingsError(
            f"{path.parent} holds results of another configuration, see {path.name} there: give "
            "another folder, or delete this one."
        )
    path.write_text(told)


def _step(path: Path, make: Callable[[], pl.DataFrame]) -> None:
    if not path.exists():
        part = path.with_suffix(".part")
        make().write_parquet(part)
        part.replace(path)


def _describe(toy: Toy) -> pl.DataFrame:
    """What there is to find, and how much of it the true model finds with the best threshold."""
    spectra = toy.spectra
    t = spectra.W * (spectra.Y - spectra.A @ spectra.G.T) ** 2
    valid, test = spectra.W > 0, np.zeros(len(t), dtype=bool)
    test[spectra.test] = True
    oracle = {
        name: best_detection(t[rows], spectra.outliers[rows])
        for name, rows in (("all", valid), ("test", valid & test[:, None]))
    }
    counts = {
        name: int(getattr(spectra, name).sum())
        for name in ("spectra", "pixels", "columns", "lines", "gaps")
    }
    return pl.DataFrame(
        {
            **counts,
            "outlier_objects": int(spectra.outlier_objects.sum()),
            "outlier_objects_test": int(toy.objects.sum()),
            **{f"oracle_f1_{name}": found.f1 for name, (found, _) in oracle.items()},
            **{f"oracle_threshold_{name}": cut for name, (_, cut) in oracle.items()},
        }
    )


def _detections(toy: Toy, found: GridResult) -> pl.DataFrame:
    """The table of the grid with what each model detects in the test half."""
    more = []
    for point in found.points:
        A = infer_coefficients(*toy.test, point.state.G, StudentTLikelihood(1.0, point.scale)).A
        c = point.scale**2
        rule = calibrate_objects(score_objects(*toy.train, point.state.A, point.state.G, c))
        more.append(
            {"rank": point.rank, "scale": point.scale}
            | _detected(toy, A, point.state.G, rule)
            | {"angle": _angle(toy, point.state.G)}
        )
    return found.table().join(pl.DataFrame(more), on=["rank", "scale"], how="left")


def _detected(toy: Toy, A: ndarray, G: ndarray, rule: ObjectRule) -> dict[str, float]:
    """F1 of pixels alone, of pixels with those of flagged objects, and of objects."""
    found = find_outliers(*toy.test, A, G, rule)
    valid = toy.test[1] > 0
    pixels = detect(found.mask(toy.test[1], with_objects=False)[valid], toy.outliers[valid])
    both = detect(found.mask(toy.test[1])[valid], toy.outliers[valid])
    return {
        "f1_pixel": pixels.f1,
        "precision_pixel": pixels.precision,
        "recall_pixel": pixels.recall,
        "f1_pixel_object": both.f1,
        "f1_object": detect(found.objects, toy.objects).f1,
        "f1_object_paper": detect(found.scores.median < PAPER_CUT, toy.objects).f1,
    }


def _angle(toy: Toy, G: ndarray) -> float:
    """The largest principal angle to the true basis, in degrees."""
    return float(match_basis(toy.spectra.G, G).angles[0])


def _bases(toy: Toy, rank: int, passes: int) -> dict[str, ndarray]:
    """Bases of the methods without error bars; the first vectors are those of a lower rank."""
    pca = fit_pca(*toy.train, rank)
    pursuit, parts = fit_pursuit(*toy.train, rank, max_iter=passes)
    if not parts.converged:
        raise FitError(
            f"the pursuit was still off by {parts.error:.2g} after {passes} passes: raise `passes` "
            "of the baselines in the configuration."
        )
    return {"pca": pca.G, "rpca": pursuit.G}


def _score_baselines(
    toy: Toy, bases: Mapping[str, ndarray], ranks: Sequence[int], scale: float
) -> list[dict[str, object]]:
    """Scores and detections at one scale, with plain coefficients and with robust ones."""
    likelihood, rows = StudentTLikelihood(1.0, scale), []
    for method, basis in bases.items():
        for rank in sorted(ranks):
            G = np.ascontiguousarray(basis[:, :rank])
            for weighted in (False, True):
                A, B = (
                    infer_coefficients(*half, G, likelihood).A
                    if weighted
                    else project_rows(*half, G)
                    for half in (toy.train, toy.test)
                )
                rule = calibrate_objects(score_objects(*toy.train, A, G, likelihood.c))
                rows.append(
                    {"method": method, "rank": rank, "scale": scale, "weighted": weighted}
                    | asdict(score_fit(*toy.test, B, G, likelihood.c))
                    | _detected(toy, B, G, rule)
                    | {"angle": _angle(toy, G)}
                )
    return rows


def _write_figure_values(
    folder: Path,
    toy: Toy,
    model: Robusta,
    objective: float,
    bases: Mapping[str, ndarray],
    wanted: Mapping[str, Any],
) -> None:
    spectra, c = toy.spectra, model.likelihood.c
    held = model.state
    assert held is not None
    A = infer_coefficients(*toy.test, held.G, model.likelihood).A
    rule = calibrate_objects(score_objects(*toy.train, held.A, held.G, c))
    found = find_outliers(*toy.test, A, held.G, rule)
    shown = _shown_rows(toy, found.significance, wanted["gallery"])
    rows = np.concatenate(list(shown.values()))
    names = [f"{name}: row {spectra.test[row]}, {spectra.label[spectra.test[row]]}"
             for name, each in shown.items() for row in each]  # fmt: skip
    groups = {
        name: getattr(spectra, name)[spectra.test]
        for name in ("spectra", "lines", "columns", "pixels")
    }
    groups = {"ordinary": ~toy.outliers} | groups
    histogram = weight_histogram(*toy.test, A, held.G, c, groups)
    runs = _runs(toy, model, wanted["iterations"])
    arrays = {
        "wavelength": spectra.wavelength,
        "row_Y": toy.test[0][rows],
        "row_W": toy.test[1][rows],
        "row_model": A[rows] @ held.G.T,
        "row_flagged": found.mask(toy.test[1])[rows],
        "row_pixels": found.mask(toy.test[1], with_objects=False)[rows],
        "row_true": toy.outliers[rows],
        "true_basis": spectra.G,
        "hmf_basis": held.G,
        "weight_edges": histogram.edges,
        "weight_counts": histogram.counts,
        "significance": found.significance,
        "true_objects": toy.objects,
        **{f"{name}_basis": basis[:, : model.rank] for name, basis in bases.items()},
        **{f"losses_{place}": losses for place, losses in enumerate(runs.values())},
    }
    manifest = {
        "rank": model.rank,
        "scale": float(np.sqrt(c)),
        "critical": rule.critical,
        "objective": objective,
        "rows": names,
        "groups": list(histogram.groups),
        "runs": list(runs),
        "bases": list(bases),
    }
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_artifact(folder / "figures.safetensors", KIND, plain, manifest)


def _shown_rows(toy: Toy, significance: ndarray, gallery: int) -> dict[str, ndarray]:
    """Rows of the test half: the clearest of each kind, and the oddest of all for a gallery."""
    spectra, W = toy.spectra, toy.test[1]
    label = spectra.label[spectra.test]
    clear = np.where(W > 0, W, np.nan)
    gap = (W == 0).any(axis=1)
    columns = spectra.columns[spectra.test].sum(axis=1)
    middle = np.nanmedian(clear, axis=1)
    typical = np.abs(np.log(middle / np.nanmedian(middle)))
    shown: dict[str, ndarray] = {
        # Ordinary in its noise, with a gap, and as many bad columns as there are.
        "ordinary": np.argsort(typical + 10.0 * ((label != "normal") | ~gap))[:1],
        "columns": np.argsort(typical + 10.0 * (columns < columns.max()))[:1],
    }
    for kind in ("spectrum", "lines"):
        of_kind = np.flatnonzero(label == kind)
        if of_kind.size:
            shown[kind] = of_kind[[np.argmax(middle[of_kind])]]
    order = np.argsort(-np.nan_to_num(significance, nan=-np.inf))
    return shown | {"gallery": order[:gallery]}


def _runs(toy: Toy, model: Robusta, iterations: int) -> dict[str, ndarray]:
    """Objectives on the way of the plain algorithm and of what is the default here."""
    ways: dict[str, tuple[InitStrategy, int]] = {
        "svd start, one solve a row": ("svd", 1),
        "svd start, two solves": ("svd", 2),
        "weighted start, two solves": ("weighted", 2),
        "subsample start, two solves": ("subsample", 2),
    }
    losses = {}
    for name, (start, refits) in ways.items():
        settings = AlsSettings(max_iter=iterations, conv_strategy="none", refits=refits)
        fit = fit_factors(*toy.train, model.rank, model.likelihood, settings, start=start)
        losses[name] = fit.losses[:-1]
    return losses


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Compute what the figures of the toy show.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--config", type=Path, default=CONFIG, help="a TOML file")
    parser.add_argument("--small", action="store_true", help="a toy of a few seconds")
    told = parser.parse_args(given)
    run(read_config(told.config, small=told.small), told.out)


if __name__ == "__main__":
    main()
