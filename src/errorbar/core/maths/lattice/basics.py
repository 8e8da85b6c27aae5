# pyright: basic
# Numba takes its types from the calls.
"""What the pieces share: names of kinds, types of arguments, a little linear algebra."""

import math

import numba as nb
from numba import types

from errorbar.core.maths.lattice.values import LOGISTIC, SINH, TANH

__all__ = [
    "CLIMB",
    "DENSITY",
    "FLOOD",
    "KERNEL",
    "MARGINAL",
    "PIECE",
    "SUM",
    "cholesky",
    "fill",
    "natural",
    "small",
    "solve",
    "value",
]

_F, _I = types.float64, types.int64
_F1, _F2, _F3 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]
_I1, _I2, _U1 = types.int64[::1], types.int64[:, ::1], types.uint8[::1]

DENSITY = _F(_F1, _F2, _F1, _F1)
_POSTERIOR = (types.FunctionType(DENSITY), _F2, _F1)
# Kinds, folds and odd signs of the outer coordinates; weights of odd statistics on a half line.
SPACE = types.Tuple((_I1, _I1, _I2, _F1))
# Step, depth, tolerance of a turned and of a folded lattice.
RULE = types.UniTuple(_F, 4)
# Lattice coordinates, log f and inner values of the nodes.
STORE = types.Tuple((_I2, _F1, _F2))
# Inner means and sds, outer parameters and weights of the nodes.
SUMS = types.Tuple((_F2, _F2, _F1))
# Origin, basis and folded axes of the lattice.
FRAME = types.Tuple((_F1, _F2, _I1))
# Covariance at the mode, steps in sds, mode.
SHAPE = types.Tuple((_F2, _F1, _F1))

CLIMB = types.Tuple((_F, types.boolean))(*_POSTERIOR, _F1, _F1, _F2)
FLOOD = _I(*_POSTERIOR, FRAME, _I1, _F, _F, _U1, STORE)
SUM = types.Tuple((_I, _F, _I))(
    types.FunctionType(CLIMB), types.FunctionType(FLOOD), *_POSTERIOR, _F1, _F1, SPACE, RULE, _I,
    _U1, STORE, SUMS, FRAME, SHAPE, _F1, _F1,
)  # fmt: skip
MARGINAL = types.UniTuple(_F, 2)(
    types.FunctionType(FLOOD), *_POSTERIOR, _I, _F, SPACE, RULE, _I, _U1, STORE, STORE, SUMS,
    FRAME, SHAPE, _F1, _F1, _F1,
)  # fmt: skip

_options = {"nogil": True, "error_model": "numpy"}
# Called from Python, or from compiled code through an address, or only within its caller: the
# compiler is spared the wrappers that are not needed.
KERNEL = {**_options, "cache": True, "no_cfunc_wrapper": True}
PIECE = {**_options, "cache": True, "no_cpython_wrapper": True}
_small = {**_options, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def small(function):
    """Compile into the callers: called from compiled code alone, with no file of its own."""
    return nb.njit(**_small)(function)


@small
def fill(array, value):
    """By a loop: a slice assignment compiles the whole text of its possible errors."""
    for k in range(array.size):
        array[k] = value


@small
def value(kind, scale, u):
    """The parameter at coordinate u."""
    if kind == SINH:
        return scale * math.sinh(u)
    if kind == TANH:
        return math.tanh(u)
    if kind == LOGISTIC:
        return 1.0 / (1.0 + math.exp(-u))
    return u


@small
def natural(kind, scale, u):
    """The parameter and its derivative at coordinate u."""
    if kind == SINH:
        return scale * math.sinh(u), scale * math.cosh(u)
    if kind == TANH:
        r = math.tanh(u)
        return r, 1.0 - r * r
    if kind == LOGISTIC:
        p = 1.0 / (1.0 + math.exp(-u))
        return p, p * (1.0 - p)
    return u, 1.0


@small
def cholesky(a, low):
    """Lower factor of `a` into `low`; False if `a` is not positive definite."""
    d = a.shape[0]
    for i in range(d):
        for j in range(i + 1):
            s = a[i, j]
            for k in range(j):
                s -= low[i, k] * low[j, k]
            if i == j:
                if not s > 0.0:
                    return False
                low[i, i] = math.sqrt(s)
            else:
                low[i, j] = s / low[j, j]
        for j in range(i + 1, d):
            low[i, j] = 0.0
    return True


@small
def solve(low, b, x):
    """x = (L L')^-1 b."""
    d = b.size
    for i in range(d):
        s = b[i]
        for k in range(i):
            s -= low[i, k] * x[k]
        x[i] = s / low[i, i]
    for i in range(d - 1, -1, -1):
        s = x[i]
        for k in range(i + 1, d):
            s -= low[k, i] * x[k]
        x[i] = s / low[i, i]
