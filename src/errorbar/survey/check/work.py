"""Simulated surveys fitted with their truth at hand: one piece of a calibration."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from errorbar.core.contracts import PieceValue, PieceValues
from errorbar.survey.check.prior import NAMES, draw_truth, prior_of
from errorbar.survey.data import SurveyData
from errorbar.survey.fit import fit_one, fit_surveys
from errorbar.survey.model import PriorRule
from errorbar.survey.synth import (
    MockDesign,
    MockPlanets,
    simulate_joint,
    simulate_mass_star,
    simulate_single,
)

__all__ = ["calibrate_piece", "simulate"]


def simulate(
    model: str, rng: np.random.Generator, planets: MockPlanets, truth: Mapping[str, float]
) -> SurveyData:
    """One survey of these planets under a model with given parameters."""
    parameters: dict[str, Any] = dict(truth)
    if model == "joint":
        return simulate_joint(rng, planets.x, planets.sigma, planets.star_sigma, **parameters)
    if model == "mass-star":
        return simulate_mass_star(
            rng, planets.x, planets.sigma, planets.star, planets.star_sigma, **parameters
        )
    return simulate_single(rng, planets.x, planets.sigma, **parameters)


def calibrate_piece(piece: PieceValues, seed: int) -> dict[str, PieceValue]:
    """Truth, PIT and whether the interval holds the truth, survey by survey."""
    values: Any = piece
    model = values["model"]
    names, rng = NAMES[model], np.random.default_rng(seed)
    design = MockDesign.from_values(values)
    prior = (
        PriorRule(values["intercept"], values["slope"])
        if "intercept" in values
        else prior_of(model, values["prior"])
    )
    fixed = dict(zip(names, map(float, values["truth"]))) if "truth" in values else None
    truths, datas = [], []
    for n in values["sizes"]:
        planets = design.draw(rng, int(n))
        truth = draw_truth(model, prior, rng) if fixed is None else fixed
        datas.append(simulate(model, rng, planets, truth))
        truths.append([truth[name] for name in names])
    batch = fit_surveys(datas, model, prior, level=values["level"])
    true = np.array(truths)
    pit = np.full(true.shape, np.nan)
    for row in np.flatnonzero(batch.status == 0):
        posterior = fit_one(datas[row], model, prior).posterior
        pit[row] = [posterior.cdf(name, value) for name, value in zip(names, true[row])]
    return {
        "truth": true,
        "pit": pit,
        "mean": batch.mean,
        "sd": batch.sd,
        "inside": (batch.hdi_low <= true) & (true <= batch.hdi_high),
    }
