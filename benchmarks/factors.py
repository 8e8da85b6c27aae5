"""Factorisations against the same algorithm written the plain way in JAX.

The baseline makes every row's and every pixel's normal matrix by `vmap` and solves it alone, from
weights made once an iteration, and then turns the factors and takes the objective: the reference
code's step. Beside it stands the form for GPUs, in which all normal matrices are one product.
"""

import warnings
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from benchmarks.stopwatch import Seconds, take
from errorbar.hmf import StudentTLikelihood, make_toy
from errorbar.hmf.fit.als import AlsSettings, fit_als
from errorbar.hmf.fit.infer import infer_coefficients
from errorbar.hmf.fit.kernel.passes import Rule, move_basis, run_pass, team
from errorbar.hmf.fit.starts import make_start

__all__ = ["end_to_end", "first_call", "inference", "passes", "plain_weightings"]

ROWS, PIXELS = 4000, 1200
OURS = (("subsample", "float64"), ("subsample", "float32"), ("auto", "float64"))


def _gauge(jnp: Any, A: Any, G: Any) -> tuple[Any, Any]:
    values, vectors = jnp.linalg.eigh(G.T @ G + 1e-6 * jnp.eye(G.shape[1]))
    turn = vectors * values**-0.5 @ vectors.T
    return A @ (vectors * values**0.5 @ vectors.T), G @ turn


def plain_step(Y: Any, W: Any, A: Any, G: Any, c: float) -> Any:
    """One iteration, each normal matrix for itself."""
    import jax
    import jax.numpy as jnp

    residual = Y - A @ G.T
    w = W * c / (c + W * residual**2)

    def solve(factor: Any) -> Callable[[Any, Any], Any]:
        return lambda y, w: jnp.linalg.solve((factor * w[:, None]).T @ factor, factor.T @ (w * y))

    A = jax.vmap(solve(G))(Y, w)
    G = jax.vmap(solve(A))(Y.T, w.T)
    A, G = _gauge(jnp, A, G)
    return A, G, c * jnp.log1p(W * (Y - A @ G.T) ** 2 / c).sum()


def product_step(Y: Any, W: Any, A: Any, G: Any, c: float) -> Any:
    """One iteration, all normal matrices as products of matrices."""
    import jax.numpy as jnp

    i, j = np.tril_indices(G.shape[1])

    def solve(w: Any, right: Any, factor: Any) -> Any:
        packed = w @ (factor[:, i] * factor[:, j])
        full = jnp.zeros((len(packed), factor.shape[1], factor.shape[1]))
        full = full.at[:, i, j].set(packed).at[:, j, i].set(packed)
        return jnp.linalg.solve(full, (right @ factor)[..., None])[..., 0]

    residual = Y - A @ G.T
    w = W * c / (c + W * residual**2)
    A = solve(w, w * Y, G)
    G = solve(w.T, (w * Y).T, A)
    A, G = _gauge(jnp, A, G)
    return A, G, c * jnp.log1p(W * (Y - A @ G.T) ** 2 / c).sum()


def plain_weightings(Y: Any, W: Any, G: Any, A: Any, number: int) -> Any:
    """Coefficients on a basis that stands still after some weightings; least squares to begin."""
    import jax
    import jax.numpy as jnp

    def solve(y: Any, w: Any) -> Any:
        return jnp.linalg.solve((G * w[:, None]).T @ G, G.T @ (w * y))

    if A is None:
        A, number = jax.vmap(solve)(Y, W), number - 1
    for _ in range(number):
        A = jax.vmap(solve)(Y, W * 9.0 / (9.0 + W * (Y - A @ G.T) ** 2))
    return A


def passes(ranks: list[int], rounds: int) -> list[str]:
    """Rows of a table: one iteration on one thread, and its ratio to the baseline."""
    import jax

    rng = np.random.default_rng(0)
    Y, W = rng.normal(size=(ROWS, PIXELS)), rng.gamma(2.0, 1.0, size=(ROWS, PIXELS))
    single = Y.astype(np.float32), W.astype(np.float32)
    rows = []
    with jax.enable_x64(True), team(1) as pool:
        for rank in ranks:
            A, G = rng.normal(size=(ROWS, rank)), rng.normal(size=(PIXELS, rank))
            on_device = [jax.numpy.asarray(x) for x in (Y, W, A, G)]

            def ours(y: Any, w: Any, A: Any = A, G: Any = G) -> None:
                sums = run_pass(y, w, A.copy(), G, Rule(9.0), pool)
                move_basis(sums, G, Rule(9.0), y.dtype.itemsize)

            def theirs(step: Any, data: Any = on_device) -> None:
                jax.block_until_ready(step(*data, 9.0))

            plain, product = jax.jit(plain_step), jax.jit(product_step)
            calls = {
                "baseline": lambda run=theirs, step=plain: run(step),
                "products": lambda run=theirs, step=product: run(step),
                "float64": lambda run=ours: run(Y, W),
                "float32": lambda run=ours: run(*single),
            }
            times = _by_turns(calls, rounds, rng)
            rows += _compared(rank, times)
    return rows


