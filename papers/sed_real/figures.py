"""Figures of the scored predictions.

`python -m papers.sed_real.figures DIR --tables TABLES --out FIGURES` draws predicted against label,
coverage in slices of what is predicted, and residuals by where the reddening is from.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from matplotlib.figure import Figure

from papers.sed_real.score import read

NAMES = {"teff_k": "Teff (K)", "logg_dex": "log g (dex)", "feh_dex": "[Fe/H] (dex)"}


def parameters(frame: pl.DataFrame) -> Figure:
    """Predicted against spectroscopic parameters."""
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
    for ax, (name, title) in zip(axes, NAMES.items()):
        label, found = frame[f"{name}_label"].to_numpy(), frame[name].to_numpy()
        ax.hexbin(label, found, gridsize=60, bins="log", cmap="viridis", mincnt=1)
        ends = [label.min(), label.max()]
        ax.plot(ends, ends, color="0.3", lw=0.8)
        ax.set(xlabel=f"{title}, spectrum", ylabel=f"{title}, photometry and parallax")
    return figure


def coverage(slices: pl.DataFrame) -> Figure:
    """Coverage of 90 % intervals in slices of predictions and magnitude."""
    by = ["teff_k", "feh_dex", "magnitude"]
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), sharey=True, layout="constrained")
    for ax, what in zip(axes, by):
        ax.axhline(0.9, color="0.7", zorder=0)
        ax.axhline(0.86, color="0.8", ls=":", zorder=0)
        for name, title in NAMES.items():
            part = slices.filter((pl.col("by") == what) & (pl.col("of") == name)).sort("from")
            centre = 0.5 * (part["from"] + part["to"]).to_numpy()
            found = part["coverage_90"].to_numpy()
            error = np.sqrt(found * (1 - found) / part["stars"].to_numpy())
            ax.errorbar(centre, found, error, marker="o", ms=3, lw=1, label=title)
        ax.set(xlabel=f"predicted {NAMES[what]}" if what in NAMES else "G (mag, AB)")
    axes[0].set(ylabel="coverage of 90 % intervals", ylim=(0.75, 1.0))
    axes[0].legend(fontsize=7)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    frames = read(given.folder, "green2020")
    drawn = {
        "parameters": parameters(next(iter(frames.values()))),
        "coverage": coverage(pl.read_csv(given.tables / "slices.csv")),
    }
    for name, figure in drawn.items():
        figure.savefig(given.out / f"sed_{name}.png", dpi=110, metadata={"Software": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
