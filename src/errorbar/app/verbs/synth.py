"""Make a synthetic catalogue."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from errorbar.core.errors import SettingsError
from errorbar.survey.data import PlanetList, read_ariel, read_kawai
from errorbar.survey.synth import Recipe, make_catalogue

__all__ = ["ListFormat", "SynthFiles", "read_list", "survey_synth"]

ListFormat = Literal["ariel", "kawai"]


@dataclass(frozen=True, slots=True)
class SynthFiles:
    """A synthetic catalogue on disk, with the truth beside it."""

    catalogue: Path
    truth: Path
    truth_rows: Path
    planets: int
    parameters: dict[str, float | None]


def survey_synth(
    out: Path | str = "dataset",
    *,
    n: int | None = None,
    masses: Path | str | None = None,
    list_format: ListFormat = "ariel",
    seed: int = 42,
    reference: bool = False,
    **changes: Any,
) -> SynthFiles:
    """Draw a catalogue and write it as `hermes_synthetic_data.csv` with its truth.

    `masses` is a list of real planets; without it `n` planets (722) like the Ariel list are drawn.
    `reference` makes the reference code's catalogue, whose values have no measurement noise.
    `changes` are fields of `Recipe`.
    """
    recipe = replace(Recipe.reference() if reference else Recipe(), **changes)
    planets = None if masses is None else read_list(masses, list_format)
    made = make_catalogue(planets, recipe, n=n, seed=seed)
    catalogue, truth, rows = made.write(out)
    return SynthFiles(catalogue, truth, rows, len(made.data), made.truth.parameters)


def read_list(path: Path | str, list_format: ListFormat = "ariel") -> PlanetList:
    """A list of real planets, as its archive publishes it."""
    readers = {"ariel": read_ariel, "kawai": read_kawai}
    if list_format not in readers:
        raise SettingsError(
            f"list_format={list_format!r} is not a list that can be read; choose one of "
            f"{', '.join(get_args(ListFormat))}."
        )
    return readers[list_format](path)
