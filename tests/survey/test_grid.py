"""A grid of surveys: the table does not depend on how the work was cut or who did it."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from errorbar.core.errors import EngineError, SettingsError, SurveyError
from errorbar.survey.fit import fit_surveys
from errorbar.survey.grid import FitSettings, fit_grid, fit_piece, grid_pieces
from errorbar.survey.model import PriorRule
from errorbar.survey.sample import Survey, SurveySampler
from errorbar.survey.synth import make_catalogue

MODELS = ("single", "joint", "mass-star")


@pytest.fixture(scope="module")
def surveys():
    return SurveySampler(make_catalogue(seed=5).data).sample_grid((10, 30), 3)


@pytest.mark.parametrize("model", MODELS)
def test_a_grid_has_one_row_for_each_survey_in_order(surveys, model):
    table = fit_grid(surveys, FitSettings(model=model))
    assert table["survey_id"].to_list() == [survey.survey_id for survey in surveys]
    assert table["class_label"].to_list() == [survey.class_label for survey in surveys]
    assert table["L_logM"].to_list() == [survey.leverage for survey in surveys]
    assert set(table["status"]) == {"ok"}


@pytest.mark.parametrize("model", MODELS)
def test_a_grid_gives_what_one_call_of_the_fit_gives(surveys, model):
    rule = PriorRule(intercept="flat", slope="sd")
    table = fit_grid(surveys, FitSettings(model=model, prior=rule, level=0.9))
    batch = fit_surveys([survey.data() for survey in surveys], model, rule, level=0.9)
    for place, name in enumerate(batch.names):
        column = "sigma" if name == "epsilon" else name
        for statistic, values in (("mean", batch.mean), ("sd", batch.sd), ("hdi16", batch.hdi_low)):
            np.testing.assert_array_equal(table[f"{column}_{statistic}"], values[:, place])
    assert table["prior"].unique().to_list() == ["intercept=flat, slope=sd"]


def test_the_intercept_stands_at_the_mean_mass_of_its_survey(surveys):
    table = fit_grid(surveys, FitSettings(model="single"))
    np.testing.assert_array_equal(
        table["centre_logM"], [survey.data().centre for survey in surveys]
    )


@settings(max_examples=20)
@given(count=st.integers(1, 24), start=st.integers(0, 23))
def test_a_part_of_a_grid_has_the_rows_of_the_whole(surveys, count, start):
    whole = fit_grid(surveys, FitSettings(model="single"))
    part = fit_grid(surveys[start : start + count], FitSettings(model="single"))
    assert_frame_equal(part, whole[start : start + count], check_exact=True)


def test_processes_and_threads_give_one_table(surveys):
    threads = fit_grid(surveys, FitSettings(), n_workers=2)
    processes = fit_grid(surveys, FitSettings(), workers="processes", n_workers=2)
    assert_frame_equal(threads, processes, check_exact=True)


def test_pieces_are_chunks_of_one_class_and_size():
    surveys = SurveySampler(make_catalogue(seed=5).data).sample_grid((10, 20), 45)
    pieces = grid_pieces(surveys, FitSettings())
    assert [len(piece["sizes"]) for piece in pieces[:3]] == [20, 20, 5]
    assert len(pieces) == 4 * 2 * 3
    assert all(len(set(piece["sizes"].tolist())) == 1 for piece in pieces)
    ids = np.concatenate([piece["survey_id"] for piece in pieces])
    assert ids.tolist() == [survey.survey_id for survey in surveys]
    sampled = grid_pieces(surveys[:3], FitSettings(method="nuts"))
    assert [len(piece["sizes"]) for piece in sampled] == [1, 1, 1]


def test_how_long_to_sample_is_no_part_of_an_exact_fit(surveys):
    few, many = (grid_pieces(surveys, FitSettings(draws=draws))[0] for draws in (100, 5000))
    assert few.keys() == many.keys()
    assert "draws" not in few


def test_the_single_model_takes_planets_whose_star_is_not_known(surveys):
    gaps = surveys[0].df.with_columns(
        pl.when(pl.int_range(pl.len()) < 4).then(None).otherwise("Star Metallicity")
        .alias("Star Metallicity")
    )  # fmt: skip
    survey = Survey(1, "S1", gaps)
    single = grid_pieces([survey], FitSettings(model="single"))[0]
    joint = grid_pieces([survey], FitSettings(model="joint"))[0]
    assert single["sizes"].tolist() == [10]
    assert joint["sizes"].tolist() == [6]
    assert "star" not in single


def test_a_survey_without_stars_is_named(surveys):
    survey = Survey(17, "S3", surveys[0].df.drop("Star Metallicity"))
    with pytest.raises(
        SurveyError, match=r"survey 17 \(class S3, 10 planets\): .* `Star Metallicity`"
    ):
        grid_pieces([survey], FitSettings(model="joint"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": "cubic"}, "model='cubic' is not known; choose one of single, joint, mass-star"),
        ({"method": "guess"}, "method='guess'"),
        ({"sampler": "stan"}, "sampler='stan'"),
        ({"level": 1.0}, "level=1 is the share"),
        ({"level": float("nan")}, "level=nan is the share"),
    ],
)
def test_impossible_settings_are_refused(change, told):
    with pytest.raises(SettingsError, match=told):
        FitSettings(**change)


def test_a_journal_of_other_settings_is_refused(surveys, tmp_path):
    settings = FitSettings(model="single")
    first = fit_grid(surveys, settings, journal=tmp_path)
    assert_frame_equal(fit_grid(surveys, settings, journal=tmp_path), first, check_exact=True)
    with pytest.raises(EngineError, match="8 of 8 pieces differ"):
        fit_grid(surveys, replace(settings, level=0.9), journal=tmp_path)


@pytest.mark.slow
def test_sampled_surveys_have_diagnostics_and_seeds_of_their_own(surveys):
    settings = FitSettings(model="single", method="nuts", draws=300, tune=300, sampler="nutpie")
    table = fit_grid(surveys[:2], settings, workers="threads", n_workers=1)
    assert table["method"].to_list() == ["nuts", "nuts"]
    assert table["rhat_max"].max() < 1.1
    assert table["log_evidence"].null_count() == 2
    exact = fit_grid(surveys[:2], FitSettings(model="single"))
    away = (table["beta_mean"] - exact["beta_mean"]) / exact["beta_sd"]
    assert away.abs().max() < 0.3
    piece = grid_pieces(surveys[:1], settings)[0]
    one, two = fit_piece(piece, 1), fit_piece(piece, 2)
    assert one["mean"].tolist() != two["mean"].tolist()
