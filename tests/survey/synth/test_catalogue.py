import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from errorbar.core.errors import SettingsError, SurveyError, TableError
from errorbar.survey.data import HermesData, PlanetList, read_ariel, read_kawai
from errorbar.survey.sample import SurveySampler
from errorbar.survey.synth import Recipe, draw_planets, make_catalogue, read_truth
from errorbar.survey.synth.truth import TRUTH_JSON, TRUTH_ROWS

KNOWN = "hermes/ariel_mcs_2024-07-09_core.csv"
KAWAI = "hermes/kawai2025_sample_planets.csv"


def column(table, name):
    return table.get_column(name).to_numpy()


def made(recipe=None, seed=42, **options):
    return make_catalogue(recipe=Recipe() if recipe is None else recipe, seed=seed, **options)


# --- what a catalogue is


def test_the_usual_catalogue_is_as_large_as_the_list_of_2024_and_reads_like_any_other(tmp_path):
    catalogue = made()
    assert len(catalogue.data) == len(catalogue.planets) == catalogue.truth.rows.height == 722
    path = catalogue.write(tmp_path)[0]
    assert path.name == "hermes_synthetic_data.csv"
    again = HermesData(path, strict=True)
    assert again.df.equals(catalogue.data.df)
    assert SurveySampler(again).sample_grid([100], 1)[-1].class_label == "S4"


@settings(max_examples=20)
@given(seed=st.integers(0, 2**63))
def test_a_catalogue_is_written_and_read_with_its_truth(seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalogue")
    recipe = Recipe(threshold=-1.5, outlier_share=0.1, mass_errors=True, rho=-0.4)
    catalogue = made(recipe, seed, n=40)
    catalogue.write(folder)
    truth = read_truth(folder)
    assert truth.recipe == recipe
    assert truth.seed == seed
    assert truth.masses == catalogue.truth.masses
    assert truth.rows.equals(catalogue.truth.rows)
    assert truth.parameters == catalogue.truth.parameters
    assert HermesData(folder / "hermes_synthetic_data.csv").df.equals(catalogue.data.df)


def test_one_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path):
    paths = [
        made(seed=seed).write(tmp_path / name) for seed, name in ((7, "a"), (7, "b"), (8, "c"))
    ]
    first, second, third = ([path.read_bytes() for path in written] for written in paths)
    assert first == second
    assert all(a != b for a, b in zip(first, third))


def test_a_seed_means_the_same_catalogue_in_every_version():
    # Numbers of this package's first release: a change here changes every published run.
    frame = made().data.df
    masses = [0.17134216442893097, -0.6744692047234283, -0.15928432158177155]
    abundances = [-1.0804610895704834, -0.17140019565304732, -1.131483592070905]
    np.testing.assert_allclose(frame["logM"][:3], masses, rtol=1e-12)
    np.testing.assert_allclose(frame["log(X_H2O)"][:3], abundances, rtol=1e-12)


def test_the_truth_states_every_parameter_in_words_a_program_can_read(tmp_path):
    made().write(tmp_path)
    head = json.loads((tmp_path / TRUTH_JSON).read_text())
    assert head["parameters"] == made().truth.parameters
    assert set(head["parameters"]) == {
        *("alpha", "beta", "epsilon"),
        *("alpha_s", "beta_s", "sigma_s", "rho"),
    }
    assert (head["parameters"]["alpha"], head["parameters"]["beta"]) == (-0.95, -1.09)
    assert head["recipe"]["noise"] == "split-normal"


def test_the_intercept_moves_with_the_pivot():
    truth = made(n=10).truth
    assert truth.alpha_at(0.0) == -0.95
    assert truth.alpha_at(-2.0) == pytest.approx(-0.95 + 2 * 1.09)
    assert truth.alpha_s_at(1.0) == pytest.approx(truth.alpha_s_at(0.0) + 0.0775)


# --- one ingredient at a time


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), share=st.floats(0.01, 1), size=st.floats(0.1, 5))
def test_outliers_displace_abundances_and_nothing_else(seed, share, size):
    plain = made(Recipe(), seed, n=60)
    recipe = Recipe(outlier_share=share, outlier_size=size)
    other = made(recipe, seed, n=60)
    same = [name for name in plain.data.df.columns if name != "log(X_H2O)"]
    assert other.data.df.select(same).equals(plain.data.df.select(same))
    shift = column(other.data.df, "log(X_H2O)") - column(plain.data.df, "log(X_H2O)")
    np.testing.assert_array_equal(shift != 0, column(other.truth.rows, "outlier"))


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), threshold=st.floats(-3, 1))
def test_a_limit_stands_at_the_threshold_and_lies_above_what_was_measured(seed, threshold):
    catalogue = made(Recipe(threshold=threshold), seed, n=60)
    limit = column(catalogue.data.df, "limit")
    value = column(catalogue.data.df, "log(X_H2O)")
    measured = column(catalogue.truth.rows, "log_abundance_measured")
    np.testing.assert_array_equal(limit, measured < threshold)
    np.testing.assert_array_equal(value, np.maximum(measured, threshold))


