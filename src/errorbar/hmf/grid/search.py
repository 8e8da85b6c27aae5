r"""A fit for each rank and scale, and its scores on rows that no fit has seen.

A *warm* start is the end of the fit at the next higher scale of the same rank. With a high scale
the objective has few optima, and following it down leads past the shallow ones that a cold start at
a low scale falls into; from low to high there is no such gain. At the highest scale it is the end
of the fit with the next higher rank, less the vector that is missed least. A vector to spare takes
up a bright outlier which else would take the place of a weak but common one, and so a grid should
hold a rank more than are believed to be needed. The first fit of all, which has no neighbour and is
the neighbour of all others in the end, begins with such a vector too (`spare`) unless told
otherwise.

All this is no rule, so unless told otherwise a fit is made from the cold start too, and the lower
objective stays. The cold one is given up early when thirty more iterations at its pace would not
bring it below the end of the warm one.

With more vectors than the data need, the spare ones wander for hundreds of iterations in which the
objective hardly moves; so fits of a grid stop by the objective, not by the basis.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.contracts import PieceValue
from errorbar.core.engine.journal import Job, Journal, open_journal
from errorbar.core.engine.run import progress_bar
from errorbar.core.engine.values import digest
from errorbar.core.errors import InputError, SettingsError
from errorbar.hmf.data import check_matrix
from errorbar.hmf.data.fingerprint import data_digest
from errorbar.hmf.fit.als import AlsSettings
from errorbar.hmf.fit.starts import STARTS, InitStrategy, without_one
from errorbar.hmf.fit.state import RHMFState
from errorbar.hmf.grid.fits import Tries, Work, cold_starts, fit_point, fresh_start
from errorbar.hmf.grid.record import point_of, values_of
from errorbar.hmf.grid.result import GridPoint, GridResult

__all__ = ["USUAL", "search"]

Key = tuple[int, float]

NAME = "errorbar.hmf.grid.search"
USUAL = AlsSettings(
    max_iter=200, conv_strategy="rel_frac_loss", conv_tol=5e-5, conv_check_cadence=5, refits=2
)


def search(
    Y: ArrayLike,
    W: ArrayLike | None,
    ranks: Sequence[int],
    scales: Sequence[float],
    *,
    test: ArrayLike | None = None,
    held_out: tuple[ArrayLike, ArrayLike] | None = None,
    start: InitStrategy = "auto",
    tries: Tries = "both",
    nu: float = 1.0,
    settings: AlsSettings | None = None,
    journal: str | Path | None = None,
    progress: bool | None = None,
    seed: int = 0,
    workers: int | None = None,
) -> GridResult:
    """Fit every rank at every scale, and score each fit on test rows.

    `test` are numbers of rows in `Y`, or a mask of them, that are kept from the fits; `held_out`
    are values and weights that were never in `Y`, which spares a copy of large data. `settings` are
    those of every fit, by default `USUAL`: as in `Robusta`, but each fit ends when five iterations
    lower its objective by less than 5e-5, or after 200. `tries` are the starts of each model:
    `cold`, `warm` (all but the first), or `both` and the better end. With a `journal` folder a
    search that was killed goes on where it stopped, and ends with the same numbers. `progress`
    draws a bar on standard error; left out, it does so where that is a terminal.
    """
    values, weights = check_matrix(Y, W)
    train, aside = _part(values, weights, test, held_out)
    work = Work(
        *train, aside, float(nu), USUAL if settings is None else settings,
        start, tries, seed, workers,
    )  # fmt: skip
    keys = _keys(work, ranks, scales)
    points: dict[Key, GridPoint] = {}
    with _opened(journal, work, keys) as kept:
        finished = {} if kept is None else kept.finished()
        points.update({keys[index]: point_of(held) for index, held in finished.items()})
        resumed = len(points)
        with progress_bar(progress, "models", len(keys), len(points)) as advance:
            make = cold_starts(work, *max(keys))
            for key in sorted(keys, reverse=True):
                if key not in points:
                    near = _near(work, points, key)
                    made = fit_point(work, *key, make, near)
                    points[key] = made if points else replace(made, warm=False, gain=np.nan)
                    if kept is not None:
                        kept.write(keys.index(key), values_of(points[key]))
                    advance()
    made = (work.nu, work.settings, work.start, work.seed, work.workers)
    return GridResult(tuple(points[key] for key in keys), *made, resumed=resumed)


def _part(
    Y: ndarray,
    W: ndarray,
    test: ArrayLike | None,
    held_out: tuple[ArrayLike, ArrayLike] | None,
) -> tuple[tuple[ndarray, ndarray], tuple[ndarray, ndarray] | None]:
    """Training rows, and test rows if there are any."""
    if held_out is not None:
        if test is not None:
            raise SettingsError("test and held_out both name the test rows: leave one out.")
        aside = check_matrix(*held_out)
        if aside[0].shape[1] != Y.shape[1]:
            raise InputError(
                f"held-out rows have {aside[0].shape[1]} pixels and the others {Y.shape[1]}."
            )
        return (Y, W), aside
    if test is None:
        return (Y, W), None
    chosen = np.zeros(len(Y), dtype=bool)
    rows = np.asarray(test)
    if rows.dtype != bool and rows.dtype.kind not in "iu":
        raise SettingsError(f"test={test!r} must be numbers of rows or a mask of them.")
    try:
        chosen[rows] = True
    except IndexError as error:
        raise SettingsError(f"test does not name rows of {len(Y)}: {error}.") from error
    if chosen.all() or not chosen.any():
        raise SettingsError(
            f"test names {int(chosen.sum())} of {len(Y)} rows: some must be left to fit, and one "
            "at least to test."
        )
    return (Y[~chosen], W[~chosen]), (Y[chosen], W[chosen])


def _keys(work: Work, ranks: Sequence[int], scales: Sequence[float]) -> list[Key]:
    """All models, ranks first, each rank's scales from low to high."""
    most = min(work.Y.shape) - work.settings.regulariser.mean
    wrong = [rank for rank in ranks if not 1 <= rank <= most]
    if wrong:
        raise SettingsError(f"ranks={wrong} cannot be fitted: these data allow 1 to {most}.")
    for scale in scales:
        work.likelihood(float(scale))
    keys = [(rank, scale) for rank in sorted({int(r) for r in ranks})
            for scale in sorted({float(s) for s in scales})]  # fmt: skip
    if not keys:
        raise SettingsError("a grid needs a rank and a scale at least.")
    for name, known in (("start", STARTS), ("tries", get_args(Tries))):
        if getattr(work, name) not in known:
            raise SettingsError(
                f"{name}={getattr(work, name)!r} is not known; choose one of {', '.join(known)}."
            )
    return keys


