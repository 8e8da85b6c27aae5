"""`errorbar hmf …`: from a file of spectra to a model, coefficients and outliers."""

import json
from importlib import import_module

import numpy as np
import polars as pl
import pytest

from errorbar.app.verbs import hmf_fit, hmf_grid, hmf_infer, hmf_outliers
from errorbar.app.verbs.hmf import large
from errorbar.core.errors import ArtifactError, SettingsError, TableError
from errorbar.hmf.data import Spectra, read_spectra, write_spectra
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.fit import rows as at_rows
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


def interrupted(monkeypatch, at):
    """Ctrl-C in the midst of that pass of a fit."""
    passes, real = [], at_rows.run_pass

    def run_pass(*given):
        passes.append(1)
        if len(passes) == at:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(at_rows, "run_pass", run_pass)


def test_an_interrupted_fit_goes_on_when_it_is_typed_again(files, tmp_path, monkeypatch):
    typed = ("hmf", "fit", files[0], "--rank", 5, "--scale", 5, "--start", "weighted", "--out")
    assert run(*typed, tmp_path / "whole").exit_code == 0
    with monkeypatch.context() as patch:
        interrupted(patch, 7)
        told = run(*typed, tmp_path / "cut")
    assert told.exit_code == 130
    assert f"the same command goes on with what lies in {tmp_path / 'cut'}" in told.stderr
    other = run(*typed, tmp_path / "cut", "--nu", 2)
    assert other.exit_code == 1
    assert "another fit, stopped after 6 iterations: its likelihood is" in other.stderr
    told = run(*typed, tmp_path / "cut")
    assert "6 of " in told.stdout
    assert "were there already" in told.stdout
    whole, cut = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut"))
    assert whole == cut
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == [
        "losses.csv",
        "model.safetensors",
    ]


def test_a_fit_by_gradients_says_that_it_begins_anew(files, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("errorbar.hmf.fit.run.fit_sgd", stop)
    told = run("hmf", "fit", files[0], "--method", "sgd", "--out", tmp_path)
    assert told.exit_code == 130
    assert "nothing was kept: the same command begins anew" in told.stderr


def test_a_file_in_blocks_gives_a_basis_and_leaves_coefficients_beside_the_data(
    toy, files, tmp_path
):
    typed = ("hmf", "fit", files[0], "--scale", 5, "--blocks", "--out", tmp_path)
    told = run(*typed, "--workers", 1)
    assert told.exit_code == 0, told.stderr
    assert f"coefficients, block by block: {tmp_path / 'blocks'}" in told.stdout
    model = Robusta.load(tmp_path / "model.safetensors")
    assert model.basis_vectors().shape == (240, 5)
    assert len(model.coefficients()) == 0
    assert np.array_equal(model.wavelength, toy.wavelength)
    again = json.loads(run(*typed, "--json").stdout)
    assert again["resumed"] == again["iterations"]
    assert again["scored"] == again["rows"] == 300
    assert sum(again["share"]) == pytest.approx(1)
    other = run(*typed, "--rank", 4)
    assert other.exit_code == 1
    assert "its rank is 5, this one's is 4" in other.stderr
    assert run(*typed, "--rank", 4, "--no-resume").exit_code == 0


def test_a_file_that_takes_too_much_memory_is_read_in_blocks(files, fitted, tmp_path, monkeypatch):
    plain = hmf_infer(fitted.model, files[1], out=tmp_path / "plain.parquet")
    monkeypatch.setattr(large, "memory_bytes", lambda: 2**20)
    told = hmf_fit(files[0], rank=2, max_iter=3, out=tmp_path / "fit")
    assert told.coefficients == tmp_path / "fit" / "blocks"
    assert "more than 25% of the 0.0 GiB of memory" in told.notes[0]
    rows = hmf_infer(fitted.model, files[1], out=tmp_path / "rows.parquet")
    assert rows.notes
    assert rows.table.equals(plain.table)
    assert hmf_fit(files[0], rank=2, blocks=False, out=tmp_path / "all").coefficients is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--blocks", "--method", "sgd"), "--method sgd is for data in memory"),
        (("--blocks", "--starts", 2), "starts is for data in memory"),
        (("--blocks", "--single"), "single is for data in memory"),
        (("--engine", "processes"), "--engine processes is for data in blocks"),
    ],
)
def test_what_blocks_cannot_do_is_said(files, tmp_path, given, told):
    answer = run("hmf", "fit", files[0], *given, "--out", tmp_path)
    assert answer.exit_code == 2
    assert told in answer.stderr


