import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from errorbar.core.artifact import read_artifact, write_artifact
from errorbar.core.artifact.files import READERS
from errorbar.core.errors import ArtifactError

dtypes = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
)
any_array = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)  # fmt: skip


@pytest.fixture
def line(tmp_path):
    """A small artifact on disk."""
    return write_artifact(
        tmp_path / "line.safetensors",
        "line",
        {"slope": np.array([-1.09, 0.04]), "used": np.array([True, False])},
        {"prior": "flat"},
    )


def rewrite(path, change, *, seal=True):
    """Puts a changed manifest into a file, with a hash that fits it unless told otherwise."""
    data = path.read_bytes()
    arrays = safetensors.numpy.load(data)
    size = int.from_bytes(data[:8], "little")
    head = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["manifest"])
    change(head)
    if seal and "sha256" in head:
        digest = hashlib.sha256(canonical({k: v for k, v in head.items() if k != "sha256"}))
        for name in sorted(arrays):
            label = [name, arrays[name].dtype.name, list(arrays[name].shape)]
            digest.update(b"\n" + canonical(label) + b"\n" + arrays[name].tobytes())
        head["sha256"] = digest.hexdigest()
    path.write_bytes(safetensors.numpy.save(arrays, {"manifest": canonical(head).decode()}))


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@given(
    arrays=st.dictionaries(st.text("ab_é ", min_size=1, max_size=4), any_array, max_size=4),
    manifest=st.dictionaries(st.text(max_size=5), plain_json, max_size=3),
)
def test_what_is_written_is_read(tmp_path_factory, arrays, manifest):
    path = tmp_path_factory.mktemp("round") / "trip"
    read = read_artifact(write_artifact(path, "anything", arrays, manifest), "anything")
    assert read.manifest == manifest
    assert list(read.arrays) == sorted(arrays)
    for name, array in arrays.items():
        back = read.arrays[name]
        assert back.shape == array.shape
        assert back.dtype == array.dtype.newbyteorder("=")
        # Bytes, so that every NaN and every signed zero is the same one.
        assert back.tobytes() == array.astype(back.dtype).tobytes()


def test_a_transposed_view_is_not_scrambled(tmp_path):
    table = np.arange(6.0).reshape(2, 3)
    views = {"turned": table.T, "every_other": table[:, ::2], "backwards": table[::-1]}
    read = read_artifact(write_artifact(tmp_path / "views", "views", views, {}), "views")
    for name, view in views.items():
        np.testing.assert_array_equal(read.arrays[name], view)


def test_equal_values_are_equal_bytes_in_every_process(tmp_path):
    program = (
        "import sys, numpy as np\n"
        "from errorbar.core.artifact import write_artifact\n"
        "arrays = {n: np.arange(3.0) for n in sys.argv[2].split(',')}\n"
        "manifest = {n: {'z': 1, 'a': [2]} for n in sys.argv[2].split(',')}\n"
        "write_artifact(sys.argv[1], 'order', arrays, manifest)\n"
    )
    written = set()
    for hash_seed, names in (("1", "a,b,c,d"), ("2", "d,c,b,a"), ("3", "b,d,a,c")):
        path = tmp_path / hash_seed
        subprocess.run(
            [sys.executable, "-c", program, str(path), names],
            check=True,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
        )
        written.add(path.read_bytes())
    assert len(written) == 1


@pytest.mark.heavy
def test_every_single_flipped_bit_is_noticed(line):
    whole = line.read_bytes()
    for index in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[index] ^= 1 << bit
            line.write_bytes(flipped)
            with pytest.raises(ArtifactError, match="line.safetensors"):
                read_artifact(line, "line")


def test_every_truncation_is_noticed(line):
    whole = line.read_bytes()
    for length in range(len(whole)):
        line.write_bytes(whole[:length])
        with pytest.raises(ArtifactError, match="not a whole safetensors file"):
            read_artifact(line, "line")
    line.write_bytes(whole + b"\0")
    with pytest.raises(ArtifactError, match="not a whole safetensors file"):
        read_artifact(line, "line")


def test_a_pickle_is_refused_unopened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was opened",))

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path = tmp_path / "trap"
        path.write_bytes(pickle.dumps(Trap(), protocol))
        with pytest.raises(ArtifactError, match="A pickle is never read"):
            read_artifact(path, "line")


def test_numpy_files_are_refused(tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, slope=np.zeros(2))
    path = tmp_path / "line.npz"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(ArtifactError, match="not a whole safetensors file"):
        read_artifact(path, "line")


@pytest.mark.parametrize("metadata", [None, {}, {"made": "elsewhere"}])
def test_a_safetensors_file_of_others_is_refused(tmp_path, metadata):
    path = tmp_path / "network"
    path.write_bytes(safetensors.numpy.save({"w": np.zeros(2)}, metadata))
    with pytest.raises(ArtifactError, match="not one of ours"):
        read_artifact(path, "line")


