"""Factorisations beside packages for it, and their precision, memory and second thread.

Of packages on the index, scikit-learn has principal components without errors or gaps, and `wpca`
two kinds with weights but without robustness. The latter asks scikit-learn and SciPy for arguments
that have other names by now, which are put right here, outside of what is timed.
"""

import subprocess
import sys
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.stopwatch import Seconds, take
from errorbar.hmf import Robusta, StudentTLikelihood, make_toy
from errorbar.hmf.fit.als import AlsSettings, fit_als
from errorbar.hmf.fit.infer import infer_coefficients
from errorbar.hmf.fit.kernel.passes import Rule, run_pass, team
from errorbar.hmf.fit.starts import make_start
from errorbar.hmf.summary import match_basis

__all__ = ["inference_to_rest", "memory", "peers", "precision", "threads"]

RANK = 5


def _halves() -> tuple[Any, tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    toy = make_toy(0)
    return toy, *((toy.Y[rows].copy(), toy.W[rows].copy()) for rows in (toy.train, toy.test))


def peers() -> list[str]:
    """Rows of a table: the training half of the toy at its true rank, by each package."""
    from sklearn.decomposition import PCA

    toy, (Y, W), _ = _halves()
    weighted, expected = _wpca()
    sigmas, single = np.sqrt(W), (Y.astype("f4"), W.astype("f4"))
    calls: dict[str, Callable[[], np.ndarray]] = {
        "errorbar, float64": lambda: _basis(Y, W),
        "errorbar, float32": lambda: _basis(*single),
        "scikit-learn PCA, gaps as zero": lambda: (
            PCA(RANK).fit(np.where(W > 0, Y, 0)).components_.T
        ),
        "wpca WPCA": lambda: weighted(n_components=RANK).fit(Y, weights=sigmas).components_.T,
        "wpca EMPCA, 20 iterations": lambda: (
            expected(n_components=RANK, max_iter=20).fit(Y, weights=sigmas).components_.T
        ),
    }
    rows, ours = [], None
    for name, call in calls.items():
        found: dict[str, np.ndarray] = {}
        if name.startswith("errorbar"):
            call()
        taken = take(lambda call=call, found=found: found.update(basis=call()))
        ours = taken if ours is None else ours
        # Other rows are less a mean, which takes a vector of its own from the span.
        angles = match_basis(toy.G, found["basis"]).angles
        rows.append(
            f"| {name} | {taken.wall:.2f} s | {taken.cpu:.2f} s | {taken.cpu / ours.cpu:.1f} | "
            f"{angles[-1]:.2f} to {angles[0]:.2f} |"
        )
    return rows


def _basis(Y: np.ndarray, W: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Robusta(RANK, robust_scale=5.0, workers=1).fit(Y, W)[0].G


def _wpca() -> tuple[Any, Any]:
    """The two classes of `wpca`, in words that its dependencies understand today."""
    import scipy.linalg
    import wpca
    from sklearn.utils.validation import check_array

    def check(X: Any, force_all_finite: Any = True, **more: Any) -> Any:
        return check_array(X, ensure_all_finite=force_all_finite, **more)

    def eigh(a: Any, eigvals: Any = None, **more: Any) -> Any:
        return scipy.linalg.eigh(a, subset_by_index=eigvals, **more)

    for name in ("wpca", "empca", "utils"):
        sys.modules[f"wpca.{name}"].check_array = check  # type: ignore[attr-defined]
    sys.modules["wpca.wpca"].linalg = SimpleNamespace(  # type: ignore[attr-defined]
        **{name: getattr(scipy.linalg, name) for name in scipy.linalg.__all__} | {"eigh": eigh}
    )
    return wpca.WPCA, wpca.EMPCA


def inference_to_rest(ranks: list[int]) -> list[str]:
    """Rows of a table: coefficients of the test half until they rest, and how far off they are.

    The baseline weighs all rows until the largest squared change of any coefficient in ten
    weightings is below 1e-3 of their mean square. Here each row stops by itself, at 3e-15 of its
    own in double and at what rounding allows in single precision. Both are compared with where two
    thousand weightings more lead: the distance is that of a row's model in units of the errors, and
    the share of rows that are off by more than a thousandth stands beside the time.
    """
    import jax

    from benchmarks.factors import plain_weightings

    _, (Y, W), (y, w) = _halves()
    likelihood = StudentTLikelihood(1.0, 3.0)
    rows = []
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for rank in ranks:
            G = Robusta(rank, robust_scale=3.0).fit(Y, W)[0].G
            step = jax.jit(plain_weightings, static_argnames="number")
            data = [jax.numpy.asarray(x) for x in (y, w, G)]

            def baseline(data: Any = data, step: Any = step) -> np.ndarray:
                A = step(*data, None, number=1)
                for _ in range(10):
                    before = A
                    A = step(*data, A, number=10)
                    if float(((A - before) ** 2).max() / (A**2).mean()) < 1e-3:
                        break
                return np.asarray(A)

            def ours(y: Any, w: Any, G: Any = G) -> np.ndarray:
                return infer_coefficients(
                    y, w, G, likelihood, max_iter=1000, tol=3e-15, workers=1
                ).A

            single = y.astype("f4"), w.astype("f4")
            calls = {
                "baseline": baseline,
                "float64": lambda run=ours: run(y, w),
                "float32": lambda run=ours, data=single: run(*data),
            }
            rows += _at_rest(rank, calls, y, w, G, likelihood)
    return rows


def _at_rest(
    rank: int,
    calls: dict[str, Callable[[], np.ndarray]],
    y: np.ndarray,
    w: np.ndarray,
    G: np.ndarray,
    likelihood: StudentTLikelihood,
) -> list[str]:
    known = (w > 0).sum(axis=1) > 3 * rank
    found, base = [], None
    for name, call in calls.items():
        A = call()
        taken = min((take(call) for _ in range(3)), key=lambda seconds: seconds.cpu)
        base = taken if base is None else base
        rest = infer_coefficients(y, w, G, likelihood, start=A, max_iter=2000, tol=0.0).A
        off = ((A - rest) @ G.T * np.sqrt(w))[known]
        far = np.sqrt((off**2).sum(axis=1))
        found.append(
            f"| {rank} | {name} | {taken.wall:.2f} s | {taken.cpu:.2f} s | "
            f"{base.cpu / taken.cpu:.0f} | {(far > 1e-3).mean():.2%} | {far.max():.1e} |"
        )
    return found


def precision(points: list[tuple[int, float]]) -> list[str]:
    """Rows of a table: the objective of both precisions, from one start and after as many passes.

    That of single precision is taken with the data and factors in double.
    """
    _, (Y, W), _ = _halves()
    rows = []
    for rank, scale in points:
        likelihood = StudentTLikelihood(1.0, scale)
        start = make_start(Y, W, rank, "weighted", likelihood, seed=0)
        settings = AlsSettings(max_iter=200, conv_strategy="none", refits=2)
        ends = []
        for kind in (np.float64, np.float32):
            fit = fit_als(Y.astype(kind), W.astype(kind), start, likelihood, settings)
            with team() as pool:
                still = Rule(likelihood.c, refits=0)
                A, G = (np.ascontiguousarray(x) for x in (fit.state.A, fit.state.G))
                ends.append(run_pass(Y, W, A, G, still, pool).objective)
        rows.append(f"| {rank} | {scale:g} | {ends[0]:.8g} | {ends[1] / ends[0] - 1:+.1e} |")
    return rows


def threads(ranks: list[int], rounds: int) -> list[str]:
    """Rows of a table: a pass on one and on two threads, by the clock."""
    rng = np.random.default_rng(0)
    Y, W = rng.normal(size=(4000, 1200)), rng.gamma(2.0, 1.0, size=(4000, 1200))
    rows = []
    with team(1) as one, team(2) as two:
        for rank in ranks:
            A, G = rng.normal(size=(4000, rank)), rng.normal(size=(1200, rank))
            for name, y, w in (("float64", Y, W), ("float32", Y.astype("f4"), W.astype("f4"))):
                walls: dict[str, list[Seconds]] = {"one": [], "two": []}
                for turn in range(rounds + 1):
                    for key, pool in (("one", one), ("two", two)):

                        def call(
                            y: Any = y, w: Any = w, A: Any = A, G: Any = G, p: Any = pool
                        ) -> Any:
                            return run_pass(y, w, A.copy(), G, Rule(9.0), p)

                        call()
                        if turn:
                            walls[key].append(take(call))
                best = {key: min(t.wall for t in taken) for key, taken in walls.items()}
                rows.append(
                    f"| {rank} | {name} | {1e3 * best['one']:.1f} ms | {1e3 * best['two']:.1f} ms "
                    f"| {best['one'] / best['two']:.2f} |"
                )
    return rows


def memory() -> str:
    """The most memory that a fit takes beyond the data, in a process that has fitted before."""
    program = (
        "import resource, warnings, numpy as np\n"
        "from errorbar.hmf import Robusta\n"
        "warnings.simplefilter('ignore')\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "r = np.random.default_rng(0)\n"
        "def fit(Y, W): return Robusta(10, robust_scale=3.0).fit(Y, W, max_iter=20)\n"
        "fit(r.normal(size=(100, 80)), np.ones((100, 80)))\n"
        "Y = r.normal(size=(20000, 1200)); W = r.gamma(2.0, size=Y.shape)\n"
        "Y[0], W[0] = 1.0, 1.0\n"
        "before = peak(); fit(Y, W)\n"
        "print(f'{peak() - before:.0f} {(Y.nbytes + W.nbytes) / 2**20:.0f}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    more, data = done.stdout.split()
    return f"memory beyond {data} MiB of data: {more} MiB"
