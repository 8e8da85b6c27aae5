import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from errorbar.core.errors import MeasurementError, SettingsError
from errorbar.hmf.data import (
    ArrayBlocks,
    Spectra,
    check_blocks,
    check_matrix,
    describe_matrix,
    from_errors,
    inverse_variance,
    matrix,
)

shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_matrices_that_are_right_come_back_as_they_are(kind):
    Y, W = np.ones((3, 4), kind), np.ones((3, 4), kind)
    found = check_matrix(Y, W)
    assert found[0] is Y
    assert found[1] is W


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (np.float32, np.float32, np.float32),
        (np.float32, np.float64, np.float64),
        (np.float64, np.float32, np.float64),
        (">f4", ">f4", np.float32),
        (np.int32, np.float32, np.float64),
        (np.float16, np.float16, np.float64),
    ],
)
def test_two_single_matrices_stay_single_and_all_else_becomes_double(first, second, both):
    found = check_matrix(np.ones((2, 3), first), np.ones((2, 3), second))
    for matrix_ in found:
        assert matrix_.dtype == both
        assert matrix_.dtype.isnative
        assert matrix_.flags.c_contiguous


@given(values=hnp.arrays(np.float64, shapes), seed=st.integers(0, 2**32 - 1))
def test_what_has_no_weight_may_be_anything_and_is_not_touched(values, seed):
    rng = np.random.default_rng(seed)
    weights = np.where(np.isfinite(values), rng.integers(0, 2, values.shape), 0.0)
    Y, W = check_matrix(values, weights)
    assert Y is values
    assert W is weights


