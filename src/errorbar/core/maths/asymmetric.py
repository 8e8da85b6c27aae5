r"""Errors that differ below and above a value.

A value $m$ quoted with $-\delta$ and $+\nu$ is read as a split normal: half a normal of scale
$\delta$ below $m$, half a normal of scale $\nu$ above it, joined so that the density is continuous.
$m$ is its mode, and $[m - \delta, m + \nu]$ holds 68.27 % of it whatever the two scales are. With
$d = \nu - \delta$,

$$E = m + \sqrt{2/\pi}\, d, \qquad
\mathrm{Var} = (1 - 2/\pi)\, d^2 + \delta \nu .$$

A catalogue that quotes medians with 16 and 84 % quantiles means something a little different: the
median of this split normal lies between its mode and its mean.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

__all__ = ["mean_bar", "split_normal_mean", "split_normal_sd"]


def mean_bar(
    down: Float[ndarray, "*shape"], up: Float[ndarray, "*shape"]
) -> Float[ndarray, "*shape"]:
    """One symmetric error for two: the mean of the bars."""
    # Halved first, so that two huge bars do not overflow.
    return 0.5 * down + 0.5 * up


def split_normal_mean(
    mode: Float[ndarray, "*shape"],
    down: Float[ndarray, "*shape"],
    up: Float[ndarray, "*shape"],
) -> Float[ndarray, "*shape"]:
    """The mean of a split normal: pulled from the mode towards the longer bar."""
    return mode + np.sqrt(2.0 / np.pi) * (up - down)


def split_normal_sd(
    down: Float[ndarray, "*shape"], up: Float[ndarray, "*shape"]
) -> Float[ndarray, "*shape"]:
    """The standard deviation of a split normal around its own mean, not around its mode."""
    # hypot and the split root keep bars of 1e-200 and 1e200 in range.
    return np.hypot(np.sqrt(1.0 - 2.0 / np.pi) * (up - down), np.sqrt(down) * np.sqrt(up))
