import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import SettingsError, TableError
from errorbar.survey.data import PlanetList, read_ariel, read_kawai

KNOWN = "hermes/ariel_mcs_2024-07-09_core.csv"
WHOLE = "hermes/Ariel_MCS_Known_2024-07-09.csv"
CANDIDATES = "ariel-mcs/Ariel_MCS_TPCs_2024-07-09.csv"
KAWAI = "hermes/kawai2025_sample_planets.csv"


def ariel_table(**columns):
    table = {
        "Planet Name": ["A b", "B b", "C b"],
        "Star Name": ["A", "B", "C"],
        "Star Metallicity": [0.1, None, -0.2],
        "Star Metallicity Error Lower": [-0.05, None, -0.1],
        "Star Metallicity Error Upper": [0.06, None, 0.1],
        "Planet Mass [Mjup]": [1.0, 0.1, 10.0],
        "Planet Mass Error Lower [Mjup]": [-0.1, -0.1, 0.0],
        "Planet Mass Error Upper [Mjup]": [0.1, 0.2, 1.0],
        "Transit Duration T14 [s]": [3600.0, 7200.0, 1440.0],
        "Tier 1 Observations": [1, 2, 3],
        "Tier 2 Observations": [2, 4, 6],
        "Tier 3 Observations": [5, 10, 15],
        "Available Transits": [10, 20, 30],
        "Available Eclipses": [9, 21, 40],
        "Preferred Method": ["Transit", "Eclipse", "Either"],
        "Max Tier": [1, 2, 3],
        "Mass Flag": [False, True, False],
    }
    return pl.DataFrame({**table, **columns})


def kawai_table(**columns):
    table = {
        "pl_name": ["A b", "B b"],
        "hostname": ["A", "B"],
        "pl_massj": [1.0, 2.0],
        "pl_massjerr1": [0.2, None],
        "pl_massjerr2": [-0.1, None],
        "st_met": [0.1, None],
        "st_meterr1": [0.05, None],
        "st_meterr2": [-0.04, None],
    }
    return pl.DataFrame({**table, **columns})


def test_masses_and_their_bars_become_logarithms():
    planets = read_ariel(ariel_table())
    np.testing.assert_allclose(planets.log_mass, [0, -1, 1])
    assert planets.df["log_mass_lower"].to_list()[1:] == [None, None]
    np.testing.assert_allclose(planets.column("log_mass_lower")[0], -np.log10(0.9))
    np.testing.assert_allclose(planets.column("log_mass_upper"), np.log10([1.1, 3, 1.1]))


def test_a_mass_known_to_within_itself_takes_its_upper_bar_on_both_sides():
    planets = read_ariel(ariel_table())
    lower, upper = planets.mass_bars
    np.testing.assert_allclose(lower[1:], upper[1:])
    np.testing.assert_allclose(planets.mass_sigma[1], np.log10(3))
    assert np.isfinite(planets.mass_sigma).all()


def test_telescope_time_is_visits_of_two_and_a_half_transits():
    planets = read_ariel(ariel_table())
    np.testing.assert_allclose(planets.column("hours_per_visit"), [2.5, 5.0, 1.0])
    np.testing.assert_allclose(planets.hours(2), [5.0, 20.0, 6.0])
    np.testing.assert_allclose(planets.visits(3), [5, 10, 15])
    assert planets.df["visits_available"].to_list() == [10, 21, 40]


def test_the_hosts_with_a_metallicity_can_be_chosen():
    assert read_ariel(ariel_table()).with_star.names == ("A b", "C b")
    assert read_kawai(kawai_table()).with_star.names == ("A b",)


def test_nasa_style_puts_the_upper_bar_first():
    planets = read_kawai(kawai_table())
    np.testing.assert_allclose(planets.column("log_mass_upper")[0], np.log10(1.2))
    np.testing.assert_allclose(planets.column("log_mass_lower")[0], -np.log10(0.9))
    np.testing.assert_allclose(planets.column("star_feh_lower")[0], 0.04)
    assert np.isnan(planets.mass_sigma[1])