def test_without_a_threshold_there_is_no_limit_column():
    assert "limit" not in made(n=10).data.df.columns


def test_mass_errors_move_the_masses_and_leave_the_abundances():
    plain, other = made(), made(Recipe(mass_errors=True))
    assert "logM_err_lower" not in plain.data.df.columns
    np.testing.assert_array_equal(
        column(plain.data.df, "log(X_H2O)"), column(other.data.df, "log(X_H2O)")
    )
    moved = column(other.data.df, "logM") - column(other.truth.rows, "log_mass")
    sigma = 0.5 * (
        column(other.data.df, "logM_err_lower") + column(other.data.df, "logM_err_upper")
    )
    assert np.std(moved / sigma) == pytest.approx(1, abs=0.1)


def test_the_reference_s_catalogue_has_bars_of_a_fifth_and_no_measurement_noise():
    catalogue = make_catalogue(recipe=Recipe.reference(), n=20_000)
    frame, rows = catalogue.data.df, catalogue.truth.rows
    for name in ("uncertainty_lower", "uncertainty_upper"):
        np.testing.assert_allclose(column(frame, name), 0.2, rtol=1e-15)
    np.testing.assert_array_equal(column(frame, "log(X_H2O)"), column(rows, "log_abundance"))
    np.testing.assert_array_equal(column(frame, "Star Metallicity"), column(rows, "star_feh"))
    residual = column(frame, "log(X_H2O)") + 0.95 + 1.09 * column(frame, "logM")
    assert np.std(residual) == pytest.approx(0.5278, rel=0.02)


# --- noise is what the bars say


@pytest.mark.parametrize("noise", ["split-normal", "normal"])
def test_bars_hold_the_truth_as_often_as_they_claim(noise):
    n = 20_000
    catalogue = made(Recipe(noise=noise, bar_asymmetry=0.0, bar_spread=0.4), n=n)
    assert _held(catalogue) == pytest.approx(0.6827, abs=4 * np.sqrt(0.6827 * 0.3173 / n))


def test_bars_of_any_asymmetry_hold_the_truth_as_often_as_they_claim():
    n = 20_000
    catalogue = made(Recipe(bar_asymmetry=0.8), n=n)
    assert _held(catalogue) == pytest.approx(0.6827, abs=4 * np.sqrt(0.6827 * 0.3173 / n))


def _held(catalogue):
    truth = column(catalogue.truth.rows, "log_abundance")
    value = column(catalogue.data.df, "log(X_H2O)")
    low = value - column(catalogue.data.df, "uncertainty_lower")
    high = value + column(catalogue.data.df, "uncertainty_upper")
    return np.mean((low < truth) & (truth < high))


def test_the_moments_of_the_split_normal_standardise_what_was_measured():
    n = 50_000
    catalogue = made(Recipe(bar_asymmetry=0.8), n=n)
    truth = column(catalogue.truth.rows, "log_abundance")
    data = catalogue.data.data(bars="split-normal")
    z = (data.y - truth) / data.sigma
    assert abs(z.mean()) < 4 / np.sqrt(n)
    assert z.std() == pytest.approx(1, abs=0.02)


def test_planets_and_stars_scatter_together_as_the_recipe_says():
    n = 50_000
    recipe = Recipe(rho=-0.6, epsilon=0.4, sigma_s=0.2)
    rows = made(recipe, n=n).truth.rows
    x = column(rows, "log_mass")
    planet = column(rows, "log_abundance") - recipe.alpha - recipe.beta * x
    star = column(rows, "star_feh") - recipe.alpha_s - recipe.beta_s * x
    assert planet.std() == pytest.approx(0.4, rel=0.02)
    assert star.std() == pytest.approx(0.2, rel=0.02)
    assert np.corrcoef(planet, star)[0, 1] == pytest.approx(-0.6, abs=0.015)
    assert abs(np.corrcoef(planet, x)[0, 1]) < 4 / np.sqrt(n)


