"""Mock surveys and their Bayes factors: the pieces of a detection."""

from typing import Any

import numpy as np

from errorbar.core.contracts import PieceValue, PieceValues
from errorbar.survey.detect.evidence import log_bayes_factors
from errorbar.survey.synth import MockDesign, MockPlanets
from errorbar.survey.synth.parameters import PARAMETERS, prior_from_numbers, simulate_planets

__all__ = ["CHUNK", "mock_piece"]

# Fixed, so that a job's numbers do not depend on who works on it.
CHUNK = 100


def mock_piece(piece: PieceValues, seed: int) -> dict[str, PieceValue]:
    """Log Bayes factors of surveys simulated with the rows of `parameters`.

    The planets are those of the piece, or drawn anew for each survey from its design.
    """
    values: Any = piece
    model, rng = values["model"], np.random.default_rng(seed)
    prior = prior_from_numbers(model, values["prior"])
    fixed = MockPlanets(*values["planets"]) if "planets" in values else None
    design = None if fixed is not None else MockDesign.from_values(values)
    datas = []
    for row in values["parameters"]:
        planets = design.draw(rng, values["n"]) if design is not None else fixed
        assert planets is not None
        datas.append(
            simulate_planets(model, rng, planets, dict(zip(PARAMETERS[model], row.tolist())))
        )
    return {"log_bayes": log_bayes_factors(datas, model, prior)}
