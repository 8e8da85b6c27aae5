import numpy as np
import pytest

from errorbar.core.errors import InputError, SettingsError
from errorbar.hmf.fit.covariance import FactorErrors, coefficient_errors
from errorbar.hmf.fit.infer import infer_coefficients
from errorbar.hmf.model import StudentTLikelihood
from errorbar.hmf.summary import (
    calibrate_coefficients,
    calibrate_objects,
    find_outliers,
    merge_catalogues,
    outlier_catalogue,
    score_coefficients,
    score_objects,
)

PIXELS = 300.0


def errors_of(C, free=None):
    rows, rank = C.shape[:2]
    unknown = ~np.isfinite(C).all((1, 2))
    kept = np.full(rows, PIXELS)
    return FactorErrors(C, kept, rank if free is None else free, unknown, np.zeros(rows, bool))


def locus(seed, rows, signal):
    """Objects on a curved locus of two parts: coefficients and their covariances."""
    rng = np.random.default_rng(seed)
    t = 2.5 * rng.beta(1, 3, rows)
    apart = np.where(rng.random(rows) < 0.2, 0.8, 0.0)
    d = np.stack([np.cos(t), np.sin(t), 0.4 * np.sin(3 * t) + apart, np.zeros(rows)], axis=1)
    d += [0.03, 0.03, 0.03, 0.1] * rng.normal(size=d.shape)
    root = np.eye(4) + 0.3 * rng.normal(size=(rows, 4, 4))
    bright = signal * np.exp(rng.normal(size=rows))[:, None]
    a = bright * d + np.einsum("nij,nj->ni", root, rng.normal(size=d.shape))
    return a, root @ root.transpose(0, 2, 1)


def strange(seed, rows, signal):
    """Objects far from the locus, on which their basis fits them as well as any."""
    a, C = locus(seed, rows, signal)
    a[:, 2], a[:, 3] = -a[:, 2], a[:, 3] + 0.8 * np.linalg.norm(a, axis=1)
    return a, C


@pytest.mark.heavy
@pytest.mark.parametrize("signal", [5.0, 30.0, 300.0])
def test_ordinary_objects_are_called_odd_as_often_as_asked_for_and_faint_ones_no_oftener(signal):
    rate, odd, faint, low = 0.01, [], [], []
    for seed in range(2):
        a, C = locus(seed, 1000, signal)
        rule = calibrate_coefficients(a, errors_of(C), false_alarm=rate)
        b, D = locus(100 + seed, 4000, signal)
        found = score_coefficients(b, errors_of(D), rule)
        odd.append(found.odd.mean())
        low.append(found.odd[found.signal < np.quantile(found.signal, 0.2)].mean())
        faint.append((found.faint > rule.critical_faint).mean())
    assert 0.1 * rate < np.mean(odd) < 2 * rate
    assert np.mean(low) < 2 * rate
    assert np.mean(faint) < 2 * rate


@pytest.mark.parametrize(("signal", "least"), [(30.0, 0.9), (300.0, 0.99)])
def test_coefficients_unlike_all_others_are_found(signal, least):
    a, C = locus(0, 800, signal)
    rule = calibrate_coefficients(a, errors_of(C))
    found = score_coefficients(*with_errors(strange(1, 200, signal)), rule)
    assert found.odd.mean() > least
    assert not found.empty.any()


def with_errors(given):
    return given[0], errors_of(given[1])


def test_neither_brightness_nor_a_rotation_of_the_basis_is_oddness():
    a, C = locus(0, 400, 100.0)
    b, D = locus(1, 100, 100.0)
    rule = calibrate_coefficients(a, errors_of(C))
    plain = score_coefficients(b, errors_of(D), rule)
    brighter = score_coefficients(7 * b, errors_of(49 * D), rule)
    np.testing.assert_allclose(brighter.unlike, plain.unlike, rtol=1e-6, atol=1e-8)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(4, 4)))[0]
    turned = score_coefficients(
        b @ turn,
        errors_of(turn.T @ D @ turn),
        calibrate_coefficients(a @ turn, errors_of(turn.T @ C @ turn)),
    )
    np.testing.assert_allclose(turned.unlike, plain.unlike, atol=1e-4)
    np.testing.assert_allclose(turned.signal, plain.signal, rtol=1e-9)


def test_brightness_counts_if_asked_for():
    a, C = locus(0, 400, 100.0)
    a /= np.linalg.norm(a, axis=1)[:, None]
    C = C / 1e4
    rule = calibrate_coefficients(a, errors_of(C), directions=False)
    assert score_coefficients(5 * a, errors_of(C), rule).odd.all()
    assert score_coefficients(a, errors_of(C), rule).odd.mean() < 0.02


def test_spectra_without_signal_are_found_also_where_they_are_one_in_four():
    a, C = locus(0, 600, 1000.0)
    nothing = np.random.default_rng(1).normal(size=(200, 4))
    both = (
        np.concatenate([a, nothing]),
        errors_of(np.concatenate([C, np.tile(np.eye(4), (200, 1, 1))])),
    )
    found = score_coefficients(*both, calibrate_coefficients(*both))
    assert found.empty[600:].all()
    assert not found.empty[:600].any()
    assert found.odd[:600].mean() < 0.02
    assert not found.odd[600:].any(), "what is empty is not unlike the others too"
    none = calibrate_coefficients(*both, least_signal=0.0)
    assert not score_coefficients(*both, none).empty.any()


