"""Real stars: predictions of every star by models that had not seen it.

`python -m papers.sed_real.run --out DIR [--only NAME ...] [--seeds 3] [--folds 5]` writes one
Parquet file for each set, seed and fold into DIR, and goes on where it was stopped. Settings are
the defaults and the same for every set: nothing is tuned on what is scored. Blends, calibrators,
spreads and margins are found inside each training part, cross-fitted by star.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import polars as pl

from errorbar.core.split import make_folds
from errorbar.stellar.sed import MemberSettings, NetworkSettings, SEDClassifier, SEDRegressor
from papers.sed_real.sets import SETS, RealSet


def numbers(real: RealSet, learn: np.ndarray, held: np.ndarray, seed: int) -> pl.DataFrame:
    """Parameters, intervals and labels of the held stars."""
    assert real.numbers is not None
    settings = MemberSettings(networks=NetworkSettings(seed=seed))
    model = SEDRegressor(real.recipe, tuple(real.numbers), settings=settings)
    pick = {name: column[learn] for name, column in real.numbers.items()}
    noise = {name: column[learn] for name, column in (real.errors or {}).items()}
    model.fit(real.photometry.select(learn), pick, noise, groups=real.star[learn])
    found = model.predict(real.photometry.select(held))
    frame = found.to_frame(0.1)
    for alpha in (0.05, 0.32):
        for name in found.names:
            ends = found.interval(name, alpha)
            inside = (ends[:, 0] <= real.numbers[name][held]) & (
                real.numbers[name][held] <= ends[:, 1]
            )
            frame = frame.with_columns(pl.Series(f"{name}_inside_{alpha:g}", inside))
    labels = {f"{name}_label": column[held] for name, column in real.numbers.items()}
    shares = {
        f"{name}_weight_{member}": np.full(len(held), model.result.weights[at, t])
        for at, member in enumerate(settings.members)
        for t, name in enumerate(found.names)
    }
    return frame.with_columns(**{n: pl.Series(c) for n, c in (labels | shares).items()})


def classes(real: RealSet, learn: np.ndarray, held: np.ndarray, seed: int) -> pl.DataFrame:
    """Probabilities, sets and classes of the held stars."""
    assert real.taxonomy is not None
    assert real.classes is not None
    members = MemberSettings(members=("trees", "networks"), networks=NetworkSettings(seed=seed))
    model = SEDClassifier(real.taxonomy, real.recipe, settings=members)
    part = real.photometry.select(learn)
    model.fit(part, real.classes[learn], groups=real.star[learn])
    found = model.predict(real.photometry.select(held))
    chosen = found.sets(0.1)
    truth = real.classes[held]
    at = np.array([found.names.index(name) for name in truth])
    extra = {
        "class": truth,
        "in_set": chosen[np.arange(len(at)), at],
        "set_size": chosen.sum(axis=1),
        "weight_trees": np.full(len(at), model.result.weights[0]),
    }
    return found.to_frame().with_columns(**{n: pl.Series(c) for n, c in extra.items()})


def run(out: Path, name: str, seeds: int, folds: int) -> None:
    """Every star of a set, predicted once for each seed."""
    real = SETS[name]()
    for seed in range(seeds):
        fold = make_folds(real.star, folds, seed=seed, classes=real.classes).fold
        for at in range(folds):
            path = out / f"{name}_seed{seed}_fold{at}.parquet"
            if path.exists():
                continue
            begun = time.perf_counter()
            learn, held = np.flatnonzero(fold != at), np.flatnonzero(fold == at)
            one = numbers if real.numbers is not None else classes
            frame = one(real, learn, held, seed).with_columns(
                place=pl.Series(held), star=pl.Series(real.star[held].astype(str))
            )
            part = path.with_suffix(".part")
            frame.write_parquet(part)
            part.replace(path)
            print(f"{path.stem}: {time.perf_counter() - begun:.0f} s", flush=True)  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=5)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name in given.only:
        run(given.out, name, given.seeds, given.folds)


if __name__ == "__main__":
    main()
