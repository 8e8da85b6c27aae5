"""Tables and epochs as photometry: gaps, limits, systems, refusals."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import MeasurementError, TableError
from errorbar.stellar.sed import (
    BandColumns,
    Photometry,
    SedColumns,
    flux_from_mag,
    merge_epochs,
    read_photometry,
)

COLUMNS = SedColumns(
    (
        BandColumns("twomass-J", "J", "eJ"),
        BandColumns("wise2010-W1", "W1", "eW1", limit="W1_lim", system="AB"),
    ),
    row="id", ebv="E", ebv_err="eE", parallax="plx", parallax_err="eplx",
)  # fmt: skip
TABLE = {
    "id": np.array([7, 8, 9]),
    "J": np.array([12.0, np.nan, 14.0]),
    "eJ": np.array([0.02, np.nan, 0.05]),
    "W1": np.array([15.0, 16.0, 17.5]),
    "eW1": np.array([0.03, 0.03, np.nan]),
    "W1_lim": np.array([False, False, True]),
    "E": np.array([0.1, np.nan, 0.3]),
    "eE": np.array([0.02, np.nan, 0.02]),
    "plx": np.array([2.0, -0.1, np.nan]),
    "eplx": np.array([0.1, 0.2, np.nan]),
}


@pytest.mark.parametrize("make", [dict, pl.DataFrame, pd.DataFrame])
def test_any_table_gives_the_same_photometry(make):
    found = read_photometry(make(TABLE), COLUMNS)
    mag, err = found.magnitudes()
    np.testing.assert_allclose(mag[0], [12.0 + 0.894, 15.0], atol=1e-3)
    np.testing.assert_allclose(err[0], [0.02, 0.03])
    assert np.isnan(mag[1, 0])
    assert found.limit.tolist() == [[False, False], [False, False], [False, True]]
    assert found.seen.tolist() == [[True, True], [False, True], [True, False]]
    assert found.parallax[1] == -0.1
    assert found.rows.tolist() == [7, 8, 9]


def test_values_cannot_be_changed_and_rows_can_be_chosen():
    found = read_photometry(TABLE, COLUMNS)
    with pytest.raises(ValueError, match="read-only"):
        found.flux[0, 0] = 1.0
    assert found.select(np.array([2, 0])).rows.tolist() == [9, 7]


def test_a_magnitude_without_an_error_is_refused():
    bad = {**TABLE, "eJ": np.array([0.02, 0.02, 0.0])}
    with pytest.raises(MeasurementError, match="first row 2, band twomass-J"):
        read_photometry(bad, COLUMNS)
    bare = {**TABLE, "eplx": np.array([0.1, np.nan, np.nan])}
    with pytest.raises(MeasurementError, match="parallax_err"):
        read_photometry(bare, COLUMNS)


def test_missing_columns_are_named_and_half_pairs_refused():
    with pytest.raises(TableError, match="no column W1_lim, eplx"):
        read_photometry({k: v for k, v in TABLE.items() if k not in ("W1_lim", "eplx")}, COLUMNS)
    with pytest.raises(TableError, match="go together"):
        read_photometry(TABLE, SedColumns(COLUMNS.bands, ebv="E"))
    with pytest.raises(TableError, match="not both and not neither"):
        BandColumns("twomass-J", "J")
    with pytest.raises(TableError, match="is no table"):
        read_photometry([1, 2], COLUMNS)


def test_shapes_and_repeated_bands_are_refused():
    found = read_photometry(TABLE, COLUMNS)
    parts = {name: getattr(found, name) for name in Photometry.__dataclass_fields__}
    with pytest.raises(TableError, match="shape"):
        Photometry(**{**parts, "ebv": np.zeros(2)})
    with pytest.raises(TableError, match="merge_epochs"):
        Photometry(**{**parts, "bands": ("twomass-J", "twomass-J")})
    with pytest.raises(MeasurementError, match="limit that is not"):
        Photometry(**{**parts, "limit": np.ones((3, 2), bool)})


def long_table(mags, errs, limit=None):
    table = {"row": ["a"] * len(mags), "band": ["twomass-J"] * len(mags), "mag": mags, "err": errs}
    return pl.DataFrame(table if limit is None else {**table, "limit": limit})


@given(
    mags=st.lists(st.floats(14, 14.2), min_size=2, max_size=6),
    scale=st.floats(1.0, 2.0),
)
def test_a_merged_band_lies_among_its_epochs_and_is_better_known(mags, scale):
    errs = [0.1 * scale] * len(mags)
    found = merge_epochs(long_table(mags, errs))
    flux, err = flux_from_mag(np.array(mags) + 2.5 * np.log10(3630.7805 / 1594.0), np.array(errs))
    assert flux.min() * (1 - 1e-12) <= found.flux[0, 0] <= flux.max() * (1 + 1e-12)
    np.testing.assert_allclose(found.flux_err[0, 0], np.sum(err**-2.0) ** -0.5)
    assert not found.disagree.any()


def test_epochs_that_disagree_are_flagged_and_wider_by_birges_ratio():
    near = merge_epochs(long_table([14.0, 14.02], [0.02, 0.02]))
    far = merge_epochs(long_table([14.0, 14.5], [0.02, 0.02]))
    assert (near.disagree[0, 0], far.disagree[0, 0]) == (False, True)
    flux, err = flux_from_mag(np.array([14.0, 14.5]) + 0.894, np.array([0.02, 0.02]))
    weight = err**-2.0
    mean = weight @ flux / weight.sum()
    birge = np.sqrt(weight @ (flux - mean) ** 2 / weight.sum())
    assert far.flux_err[0, 0] == pytest.approx(birge, rel=1e-3)


def test_one_epoch_is_itself_and_of_limits_the_deepest_is_kept():
    one = merge_epochs(long_table([14.0], [0.02]))
    assert one.magnitudes()[0][0, 0] == pytest.approx(14.0 + 0.894, abs=1e-3)
    limits = merge_epochs(long_table([16.0, 17.0], [np.nan, np.nan], [True, True]))
    assert limits.limit[0, 0]
    deep, _ = flux_from_mag(np.array([17.0 + 0.894]), np.array([1.0]))
    assert limits.flux[0, 0] == pytest.approx(deep[0], rel=1e-3)
    both = merge_epochs(long_table([14.0, 17.0], [0.02, np.nan], [False, True]))
    assert both.seen[0, 0]
    assert both.flux[0, 0] == one.flux[0, 0]


def test_stars_keep_their_order_and_bring_parallax_and_dust():
    table = pl.DataFrame(
        {"row": ["b", "a"], "band": ["twomass-J", "twomass-H"], "mag": [14.0, 13.0],
         "err": [0.1, 0.1]}
    )  # fmt: skip
    stars = pl.DataFrame({"row": ["a", "b"], "parallax": [1.0, 2.0], "parallax_err": [0.1, 0.1]})
    found = merge_epochs(table, stars)
    assert found.rows.tolist() == ["a", "b"]
    assert found.bands == ("twomass-H", "twomass-J")
    assert found.parallax.tolist() == [1.0, 2.0]
    assert np.isnan(found.ebv).all()
    assert np.isnan(found.flux).tolist() == [[False, True], [True, False]]


def test_epochs_without_errors_stars_or_columns_are_refused():
    with pytest.raises(TableError, match="no positive error"):
        merge_epochs(long_table([14.0], [0.0]))
    with pytest.raises(TableError, match="no column err"):
        merge_epochs({"row": [1], "band": ["twomass-J"], "mag": [1.0]})
    with pytest.raises(TableError, match="not in `stars`"):
        merge_epochs(long_table([14.0], [0.1]), {"row": ["z"]})
