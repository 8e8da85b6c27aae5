"""Fitting the pooled model: the scales by marginal likelihood, everything else exactly."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy import ndarray
from scipy import optimize

from errorbar.core.errors import FitError, SettingsError
from errorbar.rt.data import Chemistry, Peaks
from errorbar.rt.fit.cells import Cells
from errorbar.rt.fit.layout import Layout, Stretch
from errorbar.rt.fit.marginal import Known, solve
from errorbar.rt.fit.scales import Parameters, parameters
from errorbar.rt.fit.statistics import GroupStatistics, collect
from errorbar.rt.model.pool import PoolModel

__all__ = ["PoolFit", "fit_pool", "fit_statistics"]

# Changes of the log posterior below this are not worth another step.
ENOUGH = 1e-3
MOST_EVALUATIONS = 400
# No scale is this many factors of e from its start.
FARTHEST = 15.0


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
    floor: float = 0.0,
    progress: Callable[[int, float], None] | None = None,
) -> PoolFit:
    """Fit a table of peaks, or a table that comes in parts.

    `floor` is a standard deviation in minutes that noise cannot fall below (times written in steps
    have at least the step over the root of twelve). `progress` is told the number of evaluations
    and the log posterior.
    """
    model = model or PoolModel()
    if isinstance(peaks, Peaks):
        from errorbar.rt.fit.robust import fit_rows

        return fit_rows(
            peaks, model, chemistry, group_col=group_col, floor=floor, progress=progress
        )
    for name in ("run_effect", "freedom", "stretch"):
        if getattr(model, name) not in (False, "normal"):
            raise SettingsError(
                f"{name}={getattr(model, name)!r} needs the table as a whole, and it came in "
                "parts: read it with `read_peaks`, or leave that out."
            )
    statistics = collect(peaks, group_col)
    return fit_statistics(statistics, model, chemistry, floor=floor, progress=progress)


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
    layout = Layout.of(statistics, model, chemistry, cells.runs if cells else 0, stretch)
    scales = parameters(statistics, layout, model, floor)
    start = scales.start if start is None else start
    at, count, done = climb(statistics, layout, scales, start, cells, most, progress)
    known = solve(statistics, layout, scales.scales(at), cells)
    return PoolFit(
        model=model,
        statistics=statistics,
        layout=layout,
        chemistry=chemistry,
        cells=cells,
        parameters=scales,
        at=at,
        known=known,
        log_posterior=known.log_marginal + scales.log_prior(at)[0],
        evaluations=count + 1,
        converged=done,
    )


def climb(
    statistics: GroupStatistics,
    layout: Layout,
    scales: Parameters,
    start: ndarray,
    cells: Cells | None = None,
    most: int = MOST_EVALUATIONS,
    progress: Callable[[int, float], None] | None = None,
) -> tuple[ndarray, int, bool]:
    """The mode of the scales from a starting point; how many evaluations; whether it is one."""
    calls = 0
    # With n units a scale's logarithm is known to 1 / sqrt(2 n) or so: measured in that, all are
    # alike.
    stretch = np.sqrt(2.0 * units(statistics, layout, scales))

    lowest = np.inf

    def downhill(stretched: ndarray) -> tuple[float, ndarray]:
        nonlocal calls, lowest
        calls += 1
        at = stretched / stretch
        try:
            if np.abs(at - scales.start).max() > FARTHEST:
                raise FitError("a scale is many orders of magnitude from where it started.")
            known = solve(statistics, layout, scales.scales(at), cells, whole=False)
        except FitError:
            if not np.isfinite(lowest):
                raise
            # A step of the line search that went much too far: a wall makes it turn back.
            return lowest + 1e3 * (1 + abs(lowest)), np.zeros_like(at)
        prior, slope = scales.log_prior(at)
        value = known.log_marginal + prior
        lowest = min(lowest, -value)
        if progress is not None:
            progress(calls, value)
        return -value, -(scales.pull(at, known.gradient) + slope) / stretch

    size = abs(downhill(start * stretch)[0])
    found = optimize.minimize(
        downhill,
        start * stretch,
        jac=True,
        method="L-BFGS-B",
        options={
            "maxfun": most,
            "ftol": ENOUGH / max(size, 1.0),
            "gtol": 1e-3,
            "maxcor": 20,
        },
    )
    return found.x / stretch, calls, bool(found.success)


def units(statistics: GroupStatistics, layout: Layout, scales: Parameters) -> ndarray:
    """How many numbers in the data or the model speak of each coordinate."""
    parts = np.bincount(layout.parent, minlength=layout.supercategories)[:, None]
    pairs = np.bincount(layout.parent[layout.species], minlength=layout.supercategories)[:, None]
    rows = np.bincount(layout.compound, statistics.count, minlength=len(layout.z))
    counts = {
        "noise": rows,
        "between": np.array([statistics.groups]),
        # Slopes are seen dimly in most groups.
        "slope": np.broadcast_to(0.2 * pairs, scales.index["slope"].shape),
        "species": np.broadcast_to(0.5 * parts, scales.index["species"].shape),
        "parent": np.full(layout.columns, 0.5 * layout.supercategories),
        "compound": np.full(layout.effects, len(layout.z)),
        "theta": np.array([layout.z.shape[1]]),
        "klass": np.full(layout.effects, len(layout.class_ids)),
        "run": np.array([0.5 * layout.runs]),
    }
    total = np.zeros(len(scales.names))
    for places in (scales.index, scales.own):
        for name, index in places.items():
            moving = index >= 0
            np.add.at(total, index[moving], counts[name][moving])
    return np.maximum(total, 1.0)