def _near(work: Work, points: dict[Key, GridPoint], key: Key) -> RHMFState | None:
    """The warm start of a model, of those that are fitted: of its rank, else of the next higher.

    The first of all has no neighbour, and with `auto` begins with a vector to spare instead.
    """
    rank, scale = key
    if work.tries == "cold":
        return None
    if not points and work.start == "auto":
        # All others begin near this one, so that a second start is well spent.
        return fresh_start(work, rank, work.likelihood(scale), "spare")
    above = [other for other in points if other[0] == rank and other[1] > scale]
    if above:
        return points[min(above)].state
    wider = [other for other in points if other[0] > rank and other[1] == scale]
    if not wider:
        return None
    state = points[min(wider)].state
    while state.rank > rank + work.settings.regulariser.mean:
        state = without_one(
            work.Y, work.W, state, work.likelihood(scale), work.settings.regulariser,
            workers=work.workers,
        )  # fmt: skip
    return state


@contextmanager
def _opened(folder: str | Path | None, work: Work, keys: list[Key]) -> Iterator[Journal | None]:
    """The journal of this search, where one is wanted."""
    if folder is None:
        yield None
        return
    told: dict[str, PieceValue] = {
        "data": data_digest(work.Y, work.W),
        "held_out": "" if work.held_out is None else data_digest(*work.held_out),
        "how": repr((work.nu, work.settings, work.start, work.tries)),
    }
    pieces = tuple(digest({**told, "rank": rank, "scale": scale}) for rank, scale in keys)
    with open_journal(Path(folder), Job(NAME, work.seed, pieces)) as kept:
        yield kept
