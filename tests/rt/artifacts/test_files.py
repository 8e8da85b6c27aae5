"""Coefficients on disk, and in the files that CompAssign exchanges."""

import json
from dataclasses import fields

import numpy as np
import pytest

from errorbar.core.errors import ArtifactError
from errorbar.rt.artifacts import (
    read_backoff,
    read_coefficients,
    read_export,
    write_backoff,
    write_coefficients,
    write_export,
)
from tests.rt.artifacts.some import peaks_of, some_backoff, some_coefficients, some_peaks

OPTIONAL = {
    "supercat_id": None,
    "beta_cov": None,
    "feature_center": None,
    "feature_rotation": None,
}


def same(one, other, *, width=None):
    """Whether two values hold the same arrays, bit for bit or once rounded to `width`."""
    for f in fields(one):
        a, b = getattr(one, f.name), getattr(other, f.name)
        if isinstance(a, np.ndarray):
            if width is not None and a.dtype.kind == "f":
                a = a.astype(width)
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        elif isinstance(a, float):
            assert b == (a if width is None else float(width(a)))
        else:
            assert a == b


def the_reference_reads(path):
    """What CompAssign's loader does: everything unpickled, names to str, numbers to float."""
    with np.load(path, allow_pickle=True) as npz:
        read = {name: npz[name] for name in npz.files}
    read["feature_names"] = tuple(str(s) for s in read["feature_names"].tolist())
    if "group_col" in read:
        read["group_col"] = str(read["group_col"].tolist())
    return read


def the_reference_writes(path, value):
    """What CompAssign writes: names as objects, which numpy pickles."""
    held = {f.name: getattr(value, f.name) for f in fields(value)}
    objects = {
        name: np.asarray(held.pop(name), dtype=object)
        for name in ("feature_names", "group_col")
        if name in held
    }
    arrays = {name: np.asarray(a) for name, a in held.items() if a is not None}
    plain = {n: a.astype("f4") if a.dtype.kind == "f" else a for n, a in arrays.items()}
    np.savez_compressed(path, **objects, **plain)
    return path


@pytest.mark.parametrize("changes", [{}, OPTIONAL, {"group_col": "species_cluster"}])
def test_an_artifact_keeps_every_bit(tmp_path, changes):
    value = some_coefficients(**changes)
    path = write_coefficients(tmp_path / "fit.safetensors", value)
    same(value, read_coefficients(path))


@pytest.mark.parametrize("changes", [{}, OPTIONAL])
def test_the_exchange_format_keeps_float32(tmp_path, changes):
    value = some_coefficients(**changes)
    read = read_coefficients(write_coefficients(tmp_path / "fit.npz", value))
    same(value, read, width=np.float32)
    peaks = peaks_of(value)
    np.testing.assert_allclose(read.predict(peaks).mean, value.predict(peaks).mean, atol=1e-5)


def test_the_exchange_format_needs_no_pickles(tmp_path):
    path = write_coefficients(tmp_path / "fit.npz", some_coefficients())
    with np.load(path, allow_pickle=False) as npz:
        assert npz["feature_names"].tolist() == ["IS1", "IS2", "IS3"]
        assert npz["group_col"].tolist() == "species"


def test_the_reference_reads_what_is_written(tmp_path):
    value = some_coefficients()
    read = the_reference_reads(write_coefficients(tmp_path / "fit.npz", value))
    assert read["feature_names"] == value.feature_names
    assert read["group_col"] == "species"
    for name, array in read.items():
        if isinstance(array, np.ndarray):
            mine = getattr(value, name)
            assert array.dtype == (np.float32 if mine.dtype.kind == "f" else np.int64)
            np.testing.assert_array_equal(array, mine.astype(array.dtype))
    assert set(read) == {f.name for f in fields(value)}


def test_the_reference_reads_a_backoff(tmp_path):
    value = some_backoff()
    read = the_reference_reads(write_backoff(tmp_path / "backoff.npz", value))
    assert set(read) == {f.name for f in fields(value)}
    assert float(read["tau_comp"]) == np.float32(0.3)
    np.testing.assert_array_equal(read["w_cluster"], value.w_cluster.astype(np.float32))


def test_what_the_reference_writes_is_read(tmp_path):
    value = some_coefficients()
    path = the_reference_writes(tmp_path / "fit.npz", value)
    with pytest.raises(ValueError, match="allow_pickle"), np.load(path) as npz:
        npz["feature_names"]
    same(value, read_coefficients(path), width=np.float32)
    backoff = some_backoff()
    path = the_reference_writes(tmp_path / "backoff.npz", backoff)
    same(backoff, read_backoff(path), width=np.float32)


