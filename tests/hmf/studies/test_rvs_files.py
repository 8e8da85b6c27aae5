"""From files to matched spectra: formats, joins, refusals."""

import gzip

import h5py
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errorbar.core.errors import SettingsError, TableError
from errorbar.hmf.data import read_gaia_rvs
from errorbar.hmf.studies.rvs import (
    DatasetNames,
    archive_grid,
    collect_archive,
    match_spectra,
    open_spectra,
    write_bulk,
    write_example,
)
from tests.hmf.studies.rvs_made import CLIP, GRID, PIXELS, made_stars, write_h5, write_stars


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rvs")


@pytest.fixture(scope="module")
def example(folder):
    return write_example(folder / "example", rows=300, seed=3, odd=0.1)


@pytest.fixture
def made(tmp_path):
    stars, flux, error, _ = made_stars(40)
    ids = stars["source_id"].to_numpy()
    path = write_h5(tmp_path / "a.h5", ids, flux, error)
    return stars, flux, error, path, write_stars(tmp_path / "a.csv", stars)


# Joins.


def test_spectra_are_read_in_the_order_asked_for(made):
    stars, flux, error, path, metadata = made
    matched = match_spectra([path], [metadata], clip=CLIP)
    rows = np.array([31, 2, 17, 2])
    got = matched.read(stars["source_id"].to_numpy()[rows])
    inner = slice(CLIP, PIXELS - CLIP)
    known = np.isfinite(flux[rows, inner])
    np.testing.assert_array_equal(got.W > 0, known)
    np.testing.assert_array_equal(got.Y[known], flux[rows, inner][known])
    np.testing.assert_allclose(got.W[known], error[rows, inner][known] ** -2, rtol=1e-6)
    np.testing.assert_array_equal(got.wavelength, GRID[inner])
    assert got.dtype == np.float32
    assert got.ids == tuple(str(stars["source_id"][int(row)]) for row in rows)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_and_the_number_of_files_play_no_part(seed, folder):
    rng = np.random.default_rng(seed)
    stars, flux, error, _ = made_stars(30)
    ids = stars["source_id"].to_numpy()
    whole = match_spectra(
        [write_h5(folder / "w.h5", ids, flux, error)],
        [write_stars(folder / "w.csv", stars)],
        clip=CLIP,
    )
    order, cut = rng.permutation(30), int(rng.integers(1, 29))
    parts = [
        write_h5(folder / f"{n}.h5", ids[rows], flux[rows], error[rows])
        for n, rows in enumerate((order[:cut], order[cut:]))
    ]
    tables = [
        write_stars(folder / f"{n}.csv", stars[rows.tolist()])
        for n, rows in enumerate(np.split(rng.permutation(30), [int(rng.integers(1, 29))]))
    ]
    other = match_spectra(parts, tables, clip=CLIP)
    assert whole.table.drop("file", "row").equals(other.table.drop("file", "row"))
    wanted = rng.permutation(ids)[:12]
    np.testing.assert_array_equal(whole.read(wanted).Y, other.read(wanted).Y)
    np.testing.assert_array_equal(whole.read(wanted).W, other.read(wanted).W)


def test_what_has_no_partner_or_is_there_twice_is_reported(made, tmp_path):
    stars, flux, error, _, _ = made
    ids = stars["source_id"].to_numpy()
    twice = np.append(np.arange(40), [7, 7])
    path = write_h5(tmp_path / "b.h5", ids[twice], flux[twice], error[twice])
    some = pl.concat(
        [stars[4:], stars[10:12], stars[:1].with_columns(source_id=pl.lit(5, pl.Int64))]
    )
    report = match_spectra([path], [write_stars(tmp_path / "b.csv", some)], clip=CLIP).report
    assert (report.spectra, report.metadata, report.matched) == (42, 39, 36)
    assert (report.spectra_alone, report.metadata_alone) == (4, 1)
    assert (report.spectra_twice, report.metadata_twice) == (2, 2)
    assert report.first_spectrum_twice == ids[7]
    assert f"4 have none, first source {ids[0]}: left out" in str(report)


def test_metadata_that_disagree_are_refused(made, tmp_path):
    stars, _, _, path, metadata = made
    other = write_stars(tmp_path / "c.csv", stars[:3], parallax=11.0)
    with pytest.raises(TableError, match=r"3 sources are there more than once and disagree, first"):
        match_spectra([path], [metadata, other], clip=CLIP)


def test_no_common_star_is_an_error_that_names_both_sides(made, tmp_path):
    stars, _, _, path, _ = made
    far = stars.with_columns(source_id=pl.int_range(1, 41, dtype=pl.Int64))
    with pytest.raises(TableError, match="no spectrum has metadata: 40 spectra, first source"):
        match_spectra([path], [write_stars(tmp_path / "d.csv", far)], clip=CLIP)


def test_unknown_sources_are_not_read(made):
    _, _, _, path, metadata = made
    with pytest.raises(TableError, match="2 of 2 sources have no matched spectrum, first 3"):
        match_spectra([path], [metadata], clip=CLIP).read([3, 4])


