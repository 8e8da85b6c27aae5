r"""Calibrators that scale logits: by one temperature, class by class, or by a matrix.

All minimise the mean negative log likelihood of $\operatorname{softmax}(f(z))$ on $n$ labelled
rows, which is convex in the parameters of $f$:

- **temperature**, $f(z) = z / T$: convex in $1/T$, whose root is bracketed without a bound (Guo et
  al. 2017, arXiv:1706.04599);
- **vector**, $f(z) = w \circ z + b$;
- **Dirichlet**, $f(p) = W \log p + b$, with penalties on off-diagonal elements and on $b$ (Kull et
  al. 2019, arXiv:1910.12656).

On rows that are all classified correctly the likelihood has no maximum, and a class without a row
sends its bias to minus infinity. So each label counts for $n$ rows and the classifier's own claim
for `prior_rows` more: the target of row $i$ is $(n\, e_{y_i} + a\, p_i) / (n + a)$. It pulls to the
classifier as it is, moves an estimate by $O(a/n)$, and keeps the problem convex.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from numpy import ndarray
from scipy import optimize  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.calibrate.base import (
    BaseProbCalibrator,
    as_logits,
    as_probs,
    log_softmax,
    read_array,
    read_positive,
)
from errorbar.core.calibrate.doors import Inputs
from errorbar.core.calibrate.likelihood import (
    claimed_targets,
    class_curvature,
    likelihood,
    solve,
)
from errorbar.core.errors import ArtifactError, FitError, SettingsError

__all__ = ["DirichletCalibrator", "TemperatureScaler", "VectorScaler", "fit_temperature"]

_root = cast("Callable[..., float]", optimize.brentq)  # pyright: ignore[reportUnknownMemberType]


class _Scaling(BaseProbCalibrator):
    """What the three have in common: pseudo-rows of the classifier's own claims."""

    def __init__(self, *, prior_rows: float = 1.0, inputs: Inputs | None = None) -> None:
        super().__init__(inputs=inputs)
        if not 0 <= prior_rows < np.inf:
            raise SettingsError(f"prior_rows={prior_rows} must be zero or a positive number.")
        self.prior_rows = float(prior_rows)

    def _state(self) -> dict[str, Any]:
        return {"prior_rows": self.prior_rows}

    def _restore(self, payload: Mapping[str, Any]) -> None:
        self.prior_rows = read_positive(payload, "prior_rows", 1.0)


class TemperatureScaler(_Scaling):
    """Logits divided by one temperature: above one for a classifier that is too sure.

    It moves no row's order of classes. `temperature` may be given instead of fitted.
    """

    def __init__(
        self,
        temperature: float = 1.0,
        *,
        prior_rows: float = 1.0,
        inputs: Inputs | None = None,
    ) -> None:
        super().__init__(prior_rows=prior_rows, inputs=inputs)
        if not 0 < temperature < np.inf:
            raise SettingsError(f"temperature={temperature} must be positive and finite.")
        self.temperature = float(temperature)

    def _learn(self, matrix: ndarray, labels: ndarray, inputs: Inputs) -> None:
        logits = as_logits(matrix, inputs)
        self.temperature = fit_temperature(logits, labels, self.prior_rows)

    def _apply(self, matrix: ndarray, inputs: Inputs) -> ndarray:
        # The largest is taken off first, so that a tiny temperature does not overflow.
        logits = as_logits(matrix, inputs)
        with np.errstate(over="ignore"):
            scaled = (logits - logits.max(axis=1, keepdims=True)) / self.temperature
        return np.exp(log_softmax(scaled))

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "temperature": self.temperature}

    def _restore(self, payload: Mapping[str, Any]) -> None:
        super()._restore(payload)
        self.temperature = float(read_array(payload, "temperature", ()))
        if not self.temperature > 0:
            raise ArtifactError(f"`temperature` is {self.temperature}, which is not positive.")

    def _check_fitted(self) -> None:
        """A temperature that was given needs no fit."""