def test_checking_takes_no_memory_to_speak_of():
    Y, W = np.zeros((4000, 500)), np.ones((4000, 500))
    tracemalloc.start()
    try:
        check_matrix(Y, W)
        describe_matrix(Y, W, 3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.1 * Y.nbytes


def test_lists_are_taken():
    Y, W = check_matrix([[1, 2], [3, 4]], [[1, 0], [1, 1]])
    np.testing.assert_array_equal(Y, [[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(W, [[1.0, 0.0], [1.0, 1.0]])


def test_without_weights_every_finite_value_weighs_one():
    Y, W = check_matrix([[1.0, np.nan], [np.inf, 4.0]])
    np.testing.assert_array_equal(W, [[1, 0], [0, 1]])
    assert np.isnan(Y[0, 1])


def test_a_mask_takes_the_weight_away_and_leaves_the_callers_array():
    Y, W = np.full((2, 3), np.nan), np.ones((2, 3))
    mask = np.ones((2, 3), dtype=bool)
    found = check_matrix(Y, W, mask=mask)[1]
    assert not found.any()
    assert W.all()


def test_masked_arrays_hide_their_masked_values():
    hidden = np.array([[False, True], [False, False]])
    also = np.array([[False, False], [True, False]])
    values = np.ma.masked_array([[1.0, np.nan], [3.0, 4.0]], hidden)
    weights = np.ma.masked_array(np.full((2, 2), 2.0), also)
    np.testing.assert_array_equal(check_matrix(values, weights)[1], [[2, 0], [0, 2]])
    np.testing.assert_array_equal(check_matrix(values)[1], [[1, 0], [1, 1]])


@given(seed=st.integers(0, 2**32 - 1))
def test_a_fault_is_found_wherever_it_is(seed):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 30)), int(rng.integers(1, 30)))
    row, pixel = int(rng.integers(shape[0])), int(rng.integers(shape[1]))
    Y, W = np.zeros(shape), np.ones(shape)
    Y[row, pixel] = np.nan
    with pytest.raises(MeasurementError, match=rf"in 1 pixels .* row {row}, pixel {pixel} "):
        check_matrix(Y, W)
    W[row, pixel] = -1
    with pytest.raises(MeasurementError, match=rf"1 negative, first at row {row}, pixel {pixel} "):
        check_matrix(Y, W)


def test_faults_are_counted_over_all_chunks(monkeypatch):
    monkeypatch.setattr(matrix, "CHUNK", 6)
    Y, W = np.zeros((7, 4)), np.ones((7, 4))
    W[2, 3], W[4, 0], W[5, 1], W[6, 2] = np.nan, -1, np.inf, -2
    with pytest.raises(
        MeasurementError,
        match=r"2 negative, 1 NaN, 1 infinite, first at row 2, pixel 3 \(nan\). Set W to 0 there",
    ):
        check_matrix(Y, W)
    Y[1, 1] = Y[6, 0] = np.inf
    with pytest.raises(MeasurementError, match=r"in 2 pixels .* row 1, pixel 1 \(inf\). Set W"):
        check_matrix(Y, np.ones((7, 4)))


@pytest.mark.parametrize(
    ("arguments", "way_out"),
    [
        (([1.0, 2.0],), r"`Y\[None, :\]`"),
        ((np.zeros((2, 2, 2)),), "no further axis"),
        ((np.zeros((0, 3)),), "at least one row"),
        (([[1.0], [2.0, 3.0]],), "as many pixels as the first"),
        (([["a", "b"]],), "must hold real numbers"),
        (([[1.0, None]],), "write NaN"),
        (([[1j, 2]],), "must hold real numbers"),
        ((np.zeros((2, 3)), np.zeros((3, 2))), "np.broadcast_to"),
    ],
)
def test_what_is_no_matrix_is_refused(arguments, way_out):
    with pytest.raises(MeasurementError, match=way_out):
        check_matrix(*arguments)


def test_masks_of_another_shape_or_type_are_refused():
    with pytest.raises(MeasurementError, match="for each pixel of each row"):
        check_matrix(np.zeros((2, 3)), mask=np.zeros(3, dtype=bool))
    with pytest.raises(MeasurementError, match="flags != 0"):
        check_matrix(np.zeros((2, 3)), mask=np.zeros((2, 3), dtype=int))


def test_thirteen_decades_of_weights_are_nothing_to_complain_about():
    W = np.geomspace(1e-3, 1e10, 12, dtype=np.float32).reshape(3, 4)
    assert check_matrix(np.zeros((3, 4), np.float32), W)[1] is W
    report = describe_matrix(np.zeros((3, 4), np.float32), W, 2)
    assert report.clean
    assert "weights from 0.001 to 1e+10" in str(report)


# Error bars.


@given(hnp.arrays(np.float64, shapes, elements=st.floats(1e-100, 1e100)))
def test_a_weight_is_one_over_the_square_of_an_error(sigma):
    np.testing.assert_allclose(inverse_variance(sigma) * sigma * sigma, 1.0)


def test_an_infinite_error_says_nothing_is_known():
    np.testing.assert_array_equal(inverse_variance([2.0, np.inf]), [0.25, 0])


def test_single_errors_give_single_weights():
    assert inverse_variance(np.ones(3, np.float32)).dtype == np.float32
    Y, W = from_errors(np.ones((2, 3), np.float32), np.full(3, 0.5, np.float32))
    assert Y.dtype == W.dtype == np.float32
    assert (W == 4).all()


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_errors_that_are_none_are_refused_unless_they_mean_missing(bad):
    flux, sigma = np.ones((2, 3)), np.ones((2, 3))
    sigma[1, 2] = bad
    with pytest.raises(MeasurementError, match=r"1 errors are not, first at \[1, 2\] .*missing=Tr"):
        from_errors(flux, sigma)
    Y, W = from_errors(flux, sigma, missing=True)
    np.testing.assert_array_equal(W, [[1, 1, 1], [1, 1, 0]])
    assert Y is flux


def test_a_lost_value_with_an_error_is_missing_only_where_missing_is_said():
    flux = np.array([[1.0, np.nan]])
    with pytest.raises(MeasurementError, match="Set W to 0"):
        from_errors(flux, 1.0)
    np.testing.assert_array_equal(from_errors(flux, 1.0, missing=True)[1], [[1, 0]])


def test_masked_errors_are_missing_whatever_lies_below():
    sigma = np.ma.masked_array([[1.0, -9.0]], [[False, True]])
    np.testing.assert_array_equal(from_errors([[5.0, 6.0]], sigma)[1], [[1, 0]])
    assert inverse_variance(np.ma.masked_less([1.0, -1.0], 0)).tolist() == [1, 0]


def test_errors_too_small_for_their_type_are_refused():
    with pytest.raises(MeasurementError, match="1 infinite"):
        from_errors(np.ones((1, 2), np.float32), np.array([1e-25, 1], np.float32))


def test_errors_of_another_shape_are_refused():
    with pytest.raises(MeasurementError, match="each pixel, or all"):
        from_errors(np.ones((2, 3)), np.ones(2))


# What is left open.


def test_rows_and_pixels_that_a_fit_cannot_determine_are_named():
    W = np.ones((6, 5))
    W[1] = 0
    W[4, 1:] = 0
    W[:, 3] = 0
    W[:4, 2] = 0
    report = describe_matrix(np.zeros((6, 5)), W, 3)
    assert report.empty_rows.tolist() == [1]
    assert report.short_rows.tolist() == [4]
    assert report.empty_pixels.tolist() == [3]
    assert report.short_pixels.tolist() == [2]
    assert not report.clean
    assert "1 row with no valid pixel (row 1)" in str(report)
    assert "1 row with fewer than 3 valid pixels (row 4)" in str(report)
    with pytest.warns(UserWarning, match="1 pixel with no valid row"):
        warnings.warn(str(report), stacklevel=1)


def test_long_lists_of_rows_are_cut_short():
    report = describe_matrix(np.zeros((20, 2)), np.zeros((20, 2)), 1)
    assert "20 rows with no valid pixel (first row 0, 1, 2, 3, 4, ...)" in str(report)
    assert np.isnan(report.heaviest)


def test_a_rank_below_one_is_refused():
    with pytest.raises(SettingsError, match="at least one basis"):
        describe_matrix(np.zeros((2, 2)), None, 0)


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 9), rank=st.integers(1, 4))
def test_blocks_are_reported_on_like_the_whole(seed, rows, rank):
    rng = np.random.default_rng(seed)
    W = rng.integers(0, 2, (8, 5)) * rng.uniform(1, 2, (8, 5))
    Y = np.zeros((8, 5))
    whole, parts = describe_matrix(Y, W, rank), check_blocks(ArrayBlocks(Y, W, rows=rows), rank)
    assert str(whole) == str(parts)


