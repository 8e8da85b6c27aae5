"""`errorbar hmf outliers --coefficients`: objects that a model fits and that are odd."""

import json

import numpy as np
import pytest

from errorbar.app.verbs import hmf_fit, hmf_outliers
from errorbar.hmf.data import Spectra, write_spectra
from errorbar.hmf.synth import make_toy
from tests.app.test_commands import run


@pytest.fixture(scope="module")
def spectra():
    """Spectra of which one lacks its star, and one has no data at all."""
    toy = make_toy(4, rows=300, pixels=200)
    Y, W = toy.Y.copy(), toy.W.copy()
    Y[0] -= toy.A[0] @ toy.G.T
    W[0] = np.median(W[W > 0])
    Y[0] = np.random.default_rng(0).normal(size=200) / np.sqrt(W[0])
    W[1] = 0
    return Spectra.of(Y, W, ids=[f"star {row}" for row in range(300)], wavelength=toy.wavelength)


@pytest.mark.parametrize("mean", [False, True])
def test_an_empty_spectrum_is_told_if_asked_for(spectra, mean, tmp_path):
    path = write_spectra(tmp_path / "spectra.h5", spectra)
    model = hmf_fit(path, rank=5, scale=5.0, mean=mean, out=tmp_path).model
    out = tmp_path / "odd.parquet"
    plain = hmf_outliers(model, path, out=out)
    asked = hmf_outliers(model, path, coefficients=True, out=out)
    assert asked.objects >= plain.objects
    assert any("1 spectra hold too few data" in note for note in asked.notes)
    if not mean:
        reasons = dict(asked.catalogue.filter(kind="object").select("id", "reason").iter_rows())
        assert "no signal" in reasons["star 0"]
        assert "star 0" not in plain.catalogue.filter(kind="object")["id"].to_list()
        told = run("hmf", "outliers", model, path, "--coefficients", "--out", out, "--json")
        assert told.exit_code == 0, told.stderr
        assert json.loads(told.stdout)["objects"] == asked.objects


def test_what_is_learnt_elsewhere_is_used(spectra, tmp_path):
    path = write_spectra(tmp_path / "spectra.h5", spectra)
    few = write_spectra(tmp_path / "few.h5", spectra.take(np.arange(5)))
    model = hmf_fit(path, rank=5, scale=5.0, out=tmp_path).model
    found = hmf_outliers(model, few, train=path, coefficients=True, out=tmp_path / "odd.parquet")
    assert "no signal" in found.catalogue.filter(kind="object", id="star 0")["reason"][0]
