import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import SettingsError
from errorbar.hmf.model import FastAffine, Identity, Ordered, Rotation, SlowAffine, turn

KINDS = (
    Identity(),
    FastAffine(),
    FastAffine(whiten=False),
    FastAffine(target="A"),
    SlowAffine(),
    Ordered(),
)


def factors(seed=0, rows=30, pixels=20, rank=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, rank)), rng.normal(size=(pixels, rank)) * [1, 3, 0.1, 10]


@pytest.mark.parametrize("kind", KINDS, ids=repr)
@given(seed=st.integers(0, 500))
def test_the_product_stays(kind: Rotation, seed):
    A, G = factors(seed)
    B, H = turn(A, G, kind.matrix(G, A.T @ A))
    np.testing.assert_allclose(B @ H.T, A @ G.T, atol=1e-8 * np.abs(A @ G.T).max())


@pytest.mark.parametrize("kind", [FastAffine(), SlowAffine(), Ordered()], ids=repr)
def test_basis_vectors_become_orthonormal(kind):
    A, G = factors()
    _, H = turn(A, G, kind.matrix(G, A.T @ A))
    np.testing.assert_allclose(H.T @ H, np.eye(4), atol=1e-4 if kind == FastAffine() else 1e-12)


def test_coefficients_become_orthonormal_where_they_are_the_target():
    A, G = factors()
    B, _ = turn(A, G, FastAffine(target="A").matrix(G, A.T @ A))
    np.testing.assert_allclose(B.T @ B, np.eye(4), atol=1e-5)


def test_slow_and_fast_find_the_same_nearest_basis():
    A, G = factors()
    fast, slow = (turn(A, G, kind.matrix(G, A.T @ A))[1] for kind in (FastAffine(), SlowAffine()))
    np.testing.assert_allclose(fast, slow, atol=1e-4)


def test_the_ordered_basis_is_that_of_a_singular_value_decomposition():
    A, G = factors()
    B, H = turn(A, G, Ordered().matrix(G, A.T @ A))
    _, values, axes = np.linalg.svd(A @ G.T)
    np.testing.assert_allclose((B**2).sum(0), values[:4] ** 2, rtol=1e-10)
    np.testing.assert_allclose(np.abs(H.T), np.abs(axes[:4]), atol=1e-9)
    assert np.all(H[np.argmax(np.abs(H), axis=0), range(4)] > 0)


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_a_basis_vector_too_many_stays_finite(kind):
    A, G = factors()
    G[:, 2] = G[:, 0]
    G[:, 3] = 0
    B, H = turn(A, G, kind.matrix(G, A.T @ A))
    assert np.isfinite(B).all()
    assert np.isfinite(H).all()


def test_a_target_that_is_no_factor_is_refused():
    with pytest.raises(SettingsError, match="choose 'G' or 'A'"):
        FastAffine(target="B")  # pyright: ignore[reportArgumentType]
