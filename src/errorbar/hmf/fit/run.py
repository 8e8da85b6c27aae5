"""From data to factors: a start, or the best of several, and a way on from there."""

import hashlib
from dataclasses import replace

import numpy as np
from numpy import ndarray

import errorbar
from errorbar.core.artifact import Json
from errorbar.core.errors import SettingsError
from errorbar.hmf.data.fingerprint import data_digest
from errorbar.hmf.fit.als import AlsSettings, Callback, Factorisation, Tell, fit_als
from errorbar.hmf.fit.checkpoint import Checkpoint, Keeper, Moment
from errorbar.hmf.fit.rows import Device
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
    device: Device = "auto",
    sgd: SgdSettings | None = None,
    checkpoint: Checkpoint | None = None,
    tell: Tell | None = None,
) -> Factorisation:
    """Fit a factorisation of rank `rank`.

    With `n_init` more than one the other strategies, then other seeds, start too; a few iterations
    from each, and the one of lowest objective goes on. With a `checkpoint` a fit of the same data
    and settings goes on where it stopped, be it with another `max_iter`.
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
    keeper, begin = None, None
    if checkpoint is not None:
        if method == "sgd":
            raise SettingsError(
                "a fit by gradients keeps no checkpoint and does not resume: leave it out, or fit "
                "with method='als'."
            )
        keeper = Keeper(checkpoint, _job(Y, W, rank, likelihood, settings, start, n_init, seed))
        begin = _resumed(keeper, settings)
    if begin is None:
        begin = _begun(Y, W, rank, likelihood, settings, start, n_init, seed, workers)
    if method == "sgd" and isinstance(begin, RHMFState):
        return fit_sgd(
            Y, W, begin, likelihood, settings, seed=seed, callback=callback, sgd=sgd,
            workers=workers, tell=tell,
        )  # fmt: skip
    return fit_als(
        Y, W, begin, likelihood, settings, callback=callback, workers=workers, device=device,
        keeper=keeper, tell=tell,
    )  # fmt: skip


def _job(
    Y: ndarray,
    W: ndarray,
    rank: int,
    likelihood: Likelihood,
    settings: AlsSettings,
    start: InitStrategy | RHMFState,
    n_init: int,
    seed: int,
) -> dict[str, Json]:
    """What decides a fit's bytes, but for the number of iterations."""
    begin = start
    if isinstance(start, RHMFState):
        factors = (np.ascontiguousarray(each, np.float64) for each in (start.A, start.G))
        begin = hashlib.sha256(b"".join(each.tobytes() for each in factors)).hexdigest()
    return {
        "data": data_digest(Y, W),
        "rank": rank,
        "likelihood": repr(likelihood),
        "settings": repr(settings.with_max_iter(1)),
        "start": str(begin),
        "n_init": n_init,
        "seed": seed,
        "errorbar": errorbar.__version__,
    }


def _resumed(keeper: Keeper, settings: AlsSettings) -> Moment | None:
    moment = keeper.found()
    if moment is not None and len(moment.losses) > settings.max_iter:
        raise SettingsError(
            f"{keeper.checkpoint.path} holds this fit after {len(moment.losses)} iterations and "
            f"max_iter is {settings.max_iter}: allow as many, or delete the file to begin anew."
        )
    return moment


def _begun(
    Y: ndarray,
    W: ndarray,
    rank: int,
    likelihood: Likelihood,
    settings: AlsSettings,
    start: InitStrategy | RHMFState,
    n_init: int,
    seed: int,
    workers: int | None,
) -> RHMFState:
    """The state that was given, or the one that a strategy makes."""
    if not isinstance(start, RHMFState):
        return _best_start(Y, W, rank, likelihood, settings, start, n_init, seed, workers)
    if n_init > 1:
        raise SettingsError(
            f"n_init={n_init} asks for several starts and one state was given: leave one out."
        )
    rows, pixels = Y.shape
    return check_start(start, rows, pixels, rank + settings.regulariser.mean)


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
    first = settled(strategy)
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
