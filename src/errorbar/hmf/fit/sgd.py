r"""The same factors by stochastic gradients: blocks of rows one after another, on JAX and Optax.

Each visit to a block takes `refits` steps of the basis and of the block's own coefficients down the
gradient of the block's part of

$$F = \sum_{ij} \rho(t_{ij}) + \sum_i \lambda_i |a_i|^2 + \sum_j \lambda_j |g_j|^2
      + \lambda \sum_k \lVert D g_k \rVert^2,$$

with penalties as `Regulariser` has them, their strengths taken as constants at each step. Non-
negative factors are projected after each step, a mean's coefficients are not moved.

An iteration is an epoch: every block once, in a new order. The rate starts at `learning_rate` and
is halved whenever five epochs have brought hardly less than the five before, so that the noise of
small batches dies out; over the last quarter of `max_iter` it also falls to zero in a straight
line. A rule of convergence is asked once halving has taken the rate to a hundredth: before that,
rest would be chance.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy import ndarray

from errorbar.core.errors import MissingExtraError, SettingsError
from errorbar.hmf.fit.als import (
    AlsSettings,
    Callback,
    Factorisation,
    NotConvergedWarning,
    Tell,
    check_finite,
    turned,
)
from errorbar.hmf.fit.convergence import Watch
from errorbar.hmf.fit.infer import objective_of
from errorbar.hmf.fit.state import RHMFState
from errorbar.hmf.model import Likelihood, Ordered, Regulariser

if TYPE_CHECKING:
    from optax import GradientTransformation

__all__ = ["SgdSettings", "fit_sgd"]

# The rate is cut when this many epochs have gained less than a share of the objective.
PATIENCE = 5
WORTH = 1e-3
CUT = 0.5
# Of the first rate, where rules of convergence begin; of the iterations, where the end begins.
SMALL = 0.01
TAIL = 0.25


@dataclass(frozen=True, slots=True)
class SgdSettings:
    """Steps of a fit by gradients.

    `optimizer` is the name of one of Optax that takes a learning rate, or a gradient
    transformation ready made; the rate's cuts are multiplied to what either gives.
    """

    learning_rate: float = 0.05
    batch_rows: int = 256
    optimizer: "str | GradientTransformation" = "adafactor"

    def __post_init__(self) -> None:
        if not (self.learning_rate > 0 and np.isfinite(self.learning_rate)):
            raise SettingsError(f"learning_rate={self.learning_rate:g} must be a positive number.")
        if self.batch_rows < 1:
            raise SettingsError(f"batch_rows={self.batch_rows} must be at least 1.")

    def transformation(self) -> "GradientTransformation":
        """The gradient transformation meant."""
        if not isinstance(self.optimizer, str):
            return self.optimizer
        _, optax = _libraries()
        named: Any = (
            None if self.optimizer.startswith("_") else getattr(optax, self.optimizer, None)
        )
        try:
            made = named(self.learning_rate)
        except TypeError:
            made = None
        if not isinstance(made, optax.GradientTransformation):
            raise SettingsError(
                f"optimizer={self.optimizer!r} is none of Optax that takes just a learning rate: "
                "adafactor, adam, sgd do; or pass a GradientTransformation."
            )
        return cast("GradientTransformation", made)


def fit_sgd(
    Y: ndarray,
    W: ndarray,
    start: RHMFState,
    likelihood: Likelihood,
    settings: AlsSettings | None = None,
    *,
    seed: int = 0,
    callback: Callback | None = None,
    sgd: SgdSettings | None = None,
    workers: int | None = None,
    tell: Tell | None = None,
) -> Factorisation:
    """Fit from a start by gradients, all data in memory, a block at a time on JAX's device.

    Numbers keep the type of the data. The losses are those met during each epoch, and last that
    of the state itself; `callback` is called after every epoch and ends the fit by returning true.
    """
    settings = AlsSettings() if settings is None else settings
    sgd = SgdSettings() if sgd is None else sgd
    jax, _ = _libraries()
    with jax.enable_x64(Y.dtype == np.float64):
        A, G, losses, converged = _descend(
            Y, W, start, likelihood, settings, sgd, seed, callback, tell
        )  # fmt: skip
    it = len(losses)
    if settings.ordered:
        A, G = turned(A, G, Ordered(), settings.regulariser)
    losses.append(objective_of(Y, W, A, G, likelihood, workers=workers))
    if not converged and it == settings.max_iter and settings.conv_strategy != "none":
        warnings.warn(
            f"the fit was still moving after max_iter={it} epochs (objective {losses[-1]:.6g}): "
            f"allow more, another learning_rate, or a larger conv_tol than {settings.conv_tol:g}.",
            NotConvergedWarning,
            stacklevel=3,
        )
    return Factorisation(RHMFState(A, G, start.it + it), np.array(losses), converged)


def _libraries() -> tuple[Any, Any]:
    try:
        import jax
    except ImportError as error:
        raise MissingExtraError("jax", "hmf") from error
    try:
        import optax
    except ImportError as error:
        raise MissingExtraError("optax", "hmf") from error
    return jax, optax


@dataclass(slots=True)
class _Block:
    """Some rows, their coefficients and the optimiser's state of these."""

    rows: ndarray
    A: Any
    state: Any


