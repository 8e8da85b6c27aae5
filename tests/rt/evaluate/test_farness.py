import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

from errorbar.core.errors import InputError, SettingsError
from errorbar.rt.evaluate import farness, farness_slice, replicate_means, run_covariates
from tests.rt.evaluate.fake_times import fake_peaks

RNG = np.random.default_rng(0)
TRAIN, TEST = RNG.normal(size=(30, 4)) * [1, 10, 0.1, 1], RNG.normal(size=(12, 4))


def test_distances_are_the_smallest_of_all_pairs():
    scale = TRAIN.std(axis=0)
    assert_allclose(farness(TRAIN, TEST), cdist(TEST / scale, TRAIN / scale).min(axis=1))
    among = cdist(TRAIN / scale, TRAIN / scale) + np.diag(np.full(30, np.inf))
    assert_allclose(farness(TRAIN), among.min(axis=1))


def test_units_and_origins_of_covariates_do_not_matter():
    factor, shift = np.array([3.0, 0.1, 7.0, 60.0]), np.array([1.0, -4.0, 2.0, 0.5])
    other = farness(TRAIN * factor + shift, TEST * factor + shift)
    assert_allclose(other, farness(TRAIN, TEST))


def test_a_covariate_without_spread_keeps_its_unit():
    train, test = TRAIN.copy(), TEST.copy()
    train[:, 2], test[:, 2] = 0.3, 0.3
    rest = [0, 1, 3]
    assert_allclose(farness(train, test), farness(train[:, rest], test[:, rest]))


def test_bins_are_percentiles_with_their_upper_ends():
    values = RNG.permutation(np.arange(1.0, 101.0))
    part = farness_slice(values)
    assert part.labels == ("60-70 %", "70-80 %", "80-90 %", "90-95 %", "95-100 %")
    assert np.bincount(part.place + 1).tolist() == [60, 10, 10, 10, 5, 5]
    assert values[part.place == 4].max() == 100.0
    whole = farness_slice(values, (0, 50, 100), of=values[values > 20])
    assert (whole.place >= 0).all()
    assert farness_slice(values, (0, 50), of=values).place.min() == -1
    with pytest.raises(SettingsError, match="must rise"):
        farness_slice(values, (50, 50))


def test_runs_are_those_with_peaks():
    peaks = fake_peaks()
    peaks = peaks.select(peaks.run > 4)
    runs, covariates = run_covariates(peaks)
    assert_array_equal(runs, np.unique(peaks.run))
    first = peaks.covariates[peaks.run == runs[0]]
    assert_allclose(covariates[0], first[0])


def test_too_few_runs_or_other_covariates_are_refused():
    with pytest.raises(InputError, match="at least 2"):
        farness(TRAIN[:1])
    with pytest.raises(InputError, match="same features"):
        farness(TRAIN, TEST[:, :2])


def test_replicates_become_means_with_their_interval():
    frame = pl.DataFrame({
        "method": ["a"] * 5 + ["b"] * 2 + ["c"],
        "mae": [1.0, 2.0, 3.0, 4.0, 5.0, 1.0, None, 7.0],
    })  # fmt: skip
    found = replicate_means(frame, ["method"])
    assert found["mae"].to_list() == [3.0, 1.0, 7.0]
    assert found["replicates"].to_list() == [5, 1, 1]
    half = 2.7764451 * np.sqrt(2.5 / 5)
    assert found["low"][0] == pytest.approx(3 - half)
    assert found["high"][0] == pytest.approx(3 + half)
    assert found["low"].to_list()[1:] == [None, None]
