r"""How far a run's internal standards lie from those of training, and what that costs.

A run's distance $d$ is that to the nearest training run in standardised covariates, in units of
5/4 of the largest distance between a training run and its own nearest neighbour. Beyond one a run
is outside of what was trained on. Slopes widen intervals there by themselves; what they miss is
measured: the model is fitted to the near four fifths of training
runs, and $\kappa$ is how fast the mean squared error of the far ones, in units of their variance,
grows with $d^2 - 1$. Variances of far rows are multiplied by $1 + \kappa (d^2 - 1)$.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from errorbar.rt.data import Peaks
from errorbar.rt.evaluate import farness, run_covariates
from errorbar.rt.model.times import Times

__all__ = ["FarRunWarning", "RunRange", "far_words"]

# A new run from the same source may well lie a little beyond the loneliest of training.
SLACK = 1.25
NEAR = 0.8
# Fewer far runs cannot measure how fast errors grow.
LEAST_RUNS = 5


class FarRunWarning(UserWarning):
    """Internal standards of a run lie outside of those of training."""


@dataclass(frozen=True, slots=True, eq=False)
class RunRange:
    """The training runs' covariates; `edge` is the distance that counts as one, `growth` kappa."""

    runs: Float[ndarray, "runs features"]
    edge: float
    growth: float = 0.0

    @classmethod
    def of(cls, peaks: Peaks) -> Self | None:
        """The range of a table's runs; none where they are too few or nothing was measured."""
        _, runs = run_covariates(peaks)
        runs = np.unique(runs, axis=0)
        if len(runs) < LEAST_RUNS or not peaks.features:
            return None
        return cls(runs, SLACK * float(farness(runs).max()))

    def farness(self, peaks: Peaks) -> tuple[Int[ndarray, " runs"], Float[ndarray, " runs"]]:
        """Run numbers of a table and how far each lies: beyond 1 it is outside of training."""
        numbers, runs = run_covariates(peaks)
        return numbers, self.of_runs(runs)

    def of_runs(self, runs: Float[ndarray, "asked features"]) -> Float[ndarray, " asked"]:
        """How far runs of these covariates lie."""
        return farness(self.runs, runs) / self.edge

    def of_rows(self, peaks: Peaks) -> Float[ndarray, " rows"]:
        """How far the run of each row lies."""
        numbers, far = self.farness(peaks)
        return far[np.searchsorted(numbers, peaks.run)]

    def widened(self, times: Times, far: Float[ndarray, " rows"]) -> Times:
        """Times with the variances of far runs as large as errors out there were found to be."""
        return replace(times, sd=times.sd * np.sqrt(1 + self.growth * outside(far)))

    def calibrated(self, peaks: Peaks, predict: Callable[[Peaks, Peaks], Times]) -> Self:
        """With kappa from the far training runs; `predict` fits one table and predicts another."""
        near = self.near_rows(peaks)
        far = peaks.select(~near)
        if len(np.unique(far.run)) < LEAST_RUNS or not near.any():
            return self
        inner = RunRange.of(peaks.select(near))
        if inner is None:
            return self
        beyond = outside(inner.of_rows(far))
        if not (beyond > 0).any():
            return self
        times = predict(peaks.select(near), far)
        known = times.known == 0
        # What a squared error is in the middle of a normal: heavy tails must not pass for growth.
        square = np.minimum(times.score(far.rt) ** 2, 16.0)
        inside = known & (beyond == 0)
        usual = float(square[inside].mean()) if inside.sum() > 100 else 1.0
        rise = square[known] / max(usual, 0.5) - 1
        weight = beyond[known]
        return replace(self, growth=float(max(weight @ rise / max(weight @ weight, 1e-12), 0.0)))

    def near_rows(self, peaks: Peaks) -> Bool[ndarray, " rows"]:
        """Rows of the runs that lie nearest to the others."""
        numbers, runs = run_covariates(peaks)
        distance = farness(runs)
        near = distance <= np.quantile(distance, NEAR)
        return near[np.searchsorted(numbers, peaks.run)]


def far_words(outside: int, runs: int, keys: Sequence[int], distance: float) -> str:
    """What is said of runs outside of training; `keys` are those of the farthest."""
    return (
        f"the internal standards of {outside} of {runs} runs lie outside of the range of training, "
        f"farthest run ({', '.join(map(str, keys))}) at {distance:.2f} times its edge: intervals "
        "are widened there by what errors of far training runs were. Add such runs to training."
    )


def outside(far: Float[ndarray, " rows"]) -> Float[ndarray, " rows"]:
    """How much farther than the range, in squares."""
    return np.maximum(np.square(far) - 1.0, 0.0)
