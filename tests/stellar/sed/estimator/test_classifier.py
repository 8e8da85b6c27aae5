"""Classes of stars: sets that hold the truth, same bits, kinds, refusals."""

import numpy as np
import pytest

from errorbar.core.errors import FitError, InputError, SettingsError
from errorbar.stellar.labels import SDSS_GATE
from errorbar.stellar.sed import (
    BandColumns,
    MemberSettings,
    SEDClassifier,
    SedColumns,
    SedRecipe,
    TreeSettings,
    read_photometry,
)

pytestmark = pytest.mark.heavy


def test_classes_are_found_and_sets_hold_them(classifier, others):
    answer = classifier.predict(others.photometry)
    assert np.mean(answer.best == others.kind) > 0.97
    np.testing.assert_allclose(answer.probability.sum(axis=1), 1.0)
    at = np.array([answer.names.index(kind) for kind in others.kind])
    inside = answer.sets(0.1)[np.arange(len(at)), at]
    for k in range(2):
        assert inside[at == k].mean() > 0.86


def test_a_saved_classifier_predicts_the_same_bits(classifier, others, tmp_path):
    path = classifier.save(tmp_path / "classes.safetensors")
    one, two = (m.predict(others.photometry) for m in (classifier, SEDClassifier.load(path)))
    np.testing.assert_array_equal(one.probability, two.probability)
    np.testing.assert_array_equal(one.sets(0.05), two.sets(0.05))
    assert one.stamp == two.stamp
    alone = classifier.predict(others.photometry.select(np.array([7])))
    np.testing.assert_array_equal(alone.probability[0], one.probability[7])
    frame = one.to_frame()
    assert {"best", "p_giant", "set", "oddness"} <= {*frame.columns}


@pytest.fixture(scope="module")
def gate():
    """Three classes of synthetic colours, and a model of trees for them."""
    rng = np.random.default_rng(8)
    kind = rng.choice(SDSS_GATE.classes, 900)
    shift = {"STAR": 0.0, "GALAXY": 0.7, "QSO": -0.4}
    mag = rng.normal(18.0, 1.0, 900)
    table = {
        name: mag + at * np.array([shift[k] for k in kind]) + rng.normal(0, 0.25, 900)
        for at, name in enumerate("ugr")
    }
    columns = SedColumns(tuple(BandColumns(f"sdss2010-{n}", n, error=0.05) for n in "ugr"))
    recipe = SedRecipe(tuple(f"sdss2010-{n}" for n in "ugr"), "sdss2010-r", deredden=False)
    settings = MemberSettings(members=("trees",), trees=TreeSettings(trees=40, rate=0.1), folds=3)
    model = SEDClassifier(SDSS_GATE, recipe, settings=settings)
    return model, read_photometry(table, columns), kind


def test_kinds_get_the_sum_of_their_classes_and_stars_set_aside_calibrate(gate):
    model, photometry, kind = gate
    learn, aside = np.arange(600), np.arange(600, 900)
    model.fit(photometry.select(learn), kind[learn])
    before = model.model_hash
    model.calibrate(photometry.select(aside), kind[aside])
    assert model.model_hash != before
    answer = model.predict(photometry.select(aside))
    rolled = answer.roll_up()
    both = answer.probability[:, 1:].sum(axis=1)
    np.testing.assert_allclose(rolled["extragalactic"], both)
    assert answer.stamp.calibrated
    assert answer.taxonomy.label == "sdss-gate@1"


def test_what_cannot_be_fitted_is_refused(gate, recipe):
    model, photometry, kind = gate
    with pytest.raises(InputError, match="no class of sdss-gate@1, first row 2"):
        model.fit(photometry, np.where(np.arange(900) == 2, "PLANET", kind))
    with pytest.raises(InputError, match="one each"):
        model.fit(photometry, kind[:5])
    with pytest.raises(InputError, match="two or more are needed"):
        model.fit(photometry, np.full(900, "STAR"))
    with pytest.raises(FitError, match="not been fitted"):
        SEDClassifier(SDSS_GATE, recipe).predict(photometry)
    with pytest.raises(SettingsError, match="those of classes"):
        SEDClassifier(SDSS_GATE, recipe, settings=MemberSettings())
    two = kind != "QSO"
    model.fit(photometry.select(two), kind[two])
    with pytest.raises(InputError, match="fit had none of"):
        model.calibrate(photometry, kind)
