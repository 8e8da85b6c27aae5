r"""Passes as products of matrices on JAX: the form for GPUs.

The normal matrices of all rows are one product, $X = w P$ with weights $w$ (rows, pixels) and
$P_{jp} = g_{jk} g_{jl}$ (pixels, pairs), and those of all pixels another, $w^\top Q$ with
$Q_{ip} = a_{ik} a_{il}$. This reads each pixel a dozen times and needs room for a few more copies
of a block, which the fused kernel avoids on a processor and a GPU does not mind.

The steps, their order and the floors of pivots are those of `kernel.fused`; products are made in
the data's type, sums over blocks and the small systems in double precision. Data stay on the device
in blocks of rows; coefficients, the basis and its solution are the host's.
"""

from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy import ndarray

from errorbar.hmf.fit.kernel.passes import FLOOR, Layout, Rule, Sums, products

__all__ = ["DeviceRows", "has_gpu", "room"]

# Entries of a block: its copies then take some 64 MB each in single precision.
ENTRIES = 2**24


def has_gpu() -> bool:
    """Whether JAX would compute on something that is not the processor."""
    return jax.default_backend() != "cpu"


def room() -> float:
    """Free bytes on JAX's device; infinite where it does not tell, as processors do not."""
    told = jax.devices()[0].memory_stats()
    if not told or "bytes_limit" not in told:
        return np.inf
    return float(told["bytes_limit"] - told.get("bytes_in_use", 0))


