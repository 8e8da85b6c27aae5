import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import SurveyError, TableError
from errorbar.survey.sample import Survey


def survey(rows=20, seed=0, **columns):
    rng = np.random.default_rng(seed)
    table = {
        "Planet Name": [f"Mock-{row} b" for row in range(rows)],
        "logM": rng.uniform(-2, 1, rows),
        "log(X_H2O)": rng.normal(0, 1, rows),
        "uncertainty_lower": np.full(rows, 0.2),
        "uncertainty_upper": np.full(rows, 0.2),
        "logM_err_lower": rng.uniform(0.02, 0.1, rows),
        "logM_err_upper": rng.uniform(0.02, 0.1, rows),
        "Star Metallicity": rng.normal(0.1, 0.2, rows),
        "Star Metallicity Error Lower": rng.uniform(0.02, 0.1, rows),
        "Star Metallicity Error Upper": rng.uniform(0.02, 0.1, rows),
    }
    return Survey(1, "S1", pl.DataFrame({**table, **columns}))


@given(seed=st.integers(0, 2**16), rows=st.integers(3, 60))
def test_leverage_is_root_n_times_the_spread(seed, rows):
    made = survey(rows, seed)
    np.testing.assert_allclose(made.leverage, np.sqrt(rows) * made.std_logM, rtol=1e-12)
    np.testing.assert_allclose(made.data().leverage, made.leverage, rtol=1e-12)
    assert made.L_logM == made.leverage


@given(seed=st.integers(0, 2**16), shift=st.floats(-2, 2), scale=st.floats(0.1, 3))
def test_leverage_knows_distances_and_not_places(seed, shift, scale):
    made = survey(seed=seed)
    moved = Survey(1, "S1", made.df.with_columns(pl.col("logM") * scale + shift))
    np.testing.assert_allclose(moved.leverage, scale * made.leverage, rtol=1e-9)
    shuffled = Survey(1, "S1", made.df.sample(fraction=1.0, shuffle=True, seed=seed))
    np.testing.assert_allclose(shuffled.L_mass, made.L_mass, rtol=1e-12)


@given(seed=st.integers(0, 2**16), error=st.floats(0.01, 1))
def test_with_equal_errors_the_weighted_leverage_is_the_plain_one_in_their_units(seed, error):
    bar = np.full(20, error)
    made = survey(seed=seed, logM_err_lower=-bar, logM_err_upper=bar)
    np.testing.assert_allclose(made.L_mass, made.leverage / error, rtol=1e-12)


def test_weighted_leverage_is_taken_about_the_plain_mean():
    bars = {"logM_err_lower": [0.1, 0.2, 0.5], "logM_err_upper": [0.1, 0.4, 0.5]}
    made = survey(3, logM=[0.0, 1.0, 5.0], **bars)
    expected = np.sqrt((2 / 0.1) ** 2 + (1 / 0.3) ** 2 + (3 / 0.5) ** 2)
    np.testing.assert_allclose(made.L_mass, expected, rtol=1e-14)


def test_leverage_of_abundances_and_stars_is_in_their_own_columns():
    made = survey()
    y = made.df["log(X_H2O)"].to_numpy()
    np.testing.assert_allclose(made.L_met, np.sqrt(np.sum((y - y.mean()) ** 2)), rtol=1e-14)
    assert made.L_stellar > 0


def test_gaps_are_left_out_and_a_single_planet_has_no_leverage():
    made = survey(3, logM=[0.0, None, 2.0])
    np.testing.assert_allclose(made.leverage, np.sqrt(2))
    assert survey(3, logM=[0.0, None, float("inf")]).leverage == 0
    assert made.n == 3


def test_a_survey_takes_a_pandas_frame_too():
    made = survey()
    assert Survey(1, "S1", made.df.to_pandas()).df.equals(made.df)


def test_the_arrays_carry_what_the_table_holds():
    made = survey()
    data = made.data()
    assert data.names == made.names
    np.testing.assert_array_equal(data.x, made.df["logM"].to_numpy())
    assert data.x_sigma is not None
    assert made.data(mass_errors=False).x_sigma is None
    assert made.data(star=False).star is None
    plain = Survey(1, "S1", made.df.select(pl.nth(range(5))))
    assert plain.data().star is None
    assert plain.data().x_sigma is None


def test_a_survey_of_one_mass_or_of_limits_only_gives_no_arrays():
    with pytest.raises(SurveyError, match="choose planets that differ in mass"):
        survey(logM=np.zeros(20)).data(mass_errors=False)
    with pytest.raises(SurveyError, match="at least one detection"):
        survey(limit=np.full(20, True)).data()


def test_leverage_in_a_column_that_is_not_there_is_refused():
    with pytest.raises(TableError, match="`period`"):
        survey().leverage_of("period")
    with pytest.raises(TableError, match="`logM_err_lower`"):
        Survey(1, "S1", survey().df.drop("logM_err_lower")).L_mass  # noqa: B018
