"""Automatic differentiation variational inference: the reference's default route."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import FitError, SettingsError
from errorbar.core.extras import load
from errorbar.rt.data import Chemistry
from errorbar.rt.fit.reference.graph import Graph, build_graph
from errorbar.rt.fit.reference.plug_in import (
    ReferenceFit,
    in_natural_units,
    plug_in,
    split_values,
)
from errorbar.rt.fit.statistics import GroupStatistics
from errorbar.rt.model.pool import REFERENCE_PENALTY, SlopeHead

__all__ = ["Advi", "fit_advi"]

# The bound is compared over windows of this many steps.
WINDOW = 2_000
MOST_STEPS = 400_000


@dataclass(frozen=True, slots=True, eq=False)
class Stopped:
    """Losses of all steps, and whether the last windows were alike."""

    loss: Float[ndarray, " steps"]
    converged: bool


class Advi:
    """The compiled route: `run` takes steps, from where the last run ended."""

    def __init__(self, graph: Graph, *, seed: int) -> None:
        pm = load("pymc")
        began = time.process_time()
        with graph.model:
            inference = pm.ADVI(random_seed=seed, start=graph.start)
        self.graph = graph
        self.approximation = inference.approx
        self._step = inference.objective.step_function(score=True)
        self.compile_seconds = time.process_time() - began
        self._seed = seed

    def run(self, steps: int) -> Float[ndarray, " steps"]:
        """The loss (minus the evidence bound) of each of so many steps."""
        loss = np.array([self._step() for _ in range(steps)], dtype=np.float64)
        bad = np.flatnonzero(np.isnan(loss))
        if bad.size:
            raise FitError(
                f"the evidence bound is not a number at step {bad[0]} of {steps}: times far from "
                "their mean for these priors; use `fit_statistics`, or start_at_data=True."
            )
        return loss

    def run_until_converged(self, most: int = MOST_STEPS) -> Stopped:
        """Steps until the bound improves no more.

        It has stopped when, twice in a row, the mean loss of a window of 2,000 steps lies less than
        twice the standard error of the difference below that of the window before.
        """
        losses: list[ndarray] = [self.run(min(WINDOW, most))]
        done, calm = WINDOW, 0
        while calm < 2 and done + WINDOW <= most:
            losses.append(self.run(WINDOW))
            done += WINDOW
            before, after = losses[-2:]
            error = np.sqrt((before.var() + after.var()) / WINDOW)
            calm = calm + 1 if before.mean() - after.mean() < 2 * error else 0
        return Stopped(np.concatenate(losses), calm >= 2)

    def draws(self, count: int) -> dict[str, ndarray]:
        """Draws from the approximation, scales as scales."""
        rng = np.random.default_rng([self._seed, count])
        mean, sd = self.approximation.mean.eval(), self.approximation.std.eval()
        flat = mean + sd * rng.normal(size=(count, len(mean)))
        values: dict[str, ndarray] = {}
        for name, (_, place, shape, _) in self.approximation.ordering.items():
            values[name] = flat[:, place].reshape(count, *shape)
        return in_natural_units(values)


def fit_advi(
    statistics: GroupStatistics,
    chemistry: Chemistry | None = None,
    *,
    penalty: float = REFERENCE_PENALTY,
    slope_head: SlopeHead = "cluster_supercat",
    steps: int = 10_000,
    draws: int = 50,
    seed: int,
    until_converged: bool = False,
    sum_to_zero: bool = True,
    start_at_data: bool = False,
) -> ReferenceFit:
    """The reference's default: a normal without correlations in place of the posterior.

    Point values are means of `draws` from it. The reference's 10,000 steps often are too few:
    steps are about a thousandth long in each unknown, however far there is to go. With
    `until_converged` it goes on until the bound has stopped improving, for at most 400,000 steps
    (or `steps`, if that is more). `converged` tells whether it has; without `until_converged`,
    whether the bound was no better in the last tenth of the steps than in the tenth before.
    """
    if steps < 10 or draws < 1:
        raise SettingsError(f"steps={steps} must be at least 10 and draws={draws} at least 1.")
    graph = build_graph(
        statistics, chemistry, penalty=penalty, slope_head=slope_head, sum_to_zero=sum_to_zero,
        start_at_data=start_at_data,
    )  # fmt: skip
    route = Advi(graph, seed=seed)
    began = time.process_time()
    if until_converged:
        stopped = route.run_until_converged(max(steps, MOST_STEPS))
    else:
        loss = route.run(steps)
        stopped = Stopped(loss, _alike(loss))
    latents, scales = split_values(graph, _means(route.draws(draws)))
    pool = plug_in(graph, latents, scales)
    seconds = time.process_time() - began
    tail = stopped.loss[-len(stopped.loss) // 10 :]
    return ReferenceFit(
        method="advi",
        pool=pool,
        latents=latents,
        steps=len(stopped.loss),
        converged=stopped.converged,
        loss=stopped.loss,
        diagnostics={"evidence_bound": float(-tail.mean())},
        seconds=seconds,
        compile_seconds=route.compile_seconds,
    )


def _means(draws: dict[str, Any]) -> dict[str, ndarray]:
    return {name: np.asarray(values.mean(axis=0)) for name, values in draws.items()}


def _alike(loss: ndarray) -> bool:
    """Whether the loss fell no more over the last windows of a tenth of the steps."""
    size = len(loss) // 10
    before, after = loss[-2 * size : -size], loss[-size:]
    return bool(before.mean() - after.mean() < 2 * np.sqrt((before.var() + after.var()) / size))
