"""The grid that times were written on: scans of an instrument, or rounding."""

import numpy as np

from errorbar.rt.data.peaks import Peaks

__all__ = ["time_step"]

# Times are on a grid where more than this share of neighbours in order of time are equal.
TIED = 0.5
LEAST_PAIRS = 20
# Times closer than this, relative to the largest, are equal.
EQUAL = 1e-9


def time_step(peaks: Peaks) -> float:
    """The distance, in minutes, between values that times take; zero where they take any.

    Looked for among the times of one compound in different runs: the step is the typical gap
    between values there, each counted as often as the rarer of its ends.
    """
    if not len(peaks):
        return 0.0
    _, first = np.unique(np.stack([peaks.compound, peaks.run], axis=1), axis=0, return_index=True)
    order = first[np.lexsort((peaks.rt[first], peaks.compound[first]))]
    compound, rt = peaks.compound[order], peaks.rt[order]
    same = compound[1:] == compound[:-1]
    apart = np.diff(rt) > EQUAL * np.abs(rt).max()
    if same.sum() < LEAST_PAIRS or (same & ~apart).sum() <= TIED * same.sum():
        return 0.0
    begin = np.r_[0, 1 + np.flatnonzero(~same | apart)]
    count = np.diff(np.r_[begin, len(rt)])
    near = compound[begin[1:]] == compound[begin[:-1]]
    gap, weight = np.diff(rt[begin])[near], np.minimum(count[1:], count[:-1])[near]
    if not len(gap):
        return 0.0
    order = np.argsort(gap)
    half = np.searchsorted(np.cumsum(weight[order]), 0.5 * weight.sum())
    return float(gap[order[half]])
