"""Scores of the predictions that `run` wrote: tables with bootstrap intervals by star.

`python -m papers.sed_real.score DIR --out TABLES` writes `scores.csv` (every figure of every set
with its 95 % interval, by seed and over seeds), `slices.csv` (coverage of 90 % intervals in slices
of what is *predicted*) and prints the first of them.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

DRAWS = 400
LEAST = 100

# Edges of slices of predicted parameters and of apparent magnitude.
EDGES = {
    "teff_k": np.arange(3000.0, 9001.0, 500.0),
    "feh_dex": np.arange(-3.0, 0.76, 0.25),
    "logg_dex": np.arange(0.0, 5.51, 0.5),
    "spectral_type": np.arange(-0.5, 10.0, 1.0),
}
TARGETS = {
    ("green2020", "teff_k", "rms"): 168.0,
    ("green2020", "teff_k", "robust_sigma"): 86.0,
    ("green2020", "logg_dex", "rms"): 0.245,
    ("green2020", "logg_dex", "robust_sigma"): 0.136,
    ("green2020", "feh_dex", "rms"): 0.230,
    ("green2020", "feh_dex", "robust_sigma"): 0.162,
    ("carmenes", "spectral_type", "mae"): 0.28,
    ("hipparcos", "class", "accuracy"): 0.888,
    ("sdss", "class", "accuracy"): 0.970,
}

Row = dict[str, object]
Figure = Callable[[pl.DataFrame], float]


def number_figures(name: str) -> dict[str, Figure]:
    """What is measured of one parameter."""

    def error(frame: pl.DataFrame) -> np.ndarray:
        return (frame[name] - frame[f"{name}_label"]).to_numpy()

    def robust(frame: pl.DataFrame) -> float:
        off = error(frame)
        return float(1.4826 * np.median(np.abs(off - np.median(off))))

    return {
        "rms": lambda f: float(np.sqrt(np.mean(error(f) ** 2))),
        "robust_sigma": robust,
        "mae": lambda f: float(np.mean(np.abs(error(f)))),
        "bias": lambda f: float(np.mean(error(f))),
        "coverage_90": lambda f: float(np.mean(inside(f, name))),
        "coverage_95": lambda f: float(f[f"{name}_inside_0.05"].mean()),  # type: ignore[arg-type]
        "coverage_68": lambda f: float(f[f"{name}_inside_0.32"].mean()),  # type: ignore[arg-type]
        "median_width_90": lambda f: float(np.median(f[f"{name}_upper"] - f[f"{name}_lower"])),
    }


def class_figures() -> dict[str, Figure]:
    """What is measured of classes."""

    def least(frame: pl.DataFrame) -> float:
        return float(frame.group_by("class").agg(pl.col("in_set").mean())["in_set"].min())

    return {
        "accuracy": lambda f: float((f["best"] == f["class"]).mean()),
        "balanced_accuracy": lambda f: float(
            f.group_by("class")
            .agg((pl.col("best") == pl.col("class")).mean().alias("x"))["x"]
            .mean()
        ),
        "set_coverage_90": lambda f: float(f["in_set"].mean()),
        "set_coverage_90_worst_class": least,
        "set_size_90": lambda f: float(f["set_size"].mean()),
    }


def inside(frame: pl.DataFrame, name: str) -> np.ndarray:
    """Which labels lie in their 90 % interval."""
    label = frame[f"{name}_label"]
    return ((frame[f"{name}_lower"] <= label) & (label <= frame[f"{name}_upper"])).to_numpy()


def bootstrap(frame: pl.DataFrame, figure: Figure, seed: int = 0) -> tuple[float, float]:
    """A 95 % interval by drawing whole stars."""
    rng = np.random.default_rng(seed)
    _, star = np.unique(frame["star"].to_numpy(), return_inverse=True)
    order = np.argsort(star, kind="stable")
    ends = np.searchsorted(star[order], np.arange(star.max() + 2))
    found = []
    for _ in range(DRAWS):
        drawn = rng.integers(0, star.max() + 1, star.max() + 1)
        counts = ends[drawn + 1] - ends[drawn]
        rows = np.concatenate([order[ends[s] : ends[s + 1]] for s in drawn[counts > 0]])
        found.append(figure(frame[rows]))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def scores(name: str, frames: dict[int, pl.DataFrame]) -> Iterator[Row]:
    """Every figure of a set, by seed, and the mean over seeds with the interval of the first."""
    first = next(iter(frames.values()))
    labels = [c.removesuffix("_label") for c in first.columns if c.endswith("_label")]
    parts = {each: number_figures(each) for each in labels} or {"class": class_figures()}
    for part, figures in parts.items():
        for what, figure in figures.items():
            each = {seed: figure(frame) for seed, frame in frames.items()}
            low, high = bootstrap(first, figure)
            yield {
                "set": name, "of": part, "figure": what,
                "target": TARGETS.get((name, part, what)),
                "mean": float(np.mean(list(each.values()))), "low": low, "high": high,
                "seeds": " ".join(f"{value:.5g}" for value in each.values()),
                "stars": len(first),
            }  # fmt: skip


def slices(name: str, frames: dict[int, pl.DataFrame], mag: np.ndarray) -> Iterator[Row]:
    """Coverage of 90 % intervals in slices of predictions and of brightness, seeds together."""
    frame = pl.concat(list(frames.values()), how="diagonal")
    labels = [c.removesuffix("_label") for c in frame.columns if c.endswith("_label")]
    by = {each: (frame[each].to_numpy(), EDGES[each]) for each in labels}
    by["magnitude"] = mag[frame["place"].to_numpy()], np.arange(6.0, 20.1, 1.0)
    for part in labels:
        held = inside(frame, part)
        for what, (value, edges) in by.items():
            at = np.digitize(value, edges)
            for k in np.unique(at[np.isfinite(value)]):
                chosen = (at == k) & np.isfinite(value)
                count = int(chosen.sum() / len(frames))
                if count >= LEAST and 0 < k < len(edges):
                    yield {
                        "set": name, "of": part, "by": what, "from": float(edges[k - 1]),
                        "to": float(edges[k]), "stars": count,
                        "coverage_90": float(held[chosen].mean()),
                    }  # fmt: skip


def read(folder: Path, name: str) -> dict[int, pl.DataFrame]:
    """Predictions of a set, by seed; a seed whose folds are not all there yet is left out."""
    found: dict[int, list[pl.DataFrame]] = {}
    for path in sorted(folder.glob(f"{name}_seed*_fold*.parquet")):
        seed = int(path.stem.split("_seed")[1].split("_")[0])
        found.setdefault(seed, []).append(pl.read_parquet(path))
    most = max((len(parts) for parts in found.values()), default=0)
    return {
        seed: pl.concat(parts).sort("place") for seed, parts in found.items() if len(parts) == most
    }


def main() -> None:
    from papers.sed_real.sets import SETS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    cuts: list[Row] = []
    for name, make in SETS.items():
        frames = read(given.folder, name)
        if not frames:
            continue
        rows += scores(name, frames)
        if "class" not in next(iter(frames.values())).columns:
            mag, _ = make().photometry.magnitudes()
            cuts += slices(name, frames, mag[:, 0])
    table = pl.DataFrame(rows)
    table.write_csv(given.out / "scores.csv")
    if cuts:
        pl.DataFrame(cuts).write_csv(given.out / "slices.csv")
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=160):
        print(table.drop("stars"))  # noqa: T201


if __name__ == "__main__":
    main()
