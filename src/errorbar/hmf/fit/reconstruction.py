r"""Variances of the spectra that two factors make, and what a whole fit has used up.

Near a fit the two errors of $a_i^\top g_j$, from coefficients and from the basis, add up: what they
share is a product of two small leverages, and a turn of both factors at once changes no product.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.hmf.fit.covariance import FactorErrors
from errorbar.hmf.fit.kernel.passes import products

__all__ = ["measurement_variance", "overall_dof", "reconstruction_variance"]


def reconstruction_variance(
    A: ndarray, G: ndarray, coefficients: FactorErrors, basis: FactorErrors | None = None
) -> Float[ndarray, "rows pixels"]:
    """Variance of `A @ G.T`: the coefficients' part, and the basis' where its errors are given.

    Infinite in rows, and with a basis at pixels, that the data leave open.
    """
    _check_vectors("rows", coefficients, A)
    found = _quadratic(coefficients, G)
    found[coefficients.open] = np.inf
    if basis is not None:
        _check_vectors("pixels", basis, G)
        found += _quadratic(basis, A).T
        found[:, basis.open] = np.inf
    return found


def measurement_variance(
    variance: Float[ndarray, "rows pixels"], W: Float[ndarray, "rows pixels"]
) -> Float[ndarray, "rows pixels"]:
    """Variance of a new measurement whose own inverse variance is `W`; infinite where that is 0."""
    noise = np.full(W.shape, np.inf)
    np.divide(1.0, W, out=noise, where=W > 0, dtype=np.float64)
    return variance + noise


def overall_dof(coefficients: FactorErrors, basis: FactorErrors) -> float:
    """Effective degrees of freedom of a whole fit: robust weights less free numbers.

    A turn of both factors, with a mean also a shift, changes nothing and counts once.
    """
    free, rank = coefficients.free, basis.free
    used = free * np.sum(~coefficients.open) + rank * np.sum(~basis.open) - free * rank
    return float(max(coefficients.kept.sum() - used, 0.0))


def _quadratic(errors: FactorErrors, other: ndarray) -> ndarray:
    """`x.T C x` for each covariance `C`, open ones zero, and each row `x` of the other factor."""
    i, j = np.tril_indices(other.shape[1])
    packed = np.where(i == j, 1.0, 2.0) * errors.closed[:, i, j]
    return np.maximum(packed @ products(np.asarray(other, dtype=np.float64)).T, 0.0)


def _check_vectors(name: str, errors: FactorErrors, factor: ndarray) -> None:
    if errors.covariance.shape[:2] != factor.shape:
        count, rank = errors.covariance.shape[:2]
        raise SettingsError(
            f"the errors are those of {count} {name} in rank {rank} and the factor is "
            f"{factor.shape}: pass errors made with the same state."
        )
