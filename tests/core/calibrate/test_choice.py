import numpy as np
import pytest

from errorbar.core.calibrate import IdentityCalibrator, TemperatureScaler, choose_calibrator
from errorbar.core.errors import InputError, SettingsError
from tests.core.calibrate.cases import classifier, softmax


def test_a_classifier_that_is_too_sure_gets_a_temperature():
    logits, labels = classifier(1500, 4, seed=4)
    made, table = choose_calibrator(3 * logits, labels, seed=1)
    assert isinstance(made, TemperatureScaler)
    assert made.temperature == pytest.approx(3, rel=0.1)
    assert table.chosen == "temperature"
    assert table.nested_nll < table.nll[0]
    assert table.gain[1] > 10 * table.gain_error[1]
    assert [row["calibrator"] for row in table.rows()] == list(table.names)


@pytest.mark.parametrize("seed", range(6))
def test_the_choice_is_never_worse_than_the_identity_on_its_own_estimate(seed):
    logits, labels = classifier(120, 3, seed=seed)
    made, table = choose_calibrator(softmax(logits), labels, seed=seed)
    at = table.names.index(table.chosen)
    assert table.nll[at] <= table.nll[0]
    assert table.nested_nll < table.nll[0] or isinstance(made, IdentityCalibrator)


def test_noise_is_left_alone():
    rng = np.random.default_rng(0)
    kinds = []
    for seed in range(5):
        logits, labels = classifier(80, 4, seed=seed)
        kinds.append(choose_calibrator(logits, labels, seed=int(rng.integers(99)))[1].chosen)
    assert kinds.count("identity") >= 2


def test_groups_stay_whole():
    # Each star is seen forty times with one label: by rows, any flexible map looks good.
    rng = np.random.default_rng(3)
    star = np.repeat(np.arange(30), 40)
    probs = softmax(rng.normal(0, 1, (30, 3)))[star]
    labels = rng.integers(3, size=30)[star]
    _, by_rows = choose_calibrator(probs, labels, seed=0)
    made, by_stars = choose_calibrator(probs, labels, groups=star, seed=0)
    assert by_rows.chosen == "isotonic"
    assert by_stars.chosen != "isotonic"
    assert by_stars.nll[-1] > 1.5 * by_rows.nll[-1]
    assert made.n_classes == 3


def test_the_same_seed_makes_the_same_choice_and_names_of_groups_do_not_matter():
    logits, labels = classifier(200, 3, seed=9)
    groups = np.arange(200) // 4
    one = choose_calibrator(logits, labels, groups, seed=5)[1]
    two = choose_calibrator(logits, labels, [f"star {g:03d}" for g in groups], seed=5)[1]
    assert one == two


def test_a_candidate_that_cannot_be_fitted_is_out_of_the_race():
    logits, labels = classifier(200, 3, seed=2)
    made, table = choose_calibrator(-logits, labels)
    at = table.names.index("temperature")
    assert np.isinf(table.nll[at])
    assert "point away" in table.notes[at]
    assert np.isfinite(table.nested_nll)
    assert table.chosen in ("vector", "dirichlet", "isotonic")
    assert np.isfinite(made.transform(-logits)).all()


def test_certain_and_missing_classes_are_survived():
    rng = np.random.default_rng(1)
    probs = np.eye(4)[rng.integers(3, size=60)]
    labels = np.where(rng.random(60) < 0.8, probs.argmax(axis=1), rng.integers(3, size=60))
    made, table = choose_calibrator(probs, labels)
    assert np.isfinite(table.nll).all()
    assert made.transform(probs).max() < 1


def test_what_cannot_be_divided_is_refused():
    logits, labels = classifier(40, 3)
    with pytest.raises(InputError, match="3 groups cannot be divided into 5 folds"):
        choose_calibrator(logits, labels, groups=np.arange(40) % 3)
    with pytest.raises(SettingsError, match="two or more"):
        choose_calibrator(logits, labels, folds=1)
    with pytest.raises(SettingsError, match="there is no calibrator 'platt'"):
        choose_calibrator(logits, labels, candidates=["platt"])
    with pytest.raises(InputError, match="groups"):
        choose_calibrator(logits, labels, groups=[1, 2])
