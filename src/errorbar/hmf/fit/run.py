"""From data to factors: a start, or the best of several, and a way on from there."""

from dataclasses import replace

import numpy as np
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.hmf.fit.als import AlsSettings, Callback, Factorisation, fit_als
from errorbar.hmf.fit.sgd import SgdSettings, fit_sgd
from errorbar.hmf.fit.starts import STARTS, InitStrategy, check_start, make_start, settled
from errorbar.hmf.fit.state import RHMFState
from errorbar.hmf.model import Likelihood

__all__ = ["fit_factors"]

# Iterations from each of several starts before the best goes on.
TRIAL = 8


def fit_factors(
    Y: ndarray,
    W: ndarray,
    rank: int,
    likelihood: Likelihood,
    settings: AlsSettings,
    *,
    method: str = "als",
    start: InitStrategy | RHMFState = "auto",
    n_init: int = 1,
    seed: int = 0,
    callback: Callback | None = None,
    workers: int | None = None,
    sgd: SgdSettings | None = None,
) -> Factorisation:
    """Fit a factorisation of rank `rank`.

    With `n_init` more than one the other strategies, then other seeds, start too; a few iterations
    from each, and the one of lowest objective goes on.
    """
    if n_init < 1:
        raise SettingsError(f"n_init={n_init} must be at least 1.")
    whole = rank + settings.regulariser.mean
    if rank < 1 or whole > min(Y.shape):
        raise SettingsError(
            f"rank={rank}{' and a mean' if settings.regulariser.mean else ''} cannot describe "
            f"{Y.shape[0]} rows of {Y.shape[1]} pixels: it must be at least 1, and no more than "
            "there are rows or pixels."
        )
    if isinstance(start, RHMFState):
        if n_init > 1:
            raise SettingsError(
                f"n_init={n_init} asks for several starts and one state was given: leave one out."
            )
        rows, pixels = Y.shape
        begin = check_start(start, rows, pixels, whole)
    else:
        begin = _best_start(Y, W, rank, likelihood, settings, start, n_init, seed, workers)
    if method == "sgd":
        return fit_sgd(
            Y, W, begin, likelihood, settings, seed=seed, callback=callback, sgd=sgd,
            workers=workers,
        )  # fmt: skip
    return fit_als(Y, W, begin, likelihood, settings, callback=callback, workers=workers)


def _best_start(
    Y: ndarray,
    W: ndarray,
    rank: int,
    likelihood: Likelihood,
    settings: AlsSettings,
    strategy: InitStrategy,
    n_init: int,
    seed: int,
    workers: int | None,
) -> RHMFState:
    first = settled(strategy, len(Y))
    order: list[InitStrategy] = [first, *(name for name in STARTS if name not in ("auto", first))]
    tried: list[tuple[float, RHMFState]] = []
    trial = replace(settings, max_iter=TRIAL, conv_strategy="none", ordered=False)
    for number in range(n_init):
        name = order[number] if number < len(order) else "random"
        state = make_start(
            Y, W, rank, name, likelihood, seed=seed + number,
            regulariser=settings.regulariser, workers=workers,
        )  # fmt: skip
        if n_init == 1:
            return state
        fit = fit_als(Y, W, state, likelihood, trial, workers=workers)
        tried.append((fit.objective, fit.state))
    return tried[int(np.argmin([objective for objective, _ in tried]))][1]
