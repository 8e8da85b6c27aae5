r"""Error bars out: what is known of each row's coefficients, and of each pixel's basis vector.

A row's coefficients solve $\sum_j \sqrt{W_j}\, \psi(z_j)\, g_j = 0$ with $z = \sqrt W r$ and
$\psi(z) = z u$, whose slope for Student's t is $\psi' = 2 u^2 - u$. Around the solution, with the
basis held, their covariance is $B^{-1} M B^{-1}$. With $S = \sum_j W_j g_j g_j^\top$ there are
three forms, from the strongest belief in `W` to the weakest:

- *believed*: residuals are normal with the variances that `W` states, $B = \kappa_1 S$ and
  $M = \kappa_2 S$, $\kappa_1 = E \psi'(z)$ and $\kappa_2 = E \psi(z)^2$ for a standard normal.
- *scaled*: `W` is right up to a factor for each row. The two constants are the row's own means of
  $\psi'$ and $\psi^2$, the latter times $n / (n - K)$ with $n = \sum_j u_j$, because a fit has made
  its residuals small.
- *sandwich*: `W` may be wrong in its pattern too. $B = \sum_j W_j \psi'(z_j) g_j g_j^\top$ and
  $M = \sum_j W_j \psi(z_j)^2 / (1 - h_j)\, g_j g_j^\top$ with leverages
  $h_j = W_j g_j^\top S^{-1} g_j$. It is noisy itself: 95 % intervals from a hundred pixels
  of rather unequal weight hold the truth some 93 times. A pixel that the fit follows wherever
  it goes ($h_j > 0.9$) has no residual to speak of, and is believed.

The slope of $\psi$ is negative for outliers. In a direction where the last two forms find less
than a twentieth of what $u$ in place of $\psi'$ would give, they take $u$, and mark the row.

With the parts exchanged the same gives the covariance of each pixel's basis vector, coefficients
held. Bias is not counted: that of a ridge, of a smooth basis, of a bound at zero, of a low rank.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.hmf.fit.equations import (
    Equations,
    Weights,
    full,
    inverse_pairs,
    least_share,
    mean_diagonal,
    parts,
    regular,
)
from errorbar.hmf.fit.kernel.passes import products
from errorbar.hmf.model import Likelihood, Regulariser

__all__ = [
    "ErrorForm",
    "FactorErrors",
    "basis_errors",
    "coefficient_errors",
    "efficiency",
]

ErrorForm = Literal["believed", "scaled", "sandwich"]
FORMS = ("believed", "scaled", "sandwich")

# The least share of the weighted matrix that the slope of psi must hold in every direction.
SLOPE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class FactorErrors:
    """Covariances of one factor's vectors: coefficients of each row, or a basis at each pixel.

    `kept` is the sum of the robust weights of a vector's valid pixels and `free` how many of its
    entries were fitted; others are known, their covariance zero. A vector that the data leave
    `open` has infinite variances and no covariances: too few valid pixels for its rank or, where
    errors are not believed, nothing left over to judge them by. Where `replaced`, the slope of psi
    was of no use (see the module).
    """

    covariance: Float[ndarray, "vectors rank rank"]
    kept: Float[ndarray, " vectors"]
    free: int
    open: Bool[ndarray, " vectors"]
    replaced: Bool[ndarray, " vectors"]

    @property
    def sd(self) -> Float[ndarray, "vectors rank"]:
        """Standard deviations."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))

    @property
    def dof(self) -> Float[ndarray, " vectors"]:
        """Effective degrees of freedom: the robust weights that the fit has not used up."""
        return np.maximum(self.kept - self.free, 0.0)

    @property
    def root(self) -> Float[ndarray, "vectors rank rank"]:
        """A square root `R` of each covariance, `R @ R.T`; of zero where a vector is open."""
        values, vectors = np.linalg.eigh(self.closed)
        return vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]

    @property
    def closed(self) -> Float[ndarray, "vectors rank rank"]:
        """Covariances with zeros where a vector is open, for sums that infinities would spoil."""
        return np.where(self.open[:, None, None], 0.0, self.covariance)


def efficiency(likelihood: Likelihood) -> tuple[float, float]:
    """`E psi'` and `E psi^2` for a standard normal, by quadrature."""
    c = likelihood.c
    if not likelihood.robust:
        return 1.0, 1.0
    # Steps even in x, z = s sinh x: fine near zero, where psi has its poles, at i sqrt(c).
    s, step = min(1.0, np.sqrt(c)), 0.02
    x = np.arange(0.5, np.arcsinh(10.0 / s) / step) * step
    z = s * np.sinh(x)
    mass = 2 * step * s * np.cosh(x) * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    u = c / (c + z * z)
    return float(mass @ (2 * u * u - u)), float(mass @ np.square(z * u))


