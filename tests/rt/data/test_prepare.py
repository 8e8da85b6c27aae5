import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data import (
    attach_chemistry,
    cap_rows,
    compound_collisions,
    find_mapping,
    map_species,
    merge_shards,
    prepare,
    read_peaks,
    read_table,
    split_by_library,
)
from tests.rt.data.tables import small_frame

MAPPING = pl.DataFrame(
    {
        "Sample Set ID": [10, 11, 12, 12, 13],
        " SPECIES_matrix_type": ["rat plasma", "human serum ", "human urine", "human urine", "x"],
        "Group": ["rodent", "human", "human", "human", None],
    }
)
NAMES = {"sample_set_column": "sample set id"}


def raw_frame(rows=300):
    frame = small_frame(rows).drop("species", "species_cluster", "compound", "compound_class")
    return frame.with_columns(species_matrix_type=pl.lit("m"), lib_id=209)


def test_species_are_ranks_of_sorted_names():
    told = map_species(raw_frame(), MAPPING, library=209, **NAMES)
    assert told.mapping.rows() == [
        (10, "rat plasma", "rodent", 2, 1),
        (11, "human serum", "human", 0, 0),
        (12, "human urine", "human", 1, 0),
    ]
    code = {10: (2, 1), 11: (0, 0), 12: (1, 0)}
    found = told.frame.select("sampleset_id", "species", "species_cluster").unique().rows()
    assert {row[0]: row[1:] for row in found} == code
    assert told.dropped_sets == 1
    assert told.dropped_rows == 0


def test_sample_sets_without_a_group_are_dropped_and_counted():
    mapping = MAPPING.with_columns(Group=pl.Series(["rodent", "", "human", "human", None]))
    told = map_species(raw_frame(), mapping, library=209, **NAMES)
    lost = raw_frame().filter(sampleset_id=11).height
    assert (told.dropped_rows, told.dropped_sets) == (lost, 2)
    assert told.frame.height == 300 - lost
    assert told.frame["species"].null_count() == 0


def test_the_mapping_does_not_depend_on_the_peaks():
    part = raw_frame().filter(pl.col("sampleset_id") > 10)
    one = map_species(part, MAPPING, library=209, **NAMES)
    assert one.mapping.equals(map_species(raw_frame(), MAPPING, library=209, **NAMES).mapping)


@pytest.mark.parametrize(
    ("mapping", "options", "told"),
    [
        (MAPPING[1:], {"library": 209}, "1 sample sets of the table are not in the mapping: 10"),
        (MAPPING, {"library": 208}, "lacks a column 'JCJ_COMBO'"),
        (MAPPING, {"library": 7}, "species_column"),
        (
            MAPPING.with_columns(Group=pl.Series(["rodent", "human", "human", "rodent", None])),
            {"library": 209},
            "sample_set_id have more than one species_group_raw: 12 in human, rodent",
        ),
        (
            pl.DataFrame({"sample set id": [10, 11, 12], "s": ["a", "a", "b"], "group": [*"xyx"]}),
            {"species_column": "s"},
            "species_raw have more than one species_group_raw: 'a' in x, y",
        ),
        (
            pl.DataFrame({"sample set id": [10, 11, 12], "s": ["a", None, "b"], "group": [*"xyx"]}),
            {"species_column": "s"},
            "a group and no species: 11",
        ),
    ],
)
def test_mappings_that_are_none_are_refused(mapping, options, told):
    with pytest.raises((TableError, SettingsError), match=told):
        map_species(raw_frame(), mapping, **options, **NAMES)


@given(seed=st.integers(0, 2**31), cap=st.integers(1, 9))
def test_a_cap_keeps_the_same_rows_in_any_order(seed, cap):
    frame = small_frame(200)
    kept = cap_rows(frame, cap)
    order = np.random.default_rng(seed).permutation(frame.height)
    again = cap_rows(frame[order], cap)
    assert kept.sort(pl.all()).equals(again.sort(pl.all()))
    count = frame.group_by("species", "comp_id").len()["len"]
    assert kept.height == np.minimum(count, cap).sum()


def test_a_smaller_cap_chooses_among_the_rows_of_a_larger_one():
    frame = small_frame(300)
    large = cap_rows(frame, 6)
    assert cap_rows(large, 3).equals(cap_rows(frame, 3))
    assert not cap_rows(frame, 3, seed=1).equals(cap_rows(frame, 3))


def test_a_cap_keeps_every_row_of_a_pair_equally_often():
    frame = small_frame(12).with_columns(species=0, comp_id=0)
    kept = pl.concat([cap_rows(frame, 4, seed) for seed in range(600)])
    share = kept.group_by("rt").len()["len"].to_numpy() / 600
    assert share.shape == (12,)
    assert np.abs(share - 1 / 3).max() < 5 * np.sqrt(2 / 9 / 600)


