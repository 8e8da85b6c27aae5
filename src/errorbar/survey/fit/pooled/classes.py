"""Disjoint classes of planets: made by mass, or checked."""

from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from errorbar.core.errors import SettingsError, SurveyError
from errorbar.survey.data import SurveyData
from errorbar.survey.fit.lattice import check_limits
from errorbar.survey.fit.models import find_model

__all__ = ["check_classes", "mass_bins"]


def mass_bins(data: SurveyData, bins: int = 4) -> dict[str, SurveyData]:
    """The survey parted by mass into classes M1, M2, … of equally many planets, lightest first.

    Planets of one mass stay together.
    """
    if bins < 2:
        raise SettingsError(f"{bins} classes do not part a survey: ask for at least 2.")
    inner = np.quantile(data.x, np.arange(1, bins) / bins)
    place = np.searchsorted(inner, data.x, side="right")
    few = [k for k in range(bins) if np.sum(place == k) < 3]
    if few:
        raise SurveyError(
            f"of {bins} classes of {data.n} planets, class M{few[0] + 1} would hold "
            f"{np.sum(place == few[0])}, and a line with scatter takes 3: ask for fewer classes."
        )
    return {f"M{k + 1}": _rows(data, place == k) for k in range(bins)}


def _rows(data: SurveyData, chosen: np.ndarray) -> SurveyData:
    """A part of the survey's planets."""
    kept = {}
    for field in fields(data):
        value = getattr(data, field.name)
        if field.name == "names" and value is not None:
            value = tuple(name for name, keep in zip(value, chosen) if keep)
        elif value is not None:
            value = value[chosen]
        kept[field.name] = value
    return SurveyData(**kept)


def check_classes(classes: Mapping[str, SurveyData]) -> None:
    """Refuse a single class, upper limits, and planets that stand in two classes."""
    if len(classes) < 2:
        raise SurveyError(
            f"{len(classes)} class was given: a slope is pooled with those of others, so at least "
            "2 are needed. `mass_bins` parts a survey by mass."
        )
    check_limits(find_model("single"), list(classes.values()))
    seen: dict[object, str] = {}
    for label, data in classes.items():
        rows = zip(data.x.tolist(), data.y.tolist(), data.sigma.tolist())
        for row, (numbers, name) in enumerate(zip(rows, data.names or [None] * data.n)):
            for key in (numbers, name):
                if key is not None and key in seen:
                    planet = f"the planet {name!r}" if name else f"the planet at row {row}"
                    raise SurveyError(
                        f"{planet} of class {label} stands in class {seen[key]} too and would be "
                        "counted twice: classes must be disjoint. Those of the reference code are "
                        "nested; `mass_bins` gives disjoint ones."
                    )
            seen[numbers] = label
            if name is not None:
                seen[name] = label