def coefficient_errors(
    Y: ndarray,
    W: ndarray,
    A: ndarray,
    G: ndarray,
    likelihood: Likelihood,
    *,
    form: ErrorForm = "scaled",
    regulariser: Regulariser | None = None,
) -> FactorErrors:
    """Errors of every row's coefficients, the basis held as it is."""
    _check_form(form)
    held = Regulariser() if regulariser is None else regulariser
    free = G.shape[1] - held.mean
    second = efficiency(likelihood)[1]
    pairs = products(np.asarray(G[:, :free], dtype=np.float64))
    found = []
    for y, w, a in parts(Y, W, A):
        weights = Weights.of(y, w, a, G, likelihood)
        sums = Equations.empty(len(y), free)
        sums.add(weights, pairs)
        if form == "sandwich":
            sums.add_meat(weights, pairs, inverse_pairs(sums.plain, free), second)
        found.append(_errors(sums, G.shape[1], free, likelihood, form, held.ridge))
    names = ("covariance", "kept", "open", "replaced")
    joined = {name: np.concatenate([getattr(each, name) for each in found]) for name in names}
    return FactorErrors(free=free, **joined)


def basis_errors(
    Y: ndarray,
    W: ndarray,
    A: ndarray,
    G: ndarray,
    likelihood: Likelihood,
    *,
    form: ErrorForm = "scaled",
    regulariser: Regulariser | None = None,
) -> FactorErrors:
    """Errors of every pixel's basis vector from the rows it was fitted to, coefficients held.

    Pixels are taken each for itself: of a smooth basis this is more than the truth.
    """
    _check_form(form)
    held = Regulariser() if regulariser is None else regulariser
    pixels, rank = G.shape
    second = efficiency(likelihood)[1]
    sums = Equations.empty(pixels, rank)
    for y, w, a in parts(Y, W, A):
        sums.add(Weights.of(y, w, a, G, likelihood).turned, products(a))
    if form == "sandwich":
        # Leverages need the sums over all rows first.
        inverse = inverse_pairs(sums.plain, rank)
        for y, w, a in parts(Y, W, A):
            weights = Weights.of(y, w, a, G, likelihood).turned
            sums.add_meat(weights, products(a), inverse, second)
    return _errors(sums, rank, rank, likelihood, form, held.ridge)


def _check_form(form: str) -> None:
    if form not in FORMS:
        raise SettingsError(f"form={form!r} is not known; choose one of {', '.join(FORMS)}.")


def _errors(
    sums: Equations, rank: int, free: int, likelihood: Likelihood, form: ErrorForm, ridge: float
) -> FactorErrors:
    plain, robust, slope, meat = (
        full(each, free) for each in (sums.plain, sums.robust, sums.slope, sums.meat)
    )
    blank = (sums.valid < free) | ~regular(plain)
    if form != "believed":
        blank |= (sums.kept <= free) | ~regular(robust)
    for each in (plain, robust, slope, meat):
        each[blank] = np.eye(free)
    # In units of the diagonal neither the size of a basis vector nor that of the data matters.
    size = np.sqrt(np.diagonal(plain, axis1=1, axis2=2))
    scale = size[:, :, None] * size[:, None, :]
    plain, robust, slope, meat = (each / scale for each in (plain, robust, slope, meat))
    replaced = np.zeros(len(blank), dtype=bool)
    if form == "believed":
        first, second = efficiency(likelihood)
        bread, filling = first * plain, second * plain
    elif form == "scaled":
        valid, kept = np.where(blank, 1.0, sums.valid), np.where(blank, free + 1.0, sums.kept)
        replaced = ~blank & (sums.slopes < SLOPE * kept)
        first = np.where(replaced, kept, sums.slopes) / valid
        first[blank] = 1.0
        second = sums.squares / valid * kept / (kept - free)
        bread, filling = first[:, None, None] * plain, second[:, None, None] * plain
    else:
        replaced = ~blank & (least_share(slope, robust) < SLOPE)
        bread, filling = np.where(replaced[:, None, None], robust, slope), meat
    penalty = ridge * mean_diagonal(robust * scale)[:, None, None] * np.eye(free) / scale
    inverse = np.linalg.inv(bread + penalty)
    found = inverse @ filling @ inverse / scale
    found = (found + found.transpose(0, 2, 1)) / 2
    found[blank] = np.where(np.eye(free) > 0, np.inf, 0.0)
    covariance = np.zeros((len(blank), rank, rank))
    covariance[:, :free, :free] = found
    return FactorErrors(covariance, sums.kept, free, blank, replaced)
