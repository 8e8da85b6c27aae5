"""Members one by one: against other routes, and by recovery."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import ArtifactError
from errorbar.stellar.sed.fit import blend_numbers, blend_probabilities
from errorbar.stellar.sed.fit.blocks import BLOCK, in_blocks
from errorbar.stellar.sed.fit.kernel import KernelSettings, find_scales, fit_process
from errorbar.stellar.sed.fit.network import NetworkSettings, fit_networks
from errorbar.stellar.sed.fit.trees import Trees, TreeSettings, fit_trees

SMALL = NetworkSettings(members=2, width=32, layers=2, steps=1500, batch=64)


def waves(count=400, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, (count, 3))
    y = np.sin(2 * X[:, 0]) + 0.5 * X[:, 1]
    return X, y, rng


def test_a_process_is_scikit_learns_at_the_same_scales():
    gaussian = pytest.importorskip("sklearn.gaussian_process")
    kernels = pytest.importorskip("sklearn.gaussian_process.kernels")
    X, y, rng = waves(120)
    error = rng.uniform(0.1, 0.3, 120)
    scales = np.log([1.0, 1.0, 1.0, 1.5, 0.05, 2.0, 1e-12])
    ours = fit_process(X, y, error, scales, KernelSettings(most_rows=120))
    noise = 0.05 * (0.3 + error**2 / np.mean(error**2))
    kernel = kernels.ConstantKernel(1.5) * kernels.RationalQuadratic(1.0, 2.0)
    theirs = gaussian.GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(X, y)
    np.testing.assert_allclose(ours.predict(X[:20]), theirs.predict(X[:20]), atol=1e-8)


def test_scales_are_found_where_the_function_moves():
    X, y, rng = waves()
    found = find_scales(X, y + 0.05 * rng.normal(size=400), np.zeros(400), KernelSettings())
    assert found[0] > found[2] + 1.0


def test_trees_are_the_same_bits_from_their_text_and_take_gaps():
    X, y, _ = waves()
    X[::7, 1] = np.nan
    trees = fit_trees(X, y, settings=TreeSettings(trees=30, rate=0.1))
    again = Trees.from_bytes(trees.to_bytes())
    np.testing.assert_array_equal(trees.predict(X), again.predict(X))
    assert fit_trees(X, y, settings=TreeSettings(trees=30, rate=0.1)).text == trees.text
    with pytest.raises(ArtifactError, match="cannot be read"):
        Trees("not trees")


def test_trees_of_a_quantile_leave_its_share_below():
    rng = np.random.default_rng(1)
    X = rng.uniform(0, 1, (3000, 1))
    y = X[:, 0] * rng.exponential(size=3000)
    settings = TreeSettings(trees=80, rate=0.1, leaves=6, least_rows=60)
    trees = fit_trees(X[:1500], y[:1500], settings=settings, objective="quantile", level=0.9)
    assert np.mean(y[1500:] < trees.predict(X[1500:])) == pytest.approx(0.9, abs=0.03)


def test_networks_learn_a_function_and_its_noise():
    X, y, rng = waves(1000)
    wide = np.where(X[:, 2] > 0, 0.4, 0.05)
    nets = fit_networks(X, (y + wide * rng.normal(size=1000))[:, None], settings=SMALL)
    new, truth, _ = waves(500, seed=9)
    centre, sd = nets.numbers(new)
    assert np.std(centre[:, 0] - truth) < 0.2
    assert sd[new[:, 2] > 0.3].mean() > 2 * sd[new[:, 2] < -0.3].mean()


def test_networks_are_deterministic_and_hide_what_they_may():
    X, y, _ = waves(200)
    full = np.column_stack([X, np.zeros((200, 3))])
    one, two = (
        fit_networks(full, y[:, None], hideable=2, settings=NetworkSettings(
            members=1, width=8, layers=1, steps=50, batch=32, seed=3)) for _ in range(2)
    )  # fmt: skip
    np.testing.assert_array_equal(one.outputs(full), two.outputs(full))


def test_numpys_networks_are_jaxs():
    jax = pytest.importorskip("jax")
    X, y, _ = waves(200)
    nets = fit_networks(X, y[:, None], settings=SMALL)
    x = jax.numpy.asarray(X, "float32")
    for at, (weight, bias) in enumerate(zip(nets.weights, nets.biases)):
        step = x @ weight[0] + bias[0]
        if at < len(nets.weights) - 1:
            step = jax.nn.gelu(step, approximate=True)
            step = step if at == 0 else x + step
        x = step
    np.testing.assert_allclose(nets.outputs(X)[0], np.asarray(x), atol=2e-5)


@given(seed=st.integers(0, 2**32 - 1), members=st.integers(1, 4))
def test_weights_of_a_blend_share_out_one_and_beat_the_even_blend(seed, members):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=200)
    each = truth + rng.normal(size=(members, 200)) * rng.uniform(0.1, 1.0, (members, 1))
    weight = blend_numbers(each, truth)
    assert weight.sum() == pytest.approx(1.0)
    assert np.all(weight >= 0)
    even = np.abs(each.mean(axis=0) - truth)
    assert np.mean(np.abs(weight @ each - truth)) <= np.mean(even) * 1.05


def test_a_blend_of_probabilities_prefers_the_member_that_knows():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 300)
    sure = np.full((300, 3), 0.05)
    sure[np.arange(300), labels] = 0.9
    weight = blend_probabilities(np.stack([np.full((300, 3), 1 / 3), sure]), labels)
    assert weight[1] > 0.99


def test_blocks_are_of_one_size_and_drop_what_fills_them():
    seen = []

    def ask(place):
        seen.append(len(place))
        return (place.astype(float), np.stack([place, place], axis=1))

    first, second = in_blocks(BLOCK + 3, ask)
    np.testing.assert_array_equal(first, np.arange(BLOCK + 3))
    assert second.shape == (BLOCK + 3, 2)
    assert seen == [BLOCK, BLOCK]
