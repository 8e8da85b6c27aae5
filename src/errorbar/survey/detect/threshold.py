"""A threshold that null mocks pass at a stated rate."""

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError

__all__ = ["allowed_alarms", "p_value", "threshold"]


def allowed_alarms(mocks: int, false_alarm: float) -> int:
    """How many of `mocks` and the survey itself may pass: at least one, or the rate is too low."""
    if not 0 < false_alarm < 1:
        raise SettingsError(
            f"false_alarm={false_alarm!r} is a probability between 0 and 1: 5 % is written 0.05."
        )
    # 0.05 * 2000 must be 100 although binary 0.05 is not.
    allowed = int(np.floor(false_alarm * (mocks + 1) + 1e-9))
    if allowed < 1:
        raise SettingsError(
            f"{mocks} mocks cannot show a false-alarm rate of {false_alarm:g}: at least "
            f"{int(np.ceil(1 / false_alarm)) - 1} are needed, and some thousand to know it well."
        )
    return allowed


def threshold(null: NDArray[np.float64], false_alarm: float) -> float:
    """The log Bayes factor a survey must exceed.

    If the survey is one more null mock, it exceeds this with probability at most `false_alarm`,
    whatever the number of mocks. A mock whose fit failed counts as exceeding everything.
    """
    allowed = allowed_alarms(len(null), false_alarm)
    ranked = np.sort(np.where(np.isnan(null), np.inf, null))
    return float(ranked[len(null) - allowed])


def p_value(log_bayes: float, null: NDArray[np.float64]) -> tuple[float, float]:
    """Share of null mocks, the survey counted among them, that reach it; its binomial error."""
    reached = int(np.sum(~(null < log_bayes)))
    p = (reached + 1) / (len(null) + 1)
    return p, float(np.sqrt(p * (1 - p) / (len(null) + 1)))
