"""Calibration and conformal prediction against other libraries and against plain loops.

MAPIE and crepes for conformal sets and intervals, scikit-learn for isotonic curves, temperatures,
full-matrix calibration and scores. netcal is not among them: it installs torch. Its binned errors
and vector scaling are compared with direct computations here instead.
"""

import warnings

import numpy as np
import pytest
from crepes import ConformalClassifier, ConformalRegressor
from mapie.classification import SplitConformalClassifier
from mapie.regression import ConformalizedQuantileRegressor, SplitConformalRegressor
from scipy.optimize import minimize, minimize_scalar
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss

from errorbar.core.calibrate import (
    DirichletCalibrator,
    IsotonicCalibrator,
    TemperatureScaler,
    VectorScaler,
    brier_score,
    class_scores,
    classwise_calibration_error,
    conformal_quantile,
    expected_calibration_error,
    fit_class_conformal,
    fit_interval_conformal,
    fit_quantile_conformal,
    negative_log_likelihood,
    reliability_curve,
)
from tests.core.calibrate.cases import classifier, softmax

ALPHAS = [0.05, 0.1, 0.32]


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose features are its probabilities."""

    def __init__(self, classes=4):
        self.classes = classes
        self.classes_ = np.arange(classes)

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict_proba(self, X):
        return X

    def predict(self, X):
        return X.argmax(axis=1)


class Column(RegressorMixin, BaseEstimator):
    """A regressor whose prediction is one of its features."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        return X[:, self.column]


def split(rows=400, classes=4, seed=0):
    logits, labels = classifier(2 * rows, classes, seed)
    probs = softmax(1.5 * logits)
    return probs[:rows], labels[:rows], probs[rows:]


