r"""Measurement errors that mean what their bars say.

A value quoted as $m^{+u}_{-d}$ says that the truth lies at $m + e$ with $e$ from a split normal:
with probability $d/(d+u)$ below $m$, half-normal with scale $d$, else above it with scale $u$. So
the measured value is the truth less $e$, and it is on average too low where the upper bar is
longer.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError

__all__ = ["Noise", "measure"]

Noise = Literal["split-normal", "normal", "reference"]


def measure(
    rng: np.random.Generator,
    truth: NDArray[np.float64],
    down: NDArray[np.float64],
    up: NDArray[np.float64],
    noise: Noise,
) -> NDArray[np.float64]:
    """What is measured of a truth with the bars `down` and `up`.

    `"normal"` draws a symmetric error with the mean bar; `"reference"` draws none, as the reference
    code's catalogue, whose bars stand beside values that have no measurement error.
    """
    size = np.abs(rng.normal(size=truth.shape))
    place = rng.random(truth.shape)
    if noise == "split-normal":
        below = place < down / (down + up)
        return truth - np.where(below, -down * size, up * size)
    if noise == "normal":
        return truth + np.where(place < 0.5, -1.0, 1.0) * 0.5 * (down + up) * size
    if noise == "reference":
        return truth.copy()
    raise SettingsError(f"noise={noise!r} is unknown; choose one of {', '.join(get_args(Noise))}.")
