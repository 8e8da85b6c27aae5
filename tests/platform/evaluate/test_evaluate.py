"""Scores are those of scikit-learn, intervals those of drawing groups by hand, pages are whole."""

import json

import numpy as np
import polars as pl
import pytest
from sklearn import metrics

from errorbar.core.calibrate import fit_class_conformal
from errorbar.core.errors import InputError
from errorbar.platform.evaluate import ClassSets, evaluate_classes, evaluate_numbers
from errorbar.platform.evaluate.pages import write_evaluation_json, write_evaluation_page

NAMES = ("dwarf", "giant", "hot", "odd")


def some_classes(rows=3000, seed=0, groups=800):
    random = np.random.default_rng(seed)
    labels = random.choice(4, rows, p=[0.5, 0.3, 0.15, 0.05])
    logits = random.normal(size=(rows, 4))
    logits[np.arange(rows), labels] += 2.0
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, probs, random.integers(0, groups, rows)


def some_numbers(rows=4000, seed=0, groups=400):
    random = np.random.default_rng(seed)
    star = random.integers(0, groups, rows)
    truth = random.normal(5500, 800, rows)
    error = 60 * random.normal(size=groups)[star] + 80 * random.standard_t(4, rows)
    return truth, truth + error + 5, star


@pytest.fixture(scope="module")
def classes():
    labels, probs, star = some_classes()
    side = np.random.default_rng(1).choice(["north", "south"], len(labels))
    made = fit_class_conformal(*some_classes(seed=5)[1::-1], alphas=[0.1], empty="allow")
    sets = ClassSets("lac", 0.1, made.sets(probs, 0.1), 3000)
    return evaluate_classes(
        np.array(NAMES)[labels], probs, NAMES, groups=star, slices={"side": side}, sets=[sets],
        before=probs**2 / (probs**2).sum(axis=1, keepdims=True), trials=200,
    )  # fmt: skip


def test_scores_of_classes_are_those_of_scikit_learn(classes):
    labels, probs, _ = some_classes()
    called = probs.argmax(axis=1)
    expected = {
        "accuracy": metrics.accuracy_score(labels, called),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, called),
        "macro_f1": metrics.f1_score(labels, called, average="macro"),
        "mcc": metrics.matthews_corrcoef(labels, called),
        "roc_auc_ovr": metrics.roc_auc_score(labels, probs, multi_class="ovr"),
        "pr_auc_ovr": np.mean(
            [metrics.average_precision_score(labels == at, probs[:, at]) for at in range(4)]
        ),
    }
    for name, value in expected.items():
        assert classes.value(name) == pytest.approx(value, abs=1e-12), name
    np.testing.assert_array_equal(classes.confusion, metrics.confusion_matrix(labels, called))
    kinds = zip(("precision", "recall", "f1"), metrics.precision_recall_fscore_support(
        labels, called))  # fmt: skip
    for kind, values in kinds:
        own = classes.classes.filter(pl.col("quantity") == kind)
        assert own["slice"].to_list() == list(NAMES)
        np.testing.assert_allclose(own["value"], values, atol=1e-12)
    areas = classes.classes.filter(pl.col("quantity") == "roc_auc")["value"]
    own = [metrics.roc_auc_score(labels == at, probs[:, at]) for at in range(4)]
    np.testing.assert_allclose(areas, own, atol=1e-12)


def test_ties_and_two_classes_are_scored_as_scikit_learn_does():
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, 500)
    claim = np.round(np.clip(0.5 + 0.2 * (labels - 0.5) + 0.2 * random.normal(size=500), 0, 1), 1)
    found = evaluate_classes(
        np.array(["a", "b"])[labels], np.column_stack([1 - claim, claim]), ("a", "b"), trials=50
    )
    own = found.classes.filter(pl.col("slice") == "b")
    value = dict(own.select("quantity", "value").rows())
    assert value["roc_auc"] == pytest.approx(metrics.roc_auc_score(labels, claim), abs=1e-12)
    assert value["pr_auc"] == pytest.approx(
        metrics.average_precision_score(labels, claim), abs=1e-12
    )


def by_hand(score, star, trials=400, seed=1):
    """A score of whole groups drawn again and again."""
    random = np.random.default_rng(seed)
    places = [np.flatnonzero(star == each) for each in np.unique(star)]
    drawn = []
    for _ in range(trials):
        lot = random.integers(0, len(places), len(places))
        drawn.append(score(np.concatenate([places[at] for at in lot])))
    return np.quantile(drawn, [0.025, 0.975])


def ends(frame, name):
    row = frame.filter((pl.col("quantity") == name) & (pl.col("by") == "")).row(0, named=True)
    return row["low"], row["high"]


