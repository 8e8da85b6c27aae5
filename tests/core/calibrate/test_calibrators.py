import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errorbar.core.calibrate import (
    BaseProbCalibrator,
    DirichletCalibrator,
    IdentityCalibrator,
    IsotonicCalibrator,
    TemperatureScaler,
    VectorScaler,
    negative_log_likelihood,
)
from errorbar.core.errors import ArtifactError, FitError, InputError, SettingsError
from tests.core.calibrate.cases import classifier, draw_labels, softmax

MAKERS = {
    "identity": IdentityCalibrator,
    "temperature": TemperatureScaler,
    "vector": VectorScaler,
    "dirichlet": DirichletCalibrator,
    "isotonic": lambda **more: IsotonicCalibrator(per_class=True, **more),
    "isotonic-shared": IsotonicCalibrator,
}

every_kind = pytest.mark.parametrize("kind", MAKERS)
seeds = st.integers(0, 2**32 - 1)


def awkward(seed, rows, classes, extreme):
    """Logits or probabilities with ties, certainties and classes without a row."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (rows, classes)).round(1)
    values = softmax(logits) if extreme else logits
    if extreme:
        certain = rng.random(rows) < 0.3
        values[certain] = np.eye(classes)[rng.integers(classes, size=certain.sum())]
    return values, np.append(rng.integers(max(classes - 1, 1), size=rows - 1), 0)


@every_kind
@settings(max_examples=25)
@given(
    seed=seeds,
    rows=st.integers(2, 60),
    classes=st.integers(2, 5),
    extreme=st.booleans(),
)
def test_probabilities_come_out_and_json_keeps_every_bit(kind, seed, rows, classes, extreme):
    values, labels = awkward(seed, rows, classes, extreme)
    try:
        made = MAKERS[kind]().fit(values, labels)
    except FitError:
        # Labels that have nothing to do with the logits may point away from them.
        assert kind == "temperature"
        return
    probs = made.transform(values)
    assert probs.shape == values.shape
    assert np.all(probs >= 0)
    np.testing.assert_allclose(probs.sum(axis=1), 1, rtol=1e-12)
    again = BaseProbCalibrator.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again.to_dict() == made.to_dict()
    np.testing.assert_array_equal(again.transform(values), probs)
    np.testing.assert_array_equal(made.transform(values[0].tolist()), probs[0])


@every_kind
@settings(max_examples=15)
@given(seed=seeds)
def test_the_order_of_rows_and_of_classes_does_not_matter(kind, seed):
    rng = np.random.default_rng(seed)
    logits, labels = classifier(120, 3, seed)
    rows, columns = rng.permutation(120), rng.permutation(3)
    straight = MAKERS[kind]().fit(2 * logits, labels).transform(2 * logits)
    turned = 2 * logits[rows][:, columns]
    moved = np.argsort(columns)[labels[rows]]
    found = MAKERS[kind]().fit(turned, moved).transform(turned)
    np.testing.assert_allclose(found, straight[rows][:, columns], atol=2e-5)


@every_kind
def test_logits_may_be_shifted_and_probabilities_passed_instead(kind):
    logits, labels = classifier(400, 3)
    straight = MAKERS[kind]().fit(logits, labels).transform(logits)
    lifted = logits + np.random.default_rng(0).normal(0, 5, (400, 1))
    by_probs = MAKERS[kind]().fit(softmax(logits), labels)
    assert by_probs.inputs == "probs"
    np.testing.assert_allclose(
        MAKERS[kind]().fit(lifted, labels).transform(lifted), straight, atol=2e-5
    )
    np.testing.assert_allclose(by_probs.transform(softmax(logits)), straight, atol=2e-5)


@pytest.mark.parametrize("truth", [1e-3, 0.02, 0.5, 1.0, 5.0, 60.0, 1e4])
def test_a_temperature_is_found_wherever_it_lies(truth):
    logits, labels = classifier(4000, 5, seed=1)
    one = TemperatureScaler(prior_rows=0).fit(logits, labels).temperature
    assert one == pytest.approx(1, abs=0.05)
    found = TemperatureScaler(prior_rows=0).fit(truth * logits, labels).temperature
    assert found == pytest.approx(truth * one, rel=1e-10)
    near = TemperatureScaler().fit(truth * logits, labels).temperature
    assert near == pytest.approx(truth * one, rel=1e-2)


@given(seed=seeds, temperature=st.floats(0.01, 100))
def test_a_temperature_keeps_the_order_of_classes_and_cools_evenly(seed, temperature):
    logits, _ = classifier(30, 4, seed)
    probs = TemperatureScaler(temperature).transform(logits)
    ordered = np.take_along_axis(probs, np.argsort(logits, axis=1), axis=1)
    assert np.all(np.diff(ordered, axis=1) >= 0)
    hotter = TemperatureScaler(2 * temperature).transform(logits)
    assert np.all(hotter.max(axis=1) <= probs.max(axis=1))


def test_a_fit_split_without_a_mistake_gives_a_finite_temperature():
    logits = np.array([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [0.0, 2.0]])
    labels = logits.argmax(axis=1)
    assert 0.2 < TemperatureScaler().fit(logits, labels).temperature < 1
    with pytest.raises(FitError, match="keep `prior_rows` above zero"):
        TemperatureScaler(prior_rows=0).fit(logits, labels)
    assert TemperatureScaler().fit(np.eye(2), [0, 1]).transform(np.eye(2)).max() < 1 + 1e-15


def test_columns_in_the_wrong_order_are_refused():
    logits, labels = classifier(200, 3)
    with pytest.raises(FitError, match="columns in the order of the labels"):
        TemperatureScaler().fit(-logits, labels)


def test_logits_that_say_nothing_keep_their_temperature():
    assert TemperatureScaler().fit(np.full((5, 3), 7.0), [0, 1, 2, 0, 0]).temperature == 1


def test_vector_scaling_finds_the_weights_and_biases_that_were_put_in():
    logits, _ = classifier(60_000, 3, seed=2)
    weight, bias = np.array([2.0, 1.0, 0.5]), np.array([1.0, 0.0, -1.0])
    centred = logits - logits.mean(axis=1, keepdims=True)
    labels = draw_labels(softmax(weight * centred + bias), np.random.default_rng(6))
    made = VectorScaler().fit(logits, labels)
    np.testing.assert_allclose(made.weight, weight, atol=0.08)
    np.testing.assert_allclose(made.bias - made.bias.mean(), bias, atol=0.05)


def test_dirichlet_repairs_a_confusion_that_scaling_cannot():
    logits, labels = classifier(20_000, 3, seed=5)
    probs = softmax(logits)
    leak = np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.0, 0.1, 0.9]])
    mixed = probs @ leak
    losses = {
        name: negative_log_likelihood(MAKERS[name]().fit_transform(mixed, labels), labels)
        for name in ("identity", "temperature", "vector", "dirichlet")
    }
    assert losses["dirichlet"] < losses["vector"] < losses["temperature"] < losses["identity"]


def test_a_heavy_penalty_leaves_probabilities_as_they_are():
    logits, labels = classifier(300, 3)
    made = VectorScaler(penalty=1e6).fit(3 * logits, labels)
    np.testing.assert_allclose(made.transform(3 * logits), softmax(3 * logits), atol=1e-4)
    heavy = DirichletCalibrator(penalty=1e6).fit(3 * logits, labels)
    assert np.abs(heavy.weight - np.diag(np.diag(heavy.weight))).max() < 1e-4
    assert np.abs(heavy.bias).max() < 1e-4


@pytest.mark.parametrize("kind", ["temperature", "vector", "dirichlet", "isotonic"])
def test_a_class_without_a_row_keeps_a_finite_probability(kind):
    logits, labels = classifier(500, 4, seed=8)
    kept = labels != 2
    probs = MAKERS[kind]().fit(logits[kept], labels[kept]).transform(logits)
    assert np.isfinite(probs).all()
    assert probs[:, 2].max() > 0


def test_an_isotonic_curve_by_hand():
    p = np.array([0.1, 0.2, 0.2, 0.4, 0.6, 0.9])
    made = IsotonicCalibrator(per_class=True).fit(np.column_stack([1 - p, p]), [0, 1, 0, 0, 1, 1])
    place, height = made.curves[1]
    # Hits 0, (1, 0), 0, 1, 1: the tie has 1/2, and the 0 after it pools to 1/3.
    np.testing.assert_allclose(place, [0.1, 0.2, 0.4, 0.6, 0.9])
    np.testing.assert_allclose(height, [0, 1 / 3, 1 / 3, 1, 1])
    found = made.transform([[0.7, 0.3], [0.5, 0.5]])
    np.testing.assert_allclose(found, [[2 / 3, 1 / 3], [1 / 3, 2 / 3]])


def test_a_shared_isotonic_curve_keeps_the_order_of_classes():
    logits, labels = classifier(800, 4)
    probs = softmax(3 * logits)
    found = IsotonicCalibrator().fit(probs, labels).transform(probs)
    assert np.all(np.diff(np.take_along_axis(found, np.argsort(probs, axis=1), 1), axis=1) >= 0)


def test_a_row_whose_curves_are_all_zero_is_left_as_it_was():
    made = IsotonicCalibrator(per_class=True).fit(
        [[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.0, 0.1, 0.9]], [0, 1, 2]
    )
    np.testing.assert_allclose(made.transform([0.1, 0.1, 0.8]), [0, 0, 1])
    np.testing.assert_allclose(made.transform([[0.1, 0.1, 0.8]]).sum(), 1)
    made.curves = ((np.array([0.0, 1.0]), np.array([0.0, 0.0])),) * 3
    np.testing.assert_array_equal(made.transform([0.2, 0.3, 0.5]), [0.2, 0.3, 0.5])


REFUSALS = {
    "ragged": ([[0.1, 0.9], [0.2, 0.3, 0.5]], [0, 1], r"1 of 2 rows .* first row 1 \(3\)"),
    "nan": ([[0.1, np.nan], [0.2, 0.8]], [0, 1], "not finite in 1 of 2 rows, first at row 0"),
    "column": ([[0.1], [0.2]], [0, 1], "np.column_stack"),
    "text": ([["a", "b"]], [0], "not a number"),
    "labels out of range": (np.eye(2), [0, 2], r"0 to 1.*1 of 2 .* first at row 1 \(2\)"),
    "labels that are parts": (np.eye(2), [0, 0.5], "whole numbers"),
    "labels that are names": (np.eye(2), ["a", "b"], "names.index"),
    "one-hot labels": (np.eye(2), np.eye(2), "argmax"),
    "too few labels": (np.eye(2), [0], "for 2 rows"),
}


@every_kind
@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_calibrated_is_refused_with_the_way_out(kind, case):
    values, labels, words = REFUSALS[case]
    with pytest.raises(InputError, match=words):
        MAKERS[kind]().fit(values, labels)


def test_a_failed_fit_changes_nothing():
    made = TemperatureScaler()
    with pytest.raises(InputError):
        made.fit(np.eye(2), [0, 5])
    assert (made.inputs, made.n_classes) == (None, None)


def test_probabilities_that_were_promised_are_checked():
    with pytest.raises(InputError, match=r"1 of 2 rows do not, first at row 1 \(sum 1.4"):
        IsotonicCalibrator(inputs="probs").fit([[0.5, 0.5], [0.6, 0.8]], [0, 1])
    with pytest.raises(SettingsError, match="'logits', 'probs' or None"):
        TemperatureScaler(inputs="odds")
    made = VectorScaler().fit(softmax(classifier(50, 3)[0]), classifier(50, 3)[1])
    with pytest.raises(InputError, match="softmax"):
        made.transform([[3.0, 1.0, 2.0]])


@pytest.mark.parametrize("kind", ["vector", "dirichlet", "isotonic", "identity"])
def test_what_has_not_been_fitted_says_so(kind):
    with pytest.raises(InputError, match="has not been fitted"):
        MAKERS[kind]().transform([[0.5, 0.5]])


def test_another_number_of_classes_is_refused():
    made = VectorScaler().fit(*classifier(50, 3))
    with pytest.raises(InputError, match="fitted on 3 classes, and 2 columns came"):
        made.transform([[0.4, 0.6]])


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"type": "Platt"}, "type 'Platt'.*DirichletCalibrator"),
        ({"type": "TemperatureScaler"}, "holds no fit: `temperature`"),
        ({"type": "TemperatureScaler", "temperature": -1}, "not positive"),
        ({"type": "TemperatureScaler", "temperature": 1, "format": 9}, "format 9"),
        ({"type": "TemperatureScaler", "temperature": 1, "n_classes": 1}, "n_classes"),
        ({"type": "TemperatureScaler", "temperature": 1, "prior_rows": -1}, "prior_rows"),
        ({"type": "VectorScaler", "n_classes": 3, "weight": [1, 1], "bias": [0, 0]}, r"\(3,\)"),
        (
            {
                "type": "IsotonicCalibrator",
                "n_classes": 2,
                "curves": [{"claimed": [1, 0], "found": [0, 1]}],
            },
            "does not rise",
        ),
    ],
)
def test_a_payload_that_is_not_a_fit_is_refused(payload, words):
    with pytest.raises(ArtifactError, match=words):
        BaseProbCalibrator.from_dict(payload)


def test_a_class_reads_only_its_own_kind():
    payload = TemperatureScaler(2.0).to_dict()
    assert TemperatureScaler.from_dict(payload).temperature == 2
    with pytest.raises(ArtifactError, match="VectorScaler reads VectorScaler"):
        VectorScaler.from_dict(payload)


@pytest.mark.parametrize(
    "make",
    [
        lambda: TemperatureScaler(0),
        lambda: TemperatureScaler(np.nan),
        lambda: VectorScaler(penalty=0),
        lambda: DirichletCalibrator(penalty=-1),
        lambda: VectorScaler(prior_rows=-1),
    ],
)
def test_settings_that_make_no_sense_are_refused(make):
    with pytest.raises(SettingsError):
        make()
