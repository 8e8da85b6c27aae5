"""The figures of the toy problem, drawn from what `run` has written and from nothing else.

python -m papers.hmf_toy.figures results/hmf_toy --out results/hmf_toy/figures
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from errorbar.core.artifact import Artifact, read_artifact
from errorbar.core.plots import new_figure, write_figure
from errorbar.hmf.grid import grid_surface
from errorbar.hmf.plots import (
    make_gallery,
    plot_bases,
    plot_basis,
    plot_convergence,
    plot_heat_map,
    plot_kept,
    plot_residuals,
    plot_row,
    plot_selection,
    plot_weights,
)
from errorbar.hmf.summary import RowView, WeightHistogram, match_basis, row_view
from papers.hmf_toy.run import KIND

__all__ = ["draw", "main"]

AXIS = "wavelength (nm)"
METHODS = {"hmf": "robust", "pca": "PCA", "rpca": "robust PCA"}
SCORES = ("kl", "std_z", "chi2_red", "mad_z", "rmse", "kl_all")
# Nanometres on each side of an unknown line.
BESIDE = 3.0


@dataclass(frozen=True)
class Results:
    """What a run has written."""

    grid: pl.DataFrame
    baselines: pl.DataFrame
    values: Artifact

    @property
    def told(self) -> Any:
        return self.values.manifest

    @property
    def chosen(self) -> tuple[int, float]:
        return self.told["rank"], self.told["scale"]

    def views(self, kind: str, *, objects: bool = True) -> list[RowView]:
        """Rows kept for one picture; their flags with or without those of whole objects."""
        held = self.values.arrays
        flags = held["row_flagged"] if objects else held["row_pixels"]
        return [
            row_view(
                name.split(": ", 1)[1], held["wavelength"], held["row_Y"][place],
                held["row_W"][place], held["row_model"][place], self.told["scale"] ** 2,
                flagged=flags[place], true=held["row_true"][place],
            )
            for place, name in enumerate(self.told["rows"])
            if name.startswith(f"{kind}: ")
        ]  # fmt: skip


def read_results(folder: str | Path) -> Results:
    """The tables and values in a folder that `run` has filled."""
    folder = Path(folder)
    return Results(
        pl.read_parquet(folder / "grid.parquet"),
        pl.read_parquet(folder / "baselines.parquet"),
        read_artifact(folder / "figures.safetensors", KIND),
    )


def draw(folder: str | Path, out: str | Path) -> list[Path]:
    """Save every figure as PDF and PNG; the PNGs' paths."""
    results = read_results(folder)
    return [write_figure(figure, Path(out) / name)[1] for name, figure in _figures(results)]


def _figures(results: Results) -> Iterator[tuple[str, Figure]]:
    yield "reconstructions", _reconstructions(results)
    yield "line", _line(results)
    yield (
        "gallery",
        make_gallery(
            results.views("gallery", objects=False),
            title="The oddest spectra of the test half",
            axis=AXIS,
        ),
    )
    yield "bases", _bases(results)
    yield "basis_found", _basis_found(results)
    yield "weights", _weights(results)
    yield "detection", _detection(results)
    yield "scores", _scores(results)
    yield "selection", _selection(results)
    yield "baselines", _baselines(results)
    yield "convergence", _convergence(results)


def _reconstructions(results: Results) -> Figure:
    kinds = ("ordinary", "columns", "lines", "spectrum")
    views = [view for kind in kinds for view in results.views(kind, objects=False)[:1]]
    figure = new_figure(9.5, 2.1 * len(views) + 0.4)
    panels = figure.subplots(len(views), 2, squeeze=False, width_ratios=(1.6, 1))
    for place, (view, (left, right)) in enumerate(zip(views, panels)):
        plot_row(view, left, axis=AXIS)
        plot_residuals(view, right, c=results.told["scale"] ** 2)
        if place < len(views) - 1:
            left.set_xlabel("")
        else:
            right.set_xlabel(AXIS)
    return _titled(figure, "Test spectra and what the model makes of them")


def _line(results: Results) -> Figure:
    views = results.views("lines", objects=False) or results.views("ordinary", objects=False)
    view = views[0]
    z = np.where(view.true, np.abs(np.nan_to_num(view.z)), 0.0)
    centre = float(view.wavelength[int(np.argmax(z if z.any() else np.abs(np.nan_to_num(view.z))))])
    part = view.part(centre - BESIDE, centre + BESIDE)
    figure = new_figure(5.5, 6)
    top, middle, low = figure.subplots(3, 1, sharex=True, height_ratios=(1.5, 1, 1))
    plot_row(part, top, axis="")
    plot_residuals(part, middle, c=results.told["scale"] ** 2)
    plot_kept(part, low, axis=AXIS)
    known = not view.name.endswith("lines")
    return _titled(figure, "A stretch of one spectrum" if known else "A line unknown to the model")


