"""Numbers of an audit beside those of scikit-learn, MAPIE and SciPy."""

import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss, mean_pinball_loss

from errorbar.core.audit import audit_intervals, audit_probabilities, read_claims
from errorbar.core.audit.class_tables import reliability_table
from errorbar.core.audit.mend import fit_mend
from errorbar.core.audit.scores import interval_score
from errorbar.core.audit.units import read_units
from tests.core.audit.cases import QUANTILES, classes, numbers, softmax

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from crepes import ConformalRegressor
    from mapie.metrics.regression import regression_coverage_score, regression_mean_width_score

ROWS = 2000


def questions(found, kind):
    rows = found.verdict.questions
    return float(rows.filter((rows["by"] == "") & (rows["question"] == kind))["chance"][0])


def test_chances_are_those_of_the_tests_of_scipy():
    sd, errors, _, _ = numbers(ROWS, 1)
    found = audit_intervals(sd * errors, 0 * sd, sd=sd, trials=10)
    assert questions(found, "biased") == pytest.approx(stats.ttest_1samp(errors, 0).pvalue)
    square = (ROWS - 1) * errors.var(ddof=1)
    sides = stats.chi2.cdf(square, ROWS - 1), stats.chi2.sf(square, ROWS - 1)
    wide = "too narrow" if errors.std(ddof=1) > 1 else "too wide"
    assert questions(found, wide) == pytest.approx(2 * min(sides))
    heavy = "heavy tails" if stats.kurtosis(errors) > 0 else "light tails"
    assert questions(found, heavy) == pytest.approx(stats.kurtosistest(errors).pvalue)
    assert questions(found, "skewed") == pytest.approx(stats.skewtest(errors).pvalue)
    wanted = stats.kstest(errors, "norm").pvalue
    assert questions(found, "shape") == pytest.approx(wanted, abs=0.01)


def test_coverage_and_width_are_those_of_mapie():
    sd, errors, _, _ = numbers(ROWS, 2)
    truth, low, high = 1.2 * sd * errors, -1.645 * sd, 1.645 * sd
    found = audit_intervals(truth, lower=low, upper=high, level=0.9, trials=10)
    ends = np.stack([low, high], axis=1)[:, :, None]
    assert found.value("coverage_90") == pytest.approx(regression_coverage_score(truth, ends)[0])
    assert found.value("width_90") == pytest.approx(regression_mean_width_score(ends)[0])


def test_the_quantile_score_is_twice_the_pinball_loss_of_scikit_learn():
    sd, errors, _, _ = numbers(ROWS, 3)
    truth = sd * errors
    quantiles = {at: q * sd for at, q in QUANTILES.items()}
    found = audit_intervals(truth, quantiles=quantiles, trials=10).value("quantile_score")
    losses = [mean_pinball_loss(truth, q, alpha=at) for at, q in quantiles.items()]
    assert found == pytest.approx(2 * np.mean(losses))
    # The interval score is the same loss at its two ends.
    score = interval_score(truth, quantiles[0.05], quantiles[0.95], 0.9).mean()
    assert score == pytest.approx((losses[0] + losses[-1]) / 0.05)


def test_conformal_factors_are_those_of_crepes():
    sd, errors, _, _ = numbers(500, 4)
    claims = read_claims(1.4 * sd * errors, 0 * sd, sd=sd)
    made = fit_mend(claims, read_units(None, 500), "conformal", (0.68, 0.9))
    theirs = ConformalRegressor().fit(1.4 * sd * errors, sigmas=sd)
    for level, (low, high) in made.intervals(claims).items():
        wanted = theirs.predict_int(0 * sd, sigmas=sd, confidence=level)
        np.testing.assert_allclose(np.column_stack([low, high]), wanted, rtol=1e-9)


def test_scores_of_probabilities_are_those_of_scikit_learn():
    logits, labels, _, _ = classes(ROWS, 5)
    probs = softmax(logits)
    found = audit_probabilities(labels, probs, trials=10)
    assert found.value("nll") == pytest.approx(log_loss(labels, probs))
    wanted = brier_score_loss(labels, probs, scale_by_half=False)
    assert found.value("brier") == pytest.approx(wanted)


def test_reliability_is_that_of_scikit_learn():
    rng = np.random.default_rng(6)
    p = rng.random(ROWS)
    y = (rng.random(ROWS) < p).astype(float)
    table = reliability_table(p, y, read_units(None, ROWS), 10)
    share, mean = calibration_curve(y, p, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(table["found"], share, atol=0.006)
    np.testing.assert_allclose(table["claimed"], mean, atol=0.003)
