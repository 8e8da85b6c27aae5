r"""What a made table was made of, so that answers can be held against it.

Every generator of this room draws from one linear model. The time of compound $k$ in a run $r$ of
species $c$, which lies in supercategory $s$, is

$$y = b_{ck} + (x_r - \bar x)^\top w_{ck} + u_r + v_{rk} + e,$$

with covariates $x_r$ of the run, its own shift $u_r$, a part $v_{rk}$ that all peaks of one
compound in one run share, and noise $e$. Intercepts and slopes are sums of normal parts, one of
each level:

$$b_{ck} = t_0 + \mu_s + \mu_c + z_k^\top \theta + \delta_k + \epsilon_{ck}, \qquad
w_{ck} = w_0 + m_s + m_c + g_{q(k)} + g_k + \omega_{ck},$$

where $z_k$ are descriptors of the compound and $q(k)$ is its class.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.rt.data import Chemistry, Peaks

__all__ = ["Scales", "Table", "Truth", "expected_rt"]


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """Standard deviations of every level in minutes, 0 for a level that is absent.

    With `centre`, the mean of all times, this is the whole prior of the Gaussian model that knows
    the true scales. `species` has one for each supercategory, `noise` one for each compound. With
    finite `freedom` noise is Student-t and `noise` its scale. Times are rounded to multiples of
    `quantum`.
    """

    centre: float
    supercategory: float
    species: Float[ndarray, " supercategories"]
    descriptor: float
    compound: float
    pair: float
    slope_mean: float
    slope_supercategory: float
    slope_species: float
    slope_class: float
    slope_compound: float
    slope_pair: float
    run: float
    replicate: float
    noise: Float[ndarray, " compounds"]
    freedom: float = np.inf
    quantum: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The parameters that were drawn; ids of species, compounds and runs are places in them.

    `parent` is each species' supercategory, `weights` are the descriptors' coefficients.
    Intercepts hold at `feature_centre`, and are given for unobserved pairs too.
    """

    scales: Scales
    parent: Int[ndarray, " species"]
    intercept: Float[ndarray, "species compounds"]
    slopes: Float[ndarray, "species compounds features"]
    weights: Float[ndarray, " descriptors"]
    feature_centre: Float[ndarray, " features"]
    run_shift: Float[ndarray, " runs"]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A made table: peaks, descriptors of its compounds and what both were made of."""

    peaks: Peaks
    chemistry: Chemistry
    truth: Truth


def expected_rt(truth: Truth, peaks: Peaks) -> Float[ndarray, " rows"]:
    """True times of rows of a made table, without noise and what replicates share."""
    slopes = truth.slopes[peaks.species, peaks.compound]
    shift = np.einsum("rp,rp->r", peaks.covariates - truth.feature_centre, slopes)
    return truth.intercept[peaks.species, peaks.compound] + shift + truth.run_shift[peaks.run]