def sets_of_mapie(score, probs, labels, far):
    theirs = SplitConformalClassifier(
        Given(), [1 - alpha for alpha in ALPHAS], score, prefit=True, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return theirs.conformalize(probs, labels).predict_set(far)[1]


@pytest.mark.parametrize("seed", range(3))
def test_sets_are_those_of_mapie(seed):
    probs, labels, far = split(seed=seed)
    sets = sets_of_mapie("lac", probs, labels, far)
    ours = fit_class_conformal(probs, labels, alphas=ALPHAS, empty="allow")
    for at, alpha in enumerate(ALPHAS):
        np.testing.assert_array_equal(ours.sets(far, alpha), sets[:, :, at])


@pytest.mark.parametrize("seed", range(3))
def test_adaptive_sets_are_those_of_mapie(seed):
    # MAPIE always draws u in calibration, and by default counts the last class in a set whole.
    probs, labels, far = split(seed=seed)
    sets = sets_of_mapie("aps", probs, labels, far)
    u = np.random.RandomState(0).uniform(size=len(labels))  # noqa: NPY002, as theirs
    true = class_scores(probs, "aps", u)[np.arange(len(labels)), labels]
    whole = class_scores(far, "aps", np.ones(len(far)))
    for at, alpha in enumerate(ALPHAS):
        np.testing.assert_array_equal(whole < conformal_quantile(true, alpha), sets[:, :, at])


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("score", ["lac", "aps", "raps"])
def test_sets_are_those_of_crepes(score, by_class):
    probs, labels, far = split(seed=5)
    true = class_scores(probs, score)[np.arange(len(labels)), labels]
    every = class_scores(far, score)
    theirs = ConformalClassifier().fit(true, bins=labels if by_class else None)
    ours = fit_class_conformal(
        probs, labels, alphas=ALPHAS, score=score, by_class=by_class, empty="allow"
    )
    for alpha in ALPHAS:
        bins = np.tile(np.arange(4), (len(far), 1)) if by_class else None
        if by_class:
            columns = [
                theirs.predict_set(
                    every[:, [k]], bins=np.full(len(far), k), confidence=1 - alpha, smoothing=False
                )[:, 0]
                for k in bins[0]
            ]
            sets = np.column_stack(columns)
        else:
            sets = theirs.predict_set(every, confidence=1 - alpha, smoothing=False)
        np.testing.assert_array_equal(ours.sets(far, alpha), sets.astype(bool))


@pytest.mark.parametrize("randomised", [False, True])
@pytest.mark.parametrize("score", ["aps", "raps"])
def test_scores_are_those_of_a_plain_loop(score, randomised):
    probs, _, _ = split(60, 5)
    u = np.random.default_rng(3).random(60)
    wanted = np.empty(probs.shape)
    for i, row in enumerate(probs):
        for k, p in enumerate(row):
            likelier = row[row > p].sum()
            wanted[i, k] = likelier + (1 - u[i] if randomised else 1) * p
            if score == "raps":
                wanted[i, k] += 0.05 * max(0, (row >= p).sum() - 2)
    found = class_scores(probs, score, u if randomised else None, penalty=0.05, free_rank=2)
    np.testing.assert_allclose(found, wanted, atol=1e-14)


def line(rows, seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, rows)
    sd = 0.1 + x
    return np.column_stack([3 * x - sd, 3 * x + sd, 3 * x]), sd, 3 * x + sd * rng.normal(size=rows)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_quantile_intervals_are_those_of_mapie(symmetric, alpha):
    features, _, y = line(500, 1)
    far, _, _ = line(300, 2)
    theirs = ConformalizedQuantileRegressor(
        [Column(0), Column(1), Column(2)], confidence_level=1 - alpha, prefit=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.conformalize(features, y)
        _, ends = theirs.predict_interval(far, symmetric_correction=symmetric)
    ours = fit_quantile_conformal(
        features[:, 0], features[:, 1], y, alpha=alpha, symmetric=symmetric
    )
    np.testing.assert_allclose(ours.between(far[:, 0], far[:, 1], alpha), ends[:, :, 0], rtol=1e-12)


def test_intervals_are_those_of_mapie_and_crepes():
    features, sd, y = line(500, 3)
    far, far_sd, _ = line(300, 4)
    plain = fit_interval_conformal(features[:, 2], y)
    theirs = SplitConformalRegressor(Column(2), [1 - alpha for alpha in ALPHAS])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, ends = theirs.conformalize(features, y).predict_interval(far)
    for at, alpha in enumerate(ALPHAS):
        np.testing.assert_allclose(plain.around(far[:, 2], alpha), ends[:, :, at], rtol=1e-12)
    residuals = y - features[:, 2]
    bins, far_bins = (features[:, 2] > 1.5).astype(int), (far[:, 2] > 1.5).astype(int)
    scaled = fit_interval_conformal(features[:, 2], y, spread=sd, strata=bins)
    crepes = ConformalRegressor().fit(residuals, sigmas=sd, bins=bins)
    for alpha in ALPHAS:
        wanted = crepes.predict_int(far[:, 2], sigmas=far_sd, bins=far_bins, confidence=1 - alpha)
        found = scaled.around(far[:, 2], alpha, spread=far_sd, strata=far_bins)
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_isotonic_curves_are_those_of_scikit_learn():
    probs, labels, far = split(500, 3, seed=6)
    # Ties, and no two values that differ by rounding only, which scikit-learn takes for one.
    probs, far = ((64 * p).astype(int) for p in (probs, far))
    probs, far = (np.column_stack([64 - p[:, 1:].sum(axis=1), p[:, 1:]]) / 64 for p in (probs, far))
    made = IsotonicCalibrator(per_class=True).fit(probs, labels)
    columns = [
        IsotonicRegression(out_of_bounds="clip").fit(probs[:, k], labels == k).predict(far[:, k])
        for k in range(3)
    ]
    wanted = np.column_stack(columns)
    np.testing.assert_allclose(
        made.transform(far), wanted / wanted.sum(axis=1, keepdims=True), atol=1e-12
    )


@pytest.mark.parametrize("factor", [0.05, 1, 30])
def test_temperatures_are_those_of_a_search_without_slopes(factor):
    logits, labels = classifier(1500, 5, seed=2)
    logits = factor * logits

    def loss(log_temperature):
        return negative_log_likelihood(softmax(logits / np.exp(log_temperature)), labels)

    wanted = np.exp(minimize_scalar(loss, bracket=(-5, 5), tol=1e-12).x)
    found = TemperatureScaler(prior_rows=0).fit(logits, labels).temperature
    assert found == pytest.approx(wanted, rel=1e-6)


def test_vector_scaling_is_the_likeliest_of_its_family():
    logits, labels = classifier(800, 3, seed=3)
    logits = logits * [1, 2, 0.5] + [0, 1, -1]
    centred = logits - logits.mean(axis=1, keepdims=True)

    def loss(free):
        return negative_log_likelihood(softmax(centred * free[:3] + free[3:]), labels)

    start = np.array([1.0, 1, 1, 0, 0, 0])
    wanted = minimize(loss, start, method="Powell", options={"xtol": 1e-9, "ftol": 1e-14}).fun
    made = VectorScaler(penalty=1e-9, prior_rows=0).fit(logits, labels)
    found = negative_log_likelihood(made.transform(logits), labels)
    assert found == pytest.approx(wanted, abs=1e-7)


def test_an_unpenalised_matrix_is_multinomial_regression_on_logarithms():
    probs, labels, far = split(3000, 3, seed=4)
    made = DirichletCalibrator(penalty=1e-9, prior_rows=0).fit(probs, labels)
    theirs = LogisticRegression(C=1e9, tol=1e-10, max_iter=10_000).fit(np.log(probs), labels)
    np.testing.assert_allclose(made.transform(far), theirs.predict_proba(np.log(far)), atol=2e-4)


def test_scores_are_those_of_scikit_learn():
    probs, labels, _ = split(700, 4)
    assert negative_log_likelihood(probs, labels) == pytest.approx(log_loss(labels, probs))
    theirs = brier_score_loss(labels, probs, scale_by_half=False)
    assert brier_score(probs, labels) == pytest.approx(theirs)


@pytest.mark.parametrize(("strategy", "theirs"), [("width", "uniform"), ("mass", "quantile")])
def test_curves_are_those_of_scikit_learn(strategy, theirs):
    rng = np.random.default_rng(1)
    p = rng.random(1000)
    y = rng.random(1000) < p
    share, mean = calibration_curve(y, p, n_bins=10, strategy=theirs)
    _, acc, conf, counts = reliability_curve(p, y, 10, strategy=strategy)
    # Quantiles cut between rows there and before a row here: one row may change its bin.
    close = 1e-12 if strategy == "width" else 0.02
    np.testing.assert_allclose(acc, share, atol=close)
    np.testing.assert_allclose(conf, mean, atol=close)
    assert counts.sum() == 1000


def test_calibration_errors_are_those_of_a_plain_loop():
    probs, labels, _ = split(900, 4)

    def loop(claim, hit):
        total = 0.0
        for b in range(15):
            rows = (claim >= b / 15) & ((claim < (b + 1) / 15) | (b == 14))
            if rows.any():
                total += rows.mean() * abs(hit[rows].mean() - claim[rows].mean())
        return total

    wanted = loop(probs.max(axis=1), probs.argmax(axis=1) == labels)
    assert expected_calibration_error(probs, labels) == pytest.approx(wanted, abs=1e-14)
    wanted = [loop(probs[:, k], labels == k) for k in range(4)]
    np.testing.assert_allclose(classwise_calibration_error(probs, labels), wanted, atol=1e-14)
