"""Samplers compiled once in this module, and run on survey after survey."""

from dataclasses import dataclass, replace

import arviz as az
import numpy as np
import pytest

from errorbar.core.errors import FitError, SettingsError, SurveyError
from errorbar.core.extras import load
from errorbar.survey.fit.nuts import fit_nuts, reference_seeds, sampling
from errorbar.survey.fit.nuts.compiled import CompiledModels
from errorbar.survey.fit.nuts.models import build_model, model_arrays, model_shape
from errorbar.survey.model import MassStarPrior, PriorRule, SinglePrior
from tests.references.mcse import scores
from tests.survey.fit.nuts.surveys import compilations, single_by_grid, small_survey

SAMPLERS = ("pymc", "nutpie", "numpyro")
SHORT = {"draws": 400, "tune": 400, "chains": 2}


@dataclass(frozen=True)
class Runs:
    """Two surveys of one size through one sampler, and what each had compiled."""

    sampler: str
    first: az.InferenceData
    second: az.InferenceData
    first_compiled: int
    second_compiled: int


@pytest.fixture(scope="module", autouse=True)
def own_compiled_models():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "compiled_model", CompiledModels(capacity=8).hold)
        yield


@pytest.fixture(scope="module", params=SAMPLERS)
def runs(request) -> Runs:
    fit = {"seed": 11, "sampler": request.param, **SHORT}
    with compilations() as first:
        one = fit_nuts(small_survey(seed=1), "single", **fit)
    with compilations() as second:
        two = fit_nuts(small_survey(seed=2), "single", **fit)
    return Runs(request.param, one, two, first.count, second.count)


@pytest.mark.heavy
def test_every_sampler_finds_the_posterior_summed_on_a_grid(runs):
    for trace, seed in ((runs.first, 1), (runs.second, 2)):
        data = small_survey(seed=seed)
        expected = single_by_grid(data, PriorRule().single(data))
        assert np.abs(scores(trace, ("alpha", "beta", "epsilon"), *expected)).max() < 4


@pytest.mark.heavy
def test_a_second_survey_of_the_same_size_compiles_nothing(runs):
    assert runs.first_compiled > 0
    assert runs.second_compiled == 0


@pytest.mark.heavy
def test_a_single_response_survey_of_another_size_needs_no_other_model(runs):
    data = small_survey(n=15)
    with compilations() as found:
        trace = fit_nuts(data, seed=1, sampler=runs.sampler, **SHORT)
    # XLA alone ties its programs to the length of an array.
    assert (found.count > 0) == (runs.sampler == "numpyro")
    expected = single_by_grid(data, PriorRule().single(data))
    assert np.abs(scores(trace, ("alpha", "beta", "epsilon"), *expected)).max() < 4


@pytest.mark.heavy
def test_a_trace_tells_how_it_was_made_and_how_it_went(runs):
    attrs = runs.first.attrs
    assert attrs["sampler"] == runs.sampler
    assert attrs["prior"] == "intercept=reference, slope=ptp"
    assert attrs["rhat_max"] < 1.1
    assert 0 < attrs["ess_min"] <= 2 * SHORT["draws"] * SHORT["chains"]
    assert attrs["divergences"] == int(runs.first.sample_stats["diverging"].sum())
    assert set(runs.first.groups()) == {
        "posterior",
        "sample_stats",
        "observed_data",
        "constant_data",
    }


@pytest.mark.heavy
def test_the_same_seed_gives_the_same_draws_and_another_seed_others(runs):
    def draws(seed):
        trace = fit_nuts(small_survey(), seed=seed, sampler=runs.sampler, **SHORT)
        return trace.posterior["beta"].values

    # Other surveys and seeds have been through the compiled model since.
    np.testing.assert_array_equal(draws(11), runs.first.posterior["beta"])
    other = draws(12)
    assert not np.array_equal(other, runs.first.posterior["beta"])
    assert not np.array_equal(other[0], other[1])


@pytest.mark.heavy
def test_absurd_units_are_an_error_not_a_posterior(runs):
    data = small_survey()
    absurd = replace(data, y=data.y * 1e200)
    with pytest.raises(FitError, match="check the units"):
        fit_nuts(absurd, prior=PriorRule().single(data), seed=1, sampler=runs.sampler, **SHORT)


@pytest.mark.heavy
def test_the_draws_are_those_of_pm_sample():
    pm = load("pymc")

    data = small_survey()
    arrays = model_arrays(data, "single", PriorRule().single(data))
    with build_model(model_shape(data, "single", arrays), arrays):
        expected = pm.sample(
            40,
            tune=60,
            chains=2,
            cores=1,
            target_accept=0.9,
            random_seed=77,
            progressbar=False,
            compute_convergence_checks=False,
        )
    ours = fit_nuts(data, seed=77, sampler="pymc", draws=40, tune=60, chains=2)
    for name in ("alpha", "beta", "epsilon"):
        np.testing.assert_array_equal(ours.posterior[name], expected.posterior[name])
    np.testing.assert_array_equal(
        ours.sample_stats["acceptance_rate"], expected.sample_stats["acceptance_rate"]
    )


def test_reference_seeds_are_one_integer_after_the_other():
    rng = np.random.default_rng(123)
    assert list(reference_seeds("single", 3)) == [rng.integers(0, 2**32 - 1) for _ in range(3)]
    assert reference_seeds("joint", 2)[0] == np.random.default_rng(321).integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"draws": 3}, "at least 4"),
        ({"tune": -1}, "at least 0"),
        ({"chains": 0}, "at least 1"),
        ({"draws": 10.5}, "whole number"),
        ({"target_accept": 1.0}, "between 0 and 1"),
        ({"sampler": "stan"}, "choose one of pymc, nutpie, numpyro"),
        ({"seed": -1}, "between 0 and 4294967295"),
        ({"seed": 2**32}, "between 0 and 4294967295"),
        ({"seed": 1.5}, "whole number"),
        ({"model": "cubic"}, "choose one of single, joint, mass-star"),
        ({"prior": MassStarPrior(0, 1, 1, 1, 1)}, "takes a SinglePrior or a PriorRule"),
        ({"prior": SinglePrior(0.0, 0.0, 1.0, 1.0)}, "alpha_sd=0.0 must be positive"),
        ({"prior": SinglePrior(np.nan, 1.0, 1.0, 1.0)}, "alpha_mean=nan must be finite"),
        ({"prior": SinglePrior(0.0, 1.0, 1.0, np.inf)}, "scatter_scale=inf must be positive and f"),
    ],
)
def test_settings_that_cannot_be_sampled_are_refused(options, match):
    with pytest.raises(SettingsError, match=match):
        fit_nuts(small_survey(), **{"seed": 1, **options})


def test_upper_limits_are_not_read_as_detections():
    limit = np.arange(8) == 5
    with pytest.raises(SurveyError, match=r"1 abundances are upper limits \(first at row 5\)"):
        fit_nuts(replace(small_survey(), limit=limit), seed=1)


@pytest.mark.parametrize("model", ["joint", "mass-star"])
def test_a_survey_without_stars_cannot_be_fitted_to_them(model):
    data = replace(small_survey(), star=None, star_sigma=None)
    with pytest.raises(SurveyError, match="Star Metallicity"):
        fit_nuts(data, model, seed=1)
