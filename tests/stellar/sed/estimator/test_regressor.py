"""Parameters of stars: true intervals, same bits, refusals."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import ArtifactError, FitError, InputError, SettingsError
from errorbar.stellar.labels import FEH, LOGG, TEFF
from errorbar.stellar.sed import (
    FLAGS,
    MemberSettings,
    SEDClassifier,
    SEDRegressor,
    TreeSettings,
)

pytestmark = pytest.mark.heavy


def coverage(answer, truth, name, alpha):
    ends = answer.interval(name, alpha)
    return np.mean((ends[:, 0] <= truth[name]) & (truth[name] <= ends[:, 1]))


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.32])
def test_intervals_hold_labels_as_often_as_they_claim(regressor, others, alpha):
    answer = regressor.predict(others.photometry)
    for name in answer.names:
        # Four standard errors of 1,500 new stars and 1,000 of calibration.
        slack = 4 * np.sqrt(alpha * (1 - alpha) * (1 / 1500 + 1 / 1000))
        assert abs(coverage(answer, others.labels, name, alpha) - (1 - alpha)) < slack


def test_intervals_are_wide_where_errors_are(regressor, others):
    answer = regressor.predict(others.photometry)
    error = np.abs(answer.centre[:, 0] - others.labels["teff_k"])
    width = np.ptp(answer.interval("teff_k"), axis=1)
    wide = width > np.quantile(width, 0.8)
    assert error[wide].mean() > 1.5 * error[~wide].mean()
    for part in (wide, ~wide):
        ends = answer.interval("teff_k")[part]
        label = others.labels["teff_k"][part]
        assert np.mean((ends[:, 0] <= label) & (label <= ends[:, 1])) > 0.84


def test_predictions_know_the_star(regressor, others):
    answer = regressor.predict(others.photometry)
    for at, (name, much) in enumerate((("teff_k", 0.25), ("logg_dex", 0.2), ("feh_dex", 0.9))):
        error = answer.centre[:, at] - others.truth[name]
        assert error.std() < much * others.truth[name].std()


def test_a_saved_model_predicts_the_same_bits(regressor, others, tmp_path):
    path = regressor.save(tmp_path / "model.safetensors")
    again = SEDRegressor.load(path)
    one, two = (model.predict(others.photometry) for model in (regressor, again))
    np.testing.assert_array_equal(one.centre, two.centre)
    np.testing.assert_array_equal(one.spread, two.spread)
    for alpha in one.intervals:
        np.testing.assert_array_equal(one.intervals[alpha], two.intervals[alpha])
    assert one.stamp == two.stamp
    assert one.stamp.recipe_hash == regressor.recipe.hash
    assert path.read_bytes() == again.save(tmp_path / "again.safetensors").read_bytes()
    with pytest.raises(ArtifactError, match="was asked for"):
        SEDClassifier.load(path)


def test_no_star_depends_on_what_it_is_asked_with(regressor, others):
    whole = regressor.predict(others.photometry)
    order = np.random.default_rng(0).permutation(len(others.photometry))
    mixed = regressor.predict(others.photometry.select(order))
    np.testing.assert_array_equal(mixed.centre, whole.centre[order])
    for row in (0, 300, 1499):
        alone = regressor.predict(others.photometry.select(np.array([row])))
        np.testing.assert_array_equal(alone.centre[0], whole.centre[row])
        np.testing.assert_array_equal(alone.intervals[0.1][0], whole.intervals[0.1][row])


def test_equal_fits_are_equal_to_the_bit(stars, recipe, regressor):
    few = stars.photometry.select(np.arange(300))
    labels = {name: column[:300] for name, column in stars.labels.items()}
    settings = replace(regressor.settings, members=("trees", "networks"))
    one, two = (
        SEDRegressor(recipe, settings=settings).fit(few, labels).model_hash for _ in range(2)
    )
    assert one == two
    assert one != regressor.model_hash


def test_stars_without_anything_but_one_band_are_answered_widely_and_flagged(regressor, others):
    others = others.photometry.select(others.photometry.seen[:, 0])
    flux, err = others.flux.copy(), others.flux_err.copy()
    flux[:, 1:] = err[:, 1:] = np.nan
    bare = replace(
        others, flux=flux, flux_err=err, limit=np.zeros(flux.shape, bool),
        parallax=np.full(len(flux), np.nan), ebv=np.full(len(flux), np.nan),
    )  # fmt: skip
    answer = regressor.predict(bare)
    assert np.isfinite(answer.centre).all()
    flags = {name: answer.flag[:, at].all() for at, name in enumerate(FLAGS)}
    assert flags["few_bands"]
    assert flags["blind_reddening"]
    assert flags["no_parallax"]
    usual = regressor.predict(others)
    widths = [np.median(np.ptp(a.interval("teff_k"), axis=1)) for a in (answer, usual)]
    assert widths[0] > widths[1]


def test_margins_of_stars_set_aside_take_the_place_of_the_cross_fitted(stars, recipe, others):
    settings = MemberSettings(members=("trees",), folds=3, trees=TreeSettings(150, 0.08))
    model = SEDRegressor(recipe, ["teff_k"], settings=settings, alphas=(0.1,))
    few = np.arange(500)
    model.fit(stars.photometry.select(few), {"teff_k": stars.labels["teff_k"][few]})
    before = model.model_hash
    aside = np.arange(700)
    model.calibrate(others.photometry.select(aside), {"teff_k": others.labels["teff_k"][aside]})
    assert model.model_hash != before
    answer = model.predict(others.photometry.select(np.arange(700, 1500)))
    assert answer.stamp.calibrated
    truth = {"teff_k": others.labels["teff_k"][700:]}
    assert abs(coverage(answer, truth, "teff_k", 0.1) - 0.9) < 0.06


def test_labels_that_were_swapped_are_found(stars, recipe):
    settings = MemberSettings(members=("trees",), folds=3, trees=TreeSettings(150, 0.08))
    labels = {"logg_dex": stars.labels["logg_dex"].copy()}
    giants = np.flatnonzero((stars.kind == "giant") & (stars.truth["logg_dex"] < 2.5))[:4]
    labels["logg_dex"][giants] = 4.6
    model = SEDRegressor(recipe, [LOGG], settings=settings).fit(stars.photometry, labels)
    found = model.contradictions()
    assert set(giants.tolist()) <= {each.row for each in found}
    swapped = next(each for each in found if each.row in giants)
    assert swapped.pull > 3
    assert swapped.predicted < 3.7 < swapped.label
    assert len(found) < 30
    with pytest.raises(SettingsError, match="between 0 and 1"):
        model.contradictions(rate=1.5)


def test_a_table_of_answers_says_everything(regressor, others):
    frame = regressor.predict(others.photometry).to_frame(0.32)
    assert isinstance(frame, pl.DataFrame)
    assert {"row", "teff_k", "teff_k_lower", "feh_dex_upper", "oddness", *FLAGS} <= {*frame.columns}
    assert frame.null_count().sum_horizontal()[0] == 0


def test_what_cannot_be_fitted_or_asked_is_refused(stars, recipe, regressor, tmp_path):
    part = stars.photometry
    with pytest.raises(InputError, match="teff_k, logg_dex, feh_dex are needed"):
        SEDRegressor(recipe).fit(part, {"teff_k": stars.labels["teff_k"]})
    bad = {**stars.labels, "teff_k": np.where(np.arange(1000) == 5, np.nan, 5000.0)}
    with pytest.raises(InputError, match="first row 5, teff_k"):
        SEDRegressor(recipe).fit(part, bad)
    with pytest.raises(SettingsError, match="no parameter 'age'"):
        SEDRegressor(recipe, ["age"])
    with pytest.raises(FitError, match="not been fitted"):
        SEDRegressor(recipe).predict(part)
    with pytest.raises(FitError, match="not been fitted"):
        SEDRegressor(recipe).save(tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="no stars"):
        regressor.predict(part.select(np.arange(0)))
    answer = regressor.predict(part.select(np.arange(3)))
    with pytest.raises(InputError, match="alpha=0.2"):
        answer.interval("teff_k", 0.2)
    with pytest.raises(InputError, match="choose one of"):
        answer.interval("age")
    with pytest.raises(SettingsError, match="must be different"):
        MemberSettings(members=("forest",))
    saved = SEDRegressor.load(regressor.save(tmp_path / "m.safetensors"))
    with pytest.raises(FitError, match="has no stars"):
        saved.contradictions()
    assert regressor.parameters == (TEFF, LOGG, FEH)
