"""Neighbouring outlier pixels as one feature: a line, a cosmic ray, the edge of a gap."""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from errorbar.hmf.summary.residuals import Residuals

__all__ = ["Features", "chunk_features", "join_features"]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    r"""Runs of flagged pixels of one sign, one entry for each, in the order of rows and pixels.

    `start` is the first pixel and `stop` the one after the last. `sign` is 1 above the model and
    -1 below. `peak` is the largest residual in units of its error, at `peak_pixel`; `total` is
    $|\sum z| / \sqrt n$, the significance of the whole run were it known where to look.
    """

    row: Int[ndarray, " features"]
    start: Int[ndarray, " features"]
    stop: Int[ndarray, " features"]
    sign: Int[ndarray, " features"]
    peak: Float[ndarray, " features"]
    peak_pixel: Int[ndarray, " features"]
    total: Float[ndarray, " features"]

    def __len__(self) -> int:
        return len(self.row)

    def take(self, which: ndarray) -> "Features":
        """Some of them, by mask or number."""
        return Features(*(getattr(self, field.name)[which] for field in fields(self)))

    def mask(self, rows: int, pixels: int) -> Bool[ndarray, "rows pixels"]:
        """Every pixel that is in a feature."""
        edges = np.zeros((rows, pixels + 1), dtype=np.int8)
        np.add.at(edges, (self.row, self.start), 1)
        np.add.at(edges, (self.row, self.stop), -1)
        return np.cumsum(edges, axis=1, dtype=np.int8)[:, :pixels] > 0


def chunk_features(chunk: Residuals, flagged: Bool[ndarray, "rows pixels"]) -> Features:
    """Runs of flagged pixels in some rows; a change of sign or a row's end begins a new one."""
    pixels = flagged.shape[1]
    at = np.flatnonzero(flagged)
    row, pixel = np.divmod(at, max(1, pixels))
    z = chunk.z.reshape(-1)[at]
    sign = np.where(z < 0, -1, 1)
    goes_on = (np.diff(at) == 1) & (np.diff(row) == 0) & (np.diff(sign) == 0)
    first = np.flatnonzero(np.append(True, ~goes_on)) if len(at) else np.zeros(0, dtype=np.int64)
    length = np.diff(np.append(first, len(at)))
    run = np.repeat(np.arange(len(first)), length)
    # The last of each run when sorted by run and then by size is its peak.
    peak = np.lexsort((np.abs(z), run))[first + length - 1]
    total = np.bincount(run, weights=z, minlength=len(first))
    return Features(
        row=chunk.first + row[first],
        start=pixel[first],
        stop=pixel[first] + length,
        sign=sign[first],
        peak=np.abs(z[peak]),
        peak_pixel=pixel[peak],
        total=np.abs(total) / np.sqrt(length),
    )


def join_features(parts: list[Features]) -> Features:
    """Features of several chunks as one value."""
    return Features(
        *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Features))
    )
