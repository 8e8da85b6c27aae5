"""Splits and audits of real stars."""

import glob

import numpy as np
import polars as pl
import pytest

from errorbar.core.split import (
    ROLES,
    Sky,
    SplitManifest,
    audit_leakage,
    components,
    find_derived_features,
    find_neighbours,
    find_twins,
    make_folds,
    search_twins,
    split_by_sky,
    split_by_survey,
    split_by_value,
    split_groups,
)

BANDS = ("G", "BP", "RP", "g_ps1", "r_ps1", "i_ps1", "z_ps1", "y_ps1", "J", "H", "Ks", "W1", "W2")


@pytest.fixture
def stars(shared_data):
    return pl.read_parquet(shared_data / "green2020-sed-13band" / "green2020_13band.parquet")


def test_stars_of_thirteen_bands_are_split_by_star_survey_and_magnitude(stars):
    kind = np.where(stars["logg"] > 3.5, "dwarf", "giant")
    split = split_groups(stars["row_id"], seed=1, classes=kind)
    for each in ("dwarf", "giant"):
        shares = np.bincount(split.role[kind == each], minlength=5) / (kind == each).sum()
        np.testing.assert_allclose(shares, [0.6, 0.1, 0.1, 0.1, 0.1], atol=1e-3)
    source = stars["atm_source"]
    held = source.value_counts(sort=True)["atm_source"][-1]
    by_survey = split_by_survey(stars["row_id"], source, held)
    assert source.filter(pl.Series(by_survey.mask("test"))).unique().to_list() == [held]
    bright = stars.filter(pl.col("mag_G").is_not_null())
    faint = split_by_value(bright["row_id"], bright["mag_G"], 16.0, name="mag_G")
    assert bright["mag_G"].filter(pl.Series(faint.mask("train"))).max() < 16
    rounds = make_folds(stars["row_id"], 5, aside=split).splits()
    assert all((each.mask("test") == split.mask("test")).all() for each in rounds)
    manifest = SplitManifest.from_json(SplitManifest.of(split).to_json())
    assert manifest.verify(split) in ("signed", "unsigned")
    np.testing.assert_array_equal(manifest.roles_of(stars["row_id"]), split.names())


def test_a_star_of_two_surveys_and_missing_bands_are_found_among_real_stars(stars):
    features = {f"mag_{band}": stars[f"mag_{band}"] for band in BANDS}
    arrays = stars.select(list(features)).to_numpy()
    report = audit_leakage(
        split_groups(stars["row_id"], seed=1),
        arrays=arrays,
        features=features,
        target=stars["teff"].cast(pl.Float64),
        target_name="teff",
    )
    # One star that APOGEE and LAMOST have both observed, as two rows with the same photometry.
    (copies,) = report.of("copied arrays")
    assert set(stars["atm_source"][copies.rows].to_list()) == {"apogee", "lamost"}
    # Which bands are missing depends on how bright a star is in them, and so on how hot it is.
    told = {each.numbers["column"] for each in report.of("class-only metadata")}
    assert told == {"missing values", "(all columns together)"}
    assert {each.check for each in report.failures} == {"copied arrays", "class-only metadata"}
    assert report.of("near twins")[0].severity == "note"

    photometry = [str(row) for row in arrays.round(5).tolist()]
    names = [f"row:{row}" for row in stars["row_id"].to_list()]
    linked = components(names, photometry).stars_of(names)
    assert len(np.unique(linked)) < len(names)
    mended = audit_leakage(
        split_groups(linked, seed=1),
        arrays=arrays,
        features=features,
        target=stars["teff"].cast(pl.Float64),
        target_name="teff",
        declared=["missing values"],
    )
    mended.check()


def test_no_colour_of_a_real_star_is_taken_for_its_temperature(stars):
    seen = stars.drop_nulls(["mag_BP", "mag_RP", "mag_J"])
    features = {
        "bp_rp": (seen["mag_BP"] - seen["mag_RP"]).to_numpy().astype(np.float64),
        "bp_j": (seen["mag_BP"] - seen["mag_J"]).to_numpy().astype(np.float64),
    }
    teff = seen["teff"].to_numpy().astype(np.float64)
    split = split_groups(seen["row_id"])
    assert find_derived_features(split, features, teff, target_name="teff") == []


def test_real_stars_are_split_by_cells_of_the_sky(shared_data):
    pytest.importorskip("astropy_healpix")
    table = pl.read_csv(
        shared_data / "carmenes-m-dwarfs" / "cif03_full_table.csv", infer_schema_length=None
    )
    ra, dec = (table[name].cast(pl.Float64, strict=False) for name in ("ra", "dec"))
    known = (ra.is_not_null() & dec.is_not_null()).to_numpy()
    star, ra, dec = np.flatnonzero(known), ra.to_numpy()[known], dec.to_numpy()[known]
    split = split_by_sky(star, ra, dec, nside=4, ring_nside=16)
    counts = split.counts()
    assert set(counts) == set(ROLES)
    assert 0.03 < counts["test"]["groups"] / len(star) < 0.25
    # Pairs of M dwarfs are neighbours; a split by star parts them, one by sky does not part test.
    test = np.isin(split.names(), ["test"])
    for found in find_neighbours(split, Sky(ra, dec), 60.0):
        assert not test[found.rows].any()
    assert find_neighbours(split_groups(star), Sky(ra, dec), 60.0)


@pytest.mark.filterwarnings("ignore:The following header keyword")
def test_one_spectrum_under_the_names_of_two_stars_is_found(shared_data):
    fits = pytest.importorskip("astropy.io.fits")
    grid = np.linspace(0.9, 2.35, 400)
    spectra, stars = [], []
    labels = pl.read_csv(shared_data / "spex-prism-ucd" / "labels.csv", infer_schema_length=None)
    source = dict(labels.select("file", "SOURCE_KEY").iter_rows())
    wanted = {*labels.filter(pl.col("letter") == "L")["file"].to_list()}
    for path in sorted(glob.glob(str(shared_data / "spex-prism-ucd" / "fits" / "*"))):
        name = path.rsplit("/", 1)[-1]
        if name not in wanted:
            continue
        wave, flux = fits.getdata(path)[:2]
        good = np.isfinite(wave) & np.isfinite(flux)
        found = np.interp(grid, wave[good], flux[good], left=np.nan, right=np.nan)
        if np.isfinite(found).sum() > 50 and np.nanmedian(found) > 0:
            spectra.append(found / np.nanmedian(found))
            stars.append(source[name])
    arrays, stars = np.array(spectra), np.array(stars)
    pairs = set()
    for seed in range(6):
        search = search_twins(split_groups(stars, seed=seed), arrays)
        pairs |= {tuple(pair) for pair in search.pairs.tolist()}
    # 2MASS J21472764+0101040 and J14140586+0107102, observed in one night, are the same data.
    best = min(pairs, key=lambda pair: np.nanmax(np.abs(arrays[pair[0]] - arrays[pair[1]])))
    assert np.nanmax(np.abs(arrays[best[0]] - arrays[best[1]])) < 1e-5
    assert len(pairs) < 10
    assert all(each.severity == "failure" for each in find_twins(split_groups(stars), arrays))
