"""Names out of pickles, and nothing else."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import ArtifactError
from errorbar.rt.artifacts.pickled_text import LARGEST, pickled_text
from tests.rt.artifacts.some import some_coefficients

PROTOCOLS = (2, 3, 4, 5)


def objects(*items):
    return np.array(items, dtype=object)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "array",
    [
        objects(),
        objects("IS1"),
        objects("IS1", "IS10", "poly2_int(IS1,RS2)"),
        objects("same", "same", "é ∑"),
        objects(np.str_("IS1"), "IS2", np.str_("é ∑"), np.str_("IS1")),
        objects(*np.array(["IS1", "IS10"], dtype=">U6")),
        np.array("species", dtype=object),
        objects(*(f"ES_{i}" for i in range(3000))),
        objects("x" * 300, "y" * 70_000),
    ],
)
def test_text_that_numpy_pickled_is_read(array, protocol):
    items, shape = pickled_text(pickle.dumps(array, protocol))
    assert items == array.ravel().tolist()
    assert shape == array.shape


@given(items=st.lists(st.text(max_size=20), max_size=30), protocol=st.sampled_from(PROTOCOLS))
def test_any_text_is_read(items, protocol):
    assert pickled_text(pickle.dumps(objects(*items), protocol))[0] == items


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_older_name_of_numpy_is_known(protocol):
    new, old = b"numpy._core.multiarray", b"numpy.core.multiarray"
    data = pickle.dumps(objects("a"), protocol)
    assert new in data
    data = data.replace(b"\x16" + new, b"\x15" + old).replace(b"c" + new, b"c" + old)
    if protocol >= 4:
        # The frame, a pickle's own count of its bytes, is one less.
        data = (
            data[:3] + (int.from_bytes(data[3:11], "little") - 1).to_bytes(8, "little") + data[11:]
        )
    assert pickled_text(data) == (["a"], (1,))


class Runs:
    """Runs a command when it is unpickled."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("inside", [False, True])
def test_a_pickle_that_runs_something_is_refused_and_not_run(tmp_path, protocol, inside):
    mark = tmp_path / "ran"
    evil = Runs(f"touch {mark}")
    data = pickle.dumps(objects("IS1", evil) if inside else evil, protocol)
    with pytest.raises(ArtifactError, match="system.*refused"):
        pickled_text(data)
    assert not mark.exists()


def test_a_file_that_runs_something_is_refused_and_not_run(tmp_path):
    from errorbar.rt.artifacts import read_coefficients

    mark, path = tmp_path / "ran", tmp_path / "fit.npz"
    value = some_coefficients()
    np.savez_compressed(
        path,
        feature_names=objects("IS1", "IS2", Runs(f"touch {mark}")),
        group_keys=value.group_keys,
    )
    with pytest.raises(ArtifactError, match="fit.npz.*system.*refused"):
        read_coefficients(path)
    assert not mark.exists()
    # The same where a number should be, and as a bare pickle called .npz.
    np.savez_compressed(path, group_keys=objects(Runs(f"touch {mark}")))
    with pytest.raises(ArtifactError, match="never loaded"):
        read_coefficients(path)
    path.write_bytes(pickle.dumps(Runs(f"touch {mark}")))
    with pytest.raises(ArtifactError, match="no whole .npz"):
        read_coefficients(path)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Runs(f"touch {mark}")))  # noqa: S301, that it would have run
    assert mark.exists()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
        (b"\x80\x04]]\x93.", "no name"),
        (b"(ios\nsystem\n.", "INST"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"Ppersistent\n.", "PERSID"),
        (b"\x80\x02cnumpy\nndarray\n)\x81.", "NEWOBJ"),
        (b"\x80\x02cnumpy\nndarray\nK\x05\x85R.", "numpy.ndarray"),
        (b"\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00f8\x89\x88\x87R.", "numpy.dtype"),
        (b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x06\x00\x00\x00rot_13\x86R.", "encode"),
        (b"\x80\x02NN\x86N\x85R.", "something"),
        (b"\x80\x02X\x01\x00\x00\x00a.", "not an array"),
        (b"\x80\x02]X\x01\x00\x00\x00aa.", "not an array"),
        (b"\x80\x02NNa.", "not a list"),
        (b"\x80\x02].", "not an array"),
        (b"\x80\x02NNb.", "other than an array"),
        (b"\x80\x02", "cannot be read|cut short"),
        (b"\x80\x02.", "cannot be read"),
        (b"\x80\x02t.", "cannot be read"),
        (b"\x80\x02h\x07.", "cannot be read"),
        (b"\x80\x02a.", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"", "cannot be read"),
    ],
)
def test_opcodes_that_text_does_not_need_are_refused(data, told):
    with pytest.raises(ArtifactError, match=told):
        pickled_text(data)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused_or_text(data):
    try:
        items, _ = pickled_text(b"\x80\x04" + data)
    except ArtifactError:
        return
    assert all(isinstance(item, str) for item in items)


@given(place=st.integers(0, 200), byte=st.integers(0, 255), protocol=st.sampled_from(PROTOCOLS))
def test_a_damaged_pickle_is_refused_or_text(place, byte, protocol):
    data = bytearray(pickle.dumps(objects("IS1", "IS2", "species"), protocol))
    data[place % len(data)] = byte
    try:
        items, _ = pickled_text(bytes(data))
    except ArtifactError:
        return
    assert all(isinstance(item, str) for item in items)


def test_a_cut_pickle_is_refused():
    data = pickle.dumps(objects("IS1", "IS2"), 4)
    for length in range(len(data)):
        with pytest.raises(ArtifactError, match="cut short|cannot be read"):
            pickled_text(data[:length])


def test_a_pickle_of_other_things_is_refused():
    for thing, told in (
        (objects("a", 1), "not text, first a int"),
        (objects("a", None), "not text, first a NoneType"),
        (objects("a", ("b",)), "first a tuple"),
        (np.array(["a", "b"]), "other than an array"),
        (["a", "b"], "not an array"),
        ({"a": 1}, "EMPTY_DICT"),
        (objects("a", 1.5), "BINFLOAT"),
    ):
        with pytest.raises(ArtifactError, match=told):
            pickled_text(pickle.dumps(thing, 4))


def test_text_that_is_far_too_long_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="larger than"):
        pickled_text(bytes(LARGEST + 1))
    from errorbar.rt.artifacts import read_coefficients

    np.savez_compressed(tmp_path / "fit.npz", feature_names=objects("x" * (LARGEST + 1)))
    with pytest.raises(ArtifactError, match="larger than"):
        read_coefficients(tmp_path / "fit.npz")


def test_a_shape_that_differs_from_the_pickle_is_refused(tmp_path):
    from errorbar.rt.artifacts import read_coefficients

    held = io.BytesIO()
    np.save(held, objects("a", "b"), allow_pickle=True)
    data = held.getvalue().replace(b"'shape': (2,)", b"'shape': (9,)")
    with zipfile.ZipFile(tmp_path / "fit.npz", "w") as archive:
        archive.writestr("feature_names.npy", data)
    with pytest.raises(ArtifactError, match=r"shape \(9,\), and has \(2,\)"):
        read_coefficients(tmp_path / "fit.npz")