@pytest.mark.parametrize("rho", [-1.0, 1.0])
def test_scatter_may_be_fully_correlated_or_none_at_all(rho):
    rows = made(Recipe(rho=rho, epsilon=0.5, sigma_s=0.25), n=50).truth.rows
    x = column(rows, "log_mass")
    planet = column(rows, "log_abundance") + 0.95 + 1.09 * x
    star = column(rows, "star_feh") - 0.116 - 0.0775 * x
    np.testing.assert_allclose(star, rho * planet / 2, atol=1e-12)
    still = made(Recipe(epsilon=0.0, sigma_s=0.0), n=50).truth.rows
    expected = -0.95 - 1.09 * column(still, "log_mass")
    np.testing.assert_allclose(column(still, "log_abundance"), expected, rtol=1e-14)


# --- recovery


def test_least_squares_finds_the_stated_trend_as_often_as_it_claims():
    z = []
    for seed in range(300):
        catalogue = made(Recipe(noise="normal", bar_spread=0.0, bar_asymmetry=0.0), seed, n=60)
        data = catalogue.data.data()
        fit = stats.linregress(data.x, data.y)
        truth = catalogue.truth
        slope = (fit.slope - truth.parameters["beta"]) / fit.stderr
        intercept = (fit.intercept - truth.parameters["alpha"]) / fit.intercept_stderr
        z.append([slope, intercept])
    z = np.array(z)
    # 58 degrees of freedom: the spread of Student's t.
    assert np.abs(z.mean(axis=0)).max() < 4 / np.sqrt(300)
    np.testing.assert_allclose(z.std(axis=0), np.sqrt(58 / 56), atol=4 / np.sqrt(600))


def test_unmodelled_mass_errors_flatten_the_slope_by_the_share_of_their_variance():
    recipe = Recipe(noise="normal", mass_errors=True, epsilon=0.1)
    data = make_catalogue(recipe=recipe, n=50_000).data.data()
    slope = stats.linregress(data.x, data.y).slope
    expected = -1.09 * (1 - np.mean(data.x_sigma**2) / np.var(data.x))
    assert slope == pytest.approx(expected, rel=0.01)


# --- the population


def test_drawn_planets_look_like_the_real_list(shared_data):
    real, drawn = read_ariel(shared_data / KNOWN), draw_planets(20_000, seed=1)
    for name, share in (
        ("log_mass", [0.05, 0.25, 0.5, 0.75, 0.95]),
        ("star_feh", [0.25, 0.5, 0.75]),
    ):
        np.testing.assert_allclose(
            np.quantile(drawn.column(name), share),
            np.nanquantile(real.column(name), share),
            atol=0.07,
        )
    for name in ("log_mass_lower", "log_mass_upper", "star_feh_lower", "t14_s", "tier2_hours"):
        ratio = np.quantile(drawn.column(name), [0.25, 0.5, 0.75]) / np.nanquantile(
            real.column(name), [0.25, 0.5, 0.75]
        )
        np.testing.assert_allclose(ratio, 1, atol=0.25)
    assert drawn.df["mass_inferred"].mean() == pytest.approx(97 / 722, abs=0.02)
    assert stats.ks_2samp(real.log_mass, drawn.log_mass).pvalue > 0.05
    for low in (0.0, 0.25, 0.5, 0.75):
        spread = [
            p.log_mass[p.log_mass >= np.quantile(p.log_mass, low)].std() for p in (real, drawn)
        ]
        assert spread[1] == pytest.approx(spread[0], rel=0.05)


def test_drawn_planets_can_be_observed():
    planets = draw_planets(500, seed=3)
    visits = np.array([planets.visits(tier) for tier in (1, 2, 3)])
    assert (visits >= 1).all()
    assert (np.diff(visits, axis=0) >= 0).all()
    np.testing.assert_allclose(planets.hours(2), visits[1] * planets.column("hours_per_visit"))
    assert planets.df.null_count().sum_horizontal()[0] == 0


# --- masses that are given


def test_a_real_list_keeps_its_masses_stars_bars_and_names(shared_data):
    planets = read_ariel(shared_data / KNOWN)
    catalogue = make_catalogue(planets, Recipe(mass_errors=True, noise="reference"))
    assert catalogue.data.names == planets.names
    np.testing.assert_array_equal(column(catalogue.data.df, "logM"), planets.log_mass)
    np.testing.assert_array_equal(column(catalogue.data.df, "logM_err_lower"), planets.mass_bars[0])
    known = np.isfinite(planets.column("star_feh_lower"))
    assert known.sum() == 618
    bars = column(catalogue.data.df, "Star Metallicity Error Lower")
    np.testing.assert_array_equal(bars[known], planets.column("star_feh_lower")[known])
    assert (bars > 0).all()
    assert catalogue.truth.masses == "ariel_mcs_2024-07-09_core.csv"


