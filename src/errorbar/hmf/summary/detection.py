"""How much of what was to be found was found, where the truth is known."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from errorbar.core.errors import InputError

__all__ = ["Detection", "best_detection", "detect"]


@dataclass(frozen=True, slots=True)
class Detection:
    """Counts of `true` outliers, of those `found`, and of what is in both."""

    true: int
    found: int
    both: int

    @property
    def precision(self) -> float:
        """Share of the found ones that are outliers; 1 if nothing was found."""
        return self.both / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of the outliers that were found; 1 if there are none."""
        return self.both / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.both / (self.true + self.found) if self.true + self.found else 1.0


def detect(found: Bool[ndarray, "*shape"], true: Bool[ndarray, "*shape"]) -> Detection:
    """Compare flags with the truth; objects or pixels alike."""
    if found.shape != true.shape:
        raise InputError(f"flags {found.shape} and truth {true.shape} must have one shape.")
    return Detection(int(true.sum()), int(found.sum()), int((found & true).sum()))


def best_detection(
    score: Float[ndarray, " entries"], true: Bool[ndarray, " entries"]
) -> tuple[Detection, float]:
    """The best F1 that any threshold on `score` reaches, and the least score that it flags.

    It looks at the truth, and so bounds what a rule that may not look can do.
    """
    if not (score.size and score.shape == true.shape):
        raise InputError(
            f"scores {score.shape} and truth {true.shape} must have one shape and an entry."
        )
    order = np.argsort(-score, kind="stable")
    both = np.cumsum(true[order])
    found = np.arange(1, score.size + 1)
    f1 = 2 * both / (found + both[-1])
    # Equal scores are flagged together.
    f1[:-1][score[order[:-1]] == score[order[1:]]] = -1.0
    best = int(np.argmax(f1))
    return Detection(int(both[-1]), best + 1, int(both[best])), float(score[order[best]])
