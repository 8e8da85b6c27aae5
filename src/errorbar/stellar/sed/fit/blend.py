r"""Members' predictions joined by weights found on rows that no member was fitted to.

Weights are not negative and sum to one. Of numbers they minimise Huber's loss, so that a few
wrong labels do not choose; of probabilities, the negative log likelihood.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy import optimize

__all__ = ["blend_numbers", "blend_probabilities"]

HUBER = 1.5


def blend_numbers(
    members: Float[ndarray, "members rows"], truth: Float[ndarray, " rows"]
) -> Float[ndarray, " members"]:
    """Weights of members for one target."""
    residual = members - truth
    unit = 1.4826 * np.median(np.abs(residual.mean(axis=0))) + 1e-12

    def loss(weight: ndarray) -> tuple[float, ndarray]:
        z = weight @ residual / unit
        pulled = np.clip(z, -HUBER, HUBER)
        value = np.where(np.abs(z) <= HUBER, 0.5 * z * z, HUBER * (np.abs(z) - 0.5 * HUBER))
        return float(value.mean()), residual @ pulled / (unit * len(truth))

    return _on_simplex(loss, len(members))


def blend_probabilities(
    members: Float[ndarray, "members rows classes"], labels: Int[ndarray, " rows"]
) -> Float[ndarray, " members"]:
    """Weights of members for the probabilities of classes."""
    given = members[:, np.arange(len(labels)), labels]

    def loss(weight: ndarray) -> tuple[float, ndarray]:
        mixed = np.maximum(weight @ given, 1e-12)
        return float(-np.log(mixed).mean()), -(given / mixed).mean(axis=1)

    return _on_simplex(loss, len(members))


def _on_simplex(loss: object, members: int) -> ndarray:
    if members == 1:
        return np.ones(1)
    found = optimize.minimize(
        loss,
        np.full(members, 1.0 / members),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * members,
        constraints={
            "type": "eq",
            "fun": lambda w: w.sum() - 1.0,
            "jac": lambda w: np.ones(members),
        },
    )
    weight = np.clip(found.x, 0.0, 1.0)
    return weight / weight.sum()
