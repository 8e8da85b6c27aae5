"""Fitting the pooled model: the scales by marginal likelihood, everything else exactly."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy import ndarray

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data import Chemistry, Peaks, time_step
from errorbar.rt.fit.cells import Cells
from errorbar.rt.fit.layout import Layout, Stretch
from errorbar.rt.fit.marginal import Known, solve
from errorbar.rt.fit.scales import Parameters, parameters
from errorbar.rt.fit.search import climb
from errorbar.rt.fit.statistics import GroupStatistics, collect
from errorbar.rt.model.pool import PoolModel

__all__ = ["PoolFit", "fit_pool", "fit_statistics"]

MOST_EVALUATIONS = 400


@dataclass(frozen=True, slots=True, eq=False)
class PoolFit:
    """A fitted pooled model: the mode of its scales, and what is known there.

    `at` are the scales' coordinates (`parameters.named(at)` shows them), `log_posterior` the log
    of marginal likelihood times prior at that point, `evaluations` how often it was computed.
    `freedom` are the noise's degrees of freedom, infinite where it is normal, `within` is the
    variance found among peaks of one pair in one run, `tail` what heavy-tailed noise is multiplied
    by when rows are predicted.
    """

    model: PoolModel
    statistics: GroupStatistics
    layout: Layout
    chemistry: Chemistry | None
    cells: Cells | None
    parameters: Parameters
    at: ndarray
    known: Known
    log_posterior: float
    evaluations: int
    converged: bool
    freedom: float = np.inf
    peaks_of_group: ndarray | None = None
    within: float = 0.0
    tail: float = 1.0

    @property
    def support(self) -> ndarray:
        """With how many peaks each group was seen."""
        return self.statistics.count if self.peaks_of_group is None else self.peaks_of_group

    def errors(self, noise: ndarray) -> ndarray:
        """The variances of predicted rows' errors about what is expected, from their noise."""
        return np.maximum(noise * self.tail, self.parameters.floor**2)

    @property
    def scales(self) -> dict[str, float]:
        """Each scale by its name: standard deviations, and penalties."""
        return self.parameters.named(self.at)


def fit_pool(
    peaks: Peaks | Iterable[Peaks],
    model: PoolModel | None = None,
    chemistry: Chemistry | None = None,
    *,
    group_col: str = "species",
    floor: float | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> PoolFit:
    """Fit a table of peaks, or a table that comes in parts.

    `floor` is a standard deviation in minutes that noise cannot fall below; None is what the steps
    of the times leave, the step over the root of twelve (of a table in parts the first part's).
    `progress` is told the number of evaluations and the log posterior.
    """
    model = model or PoolModel()
    if isinstance(peaks, Peaks):
        from errorbar.rt.fit.robust import fit_rows

        floor = least_noise(peaks) if floor is None else floor
        return fit_rows(
            peaks, model, chemistry, group_col=group_col, floor=floor, progress=progress
        )
    for name in ("run_effect", "freedom", "stretch"):
        if getattr(model, name) not in (False, "normal"):
            raise SettingsError(
                f"{name}={getattr(model, name)!r} needs the table as a whole, and it came in "
                "parts: read it with `read_peaks`, or leave that out."
            )
    parts = iter(peaks)
    if floor is None:
        first = next(parts, None)
        if first is not None:
            floor, parts = least_noise(first), chain([first], parts)
    statistics = collect(parts, group_col)
    return fit_statistics(statistics, model, chemistry, floor=floor or 0.0, progress=progress)


def least_noise(peaks: Peaks) -> float:
    """The standard deviation of times that are only known to their step."""
    return time_step(peaks) / np.sqrt(12)


def check_described(statistics: GroupStatistics, chemistry: Chemistry | None) -> None:
    """Refuse descriptors that tell none of the compounds from another."""
    if chemistry is None or not chemistry.names:
        return
    compounds = statistics.compound_ids
    listed = chemistry.lists(compounds)
    if not listed.any():
        raise TableError(
            f"the chemistry describes none of the {len(compounds)} compounds of the table (it has "
            f"{len(chemistry.compound)}, first {chemistry.compound[0]}; the table has "
            f"{compounds[0]}): is its comp_id that of the table?"
        )
    values = chemistry.of(compounds)[listed]
    if listed.sum() > 1 and not (np.ptp(values, axis=0) > 0).any():
        raise TableError(
            f"none of the {len(chemistry.names)} descriptors ({', '.join(chemistry.names[:5])}) "
            f"differs among the {int(listed.sum())} compounds of the table that it describes: is "
            "this a table of descriptors?"
        )


def fit_statistics(
    statistics: GroupStatistics,
    model: PoolModel | None = None,
    chemistry: Chemistry | None = None,
    cells: Cells | None = None,
    *,
    stretch: Stretch | None = None,
    floor: float = 0.0,
    start: ndarray | None = None,
    most: int = MOST_EVALUATIONS,
    progress: Callable[[int, float], None] | None = None,
) -> PoolFit:
    """Fit what was collected of a table, with at most about `most` evaluations."""
    model = model or PoolModel()
    check_described(statistics, chemistry)
    layout = Layout.of(statistics, model, chemistry, cells.runs if cells else 0, stretch)
    scales = parameters(statistics, layout, model, floor)
    start = scales.start if start is None else start
    found = climb(statistics, layout, scales, start, cells, most, progress)
    known = solve(statistics, layout, scales.scales(found.at), cells)
    return PoolFit(
        model=model,
        statistics=statistics,
        layout=layout,
        chemistry=chemistry,
        cells=cells,
        parameters=scales,
        at=found.at,
        known=known,
        log_posterior=known.log_marginal + scales.log_prior(found.at)[0],
        evaluations=found.evaluations + 1,
        converged=found.converged,
    )
