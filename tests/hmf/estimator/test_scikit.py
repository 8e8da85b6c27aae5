"""`RobustHMF` keeps scikit-learn's manners."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from errorbar.hmf.estimator.scikit import RobustHMF
from errorbar.hmf.fit.als import Factorisation
from tests.hmf.fit.plain import some_data


@parametrize_with_checks([RobustHMF(1, max_iter=30, conv_strategy="none")])
def test_the_estimator_checks_pass(estimator, check):
    check(estimator)


def test_rows_come_back_from_their_coefficients():
    Y, W, A, G = some_data(150, 60, 3, noise=0.01)
    model = RobustHMF(3).fit(Y, W=W)
    again = model.inverse_transform(model.transform(Y, W))
    assert np.sqrt(np.mean((again - A @ G.T) ** 2)) < 0.01
    assert model.n_features_in_ == 60
    assert model.converged_


def test_without_weights_a_gap_is_missing():
    Y, _, _, _ = some_data(100, 40, 2, missing=0.2)
    W = np.isfinite(Y).astype(float)
    one, two = RobustHMF(2).fit(Y), RobustHMF(2).fit(Y, W=W)
    assert np.array_equal(one.components_, two.components_)


def test_with_normal_errors_it_finds_the_subspace_of_a_pca():
    Y, _, _, _ = some_data(100, 30, 5, missing=0.0)
    Y -= Y.mean(0)
    model = RobustHMF(2, robust=False, conv_tol=1e-12).fit(Y)
    pca = PCA(2).fit(Y)
    cosines = np.linalg.svd(model.components_ @ pca.components_.T, compute_uv=False)
    np.testing.assert_allclose(cosines, 1, atol=1e-6)
    np.testing.assert_allclose(
        np.abs(np.sum(model.components_ * pca.components_, axis=1)), 1, atol=1e-5
    )


def test_a_clone_is_fresh_and_fits_alike():
    Y, W, _, _ = some_data(80, 30, 2)
    model = RobustHMF(2, robust_scale=2.0).fit(Y, W=W)
    again = clone(model)
    assert not hasattr(again, "components_")
    assert again.get_params() == model.get_params()
    assert np.array_equal(again.fit(Y, W=W).components_, model.components_)


def test_the_score_of_the_true_rank_is_better_than_of_one_too_few():
    Y, W, _, _ = some_data(200, 60, 3, noise=0.05)
    scores = [RobustHMF(k).fit(Y[:100], W=W[:100]).score(Y[100:], W=W[100:]) for k in (2, 3)]
    assert scores[1] > scores[0]


def test_it_stands_in_a_pipeline():
    Y, _, _, _ = some_data(60, 30, 2, missing=0.0)
    found = make_pipeline(StandardScaler(), RobustHMF(2)).fit_transform(Y)
    assert found.shape == (60, 2)


def test_coefficients_of_another_rank_are_refused():
    Y, W, _, _ = some_data(60, 30, 2)
    with pytest.raises(ValueError, match="the basis has 2 vectors"):
        RobustHMF(2).fit(Y, W=W).inverse_transform(np.zeros((3, 5)))


def test_the_steps_of_gradients_are_those_asked_for(monkeypatch):
    seen = []

    def fit_sgd(Y, W, start, *_, sgd, **__):
        seen.append((sgd.learning_rate, sgd.batch_rows, sgd.optimizer))
        return Factorisation(start, np.zeros(1), True)

    monkeypatch.setattr("errorbar.hmf.fit.run.fit_sgd", fit_sgd)
    Y, W, _, _ = some_data(60, 30, 2)
    RobustHMF(2, method="sgd", learning_rate=0.2, batch_rows=16, optimizer="adam").fit(Y, W=W)
    assert seen == [(0.2, 16, "adam")]
