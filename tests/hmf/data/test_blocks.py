import json
import subprocess
import sys

import h5py
import numpy as np
import polars as pl
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import MeasurementError, MissingExtraError, SettingsError, TableError
from errorbar.hmf.data import ArrayBlocks, check_blocks, open_blocks, write_blocks
from errorbar.hmf.data.blocks.layout import usual_rows

ENDINGS = (".npy", ".h5", ".zarr", ".parquet")


def some_matrices(rows=23, pixels=7, kind=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    W = rng.uniform(0.5, 2, (rows, pixels)) * rng.integers(0, 2, (rows, pixels))
    Y = np.where(W > 0, rng.normal(size=(rows, pixels)), np.nan)
    return Y.astype(kind), W.astype(kind)


def whole(blocks):
    parts = [blocks.read(block) for block in range(blocks.n_blocks)]
    return tuple(np.concatenate(each) for each in zip(*parts))


@given(rows=st.integers(1, 40), size=st.integers(1, 12))
def test_bounds_cut_all_rows_once_and_in_order(rows, size):
    blocks = ArrayBlocks(np.zeros((rows, 2)), rows=size)
    bounds = [blocks.bounds(block) for block in range(blocks.n_blocks)]
    assert [row for start, stop in bounds for row in range(start, stop)] == list(range(rows))
    assert all(stop - start == size for start, stop in bounds[:-1])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("ending", ENDINGS)
def test_blocks_come_back_from_a_file_bit_for_bit(ending, kind, tmp_path):
    Y, W = some_matrices(kind=kind)
    path = write_blocks(tmp_path / f"stars{ending}", ArrayBlocks(Y, W, rows=6))
    blocks = open_blocks(path, rows=6)
    assert (blocks.n_rows, blocks.n_pixels, blocks.n_blocks) == (23, 7, 4)
    assert blocks.dtype == kind
    for block in range(blocks.n_blocks):
        for found in blocks.read(block):
            assert found.dtype == kind
            assert found.flags.c_contiguous
            assert found.flags.writeable
    for found, wanted in zip(whole(blocks), (Y, W)):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("ending", [".h5", ".zarr", ".parquet"])
def test_blocks_follow_the_chunks_of_the_file_unless_told(ending, tmp_path):
    path = write_blocks(tmp_path / f"stars{ending}", ArrayBlocks(*some_matrices(), rows=6))
    assert open_blocks(path).bounds(1) == (6, 12)
    blocks = open_blocks(path, rows=10)
    assert blocks.bounds(2) == (20, 23)
    np.testing.assert_array_equal(whole(blocks)[1], some_matrices()[1])


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_description_opens_the_same_blocks_in_another_process(ending, tmp_path):
    Y, W = some_matrices()
    path = write_blocks(tmp_path / f"stars{ending}", ArrayBlocks(Y, W, rows=6))
    said = open_blocks(path, rows=5).describe()
    assert all(value is None or isinstance(value, (str, int)) for value in said.values())
    assert open_blocks(**said).describe() == said
    program = (
        "import sys, json; from errorbar.hmf.data import open_blocks;"
        "blocks = open_blocks(**json.loads(sys.argv[1]));"
        "sys.stdout.write(blocks.read(2)[1].tobytes().hex())"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, json.dumps(said)],
        check=True,
        capture_output=True,
        text=True,
        cwd="/",
    ).stdout
    assert told == W[10:15].tobytes().hex()


@pytest.mark.parametrize("ending", ENDINGS)
def test_wavelengths_and_names_travel_with_the_file(ending, tmp_path):
    wavelength = 10 ** np.linspace(3.5, 3.6, 7)
    ids = [f"Stern {row} ä" for row in range(23)]
    blocks = ArrayBlocks(*some_matrices(), rows=6)
    path = write_blocks(tmp_path / f"s{ending}", blocks, wavelength=wavelength, ids=ids)
    axes = open_blocks(path).axes()
    np.testing.assert_array_equal(axes.wavelength, wavelength)
    assert axes.ids == tuple(ids)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_without_names_says_so(ending, tmp_path):
    path = write_blocks(tmp_path / f"s{ending}", ArrayBlocks(*some_matrices()))
    axes = open_blocks(path).axes()
    assert axes.wavelength is None
    assert axes.ids is None


