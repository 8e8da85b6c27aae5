"""Draws with their survey, as ArviZ holds them."""

import sys
from dataclasses import replace

import arviz as az
import numpy as np
import pytest

from errorbar.core.errors import MissingExtraError, SettingsError
from errorbar.survey.fit import fit_one, to_inference_data
from errorbar.survey.fit.inference import draws_to_inference_data
from errorbar.survey.fit.nuts import fit_nuts
from tests.survey.fit.nuts.surveys import small_survey


def independent_draws(n=8, draws=50):
    rng = np.random.default_rng(1)
    return {"beta_p": rng.normal(size=draws), "z": rng.normal(size=(draws, n, 2))}


def test_independent_draws_are_one_chain_beside_their_survey():
    data = replace(small_survey(), names=tuple("abcdefgh"), x_sigma=np.full(8, 0.05))
    draws = independent_draws()
    trace = draws_to_inference_data(draws, data, attrs={"method": "exact"})
    assert dict(trace.posterior.sizes) == {"chain": 1, "draw": 50, "planet": 8, "response": 2}
    np.testing.assert_array_equal(trace.posterior["z"].sel(planet="c")[0], draws["z"][:, 2])
    np.testing.assert_array_equal(trace.observed_data["y"].sel(planet="c"), data.y[2])
    np.testing.assert_array_equal(trace.constant_data["x_centred"], data.xc)
    assert list(trace.constant_data) == ["x", "x_centred", "sigma", "star_sigma", "x_sigma"]
    assert trace.attrs["method"] == "exact"


def test_a_trace_written_to_disk_reads_back_the_same_bits(tmp_path):
    trace = draws_to_inference_data(
        independent_draws(), small_survey(), attrs={"seed": 3, "prior": "flat"}
    )
    trace.to_netcdf(str(tmp_path / "trace.nc"))
    back = az.from_netcdf(str(tmp_path / "trace.nc"))
    assert (back.attrs["seed"], back.attrs["prior"]) == (3, "flat")
    for group in ("posterior", "observed_data", "constant_data"):
        assert back[group].equals(trace[group])


def test_without_arviz_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(MissingExtraError, match=r"arviz is needed .*errorbar\[nuts\]"):
        draws_to_inference_data(independent_draws(), small_survey(), attrs={})


def test_fits_of_both_engines_become_inference_data_by_one_call():
    data = small_survey()
    fit = fit_one(data, "joint")
    exact = to_inference_data(fit, 500, seed=2)
    assert dict(exact.posterior.sizes) == {"chain": 1, "draw": 500}
    np.testing.assert_array_equal(exact.posterior["rho"][0], fit.draws(500, seed=2)["rho"])
    chains = fit_nuts(data, "single", draws=20, tune=20, chains=1, seed=1, sampler="numpyro")
    assert to_inference_data(chains) is chains
    with pytest.raises(SettingsError, match="dict is no fit"):
        to_inference_data({})