def test_a_kind_of_file_without_blocks_is_named(toy, tmp_path):
    path = write_spectra(tmp_path / "bare.npz", Spectra.of(toy.Y[:80], toy.W[:80]))
    with pytest.raises(SettingsError, match="cannot be read in blocks: write the spectra to one"):
        hmf_fit(path, blocks=True, out=tmp_path / "m")
    with pytest.raises(SettingsError, match="is a file: name a folder"):
        hmf_fit(path, out=path)


@pytest.fixture(scope="module")
def grid(files, tmp_path_factory):
    out = tmp_path_factory.mktemp("grid")
    told = run("hmf", "grid", files[0], "--ranks", "4-6", "--scales", "3,5", "--out", out)
    assert told.exit_code == 0, told.stderr
    return out, told.stdout


@pytest.mark.heavy
def test_a_grid_tells_its_scores_and_saves_the_best(files, grid):
    out, told = grid
    assert "150 spectra of 240 pixels fitted, 150 others scored" in told
    table = pl.read_parquet(out / "grid.parquet")
    assert table.height == pl.read_csv(out / "grid.csv").height == 6
    best = table.sort("kl").row(0, named=True)
    assert f"chosen: rank {best['rank']} at scale {best['scale']:g}, its kl" in told
    model = Robusta.load(out / "model.safetensors")
    assert (model.rank, model.likelihood.c) == (best["rank"], best["scale"] ** 2)
    assert hmf_infer(out / "model.safetensors", files[1], out=out / "rows.csv").rows == 300
    assert {path.name for path in (out / "figures").iterdir()} == {
        f"{name}.{kind}" for name in ("selection", "scores") for kind in ("pdf", "png")
    }


@pytest.mark.heavy
def test_a_model_of_a_grid_is_taken_by_name(files, grid):
    out, _ = grid
    typed = ("hmf", "grid", files[0], "--ranks", "4-6", "--scales", "3,5", "--out", out)
    told = run(*typed, "--take", "4,3", "--choose-by", "rmse", "--no-figures", "--json")
    answer = json.loads(told.stdout)
    assert answer["resumed"] == 6
    assert (answer["rank"], answer["scale"], answer["by"]) == (4, 3, "rmse")
    assert Robusta.load(out / "model.safetensors").rank == 4
    told = run(*typed, "--take", "9,3")
    assert told.exit_code == 2
    assert "the grid has no rank 9 at scale 3" in told.stderr
    told = run(*typed, "--seed", 1)
    assert told.exit_code == 1
    assert "belongs to another job" in told.stderr


