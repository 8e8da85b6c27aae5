"""Figures of real runs and systems, drawn from what `run` has written and from nothing else.

python -m papers.rt_real.figures results/rt_real --out docs/rt/real
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from errorbar.core.plots import BAND, GUIDE, dress, new_figure, png_bytes
from errorbar.rt.plots import make_support
from papers.rt_real.run import ANCHORS, MEAN, MODELS, SYSTEMS

__all__ = ["draw", "main"]

DPI = 110
RIDGE = "ridge (3e-4)"
SHOWN = (*reversed(MODELS), MEAN, RIDGE)
COLORS = {name: f"C{place}" for place, name in enumerate(SHOWN)}
SPLITS = ("30 % of runs", "last 40 % of runs", "unseen species", "unseen compounds")


def draw(folder: str | Path, out: str | Path) -> list[Path]:
    """Save every figure as PNG; the paths."""
    out, paths = Path(out), []
    out.mkdir(parents=True, exist_ok=True)
    for name, figure in _figures(Path(folder)):
        paths.append(out / f"{name}.png")
        paths[-1].write_bytes(png_bytes(figure, DPI))
    return paths


def _figures(folder: Path) -> Iterator[tuple[str, Figure]]:
    if (path := folder / "scores_lipids.csv").exists():
        yield "lipids", _lipids(pl.read_csv(path))
        support = pl.read_csv(folder / "support_lipids.csv")
        first = support["data"][0]
        # The first seed's: seeds follow one another under one name.
        chosen = support.filter((pl.col("data") == first) & (pl.col("split") == SPLITS[0]))
        seed = pl.int_range(pl.len()).over("model", "by", "bin")
        yield "lipids_support", make_support(chosen.filter(seed == 0))
    if (path := folder / "scores_systems.csv").exists():
        yield "systems", _systems(pl.read_csv(path))


def _lipids(scores: pl.DataFrame) -> Figure:
    """MAE beside the compounds' mean, and coverage, of each split; dots are seeds."""
    sets = scores["data"].unique(maintain_order=True).to_list()
    base = scores.filter(pl.col("model") == MEAN).select("data", "split", "seed", base="mae")
    scores = scores.join(base, on=["data", "split", "seed"])
    scores = scores.with_columns(ratio=pl.col("mae") / pl.col("base"))
    figure = new_figure(10, 3.2 * len(sets))
    panels = figure.subplots(len(sets), 2, squeeze=False)
    for name, (left, right) in zip(sets, panels):
        part = scores.filter(pl.col("data") == name)
        _by_split(part.filter(pl.col("split") != SPLITS[-1]), left, "ratio", SPLITS[:-1])
        left.set_ylabel(f"{name}: MAE over the\nmean of the compound's")
        left.axhline(1, color=GUIDE, linewidth=1, zorder=0)
        _by_split(part, right, "coverage", SPLITS)
        right.set_ylabel("coverage of 95 % intervals")
        right.axhline(0.95, color=GUIDE, linewidth=1, zorder=0)
        right.axhspan(0.93, 0.97, color=BAND, zorder=-1)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False,
                  fontsize="small")  # fmt: skip
    return figure


def _by_split(scores: pl.DataFrame, ax: Axes, column: str, splits: tuple[str, ...]) -> None:
    for side, (model, color) in zip(np.linspace(-0.3, 0.3, len(COLORS)), COLORS.items()):
        part = scores.filter((pl.col("model") == model) & pl.col("split").is_in(splits))
        if not len(part):
            continue
        place = [splits.index(split) + side for split in part["split"]]
        ax.plot(place, part[column], "o", color=color, markersize=4.5, label=model)
        if column == "coverage":
            bars = 1.96 * part["coverage_error"].to_numpy()
            ax.errorbar(place, part[column], bars, fmt="none", color=color, linewidth=1)
    ax.set_xticks(range(len(splits)), [_two_lines(split) for split in splits], fontsize="small")
    dress(ax)


def _two_lines(words: str) -> str:
    return words.replace(" of ", "\nof ").replace("unseen ", "unseen\n")


def _systems(scores: pl.DataFrame) -> Figure:
    """MAE and coverage of unseen systems by how many anchors each has; a line a split."""
    figure = new_figure(9, 3.8)
    left, right = figure.subplots(1, 2)
    for color, seed in enumerate(scores["seed"].unique().sort()):
        part = scores.filter(pl.col("seed") == seed)
        for model, style in zip(SYSTEMS, ("--", "-")):
            rows = pl.concat(
                part.filter(
                    (pl.col("split") == f"unseen systems, {count} anchors")
                    & (pl.col("model") == model)
                )
                for count in ANCHORS
            )
            places = np.arange(len(ANCHORS)) + 0.05 * (2 * color - 2 + (style == "-"))
            look = {"color": f"C{color}", "linestyle": style, "marker": "o", "markersize": 4.5}
            left.plot(places, rows["mae"], **look, label=f"split {seed}, {model}")
            bars = 1.96 * rows["coverage_error"].to_numpy()
            right.errorbar(places, rows["coverage"], bars, elinewidth=1, **look)
        mean = part.filter((pl.col("split") == "unseen systems") & (pl.col("model") == MEAN))
        label = MEAN if color == 0 else None
        left.axhline(mean["mae"][0], color=f"C{color}", linewidth=1, linestyle=":", label=label)
    right.axhspan(0.93, 0.97, color=BAND, zorder=-1)
    right.axhline(0.95, color=GUIDE, linewidth=1, zorder=0)
    for ax in (left, right):
        ax.set_xticks(range(len(ANCHORS)), [str(count) for count in ANCHORS])
        ax.set_xlabel("anchors of a new system")
        dress(ax)
    left.set_ylabel("MAE, min")
    left.set_ylim(0, None)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=3,
                  frameon=False, fontsize="small")  # fmt: skip
    right.set_ylabel("coverage of 95 % intervals")
    return figure


def main() -> None:
    """Draw what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    for path in draw(given.folder, given.out):
        print(path)  # noqa: T201


if __name__ == "__main__":
    main()
