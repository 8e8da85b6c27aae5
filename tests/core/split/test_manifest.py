"""The record of a split: the same bytes, and nothing in it can be changed unseen."""

import hashlib
import json

import numpy as np
import pytest

from errorbar.core.errors import ArtifactError, ManifestError, SettingsError, SplitError
from errorbar.core.split import (
    SplitManifest,
    hash_ids,
    make_folds,
    read_manifest,
    split_by_time,
    split_groups,
    write_manifest,
)
from errorbar.core.split.manifest import PARTS
from errorbar.core.split.signing import canonical, hash_text

STARS = np.arange(10_000, 10_300)
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("ERRORBAR_SIGNING_KEY", raising=False)


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("ERRORBAR_SIGNING_KEY", KEY)


def changed(manifest, **parts):
    return SplitManifest.from_json(json.dumps(json.loads(manifest.to_json()) | parts))


def rehashed(manifest, **parts):
    """What someone without the key can do."""
    rows = json.loads(manifest.to_json()) | parts
    body = {name: rows[name] for name in PARTS}
    rows["part_sha256"] = {name: hash_text(canonical(body[name])) for name in PARTS}
    rows["sha256"] = hash_text(canonical(body))
    return SplitManifest.from_json(json.dumps(rows))


@pytest.mark.parametrize("signing", [False, True])
def test_a_manifest_is_read_back_to_the_same_bytes(tmp_path, monkeypatch, signing):
    if signing:
        monkeypatch.setenv("ERRORBAR_SIGNING_KEY", KEY)
    split = split_groups(STARS, seed=4, classes=STARS % 3)
    path = write_manifest(tmp_path / "split.json", SplitManifest.of(split))
    again = read_manifest(path, split, signed=signing)
    assert write_manifest(tmp_path / "again.json", again).read_bytes() == path.read_bytes()
    assert again == SplitManifest.of(split)
    text = path.read_text()
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert KEY not in text
    assert again.verify() == ("signed" if signing else "unsigned")
    assert (again.signature is not None) is signing


def test_the_order_of_rows_does_not_change_a_byte():
    order = np.random.default_rng(0).permutation(300)
    there = SplitManifest.of(split_groups(STARS))
    assert SplitManifest.of(split_groups(STARS[order])).to_json() == there.to_json()
    assert SplitManifest.of(split_groups(STARS.astype(str))).to_json() == there.to_json()


def test_hashes_of_ids_can_be_made_by_anyone():
    split = split_groups(STARS)
    lines = "\n".join(sorted(str(star) for star in split.groups_in("test").tolist()))
    manifest = SplitManifest.of(split)
    assert manifest.ids_sha256["test"] == hashlib.sha256(lines.encode()).hexdigest()
    assert manifest.counts["test"]["groups"] == len(split.groups_in("test"))
    with pytest.raises(SplitError, match="line break"):
        hash_ids(["a", "b\nc"])


def test_a_manifest_knows_the_role_of_every_star():
    split = split_by_time(np.repeat(STARS, 2), np.tile([0.0, 2.0], 300) + STARS.repeat(2) % 3, 2.0)
    manifest = SplitManifest.from_json(SplitManifest.of(split).to_json())
    np.testing.assert_array_equal(manifest.roles_of(STARS), split.roles_of(STARS))
    np.testing.assert_array_equal(manifest.knows(["10000", "9999"]), [True, False])
    with pytest.raises(SplitError, match=r"1 of 2 ids are not in the manifest, first at row 1"):
        manifest.roles_of([10_000, 9999])


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("seed", 5),
        ("family", "sky"),
        ("algorithm", "md5"),
        ("parameters", {}),
        ("facts", {"groups": 3}),
        ("counts", {"train": {"groups": 1, "rows": 1}}),
        ("ids_sha256", {}),
        ("members", {"train": ""}),
    ],
)
def test_what_was_changed_is_named(part, value, key):
    manifest = SplitManifest.of(split_groups(STARS))
    with pytest.raises(ManifestError, match=rf"changed since it was written: {part}") as caught:
        changed(manifest, **{part: value}).verify()
    assert caught.value.changed == (part,)
    assert isinstance(caught.value, ArtifactError)
    # Whoever makes the hashes fit cannot make the signature fit.
    with pytest.raises(ManifestError, match="signature is not that of the key"):
        rehashed(manifest, **{part: value}).verify()


def test_the_hashes_themselves_are_looked_at():
    manifest = SplitManifest.of(split_groups(STARS))
    with pytest.raises(ManifestError, match="own hashes") as caught:
        changed(manifest, sha256="0" * 64).verify()
    assert caught.value.changed == ("sha256",)


def test_a_signature_is_asked_for(monkeypatch):
    split = split_groups(STARS)
    plain = SplitManifest.of(split)
    with pytest.raises(ManifestError, match="not signed: set ERRORBAR_SIGNING_KEY"):
        plain.verify(signed=True)
    monkeypatch.setenv("ERRORBAR_SIGNING_KEY", KEY)
    signed = SplitManifest.of(split)
    assert signed.verify(split, signed=True) == "signed"
    assert plain.verify() == "unsigned"
    assert signed.sha256 == plain.sha256
    monkeypatch.setenv("ERRORBAR_SIGNING_KEY", KEY[::-1])
    with pytest.raises(ManifestError, match="the key is another one"):
        signed.verify()
    monkeypatch.delenv("ERRORBAR_SIGNING_KEY")
    assert signed.verify() == "unchecked"
    with pytest.raises(ManifestError, match="no key to check that with"):
        signed.verify(signed=True)
    monkeypatch.setenv("ERRORBAR_SIGNING_KEY", "short")
    with pytest.raises(SettingsError, match="has 5 bytes"):
        signed.verify()


def test_another_split_is_told_from_the_one_on_record():
    split = split_groups(STARS, seed=1)
    manifest = SplitManifest.of(split)
    assert manifest.verify(split) == "unsigned"
    with pytest.raises(ManifestError, match="another split: .*seed differ; roles") as caught:
        manifest.verify(split_groups(STARS, seed=2))
    assert {"seed", "train", "test"} <= set(caught.value.changed)
    with pytest.raises(ManifestError, match="counts, facts, ids_sha256, members differ"):
        manifest.verify(split_groups(STARS[1:], seed=1))


def test_folds_have_records_of_their_own():
    records = [SplitManifest.of(each) for each in make_folds(STARS, 3).splits(("test",))]
    assert len({record.sha256 for record in records}) == 3


def test_what_is_no_manifest_is_refused(tmp_path):
    whole = SplitManifest.of(split_groups(STARS))
    with pytest.raises(ManifestError, match="not JSON"):
        SplitManifest.from_json("{")
    with pytest.raises(ManifestError, match="not a table"):
        SplitManifest.from_json("[]")
    with pytest.raises(ManifestError, match="strange ones: extra") as caught:
        changed(whole, extra=1)
    assert caught.value.changed == ("extra",)
    with pytest.raises(ManifestError, match="format 2"):
        changed(whole, format=2)
    with pytest.raises(ManifestError, match="`counts` of the manifest is not a table"):
        changed(whole, counts=3)
    with pytest.raises(ManifestError, match="members` of train cannot be read"):
        changed(whole, members={"train": "%%%"}).knows([1])
    path = tmp_path / "split.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ManifestError, match=r"split\.json: it is not text"):
        read_manifest(path)
    path.write_text("{}")
    with pytest.raises(ManifestError, match=r"split\.json: the manifest lacks parts"):
        read_manifest(path)