def _descend(
    Y: ndarray,
    W: ndarray,
    start: RHMFState,
    likelihood: Likelihood,
    settings: AlsSettings,
    sgd: SgdSettings,
    seed: int,
    callback: Callback | None,
    tell: Tell | None,
) -> tuple[ndarray, ndarray, list[float], bool]:
    jax, _ = _libraries()
    rule, held = sgd.transformation(), settings.regulariser
    rng = np.random.default_rng(seed)
    A, G = _balanced(start, held)
    basis = jax.numpy.asarray(G, dtype=Y.dtype)
    memory = rule.init(basis)
    blocks = []
    for rows in _blocks(len(Y), sgd.batch_rows, rng):
        # Rows that fill the last block weigh nothing.
        first = jax.numpy.asarray(_taken(A, rows)[:, : A.shape[1] - held.mean], dtype=Y.dtype)
        blocks.append(_Block(rows, first, rule.init(first)))
    step = _compiled(sgd, likelihood.robust, held, settings.refits)
    c = Y.dtype.type(likelihood.c)
    watch = Watch(settings.conv_strategy, settings.conv_tol, settings.conv_check_cadence)
    rate, losses, converged = _Rate(), [], False
    watch.start(A, G)

    def gathered() -> ndarray:
        for block in blocks:
            own = block.rows >= 0
            A[block.rows[own], : A.shape[1] - held.mean] = np.asarray(block.A)[own]
        return A

    while len(losses) < settings.max_iter and not converged:
        left = 1.0 - len(losses) / settings.max_iter
        total, scale = 0.0, Y.dtype.type(rate.scale * min(left / TAIL, 1.0))
        for b in rng.permutation(len(blocks)):
            block = blocks[b]
            data = (_taken(Y, block.rows), _taken(W, block.rows))
            basis, memory, block.A, block.state, loss = step(
                basis, memory, block.A, block.state, *data, scale, c
            )
            total += float(loss)
        losses.append(total)
        check_finite(total, len(losses))
        rate.see(total)
        G = np.asarray(basis, dtype=np.float64)
        if callback is not None or watch.wants_coefficients:
            gathered()
        if rate.scale <= SMALL:
            converged = watch.settled(len(losses), A, G, total)
        if tell is not None:
            tell(len(losses), total, watch.change)
        if callback is not None:
            state = RHMFState(A.copy(), G, start.it + len(losses))
            if callback(len(losses), state, total):
                break
    return gathered(), G, losses, converged


