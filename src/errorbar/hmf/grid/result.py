"""What a search over ranks and scales found."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType

import numpy as np
import polars as pl

from errorbar.core.errors import SettingsError
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.fit.als import AlsSettings
from errorbar.hmf.fit.starts import InitStrategy
from errorbar.hmf.fit.state import RHMFState
from errorbar.hmf.grid.surface import GridSurface, grid_surface
from errorbar.hmf.summary import Scores

__all__ = ["BEST", "GridPoint", "GridResult"]

# What each score should be; the objective is missing because it says nothing across scales.
BEST: Mapping[str, float] = MappingProxyType(
    {"kl": 0.0, "kl_all": 0.0, "rmse": 0.0, "std_z": 1.0, "chi2_red": 1.0, "mad_z": 0.6744898}
)
COLUMNS = pl.Schema(
    {
        "rank": pl.Int64,
        "scale": pl.Float64,
        "objective": pl.Float64,
        "iterations": pl.Int64,
        "converged": pl.Boolean,
        "warm": pl.Boolean,
        "gain": pl.Float64,
        "pixels": pl.Int64,
        **{name: pl.Float64 for name in ("std_z", "chi2_red", "rmse", "mad_z", "kl", "kl_all")},
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class GridPoint:
    """One model: its state on the training rows, how it got there, its scores on the test rows.

    `warm` says that the fit that began where a neighbour had ended is the one that was kept.
    `gain` is how much lower it ended than the fit from the cold start ended or was given up, as a
    share: negative where the cold one was kept, NaN where only one was made. `iterations` are those
    of the one kept. `scores` are missing where there were no test rows.
    """

    rank: int
    scale: float
    state: RHMFState
    objective: float
    iterations: int
    converged: bool
    warm: bool
    gain: float
    scores: Scores | None

    def row(self) -> dict[str, object]:
        """Everything but the state, under the names of the table's columns."""
        scores = {} if self.scores is None else asdict(self.scores)
        own = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in ("state", "scores")
        }
        own["gain"] = None if np.isnan(self.gain) else self.gain
        return {name: {**own, **scores}.get(name) for name in COLUMNS}


@dataclass(frozen=True, slots=True, eq=False)
class GridResult:
    """Every model of a grid, ranks first, and with what they were made.

    All states are held: rows times rank numbers for each model. `resumed` of them were in the
    journal.
    """

    points: tuple[GridPoint, ...]
    nu: float
    settings: AlsSettings
    start: InitStrategy
    seed: int
    workers: int | None = None
    resumed: int = 0

    def table(self) -> pl.DataFrame:
        """A row for each model, without its state."""
        return pl.DataFrame([point.row() for point in self.points], schema=COLUMNS)

    def surface(self, name: str) -> GridSurface:
        """One column of the table as a map over ranks and scales."""
        return grid_surface(self.table(), name)

    def point(self, rank: int, scale: float) -> GridPoint:
        """The model of that rank and scale."""
        for point in self.points:
            if point.rank == rank and point.scale == scale:
                return point
        known = ", ".join(f"({point.rank}, {point.scale:g})" for point in self.points)
        raise SettingsError(f"the grid has no rank {rank} at scale {scale:g}; it has {known}.")

    def best(self, by: str = "kl") -> GridPoint:
        """The model whose test score is nearest to what it should be; of equals the first."""
        if by not in BEST:
            raise SettingsError(
                f"by={by!r} chooses no model; choose one of {', '.join(BEST)}. (Objectives at "
                "different scales cannot be compared.)"
            )
        scored = [point for point in self.points if point.scores is not None]
        if not scored:
            raise SettingsError("this grid was fitted without test rows, so that none is best.")
        off = [abs(float(getattr(point.scores, by)) - BEST[by]) for point in scored]
        return scored[int(np.argmin(np.where(np.isfinite(off), off, np.inf)))]

    def model(self, rank: int, scale: float) -> Robusta:
        """That model as the class a notebook holds, fitted and ready to infer, predict and save."""
        point, held = self.point(rank, scale), self.settings
        model = Robusta(
            rank,
            robust_scale=scale,
            robust_nu=self.nu,
            init_strategy=self.start,
            conv_strategy=held.conv_strategy,
            conv_tol=held.conv_tol,
            conv_check_cadence=held.conv_check_cadence,
            rotation=held.rotation,
            ordered=held.ordered,
            ridge=held.regulariser.ridge,
            smooth=held.regulariser.smooth,
            nonnegative=held.regulariser.nonnegative,
            mean=held.regulariser.mean,
            refits=held.refits,
            seed=self.seed,
            workers=self.workers,
        )
        model.state, model.converged = point.state, point.converged
        return model