def inference(ranks: list[int], rounds: int) -> list[str]:
    """Rows of a table: robust coefficients of new rows, a fixed number of weightings."""
    import jax
    import jax.numpy as jnp

    weightings = 10
    rng = np.random.default_rng(0)
    Y, W = rng.normal(size=(ROWS, PIXELS)), rng.gamma(2.0, 1.0, size=(ROWS, PIXELS))
    single = Y.astype(np.float32), W.astype(np.float32)
    likelihood = StudentTLikelihood(1.0, 3.0)

    rows = []
    with jax.enable_x64(True):
        for rank in ranks:
            G = rng.normal(size=(PIXELS, rank))
            on_device = [jnp.asarray(x) for x in (Y, W, G)]
            compiled = jax.jit(plain_weightings, static_argnames="number")

            def ours(y: Any, w: Any, G: Any = G) -> None:
                infer_coefficients(
                    y, w, G, likelihood, max_iter=weightings, tol=0.0, workers=1
                )  # fmt: skip

            calls = {
                "baseline": lambda run=compiled, data=on_device: jax.block_until_ready(
                    run(*data, None, number=weightings)
                ),
                "float64": lambda run=ours: run(Y, W),
                "float32": lambda run=ours: run(*single),
            }
            times = _by_turns(calls, rounds, rng)
            rows += _compared(rank, times)
    return rows


def _compared(rank: int, times: dict[str, list[Seconds]]) -> list[str]:
    """A row for each call: median wall, least processor time, and its ratio to the baseline's."""
    base = min(t.cpu for t in times["baseline"])
    rows = []
    for name, taken in times.items():
        cpu, wall = min(t.cpu for t in taken), median(t.wall for t in taken)
        rows.append(
            f"| {rank} | {name} | {1e3 * wall:.1f} ms | {1e3 * cpu:.1f} ms | {base / cpu:.1f} |"
        )
    return rows


def _by_turns(
    calls: dict[str, Callable[[], Any]], rounds: int, rng: np.random.Generator
) -> dict[str, list[Seconds]]:
    for call in calls.values():
        call()
    times: dict[str, list[Seconds]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name in rng.permutation(list(calls)):
            # Whatever ran before has filled the caches with its own data.
            calls[name]()
            times[name].append(take(calls[name]))
    return times


def end_to_end(points: list[tuple[int, float]]) -> list[str]:
    """Rows of a table: time to the objective at which the baseline stops, start included.

    The baseline starts from a full singular value decomposition and stops when the largest squared
    change of the basis is below a hundredth of its mean square, checked at every iteration. Beside
    the start that is made soonest stands the default one, which ends lower.
    """
    import jax

    toy = make_toy(0)
    Y, W = toy.Y[toy.train].copy(), toy.W[toy.train].copy()
    rows = []
    with jax.enable_x64(True):
        data = [jax.numpy.asarray(x) for x in (Y, W)]
        step = jax.jit(plain_step)
        for rank, scale in points:
            c = float(scale**2)
            for _ in range(2):
                jax.block_until_ready(step(*data, *_decomposed(Y, rank), c))
            theirs, reached = _timed(lambda r=rank, c=c: _baseline_fit(step, data, Y, r, c))
            goal = reached["objective"] * (1 + 1e-6)
            told = (
                f"| {rank} | {scale:g} | {reached['objective']:.6g} | {reached['it']} in "
                f"{theirs.wall:.1f} / {theirs.cpu:.1f} s "
            )
            for start, kind in OURS:
                y, w = Y.astype(kind), W.astype(kind)

                fit = partial(_our_fit, y, w, rank, scale, goal, start)
                fit()
                mine, ours = min((_timed(fit) for _ in range(3)), key=lambda found: found[0].cpu)
                rows.append(
                    f"{told}| {start}, {kind} | {ours['objective']:.6g} | {ours['it']} in "
                    f"{mine.wall:.2f} / {mine.cpu:.2f} s | {theirs.wall / mine.wall:.0f} | "
                    f"{theirs.cpu / mine.cpu:.0f} |"
                )
    return rows


def _timed(call: Callable[[], dict[str, Any]]) -> tuple[Seconds, dict[str, Any]]:
    found: dict[str, Any] = {}
    return take(lambda: found.update(call())), found


def _decomposed(Y: np.ndarray, rank: int) -> tuple[Any, Any]:
    import jax.numpy as jnp

    U, values, V = jnp.linalg.svd(jnp.asarray(Y), full_matrices=False)
    root = jnp.sqrt(values[:rank])
    return U[:, :rank] * root, V[:rank].T * root


def _baseline_fit(step: Any, data: Any, Y: np.ndarray, rank: int, c: float) -> dict[str, Any]:
    A, G = _decomposed(Y, rank)
    objective, it = np.inf, 0
    for it in range(1, 1001):  # noqa: B007
        before = G
        A, G, objective = step(*data, A, G, c)
        moved = float(((G - before) ** 2).max() / (G**2).mean())
        if moved < 1e-2:
            break
    return {"objective": float(objective), "it": it}


def _our_fit(
    Y: np.ndarray, W: np.ndarray, rank: int, scale: float, goal: float, begin: Any
) -> dict[str, Any]:
    likelihood = StudentTLikelihood(1.0, scale)
    start = make_start(Y, W, rank, begin, likelihood, seed=0)
    settings = AlsSettings(max_iter=1000, conv_strategy="none")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = fit_als(
            Y, W, start, likelihood, settings, callback=lambda it, state, loss: loss <= goal
        )
    return {"objective": fit.objective, "it": len(fit.losses) - 1}


def first_call() -> str:
    """Seconds of the first fit of a fresh process, import and compiled code from disk included."""
    import subprocess
    import sys

    program = (
        "import numpy as np; from errorbar.hmf import Robusta; "
        "r = np.random.default_rng(0); Robusta(3).fit(r.normal(size=(100, 80)))"
    )
    taken = [
        take(lambda: subprocess.run([sys.executable, "-c", program], check=True)).wall
        for _ in range(3)
    ]
    return f"first fit of a process: {min(taken):.2f} s"