def test_a_list_of_known_masses_round_trips_through_parquet(tmp_path):
    planets = read_ariel(ariel_table())
    planets.df.write_parquet(tmp_path / "list.parquet")
    again = PlanetList(pl.read_parquet(tmp_path / "list.parquet"), planets.source)
    assert again.df.equals(planets.df)
    np.testing.assert_array_equal(again.hours(1), planets.hours(1))


# --- refusals


def test_a_list_without_its_columns_is_refused():
    with pytest.raises(TableError, match=r"`Planet Mass \[Mjup\]`"):
        read_ariel(ariel_table().drop("Planet Mass [Mjup]"))
    with pytest.raises(TableError, match="`pl_massj`"):
        read_kawai(ariel_table())


@pytest.mark.parametrize("mass", [0.0, -1.0, None])
def test_a_planet_without_a_mass_is_refused(mass):
    with pytest.raises(TableError, match="1 masses .* first at row 1"):
        read_ariel(ariel_table(**{"Planet Mass [Mjup]": [1.0, mass, 3.0]}))


def test_a_planet_listed_twice_is_refused():
    with pytest.raises(TableError, match="more than once: Ab; the first repeat is row 2"):
        read_ariel(ariel_table(**{"Planet Name": ["A b", "B b", "Ab"]}))


def test_a_planet_without_a_name_is_refused():
    with pytest.raises(TableError, match="1 planets without a name, first at row 0"):
        read_kawai(kawai_table(pl_name=[None, "B b"]))


def test_an_unknown_way_of_observing_is_refused():
    with pytest.raises(TableError, match="'Imaging' at row 0 .* Transit, Eclipse, Either"):
        read_ariel(ariel_table(**{"Preferred Method": ["Imaging", "Transit", "Eclipse"]}))


def test_a_tier_that_does_not_exist_is_refused():
    with pytest.raises(SettingsError, match="choose 1, 2 or 3"):
        read_ariel(ariel_table()).hours(4)


def test_a_list_says_that_it_knows_no_telescope_time():
    with pytest.raises(TableError, match="tier2_hours"):
        read_kawai(kawai_table()).hours(2)


# --- the real lists


def test_the_known_list_of_2024_has_the_facts_published_with_it(shared_data):
    planets = read_ariel(shared_data / KNOWN)
    assert (len(planets), len(planets.with_star)) == (722, 618)
    quantiles = np.percentile(planets.log_mass, [25, 50, 75])
    np.testing.assert_allclose(quantiles, [-1.426, -0.310, 0.034], atol=5e-4)
    assert planets.df["mass_inferred"].sum() == 97
    sigma = planets.mass_sigma
    assert np.isfinite(sigma).all()
    np.testing.assert_allclose(np.quantile(sigma, 0.5), 0.051, atol=1e-3)
    np.testing.assert_allclose(np.quantile(sigma, 0.95), 0.30, atol=0.01)
    # Three masses are known only to within themselves.
    assert planets.df["log_mass_lower"].null_count() == 3
    assert np.median(planets.hours(2)) == pytest.approx(63, abs=1)


def test_the_whole_list_says_the_same_as_its_core(shared_data):
    core, whole = read_ariel(shared_data / KNOWN), read_ariel(shared_data / WHOLE)
    assert core.df.equals(whole.df)


def test_the_candidates_have_no_measured_mass_and_no_stellar_bars(shared_data):
    planets = read_ariel(shared_data / CANDIDATES)
    assert len(planets) == 2025
    assert planets.df["mass_inferred"].all()
    assert len(planets.with_star) == 0
    assert planets.df["star_feh"].count() == 325
    assert np.isfinite(planets.hours(1)).all()


def test_the_hosts_of_kawai_are_read(shared_data):
    planets = read_kawai(shared_data / KAWAI)
    assert (len(planets), len(planets.with_star)) == (668, 536)
    assert np.isfinite(planets.mass_sigma).sum() == 649
    np.testing.assert_allclose(10 ** planets.log_mass[0], 0.73)
    assert planets.df["star_feh_lower"].min() > 0
