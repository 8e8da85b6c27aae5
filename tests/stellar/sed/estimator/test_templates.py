"""Templates: recovery, closed form against brute force, and Planck's limits."""

import numpy as np
import pytest
from scipy import stats

from errorbar.core.errors import FitError, InputError
from errorbar.stellar.sed import SEDTemplates, prepare
from errorbar.stellar.sed.fit import ask_templates, learn_templates, planck_templates


def test_learned_templates_know_temperature_gravity_and_dust(stars, others, recipe, tmp_path):
    model = SEDTemplates(recipe, cells=80).fit(stars.photometry, stars.labels)
    found = model.predict(others.photometry)
    assert np.std(found["teff_k"].to_numpy() - others.truth["teff_k"]) < 200
    assert np.std(found["logg_dex"].to_numpy() - others.truth["logg_dex"]) < 0.3
    assert np.std(found["ebv"].to_numpy() - others.truth["ebv"]) < 0.05
    again = SEDTemplates.load(model.save(tmp_path / "t.safetensors"))
    assert again.predict(others.photometry).equals(found)


def test_planck_templates_know_the_temperature_roughly(others, recipe):
    found = SEDTemplates.planck(recipe).predict(others.photometry)
    error = found["teff_k"].to_numpy() - others.truth["teff_k"]
    assert np.std(error) < 300
    assert "logg_dex" not in found.columns


def test_the_closed_form_is_the_likelihood_of_the_full_covariance(others, recipe):
    few = prepare(others.photometry.select(np.arange(12)), recipe)
    templates = planck_templates(recipe.bands, np.array([4000.0, 5500.0, 7000.0]))
    found = ask_templates(few, templates)
    for row in range(12):
        seen = few.seen[row]
        slope = few.slope[row, seen]
        cov = np.diag(few.sigma[row, seen] ** 2 + 0.1**2)
        cov += few.ebv_err[row] ** 2 * np.outer(slope, slope) + 1e4
        like = [
            # About a level near the star's: the flat prior is wide, not infinite.
            stats.multivariate_normal(np.mean(off) * np.ones(seen.sum()), cov).logpdf(off)
            for off in few.mag[row, seen] - templates.colour[:, seen]
        ]
        share = np.exp(like - np.max(like))
        direct = share @ templates.value[:, 0] / share.sum()
        assert found.centre[row, 0] == pytest.approx(direct, rel=1e-4)


def test_templates_that_cannot_be_are_refused(stars, recipe):
    with pytest.raises(FitError, match="no templates yet"):
        SEDTemplates(recipe).predict(stars.photometry)
    with pytest.raises(InputError, match="must be finite"):
        SEDTemplates(recipe).fit(stars.photometry, {"teff_k": np.full(1000, np.nan)})
    with pytest.raises(InputError, match="rows of labels"):
        SEDTemplates(recipe).fit(stars.photometry, {"teff_k": np.ones(3)})
    part = prepare(stars.photometry.select(np.arange(20)), recipe)
    with pytest.raises(FitError, match="fewer cells"):
        learn_templates(part, np.arange(20.0)[:, None], cells=20)
