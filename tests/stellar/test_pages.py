"""The pages about stars: their code runs, and the front page shows the system in ten lines."""

from pathlib import Path

import pytest

from tests.public.test_readme import python_blocks


@pytest.mark.heavy
def test_the_front_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = python_blocks("docs/stellar/index.md")
    assert len([line for line in example.splitlines() if line.strip()]) <= 12
    exec(compile(example, "index.md", "exec"), {})
    assert Path("stars.safetensors").is_file()


@pytest.mark.heavy
def test_the_page_about_photometry_runs():
    names = {}
    for block in python_blocks("docs/stellar/sed.md"):
        exec(compile(block, "sed.md", "exec"), names)
    assert names["photometry"].seen.sum(axis=1).tolist() == [4, 4, 2]
    assert all(each.parameter in ("teff_k", "logg_dex") for each in names["suspects"])