def _blocks(rows: int, size: int, rng: np.random.Generator) -> list[ndarray]:
    """Places of the rows of each block, in a random order; -1 where there is no row left."""
    count = -(-rows // size)
    # Of one length, so that the step is compiled once.
    size = -(-rows // count)
    places = np.full(count * size, -1)
    places[:rows] = rng.permutation(rows)
    return list(places.reshape(count, size))


def _taken(values: ndarray, rows: ndarray) -> ndarray:
    """Rows by their places, zeros for those that are none."""
    found = values[np.maximum(rows, 0)]
    found[rows < 0] = 0
    return found


def _balanced(start: RHMFState, regulariser: Regulariser) -> tuple[ndarray, ndarray]:
    """The start with both factors of one size, vector by vector: one rate then suits both."""
    A, G = (np.array(each, dtype=np.float64) for each in (start.A, start.G))
    A, G = turned(A, G, Ordered(), regulariser)
    A, G = np.array(A), np.array(G)
    free = G.shape[1] - regulariser.mean
    one, other = (np.sqrt(np.mean(each[:, :free] ** 2, axis=0)) for each in (A, G))
    good = (one > 0) & (other > 0)
    share = np.sqrt(np.where(good, other, 1.0) / np.where(good, one, 1.0))
    A[:, :free] *= share
    G[:, :free] /= share
    return A, G


@dataclass(slots=True)
class _Rate:
    """The share of the learning rate in use, cut where the objective no longer falls."""

    scale: float = 1.0
    seen: list[float] = field(default_factory=list)

    def see(self, objective: float) -> None:
        self.seen.append(objective)
        if len(self.seen) < 2 * PATIENCE:
            return
        before = float(np.mean(self.seen[-2 * PATIENCE : -PATIENCE]))
        after = float(np.mean(self.seen[-PATIENCE:]))
        if not after < before * (1.0 - WORTH * self.scale):
            self.scale *= CUT
            self.seen = self.seen[-PATIENCE:]


@lru_cache(maxsize=16)
def _compiled(
    sgd: SgdSettings, robust: bool, regulariser: Regulariser, steps: int
) -> Callable[..., Any]:
    """A function that moves the basis and a block's coefficients, and gives the block's objective.

    The objective is that before the first of the steps, penalties aside. The likelihood's constant
    is an argument: fits that differ in it alone are compiled once.
    """
    jax, _ = _libraries()
    rule = sgd.transformation()
    jnp, held, free = jax.numpy, jax.lax.stop_gradient, regulariser.mean

    def whole(A: Any) -> Any:
        return jnp.concatenate([A, jnp.ones_like(A[:, :1])], axis=1) if free else A

    def cost(factors: tuple[Any, Any], Y: Any, W: Any, c: Any) -> tuple[Any, Any]:
        A, G = factors
        full = whole(A)
        # A residual of a pixel that was not measured is zero before anything else is made of it.
        t = W * (jnp.where(W > 0, Y, 0) - full @ G.T) ** 2
        each = c * jnp.log1p(t / c) if robust else t
        objective = jnp.sum(each)
        weight = held(W * c / (c + t) if robust else W)
        more = penalty(A, full, G, weight)
        return (objective + more) / jnp.maximum(jnp.sum(W > 0), 1), objective

    def penalty(A: Any, full: Any, G: Any, weight: Any) -> Any:
        found = 0.0
        if not (regulariser.ridge or regulariser.smooth):
            return found
        column = held(weight.T @ jnp.mean(full**2, axis=1))
        if regulariser.ridge:
            row = held(weight @ jnp.mean(G[:, : A.shape[1]] ** 2, axis=1))
            both = row @ jnp.sum(A**2, axis=1) + column @ jnp.sum(G**2, axis=1)
            found += regulariser.ridge * both
        if regulariser.smooth:
            rough = jnp.diff(G, regulariser.order, axis=0)
            found += regulariser.smooth * jnp.mean(column) * jnp.sum(rough**2)
        return found

    slope = jax.value_and_grad(cost, has_aux=True)

    def moved(values: Any, gradient: Any, memory: Any, scale: Any) -> tuple[Any, Any]:
        change, memory = rule.update(gradient, memory, values)
        values = values + scale * change
        return (jnp.maximum(values, 0) if regulariser.nonnegative else values), memory

    def step(
        G: Any, memory: Any, A: Any, state: Any, Y: Any, W: Any, scale: Any, c: Any
    ) -> tuple[Any, ...]:
        def once(held: tuple[Any, ...], _: None) -> tuple[tuple[Any, ...], Any]:
            G, memory, A, state = held
            (_, objective), (down, across) = slope((A, G), Y, W, c)
            A, state = moved(A, down, state, scale)
            G, memory = moved(G, across, memory, scale)
            return (G, memory, A, state), objective

        found, objectives = jax.lax.scan(once, (G, memory, A, state), None, length=steps)
        return *found, objectives[0]

    return jax.jit(step)