def _bases(results: Results) -> Figure:
    held = results.values.arrays
    matches = {
        METHODS[name]: match_basis(held["true_basis"], held[f"{name}_basis"])
        for name in ("hmf", *results.told["bases"])
    }
    count = held["true_basis"].shape[1]
    figure = new_figure(8, 1.35 * count + 0.8)
    axes = np.ravel(figure.subplots(count, 1, sharex=True, squeeze=False))
    plot_bases(held["wavelength"], matches, axes.tolist(), axis=AXIS)
    return _titled(figure, "The true basis, and the nearest in the span of each found one")


def _basis_found(results: Results) -> Figure:
    figure = new_figure(7, 4)
    ax = figure.subplots()
    plot_basis(
        results.values.arrays["wavelength"], results.values.arrays["hmf_basis"], ax, axis=AXIS
    )
    return _titled(figure, "The basis as found, the most important vector on top")


def _weights(results: Results) -> Figure:
    held = results.values.arrays
    histogram = WeightHistogram(
        tuple(results.told["groups"]), held["weight_edges"], held["weight_counts"]
    )
    figure = new_figure(9.5, 3.6)
    left, right = figure.subplots(1, 2)
    plot_weights(histogram, left)
    plot_weights(histogram, right, density=True)
    right.get_legend().remove()
    return _titled(figure, "Weights that pixels of the test half keep, by what they truly are")


def _detection(results: Results) -> Figure:
    names = {
        "f1_pixel": "F1 of pixels",
        "f1_pixel_object": "F1 of pixels, with flagged objects",
        "f1_object": "F1 of objects",
        "f1_object_paper": "F1 of objects, median weight < 0.9",
    }
    figure = new_figure(9.5, 6)
    for (name, title), ax in zip(names.items(), figure.subplots(2, 2).ravel()):
        surface = grid_surface(results.grid, name)
        plot_heat_map(surface, ax, chosen=results.chosen, title=title)
    return _titled(figure, "What each model detects in the test half")


def _scores(results: Results) -> Figure:
    figure = new_figure(9.5, 6)
    for name, ax in zip(("kl", "kl_all", "rmse", "angle"), figure.subplots(2, 2).ravel()):
        plot_heat_map(
            grid_surface(results.grid, name), ax, better="low", logarithmic=True,
            chosen=results.chosen, form=".1e" if name.startswith("kl") else ".3g",
            title="angle to the true basis (degrees)" if name == "angle" else "",
        )  # fmt: skip
    return _titled(figure, "Scores on the test half, lighter is better")


def _selection(results: Results) -> Figure:
    figure = new_figure(11, 6)
    for place, (name, ax) in enumerate(zip(SCORES, figure.subplots(2, 3).ravel())):
        surface = grid_surface(results.grid, name)
        plot_selection(surface, ax, chosen=results.chosen, legend=place == 0)
    return _titled(figure, "Choosing rank and scale by rows that no fit has seen")


def _baselines(results: Results) -> Figure:
    """F1 of pixels against rank for every method at the chosen scale."""
    figure = new_figure(9.5, 3.4)
    own = results.grid.filter(pl.col("scale") == results.chosen[1])
    for ax, name, title in zip(
        figure.subplots(1, 3),
        ("f1_pixel", "rmse", "angle"),
        ("F1 of pixels", "weighted rms", "angle to truth (degrees)"),
    ):
        ax.plot(own["rank"], own[name], marker="o", markersize=4, color="C0", label="robust")
        for place, method in enumerate(results.told["bases"], start=1):
            of_method = results.baselines.filter(pl.col("method") == method)
            for weighted, style in ((False, "-"), (True, "--")):
                some = of_method.filter(pl.col("weighted") == weighted)
                label = METHODS[method] + (", robust coefficients" if weighted else "")
                ax.plot(
                    some["rank"], some[name], marker="o", markersize=4, linestyle=style,
                    color=f"C{place}", label=label,
                )  # fmt: skip
        ax.set(xlabel="rank $K$", ylabel=title)
        ax.set_xticks(own["rank"].to_list())
        if name != "f1_pixel":
            ax.set_yscale("log")
        else:
            ax.set_ylim(0, 1)
        ax.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5,
        frameon=False, fontsize="small",
    )  # fmt: skip
    return _titled(figure, f"Methods side by side, weights at $Q={results.chosen[1]:g}$")


def _convergence(results: Results) -> Figure:
    held = results.values.arrays
    runs = {name: held[f"losses_{place}"] for place, name in enumerate(results.told["runs"])}
    figure = new_figure(6, 4)
    end = min(results.told["objective"], *(float(losses.min()) for losses in runs.values()))
    plot_convergence(runs, figure.subplots(), end=end)
    rank, scale = results.chosen
    return _titled(figure, f"The way to the end, $K={rank}$, $Q={scale:g}$")


def _titled(figure: Figure, title: str) -> Figure:
    figure.suptitle(title, x=0.012, ha="left", fontsize="medium", fontweight="bold")
    return figure


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draw the figures of the toy.")
    parser.add_argument("results", type=Path, help="the folder that run has filled")
    parser.add_argument("--out", type=Path, help="folder of the figures, by default inside")
    told = parser.parse_args(given)
    draw(told.results, told.results / "figures" if told.out is None else told.out)


if __name__ == "__main__":
    main()
