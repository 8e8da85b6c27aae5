"""Stars in the HR diagram, bins, and lines."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import SettingsError, TableError
from errorbar.hmf.data import Spectrum, to_vacuum
from errorbar.hmf.studies.rvs import (
    RVS_LINES,
    Ellipse,
    absolute_magnitude,
    air_to_vacuum,
    count_stars,
    lines_between,
    place_stars,
    read_bins,
    usual_bins,
    vacuum_to_air,
    write_bins,
)


def table(**columns):
    usual = {
        "source_id": [1],
        "parallax": [10.0],
        "parallax_error": [0.1],
        "phot_g_mean_mag": [9.0],
        "bp_rp": [0.8],
        "phot_g_mean_mag_error": [None],
        "phot_g_mean_flux_over_error": [None],
    }
    held = usual | columns
    rows = max(len(each) for each in held.values())
    full = {name: each if len(each) == rows else each * rows for name, each in held.items()}
    full["source_id"] = list(range(1, rows + 1))
    kinds = {name: pl.Int64 if name == "source_id" else pl.Float64 for name in full}
    return pl.DataFrame(full, schema=kinds)


# Absolute magnitudes.


def test_the_sun_at_ten_parsec_is_as_bright_as_it_is():
    magnitude, error = absolute_magnitude(4.67, 0.01, 100.0, 1.0)
    assert magnitude == pytest.approx(4.67)
    assert error == pytest.approx(np.hypot(0.01, 0.0217147), rel=1e-5)


@given(parallax=st.floats(0.1, 500), share=st.floats(1e-4, 0.02))
def test_errors_of_magnitudes_are_those_of_repeated_measurements(parallax, share):
    z = np.linspace(-3, 3, 401)
    weight = np.exp(-0.5 * z * z)
    spread, _ = absolute_magnitude(8.0, 0.0, parallax * (1 + share * z), parallax * share)
    centre = np.average(spread, weights=weight)
    sd = np.sqrt(np.average((spread - centre) ** 2, weights=weight))
    _, error = absolute_magnitude(8.0, 0.0, parallax, parallax * share)
    assert error == pytest.approx(sd, rel=0.03)


def test_stars_without_a_place_are_counted_by_reason_and_not_repaired():
    stars = place_stars(
        table(
            parallax=[10.0, None, -1.0, 0.5, 10.0, float("nan"), 0.0],
            parallax_error=[0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
            bp_rp=[0.8, 0.8, 0.8, 0.8, None, 0.8, 0.8],
        )
    )
    assert stars.table["source_id"].to_list() == [1]
    told = stars.report
    assert (told.stars, told.placed, told.no_photometry) == (7, 1, 1)
    assert (told.no_parallax, told.not_positive, told.poor_parallax) == (2, 2, 1)
    assert "1 have a parallax below 10 times its error: left out" in str(told)


def test_the_zero_point_and_the_error_of_g_are_used():
    shifted = place_stars(table(), zero_point_mas=-0.04).table
    assert shifted["magnitude"][0] == pytest.approx(9 + 5 * np.log10(10.04) - 10)
    by_flux = place_stars(table(phot_g_mean_flux_over_error=[20.0])).table
    assert by_flux["magnitude_error"][0] == pytest.approx(
        np.hypot(1.0857 / 20, 0.0217147), rel=1e-4
    )
    with pytest.raises(SettingsError, match="must be positive"):
        place_stars(table(), parallax_over_error=0)


# Bins.


def test_the_usual_bins_overlap_along_the_main_sequence():
    bins = usual_bins()
    assert [each.name for each in bins] == [f"{number:02d}" for number in range(14)]
    for one, other in zip(bins, bins[1:]):
        assert one.colour < other.colour
        assert one.magnitude < other.magnitude
        edge = other.outline()
        assert one.holds(edge[:, 0], edge[:, 1]).any()


def test_the_usual_bins_hold_the_mean_dwarf_sequence(shared_data):
    path = shared_data / "reference-tables" / "EEM_dwarf_UBVIJHK_colors_Teff.txt"
    rows = [line.split() for line in path.read_text().splitlines() if line and line[0] in "AFGKM"]
    placed = [
        (float(row[11]), float(row[13]))
        for row in rows
        if len(row) > 13 and "." in row[11] and "..." not in (row[11], row[13])
    ]
    colour, magnitude = np.array([each for each in placed if 0 <= each[0] <= 2.6]).T
    held = np.any([each.holds(colour, magnitude) for each in usual_bins()], axis=0)
    assert len(colour) > 30
    assert held.all()


def test_the_usual_bins_hold_most_real_dwarfs(shared_data):
    stars = pl.read_parquet(shared_data / "green2020-sed-13band" / "green2020_13band.parquet")
    stars = stars.filter(
        pl.col("parallax_mas") > 10 * pl.col("parallax_err_mas"), pl.col("logg") > 4.0
    )
    red = stars["reddening_r"].to_numpy()
    colour = (stars["mag_BP"] - stars["mag_RP"]).to_numpy() - 1.3 * red
    magnitude = (stars["mag_G"] + 5 * stars["parallax_mas"].log10() - 10).to_numpy() - 2.3 * red
    inside = np.any([each.holds(colour, magnitude) for each in usual_bins()], axis=0)
    assert inside.mean() > 0.92


@given(
    at=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    move=st.tuples(st.floats(-3, 3), st.floats(-9, 9)),
    slope=st.floats(-5, 5),
)
def test_membership_moves_with_the_ellipse(at, move, slope):
    one = Ellipse("a", 0.0, 0.0, 0.5, 0.7, slope)
    other = Ellipse("a", move[0], move[1], 0.5, 0.7, slope)
    x, y = np.array([at[0]]), np.array([at[1]])
    level = (x / 0.5) ** 2 + ((y - slope * x) / 0.7) ** 2
    if abs(level[0] - 1) > 1e-9:
        assert one.holds(x, y) == (level <= 1) == other.holds(x + move[0], y + move[1])


def test_an_outline_is_the_border_and_stars_without_a_place_are_outside():
    one = usual_bins()[4]
    edge = one.outline()
    inner = [one.colour, one.magnitude] + 0.999 * (edge - [one.colour, one.magnitude])
    outer = [one.colour, one.magnitude] + 1.001 * (edge - [one.colour, one.magnitude])
    assert one.holds(*inner.T).all()
    assert not one.holds(*outer.T).any()
    assert not one.holds(np.array([np.nan]), np.array([3.0])).any()


def test_stars_are_counted_in_each_bin_and_in_none():
    bins = (Ellipse("a", 0, 0, 1, 1, 0), Ellipse("b", 1, 0, 1, 1, 0))
    counts = count_stars(bins, np.array([-0.5, 0.5, 0.5, 9.0]), np.zeros(4))
    assert counts.rows() == [("a", 3, 1), ("b", 2, 0), ("none", 1, 1)]


def test_the_table_of_bins_is_read_as_it_was_written(tmp_path):
    assert read_bins(write_bins(tmp_path / "bins.csv", usual_bins())) == usual_bins()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,colour\na,1\n", "lacks `magnitude`, `half_colour`"),
        ("HEAD\na,1,2,x,1,0\n", "`half_colour` of .* is no number in row 0 \\('x'\\)"),
        ("HEAD\na,1,2,1,1,0\na,1,2,1,1,0\n", "1 of them with a name that is there already"),
        ("HEAD\n", "has 0 bins"),
        ("HEAD\na,1,2,-1,1,0\n", "half_colour and half_magnitude positive"),
        ("HEAD\n../a,1,2,1,1,0\n", "names a folder"),
    ],
)
def test_a_wrong_table_of_bins_is_refused_with_its_place(text, words, tmp_path):
    path = tmp_path / "bins.csv"
    path.write_text(text.replace("HEAD", "name,colour,magnitude,half_colour,half_magnitude,slope"))
    with pytest.raises((TableError, SettingsError), match=words):
        read_bins(path)
    with pytest.raises(TableError, match="there is no file"):
        read_bins(tmp_path / "none.csv")


# Lines.


@pytest.mark.parametrize(
    ("air", "vacuum"),
    # SDSS's table of lines; the interstellar band from the Gaia DR3 study of it.
    [
        (849.802, 850.036),
        (854.209, 854.444),
        (866.214, 866.452),
        (656.280, 656.461),
        (500.6843, 500.8240),
        (862.086, 862.323),
    ],
)
def test_air_and_vacuum_agree_with_published_pairs(air, vacuum):
    assert air_to_vacuum(air) == pytest.approx(vacuum, abs=1.5e-3)
    assert vacuum_to_air(vacuum) == pytest.approx(air, abs=1.5e-3)


@given(st.floats(300, 2000))
def test_air_and_vacuum_undo_each_other(wavelength):
    assert air_to_vacuum(vacuum_to_air(wavelength)) == pytest.approx(wavelength, rel=1e-12)


def test_lines_and_spectra_go_to_vacuum_alike():
    air = np.array([line.air for line in RVS_LINES])
    nothing = np.zeros(len(air))
    spectrum = to_vacuum(Spectrum(air * 10, nothing, nothing, "lines", "air"))
    np.testing.assert_allclose(
        spectrum.wavelength / 10, [line.vacuum for line in RVS_LINES], rtol=1e-12
    )


def test_the_lines_that_matter_are_there_in_their_range():
    names = {line.name for line in lines_between(846.4, 869.6)}
    assert {"Ca II 849.8", "Ca II 854.2", "Ca II 866.2", "DIB 862.1", "P14 859.8"} <= names
    kinds = {line.species for line in RVS_LINES}
    assert {"Fe I", "Si I", "Ti I", "Mg I", "P13", "P17"} <= kinds
    assert all(846 < line.air < line.vacuum < 870 for line in RVS_LINES)
    assert not lines_between(900, 910)


def test_paschen_lines_follow_rydbergs_formula():
    found = {line.species: line.vacuum for line in RVS_LINES}
    for upper in range(13, 18):
        rydberg = 1e7 / 109677.5834 / (1 / 9 - 1 / upper**2)
        # Fine structure shifts them by 0.005 nm.
        assert found[f"P{upper}"] == pytest.approx(rydberg, abs=0.008)