@pytest.mark.parametrize("ending", [".npy", ".h5", ".parquet"])
def test_a_file_is_replaced_and_leaves_nothing_beside_it(ending, tmp_path):
    path = tmp_path / f"stars{ending}"
    write_blocks(path, ArrayBlocks(*some_matrices(seed=1)))
    write_blocks(path, ArrayBlocks(*some_matrices(seed=2)))
    np.testing.assert_array_equal(whole(open_blocks(path))[1], some_matrices(seed=2)[1])
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_write_that_fails_leaves_nothing(ending, tmp_path):
    class Broken(ArrayBlocks):
        def read(self, block):
            if block:
                raise KeyboardInterrupt
            return super().read(block)

    with pytest.raises((KeyboardInterrupt, pl.exceptions.PolarsError)):
        write_blocks(tmp_path / f"stars{ending}", Broken(*some_matrices(), rows=5))
    assert not list(tmp_path.iterdir())


def test_a_zarr_folder_is_never_replaced(tmp_path):
    path = write_blocks(tmp_path / "stars.zarr", ArrayBlocks(*some_matrices()))
    with pytest.raises(TableError, match="remove it first"):
        write_blocks(path, ArrayBlocks(*some_matrices()))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TableError, match="there is no folder"):
        write_blocks(tmp_path / "no" / "stars.h5", ArrayBlocks(*some_matrices()))


# Blocks in memory.


def test_blocks_in_memory_are_views():
    Y, W = some_matrices()
    blocks = ArrayBlocks(Y, W, rows=4)
    assert all(np.shares_memory(*pair) for pair in zip(blocks.read(3), (Y, W)))
    with pytest.raises(SettingsError, match="write_blocks"):
        blocks.describe()


@pytest.mark.parametrize("block", [-1, 3])
def test_a_block_that_is_not_there_is_refused(block):
    with pytest.raises(SettingsError, match="from 0 to 2"):
        ArrayBlocks(np.zeros((5, 2)), rows=2).bounds(block)


def test_a_block_needs_a_row():
    with pytest.raises(SettingsError, match="at least one row"):
        ArrayBlocks(np.zeros((5, 2)), rows=0)


def test_the_usual_block_holds_sixty_four_mebibytes_of_whole_chunks():
    double, single = np.dtype(np.float64), np.dtype(np.float32)
    for kind in (double, single):
        rows = usual_rows(1200, kind)
        assert rows % 8 == 0
        assert 0.99 < rows * 1200 * 2 * kind.itemsize / 2**26 <= 1
    assert usual_rows(1200, double, (50, 1200)) == 50
    assert usual_rows(1200, double, (50, 100)) % 50 == 0
    assert usual_rows(10**9, double) == 8


# Values.


@pytest.mark.parametrize("ending", ENDINGS)
def test_faults_are_told_by_their_row_in_the_whole_file(ending, tmp_path):
    Y, W = some_matrices()
    path = write_blocks(tmp_path / f"stars{ending}", ArrayBlocks(Y, W, rows=6))
    assert check_blocks(open_blocks(path), 2).rows == 23

    class Bad(ArrayBlocks):
        def read(self, block):
            found = super().read(block)
            found[1][...] = np.where(block == 2, -1, found[1])
            return found

    path = write_blocks(tmp_path / f"bad{ending}", Bad(Y.copy(), W.copy(), rows=6))
    with pytest.raises(MeasurementError, match=r"42 negative, first at row 12, pixel 0"):
        check_blocks(open_blocks(path), 2)