def test_listed_stars_are_taken_as_they_are(shared_data):
    planets = read_ariel(shared_data / KNOWN)
    catalogue = make_catalogue(planets, Recipe(stars="listed"))
    assert len(catalogue.data) == 618
    listed = planets.with_star
    stars = column(catalogue.data.df, "Star Metallicity")
    np.testing.assert_array_equal(stars, listed.column("star_feh"))
    truth = catalogue.truth
    assert truth.rows["star_feh"].null_count() == 618
    assert truth.parameters["rho"] is None
    with pytest.raises(SettingsError, match="listed, not drawn"):
        truth.alpha_s_at(0.0)


def test_the_table_of_kawai_becomes_a_catalogue(shared_data):
    catalogue = make_catalogue(read_kawai(shared_data / KAWAI), Recipe(mass_errors=True))
    assert len(catalogue.data) == 668


def test_an_array_of_masses_will_do():
    masses = np.linspace(-2, 1, 30)
    catalogue = make_catalogue(masses)
    np.testing.assert_array_equal(column(catalogue.data.df, "logM"), masses)
    assert catalogue.data.names[0] == "Synth-0001 b"
    assert catalogue.data.data().star is not None


# --- refusals


@pytest.mark.parametrize(
    "wrong",
    [
        {"rho": 1.01},
        {"epsilon": -0.1},
        {"sigma_s": float("nan")},
        {"bar": 0.0},
        {"outlier_share": 1.5},
        {"outlier_size": -1.0},
        {"beta": float("inf")},
        {"threshold": float("nan")},
        {"noise": "poisson"},
        {"stars": "invented"},
    ],
)
def test_a_recipe_that_describes_nothing_is_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Recipe(**wrong)


@pytest.mark.parametrize("seed", [-1, 0.5, "42", True])
def test_a_seed_that_is_no_whole_number_is_refused(seed):
    with pytest.raises(SettingsError, match="from 0 on"):
        make_catalogue(n=5, seed=seed)


@pytest.mark.parametrize(
    ("masses", "message"),
    [
        ([0.1, np.nan, np.inf], "2 of 3 are not, first at row 1"),
        ([[0.1, 0.2]], r"shape \(1, 2\)"),
        ([], r"shape \(0,\)"),
    ],
    ids=["gaps", "square", "empty"],
)
def test_masses_that_are_none_are_refused(masses, message):
    with pytest.raises(SurveyError, match=message):
        make_catalogue(masses)


def test_a_number_of_planets_beside_given_masses_is_refused():
    with pytest.raises(SettingsError, match="leave n out"):
        make_catalogue([0.1, 0.2, 0.3], n=3)
    with pytest.raises(SurveyError, match="population of 0 planets"):
        make_catalogue(n=0)


def test_listed_stars_need_a_list_that_has_some():
    planets = draw_planets(5, seed=0)
    bare = PlanetList(
        planets.df.with_columns(pl.lit(None, pl.Float64).alias("star_feh_lower")), "a list"
    )
    with pytest.raises(SurveyError, match="none of the 5 planets of a list .*'drawn'"):
        make_catalogue(bare, Recipe(stars="listed"))


def test_a_catalogue_of_limits_only_gives_no_survey():
    catalogue = made(Recipe(threshold=50.0), n=10)
    with pytest.raises(SurveyError, match="at least one detection"):
        catalogue.data.data()


def test_a_truth_that_is_missing_or_damaged_is_refused(tmp_path):
    with pytest.raises(TableError, match="SyntheticCatalogue.write"):
        read_truth(tmp_path)
    made(n=10).write(tmp_path)
    path = tmp_path / TRUTH_JSON
    head = json.loads(path.read_text())
    path.write_text(json.dumps({**head, "format": 9}))
    with pytest.raises(TableError, match="format 9; this version reads format 1"):
        read_truth(tmp_path)
    path.write_text(json.dumps({**head, "recipe": {"gamma": 1}}))
    with pytest.raises(TableError, match="gamma"):
        read_truth(tmp_path)
    path.write_text("{")
    with pytest.raises(TableError, match="is not JSON"):
        read_truth(tmp_path)
    path.write_text(json.dumps(head))
    (tmp_path / TRUTH_ROWS).unlink()
    with pytest.raises(TableError, match="stands alone"):
        read_truth(tmp_path)
