import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.evaluate import (
    UNSEEN,
    SupportMap,
    count_support,
    read_support_map,
    support_bins,
    support_labels,
)
from tests.rt.evaluate.fake_times import fake_peaks


def test_bins_have_the_names_and_edges_of_the_reference_code():
    labels = support_labels()
    assert labels == (
        "unseen", "<= 1", "2-2", "3-5", "6-10", "11-20", "21-50", "51-100", "> 100",
    )  # fmt: skip
    support = np.array([0, 1, 2, 3, 5, 6, 10, 11, 20, 21, 50, 51, 100, 101, 10**6])
    wanted = "unseen|<= 1|2-2|3-5|3-5|6-10|6-10|11-20|11-20|21-50|21-50|51-100|51-100|> 100|> 100"
    assert [labels[place] for place in support_bins(support)] == wanted.split("|")
    assert labels[0] == UNSEEN


def test_other_edges_are_taken_and_false_ones_refused():
    assert support_labels((3, 9)) == ("unseen", "<= 3", "4-9", "> 9")
    assert_array_equal(support_bins(np.array([0, 3, 4, 10]), (3, 9)), [0, 1, 2, 3])
    for edges in ((), (0, 3), (3, 3)):
        with pytest.raises(SettingsError, match="rise"):
            support_labels(edges)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_map_is_read_back_as_it_was_counted(tmp_path, suffix):
    counts = count_support(fake_peaks(), "species_cluster")
    frame = pl.DataFrame(
        {"species_cluster": counts.keys >> 32, "comp_id": counts.keys & 0xFFFFFFFF,
         "n": counts.count}
    ).sample(fraction=1, shuffle=True, seed=1)  # fmt: skip
    path = tmp_path / f"map.{suffix}"
    frame.write_csv(path) if suffix == "csv" else frame.write_parquet(path)
    read = read_support_map(path)
    assert_array_equal(read.keys, counts.keys)
    assert_array_equal(read.count, counts.count)
    assert len(read) == len(counts)


def test_a_pair_that_is_not_listed_has_no_peak():
    counts = SupportMap(np.array([4, 9]), np.array([2, 5]))
    assert_array_equal(counts.of(np.array([9, 4, 1, 11, 5])), [5, 2, 0, 0, 0])


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ({"species_cluster": [1], "n": [1]}, "no column comp_id"),
        ({"species_cluster": [1], "comp_id": [-1], "n": [1]}, "must lie between"),
        ({"species_cluster": [1, 1], "comp_id": [2, 2], "n": [1, 1]}, "add up their counts"),
        ({"species_cluster": [1, None], "comp_id": [2, 3], "n": [1, 1]}, "fill them"),
        ({"species_cluster": ["a"], "comp_id": [3], "n": [1]}, "whole numbers"),
        ({"species_cluster": [1], "comp_id": [3], "n": [-2]}, "cannot be negative"),
    ],
)
def test_a_map_that_cannot_be_used_is_refused(tmp_path, frame, said):
    pl.DataFrame(frame).write_csv(path := tmp_path / "map.csv")
    with pytest.raises(TableError, match=said):
        read_support_map(path)


def test_keys_and_counts_belong_together():
    with pytest.raises(TableError, match="as many counts"):
        SupportMap(np.array([1, 2]), np.array([1]))
