"""Many surveys fitted as one job: in pieces, anywhere, and resumable.

A piece is a fixed chunk of the surveys of one class and size. A sampled survey takes half a minute
and is a piece of its own; exact fits take milliseconds and go by the dozen. What a piece holds
depends on the surveys and the settings alone, so that tables have the same bytes however and
wherever the work was done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from errorbar.core.contracts import PieceValue, PieceValues
from errorbar.core.engine import run_pieces
from errorbar.core.errors import InputError, SettingsError, SurveyError
from errorbar.survey.data import SurveyData
from errorbar.survey.fit.table import fit_table
from errorbar.survey.model import PriorRule
from errorbar.survey.sample import Survey

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["FitSettings", "fit_grid", "fit_piece", "grid_pieces"]

ModelName = Literal["single", "joint", "mass-star"]
Method = Literal["exact", "nuts"]
Sampler = Literal["pymc", "nutpie", "numpyro"]

CHUNK = {"exact": 20, "nuts": 1}
WORKERS = {"exact": "threads", "nuts": "processes"}
COLUMNS = tuple(part.name for part in fields(SurveyData) if part.name != "names")


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How every survey of a grid is fitted; `draws` to `sampler` are for the method `nuts`."""

    model: ModelName = "joint"
    method: Method = "exact"
    prior: PriorRule = field(default_factory=PriorRule)
    level: float = 0.68
    draws: int = 1000
    tune: int = 1000
    chains: int = 2
    target_accept: float = 0.9
    sampler: Sampler = "pymc"

    def __post_init__(self) -> None:
        for name, choices in (("model", ModelName), ("method", Method), ("sampler", Sampler)):
            if getattr(self, name) not in get_args(choices):
                raise SettingsError(
                    f"{name}={getattr(self, name)!r} is not known; choose one of "
                    f"{', '.join(get_args(choices))}."
                )
        if not 0 < self.level < 1:
            raise SettingsError(
                f"level={self.level:g} is the share of the posterior inside an interval: choose "
                "one between 0 and 1, such as 0.68."
            )


def grid_pieces(surveys: Sequence[Survey], settings: FitSettings) -> list[dict[str, PieceValue]]:
    """The surveys in order, cut into chunks of one class and size, each with its settings."""
    shared = _settings_values(settings)
    pieces: list[dict[str, PieceValue]] = []
    for _, cell in groupby(surveys, key=lambda survey: (survey.class_label, survey.n)):
        members = list(cell)
        size = CHUNK[settings.method]
        for start in range(0, len(members), size):
            chunk = members[start : start + size]
            pieces.append({**shared, **_columns(chunk, settings.model)})
    return pieces


def fit_piece(piece: PieceValues, seed: int) -> dict[str, PieceValue]:
    """Posterior summaries of the surveys of one piece."""
    datas = _datas(piece)
    prior = PriorRule(intercept=_text(piece, "intercept"), slope=_text(piece, "slope"))  # pyright: ignore[reportArgumentType] (checked there)
    options: dict[str, Any] = {"model": piece["model"], "prior": prior, "level": piece["level"]}
    if piece["method"] == "exact":
        from errorbar.survey.fit import fit_surveys

        return _values(fit_surveys(datas, **options))
    from errorbar.survey.fit.nuts import nuts_batch

    seeds = np.random.SeedSequence(seed).generate_state(len(datas), np.uint32)
    for name in ("draws", "tune", "chains", "target_accept", "sampler"):
        options[name] = piece[name]
    return _values(nuts_batch(datas, seeds=[int(s) for s in seeds], **options))


def _settings_values(settings: FitSettings) -> dict[str, PieceValue]:
    values = {part.name: getattr(settings, part.name) for part in fields(settings)}
    rule = values.pop("prior")
    if settings.method == "exact":
        # How long to sample is no part of an exact fit, and must not make its journal another's.
        for name in ("draws", "tune", "chains", "target_accept", "sampler"):
            del values[name]
    return {**values, "intercept": rule.intercept, "slope": rule.slope}


def _columns(chunk: Sequence[Survey], model: ModelName) -> dict[str, PieceValue]:
    datas = [_data(survey, model) for survey in chunk]
    columns: dict[str, PieceValue] = {
        "survey_id": np.array([survey.survey_id for survey in chunk]),
        "sizes": np.array([data.n for data in datas]),
    }
    for name in COLUMNS:
        parts = [getattr(data, name) for data in datas]
        if all(part is not None for part in parts):
            columns[name] = np.concatenate(parts)
    return columns


def _data(survey: Survey, model: ModelName) -> SurveyData:
    try:
        # The single model takes every planet, with or without a star that is known. No model of a
        # grid takes mass errors: like the reference's.
        return survey.data(star=model != "single", mass_errors=False)
    except InputError as error:
        raise SurveyError(
            f"survey {survey.survey_id} (class {survey.class_label}, {survey.n} planets): {error}"
        ) from error


def _datas(piece: PieceValues) -> list[SurveyData]:
    ends = np.cumsum(_array(piece, "sizes"))[:-1]
    columns = {name: np.split(_array(piece, name), ends) for name in COLUMNS if name in piece}
    return [
        SurveyData(**dict(zip(columns, parts, strict=True)))
        for parts in zip(*columns.values(), strict=True)
    ]


def _array(piece: PieceValues, name: str) -> NDArray[Any]:
    values = piece[name]
    assert isinstance(values, np.ndarray)
    return values


def _text(piece: PieceValues, name: str) -> str:
    return str(piece[name])


def _values(batch: Any) -> dict[str, PieceValue]:
    """A batch's arrays by name; words for each survey become lines of one text."""
    values: dict[str, PieceValue] = {}
    for part in fields(batch):
        found = getattr(batch, part.name)
        values[part.name] = "\n".join(found) if isinstance(found, tuple) else found
    return values


def _joined(results: Sequence[PieceValues]) -> SimpleNamespace:
    """The batches of all pieces as one, with whatever each method says of its fits."""
    joined: dict[str, Any] = {}
    for name, first in results[0].items():
        if name == "names":
            joined[name] = tuple(str(first).split("\n"))
        elif isinstance(first, str):
            joined[name] = [word for result in results for word in str(result[name]).split("\n")]
        elif isinstance(first, np.ndarray):
            joined[name] = np.concatenate([_array(result, name) for result in results])
        else:
            joined[name] = first
    return SimpleNamespace(**joined)


def fit_grid(
    surveys: Sequence[Survey],
    settings: FitSettings,
    *,
    seed: int = 42,
    journal: Path | str | None = None,
    workers: "str | Client | None" = None,
    n_workers: int | None = None,
    progress: bool | None = None,
) -> pl.DataFrame:
    """The table of fits of all surveys, one row each, in their order.

    Without `workers`, exact fits run on threads (their kernels release Python's lock) and sampled
    ones on processes. The rest is as in `core.engine.run_pieces`.
    """
    pieces = grid_pieces(surveys, settings)
    results = run_pieces(
        fit_piece,
        pieces,
        seed=seed,
        journal=journal,
        workers=WORKERS[settings.method] if workers is None else workers,
        n_workers=n_workers,
        progress=progress,
        label=f"{settings.model} model",
    )
    return fit_table(
        surveys,
        _joined(results),
        prior=settings.prior.label,
        method=settings.method,
        centres=[data.centre for piece in pieces for data in _datas(piece)],
    )
