import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from errorbar.core.errors import InputError
from errorbar.hmf.summary import expected_scores, kl_score, score_fit
from errorbar.hmf.summary.residuals import ENTRIES, residual_chunks


def data(seed=0, rows=30, pixels=40, missing=0.2, rank=3):
    """A factorisation, data about it with the errors they claim, and pixels without data."""
    rng = np.random.default_rng(seed)
    A, G = rng.normal(size=(rows, rank)), rng.normal(size=(pixels, rank))
    W = 10 ** rng.normal(1, 2, size=(rows, pixels))
    Y = A @ G.T + rng.normal(size=W.shape) / np.sqrt(W)
    W[rng.random(W.shape) < missing] = 0
    return Y, W, A, G


def dense_scores(Y, W, A, G, c):
    """The definitions, with arrays of the size of the data."""
    valid = W > 0
    r = np.where(valid, Y, 0) - A @ G.T
    u = 1 / (1 + W * r**2 / c)
    z = r * np.sqrt(W * u)
    count = valid.sum()

    def kl(values):
        return -np.log(values.std()) + (values.var() + values.mean() ** 2) / 2 - 0.5

    return {
        "pixels": count,
        "std_z": z[valid].std(),
        "chi2_red": (z**2).sum() / (count - A.size),
        "rmse": np.sqrt((W * u * r**2).sum() / (W * u).sum()),
        "mad_z": np.median(np.abs(r * np.sqrt(W))[valid]),
        "kl": kl(z[valid]),
        "kl_all": kl(np.where(valid, z, 0.0)),
    }


@pytest.mark.parametrize("c", [1.0, 25.0, np.inf])
@pytest.mark.parametrize("pixels", [40, 41])
def test_scores_are_those_of_the_dense_definitions(c, pixels):
    arrays = data(pixels=pixels)
    found = score_fit(*arrays, c)
    for name, value in dense_scores(*arrays, c).items():
        # Medians are counted in single precision.
        tolerance = 2e-7 if name == "mad_z" else 1e-9
        assert getattr(found, name) == pytest.approx(value, rel=tolerance), name


def test_scores_do_not_depend_on_where_data_are_cut():
    arrays = data(rows=2 * ENTRIES // 1000 + 7, pixels=1000)
    assert len(list(residual_chunks(*arrays))) > 2
    found = score_fit(*arrays, 9.0)
    for name, value in dense_scores(*arrays, 9.0).items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-6), name


def test_what_stands_where_nothing_was_measured_does_not_matter():
    Y, W, A, G = data()
    hollow = np.where(W > 0, Y, np.nan)
    assert score_fit(hollow, W, A, G, 25.0) == score_fit(Y, W, A, G, 25.0)


def test_perfect_data_reach_the_targets():
    Y, W, A, G = data(rows=400, pixels=500)
    found = score_fit(Y, W, A, G, fitted=0)
    assert found.std_z == pytest.approx(1, abs=0.01)
    assert found.chi2_red == pytest.approx(1, abs=0.02)
    assert found.mad_z == pytest.approx(0.6745, abs=0.01)
    assert found.kl < 1e-4
    # A fifth of the pixels counts as zero there.
    assert found.kl_all == pytest.approx(kl_score(0.0, 0.8), rel=0.05)


@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-3, 1e3))
def test_units_and_the_order_of_rows_change_no_score_but_the_error_in_those_units(seed, scale):
    Y, W, A, G = data(seed)
    order = np.random.default_rng(seed).permutation(len(Y))
    here = score_fit(Y, W, A, G, 4.0)
    there = score_fit(scale * Y[order], W[order] / scale**2, scale * A[order], G, 4.0)
    for name in ("std_z", "chi2_red", "mad_z", "kl", "kl_all"):
        assert getattr(there, name) == pytest.approx(getattr(here, name), rel=1e-6, abs=1e-9)
    assert there.rmse == pytest.approx(scale * here.rmse, rel=1e-6)


def test_a_missing_vector_and_wrong_error_bars_both_raise_the_scores():
    Y, W, A, G = data(rows=200, pixels=300)
    right = score_fit(Y, W, A, G, 25.0)
    short = score_fit(Y, W, A[:, :2], G[:, :2], 25.0)
    boast = score_fit(Y, 4 * W, A, G, 25.0)
    for wrong in (short, boast):
        assert wrong.kl > right.kl
        assert wrong.std_z > right.std_z
        assert wrong.mad_z > right.mad_z
    assert short.rmse > right.rmse


@given(mean=st.floats(-5, 5), sd=st.floats(0.01, 10))
def test_the_divergence_is_least_for_the_standard_normal_distribution(mean, sd):
    assert kl_score(mean, sd**2) >= 0
    assert kl_score(0.0, 1.0) == 0
    assert kl_score(mean, 0.0) == np.inf


def test_single_precision_data_are_scored_in_double():
    Y, W, A, G = data(rows=100)
    few = score_fit(Y.astype(np.float32), W.astype(np.float32), A, G, 25.0)
    assert few.std_z == pytest.approx(score_fit(Y, W, A, G, 25.0).std_z, rel=1e-2)
    assert isinstance(few.std_z, float)


def test_scoring_makes_no_array_of_the_size_of_the_data():
    arrays = data(rows=6000, pixels=1000)
    tracemalloc.start()
    score_fit(*arrays, 25.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.6 * arrays[0].nbytes


def test_more_parameters_than_pixels_have_no_reduced_chi_squared():
    Y, W, A, G = data(rows=5, pixels=4, missing=0.0)
    assert np.isnan(score_fit(Y, W, A, G, fitted=20).chi2_red)


def test_arrays_that_do_not_fit_together_are_refused():
    Y, W, A, G = data()
    with pytest.raises(InputError, match="do not fit together"):
        score_fit(Y, W, A, G[:-1])


@pytest.mark.parametrize("rows", [slice(0), slice(None)])
def test_data_without_a_pixel_are_refused(rows):
    Y, W, A, G = data()
    cut = 40 if rows.stop == 0 else 0
    with pytest.raises(InputError, match="hold no pixel"):
        score_fit(Y[rows, :cut], W[rows, :cut], A[rows], G[:cut])


def test_data_without_a_weight_are_refused():
    Y, W, A, G = data()
    with pytest.raises(InputError, match="nothing to score"):
        score_fit(Y, np.zeros_like(W), A, G)


def test_a_weighted_pixel_without_a_value_is_refused():
    Y, W, A, G = data(missing=0.0)
    Y[4, 7] = np.nan
    with pytest.raises(InputError, match="row 4, pixel 7"):
        score_fit(Y, W, A, G)


@pytest.mark.parametrize("c", [0.0, -1.0, np.nan])
def test_a_constant_that_is_not_positive_is_refused(c):
    with pytest.raises(InputError, match="must be positive"):
        score_fit(*data(), c)


@pytest.mark.parametrize("scale", [0.5, 2.0, 5.0, 99.0, 101.0])
def test_what_scores_a_right_model_has_at_a_scale(scale):
    c = scale**2
    expected = expected_scores(c)
    square = quad(lambda x: x**2 * c / (c + x**2) * norm.pdf(x), -12, 12, epsabs=1e-12)[0]
    assert expected["chi2_red"] == pytest.approx(square, abs=1e-6)
    assert expected["std_z"] == pytest.approx(np.sqrt(square), abs=1e-6)
    assert expected_scores()["chi2_red"] == 1.0
    assert expected_scores()["kl"] == 0.0
