import hashlib
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errorbar.core.errors import SettingsError
from errorbar.hmf.summary import best_detection
from errorbar.hmf.synth import ToyRecipe, make_toy

KINDS = ("spectra", "pixels", "columns", "lines", "gaps")


@pytest.fixture(scope="module")
def paper():
    return make_toy(0)


def fingerprint(toy):
    """A digest of everything in a toy, floats rounded well above the last bits of a platform."""
    digest = hashlib.sha256()
    for field in fields(toy):
        values = getattr(toy, field.name)
        if field.name == "W":
            values = np.log10(np.where(values > 0, values, 1.0))
        if values.dtype == np.float64:
            values = np.rint(values * 1e6).astype("<i8")
        elif values.dtype.kind == "i":
            values = values.astype("<i8")
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def test_the_toy_of_a_seed_is_frozen():
    # Ours, of NumPy 2.4; a change of the toy or of NumPy's streams shows here.
    expected = "4b828af7fd51e9d8b7b556d4304d8b0bb65f69beed67cca9c90cb0fedd2f4b78"
    assert fingerprint(make_toy(3, rows=160, pixels=120)) == expected


@pytest.mark.slow
def test_the_toy_at_the_size_of_the_paper_is_frozen(paper):
    expected = "ee4f716e9935143c5144de78e0d73cef241a6ac9829b7f1323df04444b3470eb"
    assert fingerprint(paper) == expected


def test_one_seed_gives_one_toy_and_another_seed_another():
    first, second, other = (make_toy(seed, rows=40, pixels=60) for seed in (1, 1, 2))
    assert fingerprint(first) == fingerprint(second)
    assert not np.isclose(first.A, other.A).any()


@pytest.mark.heavy
def test_the_numbers_of_outliers_are_those_of_the_paper(paper):
    assert paper.Y.shape == (8000, 1200)
    assert paper.G.shape == (1200, 5)
    assert np.linalg.matrix_rank(paper.A @ paper.G.T) == 5
    assert (paper.label == "spectrum").sum() == paper.spectra.any(axis=1).sum() == 40
    assert paper.pixels.sum() == 38_400
    assert sorted(paper.columns.sum(axis=0))[-4:] == [0, 2400, 2400, 2400]
    assert (paper.label == "lines").sum() == paper.lines.any(axis=1).sum() == 10
    gap = paper.gaps.sum(axis=1)
    assert (gap > 0).sum() == 4000
    assert gap[gap > 0].min() == 50
    assert gap.max() == 200
    assert len(paper.train) == len(paper.test) == 4000


@pytest.mark.heavy
def test_weights_span_many_decades(paper):
    weight = paper.W[paper.W > 0]
    assert np.median(weight) == pytest.approx(1.7e3, rel=0.05)
    assert weight.min() < 1e-3
    assert weight.max() > 1e10


@pytest.mark.heavy
def test_whoever_knows_the_true_model_finds_nine_tenths_of_the_outlying_pixels(paper):
    # The paper's toy: 0.897.
    valid = paper.W > 0
    t = (paper.W * (paper.Y - paper.A @ paper.G.T) ** 2)[valid]
    best, least = best_detection(t, paper.outliers[valid])
    assert best.f1 == pytest.approx(0.897, abs=0.005)
    assert 9 < least < 25


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), rows=st.integers(8, 60), pixels=st.integers(24, 80))
def test_every_pixel_is_of_one_kind_at_most_and_gaps_are_without_data(seed, rows, pixels):
    toy = make_toy(seed, rows=rows, pixels=pixels)
    kinds = sum(getattr(toy, kind).astype(int) for kind in KINDS)
    assert kinds.max() <= 1
    np.testing.assert_array_equal(toy.gaps, toy.W == 0)
    assert not toy.Y[toy.gaps].any()
    assert np.isfinite(toy.Y).all()
    assert not toy.gaps.all(axis=1).any()
    np.testing.assert_array_equal(np.sort(np.append(toy.train, toy.test)), np.arange(rows))
    np.testing.assert_array_equal(toy.outlier_objects, toy.spectra.any(axis=1))
    assert toy.pixels.sum() == max(1, round(0.004 * toy.Y.size))


def test_what_is_no_outlier_departs_from_the_model_as_its_error_bars_say():
    toy = make_toy(5, rows=400, pixels=300)
    z = (np.sqrt(toy.W) * (toy.Y - toy.A @ toy.G.T))[~(toy.outliers | toy.gaps)]
    assert z.mean() == pytest.approx(0, abs=4 / np.sqrt(z.size))
    # An unknown line is an outlier down to a tenth of its depth, and its wings go on.
    assert np.median(np.abs(z)) == pytest.approx(0.6745, rel=0.01)


def test_an_ingredient_that_is_left_out_leaves_the_others_where_they_are():
    usual = make_toy(2, rows=60, pixels=90)
    none = ToyRecipe(spectra_share=0, pixels_share=0, columns=0, lines_share=0, gaps_share=0)
    clean = make_toy(2, rows=60, pixels=90, recipe=none)
    assert not (clean.outliers | clean.gaps).any()
    assert (clean.label == "normal").all()
    same = ~(usual.gaps | usual.outliers)
    same[usual.label != "normal"] = False
    np.testing.assert_array_equal(usual.Y[same], clean.Y[same])
    np.testing.assert_array_equal(usual.W[same], clean.W[same])


def test_a_toy_cannot_be_changed():
    toy = make_toy(0, rows=8, pixels=24)
    with pytest.raises(ValueError, match="read-only"):
        toy.Y[0, 0] = 1.0


@pytest.mark.parametrize(
    ("kwargs", "way_out"),
    [
        (dict(seed=-1), "whole number"),
        (dict(seed=True), "whole number"),
        (dict(seed=0, rows=7), "8 spectra with 24 pixels at least"),
        (dict(seed=0, pixels=23), "8 spectra with 24 pixels at least"),
    ],
)
def test_a_toy_that_cannot_be_made_is_refused(kwargs, way_out):
    with pytest.raises(SettingsError, match=way_out):
        make_toy(**kwargs)


@pytest.mark.parametrize(
    ("kwargs", "way_out"),
    [
        (dict(pixels_share=1.5), "pixels_share=1.5 must be between 0 and 1"),
        (dict(spectra_share=0.6, lines_share=0.6), "of one kind at most"),
        (dict(gap_length=(0.5, 0.2)), "the shorter first"),
        (dict(median_weight=0.0), "must be positive"),
    ],
)
def test_a_recipe_out_of_range_is_refused(kwargs, way_out):
    with pytest.raises(SettingsError, match=way_out):
        ToyRecipe(**kwargs)