@pytest.mark.parametrize("text", ["", "{", "NaN", "[]", '{"b":1,"a":2}', '{ "a":1}', "[" * 10**5])
def test_a_manifest_that_we_would_not_have_written_is_refused(tmp_path, text):
    path = tmp_path / "odd"
    path.write_bytes(safetensors.numpy.save({"w": np.zeros(2)}, {"manifest": text}))
    with pytest.raises(ArtifactError, match="its manifest is not"):
        read_artifact(path, "line")


def test_further_metadata_beside_the_manifest_is_refused(line):
    arrays = safetensors.numpy.load(line.read_bytes())
    line.write_bytes(safetensors.numpy.save(arrays, {"manifest": "{}", "note": "hello"}))
    with pytest.raises(ArtifactError, match="only metadata is `manifest`"):
        read_artifact(line, "line")


def test_a_number_type_that_we_do_not_write_is_refused(tmp_path):
    header = b'{"w":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'
    path = tmp_path / "bf16"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")
    with pytest.raises(ArtifactError, match="BF16"):
        read_artifact(path, "line")


def test_another_kind_is_refused_by_name(line):
    with pytest.raises(ArtifactError, match="holds a 'line', and a 'spectrum' was asked for"):
        read_artifact(line, "spectrum")


@pytest.mark.parametrize("number", [2, 0, -1, True, 1.0, "1", None])
def test_a_format_without_a_reader_is_refused_with_the_way_out(line, number):
    rewrite(line, lambda head: head.update(format=number))
    with pytest.raises(ArtifactError, match="use the errorbar that wrote it, or a newer one"):
        read_artifact(line, "line")


def test_every_format_so_far_has_its_reader():
    assert list(READERS) == [1]


@pytest.mark.parametrize(
    "change",
    [
        lambda head: head.pop("versions"),
        lambda head: head.pop("sha256"),
        lambda head: head.update(owner="me"),
        lambda head: head.update(kind=7),
        lambda head: head.update(versions=None),
        lambda head: head.update(content=[]),
    ],
)
def test_a_manifest_with_other_keys_is_refused_even_with_a_true_hash(line, change):
    rewrite(line, change)
    with pytest.raises(ArtifactError, match=r"format 1 has content \(dict\)"):
        read_artifact(line, "line")


def test_a_resealed_file_is_read_and_an_unsealed_change_is_not(line):
    rewrite(line, lambda head: head["content"].update(prior="reference"))
    assert read_artifact(line, "line").manifest == {"prior": "reference"}
    rewrite(line, lambda head: head["content"].update(prior="flat"), seal=False)
    with pytest.raises(ArtifactError, match="changed or damaged since it was written"):
        read_artifact(line, "line")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"a": np.float32(1.0)}, r"manifest\['a'\] is a float32.*\.item\(\)"),
        ({"a": [1, {"b": np.int64(2)}]}, r"manifest\['a'\]\[1\]\['b'\] is a int64"),
        ({"a": np.zeros(2)}, "an array belongs in `arrays`"),
        ({"a": float("inf")}, "is inf, which JSON cannot hold: write None"),
        ({"a": float("nan")}, "is nan"),
        ({1: "a"}, "JSON's keys are text: write '1'"),
        ({"a": {2, 3}}, "is a set"),
    ],
)
def test_a_manifest_that_is_not_plain_json_is_refused_by_place(tmp_path, manifest, message):
    with pytest.raises(ArtifactError, match=message):
        write_artifact(tmp_path / "x", "line", {}, manifest)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "array", [np.array(["a"]), np.array([None]), np.zeros(1, complex), np.zeros(1, "M8[s]")]
)
def test_an_array_that_is_not_of_numbers_is_refused(tmp_path, array):
    with pytest.raises(ArtifactError, match="array 'a' is of type"):
        write_artifact(tmp_path / "x", "line", {"a": array}, {})


def test_an_artifact_without_a_kind_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="needs a kind"):
        write_artifact(tmp_path / "x", "", {}, {})


def test_a_failed_write_leaves_the_old_file_and_nothing_else(line, monkeypatch):
    before = line.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_artifact(line, "line", {"slope": np.zeros(9)}, {})
    assert line.read_bytes() == before
    assert list(line.parent.iterdir()) == [line]


def test_what_was_read_cannot_be_changed(line):
    read = read_artifact(line, "line")
    with pytest.raises(ValueError, match="read-only"):
        read.arrays["slope"][0] = 1.0
    with pytest.raises(TypeError):
        read.manifest["prior"] = "other"
    assert read.versions["numpy"] == np.__version__


def test_the_file_of_the_first_release_is_still_read():
    # Written by errorbar 0.1.0 with numpy 2.4.6; never to be written again.
    read = read_artifact(Path(__file__).with_name("format1.safetensors"), "line")
    np.testing.assert_array_equal(read.arrays["slope"], [[-1.09, 0.04], [0.5, -0.0]])
    np.testing.assert_array_equal(read.arrays["rows"], np.array([3, 1, 2], dtype=np.int32))
    assert read.manifest == {"prior": "flat", "level": 0.68}
