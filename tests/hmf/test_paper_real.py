"""The study of real spectra: what must surface among them does."""

import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import TableError
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.fit.covariance import coefficient_errors
from errorbar.hmf.fit.infer import infer_coefficients
from errorbar.hmf.summary import calibrate_coefficients, score_coefficients
from papers.hmf_real.archives import find_data, read_set
from papers.hmf_real.figures import draw
from papers.hmf_real.run import judge, read_config, run

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def config():
    return read_config()


@pytest.fixture
def mixed(shared_data, config):
    return read_set("mixed", shared_data, config["mixed"])


@pytest.mark.parametrize("rank", [4, 8])
def test_sky_fibres_surface_among_stars_without_a_label(mixed, rank):
    model = Robusta(rank, robust_scale=4.0)
    model.fit(mixed.spectra.Y, mixed.spectra.W)
    found, _, _ = judge(mixed, model, 1e-3)
    group = np.array(mixed.group)
    assert (group == "sky fibre").sum() == 44
    assert found.objects[group == "sky fibre"].mean() >= 0.9
    assert found.objects[group == "LAMOST star"].mean() <= 0.05
    # What is faint and real is not called empty.
    held = found.coefficients
    assert held is not None
    assert not held.empty[group != "sky fibre"].any()


def test_sky_fibres_surface_under_a_rule_learnt_from_stars_alone(mixed):
    group = np.array(mixed.group)
    stars, sky = (
        mixed.spectra.take(group == "LAMOST star"),
        mixed.spectra.take(group == "sky fibre"),
    )
    seen = (stars.W > 0).any(axis=0)
    model = Robusta(6, robust_scale=4.0)
    model.fit(stars.Y[:, seen], stars.W[:, seen])

    def scored(spectra):
        Y, W, G = spectra.Y[:, seen], spectra.W[:, seen], model.basis_vectors()
        A = infer_coefficients(Y, W, G, model.likelihood, max_iter=500, tol=1e-8).A
        return A, coefficient_errors(Y, W, A, G, model.likelihood)

    rule = calibrate_coefficients(*scored(stars))
    assert score_coefficients(*scored(sky), rule).flags.mean() >= 0.9
    assert score_coefficients(*scored(stars), rule).flags.mean() <= 0.05


def test_the_study_writes_what_its_figures_need(shared_data, config, tmp_path):
    small = {**config, "lamost": {**config["lamost"], "ranks": [4], "scales": [3]}}
    run(small, shared_data, tmp_path / "results", ["lamost"])
    told = pl.read_parquet(tmp_path / "results" / "lamost_objects.parquet")
    assert len(told) == 126
    paths = draw(tmp_path / "results", tmp_path / "figures")
    assert {"lamost_bases.png", "lamost_rows.png"} <= {path.name for path in paths}


def test_a_folder_without_archives_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("ERRORBAR_DATA", str(tmp_path))
    with pytest.raises(TableError, match="name their folder in ERRORBAR_DATA"):
        find_data()
