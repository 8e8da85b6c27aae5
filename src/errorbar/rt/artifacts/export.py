"""A folder laid out as CompAssign's evaluation expects it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from errorbar.core.artifact import Json
from errorbar.core.artifact.value import check_json
from errorbar.core.errors import ArtifactError
from errorbar.rt.artifacts.backoff import BackoffSummaries
from errorbar.rt.artifacts.coefficients import CoeffSummaries
from errorbar.rt.artifacts.files import (
    read_backoff,
    read_coefficients,
    write_backoff,
    write_coefficients,
)

__all__ = ["Export", "read_export", "write_export"]

COEFFICIENTS = "models/stage1_coeff_summaries_posterior.npz"
BACKOFF = "models/partial_pool_backoff_summaries.npz"
CONFIG = "config.json"


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """What such a folder holds; `backoff` is not in the folder of every model."""

    coefficients: CoeffSummaries
    backoff: BackoffSummaries | None
    config: Mapping[str, Json]


def write_export(
    folder: str | os.PathLike[str],
    coefficients: CoeffSummaries,
    backoff: BackoffSummaries | None = None,
    config: Mapping[str, Json] | None = None,
) -> Path:
    """Writes both, and the settings of the fit, under the names that CompAssign gives them."""
    folder = Path(folder)
    config = {} if config is None else config
    check_json(config, "config")
    (folder / "models").mkdir(parents=True, exist_ok=True)
    write_coefficients(folder / COEFFICIENTS, coefficients)
    if backoff is None:
        # That of an earlier export does not belong to these coefficients.
        (folder / BACKOFF).unlink(missing_ok=True)
    else:
        write_backoff(folder / BACKOFF, backoff)
    text = json.dumps(config, indent=2, sort_keys=True, allow_nan=False)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")
    return folder


def read_export(folder: str | os.PathLike[str]) -> Export:
    """What `write_export`, or CompAssign's training, has put into a folder."""
    folder = Path(folder)
    backoff = read_backoff(folder / BACKOFF) if (folder / BACKOFF).exists() else None
    config: object = {}
    if (folder / CONFIG).exists():
        try:
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ArtifactError(f"{folder / CONFIG} is not JSON ({error}).") from error
        if not isinstance(config, dict):
            raise ArtifactError(f"{folder / CONFIG} must be an object of settings.")
    coefficients = read_coefficients(folder / COEFFICIENTS)
    return Export(coefficients, backoff, cast("Mapping[str, Json]", config))
