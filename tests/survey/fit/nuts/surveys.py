"""Small simulated surveys, and a count of what is compiled."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numba.core import event

from errorbar.core.extras import load
from errorbar.survey.data import SurveyData


def small_survey(n: int = 8, seed: int = 1, scatter: float = 0.4) -> SurveyData:
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, 0.8, n)
    sigma, star_sigma = rng.uniform(0.1, 0.3, n), rng.uniform(0.05, 0.15, n)
    own = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], n) * [scatter, 0.2]
    return SurveyData(
        x=x,
        y=-0.95 - 1.09 * x + own[:, 0] + sigma * rng.normal(size=n),
        sigma=sigma,
        star=0.05 - 0.05 * x + own[:, 1] + star_sigma * rng.normal(size=n),
        star_sigma=star_sigma,
    )


def single_by_grid(data, prior, nodes=4000):
    """Means and sds of alpha, beta, epsilon by summing over a fine grid of epsilon."""
    eps = np.linspace(0, 8 * prior.epsilon_scale, nodes)
    design = np.stack([np.ones(data.n), data.xc])
    centre = np.array([prior.alpha_mean, 0.0])
    y = data.y - prior.alpha_mean
    log, mean, var = np.empty(nodes), np.empty((nodes, 2)), np.empty((nodes, 2))
    for i, e in enumerate(eps):
        w = 1 / (data.sigma**2 + e**2)
        A = (design * w) @ design.T + np.diag([prior.alpha_sd**-2.0, prior.beta_sd**-2.0])
        m = np.linalg.solve(A, (design * w) @ y)
        log[i] = 0.5 * (np.log(w).sum() - np.linalg.slogdet(A)[1] - (w * y) @ y + m @ A @ m)
        mean[i], var[i] = m + centre, np.diag(np.linalg.inv(A))
    weight = np.exp(log - log.max() - 0.5 * (eps / prior.epsilon_scale) ** 2)
    weight[0] /= 2
    weight /= weight.sum()
    means = np.append(weight @ mean, weight @ eps)
    second = np.append(weight @ (mean**2 + var), weight @ eps**2)
    return means, np.sqrt(second - means**2)


class Compilations(event.Listener):
    """How many programs PyTensor, Numba and XLA were asked to compile."""

    count = 0

    def on_start(self, event: object) -> None:
        self.count += 1

    def on_end(self, event: object) -> None: ...

    def hear(self, event: str, *_: object, **__: object) -> None:
        self.count += event.endswith("backend_compile_duration")


@contextmanager
def compilations() -> Iterator[Compilations]:
    jax = load("jax")
    FunctionMaker = load("pytensor.compile.function.types").FunctionMaker
    found = Compilations()
    make = FunctionMaker.create

    def counted(*args, **kwargs):
        found.count += 1
        return make(*args, **kwargs)

    FunctionMaker.create = counted
    jax.monitoring.register_event_duration_secs_listener(found.hear)
    event.register("numba:compile", found)
    try:
        yield found
    finally:
        event.unregister("numba:compile", found)
        jax.monitoring.unregister_event_duration_listener(found.hear)
        FunctionMaker.create = make
