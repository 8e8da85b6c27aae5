import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from errorbar.core.errors import MeasurementError, MissingExtraError, SettingsError, TableError
from errorbar.hmf.data import (
    Spectra,
    log_grid,
    read_lamost,
    read_spectra,
    stack_spectra,
    write_spectra,
)

ENDINGS = (".npz", ".npy", ".h5", ".hdf5", ".zarr", ".parquet", ".fits")


def some_spectra(kind=np.float32, named=True):
    rng = np.random.default_rng(3)
    W = rng.uniform(0.5, 2, (9, 5)) * rng.integers(0, 2, (9, 5))
    Y = np.where(W > 0, rng.normal(size=(9, 5)), np.nan)
    ids = [f"LAMOST J06 {row}" for row in range(9)] if named else None
    axis = np.geomspace(4000, 5000, 5) if named else None
    return Spectra.of(Y.astype(kind), W.astype(kind), ids=ids, wavelength=axis)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("ending", ENDINGS)
def test_spectra_come_back_from_a_file_bit_for_bit(ending, named, kind, tmp_path):
    spectra = some_spectra(kind, named)
    path = write_spectra(tmp_path / f"stars{ending}", spectra)
    found = read_spectra(path)
    assert found.dtype == kind
    assert found.ids == spectra.ids
    for name in ("Y", "W", "wavelength"):
        np.testing.assert_array_equal(getattr(found, name), getattr(spectra, name))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_names_need_not_be_ascii(ending, tmp_path):
    spectra = Spectra.of(np.ones((2, 3)), ids=["η Carinae", "α"])
    assert read_spectra(write_spectra(tmp_path / f"s{ending}", spectra)).ids == spectra.ids


def test_archives_of_other_makers_are_read(tmp_path):
    Y, W = some_spectra().Y, some_spectra().W
    np.savez(tmp_path / "a.npz", Y=Y, W=W)
    np.testing.assert_array_equal(read_spectra(tmp_path / "a.npz").W, W)
    np.savez(tmp_path / "b.npz", mine=Y, weight=W, other=1)
    with pytest.raises(TableError, match="`mine`, `weight`, `other`"):
        read_spectra(tmp_path / "b.npz")
    found = read_spectra(tmp_path / "b.npz", flux="mine", ivar="weight")
    np.testing.assert_array_equal(found.W, W)


def test_values_are_checked_as_they_are_read(tmp_path):
    np.savez(tmp_path / "a.npz", Y=np.full((2, 2), np.nan), W=np.ones((2, 2)))
    with pytest.raises(MeasurementError, match="Set W to 0"):
        read_spectra(tmp_path / "a.npz")


def test_a_fits_table_of_vectors_is_read(tmp_path):
    spectra = some_spectra()
    table = Table({"ID": list(spectra.ids), "FLUX": spectra.Y, "IVAR": spectra.W})
    table.write(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits", mode="append") as file:
        file.append(fits.ImageHDU(np.array(spectra.wavelength), name="WAVELENGTH"))
    found = read_spectra(tmp_path / "a.fits")
    assert found.dtype == np.float32
    assert found.Y.dtype.isnative
    np.testing.assert_array_equal(found.W, spectra.W)
    np.testing.assert_array_equal(found.wavelength, spectra.wavelength)
    assert found.ids is None
    table.rename_column("ID", "ids")
    table.write(tmp_path / "b.fits")
    assert read_spectra(tmp_path / "b.fits").ids == spectra.ids


def test_a_compressed_fits_file_is_read_and_not_written(tmp_path):
    path = write_spectra(tmp_path / "a.fits", some_spectra())
    with fits.open(path) as file:
        file.writeto(tmp_path / "a.fits.gz")
    np.testing.assert_array_equal(read_spectra(tmp_path / "a.fits.gz").W, some_spectra().W)
    with pytest.raises(SettingsError, match="compress it afterwards"):
        write_spectra(tmp_path / "b.fits.gz", some_spectra())


def test_a_survey_file_of_one_spectrum_is_sent_to_its_reader(tmp_path):
    Table({"flux": np.ones(4), "ivar": np.ones(4)}).write(tmp_path / "spec.fits")
    with pytest.raises(TableError, match="errorbar.hmf.data.archives"):
        read_spectra(tmp_path / "spec.fits")


@pytest.mark.parametrize("ending", [".npz", ".h5", ".zarr", ".parquet", ".fits"])
def test_a_file_that_is_not_there_or_not_one_is_refused(ending, tmp_path):
    path = tmp_path / f"a{ending}"
    with pytest.raises(TableError, match="there is no file"):
        read_spectra(path)
    path.write_bytes(b"PK but nothing of the kind")
    with pytest.raises(TableError, match="cannot be read as"):
        read_spectra(path)


def test_an_npz_file_is_never_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", Y=np.array([[None]], dtype=object), W=np.ones((1, 1)))
    with pytest.raises(TableError, match="cannot be read as NPZ"):
        read_spectra(tmp_path / "a.npz")


def test_naming_one_matrix_of_two_is_refused(tmp_path):
    path = write_spectra(tmp_path / "a.npz", some_spectra())
    with pytest.raises(SettingsError, match="name both"):
        read_spectra(path, flux="flux")


def test_the_door_loads_no_library_of_any_format():
    program = "import sys, errorbar.hmf.data; sys.stdout.write(' '.join(sys.modules))"
    told = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert not {"h5py", "zarr", "astropy", "polars", "pyarrow"} & set(told.split())


@pytest.mark.parametrize("ending", ENDINGS)
def test_real_spectra_survive_every_format(ending, tmp_path, shared_data):
    paths = sorted((shared_data / "lamost-dr1-lrs/fits").glob("*.fits"))[:9]
    stack = stack_spectra(map(read_lamost, paths), log_grid(3800, 9000), dtype=np.float32)
    found = read_spectra(write_spectra(tmp_path / f"lamost{ending}", stack))
    assert found.ids == stack.ids
    for name in ("Y", "W", "wavelength"):
        np.testing.assert_array_equal(getattr(found, name), getattr(stack, name))


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="by its ending"):
        write_spectra(tmp_path / "a.txt", some_spectra())


def test_missing_astropy_names_the_extra(tmp_path, monkeypatch):
    for name in ("astropy", "astropy.io"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"astropy.*errorbar\[hmf\]"):
        write_spectra(tmp_path / "a.fits", some_spectra())
