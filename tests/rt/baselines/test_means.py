"""Means of pairs, compounds and classes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.baselines import fit_means
from errorbar.rt.baselines.means import SMALLEST_SD
from errorbar.rt.model.times import KNOWN
from tests.rt.artifacts.some import some_peaks


def test_a_row_is_the_mean_of_its_compound():
    peaks = some_peaks()
    times = fit_means(peaks).predict(peaks)
    within = 0.0
    for compound in np.unique(peaks.compound):
        rows = peaks.compound == compound
        np.testing.assert_allclose(times.mean[rows], peaks.rt[rows].mean())
        within += ((peaks.rt[rows] - peaks.rt[rows].mean()) ** 2).sum() / (300 - 8)
    rows = peaks.compound == 107
    np.testing.assert_allclose(times.sd[rows] ** 2, within * (1 + 1 / rows.sum()))


def test_a_row_is_the_mean_of_its_pair():
    peaks = some_peaks()
    times = fit_means(peaks, by="pair").predict(peaks)
    for key in np.unique(peaks.keys()):
        rows = peaks.keys() == key
        np.testing.assert_allclose(times.mean[rows], peaks.rt[rows].mean())
        assert set(times.support[rows]) == {rows.sum()}
    assert set(times.known) == {0}


def changed(peaks, **columns):
    return replace(peaks, **{name: np.full(len(peaks), value) for name, value in columns.items()})


@pytest.mark.parametrize("by", ["pair", "compound"])
def test_every_row_is_scored(by):
    peaks = some_peaks()
    fit = fit_means(peaks, by=by)
    compounds = {k: peaks.rt[peaks.compound == k].mean() for k in np.unique(peaks.compound)}
    label = {k: peaks.compound_class[peaks.compound == k][0] for k in compounds}
    of_class = np.mean([mean for k, mean in compounds.items() if label[k] == 2])
    for columns, mean, known in (
        ({"species": 10, "compound": 9, "compound_class": 2}, of_class, "species"),
        ({"species": 99, "compound": 9, "compound_class": 2}, of_class, "neither"),
        ({"compound": 9, "compound_class": -1}, np.mean([*compounds.values()]), "species"),
        ({"compound": 9, "compound_class": 77}, np.mean([*compounds.values()]), "species"),
        ({"species": 99, "compound": 107, "compound_class": -1}, compounds[107], "compound"),
    ):
        times = fit.predict(changed(peaks, **columns))
        np.testing.assert_allclose(times.mean, mean)
        assert {KNOWN[code] for code in times.known} == {known}
        assert set(times.support) == {0}


def test_a_pair_that_was_not_seen_is_the_mean_of_its_compound():
    peaks = some_peaks()
    hidden = (peaks.species == 10) & (peaks.compound == 107)
    seen = peaks.select(~hidden)
    times = fit_means(seen, by="pair").predict(peaks)
    np.testing.assert_allclose(times.mean[hidden], seen.rt[seen.compound == 107].mean())
    assert {KNOWN[code] for code in times.known[hidden]} == {"species and compound"}


@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-1e6, 1e6))
def test_a_shift_of_all_times_shifts_predictions(seed, shift):
    peaks = some_peaks(seed, rows=50)
    one = fit_means(peaks, by="pair").predict(peaks)
    other = fit_means(replace(peaks, rt=peaks.rt + shift), by="pair").predict(peaks)
    np.testing.assert_allclose(other.mean, one.mean + shift, atol=1e-7)
    np.testing.assert_allclose(other.sd, one.sd, rtol=1e-6, atol=1e-8)


def test_intervals_hold_new_times_as_often_as_they_say():
    rng = np.random.default_rng(4)
    base = some_peaks(seed=4, rows=8000, species=4, compounds=60)
    centre = 5 + 0.5 * (np.arange(60) % 3) + 0.3 * rng.normal(size=60)
    k = (base.compound - 100) // 7
    peaks = replace(base, rt=centre[k] + 0.1 * rng.normal(size=8000), compound_class=k % 3)
    early, late = peaks.select(np.arange(4000)), peaks.select(np.arange(4000, 8000))
    for by in ("pair", "compound"):
        times = fit_means(early, by=by).predict(late)
        ends = times.interval(0.9)
        inside = (ends[:, 0] < late.rt) & (late.rt < ends[:, 1])
        assert inside.mean() == pytest.approx(0.9, abs=0.02)
    # Compounds that were left out, judged by their class.
    out = k < 30
    times = fit_means(peaks.select(~out)).predict(peaks.select(out))
    assert np.std((peaks.rt[out] - times.mean) / times.sd) == pytest.approx(1, abs=0.3)


def test_equal_times_are_no_certainty():
    peaks = changed(some_peaks(rows=40), rt=3.0)
    for by in ("pair", "compound"):
        assert set(fit_means(peaks, by=by).predict(peaks).sd) == {SMALLEST_SD}


def test_one_row_is_enough_to_say_something():
    peaks = some_peaks(rows=1)
    assert fit_means(peaks).predict(peaks).mean[0] == pytest.approx(peaks.rt[0])


def test_one_row_of_each_compound_shares_what_sets_compounds_apart():
    peaks = replace(some_peaks(rows=20), compound=np.arange(20), compound_class=np.full(20, -1))
    times = fit_means(peaks).predict(peaks)
    np.testing.assert_allclose(times.sd**2, 2 * peaks.rt.var(ddof=1))


def test_what_cannot_be_is_refused():
    with pytest.raises(SettingsError, match="pair or compound"):
        fit_means(some_peaks(), by="class")
    with pytest.raises(TableError, match="nothing to fit"):
        fit_means(some_peaks(rows=0))
