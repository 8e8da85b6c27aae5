"""Taxonomies, parameters, and what MK types say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import ArtifactError, InputError
from errorbar.stellar.labels import (
    MK_LETTERS,
    SDSS_GATE,
    TEFF,
    Taxonomy,
    luminosity_class,
    spectral_number,
)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_kind_is_as_likely_as_its_classes_together(seed):
    probs = np.random.default_rng(seed).dirichlet(np.ones(7), size=5)
    rolled = MK_LETTERS.roll_up(probs)
    assert set(rolled) == {*MK_LETTERS.classes, "early", "late"}
    np.testing.assert_allclose(rolled["early"], probs[:, :3].sum(axis=1))
    np.testing.assert_allclose(rolled["early"] + rolled["late"], 1.0)


def test_classes_that_were_left_out_are_left_out_of_their_kinds():
    rolled = SDSS_GATE.roll_up(np.array([[0.3, 0.7]]), ("STAR", "QSO"))
    assert set(rolled) == {"STAR", "QSO", "extragalactic"}
    assert rolled["extragalactic"][0] == 0.7
    with pytest.raises(InputError, match="do not fit"):
        SDSS_GATE.roll_up(np.ones((2, 3)), ("STAR", "QSO"))
    with pytest.raises(InputError, match="no class 'L'"):
        SDSS_GATE.roll_up(np.ones((2, 1)), ("L",))


def test_a_taxonomy_comes_back_from_json_and_says_its_version():
    assert Taxonomy.from_dict(SDSS_GATE.to_dict()) == SDSS_GATE
    assert SDSS_GATE.label == "sdss-gate@1"
    assert SDSS_GATE.path("QSO") == ("QSO", "extragalactic")
    with pytest.raises(ArtifactError, match="other parts"):
        Taxonomy.from_dict({"name": "x"})


def test_a_circle_and_a_lonely_class_are_refused():
    with pytest.raises(InputError, match="circle"):
        Taxonomy("x", "1", ("a", "b"), {"a": "b", "b": "a"})
    with pytest.raises(InputError, match="two or more"):
        Taxonomy("x", "1", ("a",))


@pytest.mark.parametrize(
    ("text", "number"),
    [("M3.5 V", 3.5), ("K7", -3.0), ("L1.0", 11.0), ("G2V", -18.0), ("dM4e", 4.0), ("DA", None)],
)
def test_spectral_types_are_counted_in_subtypes_from_m0(text, number):
    found = spectral_number(text)
    assert np.isnan(found) if number is None else found == number


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("K1II/III", "II"), ("B9.5V", "V"), ("F5IV/V", "IV"), ("A0Ia", "Ia"), ("M3", None)],
)
def test_the_first_luminosity_class_is_read(text, wanted):
    assert luminosity_class(text) == wanted


def test_a_temperature_is_fitted_as_its_logarithm():
    value = np.array([4000.0, 6000.0])
    np.testing.assert_allclose(TEFF.backward(TEFF.forward(value)), value)
    step = TEFF.forward(value + 1e-3) - TEFF.forward(value)
    np.testing.assert_allclose(TEFF.slope(value), step / 1e-3, rtol=1e-6)