def test_a_clip_that_leaves_nothing_is_refused(made):
    with pytest.raises(SettingsError, match="clip=35 leaves nothing of 70 pixels"):
        match_spectra([made[3]], [made[4]], clip=35)


# HDF5 files.


def test_errors_that_are_none_say_that_a_pixel_is_missing(tmp_path):
    flux, error = np.ones((1, PIXELS), np.float32), np.ones((1, PIXELS), np.float32)
    error[0, 10:13] = 0, -1, np.nan
    flux[0, 20:22] = np.nan, np.inf
    path = write_h5(tmp_path / "a.h5", np.array([9]), flux, error)
    stars = pl.DataFrame({"source_id": [9], "colour": [1.0], "magnitude": [5.0]})
    W = match_spectra([path], [write_stars(tmp_path / "a.csv", stars)], clip=0).read([9]).W
    assert np.flatnonzero(W[0] == 0).tolist() == [10, 11, 12, 20, 21]


def test_other_names_and_the_archives_grid(tmp_path):
    ids, ones = np.array([9]), np.ones((1, 2401), np.float32)
    names = {"source_id": "a/id", "flux": "a/f", "flux_error": "a/e"}
    path = write_h5(tmp_path / "a.h5", ids, ones, ones, wavelength=None, names=names)
    found = open_spectra(path, DatasetNames("a/id", "a/f", "a/e"))
    np.testing.assert_array_equal(found.wavelength, archive_grid())
    assert (found.wavelength[0], found.wavelength[-1]) == (846.0, 870.0)
    plain = write_h5(tmp_path / "b.h5", ids, ones, ones, wavelength=None)
    assert open_spectra(plain, DatasetNames("a/id", "a/f", "a/e")).names.flux == "flux"
    with pytest.raises(TableError, match=r"no dataset `source_id`, `flux`, .* it has `a/e \(1, 2"):
        open_spectra(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ids": np.array([1.0, 2.0])}, "holds float64, which is no identifier"),
        ({"ids": np.array([1, 2, 3])}, r"do not fit together: `source_id` \(3,\)"),
        ({"error": np.ones((2, 4))}, r"do not fit together"),
        ({"wavelength": GRID[:-1]}, "for each of the 70 pixels"),
        ({"wavelength": GRID[::-1]}, "must increase"),
        ({"wavelength": 10 * GRID}, "runs from 8460 to 8700: it must be in nm"),
        ({"wavelength": None}, "70 pixels are not the archive's 2401"),
    ],
)
def test_files_that_do_not_fit_are_refused(changes, words, tmp_path):
    given = {"ids": np.array([1, 2]), "flux": np.ones((2, PIXELS)), "error": np.ones((2, PIXELS))}
    with pytest.raises(TableError, match=words):
        open_spectra(write_h5(tmp_path / "a.h5", **(given | changes)))


def test_a_file_that_was_cut_short_is_said_to_be(made, tmp_path):
    path = tmp_path / "cut.h5"
    path.write_bytes(made[3].read_bytes()[:3000])
    with pytest.raises(TableError, match="cannot be read as HDF5 .*cut short"):
        open_spectra(path)
    with pytest.raises(TableError, match="there is no file"):
        open_spectra(tmp_path / "none.h5")


def test_files_on_two_grids_are_refused(made, tmp_path):
    stars, flux, error, path, metadata = made
    other = write_h5(tmp_path / "z.h5", np.array([1]), flux[:1], error[:1], wavelength=GRID + 0.1)
    with pytest.raises(TableError, match="bring all spectra onto one grid"):
        match_spectra([path, other], [metadata], clip=CLIP)


# Metadata.


def test_metadata_as_the_archive_writes_them(made, tmp_path):
    _, _, _, path, metadata = made
    text = metadata.read_text().replace("bp_rp", "phot_bp_mean_mag").splitlines()
    head, first, *rest = text
    lines = ["# %ECSV 1.0", "# ---", f"{head},phot_rp_mean_mag,ra", f"{first},null,null"]
    lines += [f"{row},0.25,1.5" for row in rest]
    packed = tmp_path / "m.csv.gz"
    packed.write_bytes(gzip.compress("\n".join(lines).encode()))
    table = match_spectra([path], [packed], clip=CLIP).table
    plain = match_spectra([path], [metadata], clip=CLIP).table
    assert table["bp_rp"].null_count() == 1
    difference = (plain["bp_rp"] - table["bp_rp"]).drop_nulls()
    np.testing.assert_allclose(difference, 0.25, atol=1e-12)


def test_wrong_metadata_are_refused_with_their_place(made, tmp_path):
    stars, _, _, path, _ = made
    bad = tmp_path / "m.csv"
    write_stars(bad, stars, parallax=["1.0"] * 5 + ["x", "y"] + ["1.0"] * 33)
    with pytest.raises(TableError, match=r"`parallax` of .* 2 of 40 rows, first in row 5 \('x'\)"):
        match_spectra([path], [bad], clip=CLIP)
    bad.write_text("source_id,parallax\n1,2\n")
    with pytest.raises(TableError, match="lacks `parallax_error`, `phot_g_mean_mag`, `bp_rp`"):
        match_spectra([path], [bad], clip=CLIP)
    with pytest.raises(TableError, match="there is no file"):
        match_spectra([path], [tmp_path / "none.csv"], clip=CLIP)


