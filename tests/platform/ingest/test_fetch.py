"""Files come whole or not at all, whatever the archive and the machine do."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import ArtifactError, SettingsError
from errorbar.platform.ingest import Cache, Patience, Product, fetch_products
from tests.platform.ingest.archive import Archive, serving

QUICK = Patience(tries=4, first=0.0, longest=0.0)


@pytest.fixture
def archive():
    random = np.random.default_rng(0)
    files = {f"dr/{at}.bin": random.bytes(200_000 + 999 * at) for at in range(6)}
    with serving(Archive(files)) as own:
        yield own


def products(archive, **told):
    return [Product(path, archive.url(path), **told) for path in archive.files]


def sha(data, kind="sha256"):
    return f"{kind}:{hashlib.new(kind, data, usedforsecurity=False).hexdigest()}"


def whole(folder, archive):
    return all((folder / path).read_bytes() == data for path, data in archive.files.items())


def test_all_products_come_once_and_are_whole(archive, tmp_path):
    found = fetch_products(products(archive), tmp_path)
    assert (found.landed, found.cached, found.failed) == (6, 0, 0)
    assert found.complete
    assert found.bytes == sum(map(len, archive.files.values()))
    assert whole(tmp_path, archive)
    again = fetch_products(products(archive), tmp_path)
    assert (again.landed, again.cached) == (0, 6)
    assert max(archive.asked.values()) == 1
    held = Cache(tmp_path).landed("dr/0.bin")
    assert held.sha256 == sha(archive.files["dr/0.bin"]).removeprefix("sha256:")
    assert held.url == archive.url("dr/0.bin")
    assert held.transport == "http"
    hidden = [path.name for path in tmp_path.rglob(".*") if not path.name.endswith(".json")]
    assert hidden == []


def test_what_broke_off_is_resumed_where_it_did(archive, tmp_path):
    archive.faults["dr/2.bin"] = ["cut", "cut"]
    found = fetch_products(products(archive), tmp_path, patience=QUICK)
    assert found.complete
    assert whole(tmp_path, archive)
    size = len(archive.files["dr/2.bin"])
    assert archive.ranges["dr/2.bin"][0] == f"bytes={size // 2}-"
    # No byte was sent twice.
    assert archive.sent["dr/2.bin"] == size
    assert Cache(tmp_path).landed("dr/2.bin").tries == 3


def test_a_product_that_changed_meanwhile_is_begun_anew(archive, tmp_path):
    path = "dr/1.bin"
    archive.faults[path] = ["cut"]
    once = Patience(tries=1)
    assert fetch_products(products(archive)[1:2], tmp_path, patience=once).failed == 1
    archive.files[path] = archive.files[path][::-1]
    assert fetch_products(products(archive)[1:2], tmp_path).complete
    assert (tmp_path / path).read_bytes() == archive.files[path]


@pytest.mark.parametrize("fault", ["503", "429", "500", "drop", "cut"])
def test_what_passes_is_tried_again(archive, tmp_path, fault):
    archive.faults["dr/3.bin"] = [fault]
    waits = []
    found = fetch_products(
        products(archive), tmp_path, patience=Patience(3, 0.5, 1.0), sleep=waits.append
    )
    assert found.complete
    assert len(waits) == 1
    # The archive asked for three seconds.
    assert waits[0] == 3.0 if fault == "503" else 0.25 <= waits[0] <= 0.5


@pytest.mark.parametrize("code", ["404", "403", "410"])
def test_what_lasts_is_not_tried_again_and_keeps_nobody(archive, tmp_path, code):
    archive.faults["dr/3.bin"] = [code] * 9
    found = fetch_products(products(archive), tmp_path, patience=QUICK)
    assert (found.landed, found.failed) == (5, 1)
    assert archive.asked["dr/3.bin"] == 1
    row = found.table.filter(pl.col("state") == "failed").row(0, named=True)
    assert f"HTTP {code}" in row["why"]
    assert not (tmp_path / "dr/3.bin").exists()
    status = Cache(tmp_path).status().filter(pl.col("name") == "dr/3.bin")
    assert status["state"].to_list() == ["failed"]
    archive.faults.clear()
    assert fetch_products(products(archive), tmp_path).complete
    assert Cache(tmp_path).status()["state"].unique().to_list() == ["landed"]


@pytest.mark.parametrize("kind", ["sha256", "sha1", "md5"])
def test_wrong_bytes_are_put_aside_and_never_taken(archive, tmp_path, kind):
    path, data = "dr/4.bin", archive.files["dr/4.bin"]
    plan = [Product(path, archive.url(path), digest=sha(data, kind))]
    archive.faults[path] = ["wrong"]
    assert fetch_products(plan, tmp_path, patience=QUICK).complete
    assert (tmp_path / path).read_bytes() == data
    aside = Cache(tmp_path).status().filter(pl.col("state") == "quarantined")
    assert aside.height == 1
    assert "the archive says" in aside["why"][0]
    (tmp_path / path).unlink()
    archive.faults[path] = ["wrong"] * 9
    found = fetch_products(plan, tmp_path, patience=QUICK)
    assert found.failed == 1
    assert not (tmp_path / path).exists()
    # Wrong twice is wrong at its source.
    assert archive.asked[path] == 2 + 2


def test_a_length_that_the_archive_denies_is_refused(archive, tmp_path):
    path = "dr/5.bin"
    size = len(archive.files[path])
    archive.faults[path] = ["short"] * 9
    plan = [Product(path, archive.url(path), size=size)]
    found = fetch_products(plan, tmp_path, patience=QUICK)
    assert found.failed == 1
    assert f"and the archive says {size}" in found.table["why"][0]


def test_what_was_damaged_on_disk_is_fetched_again(archive, tmp_path):
    fetch_products(products(archive), tmp_path)
    short, changed = tmp_path / "dr/0.bin", tmp_path / "dr/1.bin"
    short.write_bytes(short.read_bytes()[:-1])
    changed.write_bytes(b"x" + changed.read_bytes()[1:])
    states = dict(Cache(tmp_path).status().select("name", "state").rows())
    assert states["dr/0.bin"] == "damaged"
    assert fetch_products(products(archive), tmp_path).landed == 1
    assert fetch_products(products(archive), tmp_path, verify=True).landed == 1
    assert whole(tmp_path, archive)


def test_a_record_that_is_none_is_said(archive, tmp_path):
    fetch_products(products(archive), tmp_path)
    (tmp_path / "dr/.0.bin.json").write_text("{")
    with pytest.raises(ArtifactError, match="no record of a product"):
        fetch_products(products(archive), tmp_path)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x", "a/../../b", "", ".hidden", "a\\b", "x\0y"]
)
def test_names_stay_in_their_folder(name):
    with pytest.raises(SettingsError, match="no name of a product"):
        Product(name, "http://127.0.0.1/x")


def test_settings_that_cannot_be_are_refused(tmp_path):
    one = Product("a", "http://127.0.0.1/a")
    with pytest.raises(SettingsError, match="http or https"):
        Product("a", "file:///etc/passwd")
    with pytest.raises(SettingsError, match="sha256"):
        Product("a", one.url, digest="crc:1")
    with pytest.raises(SettingsError, match="kind="):
        Product("a", one.url, kind="csv")
    with pytest.raises(SettingsError, match="two products are called 'a'"):
        fetch_products([one, Product("a", "http://127.0.0.1/b")], tmp_path)
    with pytest.raises(SettingsError, match="workers=0"):
        fetch_products([one], tmp_path, workers=0)


def fits_bytes(rows=400):
    from io import BytesIO

    from astropy.io import fits

    table = fits.BinTableHDU.from_columns(
        [fits.Column("flux", "E", array=np.arange(rows, dtype=np.float32))]
    )
    file = BytesIO()
    fits.HDUList([fits.PrimaryHDU(np.zeros((7, 9))), table]).writeto(file)
    return file.getvalue()


def test_fits_files_must_be_whole(tmp_path):
    good = fits_bytes()
    cases = {
        "good.fits": good,
        "cut.fits": good[: len(good) - 2880],
        "ragged.fits": good[:-100],
        "page.fits": b"<html>not found</html>".ljust(2880),
        "endless.fits": good[:2880].replace(b"END", b"AND"),
    }
    with serving(Archive(cases)) as own:
        found = fetch_products(products(own, kind="fits"), tmp_path, patience=QUICK)
    state = dict(found.table.select("name", "state").rows())
    assert state == {name: "landed" if name == "good.fits" else "failed" for name in cases}
    why = dict(found.table.select("name", "why").rows())
    assert "its headers promise" in why["cut.fits"]
    assert "no whole blocks" in why["ragged.fits"]
    assert "does not begin as FITS" in why["page.fits"]
    assert "does not end" in why["endless.fits"]


CHILD = """
import sys
from pathlib import Path
from errorbar.platform.ingest import Product, Patience, fetch_products
port, folder, names = sys.argv[1], sys.argv[2], sys.argv[3:]
plan = [Product(n, f"http://127.0.0.1:{port}/{n}") for n in names]
found = fetch_products(plan, folder, patience=Patience(9, 0.0, 0.0), workers=2, progress=False)
sys.exit(0 if found.complete else 3)
"""


def killed_again_and_again(archive, folder, kills, seed):
    """Processes that are killed at any moment, until one is left to end."""
    chance = random.Random(seed)
    names = list(archive.files)
    for _ in range(kills):
        for name in names:
            archive.faults[name] = chance.choices(["", "slow", "cut", "503", "drop"], k=2)
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(archive.port), folder, *names])
        time.sleep(0.3 + 0.5 * chance.random())
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        for path in folder.rglob("*"):
            rest = path.relative_to(folder).as_posix()
            if path.is_file() and rest in archive.files and Cache(folder).landed(rest):
                assert path.read_bytes() == archive.files[rest]
    archive.faults.clear()
    assert fetch_products(products(archive), folder, patience=QUICK).complete


@pytest.mark.heavy
@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_nothing_is_lost_or_half_written_when_killed(archive, tmp_path, kills):
    killed_again_and_again(archive, tmp_path, kills, seed=kills)
    assert whole(tmp_path, archive)
    left = [p.name for p in tmp_path.rglob(".*") if p.name.endswith((".part", ".mark"))]
    assert left == []


def test_two_processes_bring_each_product_once(archive, tmp_path):
    for name in archive.files:
        archive.faults[name] = ["slow"]
    typed = [sys.executable, "-c", CHILD, str(archive.port), str(tmp_path), *archive.files]
    children = [subprocess.Popen(typed) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert whole(tmp_path, archive)
    assert max(archive.asked.values()) == 1