def test_the_most_frequent_chemical_is_attached_and_ties_go_to_the_smallest():
    chemistry = pl.DataFrame(
        {
            "comp_id": [1, 1, 1, 2, 2, 3],
            "chem_id": [9, 5, 5, 8, 7, 4],
            "compound_class": [0.0, 1.0, 1.0, 2.0, 3.0, np.nan],
        }
    )
    peaks = pl.DataFrame({"comp_id": [3, 1, 2, 6], "compound": [0, 0, 0, 0]})
    found = attach_chemistry(peaks, chemistry)
    assert found["compound"].to_list() == [4, 5, 7, -1]
    assert found["compound_class"].to_list() == [-1, 1, 3, -1]
    report = compound_collisions(chemistry)
    assert report.rows() == [
        (1, 5, 1, 2, True),
        (1, 9, 0, 1, False),
        (2, 7, 3, 1, True),
        (2, 8, 2, 1, False),
    ]
    with pytest.raises(TableError, match="lacks `chem_id`|lacks `compound`"):
        attach_chemistry(peaks, chemistry.drop("chem_id"))


def test_shards_are_merged_by_the_names_of_their_columns(tmp_path):
    frame = raw_frame()
    frame[:100].write_csv(tmp_path / "a.csv")
    frame[100:].select(sorted(frame.columns)).write_parquet(tmp_path / "b.parquet")
    merged = merge_shards([tmp_path / "a.csv", tmp_path / "b.parquet"])
    assert merged.columns == frame.columns
    np.testing.assert_allclose(merged["rt"], frame["rt"])
    frame.drop("IS2").write_csv(tmp_path / "c.csv")
    with pytest.raises(TableError, match="differ in 1 columns: IS2"):
        merge_shards([tmp_path / "a.csv", tmp_path / "c.csv"])
    filled = merge_shards([tmp_path / "a.csv", tmp_path / "c.csv"], fill=True)
    assert filled["IS2"].null_count() == 300
    with pytest.raises(SettingsError, match="no shards"):
        merge_shards([])


def test_every_row_belongs_to_one_library():
    frame = raw_frame(10).with_columns(lib_id=pl.Series([208, 209] * 5))
    parts = split_by_library(frame)
    assert list(parts) == [208, 209]
    assert pl.concat(parts.values()).sort(pl.all()).equals(frame.sort(pl.all()))
    with pytest.raises(TableError, match="in 1 rows of 10"):
        split_by_library(frame.with_columns(lib_id=pl.Series([None] + [1] * 9)))
    with pytest.raises(TableError, match="lacks `lib`"):
        split_by_library(frame, "lib")


def test_prepared_tables_can_be_read(tmp_path):
    raw = raw_frame().with_columns(lib_id=pl.Series([209] * 250 + [208] * 50))
    raw[:150].write_csv(tmp_path / "a.csv")
    raw[150:].write_csv(tmp_path / "b.csv")
    MAPPING.rename({"Sample Set ID": "sample_set_id"}).write_csv(tmp_path / "meta.csv")
    chemistry = {"comp_id": [0, 0, 1, 99, 99], "chem_id": [5, 6, 7, 1, 2]}
    pl.DataFrame(chemistry).write_csv(tmp_path / "chem.csv")
    report = prepare(
        [tmp_path / "a.csv", tmp_path / "b.csv"],
        tmp_path / "out",
        mappings={209: tmp_path / "meta.csv"},
        chemistry=tmp_path / "chem.csv",
        caps=(2, 5),
    )
    assert report.rows == 300
    assert report.unused == {208: 50}
    (lib,) = report.libraries
    assert (lib.rows, lib.dropped_rows, lib.collisions) == (250, 0, 1)
    peaks = read_peaks(tmp_path / "out/lib209/cap5/lib209_cap5_rt_prod.csv")
    assert len(peaks) == lib.capped[5]
    assert len(np.unique(peaks.species)) == lib.species == 3
    assert set(peaks.chem_id[peaks.compound == 0].tolist()) == {5}
    assert find_mapping(tmp_path / "out", 209) == lib.files[0]
    assert read_table(lib.files[1])["comp_id"].unique().to_list() == [0]
    assert "50 rows not asked for" in str(report)
    with pytest.raises(TableError, match="holds 0 files"):
        find_mapping(tmp_path / "out", 208)
    with pytest.raises(TableError, match="no rows of library 5"):
        prepare([tmp_path / "a.csv"], tmp_path, mappings={5: tmp_path / "meta.csv"})
