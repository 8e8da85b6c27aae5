"""Figures of real spectra, drawn from what `run` has written and from nothing else.

python -m papers.hmf_real.figures results/hmf_real --out docs/hmf/real
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from errorbar.core.artifact import Artifact, read_artifact
from errorbar.core.plots import new_figure, png_bytes
from errorbar.hmf.plots import (
    make_gallery,
    plot_basis,
    plot_coefficients,
    plot_residuals,
    plot_row,
)
from errorbar.hmf.summary import CoefficientRule, CoefficientScores, RowView, row_view
from papers.hmf_real.archives import SETS
from papers.hmf_real.run import KIND

__all__ = ["draw", "main"]

TITLES = {
    "spex": "SpeX prism",
    "miles": "MILES",
    "lamost": "LAMOST",
    "mixed": "LAMOST and SDSS mixed",
}
AXES = {"spex": "wavelength (µm)"}
# Few enough dots an inch for a page, and for a repository.
DPI = 110


def draw(folder: str | Path, out: str | Path) -> list[Path]:
    """Save every figure as PNG; the paths."""
    out, paths = Path(out), []
    out.mkdir(parents=True, exist_ok=True)
    for name, figure in _figures(Path(folder)):
        paths.append(out / f"{name}.png")
        paths[-1].write_bytes(png_bytes(figure, DPI))
    return paths


def _figures(folder: Path) -> Iterator[tuple[str, Figure]]:
    for name in SETS:
        path = folder / f"{name}_figures.safetensors"
        if not path.exists():
            continue
        values = read_artifact(path, KIND)
        title, axis = TITLES[name], AXES.get(name, "wavelength (Å)")
        if name == "mixed":
            yield "mixed_coefficients", _coefficients(values, f"{title}: coefficients")
        else:
            yield f"{name}_bases", _bases(values, name, f"{title}: basis", axis)
        yield f"{name}_rows", _rows(values, name, f"{title}: ordinary spectra", axis)
        odd = _views(values, name, "odd")
        if odd:
            yield (
                f"{name}_odd",
                make_gallery(odd, title=f"{title}: odd objects", axis=axis),
            )


def _bases(values: Artifact, name: str, title: str, axis: str) -> Figure:
    G = values.arrays["basis"]
    figure = new_figure(8.0, 0.55 * G.shape[1] + 1.0)
    plot_basis(_wavelength(values, name), G, figure.subplots(), axis=axis)
    return _titled(figure, title)


def _rows(values: Artifact, name: str, title: str, axis: str) -> Figure:
    """Data and model with its error bars to the left, residuals to the right."""
    views, sd = _views(values, name, "ordinary"), values.arrays["row_sd"]
    figure = new_figure(9.5, 1.9 * len(views) + 0.4)
    panels = figure.subplots(len(views), 2, squeeze=False, width_ratios=(1.7, 1))
    for place, (view, (left, right)) in enumerate(zip(views, panels)):
        band = np.where(np.isfinite(sd[place]), sd[place], np.nan)
        left.fill_between(
            view.wavelength, view.model - 3 * band, view.model + 3 * band, color="C1",
            alpha=0.5, linewidth=0, zorder=6,
            label="model's error × 3",
        )  # fmt: skip
        plot_row(view, left, axis=axis, legend=False)
        plot_residuals(view, right, c=_c(values))
        if place < len(views) - 1:
            left.set_xlabel("")
        else:
            right.set_xlabel(axis)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(
        handles, [label.split(" (")[0] for label in labels], loc="outside upper right",
        ncols=len(labels), frameon=False, fontsize="small", handletextpad=0.3,
    )  # fmt: skip
    return _titled(figure, title)


def _coefficients(values: Artifact, title: str) -> Figure:
    told, held = _told(values), values.arrays
    nothing = np.zeros((0, 0))
    rule = CoefficientRule(
        references=nothing, reach=np.zeros(0), scatter=nothing, directions=True, neighbours=5,
        false_alarm=told["false_alarm"], least_signal=told["least_signal"],
        critical=told["critical"], critical_faint=told["critical_faint"],
        brightness=tuple(told["brightness"]), objects=told["spectra"],
    )  # fmt: skip
    scores = CoefficientScores(rule, held["unlike"], held["faint"], held["signal"])
    figure = new_figure(8.0, 3.8)
    plot_coefficients(scores, figure.subplots(), groups=told["group"])
    return _titled(figure, title)


def _views(values: Artifact, name: str, kind: str) -> list[RowView]:
    held = values.arrays
    return [
        row_view(
            words.split(": ", 1)[1], _wavelength(values, name), held["row_Y"][place],
            held["row_W"][place], held["row_model"][place], _c(values),
            flagged=held["row_flagged"][place],
        )
        for place, words in enumerate(_told(values)["rows"])
        if words.startswith(f"{kind}: ")
    ]  # fmt: skip


def _told(values: Artifact) -> Any:
    return values.manifest


def _wavelength(values: Artifact, name: str) -> np.ndarray:
    return values.arrays["wavelength"] / (1e4 if name == "spex" else 1.0)


def _c(values: Artifact) -> float:
    return float(_told(values)["scale"]) ** 2


def _titled(figure: Figure, title: str) -> Figure:
    figure.suptitle(title, x=0.012, ha="left", fontsize="medium", fontweight="bold")
    return figure


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draw the figures of real spectra.")
    parser.add_argument("folder", type=Path, help="what `run` has written")
    parser.add_argument("--out", type=Path, required=True, help="folder of the figures")
    told = parser.parse_args(given)
    draw(told.folder, told.out)


if __name__ == "__main__":
    main()
