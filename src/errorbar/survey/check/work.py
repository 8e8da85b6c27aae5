"""Simulated surveys fitted with their truth at hand: one piece of a calibration."""

from typing import Any

import numpy as np

from errorbar.core.contracts import PieceValue, PieceValues
from errorbar.survey.fit import fit_one, fit_surveys
from errorbar.survey.model import PriorRule
from errorbar.survey.synth import MockDesign
from errorbar.survey.synth.parameters import (
    PARAMETERS,
    draw_parameters,
    prior_from_numbers,
    simulate_planets,
)

__all__ = ["calibrate_piece"]


def calibrate_piece(piece: PieceValues, seed: int) -> dict[str, PieceValue]:
    """Truth, PIT and whether the interval holds the truth, survey by survey."""
    values: Any = piece
    model = values["model"]
    names, rng = PARAMETERS[model], np.random.default_rng(seed)
    design = MockDesign.from_values(values)
    prior = (
        PriorRule(values["intercept"], values["slope"])
        if "intercept" in values
        else prior_from_numbers(model, values["prior"])
    )
    fixed = dict(zip(names, map(float, values["truth"]))) if "truth" in values else None
    truths, datas = [], []
    for n in values["sizes"]:
        planets = design.draw(rng, int(n))
        truth = draw_parameters(model, prior, rng) if fixed is None else fixed
        datas.append(simulate_planets(model, rng, planets, truth))
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
