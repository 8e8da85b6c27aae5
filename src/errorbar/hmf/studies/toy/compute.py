"""Everything the figures of the toy show, computed and written to a folder.

Each step writes one file, and a step whose file is there is not made again; the grid also keeps
each of its models, so that a run that was killed loses one fit at most.

- `toy.parquet`: what the toy holds, and what the truth itself would find,
- `grid.parquet`: each model's objective, scores and detections on the test half,
- `best.safetensors`: the model with the best score,
- `baselines.parquet`: principal components and their robust kin under the same scoring,
- `figures.safetensors`: all that is drawn but in no table.
"""

import json
import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import polars as pl
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.hmf.grid import search
from errorbar.hmf.studies.toy.detections import (
    describe_toy,
    detect_with_grid,
    fit_baselines,
    score_baselines,
)
from errorbar.hmf.studies.toy.halves import Toy
from errorbar.hmf.studies.toy.shown import write_shown
from errorbar.hmf.synth import make_toy

__all__ = ["read_config", "run_toy"]

Config = Mapping[str, Mapping[str, Any]]


def read_config(path: str | Path | None = None, *, small: bool = False) -> Config:
    """The numbers of a run, those of the study where a TOML file names no others.

    With `small` they are those of a quick look at everything.
    """
    usual = _read(files(__package__ or "") / "config.toml")
    changes = usual.pop("small")
    config = _changed(usual, changes, "config.toml") if small else usual
    if path is None:
        return config
    own = _read(Path(path))
    later = own.pop("small", {})
    config = _changed(config, own, path)
    return _changed(config, later, path) if small else config


def _read(path: Path | Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is no TOML ({error}).") from error


def _changed(config: Config, changes: Mapping[str, Any], where: str | Path) -> Config:
    """The numbers with some of them changed, if these are all known."""
    for name, part in changes.items():
        known = config.get(name, {})
        wrong = [key for key in part if key not in known] if isinstance(part, dict) else [name]
        if name not in config or wrong:
            told = f"[{name}]" if name not in config else f"{wrong[0]} in [{name}]"
            among = known if name in config else config
            raise SettingsError(f"{where} has {told}, which is not one of {', '.join(among)}.")
    return {name: {**part, **changes.get(name, {})} for name, part in config.items()}


def run_toy(
    config: Config,
    out: str | Path,
    *,
    progress: bool | None = None,
    workers: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Path:
    """Write all results into the folder `out`, which serves one configuration only.

    `progress` is that of the grid; the other steps `tell` their names as they begin.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder / "config.json", config)
    toy = Toy(make_toy(**config["toy"]))
    _step(folder / "toy.parquet", lambda: describe_toy(toy))
    tell("models of every rank and scale")
    grid = config["grid"]
    found = search(
        *toy.train, grid["ranks"], grid["scales"], held_out=toy.test,
        journal=folder / "journal", progress=progress, workers=workers,
    )  # fmt: skip
    best = found.best(grid["choose_by"])
    model = found.model(best.rank, best.scale)
    model.wavelength = toy.spectra.wavelength
    model.save(folder / "best.safetensors")
    tell("what each of them finds")
    _step(folder / "grid.parquet", lambda: detect_with_grid(toy, found))
    tell("methods without error bars")
    made = _Once(lambda: fit_baselines(toy, max(grid["ranks"]), config["baselines"]["passes"]))
    _step(
        folder / "baselines.parquet",
        lambda: pl.DataFrame(score_baselines(toy, made(), grid["ranks"], best.scale)),
    )
    tell("values of the figures")
    figures = folder / "figures.safetensors"
    if not figures.exists():
        write_shown(figures, toy, model, best.objective, made(), config["figures"])
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
    if not path.exists() and any(path.parent.iterdir()):
        raise SettingsError(
            f"{path.parent} holds files of something else: give the study a folder of its own."
        )
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
