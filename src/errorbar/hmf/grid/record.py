"""Points of a grid as a journal keeps them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from errorbar.core.contracts import PieceValue
from errorbar.hmf.fit.state import RHMFState
from errorbar.hmf.grid.result import GridPoint
from errorbar.hmf.summary import Scores

__all__ = ["point_of", "values_of"]


def values_of(point: GridPoint) -> dict[str, PieceValue]:
    """A point as arrays and plain numbers."""
    plain = {
        field.name: getattr(point, field.name)
        for field in fields(point)
        if field.name not in ("state", "scores")
    }
    return {
        **plain,
        "A": np.ascontiguousarray(point.state.A),
        "G": np.ascontiguousarray(point.state.G),
        "scores": json.dumps(None if point.scores is None else asdict(point.scores)),
    }


def point_of(values: Mapping[str, PieceValue]) -> GridPoint:
    """The point that `values_of` took apart."""
    held: dict[str, Any] = dict(values)
    scores = json.loads(held.pop("scores"))
    state = RHMFState(held.pop("A"), held.pop("G"), held["iterations"])
    return GridPoint(state=state, scores=None if scores is None else Scores(**scores), **held)
