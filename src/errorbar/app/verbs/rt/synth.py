"""Make tables of peaks to try the commands on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from errorbar.app.verbs.output import check_folder, staged
from errorbar.core.errors import SettingsError
from errorbar.rt.data import Peaks, hold_out_runs, write_chemistry, write_peaks
from errorbar.rt.synth import ProductionSettings, production_table

__all__ = ["MadePeaks", "rt_synth"]

SMALL = ProductionSettings(
    species=12, supercategories=4, compounds=40, pairs=300, features=6, runs_per_species=24,
    descriptors=5,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MadePeaks:
    """Tables on disk: runs to train with and others to test with, and one test run's question.

    `standards` and `compounds` are what an analyst has of that run.
    """

    train: Path
    test: Path
    chemistry: Path
    standards: Path
    compounds: Path
    rows: int
    test_rows: int


def rt_synth(
    out: Path | str = "rt_synth", *, small: bool = False, test_share: float = 0.3, seed: int = 42
) -> MadePeaks:
    """Draw a table such as a laboratory's production yields, part whole runs off, write both.

    The default has about 23 thousand rows, `small` about 1,600.
    """
    if not 0 < test_share < 1:
        raise SettingsError(f"test_share={test_share:g} must lie between 0 and 1.")
    if seed < 0:
        raise SettingsError(f"seed={seed} must not be negative.")
    folder = check_folder(out)
    made = production_table(SMALL if small else ProductionSettings(), seed)
    split = hold_out_runs(made.peaks, test_share, seed)
    train, test = made.peaks.select(split.train), made.peaks.select(split.test)
    with staged(folder) as part:
        write_peaks(part / "train.csv", train)
        write_peaks(part / "test.csv", test)
        write_chemistry(part / "chemistry.csv", made.chemistry)
        standards, compounds = _question(test)
        standards.write_csv(part / "IS.csv")
        compounds.write_csv(part / "list.csv")
    return MadePeaks(
        train=folder / "train.csv",
        test=folder / "test.csv",
        chemistry=folder / "chemistry.csv",
        standards=folder / "IS.csv",
        compounds=folder / "list.csv",
        rows=len(train),
        test_rows=len(test),
    )


def _question(peaks: Peaks) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The standards of the run with the most peaks, and the compounds that were found in it."""
    own = peaks.select(peaks.run == np.bincount(peaks.run).argmax())
    standards = pl.DataFrame({"name": list(own.feature_names), "time": own.covariates[0]})
    return standards, pl.DataFrame({"comp_id": own.compound, "species": own.species})
