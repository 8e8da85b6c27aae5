import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errorbar.core.errors import InputError, SettingsError
from errorbar.hmf.fit.pursuit import (
    fit_pca,
    fit_pursuit,
    project_rows,
    pursue,
)


def mixture(seed=0, rows=80, pixels=60, rank=3, share=0.05):
    """A matrix of low rank, a sparse one, and weights of one."""
    rng = np.random.default_rng(seed)
    low = rng.normal(size=(rows, rank)) @ rng.normal(size=(rank, pixels))
    sparse = np.where(rng.random(low.shape) < share, rng.choice([-10.0, 10.0], low.shape), 0.0)
    return low, sparse, np.ones_like(low)


def dense_pursuit(D, passes):
    """The same iteration with full singular value decompositions."""
    share, top = 1 / np.sqrt(max(D.shape)), np.linalg.norm(D, 2)
    Z, mu, S = D / max(top, np.abs(D).max() / share), 1.25 / top, np.zeros_like(D)
    for _ in range(passes):
        U, s, V = np.linalg.svd(D - S + Z / mu, full_matrices=False)
        L = U * np.maximum(s - 1 / mu, 0) @ V
        X = D - L + Z / mu
        S = np.sign(X) * np.maximum(np.abs(X) - share / mu, 0)
        Z += mu * (D - L - S)
        mu *= 1.5
    return L, S


@pytest.mark.parametrize("shape", [(80, 60), (60, 80)])
def test_pursuit_separates_low_rank_from_sparse(shape):
    low, sparse, _ = mixture(rows=shape[0], pixels=shape[1])
    found = pursue(low + sparse)
    assert found.converged
    assert found.rank == 3
    np.testing.assert_allclose(found.low_rank, low, atol=1e-4)
    np.testing.assert_allclose(found.sparse, sparse, atol=1e-4)


@pytest.mark.parametrize("shape", [(40, 30), (30, 40)])
def test_pursuit_takes_the_path_of_full_decompositions(shape):
    low, sparse, _ = mixture(rows=shape[0], pixels=shape[1])
    D = low + sparse + 0.1 * np.random.default_rng(1).normal(size=low.shape)
    for passes in (1, 5, 12):
        L, S = dense_pursuit(D, passes)
        found = pursue(D, max_iter=passes, tol=1e-15)
        assert found.passes == passes
        np.testing.assert_allclose(found.low_rank, L, atol=1e-8)
        np.testing.assert_allclose(found.sparse, S, atol=1e-8)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-6, 1e6))
def test_the_two_parts_add_up_to_the_data_in_any_units(seed, scale):
    low, sparse, _ = mixture(seed, rows=20, pixels=15)
    found = pursue(scale * (low + sparse))
    assert found.converged
    np.testing.assert_allclose(
        found.low_rank + found.sparse, scale * (low + sparse), atol=1e-5 * scale
    )


def test_a_pursuit_that_was_cut_short_says_so():
    low, sparse, _ = mixture()
    found = pursue(low + sparse, max_iter=3)
    assert not found.converged
    assert found.passes == 3
    assert found.error > 1e-7


@pytest.mark.parametrize("shape", [(80, 60), (60, 80), (50, 50)])
def test_principal_components_are_the_leading_singular_vectors(shape):
    low, _, W = mixture(rows=shape[0], pixels=shape[1])
    Y = low + 0.1 * np.random.default_rng(2).normal(size=low.shape)
    found = fit_pca(Y, W, 3)
    U, s, V = np.linalg.svd(Y, full_matrices=False)
    np.testing.assert_allclose(found.A @ found.G.T, U[:, :3] * s[:3] @ V[:3], atol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(found.A, axis=0), s[:3], rtol=1e-10)
    np.testing.assert_allclose(found.G.T @ found.G, np.eye(3), atol=1e-12)
    assert (found.G[np.abs(found.G).argmax(axis=0), range(3)] > 0).all()
    np.testing.assert_allclose(project_rows(Y, W, found.G), found.A, atol=1e-10)


def test_pixels_without_data_are_zeros_to_both_whatever_stands_there():
    low, sparse, W = mixture()
    W[4, 10:20] = 0
    Y = low + sparse
    zeroed, hollow = np.where(W > 0, Y, 0.0), np.where(W > 0, Y, np.nan)
    for fit in (fit_pca, lambda *args: fit_pursuit(*args)[0]):
        np.testing.assert_array_equal(fit(hollow, W, 2).A, fit(zeroed, np.ones_like(W), 2).A)


def test_sparse_outliers_turn_principal_components_and_not_those_of_pursuit():
    low, sparse, W = mixture(share=0.03)
    truth = np.linalg.qr(low.T)[0][:, :3]

    def angle(found):
        return np.arccos(min(1.0, np.linalg.svd(truth.T @ found.G)[1].min()))

    robust, _ = fit_pursuit(low + sparse, W, 3)
    assert angle(robust) < 1e-4 < 0.05 < angle(fit_pca(low + sparse, W, 3))


def test_nothing_is_the_sum_of_nothing_and_nothing():
    found = pursue(np.zeros((4, 3)))
    assert found.converged
    assert not found.low_rank.any()
    assert not found.sparse.any()


def test_data_that_are_no_numbers_are_refused():
    low, _, W = mixture()
    low[2, 5] = np.nan
    with pytest.raises(InputError, match="row 2, pixel 5"):
        fit_pca(low, W, 2)
    with pytest.raises(InputError, match="no matrix"):
        pursue(np.zeros((0, 3)))


@pytest.mark.parametrize("rank", [0, 61])
def test_a_rank_beyond_the_data_is_refused(rank):
    low, _, W = mixture()
    with pytest.raises(SettingsError, match="between 1 and 60"):
        fit_pursuit(low, W, rank)


@pytest.mark.parametrize("kwargs", [dict(penalty=0.0), dict(tol=0.0), dict(max_iter=0)])
def test_settings_of_a_pursuit_must_be_positive(kwargs):
    with pytest.raises(SettingsError, match="must all be positive"):
        pursue(np.ones((3, 3)), **kwargs)
