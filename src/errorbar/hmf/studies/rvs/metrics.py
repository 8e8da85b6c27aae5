"""Which outliers each score would find, had it chosen the model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.errors import InputError
from errorbar.hmf.studies.rvs.analysis import METRICS, BinAnalysis

__all__ = ["MetricComparison", "compare_metrics"]


@dataclass(frozen=True, slots=True, eq=False)
class MetricComparison:
    """Odd stars by the score that chose the models, each star once whatever its bins.

    `shared` counts the stars that both of two scores' models find, on its diagonal those that one's
    do; `alone` those that no other's do. `choices` has a row for each bin and score: the model
    chosen, and how many spectra of the bin it finds odd.
    """

    metrics: tuple[str, ...]
    shared: ndarray
    alone: ndarray
    total: int
    choices: pl.DataFrame


def compare_metrics(analyses: Sequence[BinAnalysis]) -> MetricComparison:
    """Compare the scores over all bins."""
    if not analyses:
        raise InputError("there is no analysis to compare scores on: pass one at least.")
    sets = [
        set().union(*(each.source_ids[each.by_metric[place]].tolist() for each in analyses))
        for place in range(len(METRICS))
    ]
    shared = np.array([[len(one & other) for other in sets] for one in sets])
    alone = [len(one.difference(*(other for other in sets if other is not one))) for one in sets]
    choices = pl.DataFrame(
        [
            {
                "bin": each.name,
                "metric": metric,
                "rank": model[0],
                "scale": model[1],
                "objects": int(flags.sum()),
            }
            for each in analyses
            for metric, model, flags in zip(METRICS, each.models, each.by_metric)
        ]
    )
    return MetricComparison(METRICS, shared, np.array(alone), len(set().union(*sets)), choices)