def test_intervals_of_classes_are_those_of_drawing_stars_by_hand():
    labels, probs, star = some_classes(rows=1500, groups=200)
    called = probs.argmax(axis=1)
    found = evaluate_classes(np.array(NAMES)[labels], probs, NAMES, groups=star, trials=2000).scores
    scores = {
        "macro_f1": lambda r: metrics.f1_score(labels[r], called[r], average="macro"),
        "mcc": lambda r: metrics.matthews_corrcoef(labels[r], called[r]),
        "roc_auc_ovr": lambda r: metrics.roc_auc_score(labels[r], probs[r], multi_class="ovr"),
    }
    for name, score in scores.items():
        low, high = by_hand(score, star)
        width = high - low
        assert ends(found, name) == pytest.approx((low, high), abs=0.2 * width), name


def test_scores_of_numbers_are_what_they_are_called():
    truth, told, star = some_numbers()
    found = evaluate_numbers(truth, told, groups=star, sd=np.full(len(truth), 120.0), trials=1000)
    error = told - truth
    middle = np.median(error)
    sigma = 1.482602218505602 * np.median(np.abs(error - middle))
    expected = {
        "bias": error.mean(),
        "rmse": np.sqrt(metrics.mean_squared_error(truth, told)),
        "mae": metrics.mean_absolute_error(truth, told),
        "r2": metrics.r2_score(truth, told),
        "median_error": middle,
        "robust_sigma": sigma,
        "outliers": (np.abs(error - middle) > 3 * sigma).mean(),
    }
    for name, value in expected.items():
        assert found.value(name) == pytest.approx(value, rel=1e-9), name
    scores = {
        "rmse": lambda r: np.sqrt((error[r] ** 2).mean()),
        "median_error": lambda r: np.median(error[r]),
        "r2": lambda r: metrics.r2_score(truth[r], told[r]),
    }
    for name, score in scores.items():
        low, high = by_hand(score, star)
        assert ends(found.scores, name) == pytest.approx((low, high), abs=0.2 * (high - low)), name
    assert found.audit is not None


def test_sets_are_judged_by_class_size_and_slice(classes):
    table = classes.sets
    assert table["by"].unique(maintain_order=True).to_list() == ["", "class", "size", "side"]
    whole = table.row(0, named=True)
    labels, *_ = some_classes()
    assert whole["rows"] == len(labels)
    assert whole["band_low"] < whole["coverage"] < whole["band_high"]
    by_class = table.filter(pl.col("by") == "class")
    assert by_class["rows"].to_list() == np.bincount(labels).tolist()
    # One threshold for all promises nothing of a class.
    assert by_class["band_low"].null_count() == 4
    sizes = table.filter(pl.col("by") == "size")
    assert sizes["rows"].sum() == len(labels)


def test_probabilities_are_audited_before_and_after(classes):
    assert classes.before is not None
    assert classes.before.value("ece") != classes.audit.value("ece")


def test_levels_of_a_slice_keep_their_order():
    truth, told, _ = some_numbers()
    found = evaluate_numbers(truth, told, slices={"truth": truth}, trials=50).scores
    levels = found.filter(pl.col("by") == "truth")["slice"].unique(maintain_order=True).to_list()
    assert [float(each.split(" ")[0]) for each in levels] == sorted(
        float(each.split(" ")[0]) for each in levels
    )


def test_an_evaluation_is_a_page_and_json(classes, tmp_path):
    page = write_evaluation_page(classes, tmp_path / "page.html", warnings=("Look here.",))
    text = page.read_text("utf-8")
    for words in ("Who is taken for whom", "Look here.", "Sets lac at 0.9", "By side"):
        assert words in text
    found = json.loads(write_evaluation_json(classes, tmp_path / "e.json").read_text("utf-8"))
    assert found["names"] == list(NAMES)
    assert {row["quantity"] for row in found["scores"]} >= {"accuracy", "macro_f1", "mcc"}
    truth, told, star = some_numbers(800)
    value = evaluate_numbers(truth, told, name="Teff (K)", groups=star, trials=50)
    page = write_evaluation_page(value, tmp_path / "numbers.html")
    assert "Predicted Teff (K)" in page.read_text("utf-8")
    assert "calibration" not in json.loads(
        write_evaluation_json(value, tmp_path / "n.json").read_text("utf-8")
    )


def test_what_is_wrong_is_said():
    labels, probs, _ = some_classes(50)
    names = np.array(NAMES)[labels]
    names[7] = "quasar"
    with pytest.raises(InputError, match=r"none of dwarf, .* in 1 of 50 rows, first at row 7"):
        evaluate_classes(names, probs, NAMES)
    with pytest.raises(InputError, match="one column"):
        evaluate_numbers([], [])
    with pytest.raises(InputError, match="`truth` has 3 values for 50"):
        evaluate_classes(["dwarf"] * 3, probs, NAMES)
    with pytest.raises(InputError, match="sets 'x' are"):
        evaluate_classes(
            np.array(NAMES)[labels], probs, NAMES, sets=[ClassSets("x", 0.1, probs[:3] > 0.1)]
        )
    found = evaluate_numbers([1.0, 2.0, 4.0], [1.0, 2.5, 4.0], trials=20)
    with pytest.raises(InputError, match="there is no 'accuracy'"):
        found.value("accuracy")
