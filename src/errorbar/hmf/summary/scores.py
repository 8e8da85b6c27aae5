r"""How well a factorisation describes data, best held-out data, in a handful of numbers.

With $r = Y - A G^\top$, robust weights $u = c / (c + W r^2)$ and $z = r \sqrt{W u}$, over the
pixels with data:

- `std_z`, the standard deviation of $z$; near 1,
- `chi2_red`, $\sum z^2$ over the number of pixels less that of fitted parameters; near 1,
- `rmse`, $\sqrt{\sum W u r^2 / \sum W u}$ in the units of `Y`; low,
- `mad_z`, the median of $|r| \sqrt W$, without $u$ because a median needs no protection; 0.6745
  where the error bars are right and outliers are few,
- `kl`, the divergence of a normal distribution with the mean $\mu$ and deviation $\sigma$ of $z$
  from the standard one, $-\log \sigma + (\sigma^2 + \mu^2) / 2 - 1/2$; near 0.

Robust weights take away from the tails of good pixels too, so $z$ of perfect data falls short of 1,
by a fifth at a scale of 2 (`expected_scores`): `std_z` and `kl` find the $c$ at which that loss and
the outliers' excess balance, and compare ranks at one $c$. `kl_all` counts each pixel without data
as one with $z = 0$, as the paper on the robust factorisation does: it depends on how much is
missing.
"""

from dataclasses import dataclass

import numpy as np
from numpy import ndarray
from scipy.special import erfcx, ndtri

from errorbar.core.errors import InputError
from errorbar.hmf.summary.residuals import keep, residual_chunks

__all__ = ["Scores", "expected_scores", "kl_score", "score_fit"]

HALF = 16


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of a fit over `pixels` pixels with data; the module says what they are."""

    pixels: int
    std_z: float
    chi2_red: float
    rmse: float
    mad_z: float
    kl: float
    kl_all: float


def score_fit(
    Y: ndarray, W: ndarray, A: ndarray, G: ndarray, c: float = np.inf, fitted: int | None = None
) -> Scores:
    """Scores of `A @ G.T` as a description of `Y`, with the robust weights of `c`.

    `c` is infinite for a Gaussian fit. `fitted` counts the parameters that were fitted to these
    data: by default the coefficients, as for held-out rows; add `G.size` for training rows.
    """
    if not c > 0:
        raise InputError(f"c={c!r} must be positive: nu times scale squared, or inf.")
    count, total, squares, weight = 0, 0.0, 0.0, 0.0
    high = np.zeros(1 << HALF, dtype=np.int64)
    for chunk in residual_chunks(Y, W, A, G):
        u = keep(chunk.z, c)
        z = chunk.z * np.sqrt(u)
        count += int(chunk.valid.sum())
        total += float(z.sum())
        squares += float(np.vdot(z, z))
        weight += float(np.vdot(chunk.W, u))
        high += np.bincount(_bits(chunk.z, chunk.valid) >> HALF, minlength=1 << HALF)
    if not count:
        raise InputError("no pixel has a positive weight: there is nothing to score.")
    freedom = count - (A.size if fitted is None else fitted)
    return Scores(
        pixels=count,
        std_z=float(np.sqrt(_variance(total, squares, count))),
        chi2_red=squares / freedom if freedom > 0 else np.nan,
        rmse=float(np.sqrt(squares / weight)),
        mad_z=_median(high, count, Y, W, A, G),
        kl=kl_score(total / count, _variance(total, squares, count)),
        kl_all=kl_score(total / Y.size, _variance(total, squares, Y.size)),
    )


def expected_scores(c: float = np.inf) -> dict[str, float]:
    r"""Scores at this `c` of a model that is right, with errors that are right and no outliers.

    With standard normal $x$ the mean of $u x^2$ is
    $c (1 - \sqrt{\pi c / 2} \, e^{c/2} \operatorname{erfc} \sqrt{c / 2})$.
    """
    if not c > 0:
        raise InputError(f"c={c!r} must be positive: nu times scale squared, or inf.")
    # Beyond, the difference is lost to rounding; the next term of its series is 105 / c**3.
    near = 1.0 - 3.0 / c + 15.0 / c**2
    square = near if c > 1e4 else float(c * (1.0 - np.sqrt(np.pi * c / 2) * erfcx(np.sqrt(c / 2))))
    return {
        "std_z": float(np.sqrt(square)),
        "chi2_red": square,
        "mad_z": float(ndtri(0.75)),
        "kl": kl_score(0.0, square),
    }


def kl_score(mean: float, variance: float) -> float:
    """Divergence from the standard normal distribution of the normal one with these moments."""
    if variance <= 0:
        return np.inf
    return float(0.5 * (variance + mean**2 - 1.0 - np.log(variance)))


def _variance(total: float, squares: float, count: int) -> float:
    return max(0.0, squares / count - (total / count) ** 2)


def _bits(z: ndarray, valid: ndarray) -> ndarray:
    """Single-precision sizes as whole numbers, which are ordered alike."""
    return np.abs(z[valid]).astype(np.float32).view(np.uint32)


def _median(high: ndarray, count: int, Y: ndarray, W: ndarray, A: ndarray, G: ndarray) -> float:
    """The median size of `z` to single precision, without holding all of them.

    `high` counts their first 16 bits. The last 16 are counted among those that share the first
    ones with the median, or with the two middle ones of an even number.
    """
    ranks = [_place(high, (count - 1) // 2), _place(high, count // 2)]
    low = {first: np.zeros(1 << HALF, dtype=np.int64) for first, _ in ranks}
    for chunk in residual_chunks(Y, W, A, G):
        bits = _bits(chunk.z, chunk.valid)
        for first, counts in low.items():
            last = bits[bits >> HALF == first] & ((1 << HALF) - 1)
            counts += np.bincount(last, minlength=1 << HALF)
    middle = [(first << HALF) + _place(low[first], rank)[0] for first, rank in ranks]
    return float(np.array(middle, dtype=np.uint32).view(np.float32).astype(np.float64).mean())


def _place(counts: ndarray, rank: int) -> tuple[int, int]:
    """The bin of the value with `rank` smaller ones, and its rank within that bin."""
    ends = np.cumsum(counts)
    found = int(np.searchsorted(ends, rank, side="right"))
    return found, rank - int(ends[found] - counts[found])