# The archive's own CSV files.


def test_bulk_files_become_one_hdf5_file(example, tmp_path):
    with h5py.File(example.spectra) as file:
        ids, flux, error = (file[name][:20] for name in ("source_id", "flux", "flux_error"))
    parts = [
        write_bulk(tmp_path / "RvsMeanSpectrum_0.csv.gz", ids[:12], flux[:12], error[:12]),
        write_bulk(tmp_path / "RvsMeanSpectrum_1.csv", ids[12:], flux[12:], error[12:]),
    ]
    made = collect_archive(parts, tmp_path / "all.h5")
    assert (made.spectra, made.files) == (20, 2)
    with h5py.File(made.path) as file:
        np.testing.assert_array_equal(file["source_id"][:], ids)
        np.testing.assert_allclose(file["flux"][:], flux, rtol=1e-6)
        np.testing.assert_allclose(file["flux_error"][:], error, rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('7,"[1,2]","[1,2]"', r"has not 2401 pixels in 1 spectra, first at spectrum 0 \(2 pixels"),
        ("x,PIXELS,PIXELS", r"`source_id` of .* no whole number in 1 rows, first at spectrum 0"),
        ("7,PIXELS,WRONG", r"`flux_error` of .* is no number in 1 pixels, first in spectrum 0, "),
        ("", "holds no spectrum"),
    ],
)
def test_damaged_bulk_files_are_refused_and_leave_nothing(text, words, tmp_path):
    pixels = ["1.0"] * 2400
    text = text.replace("PIXELS", '"[' + ",".join([*pixels, "null"]) + ']"')
    text = text.replace("WRONG", '"[' + ",".join(["1.0", "abc", *pixels[1:]]) + ']"')
    path = tmp_path / "bulk.csv"
    path.write_text(
        f"source_id,flux,flux_error\n{text}\n" if text else "source_id,flux,flux_error\n"
    )
    with pytest.raises(TableError, match=words):
        collect_archive([path], tmp_path / "out.h5")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bulk.csv"]


def test_tables_that_are_no_spectra_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("source_id,parallax\n1,2\n")
    with pytest.raises(TableError, match="lacks `flux`, `flux_error`; it has `source_id`"):
        collect_archive([path], tmp_path / "out.h5")
    with pytest.raises(TableError, match="there is no file to collect"):
        collect_archive([], tmp_path / "out.h5")


def test_real_rvs_spectra_reach_the_same_matrix(shared_data, tmp_path):
    paths = sorted((shared_data / "gaia-xp-rvs-samples" / "rvs").glob("*.csv"))
    assert len(paths) == 4
    made = collect_archive(paths, tmp_path / "real.h5")
    spectra = [read_gaia_rvs(path) for path in paths]
    stars = pl.DataFrame(
        {"source_id": [int(each.id) for each in spectra], "colour": 0.8, "magnitude": 4.5}
    )
    matched = match_spectra([made.path], [write_stars(tmp_path / "real.csv", stars)])
    got = matched.read(stars["source_id"])
    assert (got.Y.shape, got.wavelength[0], got.wavelength[-1]) == ((4, 2321), 846.4, 869.6)
    for row, each in enumerate(spectra):
        valid = each.valid[40:-40]
        np.testing.assert_array_equal(got.W[row] > 0, valid)
        np.testing.assert_allclose(got.Y[row][valid], each.flux[40:-40][valid], rtol=1e-6)
        np.testing.assert_allclose(got.W[row][valid], each.ivar[40:-40][valid], rtol=1e-5)
    # The cores of the calcium triplet are where the line list has them, in vacuum.
    mean = np.average(got.Y, axis=0, weights=got.W)
    for core in (850.036, 854.444, 866.452):
        near = np.abs(got.wavelength - core) < 1
        assert got.wavelength[near][np.argmin(mean[near])] == pytest.approx(core, abs=0.03)


# The generator.


def test_an_example_has_the_troubles_of_real_files(example):
    matched = match_spectra([example.spectra], [example.metadata])
    report = matched.report
    assert (report.spectra_alone, report.metadata_alone, report.spectra_twice) == (3, 5, 1)
    truth = pl.read_csv(example.truth)
    assert example.odd == truth.filter(pl.col("kind") != "ordinary").height == 30
    got = matched.read(matched.source_ids[:50])
    assert got.pixels == 2321
    assert 0.98 < (got.W > 0).mean() < 1
    assert 0.5 < np.average(got.Y, weights=got.W) < 1.05


def test_an_example_follows_from_its_seed(example, tmp_path):
    again = write_example(tmp_path / "again", rows=300, seed=3, odd=0.1)
    assert again.metadata.read_bytes() == example.metadata.read_bytes()
    with h5py.File(again.spectra) as one, h5py.File(example.spectra) as other:
        np.testing.assert_array_equal(one["flux"][:], other["flux"][:])
    with pytest.raises(SettingsError, match="rows=5 must be at least 100"):
        write_example(tmp_path, rows=5)