def test_rows_of_which_nothing_is_known_are_neither_flagged_nor_learnt_from():
    a, C = locus(0, 200, 100.0)
    rule = calibrate_coefficients(a, errors_of(C))
    a, C = np.concatenate([np.zeros((3, 4)), a]), np.concatenate([np.zeros((3, 4, 4)), C])
    C[:3] = np.where(np.eye(4) > 0, np.inf, 0.0)
    again = calibrate_coefficients(a, errors_of(C))
    assert (again.objects, again.critical) == (200, rule.critical)
    found = score_coefficients(a, errors_of(C), again)
    assert np.isnan(found.unlike[:3]).all()
    assert not found.flags[:3].any()
    assert np.isfinite(found.unlike[3:]).all()


def test_one_coefficient_is_odd_by_its_sign_alone():
    rng = np.random.default_rng(0)
    a, C = rng.uniform(50, 100, (100, 1)), np.ones((100, 1, 1))
    rule = calibrate_coefficients(a, errors_of(C))
    assert not score_coefficients(a, errors_of(C), rule).flags.any()
    assert score_coefficients(-a, errors_of(C), rule).odd.all()


def test_copies_of_one_object_do_no_harm():
    a, C = np.tile([[30.0, 10.0]], (50, 1)), np.tile(np.eye(2), (50, 1, 1))
    found = score_coefficients(a, errors_of(C), calibrate_coefficients(a, errors_of(C)))
    assert np.isfinite(found.unlike).all()
    assert not found.flags.any()


def test_a_poorly_known_training_set_is_learnt_from_all_the_same():
    a, C = locus(0, 100, 0.5)
    rule = calibrate_coefficients(a, errors_of(C))
    assert len(rule.references) >= 20
    assert score_coefficients(*with_errors(locus(1, 400, 0.5)), rule).odd.mean() < 0.02


def test_large_training_sets_are_thinned_by_the_seed():
    a, C = locus(0, 2500, 100.0)
    one, same, other = (
        calibrate_coefficients(a, errors_of(C), seed=seed).references for seed in (0, 0, 1)
    )
    assert len(one) == 2000
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_what_cannot_be_learnt_from_is_refused():
    a, C = locus(0, 60, 100.0)
    with pytest.raises(SettingsError, match="one in a thousand"):
        calibrate_coefficients(a, errors_of(C), false_alarm=0.1)
    with pytest.raises(SettingsError, match="neighbours=0"):
        calibrate_coefficients(a, errors_of(C), neighbours=0)
    with pytest.raises(SettingsError, match="least_signal=-1"):
        calibrate_coefficients(a, errors_of(C), least_signal=-1)
    with pytest.raises(InputError, match="19 training objects"):
        calibrate_coefficients(a[:19], errors_of(C[:19]))
    with pytest.raises(InputError, match="same state"):
        calibrate_coefficients(a[:30], errors_of(C))
    mean = errors_of(C, free=3)
    with pytest.raises(SettingsError, match="directions=False"):
        calibrate_coefficients(a, mean)
    rule = calibrate_coefficients(a, mean, directions=False)
    assert rule.references.shape[1] == 3
    with pytest.raises(InputError, match="3 free coefficients"):
        score_coefficients(a, errors_of(C), rule)


# In the list of outliers.


@pytest.fixture(scope="module")
def spectra():
    """Stars on a basis that holds them all, one with odd coefficients, one fibre without light."""
    rng = np.random.default_rng(0)
    x = np.linspace(0, 1, 200)
    G = np.linalg.qr(np.stack([np.ones(200), x, np.sin(6 * x), np.cos(9 * x)], axis=1))[0]
    A = locus(0, 120, 300.0)[0]
    A[7] = strange(1, 1, 300.0)[0]
    A[8] = 0
    Y, W = A @ G.T + rng.normal(size=(120, 200)), np.ones((120, 200))
    likelihood = StudentTLikelihood(1.0, 5.0)
    B = infer_coefficients(Y, W, G, likelihood).A
    scores = score_objects(Y, W, B, G, likelihood.c)
    errors = coefficient_errors(Y, W, B, G, likelihood)
    return Y, W, B, G, calibrate_objects(scores, false_alarm=1e-3), errors


def test_an_object_is_an_outlier_for_its_coefficients_and_told_so(spectra):
    Y, W, A, G, rule, errors = spectra
    plain = find_outliers(Y, W, A, G, rule)
    assert not plain.objects[[7, 8]].any()
    assert plain.coefficients is None
    scores = score_coefficients(A, errors, calibrate_coefficients(A, errors))
    found = find_outliers(Y, W, A, G, rule, coefficients=scores)
    assert found.objects[[7, 8]].all()
    np.testing.assert_array_equal(found.misfits, plain.objects)
    np.testing.assert_array_equal(found.objects, plain.objects | scores.flags)
    names = [f"star {row}" for row in range(120)]
    told = outlier_catalogue(found, names, np.arange(1.0, 201.0), bin="a")
    reasons = dict(told.filter(kind="object").select("id", "reason").iter_rows())
    assert reasons["star 7"].startswith("coefficients unlike the others by")
    assert reasons["star 8"].startswith("no signal: its model has 0.")
    both = merge_catalogues([told, outlier_catalogue(found, names, np.arange(1.0, 201.0), bin="b")])
    assert both.filter(kind="object", id="star 7")["bins"].to_list() == [["a", "b"]]


def test_without_scores_of_coefficients_nothing_changes(spectra):
    Y, W, A, G, rule, _ = spectra
    names, axis = range(120), np.arange(1.0, 201.0)
    told = outlier_catalogue(find_outliers(Y, W, A, G, rule), names, axis)
    assert not any("coefficients" in reason or "signal" in reason for reason in told["reason"])


def test_scores_of_other_objects_are_refused(spectra):
    Y, W, A, G, rule, errors = spectra
    scores = score_coefficients(A, errors, calibrate_coefficients(A, errors))
    with pytest.raises(InputError, match="120 objects"):
        find_outliers(Y[:50], W[:50], A[:50], G, rule, coefficients=scores)
