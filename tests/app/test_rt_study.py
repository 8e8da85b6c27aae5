"""`errorbar rt study …`: settings reach the studies, and their answer is told."""

import json

import pytest

from errorbar.app.verbs import rt_study_rare, rt_study_shift, rt_study_tails
from errorbar.core.errors import SettingsError
from errorbar.rt import studies
from errorbar.rt.data import write_chemistry, write_peaks
from errorbar.rt.synth import ProductionSettings, production_table
from tests.app.test_commands import run


@pytest.mark.heavy
def test_a_study_of_far_runs_is_told_with_its_page(tmp_path):
    told = run(
        "rt", "study", "shift", "--seeds", "42", "--species", 6, "--compounds", 10,
        "--anchors", "0,3", "--fit", "quick", "--out", tmp_path, "--json",
    )  # fmt: skip
    assert told.exit_code == 0, told.stderr
    answer = json.loads(told.stdout)
    assert answer["study"] == "shift"
    assert {row["anchors"] for row in answer["tables"]["bins"]} == {0, 3}
    assert (tmp_path / "index.html").is_file()


@pytest.mark.heavy
def test_a_table_of_ones_own_is_studied_in_its_tails(tmp_path):
    small = ProductionSettings(
        species=6, supercategories=2, compounds=12, pairs=60, features=3, runs_per_species=16,
        support=6, descriptors=3,
    )  # fmt: skip
    made = production_table(small, seed=2)
    write_peaks(tmp_path / "rt.csv", made.peaks)
    write_chemistry(tmp_path / "chem.csv", made.chemistry)
    told = run(
        "rt", "study", "tails", tmp_path / "rt.csv", "--chemistry", tmp_path / "chem.csv",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert told.exit_code == 0, told.stderr
    assert "supercategory ridge" in told.stdout
    assert "read first" in told.stdout


def test_the_study_of_far_runs_is_the_full_one_unless_quick_is_asked_for(tmp_path, monkeypatch):
    asked = []

    def told(settings, *_, **__):
        asked.append(settings.fit)
        raise SettingsError("that is all")

    monkeypatch.setattr(studies, "run_shift", told)
    assert studies.ShiftSettings().fit == "full"
    with pytest.raises(SettingsError, match="that is all"):
        rt_study_shift(out=tmp_path)
    run("rt", "study", "shift", "--out", tmp_path)
    run("rt", "study", "shift", "--fit", "quick", "--out", tmp_path)
    assert asked == ["full", "full", "quick"]


def test_settings_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="must be quick or full"):
        rt_study_shift(fit="slow", out=tmp_path)
    with pytest.raises(SettingsError, match="give data too"):
        rt_study_tails(test=tmp_path / "t.csv", out=tmp_path)
    with pytest.raises(SettingsError, match="give data too"):
        rt_study_rare(chemistry=tmp_path / "c.csv", out=tmp_path)
    told = run("rt", "study", "rare", "--levels", "genus", "--out", tmp_path)
    assert told.exit_code == 2
    assert not list(tmp_path.iterdir())
