"""The smallest system there is, through the protocol and nothing else."""

import numpy as np
import polars as pl

from errorbar.core.artifact import Artifact, read_artifact, write_artifact
from errorbar.core.contracts import (
    LABELS,
    PREDICTIONS,
    Estimate,
    FittedArtifact,
    Label,
    ModelCard,
    Prediction,
    Recipe,
    System,
    check_table,
    from_values,
)
from tests.core.contracts.examples import NOW, ORIGIN


class MeanSystem:
    """Predicts the mean of the labels it has seen."""

    name = "mean"
    tables = {"labels": LABELS}

    def __init__(self, folder):
        self.folder = folder

    def recipe(self, settings):
        return Recipe(system=self.name, version=1, settings={"level": 0.68, **settings})

    def fit(self, recipe, train, val=None, *, seed=0):
        numbers = train["labels"]["number"]
        path = write_artifact(
            self.folder / "mean.safetensors",
            self.name,
            {"mean": np.array(numbers.mean()), "sd": np.array(numbers.std())},
            {"recipe_sha256": recipe.sha256},
        )
        return read_artifact(path, self.name)

    def predict(self, artifact, tables):
        mean, sd = (float(artifact.arrays[name]) for name in ("mean", "sd"))
        teff = Estimate(name="teff", mean=mean, lower=mean - sd, upper=mean + sd, level=0.68)
        return from_values(
            [
                Prediction(
                    object_id=star,
                    parameters=(teff,),
                    calibrated=False,
                    model="mean@1",
                    model_sha256=artifact.sha256,
                    recipe_sha256=artifact.manifest["recipe_sha256"],
                    created=NOW,
                )
                for star in tables["labels"]["star_id"]
            ],
            Prediction,
        )

    def evaluate(self, artifact, tables):
        error = tables["labels"]["number"] - float(artifact.arrays["mean"])
        return {"rmse": float((error**2).mean() ** 0.5)}

    def describe(self, artifact):
        return ModelCard(
            name=self.name,
            version="1",
            system=self.name,
            about="the mean",
            recipe_sha256=artifact.manifest["recipe_sha256"],
            model_sha256=artifact.sha256,
            created=NOW,
        )


def run(system: System):
    """All that a plane does, by the protocol alone."""
    labels = from_values(
        [
            Label(**ORIGIN, star_id=f"s{at}", quantity="teff", number=5000.0 + at, source="x")
            for at in range(5)
        ],
        Label,
    )
    artifact = system.fit(system.recipe({}), {"labels": labels}, seed=1)
    assert isinstance(artifact, FittedArtifact)
    predictions = system.predict(artifact, {"labels": labels})
    check_table(predictions, PREDICTIONS)
    return artifact, predictions, system.evaluate(artifact, {"labels": labels})


def test_a_plane_needs_nothing_but_the_protocol(tmp_path):
    system = MeanSystem(tmp_path)
    assert isinstance(system, System)
    artifact, predictions, scores = run(system)
    assert predictions["parameters"].list.len().to_list() == [1] * 5
    assert scores["rmse"] > 0
    assert system.describe(artifact).model_sha256 == artifact.sha256
    assert isinstance(predictions, pl.DataFrame)


def test_an_artifact_of_core_is_a_fitted_artifact():
    assert isinstance(Artifact("x", {}, {}, {}, ""), FittedArtifact)
    assert not isinstance(object(), System)