class DeviceRows:
    """Data on JAX's default device, and the passes over them."""

    def __init__(self, Y: ndarray, W: ndarray) -> None:
        self.rows, self.pixels = Y.shape
        self.itemsize = Y.dtype.itemsize
        most = max(ENTRIES // self.pixels, 1)
        count = -(-self.rows // most)
        self.size = -(-self.rows // count)
        self.blocks: list[tuple[slice, Any, Any]] = []
        with jax.enable_x64(True):
            for first in range(0, self.rows, self.size):
                part = slice(first, min(first + self.size, self.rows))
                y, w = (self._padded(x[part]) for x in (Y, W))
                # Whatever stands where nothing was measured must not meet a product.
                self.blocks.append((part, jnp.where(w > 0, y, 0), jnp.where(w > 0, w, 0)))

    def _padded(self, part: ndarray) -> Any:
        short = self.size - len(part)
        return jnp.asarray(np.pad(part, ((0, short), (0, 0))) if short else part)

    def move(self, A: ndarray, G: ndarray, rule: Rule) -> Sums:
        """One pass over all rows, as `run_pass` makes it."""
        layout = Layout(self.pixels, G.shape[1], self.itemsize)
        with jax.enable_x64(True):
            basis, squares = self._basis(G)
            total = None
            moved = []
            for part, y, w in self.blocks:
                a, sums = _pass(
                    y, w, self._padded(A[part]), basis, squares, *self._told(rule), rule.refits
                )
                moved.append((part, a))
                total = sums if total is None else [x + more for x, more in zip(total, sums)]
            for part, a in moved:
                A[part] = np.asarray(a)[: part.stop - part.start]
            X, b, objective = (np.asarray(x) for x in cast("list[Any]", total))
        return Sums(layout.packed(X), layout.packed(b), float(objective))

    def infer(self, A: ndarray, G: ndarray, rule: Rule, *, most: int, tol: float) -> ndarray:
        """Coefficients on a basis that stands still, as `infer` of the kernel finds them."""
        steps = np.zeros(self.rows, dtype=np.int64)
        with jax.enable_x64(True):
            basis, squares = self._basis(G)
            found = [
                _infer(
                    y, w, self._padded(A[part]), basis, squares, *self._told(rule), most, tol
                )  # fmt: skip
                for part, y, w in self.blocks
            ]
            for (part, _, _), (a, taken) in zip(self.blocks, found):
                held = part.stop - part.start
                A[part], steps[part] = np.asarray(a)[:held], np.asarray(taken)[:held]
        return steps

    def _basis(self, G: ndarray) -> tuple[Any, Any]:
        dtype = np.float32 if self.itemsize == 4 else np.float64
        return jnp.asarray(G.astype(dtype)), jnp.asarray(products(G).astype(dtype))

    def _told(self, rule: Rule) -> tuple[float, float, float, bool, bool]:
        robust = bool(np.isfinite(rule.c))
        c = float(rule.c) if robust else 1.0
        return c, float(rule.ridge), FLOOR[self.itemsize], robust, rule.mean


def _product(left: Any, right: Any) -> Any:
    # Tensor cores would round single precision to ten bits.
    return jnp.matmul(left, right, precision=lax.Precision.HIGHEST)


def _weigh(y: Any, w: Any, a: Any, G: Any, c: Any, robust: Any) -> tuple[Any, Any, Any]:
    """Weights, weighted residuals, and squared residuals in units of their errors."""
    r = y - _product(a.astype(y.dtype), G.T)
    t = w * r * r
    w = jnp.where(robust, w * (c / (c + t)), w).astype(y.dtype)
    return w, w * r, t


def _corrected(w: Any, z: Any, a: Any, G: Any, P: Any, ridge: Any, floor: Any, mean: bool) -> Any:
    """The coefficients that the rows' normal equations ask for."""
    free = a.shape[1] - mean
    i, j = np.tril_indices(free)
    place = np.zeros((free, free), dtype=np.int64)
    place[i, j] = place[j, i] = np.arange(i.size)
    X = _product(w, P[:, : i.size]).astype(jnp.float64)[:, place]
    b = _product(z, G[:, :free]).astype(jnp.float64)
    step = _solve(X, b, a[:, :free], ridge, floor)
    return a.at[:, :free].add(step)


def _solve(X: Any, b: Any, old: Any, ridge: Any, floor: Any) -> Any:
    """What `solve_lanes` finds: Cholesky of all systems at once, with a least pivot."""
    K = b.shape[1]
    # Devices take the smallest numbers for zero: this one and its least share are larger.
    trace = jnp.trace(X, axis1=1, axis2=2)[:, None] + 1e-200
    least, more = trace * (floor / K), trace * (ridge / K)
    X = X + (least + more)[:, :, None] * jnp.eye(K)
    b = b - more * old
    columns = []
    for k in range(K):
        pivot = jnp.sqrt(jnp.maximum(X[:, k, k], least[:, 0]))
        column = (X[:, :, k] / pivot[:, None]).at[:, k].set(pivot)
        columns.append(jnp.where(np.arange(K) < k, 0.0, column))
        X = X - columns[k][:, :, None] * columns[k][:, None, :]
        b = b.at[:, k].divide(pivot)
        b = b - jnp.where(np.arange(K) > k, columns[k] * b[:, k, None], 0.0)
    L = jnp.stack(columns, axis=2)
    for k in reversed(range(K)):
        b = b.at[:, k].divide(L[:, k, k])
        b = b - jnp.where(np.arange(K) < k, L[:, k, :] * b[:, k, None], 0.0)
    return b


@partial(jax.jit, static_argnames=("mean", "refits"))
def _pass(
    y: Any, w: Any, a: Any, G: Any, P: Any, c: Any, ridge: Any, floor: Any, robust: Any,
    mean: bool, refits: int,
) -> tuple[Any, list[Any]]:  # fmt: skip
    for _ in range(refits):
        kept, z, _ = _weigh(y, w, a, G, c, robust)
        a = _corrected(kept, z, a, G, P, ridge, floor, mean)
    kept, z, t = _weigh(y, w, a, G, c, robust)
    i, j = np.tril_indices(a.shape[1])
    pairs = (a[:, i] * a[:, j]).astype(y.dtype)
    loss = jnp.where(robust, c * jnp.log1p(t / c), t).sum(dtype=jnp.float64)
    sums = [_product(kept.T, pairs), _product(z.T, a.astype(y.dtype))]
    return a, [*(x.astype(jnp.float64) for x in sums), loss]


@partial(jax.jit, static_argnames=("mean",))
def _infer(
    y: Any, w: Any, a: Any, G: Any, P: Any, c: Any, ridge: Any, floor: Any, robust: Any,
    mean: bool, most: Any, tol: Any,
) -> tuple[Any, Any]:  # fmt: skip
    free = a.shape[1] - mean

    def waiting(held: Any) -> Any:
        _, taken, moved, _ = held
        return (taken < most) & (moved >= tol).any()

    def again(held: Any) -> Any:
        a, taken, moved, steps = held
        kept, z, _ = _weigh(y, w, a, G, c, robust & (taken > 0))
        new = _corrected(kept, z, a, G, P, ridge, floor, mean)
        new = jnp.where((moved >= tol)[:, None], new, a)
        far = ((new - a)[:, :free] ** 2).max(axis=1)
        size = (new[:, :free] ** 2).sum(axis=1) + 1e-300
        taken = taken + 1
        asked = moved >= tol
        first = jnp.where(robust, jnp.inf, -1.0)
        moved = jnp.where(taken == 1, first, jnp.where(asked, far * free / size, moved))
        # Negative: the row has not come to rest.
        steps = jnp.where(asked, jnp.where(moved >= tol, -taken, taken), steps)
        return new, taken, moved, steps

    rows = len(a)
    begin = (a, jnp.int64(0), jnp.full(rows, jnp.inf), jnp.zeros(rows, dtype=jnp.int64))
    a, _, _, steps = lax.while_loop(waiting, again, begin)
    return a, steps
