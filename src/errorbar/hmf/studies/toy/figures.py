"""The figures of the toy, drawn from what its study has written and from nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from errorbar.core.artifact import Artifact, read_artifact
from errorbar.core.plots import write_figure
from errorbar.hmf.grid import grid_surface
from errorbar.hmf.plots import (
    RankCurve,
    make_bases,
    make_basis,
    make_convergence,
    make_gallery,
    make_heat_maps,
    make_methods,
    make_rows,
    make_selection,
    make_stretch,
    make_weights,
)
from errorbar.hmf.studies.toy.shown import KIND
from errorbar.hmf.summary import RowView, WeightHistogram, match_basis, row_view

__all__ = ["ToyResults", "draw_toy", "read_results"]

AXIS = "wavelength (nm)"
METHODS = {"hmf": "robust", "pca": "PCA", "rpca": "robust PCA"}
SCORES = ("kl", "std_z", "chi2_red", "mad_z", "rmse", "kl_all")
FOUND = {
    "f1_pixel": "F1 of pixels",
    "f1_pixel_object": "F1 of pixels, with flagged objects",
    "f1_object": "F1 of objects",
    "f1_object_paper": "F1 of objects, median weight < 0.9",
}
COMPARED = {
    "f1_pixel": "F1 of pixels",
    "rmse": "weighted rms",
    "angle": "angle to truth (degrees)",
}
# Nanometres on each side of an unknown line.
BESIDE = 3.0


@dataclass(frozen=True)
class ToyResults:
    """What a run has written."""

    grid: pl.DataFrame
    baselines: pl.DataFrame
    values: Artifact

    @property
    def told(self) -> Any:
        return self.values.manifest

    @property
    def chosen(self) -> tuple[int, float]:
        """Rank and scale."""
        return self.told["rank"], self.told["scale"]

    @property
    def c(self) -> float:
        """The likelihood's constant."""
        return self.told["scale"] ** 2

    def views(self, kind: str, *, objects: bool = True) -> list[RowView]:
        """Rows kept for one picture; their flags with or without those of whole objects."""
        held = self.values.arrays
        flags = held["row_flagged"] if objects else held["row_pixels"]
        return [
            row_view(
                name.split(": ", 1)[1], held["wavelength"], held["row_Y"][place],
                held["row_W"][place], held["row_model"][place], self.c,
                flagged=flags[place], true=held["row_true"][place],
            )
            for place, name in enumerate(self.told["rows"])
            if name.startswith(f"{kind}: ")
        ]  # fmt: skip


def read_results(folder: str | Path) -> ToyResults:
    """The tables and values in a folder that `run_toy` has filled."""
    folder = Path(folder)
    return ToyResults(
        pl.read_parquet(folder / "grid.parquet"),
        pl.read_parquet(folder / "baselines.parquet"),
        read_artifact(folder / "figures.safetensors", KIND),
    )


def draw_toy(folder: str | Path, out: str | Path) -> list[Path]:
    """Save every figure as PDF and PNG; the PNGs' paths."""
    results = read_results(folder)
    return [write_figure(figure, Path(out) / name)[1] for name, figure in _figures(results)]


def _figures(results: ToyResults) -> Iterator[tuple[str, Any]]:
    yield from _of_rows(results)
    yield from _of_bases(results)
    yield (
        "weights",
        make_weights(
            WeightHistogram(
                tuple(results.told["groups"]),
                results.values.arrays["weight_edges"],
                results.values.arrays["weight_counts"],
            ),
            title="Weights that pixels of the test half keep, by what they truly are",
        ),
    )
    yield from _of_the_grid(results)
    yield (
        "baselines",
        make_methods(
            _curves(results),
            COMPARED,
            title=f"Methods side by side, weights at $Q={results.chosen[1]:g}$",
        ),
    )
    yield "convergence", _convergence(results)


