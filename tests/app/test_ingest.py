"""`errorbar ingest`: a plan in, whole files and a status out."""

import json

import polars as pl
import pytest

from errorbar.app.verbs import ingest_fetch, ingest_status
from errorbar.core.errors import SettingsError, TableError
from tests.app.test_commands import run
from tests.platform.ingest.archive import Archive, serving


@pytest.fixture
def archive(tmp_path):
    with serving(Archive({"a.bin": b"a" * 5000, "b/c.bin": b"c" * 7000})) as own:
        names = [*own.files, "lost.bin"]
        rows = {"name": names, "url": [own.url(name) for name in names]}
        pl.DataFrame(rows | {"size": ["5000", "", None]}).write_csv(tmp_path / "plan.csv")
        yield own


def test_a_plan_is_fetched_and_its_status_told(archive, tmp_path):
    folder = tmp_path / "products"
    told = run("ingest", "fetch", tmp_path / "plan.csv", "--out", folder)
    assert told.exit_code == 1
    assert "HTTP 404" in told.stdout
    assert "2 products fetched (0.012 MB), 0 were there, 1 failed" in told.stdout
    assert (folder / "b/c.bin").read_bytes() == archive.files["b/c.bin"]
    told = run("ingest", "status", folder, "--out", tmp_path / "s.csv")
    assert told.exit_code == 0, told.stderr
    assert "2 landed (0.012 MB), 0 begun, 1 failed, 0 damaged, 0 put aside" in told.stdout
    assert pl.read_csv(tmp_path / "s.csv").height == 3
    archive.files["lost.bin"] = b"found"
    again = run("ingest", "fetch", tmp_path / "plan.csv", "--out", folder, "--json")
    assert again.exit_code == 0
    found = json.loads(again.stdout)
    assert (found["landed"], found["cached"]) == (1, 2)


def test_damage_is_found_by_reading(archive, tmp_path):
    ingest_fetch(tmp_path / "plan.csv", out=tmp_path / "p")
    (tmp_path / "p/a.bin").write_bytes(b"b" * 5000)
    assert ingest_status(tmp_path / "p").damaged == 0
    assert ingest_status(tmp_path / "p", verify=True).damaged == 1


def test_bad_plans_are_said(archive, tmp_path):
    (tmp_path / "bad.csv").write_text("name,link\na,b\n")
    with pytest.raises(TableError, match="lacks `url`"):
        ingest_fetch(tmp_path / "bad.csv")
    (tmp_path / "bad.csv").write_text("name,url\nx,http://127.0.0.1/x\n../x,http://127.0.0.1/x\n")
    with pytest.raises(TableError, match="row 1 of .* is no product"):
        ingest_fetch(tmp_path / "bad.csv")
    with pytest.raises(TableError, match="there is no file"):
        ingest_fetch(tmp_path / "none.csv")
    with pytest.raises(SettingsError, match="there is no folder"):
        ingest_status(tmp_path / "none")