class VectorScaler(_Scaling):
    """Every class's logit scaled and shifted for itself: `weight` and `bias`.

    `penalty` times half the squared distance from the identity is added to the mean log
    likelihood; it decides what the data leave open.
    """

    def __init__(
        self,
        penalty: float = 1e-6,
        *,
        prior_rows: float = 1.0,
        inputs: Inputs | None = None,
    ) -> None:
        super().__init__(prior_rows=prior_rows, inputs=inputs)
        self.penalty = _positive(penalty)
        self.weight = np.ones(0)
        self.bias = np.zeros(0)

    def _learn(self, matrix: ndarray, labels: ndarray, inputs: Inputs) -> None:
        logits = as_logits(matrix, inputs)
        logits = logits - logits.mean(axis=1, keepdims=True)
        classes = logits.shape[1]
        target = claimed_targets(logits, labels, self.prior_rows)

        def loss(free: ndarray) -> tuple[float, ndarray]:
            weight, bias = free[:classes], free[classes:]
            value, slope = likelihood(logits * weight + bias, target)
            value += self.penalty / 2 * float(np.sum((weight - 1) ** 2) + np.sum(bias**2))
            down = np.concatenate([(slope * logits).sum(axis=0), slope.sum(axis=0)])
            return value, down + self.penalty * np.concatenate([weight - 1, bias])

        def curvature(free: ndarray) -> ndarray:
            probs = np.exp(log_softmax(logits * free[:classes] + free[classes:]))
            both = np.stack([logits, np.ones(logits.shape)])
            found = np.empty((2, classes, 2, classes))
            for i in range(2):
                for j in range(2):
                    found[i, :, j] = class_curvature(probs, both[i], both[j])
            return found.reshape(len(free), -1) + self.penalty * np.eye(len(free))

        start = np.concatenate([np.ones(classes), np.zeros(classes)])
        found = solve(loss, curvature, start, "vector")
        self.weight, self.bias = found[:classes], found[classes:]

    def _apply(self, matrix: ndarray, inputs: Inputs) -> ndarray:
        logits = as_logits(matrix, inputs)
        logits = logits - logits.mean(axis=1, keepdims=True)
        return np.exp(log_softmax(logits * self.weight + self.bias))

    def _state(self) -> dict[str, Any]:
        return {
            **super()._state(),
            "penalty": self.penalty,
            "weight": self.weight.tolist(),
            "bias": self.bias.tolist(),
        }

    def _restore(self, payload: Mapping[str, Any]) -> None:
        super()._restore(payload)
        self.penalty = read_positive(payload, "penalty", 1e-6)
        self.weight = read_array(payload, "weight", (self.n_classes or 0,))
        self.bias = read_array(payload, "bias", (self.n_classes or 0,))