# Spectra.


def test_spectra_hold_what_they_were_given():
    Y, W = np.ones((2, 3)), np.ones((2, 3))
    spectra = Spectra(Y, W, ("a", "b"), np.array([1.0, 2.0, 3.0]))
    assert spectra.Y is Y
    assert (len(spectra), spectra.pixels, spectra.dtype) == (2, 3, np.float64)
    assert not spectra.wavelength.flags.writeable
    assert spectra.describe(2).clean


def test_some_spectra_keep_their_names():
    spectra = Spectra.of(np.arange(6.0).reshape(3, 2), ids=["a", "b", "c"])
    assert spectra.take([2, 0]).ids == ("c", "a")
    assert spectra.take(np.array([False, True, False])).Y.tolist() == [[2, 3]]


@pytest.mark.parametrize(
    ("axes", "way_out"),
    [
        ({"ids": ["a"]}, "name each row once"),
        ({"ids": "ab"}, "pass a sequence"),
        ({"ids": ["a", " b"]}, "strip them"),
        ({"ids": ["a", ""]}, "are empty"),
        ({"wavelength": [1.0, 2.0]}, "one for each pixel"),
        ({"wavelength": [1.0, 3.0, 2.0]}, "sort the pixels"),
        ({"wavelength": [0.0, 3.0, 4.0]}, "cut such pixels off"),
    ],
)
def test_names_and_wavelengths_that_do_not_fit_are_refused(axes, way_out):
    with pytest.raises(MeasurementError, match=way_out):
        Spectra.of(np.ones((2, 3)), **axes)
