"""Where a fit begins. It has many ends; which one is reached depends on the beginning."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.hmf.fit.als import AlsSettings, fit_als
from errorbar.hmf.fit.kernel.passes import Rule, infer, team
from errorbar.hmf.fit.state import RHMFState
from errorbar.hmf.model import Identity, Likelihood, Regulariser

__all__ = [
    "STARTS",
    "InitStrategy",
    "check_start",
    "first_basis",
    "make_start",
    "settled",
    "without_one",
]

InitStrategy = Literal["auto", "weighted", "spare", "subsample", "svd", "random"]
STARTS: tuple[InitStrategy, ...] = (
    "auto",
    "weighted",
    "spare",
    "subsample",
    "svd",
    "random",
)

# Directions sketched beside those wanted, and how often the sketch is multiplied again.
BESIDE = 10
POWERS = 2
# The part of the rows that a first fit sees: some by lot, some for the weight they carry.
BY_LOT = 0.1
BY_WEIGHT = 0.02
FIRST_FIT = 10
ROUND = 3
FIRST_PASSES = 4
# Rows that `spare` looks at.
SPARE_ROWS = 1000
PART = 256
# Rows that medians are taken of, those that the weighted start is sketched from, and spreads beyond
# which it cuts a value.
SEEN = 400
SKETCHED = 1500
CUT = 4.0


def make_start(
    Y: ndarray,
    W: ndarray,
    rank: int,
    strategy: InitStrategy,
    likelihood: Likelihood,
    *,
    seed: int,
    regulariser: Regulariser | None = None,
    workers: int | None = None,
) -> RHMFState:
    """A start of rank `rank`, or one more where the regulariser has a mean.

    `svd` is a randomised singular value decomposition with missing pixels as zero, as the reference
    code has it. `weighted` is one of what up to 1,500 rows say beyond doubt: each pixel is drawn to
    the median of its column as far as its error is larger than the spread there, and cut at four
    times that spread. `subsample` fits a tenth of the rows and those of largest weight first, from
    `weighted`; `spare` fits one vector more to up to a thousand rows, and leaves out in turn each
    of them, to keep the best; `random` is normal numbers. `auto` is `spare`.
    """
    strategy = settled(strategy)
    regulariser = Regulariser() if regulariser is None else regulariser
    rows, pixels = Y.shape
    rng = np.random.default_rng(seed)
    mean = _column_means(Y, W) if regulariser.mean else np.zeros(pixels)
    if strategy == "svd":
        as_it_is = Stand(mean, np.zeros(pixels), np.full(pixels, np.inf))
        state = _sketched(Y, W, rank, rng, as_it_is)
    elif strategy == "weighted":
        state = _weighted(Y, W, rank, rng, mean)
    elif strategy == "random":
        state = RHMFState(rng.normal(size=(rows, rank)), rng.normal(size=(pixels, rank)))
    elif strategy == "subsample":
        return _subsampled(Y, W, rank, likelihood, regulariser, rng, workers)
    elif strategy == "spare":
        return _spared(Y, W, rank, likelihood, regulariser, rng, workers)
    else:
        raise SettingsError(
            f"init_strategy={strategy!r} is not known; choose one of {', '.join(STARTS)}, or give "
            "a state."
        )
    A, G = state.A, state.G
    if regulariser.nonnegative:
        A, G = np.abs(A), np.abs(G)
    if regulariser.mean:
        A, G = np.column_stack([A, np.ones(rows)]), np.column_stack([G, mean])
    if strategy == "weighted":
        # What was drawn to the middle tells the basis, not the coefficients.
        _infer_first(Y, W, A, G, likelihood, regulariser, workers)
    return RHMFState(A, G)


def settled(strategy: InitStrategy) -> InitStrategy:
    """The strategy that `auto` stands for; others stand for themselves."""
    return "spare" if strategy == "auto" else strategy


def _infer_first(
    Y: ndarray,
    W: ndarray,
    A: ndarray,
    G: ndarray,
    likelihood: Likelihood,
    regulariser: Regulariser,
    workers: int | None,
) -> None:
    held = regulariser
    rule = Rule(likelihood.c, 1, held.ridge, held.nonnegative, held.mean)
    with team(workers) as pool:
        infer(Y, W, A, G, rule, pool, most=FIRST_PASSES, tol=0.0)


def check_start(start: RHMFState, rows: int, pixels: int, rank: int) -> RHMFState:
    """A start that was given, if it is one for these data."""
    A, G = np.asarray(start.A, dtype=np.float64), np.asarray(start.G, dtype=np.float64)
    if A.shape != (rows, rank) or G.shape != (pixels, rank):
        raise SettingsError(
            f"the start has coefficients {A.shape} and a basis {G.shape}; these data and this rank "
            f"need {(rows, rank)} and {(pixels, rank)}."
        )
    for name, values in (("coefficients", A), ("basis", G)):
        bad = np.flatnonzero(~np.isfinite(values).all(1))
        if bad.size:
            raise SettingsError(
                f"the start's {name} are not finite in {bad.size} rows, the first is {bad[0]}."
            )
    return RHMFState(np.ascontiguousarray(A), np.ascontiguousarray(G), start.it)


def _parts(rows: int) -> list[slice]:
    return [slice(first, min(first + PART, rows)) for first in range(0, rows, PART)]


def _column_means(Y: ndarray, W: ndarray) -> ndarray:
    """Weighted means of columns; zero where nothing was measured."""
    up, down = np.zeros(Y.shape[1]), np.zeros(Y.shape[1])
    for part in _parts(len(Y)):
        w = W[part].astype(np.float64)
        up += np.where(w > 0, w * Y[part], 0).sum(0)
        down += w.sum(0)
    return np.divide(up, down, out=np.zeros_like(up), where=down > 0)


@dataclass(frozen=True, slots=True, eq=False)
class Stand:
    """What stands in for the data: less `mean`, gaps at `fill`, drawn to it by the errors.

    `spread` is the standard deviation that columns are believed to have around `fill`.
    """

    mean: ndarray
    fill: ndarray
    spread: ndarray

    def rows(self, Y: ndarray, W: ndarray) -> ndarray:
        seen = W > 0
        if np.isinf(self.spread).all():
            return np.where(seen, Y - self.mean, self.fill)
        far = CUT * self.spread
        with np.errstate(invalid="ignore"):
            known = np.clip(Y - (self.mean + self.fill), -far, far)
        information = self.spread**2 * W
        known *= information / (1 + information)
        np.copyto(known, 0, where=~seen)
        known += self.fill
        return known


def _typical(Y: ndarray, W: ndarray, rng: np.random.Generator, mean: ndarray) -> Stand:
    """Medians of columns and spreads around them, from some of the rows."""
    some = _by_lot(len(Y), SEEN, rng)
    values = np.where(W[some] > 0, Y[some], np.nan).T.astype(np.float64)
    middle = _medians(values)
    spread = 1.4826 * _medians(np.abs(values - middle[:, None]))
    usual = float(np.median(spread[spread > 0])) if np.any(spread > 0) else 1.0
    return Stand(mean, middle - mean, np.maximum(spread, 0.03 * usual))


def _by_lot(rows: int, most: int, rng: np.random.Generator) -> ndarray:
    """Numbers of rows in order, all of them if they are no more than that."""
    return np.sort(rng.choice(rows, min(rows, most), replace=False))


def _medians(values: ndarray) -> ndarray:
    """The median of each row less what is NaN; zero where nothing is left."""
    ordered = np.sort(values, axis=1)
    seen = (~np.isnan(values)).sum(axis=1)
    low, high = (
        np.take_along_axis(ordered, np.maximum(place, 0)[:, None], axis=1)[:, 0]
        for place in ((seen - 1) // 2, seen // 2 * (seen > 0))
    )
    return np.where(seen > 0, 0.5 * (low + high), 0.0)


def _weighted(
    Y: ndarray, W: ndarray, rank: int, rng: np.random.Generator, mean: ndarray
) -> RHMFState:
    """A basis from some rows; the coefficients of all are still to be found."""
    some = _by_lot(len(Y), max(SKETCHED, 20 * rank), rng)
    y, w = (Y, W) if len(some) == len(Y) else (Y[some], W[some])
    G = _sketched(y, w, rank, rng, _typical(y, w, rng, mean)).G
    return RHMFState(np.zeros((len(Y), rank)), G)


def _sketched(
    Y: ndarray, W: ndarray, rank: int, rng: np.random.Generator, stand: Stand
) -> RHMFState:
    """Leading singular vectors of what stands in for the data."""

    def forth(right: ndarray) -> ndarray:
        return np.concatenate([stand.rows(Y[part], W[part]) @ right for part in _parts(len(Y))])

    def there_and_back(right: ndarray) -> tuple[ndarray, ndarray]:
        # An orthonormal image is not needed to come back, so that each power is one reading.
        found, images = np.zeros((Y.shape[1], right.shape[1])), []
        for part in _parts(len(Y)):
            rows = stand.rows(Y[part], W[part])
            images.append(rows @ right)
            found += rows.T @ images[-1]
        return found, np.concatenate(images)

    wide = min(rank + BESIDE, *Y.shape)
    right = rng.normal(size=(Y.shape[1], wide))
    for _ in range(POWERS):
        right, _ = np.linalg.qr(there_and_back(right)[0])
    image = forth(right)
    left, values, turned = np.linalg.svd(image, full_matrices=False)
    scale = np.sqrt(values[:rank])
    return RHMFState(left[:, :rank] * scale, (right @ turned[:rank].T) * scale)


def _some_rows(W: ndarray, heavy: int, lot: int, rng: np.random.Generator) -> ndarray:
    """Those of largest total weight, and some by lot."""
    weight = np.concatenate([W[part].sum(1, dtype=np.float64) for part in _parts(len(W))])
    drawn = rng.choice(len(W), min(lot, len(W)), replace=False)
    return np.union1d(np.argsort(weight)[::-1][:heavy], drawn)


def _spared(
    Y: ndarray,
    W: ndarray,
    rank: int,
    likelihood: Likelihood,
    regulariser: Regulariser,
    rng: np.random.Generator,
    workers: int | None,
) -> RHMFState:
    y, w = Y, W
    if len(Y) > SPARE_ROWS:
        chosen = _some_rows(W, SPARE_ROWS // 10, SPARE_ROWS - SPARE_ROWS // 10, rng)
        y, w = np.ascontiguousarray(Y[chosen]), np.ascontiguousarray(W[chosen])
    wide = min(rank + 1, min(y.shape) - regulariser.mean)
    seed = int(rng.integers(2**31))
    state = make_start(
        y, w, wide, "weighted", likelihood, seed=seed, regulariser=regulariser, workers=workers
    )
    state = fit_als(y, w, state, likelihood, _short(regulariser), workers=workers).state
    if wide > rank:
        state = without_one(y, w, state, likelihood, regulariser, workers=workers)
    if y is Y:
        return RHMFState(state.A, state.G)
    return _on_basis(Y, W, state.G, likelihood, regulariser, workers)


def without_one(
    Y: ndarray,
    W: ndarray,
    state: RHMFState,
    likelihood: Likelihood,
    regulariser: Regulariser,
    *,
    workers: int | None = None,
) -> RHMFState:
    """A state with one vector less: each is left out in turn, and the best stays.

    The one whose loss costs least at once need not be it, because the others then move: after every
    few iterations the worse half is given up.
    """
    left: list[RHMFState] = []
    for k in range(state.rank - regulariser.mean):
        A, G = (np.ascontiguousarray(np.delete(factor, k, 1)) for factor in (state.A, state.G))
        _infer_first(Y, W, A, G, likelihood, regulariser, workers)
        left.append(RHMFState(A, G))
    few = replace(_short(regulariser), max_iter=ROUND)
    while len(left) > 1:
        fits = [fit_als(Y, W, each, likelihood, few, workers=workers) for each in left]
        fits.sort(key=lambda fit: fit.objective)
        left = [fit.state for fit in fits[: -(-len(fits) // 2)]]
    return left[0]


def _short(regulariser: Regulariser) -> AlsSettings:
    """A few iterations, in whatever gauge."""
    return AlsSettings(
        max_iter=FIRST_FIT, conv_strategy="none", rotation=Identity(), regulariser=regulariser,
        refits=2, ordered=False,
    )  # fmt: skip


def _subsampled(
    Y: ndarray,
    W: ndarray,
    rank: int,
    likelihood: Likelihood,
    regulariser: Regulariser,
    rng: np.random.Generator,
    workers: int | None,
) -> RHMFState:
    lot = max(round(BY_LOT * len(Y)), 20 * rank)
    chosen = _some_rows(W, max(round(BY_WEIGHT * len(Y)), 1), lot, rng)
    G = first_basis(Y[chosen], W[chosen], rank, likelihood, regulariser, rng, workers)
    return _on_basis(Y, W, G, likelihood, regulariser, workers)


def _on_basis(
    Y: ndarray,
    W: ndarray,
    basis: ndarray,
    likelihood: Likelihood,
    regulariser: Regulariser,
    workers: int | None,
) -> RHMFState:
    """Coefficients of all rows on the basis of some."""
    G = np.ascontiguousarray(basis)
    A = np.zeros((len(Y), G.shape[1]))
    A[:, G.shape[1] - regulariser.mean :] = 1.0
    _infer_first(Y, W, A, G, likelihood, regulariser, workers)
    return RHMFState(A, G)


def first_basis(
    Y: ndarray,
    W: ndarray,
    rank: int,
    likelihood: Likelihood,
    regulariser: Regulariser,
    rng: np.random.Generator,
    workers: int | None = None,
    *,
    start: InitStrategy = "weighted",
) -> ndarray:
    """The basis of a short fit to a few rows."""
    few, errors = np.ascontiguousarray(Y), np.ascontiguousarray(W)
    first = make_start(
        few, errors, rank, start, likelihood, seed=int(rng.integers(2**31)),
        regulariser=regulariser, workers=workers,
    )  # fmt: skip
    return fit_als(few, errors, first, likelihood, _short(regulariser), workers=workers).state.G
