"""The fused kernel against the same steps in plain NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errorbar.hmf.fit.kernel.passes import Rule, chunks, infer, move_basis, run_pass, team
from tests.hmf.fit.plain import some_data, step, weights

CS = (9.0, np.inf)


def one_step(Y, W, A, G, rule, workers=1):
    moved = A.copy()
    with team(workers) as pool:
        sums = run_pass(Y, W, moved, G, rule, pool)
        return moved, move_basis(sums, G, rule, Y.dtype.itemsize), sums.objective


@pytest.mark.parametrize("c", CS)
@pytest.mark.parametrize(
    ("rows", "pixels", "rank"),
    [(203, 1207, 5), (37, 61, 3), (64, 320, 7), (9, 33, 1), (80, 130, 12)],
)
def test_a_pass_is_two_half_steps_of_weighted_least_squares(rows, pixels, rank, c):
    Y, W, A, G = some_data(rows, pixels, rank)
    rng = np.random.default_rng(1)
    A, G = (x + 0.1 * rng.normal(size=x.shape) for x in (A, G))
    expected = step(Y, W, A, G, c)
    found = one_step(Y, W, A, G, Rule(c))
    scale = [np.abs(x).max() for x in expected[:2]]
    if rows > 3 * rank:
        np.testing.assert_allclose(found[0], expected[0], atol=1e-10 * scale[0])
        np.testing.assert_allclose(found[1], expected[1], atol=1e-8 * scale[1])
    assert found[2] == pytest.approx(expected[2], rel=1e-11)
    single = one_step(Y.astype(np.float32), W.astype(np.float32), A, G, Rule(c))
    assert single[2] == pytest.approx(expected[2], rel=1e-4)
    np.testing.assert_allclose(single[0], expected[0], atol=2e-4 * scale[0])


@given(seed=st.integers(0, 1000), rows=st.integers(4, 40), pixels=st.integers(4, 90))
@settings(max_examples=25)
def test_the_objective_never_rises(seed, rows, pixels):
    Y, W, A, G = some_data(rows, pixels, 2, seed=seed, missing=0.3)
    rng = np.random.default_rng(seed)
    A, G = rng.normal(size=A.shape), rng.normal(size=G.shape)
    seen = [weights(Y, W, A, G, 4.0)[2]]
    for _ in range(6):
        A, G, between = one_step(Y, W, A, G, Rule(4.0))
        seen += [between, weights(Y, W, A, G, 4.0)[2]]
    assert np.all(np.diff(seen) <= 1e-9 * seen[0])


def test_results_do_not_depend_on_the_number_of_threads():
    Y, W, A, G = some_data(333, 97, 4)
    one, many = (one_step(Y, W, A, G, Rule(9.0), workers) for workers in (1, 3))
    assert all(np.array_equal(x, y) for x, y in zip(one, many))


def test_parts_hold_every_row_once():
    for rows in (1, 7, 8, 9, 63, 64, 65, 4001):
        parts = chunks(rows)
        assert [row for part in parts for row in range(*part)] == list(range(rows))
        assert len(parts) <= 8


def test_a_read_only_map_of_a_file_is_read_like_memory(tmp_path):
    Y, W, A, G = some_data(40, 70, 3)
    np.save(tmp_path / "Y.npy", Y)
    mapped = np.load(tmp_path / "Y.npy", mmap_mode="r")
    assert not mapped.flags.writeable
    expected, found = (one_step(y, W, A, G, Rule(9.0)) for y in (Y, mapped))
    assert all(np.array_equal(x, y) for x, y in zip(expected, found))


def test_a_mean_has_coefficients_of_one():
    Y, W, A, G = some_data(120, 80, 3)
    A[:, -1] = 1.0
    moved, _, _ = one_step(Y, W, A + 0, G, Rule(9.0, mean=True))
    assert np.all(moved[:, -1] == 1.0)
    R, w, _ = weights(Y, W, A, G, 9.0)
    free = G[:, :2]
    right = free.T @ (w[5] * R[5])
    expected = A[5, :2] + np.linalg.solve((free * w[5][:, None]).T @ free, right)
    np.testing.assert_allclose(moved[5, :2], expected, rtol=1e-10)


def test_non_negative_steps_are_those_of_non_negative_least_squares():
    from scipy.optimize import nnls

    Y, W, A, G = some_data(60, 50, 3)
    G, A = np.abs(G), np.abs(A)
    moved, basis, _ = one_step(Y, W, A, G, Rule(np.inf, nonnegative=True))
    assert moved.min() >= 0
    assert basis.min() >= 0
    for row in (0, 7, 59):
        root = np.sqrt(W[row])
        expected, _ = nnls(root[:, None] * G, root * np.where(W[row] > 0, Y[row], 0))
        np.testing.assert_allclose(moved[row], expected, atol=1e-6)


def test_coefficients_of_rows_solve_their_own_robust_regression():
    Y, W, _, G = some_data(43, 151, 4)
    A = np.zeros((43, 4))
    with team(2) as pool:
        passes = infer(Y, W, A, G, Rule(9.0), pool, most=500, tol=1e-24)
    assert np.all(passes > 0)
    R, w, _ = weights(Y, W, A, G, 9.0)
    slope = (w * R) @ G
    size = (w * np.abs(R)) @ np.abs(G)
    assert np.abs(slope / size).max() < 1e-9


def test_a_row_is_inferred_alike_alone_and_among_others():
    Y, W, _, G = some_data(30, 64, 3, seed=5)
    together, alone = np.zeros((30, 3)), np.zeros((1, 3))
    with team(1) as pool:
        infer(Y, W, together, G, Rule(4.0), pool, most=100, tol=1e-3)
        infer(Y[11:12].copy(), W[11:12].copy(), alone, G, Rule(4.0), pool, most=100, tol=1e-3)
    assert np.array_equal(together[11], alone[0])