def test_a_mapped_file_is_not_changed_by_who_writes_into_a_block(tmp_path):
    path = write_blocks(tmp_path / "stars.npy", ArrayBlocks(*some_matrices()))
    open_blocks(path).read(0)[1][...] = 7
    np.testing.assert_array_equal(open_blocks(path).read(0)[1], some_matrices()[1])


# Names and shapes in files.


def hdf5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name.replace("__", "/")] = values
    return path


def test_either_file_of_a_pair_opens_it(tmp_path):
    Y, W = some_matrices()
    for first, second in (("a_Y", "a_W"), ("a_flux", "a_ivar"), ("Y", "W")):
        np.save(tmp_path / f"{first}.npy", Y)
        np.save(tmp_path / f"{second}.npy", W)
        for name in (first, second):
            np.testing.assert_array_equal(whole(open_blocks(tmp_path / f"{name}.npy"))[1], W)


def test_a_lonely_file_is_told_what_it_lacks(tmp_path):
    np.save(tmp_path / "stars.npy", np.zeros((2, 3)))
    with pytest.raises(TableError, match="stars_flux.npy and stars_ivar.npy, or stars_Y.npy"):
        open_blocks(tmp_path / "stars.npy")


def test_files_are_never_unpickled(tmp_path):
    for name in ("a_Y", "a_W"):
        np.save(tmp_path / f"{name}.npy", np.array([[None]], dtype=object), allow_pickle=True)
    with pytest.raises(TableError, match="plain numbers"):
        open_blocks(tmp_path / "a_Y.npy")


@pytest.mark.parametrize("names", [("Y", "W"), ("FLUX", "IVAR"), ("flux", "ivar")])
def test_the_usual_names_are_found_in_any_case(names, tmp_path):
    Y, W = some_matrices()
    path = hdf5(tmp_path / "a.h5", **dict(zip(names, (Y, W))))
    np.testing.assert_array_equal(whole(open_blocks(path))[1], W)


def test_names_of_ones_own_are_given_even_in_groups(tmp_path):
    Y, W = some_matrices()
    path = hdf5(tmp_path / "a.h5", rvs__spectra=Y, rvs__weights=W)
    with pytest.raises(TableError, match="it has `rvs/spectra`, `rvs/weights`. Name the values"):
        open_blocks(path)
    blocks = open_blocks(path, flux="rvs/spectra", ivar="rvs/weights")
    np.testing.assert_array_equal(whole(open_blocks(**blocks.describe()))[1], W)
    with pytest.raises(SettingsError, match="name both"):
        open_blocks(path, flux="rvs/spectra")


