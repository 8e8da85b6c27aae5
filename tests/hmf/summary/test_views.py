"""Values that pictures are drawn of."""

import numpy as np
import pytest

from errorbar.core.errors import InputError
from errorbar.hmf.summary import match_basis, row_view, weight_histogram

RNG = np.random.default_rng(4)


@pytest.fixture
def view():
    wavelength = np.arange(500.0, 510.0)
    y, w = np.zeros(10), np.full(10, 4.0)
    y[2], y[7], w[5] = 3.0, np.nan, 0.0
    w[7] = 0.0
    return row_view("one", wavelength, y, w, np.zeros(10), 9.0, true=np.arange(10) == 5)


def test_a_pixel_beyond_the_scale_is_flagged_and_one_without_data_never(view):
    assert np.flatnonzero(view.flagged).tolist() == [2]
    assert view.kept[2] == pytest.approx(9 / (9 + 36))
    assert view.z[2] == 6.0
    assert not view.valid[[5, 7]].any()
    assert np.isinf(view.sd[5])
    assert np.isnan(view.z[7])
    assert not view.true.any()


def test_flags_may_come_from_elsewhere():
    given = np.array([True, False, True])
    w = np.array([1.0, 1.0, 0.0])
    view = row_view("r", np.arange(3.0), np.zeros(3), w, np.zeros(3), 1.0, flagged=given)
    assert view.flagged.tolist() == [True, False, False]


def test_a_part_of_a_row_holds_the_same_numbers(view):
    part = view.part(501.5, 504.0)
    assert part.wavelength.tolist() == [502.0, 503.0, 504.0]
    assert part.z[0] == 6.0
    with pytest.raises(InputError, match="no pixel lies between 600 and 700"):
        view.part(600, 700)


def test_a_row_has_one_length():
    with pytest.raises(InputError, match="one length"):
        row_view("r", np.zeros(3), np.zeros(3), np.zeros(4), np.zeros(3), 1.0)


def test_a_basis_mixed_at_random_is_found_again():
    true = RNG.normal(size=(40, 3))
    match = match_basis(true, true @ RNG.normal(size=(3, 3)))
    np.testing.assert_allclose(match.found, true, atol=1e-10)
    np.testing.assert_allclose(match.angles, 0, atol=1e-5)


def test_a_vector_that_is_missing_is_ninety_degrees_away():
    match = match_basis(np.eye(5)[:, :2], np.eye(5)[:, [0, 3]])
    np.testing.assert_allclose(match.angles, [90, 0], atol=1e-6)
    np.testing.assert_allclose(match.found[:, 1], 0, atol=1e-12)
    with pytest.raises(InputError, match="same pixels"):
        match_basis(np.eye(5), np.eye(4))


def test_histograms_count_every_pixel_with_data_once():
    Y, W = RNG.normal(size=(30, 20)), RNG.uniform(0, 1, size=(30, 20))
    W[W < 0.3] = 0
    A, G = np.zeros((30, 1)), np.zeros((20, 1))
    odd = RNG.uniform(size=Y.shape) < 0.2
    whole = weight_histogram(Y, W, A, G, 9.0)
    parted = weight_histogram(Y, W, A, G, 9.0, {"odd": odd, "other": ~odd}, bins=50)
    assert whole.counts.sum() == (W > 0).sum()
    np.testing.assert_array_equal(parted.counts.sum(0), whole.counts[0])
    u = 9 / (9 + W * Y**2)
    assert whole.counts[0, -1] == ((u >= whole.edges[-2]) & (W > 0)).sum()
