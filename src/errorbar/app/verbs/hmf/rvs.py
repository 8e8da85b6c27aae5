"""The study of Gaia's RVS spectra, bin by bin of the Hertzsprung-Russell diagram."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from errorbar.core.errors import SettingsError
from errorbar.hmf.studies.rvs import (
    ExampleFiles,
    RvsSettings,
    read_bins,
    read_settings,
    run_study,
    write_example,
)

__all__ = ["RvsAnswer", "hmf_rvs"]

EXAMPLE = "example"


@dataclass(frozen=True, slots=True, eq=False)
class RvsAnswer:
    """A row for each bin, the odd stars of all bins, what was left out, and where everything is."""

    stars: int
    odd: int
    bins: pl.DataFrame
    oddest: pl.DataFrame
    notes: tuple[str, ...]
    out: Path
    figures: tuple[Path, ...]


def hmf_rvs(
    spectra: Sequence[Path | str] = (),
    metadata: Sequence[Path | str] = (),
    *,
    generate: int | None = None,
    bins: Path | str | None = None,
    only: Sequence[str] | None = None,
    config: Path | str | None = None,
    ranks: Sequence[int] | None = None,
    scales: Sequence[float] | None = None,
    seed: int | None = None,
    figures: bool = True,
    residual_map: bool = True,
    workers: int | None = None,
    progress: bool | None = None,
    tell: Callable[[str], None] | None = None,
    out: Path | str = "rvs",
) -> RvsAnswer:
    """Find odd spectra among Gaia's, fitting a grid of models to each bin of the HR diagram.

    `spectra` are HDF5 files, or CSV files of the archive; `metadata` CSV files of its source table.
    `generate` makes files of so many stars of known truth in `out/example` instead. `bins` is a
    table of ellipses, by default fourteen along the main sequence; `only` names those to do now.
    `config` is a TOML file with a section `[study]`; `ranks`, `scales` and `seed` go before it. The
    `residual_map` of odd spectra belongs to the figures, and takes a minute.
    """
    folder = Path(out)
    if folder.is_file():
        raise SettingsError(f"out={out} is a file: name a folder for the study.")
    held = RvsSettings() if config is None else read_settings(config)
    if ranks is not None:
        held = replace(held, ranks=tuple(int(rank) for rank in ranks))
    if scales is not None:
        held = replace(held, scales=tuple(float(scale) for scale in scales))
    if seed is not None:
        held = replace(held, seed=seed)
    if generate is not None:
        if spectra or metadata:
            raise SettingsError(
                f"generate={generate} makes its own files: leave out spectra and metadata."
            )
        made = _example(folder / EXAMPLE, generate, held.seed)
        spectra, metadata = [made.spectra], [made.metadata]
    elif not (spectra and metadata):
        raise SettingsError(
            "the study needs spectra and metadata, a file of each at least; or generate=6000 to "
            "make some."
        )
    found = run_study(
        spectra,
        metadata,
        folder,
        bins=None if bins is None else read_bins(bins),
        only=only,
        settings=held,
        figures=figures,
        residual_map=residual_map,
        progress=progress,
        workers=workers,
        tell=tell,
    )
    objects = found.catalogue.filter(pl.col("kind") == "object")
    return RvsAnswer(
        stars=found.placed.placed,
        odd=objects.height,
        bins=found.bins,
        oddest=objects.select("id", "significance", "bins", "reason"),
        notes=found.notes,
        out=found.folder,
        figures=found.figures,
    )


def _example(folder: Path, rows: int, seed: int) -> ExampleFiles:
    """Files of known truth; those that are there are of this size and seed, or refused."""
    told = folder / "example.txt"
    text = f"{rows} stars, seed {seed}\n"
    if told.is_file():
        if told.read_text(encoding="utf-8") != text:
            raise SettingsError(
                f"{folder} holds an example of {told.read_text(encoding='utf-8').strip()}: give "
                "another folder, or delete this one."
            )
        names = ("spectra.h5", "gaia_source.csv", "truth.csv")
        return ExampleFiles(*(folder / name for name in names), rows=rows, odd=0)
    made = write_example(folder, rows, seed=seed)
    told.write_text(text, encoding="utf-8")
    return made
