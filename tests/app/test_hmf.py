"""`errorbar hmf …`: from a file of spectra to a model, coefficients and outliers."""

import json

import numpy as np
import polars as pl
import pytest

from errorbar.app.verbs import hmf_fit, hmf_infer, hmf_outliers
from errorbar.core.errors import ArtifactError, SettingsError, TableError
from errorbar.hmf.data import Spectra, write_spectra
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.synth import make_toy
from tests.app.test_commands import run


@pytest.fixture(scope="module")
def toy():
    return make_toy(3, rows=600, pixels=240)


@pytest.fixture(scope="module")
def files(toy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spectra")
    paths = []
    for name, rows in (("train", toy.train), ("test", toy.test)):
        spectra = Spectra.of(
            toy.Y[rows], toy.W[rows], ids=[f"star {row}" for row in rows], wavelength=toy.wavelength
        )
        paths.append(write_spectra(folder / f"{name}.h5", spectra))
    return paths


@pytest.fixture(scope="module")
def fitted(files, tmp_path_factory):
    return hmf_fit(files[0], rank=5, scale=5.0, out=tmp_path_factory.mktemp("model"))


def test_a_fit_says_how_it_went_and_saves_the_model(toy, files, fitted, tmp_path):
    told = run("hmf", "fit", files[0], "--rank", 5, "--scale", 5, "--out", tmp_path, "--json")
    assert told.exit_code == 0, told.stderr
    answer = json.loads(told.stdout)
    assert answer["objective"] == fitted.objective
    assert answer["rows"] == 300
    assert sum(answer["share"]) == pytest.approx(1)
    assert answer["share"] == sorted(answer["share"], reverse=True)
    model = Robusta.load(tmp_path / "model.safetensors")
    assert np.array_equal(model.wavelength, toy.wavelength)
    losses = pl.read_csv(tmp_path / "losses.csv")
    assert losses.height == fitted.iterations
    assert losses["objective"].is_sorted(descending=True)


def test_a_fit_is_told_for_people_too(files, tmp_path):
    told = run("hmf", "fit", files[0], "--rank", 2, "--mean", "--single", "--out", tmp_path)
    assert told.exit_code == 0, told.stderr
    assert "300 spectra of 240 pixels" in told.stdout
    assert "if errors are right" in told.stdout


def test_coefficients_come_with_errors_that_hold(toy, files, fitted, tmp_path):
    out = tmp_path / "rows.csv"
    told = run("hmf", "infer", fitted.model, files[1], "--out", out)
    assert told.exit_code == 0, told.stderr
    assert "300 spectra on 5 basis vectors" in told.stdout
    found = pl.read_csv(out)
    assert found["id"][0] == f"star {toy.test[0]}"
    basis = Robusta.load(fitted.model).basis_vectors()
    ordinary = toy.label[toy.test] == "normal"
    true = toy.A[toy.test] @ np.linalg.lstsq(basis, toy.G, rcond=None)[0].T
    z = np.stack(
        [(found[f"a{k}"] - true[:, k - 1]) / found[f"a{k}_sd"] for k in range(1, 6)], axis=1
    )[ordinary]
    # The basis has errors of its own, which these bars leave out.
    assert 0.55 < np.mean(np.abs(z) < 1) < 0.75


def test_odd_objects_are_listed_with_reasons(toy, files, fitted, tmp_path):
    out = tmp_path / "odd.parquet"
    told = run("hmf", "outliers", fitted.model, files[1], "--train", files[0], "--out", out)
    assert told.exit_code == 0, told.stderr
    assert "odd objects" in told.stdout
    catalogue = pl.read_parquet(out)
    odd = set(catalogue.filter(pl.col("kind") == "object")["id"])
    true = {f"star {row}" for row in toy.test if toy.label[row] == "spectrum"}
    assert odd
    assert len(odd & true) / len(odd) > 0.6
    assert catalogue["reason"].str.len_chars().min() > 10


def test_files_without_names_and_wavelengths_are_numbered(toy, tmp_path):
    path = write_spectra(tmp_path / "bare.npz", Spectra.of(toy.Y[:80], toy.W[:80]))
    model = hmf_fit(path, rank=3, out=tmp_path / "m").model
    rows = hmf_infer(model, path, out=tmp_path / "rows.parquet")
    assert rows.table["id"].to_list() == [str(row) for row in range(80)]
    found = hmf_outliers(model, path, out=tmp_path / "odd.parquet")
    assert "numbered from 0" in found.notes[-1]


def test_notes_name_what_the_data_leave_open(toy, tmp_path):
    W = toy.W[:80].copy()
    W[7] = 0
    path = write_spectra(tmp_path / "gap.npz", Spectra.of(toy.Y[:80], W))
    found = hmf_fit(path, rank=3, out=tmp_path / "m")
    assert any("row 7" in note for note in found.notes)
    rows = hmf_infer(found.model, path, out=tmp_path / "rows.parquet")
    assert rows.unknown == 1
    assert np.isinf(rows.table["a1_sd"][7])


def test_what_does_not_fit_together_is_said(toy, files, fitted, tmp_path):
    cut = Spectra.of(toy.Y[:9, 1:], toy.W[:9, 1:])
    with pytest.raises(SettingsError, match="239 pixels and the basis .* 240"):
        hmf_infer(fitted.model, write_spectra(tmp_path / "cut.npz", cut))
    moved = Spectra.of(toy.Y[:9], toy.W[:9], wavelength=toy.wavelength + 1)
    with pytest.raises(SettingsError, match="different wavelengths at 240 of 240 pixels"):
        hmf_infer(fitted.model, write_spectra(tmp_path / "moved.h5", moved))
    with pytest.raises(SettingsError, match="must end in .parquet or .csv"):
        hmf_infer(fitted.model, files[0], out=tmp_path / "rows.txt")
    normal = hmf_fit(files[0], rank=2, robust=False, out=tmp_path / "normal").model
    with pytest.raises(SettingsError, match="normal errors"):
        hmf_outliers(normal, files[0])
    with pytest.raises(ArtifactError):
        hmf_infer(files[0], files[0])
    with pytest.raises(TableError):
        hmf_fit(tmp_path / "none.h5")
