"""Summaries and verdicts of traces."""

from dataclasses import replace

import arviz as az
import numpy as np
import pytest

from errorbar.core.errors import SettingsError
from errorbar.survey.fit.inference import draws_to_inference_data
from errorbar.survey.fit.nuts import NutsDiagnostics, nuts_diagnostics, nuts_summary
from tests.survey.fit.nuts.surveys import small_survey


def made_trace(chains=4, draws=500, seed=0, divergences=0):
    rng = np.random.default_rng(seed)
    broken = np.zeros((chains, draws), dtype=bool)
    broken.flat[:divergences] = True
    return draws_to_inference_data(
        {
            "alpha": rng.normal(3, 2, (chains, draws)),
            "epsilon": rng.exponential(1.0, (chains, draws)),
            "z": rng.normal(size=(chains, draws, 8, 2)),
        },
        small_survey(),
        attrs={},
        sample_stats={"diverging": broken},
    )


def test_the_summary_is_arviz_own():
    trace = made_trace(divergences=3)
    ours = nuts_summary(trace, level=0.68)
    theirs = az.summary(
        trace, var_names=["alpha", "epsilon"], hdi_prob=0.68, round_to="none", kind="all"
    )
    assert ours.names == ("alpha", "epsilon")
    for column, name in (
        ("mean", "mean"),
        ("sd", "sd"),
        ("hdi_low", "hdi_16%"),
        ("hdi_high", "hdi_84%"),
    ):
        np.testing.assert_allclose(getattr(ours, column), theirs[name], rtol=1e-12)
    assert ours.rhat_max == pytest.approx(theirs["r_hat"].max(), rel=1e-12)
    assert ours.ess_min == pytest.approx(theirs["ess_bulk"].min(), rel=1e-12)
    assert (ours.divergences, ours.status) == (3, "divergences")


def test_a_wider_level_contains_a_narrower_one():
    trace = made_trace()
    narrow, wide = nuts_summary(trace, 0.5), nuts_summary(trace, 0.95)
    # The density of epsilon is highest at its edge, where every interval begins.
    assert (wide.hdi_low <= narrow.hdi_low).all()
    assert (wide.hdi_high > narrow.hdi_high).all()


def test_verdicts_go_from_worst_to_best():
    good = NutsDiagnostics(
        names=("alpha", "beta"),
        rhat=np.array([1.0, 1.004]),
        ess_bulk=np.array([900.0, 800.0]),
        ess_tail=np.array([700.0, 600.0]),
        divergences=0,
        chains=2,
    )
    assert good.status == "ok"
    assert replace(good, divergences=1).status == "divergences"
    assert replace(good, rhat=np.array([1.0, 1.02]), divergences=1).status == "unconverged"
    assert replace(good, ess_bulk=np.array([900.0, 199.0])).status == "unconverged"
    assert replace(good, ess_tail=np.array([199.0, 600.0])).status == "unconverged"


def test_one_chain_alone_has_no_r_hat_to_believe():
    diagnostics = nuts_diagnostics(made_trace(chains=1))
    assert np.isnan(diagnostics.rhat_max)
    assert diagnostics.status == "unchecked"


@pytest.mark.parametrize("level", [0.0, 1.0, 68.0, float("nan")])
def test_a_level_that_is_no_probability_is_refused(level):
    with pytest.raises(SettingsError, match="between 0 and 1"):
        nuts_summary(made_trace(), level)
