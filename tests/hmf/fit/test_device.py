"""Passes as products of matrices, on whatever JAX has, against the fused kernel."""

import numpy as np
import pytest

from errorbar.core.errors import SettingsError
from errorbar.hmf.fit import device
from errorbar.hmf.fit.kernel.passes import Rule, move_basis
from errorbar.hmf.fit.rows import at_hand
from tests.hmf.fit.plain import some_data

RULES = [
    Rule(9.0),
    Rule(np.inf),
    Rule(4.0, refits=2, ridge=0.01),
    Rule(9.0, mean=True),
    Rule(9.0, refits=0),
]


def moved(Y, W, A, G, rule, where):
    A = A.copy()
    if rule.mean:
        A[:, -1] = 1.0
    with at_hand(Y, W, rule, device=where) as rows:
        sums = rows.move(A, G, rule)
    return A, move_basis(sums, G, rule, Y.dtype.itemsize), sums.objective


def near(rows=203, pixels=131, rank=4, **kinds):
    Y, W, A, G = some_data(rows, pixels, rank, **kinds)
    rng = np.random.default_rng(3)
    return Y, W, *(x + 0.1 * rng.normal(size=x.shape) for x in (A, G))


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("entries", [2**24, 5_000])
def test_products_and_the_fused_kernel_make_the_same_pass(rule, entries, monkeypatch):
    monkeypatch.setattr(device, "ENTRIES", entries)
    Y, W, A, G = near(missing=0.2)
    W[7], W[:, 5] = 0.0, 0.0
    expected, found = (moved(Y, W, A, G, rule, where) for where in ("cpu", "jax"))
    for ours, theirs in zip(found[:2], expected[:2]):
        np.testing.assert_allclose(ours, theirs, atol=1e-9 * np.abs(theirs).max())
    assert found[2] == pytest.approx(expected[2], rel=1e-11)
    single = Y.astype(np.float32), W.astype(np.float32)
    short = moved(*single, A, G, rule, "jax")
    np.testing.assert_allclose(short[0], expected[0], atol=3e-4 * np.abs(expected[0]).max())
    assert short[2] == pytest.approx(expected[2], rel=1e-4)


@pytest.mark.parametrize("c", [9.0, np.inf])
def test_rows_come_to_rest_after_the_same_passes(c):
    Y, W, _, G = near(missing=0.2)
    W[7] = 0.0
    found = []
    for where in ("cpu", "jax"):
        A = np.zeros((len(Y), G.shape[1]))
        with at_hand(Y, W, Rule(c), device=where) as rows:
            steps = rows.infer(A, G, Rule(c), most=30, tol=1e-10)
        found.append((A, steps))
    np.testing.assert_allclose(found[1][0], found[0][0], atol=1e-9)
    np.testing.assert_array_equal(found[1][1], found[0][1])
    A = np.zeros((len(Y), G.shape[1]))
    with at_hand(Y, W, Rule(9.0), device="jax") as rows:
        assert np.any(rows.infer(A, G, Rule(9.0), most=2, tol=1e-12) == -2)


def test_what_stands_where_nothing_was_measured_does_not_matter():
    Y, W, A, G = near(missing=0.3)
    other = np.where(W > 0, Y, np.nan)
    clean, wild = (moved(y, W, A, G, Rule(9.0), "jax") for y in (Y, other))
    assert all(np.array_equal(x, y) for x, y in zip(clean, wild))


def test_a_gpu_is_taken_where_it_is_worth_it(monkeypatch):
    from errorbar.hmf.fit import rows as place

    Y, W, _, _ = near()
    monkeypatch.setattr(place, "entry_points", lambda group: ["a plugin"])
    monkeypatch.setattr(device, "has_gpu", lambda: True)
    with at_hand(Y, W, Rule(9.0)) as rows:
        assert isinstance(rows, place.HostRows), "small data"
    monkeypatch.setattr(place, "WORTH_A_GPU", 1)
    with at_hand(Y, W, Rule(9.0)) as rows:
        assert isinstance(rows, device.DeviceRows)
    with at_hand(Y, W, Rule(9.0, nonnegative=True)) as rows:
        assert isinstance(rows, place.HostRows), "what products cannot do"
    monkeypatch.setattr(device, "room", lambda: 2.0 * Y.nbytes)
    with at_hand(Y, W, Rule(9.0)) as rows:
        assert isinstance(rows, place.HostRows), "no room"
    monkeypatch.setattr(device, "room", lambda: np.inf)
    monkeypatch.setattr(device, "has_gpu", lambda: False)
    with at_hand(Y, W, Rule(9.0)) as rows:
        assert isinstance(rows, place.HostRows), "no GPU"


def test_a_device_that_cannot_do_it_is_refused():
    Y, W, _, _ = near()
    with (
        pytest.raises(SettingsError, match="device='tpu' is unknown"),
        at_hand(Y, W, Rule(9.0), device="tpu"),
    ):
        pass
    with (
        pytest.raises(SettingsError, match="non-negative: use device='cpu'"),
        at_hand(Y, W, Rule(9.0, nonnegative=True), device="jax"),
    ):
        pass
