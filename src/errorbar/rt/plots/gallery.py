"""All figures of an evaluation, each with what it shows in words."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from errorbar.core.plots import fix_layout, png_bytes, write_figure
from errorbar.rt.evaluate import Evaluation, RunDrift, compare, tails
from errorbar.rt.plots.sheets import (
    SLICE_WORDS,
    make_calibration,
    make_compounds,
    make_drift,
    make_predicted,
    make_slices,
    make_support,
    make_tails,
)

__all__ = ["NamedFigure", "evaluation_figures", "write_figures"]

MOST_DRIFTS = 4


@dataclass(frozen=True, slots=True, eq=False)
class NamedFigure:
    """A figure with the name of its file, its caption, and the numbers it shows.

    `path` is its PNG where it was saved.
    """

    name: str
    title: str
    caption: str
    figure: Figure
    data: pl.DataFrame | None = None
    path: Path | None = None

    @property
    def png(self) -> bytes:
        """Its PNG: the saved one, or drawn now."""
        return png_bytes(self.figure) if self.path is None else self.path.read_bytes()


def evaluation_figures(value: Evaluation) -> list[NamedFigure]:
    """All figures of an evaluation, the ones that matter first."""
    table, level = compare(value.scores), value.interval
    worst = tails(value.scores)
    runs = "Bars are 95 % intervals from the scatter between runs."
    support = "the same counts for all models" if value.mapped else "as each model counts them"
    found = [
        NamedFigure(
            "support_errors", "Errors and intervals by support",
            f"Rows by how many training peaks their pair has ({support}). {runs} In the panel of "
            "coverage grey is what independent rows would scatter.",
            make_support(table, level=level), table.filter(table["by"] == "support"),
        ),
        NamedFigure(
            "support_tails", "The worst pairs by support",
            "RMSE of each pair's test rows: the line runs from the median pair to the 99th "
            "percentile, the dot is the 90th.",
            make_tails(worst), worst,
        ),
    ]  # fmt: skip
    for by in _slices(value):
        found.append(
            NamedFigure(
                f"slice_{_file_name(by)}", f"Errors by {SLICE_WORDS.get(by, by)}",
                f"Mean absolute error and coverage by {SLICE_WORDS.get(by, by)}. {runs}",
                make_slices(table, by, level=level), table.filter(table["by"] == by),
            )
        )  # fmt: skip
    for name, scores in value.scores.items():
        if scores.spread:
            found.append(
                NamedFigure(
                    f"calibration_{_file_name(name)}", f"Are the intervals of {name} true?",
                    "Coverage at all levels; ranks of the truth in its predicted distribution, "
                    "which are uniform if claims are true (grey: what independent rows keep "
                    "within); errors over their sd, those beyond ±6 in the bins at the ends.",
                    make_calibration(scores),
                )
            )  # fmt: skip
    first = value.first
    if first in value.predicted:
        found.append(
            NamedFigure(
                "times_predicted", f"Predicted and found times of {first}",
                "Each predicted time beside the one found, and the difference.",
                make_predicted(value.predicted[first]),
            )
        )  # fmt: skip
    if value.drift:
        drawn = dict(list(value.drift.items())[:MOST_DRIFTS])
        found.append(
            NamedFigure(
                "times_drift", "What is left of drift",
                "Mean error of each run in order of its key, with 95 % intervals from the scatter "
                "within the run. Where they lie off zero the model has not followed the column.",
                make_drift(drawn), _drift_table(drawn),
            )
        )  # fmt: skip
    if value.compounds:
        found.append(
            NamedFigure(
                "times_compounds", "Compounds looked up",
                f"Intervals predicted by {first} and the times found.",
                make_compounds(value.compounds),
            )
        )  # fmt: skip
    return found


def write_figures(value: Evaluation, folder: str | Path) -> list[NamedFigure]:
    """Save all figures as PDF and PNG; a page and a PDF may be given them, drawn once for all."""
    return [
        replace(each, path=write_figure(fix_layout(each.figure), Path(folder) / each.name)[1])
        for each in evaluation_figures(value)
    ]


def _slices(value: Evaluation) -> list[str]:
    """Slices that every model has and that part the rows at all."""
    every = [scores.slices for scores in value.scores.values()]
    shared = [name for name in every[0] if all(name in slices for slices in every)]
    return [n for n in shared if len(np.unique(every[0][n].groups.labels[:, 0])) > 1]


def _drift_table(drifts: Mapping[str, RunDrift]) -> pl.DataFrame:
    return pl.concat([
        pl.DataFrame({
            "model": [name] * len(drift.run), "run": drift.run, "mean_error_min": drift.mean,
            "standard_error_min": drift.error, "sd_within_min": drift.spread,
            "n_obs_test": drift.count,
        })
        for name, drift in drifts.items()
    ])  # fmt: skip


def _file_name(words: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in words.lower()).strip("_") or "slice"
