"""The field's class names over the functions of `fit`."""

import pytest

from errorbar.core.errors import SettingsError
from errorbar.survey import (
    MassStarModel,
    MetModel,
    Model,
    PriorRule,
    SurveySampler,
    fit_one,
    make_catalogue,
)

HEAD = ["survey_id", "class_label", "N", "L_met", "L_logM"]


def surveys(reps=2):
    catalogue = make_catalogue(n=120, seed=1)
    return SurveySampler(catalogue.data).sample_grid([10, 20], reps)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (Model, ["alpha", "beta", "sigma"]),
        (MetModel, ["alpha_p", "beta_p", "alpha_s", "beta_s", "sigma_p", "sigma_s", "rho"]),
        (MassStarModel, ["alpha", "beta_p", "beta_s", "sigma"]),
    ],
)
def test_the_table_begins_with_the_references_columns(kind, parameters):
    table = kind().run_on_surveys(surveys())
    statistics = ["mean", "sd", "hdi16", "hdi84"]
    expected = HEAD + [f"{p}_{s}" for p in parameters for s in statistics]
    assert table.columns[: len(expected)] == expected
    assert len(table) == 4 * 2 * 2
    assert set(table["status"]) == {"ok"}
    assert (table[f"{parameters[0]}_hdi16"] < table[f"{parameters[0]}_hdi84"]).all()


def test_one_survey_gives_its_whole_posterior():
    survey = surveys()[0]
    fit = MetModel(prior=PriorRule(intercept="flat")).fit_survey(survey)
    again = fit_one(survey.data(mass_errors=False), "joint", PriorRule(intercept="flat"))
    assert fit.mean.tobytes() == again.mean.tobytes()


def test_the_table_states_its_prior():
    table = Model(prior=PriorRule(intercept="flat", slope="sd")).run_on_surveys(surveys(1))
    assert set(table["prior"]) == {"intercept=flat, slope=sd"}


def test_a_method_that_does_not_exist_is_refused():
    with pytest.raises(SettingsError, match="choose one of exact, nuts"):
        Model(method="laplace")


def test_intercepts_moved_to_a_common_mass_agree_with_draws():
    chosen = surveys(1)
    table = MetModel().run_on_surveys(chosen)
    survey = chosen[0]
    draws = MetModel().fit_survey(survey).draws(20_000, seed=2)
    moved = draws["alpha_p"] - survey.data().centre * draws["beta_p"]
    assert table["pivot_logM"][0] == 0.0
    assert table["alpha_p_pivot_mean"][0] == pytest.approx(moved.mean(), abs=4e-2 * moved.std())
    assert table["alpha_p_pivot_sd"][0] == pytest.approx(moved.std(), rel=3e-2)
