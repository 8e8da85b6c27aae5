"""What models, and data, say of themselves: predictions, cards, recipes, provenance."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, JsonValue, model_validator

from errorbar.core.contracts.values import Estimate, Sha256, Text, Time, Value

__all__ = ["ModelCard", "Prediction", "Provenance", "Recipe"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Versioned = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
Share = Annotated[float, Field(ge=0, le=1)]


class Provenance(Value):
    """Where rows came from: the question, the way it was asked, and the hash of what came back.

    `recipe_sha256` is that of the recipe by which rows were made of these bytes.
    """

    query: Text
    transport: Text
    content_sha256: Sha256
    recipe_sha256: Sha256 | None = None
    created: Time

    def as_row(self) -> dict[str, Any]:
        """The columns that every row has, for `frame.with_columns(**…)` through `pl.lit`."""
        return self.model_dump()


class Recipe(Value):
    """What is done to a table before a model sees it, as data; the same in training and serving.

    `settings` is plain JSON. `sha256` is the same for equal recipes in every process.
    """

    system: Name
    version: Annotated[int, Field(ge=1)]
    settings: Mapping[str, JsonValue] = {}

    @property
    def sha256(self) -> str:
        body = {"system": self.system, "version": self.version, "settings": dict(self.settings)}
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


class Prediction(Value):
    """What a model says of one object, with everything a reader needs to trust it, or not to.

    The row of the table `PREDICTIONS`. A system's own predictive distribution is
    `errorbar.core.predict.Prediction`; this is what is stored, served and watched.
    """

    object_id: Text
    obs_id: Text | None = None
    taxonomy: Versioned | None = None
    class_names: tuple[Text, ...] = ()
    probabilities: tuple[Share, ...] = ()
    set: tuple[Text, ...] = ()
    alpha: Annotated[float, Field(gt=0, lt=1)] | None = None
    parameters: tuple[Estimate, ...] = ()
    calibrated: bool
    ood_score: float | None = None
    flags: tuple[Text, ...] = ()
    modalities: tuple[Text, ...] = ()
    model: Versioned
    model_sha256: Sha256
    recipe_sha256: Sha256
    content_sha256: Sha256 | None = None
    created: Time

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if len(self.class_names) != len(self.probabilities):
            raise ValueError("every class needs one probability")
        if self.probabilities and abs(sum(self.probabilities) - 1) > 1e-6:
            raise ValueError("probabilities must sum to one")
        strangers = [name for name in self.set if name not in self.class_names]
        if strangers:
            raise ValueError(f"the set holds {strangers[0]!r}, which is no class of the model")
        if self.set and self.alpha is None:
            raise ValueError("a set needs its alpha")
        return self


class ModelCard(Value):
    """What a model is, what it learnt from, how well it does, and where it must not be used.

    `data` names the tables it learnt from, as `dataset@version` with their hashes. `metrics` are
    those of the test role, and `limits` is written for the person who would use it.
    """

    name: Name
    version: Text
    system: Name
    about: Text
    taxonomy: Versioned | None = None
    class_names: tuple[Text, ...] = ()
    parameters: Mapping[str, str] = Field(default={}, description="numbers predicted: unit")
    modalities: tuple[Text, ...] = ()
    data: Mapping[str, Sha256] = {}
    split_sha256: Sha256 | None = None
    recipe_sha256: Sha256
    model_sha256: Sha256
    metrics: Mapping[str, float] = {}
    limits: tuple[Text, ...] = ()
    simulated_only: bool = False
    created: Time

    @property
    def title(self) -> str:
        """Name and version, as `Prediction.model` has them."""
        return f"{self.name}@{self.version}"
