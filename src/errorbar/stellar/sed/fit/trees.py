"""Boosted trees (LightGBM) as text: deterministic, on one thread, gaps taken as they are."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy import ndarray

from errorbar.core.errors import ArtifactError
from errorbar.core.extras import load

__all__ = ["TreeSettings", "Trees", "fit_trees"]


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """How trees are grown; sampling is by `seed`."""

    trees: int = 600
    rate: float = 0.03
    leaves: int = 24
    least_rows: int = 20
    row_share: float = 0.7
    column_share: float = 0.5
    seed: int = 0


class Trees:
    """Fitted trees; `text` is all of them."""

    def __init__(self, text: str) -> None:
        self.text = text
        lightgbm = load("lightgbm", "stellar")
        try:
            self._booster = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as reason:
            raise ArtifactError(f"the text of trees cannot be read: {reason}.") from reason

    def predict(self, X: ndarray) -> ndarray:
        """Predictions, or a column of probabilities for each class; row by row, so that no row
        depends on what it is asked with."""
        return np.asarray(self._booster.predict(X, num_threads=1))

    def to_bytes(self) -> ndarray:
        """The text as an array of bytes."""
        return np.frombuffer(self.text.encode(), dtype=np.uint8).copy()

    @classmethod
    def from_bytes(cls, data: ndarray) -> "Trees":
        """Trees from their bytes; the same bits come out."""
        return cls(bytes(np.asarray(data, dtype=np.uint8)).decode())


def fit_trees(
    X: ndarray,
    y: ndarray,
    weight: ndarray | None = None,
    *,
    settings: TreeSettings | None = None,
    objective: str = "regression",
    classes: int = 0,
    level: float = 0.5,
) -> Trees:
    """Trees for a mean (`"regression"`), a quantile at `level` (`"quantile"`), a location that
    outliers do not move (`"huber"`), or `classes` (`"multiclass"`)."""
    lightgbm = load("lightgbm", "stellar")
    held = asdict(settings or TreeSettings())
    rounds = held.pop("trees")
    parameters: dict[str, Any] = {
        "objective": objective,
        "learning_rate": held["rate"],
        "num_leaves": held["leaves"],
        "min_data_in_leaf": held["least_rows"],
        "bagging_fraction": held["row_share"],
        "bagging_freq": 1,
        "feature_fraction": held["column_share"],
        "seed": held["seed"],
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    if objective == "quantile":
        parameters["alpha"] = level
    if objective == "huber":
        parameters["alpha"] = 0.3
    if classes:
        parameters["num_class"] = classes
    data = lightgbm.Dataset(X, label=y, weight=weight, params={"verbosity": -1})
    booster = lightgbm.train(parameters, data, num_boost_round=rounds)
    return Trees(booster.model_to_string())