@pytest.mark.heavy
def test_a_killed_grid_goes_on_to_the_same_table(files, tmp_path, monkeypatch):
    given = {"ranks": (3, 4), "scales": (3.0, 5.0), "held_out": files[1], "figures": False}
    whole = hmf_grid(files[0], **given, out=tmp_path / "whole")
    # Not the function of that name in the room.
    search = import_module("errorbar.hmf.grid.search")
    fits, real = [], search.fit_point

    def fit_point(*args):
        fits.append(1)
        if len(fits) == 3:
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(search, "fit_point", fit_point)
        told = run(
            *("hmf", "grid", files[0], "--ranks", "3,4", "--scales", "3,5", "--no-figures"),
            *("--held-out", files[1], "--out", tmp_path / "cut"),
        )
    assert told.exit_code == 130
    assert "the same command goes on" in told.stderr
    cut = hmf_grid(files[0], **given, out=tmp_path / "cut")
    assert (whole.resumed, cut.resumed) == (0, 2)
    assert cut.table.equals(whole.table)
    assert (cut.rows, cut.test_rows) == (300, 300)
    assert cut.model.read_bytes() == whole.model.read_bytes()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--ranks", "4to6"), "whole numbers and ranges, such as 3-7"),
        (("--ranks", "6-4"), "6-4 is empty, write 4-6"),
        (("--ranks", ","), "--ranks names no number"),
        (("--ranks", "400"), "cannot be fitted"),
        (("--scales", "wide"), "--scales wide must be numbers"),
        (("--scales", "-1"), "-1"),
        (("--test", "2"), "must be a share of the spectra between 0 and 1"),
        (("--choose-by", "beauty"), "choose one of kl"),
        (("--take", "five"), "--take five must be numbers"),
        (("--take", "5"), "must be a rank and a scale"),
        (("--tries", "often"), "choose one of both, cold, warm"),
        (("--test", "0.5", "--held-out", "DATA"), "leave one out"),
    ],
)
def test_a_grid_that_cannot_be_is_refused_in_a_line(files, tmp_path, given, told):
    given = [files[1] if part == "DATA" else part for part in given]
    answer = run("hmf", "grid", files[0], *given, "--out", tmp_path)
    assert answer.exit_code == 2
    assert answer.stderr.count("\n") == 1
    assert told in answer.stderr


def test_figures_need_their_extra_and_say_so_before_the_work(files, tmp_path, monkeypatch):
    monkeypatch.setattr("errorbar.app.verbs.hmf.grid.find_spec", lambda name: None)
    monkeypatch.setattr("errorbar.app.verbs.hmf.toy.find_spec", lambda name: None)
    for command in (("grid", files[0]), ("toy", "--small")):
        told = run("hmf", *command, "--out", tmp_path / "none")
        assert told.exit_code == 2
        assert "pip install 'errorbar[hmf]'" in told.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.heavy
def test_the_toy_study_is_one_command(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text("[toy]\nrows = 400\npixels = 120\n[grid]\nranks = [5]\nscales = [3, 5]\n")
    typed = ("hmf", "toy", "--config", own, "--out", tmp_path / "toy")
    told = run(*typed)
    assert told.exit_code == 0, told.stderr
    assert "400 spectra of 120 pixels, half of them fitted" in told.stdout
    assert "chosen: rank 5 at scale" in told.stdout
    assert "methods without error bars" in told.stderr
    assert len(list((tmp_path / "toy" / "figures").glob("*.png"))) == 11
    answer = json.loads(run(*typed, "--no-figures", "--json").stdout)
    assert len(answer["grid"]) == 2
    assert answer["figures"] == []
    other = run("hmf", "toy", "--small", "--out", tmp_path / "toy", "--no-figures")
    assert other.exit_code == 2
    assert "another configuration" in other.stderr


def test_the_toy_alone_is_a_file_for_other_commands(tmp_path):
    told = run("hmf", "toy", "--small", "--write", tmp_path / "data" / "toy.h5")
    assert told.exit_code == 0, told.stderr
    assert "now try: errorbar hmf fit" in told.stdout
    held = read_spectra(tmp_path / "data" / "toy.h5")
    assert held.Y.shape == (800, 240)
    assert held.wavelength is not None
    kinds = {name.split("-")[1] for name in held.ids}
    assert kinds == {"normal", "spectrum", "lines"}
    own = tmp_path / "own.toml"
    own.write_text("[toy]\nrow = 4\n")
    wrong = run("hmf", "toy", "--config", own)
    assert wrong.exit_code == 2
    assert "row in [toy], which is not one of seed, rows, pixels" in wrong.stderr
