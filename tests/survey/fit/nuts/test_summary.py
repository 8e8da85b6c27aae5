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
            "beta": rng.normal(-1, 1, (chains, draws)),
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
        trace, var_names=["alpha", "beta", "epsilon"], hdi_prob=0.68, round_to="none", kind="all"
    )
    assert ours.names == ("alpha", "beta", "epsilon")
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


def test_the_covariance_of_the_line_moves_its_intercept():
    trace = made_trace()
    summary = nuts_summary(trace)
    moved = trace.posterior["alpha"].values + 0.7 * trace.posterior["beta"].values
    variance = (
        summary.sd[0] ** 2 + (0.7 * summary.sd[1]) ** 2 + 2 * 0.7 * summary.line_covariance[0]
    )
    assert np.sqrt(variance) == pytest.approx(moved.std(ddof=1), rel=1e-12)


def test_an_interval_of_a_higher_level_is_wider_and_holds_its_share():
    trace = made_trace()
    widths = []
    for level in (0.5, 0.68, 0.95):
        summary = nuts_summary(trace, level)
        widths.append(summary.hdi_high - summary.hdi_low)
        for i, name in enumerate(summary.names):
            draws = trace.posterior[name].values
            held = (summary.hdi_low[i] <= draws) & (draws <= summary.hdi_high[i])
            assert held.mean() == pytest.approx(level, abs=2 / draws.size)
    assert (np.diff(widths, axis=0) > 0).all()


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
