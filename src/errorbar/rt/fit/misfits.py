"""Anchors that do not fit the run that they are said to be of."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import scipy.special
from numpy import ndarray
from scipy.linalg import cho_factor, cho_solve

from errorbar.rt.data import Peaks
from errorbar.rt.model.times import blend

__all__ = ["AnchorWarning", "Misfit", "find_misfits", "warn_misfits"]

# An anchor whose error is as unlikely as this many standard deviations of a normal is told. Noise
# that is called normal seldom is, so more is asked for there than where tails were learned.
STRANGE_NORMAL, STRANGE_HEAVY = 5.0, 4.0

special = cast(Any, scipy.special)


class AnchorWarning(UserWarning):
    """An anchor does not fit its run."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """An anchor far from where the run's others say it is, `score` standard deviations away."""

    run: tuple[int, ...]
    compound: int
    rt: float
    expected: float
    score: float


def find_misfits(
    anchors: Peaks, off: ndarray, inner: ndarray, noise: ndarray, freedom: float
) -> list[Misfit]:
    """Anchors that do not fit what the model and the run's other anchors say of them.

    The worst is taken out before the others are looked at: it pulls at them all.
    """
    found: list[Misfit] = []
    most = STRANGE_NORMAL if np.isinf(freedom) else STRANGE_HEAVY
    kept = np.arange(len(off))
    while len(kept):
        left, score = _left_out(off[kept], inner[np.ix_(kept, kept)], noise[kept], freedom)
        worst = int(np.abs(score).argmax())
        if abs(score[worst]) <= most:
            break
        at = kept[worst]
        found.append(
            Misfit(
                tuple(anchors.run_keys[anchors.run[at]].tolist()), int(anchors.compound[at]),
                float(anchors.rt[at]), float(anchors.rt[at] - left[worst]), float(score[worst]),
            )
        )  # fmt: skip
        kept = np.delete(kept, worst)
    return found


def _left_out(
    off: ndarray, inner: ndarray, noise: ndarray, freedom: float
) -> tuple[ndarray, ndarray]:
    """What each misses by when it is left out, and how unlikely that is as a normal's score."""
    inverse = cho_solve(cho_factor(inner + np.diag(noise)), np.eye(len(off)))
    unsure = 1 / np.diag(inverse)
    left = (inverse @ off) * unsure
    if np.isinf(freedom):
        return left, left / np.sqrt(unsure)
    sd, degrees = blend(np.maximum(unsure - noise, 1e-12), noise, freedom)
    tail = np.maximum(special.stdtr(degrees, -np.abs(left / sd)), 1e-300)
    return left, -np.sign(left) * special.ndtri(tail)


def warn_misfits(misfits: Sequence[Misfit], anchors: int, *, normal: bool) -> None:
    """Tell of the anchors of all runs that do not fit; `normal` says that tails are."""
    if not misfits:
        return
    worst = max(misfits, key=lambda each: abs(each.score))
    cure = (
        "With normal noise it moves the times of its run: look at it, or train with "
        "freedom='learned' (--freedom learned), which lets such an anchor lose its weight."
        if normal
        else "It has lost most of its weight: look at it."
    )
    warnings.warn(
        f"{len(misfits)} of {anchors} anchors do not fit the run that they are of, first compound "
        f"{worst.compound} of run ({', '.join(map(str, worst.run))}): {worst.rt:.4g}, where "
        f"{worst.expected:.4g} was expected, as unlikely as {abs(worst.score):.1f} standard "
        f"deviations. "
        f"{cure}",
        AnchorWarning,
        stacklevel=4,
    )
