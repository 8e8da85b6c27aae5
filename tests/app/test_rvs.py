"""`errorbar hmf rvs`: from files to a list of odd stars."""

import json

import polars as pl
import pytest

from errorbar.app.verbs import hmf_rvs
from errorbar.core.errors import SettingsError
from errorbar.hmf.studies.rvs import Ellipse, read_bins, usual_bins, write_bins
from papers.gaia_rvs.run import BINS, CONFIG, main
from tests.app.test_commands import run
from tests.hmf.studies.rvs_made import CLIP, made_stars, write_h5, write_stars


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rvs")
    stars, flux, error, odd = made_stars(200)
    spectra = write_h5(folder / "a.h5", stars["source_id"].to_numpy(), flux, error)
    bins = write_bins(folder / "bins.csv", [Ellipse("07", 1.0, 5.0, 0.6, 1.4, 0.0)])
    config = folder / "config.toml"
    config.write_text(f"[study]\nclip = {CLIP}\nfewest = 60\nranks = 2\nfalse_alarm = 1e-3\n")
    return spectra, write_stars(folder / "a.csv", stars), bins, config, odd


def given(files, out):
    spectra, metadata, bins, config, _ = files
    return (
        "hmf", "rvs", "--spectra", spectra, "--metadata", metadata, "--bins", bins, "--config",
        config, "--scales", "5", "--no-figures", "--out", out,
    )  # fmt: skip


def test_the_study_is_told_for_people_and_for_programs(files, tmp_path):
    told = run(*given(files, tmp_path / "a"))
    assert told.exit_code == 0, told.stderr
    assert "200 stars with a place" in told.stdout
    assert "bin 07: rank 2, scale 5" in told.stderr
    told = run(*given(files, tmp_path / "a"), "--bin", "7", "--json")
    assert told.exit_code == 0, told.stderr
    answer = json.loads(told.stdout)
    assert {str(source) for source in files[4]} <= {one["id"] for one in answer["oddest"]}
    assert answer["odd"] == answer["bins"][0]["objects"]
    listed = pl.read_csv(tmp_path / "a" / "odd-stars.csv")
    assert listed.height == answer["odd"]


def test_mistakes_are_one_line_with_the_way_out(files, tmp_path):
    told = run("hmf", "rvs", "--out", tmp_path / "b")
    assert told.exit_code == 2
    assert "needs spectra and metadata" in told.stderr
    told = run(*given(files, tmp_path / "b"), "--bin", "3")
    assert told.exit_code == 2
    assert "there is no bin 3" in told.stderr
    told = run("hmf", "rvs", "--spectra", files[1], "--metadata", files[1], "--out", tmp_path / "c")
    assert told.exit_code == 2
    assert "lacks `flux`, `flux_error`" in told.stderr
    with pytest.raises(SettingsError, match="makes its own files"):
        hmf_rvs([files[0]], generate=100, out=tmp_path / "d")
    with pytest.raises(SettingsError, match="is a file"):
        hmf_rvs(generate=100, out=files[0])


@pytest.mark.heavy
def test_an_example_is_made_and_studied_and_not_made_again(files, tmp_path):
    bins = write_bins(tmp_path / "bins.csv", [Ellipse("a", 1.2, 5.0, 3.0, 9.0, 3.5)])
    asked = {
        "generate": 300, "bins": bins, "ranks": [3], "scales": [5], "figures": False,
        "progress": False, "out": tmp_path / "out",
    }  # fmt: skip
    first = hmf_rvs(**asked)
    assert first.bins["stars"][0] > 250
    before = (tmp_path / "out" / "example" / "spectra.h5").stat().st_mtime_ns
    second = hmf_rvs(**asked)
    assert second.oddest.equals(first.oddest)
    assert (tmp_path / "out" / "example" / "spectra.h5").stat().st_mtime_ns == before
    with pytest.raises(SettingsError, match="holds an example of 300 stars, seed 0"):
        hmf_rvs(**(asked | {"generate": 400}))


def test_the_paper_has_the_usual_bins_and_settings_that_are_read(files, tmp_path, capsys):
    assert read_bins(BINS) == usual_bins()
    main(
        [
            "--spectra", str(files[0]), "--metadata", str(files[1]), "--bins", str(files[2]),
            "--config", str(files[3]), "--no-figures", "--out", str(tmp_path / "out"),
        ]
    )  # fmt: skip
    assert "spectra are odd" in capsys.readouterr().err


def test_the_papers_settings_are_the_usual_ones():
    from errorbar.hmf.studies.rvs import RvsSettings, read_settings

    assert read_settings(CONFIG) == RvsSettings()