def _of_rows(results: ToyResults) -> Iterator[tuple[str, Any]]:
    kinds = ("ordinary", "columns", "lines", "spectrum")
    yield (
        "reconstructions",
        make_rows(
            [view for kind in kinds for view in results.views(kind, objects=False)[:1]],
            c=results.c,
            title="Test spectra and what the model makes of them",
            axis=AXIS,
        ),
    )
    yield "line", _line(results)
    yield (
        "gallery",
        make_gallery(
            results.views("gallery", objects=False),
            title="The oddest spectra of the test half",
            axis=AXIS,
        ),
    )


def _line(results: ToyResults) -> Any:
    views = results.views("lines", objects=False) or results.views("ordinary", objects=False)
    view = views[0]
    z = np.where(view.true, np.abs(np.nan_to_num(view.z)), 0.0)
    centre = float(view.wavelength[int(np.argmax(z if z.any() else np.abs(np.nan_to_num(view.z))))])
    known = not view.name.endswith("lines")
    return make_stretch(
        view.part(centre - BESIDE, centre + BESIDE),
        c=results.c,
        title="A stretch of one spectrum" if known else "A line unknown to the model",
        axis=AXIS,
    )


def _of_bases(results: ToyResults) -> Iterator[tuple[str, Any]]:
    held = results.values.arrays
    matches = {
        METHODS[name]: match_basis(held["true_basis"], held[f"{name}_basis"])
        for name in ("hmf", *results.told["bases"])
    }
    yield (
        "bases",
        make_bases(
            held["wavelength"],
            matches,
            title="The true basis, and the nearest in the span of each found one",
            axis=AXIS,
        ),
    )
    yield (
        "basis_found",
        make_basis(
            held["wavelength"],
            held["hmf_basis"],
            title="The basis as found, the most important vector on top",
            axis=AXIS,
        ),
    )


def _of_the_grid(results: ToyResults) -> Iterator[tuple[str, Any]]:
    def maps(names: tuple[str, ...]) -> list[Any]:
        return [grid_surface(results.grid, name) for name in names]

    yield (
        "detection",
        make_heat_maps(
            maps(tuple(FOUND)),
            chosen=results.chosen,
            titles=FOUND,
            title="What each model detects in the test half",
        ),
    )
    yield (
        "scores",
        make_heat_maps(
            maps(("kl", "kl_all", "rmse", "angle")),
            chosen=results.chosen,
            low=True,
            titles={"angle": "angle to the true basis (degrees)"},
            title="Scores on the test half, lighter is better",
        ),
    )
    yield (
        "selection",
        make_selection(
            maps(SCORES),
            chosen=results.chosen,
            title="Choosing rank and scale by rows that no fit has seen",
        ),
    )


def _curves(results: ToyResults) -> list[RankCurve]:
    """Every method at the chosen scale, those without error bars also with robust weights."""
    own = results.grid.filter(pl.col("scale") == results.chosen[1])
    found = [_curve("robust", own)]
    for group, method in enumerate(results.told["bases"], start=1):
        for weighted in (False, True):
            some = results.baselines.filter(
                pl.col("method") == method, pl.col("weighted") == weighted
            )
            label = METHODS[method] + (", robust coefficients" if weighted else "")
            found.append(_curve(label, some, group, dashed=weighted))
    return found


def _curve(label: str, table: pl.DataFrame, group: int = 0, *, dashed: bool = False) -> RankCurve:
    values = {name: table[name].to_numpy() for name in COMPARED}
    return RankCurve(label, table["rank"].to_numpy(), values, group, dashed)


def _convergence(results: ToyResults) -> Any:
    held = results.values.arrays
    runs = {name: held[f"losses_{place}"] for place, name in enumerate(results.told["runs"])}
    end = min(results.told["objective"], *(float(losses.min()) for losses in runs.values()))
    rank, scale = results.chosen
    return make_convergence(runs, end=end, title=f"The way to the end, $K={rank}$, $Q={scale:g}$")