class DirichletCalibrator(_Scaling):
    """Log probabilities through a matrix and a bias: it can move mass between two classes.

    `penalty` times the mean squared off-diagonal element, and times the mean squared bias, is
    added to the mean log likelihood (ODIR). Ask for more of it where rows per class are few.
    """

    def __init__(
        self,
        penalty: float = 1e-2,
        *,
        prior_rows: float = 1.0,
        inputs: Inputs | None = None,
    ) -> None:
        super().__init__(prior_rows=prior_rows, inputs=inputs)
        self.penalty = _positive(penalty)
        self.weight = np.ones((0, 0))
        self.bias = np.zeros(0)

    def _learn(self, matrix: ndarray, labels: ndarray, inputs: Inputs) -> None:
        logs = _logs(matrix, inputs)
        rows, classes = logs.shape
        wide = np.hstack([logs, np.ones((rows, 1))])
        target = claimed_targets(logs, labels, self.prior_rows)
        # Diagonals are free but for a trace that keeps the problem strictly convex.
        cost = np.full((classes, classes + 1), 2 * self.penalty / (classes * (classes - 1)))
        cost[:, -1] = 2 * self.penalty / classes
        np.fill_diagonal(cost, 1e-8)
        unit = np.eye(classes, classes + 1)

        def loss(free: ndarray) -> tuple[float, ndarray]:
            away = free.reshape(unit.shape) - unit
            value, slope = likelihood(wide @ (unit + away).T, target)
            value += float(np.sum(cost * away**2)) / 2
            return value, (slope.T @ wide + cost * away).ravel()

        def curvature(free: ndarray) -> ndarray:
            probs = np.exp(log_softmax(wide @ free.reshape(unit.shape).T))
            found = np.empty((*unit.shape, *unit.shape))
            for a in range(classes):
                for b in range(a + 1):
                    pull = probs[:, [a]] * ((a == b) - probs[:, [b]]) / rows
                    found[a, :, b] = found[b, :, a] = (wide * pull).T @ wide
            return found.reshape(free.size, free.size) + np.diag(cost.ravel())

        found = solve(loss, curvature, unit.ravel(), "Dirichlet").reshape(unit.shape)
        self.weight, self.bias = found[:, :-1].copy(), found[:, -1].copy()

    def _apply(self, matrix: ndarray, inputs: Inputs) -> ndarray:
        logs = _logs(matrix, inputs)
        # Class by class: a product of matrices rounds one row and many rows differently.
        turned = np.tile(self.bias, (len(logs), 1))
        for column, weight in zip(logs.T, self.weight.T):
            turned += column[:, None] * weight
        return np.exp(log_softmax(turned))

    def _state(self) -> dict[str, Any]:
        return {
            **super()._state(),
            "penalty": self.penalty,
            "weight": self.weight.tolist(),
            "bias": self.bias.tolist(),
        }

    def _restore(self, payload: Mapping[str, Any]) -> None:
        super()._restore(payload)
        classes = self.n_classes or 0
        self.penalty = read_positive(payload, "penalty", 1e-2)
        self.weight = read_array(payload, "weight", (classes, classes))
        self.bias = read_array(payload, "bias", (classes,))


def fit_temperature(logits: ndarray, labels: ndarray, prior_rows: float = 1.0) -> float:
    """The temperature of greatest likelihood, by the root of a function that only rises."""
    low = logits - logits.max(axis=1, keepdims=True)
    goal = float((claimed_targets(low, labels, prior_rows) * low).sum(axis=1).mean())
    if not low.any():
        return 1.0
    if goal == 0:
        if prior_rows > 0:
            # Every claim is certain and true: nothing pulls away from it.
            return 1.0
        raise FitError(
            f"all {len(labels)} rows have their largest logit at the true class, so the likelihood "
            "grows without end as the temperature falls to zero: fit on more rows, or keep "
            "`prior_rows` above zero."
        )
    if goal <= low.mean():
        raise FitError(
            f"on these {len(labels)} rows the logits point away from the true classes, and no "
            "positive temperature is better than equal probabilities: are the columns in the "
            "order of the labels?"
        )

    def excess(log_sharpness: float) -> float:
        with np.errstate(over="ignore", under="ignore"):
            weight = np.exp(np.exp(log_sharpness) * low)
        return float(((weight * low).sum(axis=1) / weight.sum(axis=1)).mean()) - goal

    below, above = -1.0, 1.0
    while excess(below) > 0:
        below *= 2
    while excess(above) < 0:
        above *= 2
    return float(np.exp(-_root(excess, below, above, xtol=1e-14, rtol=1e-14)))


def _logs(matrix: ndarray, inputs: Inputs) -> ndarray:
    return as_logits(as_probs(matrix, inputs), "probs")


def _positive(penalty: float) -> float:
    if not 0 < penalty < np.inf:
        raise SettingsError(f"penalty={penalty} must be positive and finite.")
    return float(penalty)
