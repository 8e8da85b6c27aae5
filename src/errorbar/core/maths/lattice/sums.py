"""The doors to the compiled kernels, which are loaded, or compiled, at the first call."""

from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.special import ndtri, sici  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.maths.lattice.values import Accuracy, NodeSum, Sums

__all__ = ["evaluate", "sum_batch", "sum_nodes"]


@cache
def _odd_weights(side: int) -> Float[ndarray, " nodes"]:
    r"""$(2/\pi)\,\mathrm{Si}(\pi i)$: the half-line integral of the odd sinc interpolant."""
    return np.ascontiguousarray(2 / np.pi * sici(np.pi * np.arange(side))[0])


def _rule(accuracy: Accuracy) -> tuple[float, float, float, float]:
    return accuracy.step, accuracy.cut, accuracy.tolerance, accuracy.tolerance_folded


def _room(d: int, p: int, accuracy: Accuracy) -> tuple[Any, ...]:
    """Scratch space of a sum: cube of slots, two stores, sums, frame, shape."""
    capacity, width = accuracy.capacity, p + p * (p + 1) // 2
    store, spare = (
        (np.empty((capacity, d), dtype=np.int64), np.empty(capacity), np.empty((capacity, width)))
        for _ in range(2)
    )
    return (
        np.zeros(accuracy.side**d, dtype=np.uint8),
        store,
        spare,
        (np.empty((capacity, 2 * p)), np.empty((capacity, d)), np.empty(capacity)),
        (np.empty(d), np.zeros((d, d)), np.zeros(d, dtype=np.int64)),
        (np.zeros((d, d)), np.empty(d), np.empty(d)),
    )


def sum_batch(
    density: Any,
    data: Float[ndarray, "posteriors fields rows"],
    hyper: Float[ndarray, "posteriors numbers"],
    start: Float[ndarray, "posteriors outer"],
    scales: Float[ndarray, "posteriors outer"],
    *,
    inner: int,
    kinds: Int[ndarray, " outer"],
    folds: Int[ndarray, " outer"],
    odd: Int[ndarray, "outer outer"],
    accuracy: Accuracy,
    level: float,
) -> Sums:
    """Means, sds, highest-density intervals and log integrals of a stack of posteriors."""
    from errorbar.core.maths.lattice.kernels import batch_kernel, pieces

    batch, d = start.shape
    mean, sd, low, high = (np.empty((batch, inner + d)) for _ in range(4))
    log_integral = np.empty(batch)
    status, nodes = np.empty(batch, dtype=np.int64), np.empty(batch, dtype=np.int64)
    covariance = np.full((batch, inner // 2), np.nan)
    mixtures = [tuple(np.empty(accuracy.capacity) for _ in range(3)) for _ in range(2)]
    batch_kernel()(
        *pieces(), density, data, hyper, start, scales,
        (kinds, folds, odd, _odd_weights(accuracy.side)), _rule(accuracy), inner,
        *_room(d, inner, accuracy), *mixtures, np.empty(accuracy.cells), np.empty(accuracy.cells),
        level, float(ndtri(0.5 + 0.5 * level)), mean, sd, low, high, log_integral, status, nodes,
        covariance,
    )  # fmt: skip
    return Sums(mean, sd, low, high, log_integral, status, nodes, covariance)


def sum_nodes(
    density: Any,
    data: Float[ndarray, "fields rows"],
    hyper: Float[ndarray, " numbers"],
    start: Float[ndarray, " outer"],
    scales: Float[ndarray, " outer"],
    *,
    inner: int,
    kinds: Int[ndarray, " outer"],
    folds: Int[ndarray, " outer"],
    odd: Int[ndarray, "outer outer"],
    accuracy: Accuracy,
) -> NodeSum:
    """One posterior with its nodes kept, for draws and curves, on grids of twice the cells."""
    from errorbar.core.maths.lattice.kernels import nodes_kernel, pieces

    d, cells = start.size, 2 * accuracy.cells + 1
    slot, store, spare, sums, frame, shape = _room(d, inner, accuracy)
    mean, sd = np.empty(inner + d), np.empty(inner + d)
    grids, summary = np.empty((d, cells)), np.empty(2 + 2 * d)
    count = nodes_kernel()(
        *pieces(), density, data, hyper, start, scales,
        (kinds, folds, odd, _odd_weights(accuracy.side)), _rule(accuracy), inner, slot, store,
        spare, sums, frame, shape, mean, sd, grids, summary,
    )  # fmt: skip
    low, cell = summary[2::2, None], summary[3::2, None]
    return NodeSum(
        mean, sd, float(summary[0]), int(summary[1]), store[0][:count].copy(),
        sums[2][:count].copy(), store[2][:count].copy(), frame[0], frame[1],
        frame[2].astype(bool), low + cell * np.arange(cells), grids,
    )  # fmt: skip


def evaluate(
    density: Any,
    data: Float[ndarray, "fields rows"],
    hyper: Float[ndarray, " numbers"],
    u: Float[ndarray, "places outer"],
    inner: int,
) -> tuple[Float[ndarray, " places"], Float[ndarray, "places packed"]]:
    """Log density and packed inner means and covariances at every row of `u`."""
    from errorbar.core.maths.lattice.kernels import evaluate_kernel

    logf = np.empty(len(u))
    values = np.empty((len(u), inner + inner * (inner + 1) // 2))
    evaluate_kernel()(density, data, hyper, u, logf, values)
    return logf, values