def test_older_files_lack_the_grouping_and_chemical_ids(tmp_path):
    value = some_coefficients(group_col="species_cluster")
    path = the_reference_writes(tmp_path / "fit.npz", value)
    with np.load(path, allow_pickle=True) as npz:
        arrays = {name: npz[name] for name in npz.files if name != "group_col"}
    np.savez_compressed(path, **arrays)
    assert read_coefficients(path).group_col == "species_cluster"
    path = the_reference_writes(tmp_path / "backoff.npz", some_backoff())
    with np.load(path, allow_pickle=True) as npz:
        arrays = {name: npz[name] for name in npz.files if name != "comp_chem_id"}
    np.savez_compressed(path, **arrays)
    assert set(read_backoff(path).comp_chem_id) == {-1}


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_backoff_is_kept(tmp_path, suffix):
    value = some_backoff()
    read = read_backoff(write_backoff(tmp_path / f"backoff.{suffix}", value))
    same(value, read, width=np.float32 if suffix == "npz" else None)
    peaks = some_peaks()
    np.testing.assert_allclose(read.predict(peaks).sd, value.predict(peaks).sd, rtol=1e-5)


def test_equal_values_make_equal_files(tmp_path):
    for suffix in ("npz", "safetensors"):
        one = write_coefficients(tmp_path / f"a.{suffix}", some_coefficients())
        other = write_coefficients(tmp_path / f"b.{suffix}", some_coefficients())
        assert one.read_bytes() == other.read_bytes()
    assert len(list(tmp_path.iterdir())) == 4


def test_an_export_has_the_names_of_the_reference(tmp_path):
    value, backoff, config = some_coefficients(), some_backoff(), {"lambda_slopes": 3e-4}
    folder = write_export(tmp_path / "fit", value, backoff, config)
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*"))
    assert names == [
        "config.json",
        "models/partial_pool_backoff_summaries.npz",
        "models/stage1_coeff_summaries_posterior.npz",
    ]
    assert json.loads((folder / "config.json").read_text()) == config
    read = read_export(folder)
    same(value, read.coefficients, width=np.float32)
    same(backoff, read.backoff, width=np.float32)
    assert read.config == config
    write_export(folder, value)
    again = read_export(folder)
    assert (again.backoff, again.config) == (None, {})


def test_a_config_that_is_not_json_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="config"):
        write_export(tmp_path, some_coefficients(), config={"sigma": float("nan")})
    write_export(tmp_path, some_coefficients())
    for text in ("{", "[]"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ArtifactError, match="config.json"):
            read_export(tmp_path)


def test_files_that_are_something_else_are_refused(tmp_path):
    path = write_backoff(tmp_path / "backoff.safetensors", some_backoff())
    with pytest.raises(ArtifactError, match="rt backoff.*rt coefficients"):
        read_coefficients(path)
    path = write_backoff(tmp_path / "backoff.npz", some_backoff())
    with pytest.raises(ArtifactError, match="lacks beta_hat.*not rt coefficients"):
        read_coefficients(path)
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(ArtifactError, match="one array"):
        read_coefficients(tmp_path / "one.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ArtifactError, match="no whole .npz"):
        read_coefficients(tmp_path / "text.npz")
    with pytest.raises(FileNotFoundError):
        read_coefficients(tmp_path / "nothing.npz")


def test_values_that_cannot_be_are_refused_with_the_path(tmp_path):
    path = the_reference_writes(tmp_path / "fit.npz", some_coefficients())
    with np.load(path, allow_pickle=True) as npz:
        arrays = {name: npz[name] for name in npz.files}
    for name, array, told in (
        ("sigma2_mean", -arrays["sigma2_mean"], "fit.npz.*sigma2_mean"),
        ("feature_names", np.asarray("IS1", dtype=object), "one text"),
        ("feature_names", np.zeros(3), "text is needed"),
        ("feature_names", np.full((3, 2), "a", dtype=object), "one row"),
        ("feature_names", np.asarray(["a", 1, "b"], dtype=object), "not text, first a int"),
        ("beta_hat", np.asarray([{}], dtype=object), "objects where numbers belong"),
    ):
        np.savez_compressed(path, **(arrays | {name: array}))
        with pytest.raises(ArtifactError, match=told):
            read_coefficients(path)


def test_a_file_that_was_cut_short_is_refused(tmp_path):
    path = the_reference_writes(tmp_path / "fit.npz", some_coefficients())
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.9, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ArtifactError, match="no whole .npz"):
            read_coefficients(path)


def test_a_flipped_byte_is_refused_or_changes_nothing(tmp_path):
    value = some_coefficients()
    path = the_reference_writes(tmp_path / "fit.npz", value)
    whole = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for place in rng.integers(len(whole), size=60):
        broken = whole.copy()
        broken[place] ^= 0x41
        path.write_bytes(broken)
        try:
            read = read_coefficients(path)
        except ArtifactError:
            continue
        # A byte of the archive's own notes, such as a date.
        same(value, read, width=np.float32)
