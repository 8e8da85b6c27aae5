import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import InputError, TableError
from errorbar.hmf.summary import (
    CATALOGUE,
    calibrate_objects,
    find_outliers,
    merge_catalogues,
    outlier_catalogue,
    read_catalogue,
    score_objects,
    write_catalogue,
)

ROWS, PIXELS = 200, 100
WAVELENGTH = np.linspace(500, 599, PIXELS)
IDS = [f"star {row}" for row in range(ROWS)]


def planted(seed=0, size=4.0):
    """Noise with one odd object, one bad column and one line, and its outliers."""
    rng = np.random.default_rng(seed)
    Y, W = rng.normal(size=(ROWS, PIXELS)), np.ones((ROWS, PIXELS))
    Y[3] *= size
    Y[20:80, 60] += 9
    Y[150, 30:33] -= [7.5, 9.0, 7.5]
    arrays = Y, W, np.zeros((ROWS, 1)), np.zeros((PIXELS, 1))
    return find_outliers(*arrays, calibrate_objects(score_objects(*arrays, 25.0)))


@pytest.fixture(scope="module")
def found():
    return planted()


@pytest.fixture(scope="module")
def catalogue(found):
    return outlier_catalogue(found, IDS, WAVELENGTH, bin="giants")


def test_a_catalogue_lists_objects_then_columns_then_features(catalogue):
    assert catalogue["kind"].to_list() == ["object", "column", "pixels"]
    assert catalogue["id"].to_list() == ["star 3", None, "star 150"]
    assert catalogue.schema == CATALOGUE
    assert catalogue["bins"].to_list() == [["giants"]] * 3


def test_rows_say_where_how_strong_and_why(found, catalogue):
    odd, column, line = catalogue.iter_rows(named=True)
    assert odd["significance"] == pytest.approx(found.significance[3])
    assert odd["score"] == found.scores.median[3]
    assert "median weight" in odd["reason"]
    assert "once in 10,000" in odd["reason"]
    assert (column["start"], column["stop"], column["wavelength_first"]) == (60, 61, 560.0)
    assert column["score"] == pytest.approx(60 / (ROWS - 1), abs=0.02)
    assert "ordinary objects" in column["reason"]
    assert (line["row"], line["start"], line["stop"], line["sign"]) == (150, 30, 33, -1)
    assert (line["wavelength_first"], line["wavelength_last"]) == (530.0, 532.0)
    assert line["significance"] == pytest.approx(9, abs=3)
    assert line["score"] == pytest.approx(25 / (25 + line["significance"] ** 2))
    assert line["reason"].startswith("3 pixels in a row below the model, up to ")
    assert line["reason"].endswith(" error bars at 531")


def test_features_within_listed_objects_and_columns_are_listed_on_demand(found):
    every = outlier_catalogue(found, IDS, WAVELENGTH, every_feature=True)
    features = every.filter(pl.col("kind") == "pixels")
    assert len(features) == len(found.features)
    assert features.filter(pl.col("row") == 3).height > 0
    assert features.filter(pl.col("start") == 60).height >= 55


def test_a_sample_without_outliers_has_an_empty_catalogue():
    rng = np.random.default_rng(1)
    arrays = rng.normal(size=(50, 30)), np.ones((50, 30)), np.zeros((50, 1)), np.zeros((30, 1))
    found = find_outliers(*arrays, calibrate_objects(score_objects(*arrays, 100.0)))
    empty = outlier_catalogue(found, range(50), np.arange(30.0))
    assert empty.height == 0
    assert empty.schema == CATALOGUE
    assert merge_catalogues([empty, empty]).height == 0


def test_a_catalogue_survives_being_saved(catalogue, tmp_path):
    path = write_catalogue(catalogue, tmp_path / "outliers.parquet")
    assert read_catalogue(path).equals(catalogue)


def test_what_several_samples_found_stays_once_with_its_strongest_row(found, catalogue):
    strong = outlier_catalogue(planted(size=8.0), IDS, WAVELENGTH, bin="dwarfs")
    merged = merge_catalogues([catalogue, strong])
    assert merged["kind"].to_list() == ["object", "column", "pixels"]
    assert merged["bins"].to_list() == [["dwarfs", "giants"]] * 3
    assert merged["significance"][0] == strong["significance"][0] > catalogue["significance"][0]
    assert merged.equals(merge_catalogues([strong, catalogue]).select(merged.columns))
    other = outlier_catalogue(found, [f"other {row}" for row in range(ROWS)], WAVELENGTH, bin="x")
    apart = merge_catalogues([catalogue, other])
    assert apart.filter(pl.col("kind") == "object").height == 2
    assert apart.filter(pl.col("kind") == "column")["bins"].to_list() == [["giants", "x"]]


def test_overlapping_features_are_one_and_neighbours_are_two():
    base = dict(
        kind="pixels", id="a", row=0, wavelength_first=0.0, wavelength_last=0.0, sign=1, score=0.1,
        valid_pixels=1, outlying_pixels=1, reason="",
    )  # fmt: skip
    places = [(0, 3, 6.0, "p"), (2, 9, 8.0, "q"), (4, 5, 7.0, "r"), (9, 11, 9.0, "p")]
    frame = pl.DataFrame(
        [
            base | dict(start=start, stop=stop, significance=size, bins=[name])
            for start, stop, size, name in places
        ],
        schema=CATALOGUE,
    )
    merged = merge_catalogues([frame[:2], frame[2:]])
    assert merged["start"].to_list() == [9, 2]
    assert merged["bins"].to_list() == [["p"], ["p", "q", "r"]]


def test_ids_of_another_number_are_refused(found):
    with pytest.raises(InputError, match="pass one for each"):
        outlier_catalogue(found, IDS[:-1], WAVELENGTH)


def test_a_table_that_is_no_catalogue_is_refused(tmp_path):
    with pytest.raises(TableError, match="there is no file"):
        read_catalogue(tmp_path / "none.parquet")
    with pytest.raises(TableError, match="`kind`"):
        merge_catalogues([pl.DataFrame({"id": ["a"]})])
    with pytest.raises(TableError, match="one at least"):
        merge_catalogues([])