def test_chunks_across_pixels_do_not_make_small_blocks(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in ("flux", "ivar"):
            file.create_dataset(name, (100, 50), np.float32, chunks=(7, 25))
    assert open_blocks(tmp_path / "a.h5").n_blocks == 1


@pytest.mark.parametrize(
    ("shapes", "way_out"),
    [
        (((4, 3), (3, 4)), "each value needs its own weight"),
        (((4,), (4,)), "a matrix of one row"),
        (((2, 2, 2), (2, 2, 2)), "must have rows and pixels"),
        (((0, 3), (0, 3)), "must have rows and pixels"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes, way_out, tmp_path):
    arrays = {name: np.zeros(shape) for name, shape in zip(("flux", "ivar"), shapes)}
    with pytest.raises(TableError, match=way_out):
        open_blocks(hdf5(tmp_path / "a.h5", **arrays))
    group = zarr.create_group(tmp_path / "a.zarr")
    for name, values in arrays.items():
        group.create_array(name, data=values, chunks=(1,) * values.ndim)
    with pytest.raises(TableError, match=way_out):
        open_blocks(tmp_path / "a.zarr")
    for name, values in arrays.items():
        np.save(tmp_path / f"a_{name}.npy", values)
    with pytest.raises(TableError, match=way_out):
        open_blocks(tmp_path / "a.npy")


def test_what_is_no_number_is_refused(tmp_path):
    path = hdf5(tmp_path / "a.h5", flux=np.full((2, 2), b"x"), ivar=np.zeros((2, 2)))
    with pytest.raises(TableError, match="it must be numbers"):
        open_blocks(path)
    table = pl.DataFrame({"flux": [["a"]], "ivar": [[1.0]]})
    table.write_parquet(tmp_path / "a.parquet")
    with pytest.raises(TableError, match="a list of numbers"):
        open_blocks(tmp_path / "a.parquet")


def test_lists_of_any_kind_are_read_from_parquet(tmp_path):
    table = pl.DataFrame({"Y": [[1, 2], [3, 4]], "W": [[1.0, 0.5], [None, 2.0]]})
    table.write_parquet(tmp_path / "a.parquet")
    Y, W = open_blocks(tmp_path / "a.parquet").read(0)
    assert Y.tolist() == [[1, 2], [3, 4]]
    assert np.isnan(W[1, 0])


def test_lists_of_unequal_length_are_refused(tmp_path):
    path = tmp_path / "a.parquet"
    table = pl.DataFrame({"Y": [[1.0, 2.0], [3.0, 4.0]], "W": [[1.0, 1.0], [1.0]]})
    table.write_parquet(path)
    with pytest.raises(TableError, match="2 pixels in each row; 1 rows of this block .* row 1"):
        open_blocks(path).read(0)
    table.with_columns(Y=pl.Series([None, [1.0]])).write_parquet(path)
    with pytest.raises(TableError, match="no pixels in its first row"):
        open_blocks(path)
    table.clear().write_parquet(path)
    with pytest.raises(TableError, match="has no rows"):
        open_blocks(path)


@pytest.mark.parametrize("ending", [".h5", ".zarr", ".parquet"])
def test_a_file_of_another_kind_is_refused(ending, tmp_path):
    path = tmp_path / f"a{ending}"
    with pytest.raises(TableError, match="there is no file"):
        open_blocks(path)
    path.write_bytes(b"this is no spectrum")
    with pytest.raises(TableError, match="cannot be read as"):
        open_blocks(path)


def test_a_path_must_say_its_format(tmp_path):
    with pytest.raises(SettingsError, match=r"\.zarr.*format="):
        open_blocks(tmp_path / "stars")
    with pytest.raises(SettingsError, match="is not one of npy, hdf5"):
        open_blocks(tmp_path / "stars.h5", format="csv")
    path = hdf5(tmp_path / "stars", Y=np.zeros((2, 2)), W=np.ones((2, 2)))
    assert open_blocks(path, format="hdf5").n_rows == 2
    with pytest.raises(SettingsError, match="no names in it"):
        open_blocks(tmp_path / "a.npy", flux="a", ivar="b")


@pytest.mark.parametrize(("package", "ending"), [("h5py", ".h5"), ("zarr", ".zarr")])
def test_a_missing_library_names_the_extra(package, ending, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package}.*errorbar\[hmf\]"):
        write_blocks(tmp_path / f"a{ending}", ArrayBlocks(*some_matrices()))


def test_rows_and_pixels_without_a_value_are_not_guessed_in_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    kind = pl.Array(pl.Float32, 2)
    columns = {"flux": [[1.0, None], [3.0, 4.0]], "ivar": [[1.0, 0.0], [1.0, 1.0]]}
    table = pl.DataFrame(columns, schema={"flux": kind, "ivar": kind})
    table.write_parquet(path)
    Y, W = open_blocks(path).read(0)
    assert np.isnan(Y[0, 1])
    assert W.dtype == np.float32
    table.with_columns(ivar=pl.Series([[1.0, 0.0], None], dtype=kind)).write_parquet(path)
    with pytest.raises(TableError, match="`ivar` .* first row 1"):
        open_blocks(path).read(0)
