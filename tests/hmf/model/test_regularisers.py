import numpy as np
import pytest

from errorbar.core.errors import SettingsError
from errorbar.hmf.model import Regulariser
from errorbar.hmf.model.regularisers import solve_smooth


@pytest.mark.parametrize("order", [1, 2])
def test_a_smooth_basis_solves_the_dense_equations(order):
    rng = np.random.default_rng(3)
    pixels, rank = 11, 3
    root = rng.normal(size=(pixels, rank, rank + 2))
    X = root @ root.transpose(0, 2, 1)
    X[4] = 0
    b, G = rng.normal(size=(pixels, rank)), rng.normal(size=(pixels, rank))
    b[4] = 0
    rule = Regulariser(smooth=0.7, order=order, ridge=0.01)
    i, j = np.tril_indices(rank)
    found = solve_smooth(X[:, i, j], b, G, rule)
    D = np.diff(np.eye(pixels), order, axis=0)
    strength = 0.7 * np.trace(X, axis1=1, axis2=2).mean() / rank
    big = strength * np.kron(D.T @ D, np.eye(rank))
    ridge = np.zeros(pixels)
    for n in range(pixels):
        ridge[n] = (0.01 + 1e-13) * np.trace(X[n]) / rank
        at = slice(n * rank, (n + 1) * rank)
        big[at, at] += X[n] + ridge[n] * np.eye(rank)
    right = b - ridge[:, None] * G - strength * (D.T @ D @ G)
    expected = G + np.linalg.solve(big, right.ravel()).reshape(pixels, rank)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ridge": -1.0}, "ridge=-1"),
        ({"smooth": np.nan}, "smooth=nan"),
        ({"order": 3}, "order=3"),
        ({"smooth": 1.0, "nonnegative": True}, "choose one of nonnegative and smooth"),
        ({"mean": True, "nonnegative": True}, "choose one of nonnegative and mean"),
    ],
)
def test_what_cannot_be_meant_is_refused(given, told):
    with pytest.raises(SettingsError, match=told):
        Regulariser(**given)
