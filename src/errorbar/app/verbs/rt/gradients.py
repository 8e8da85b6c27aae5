"""Times that are shares of a gradient, told in minutes.

A model of such times lies beside `minutes.csv`, which says how many minutes one unit is in each
species. What is asked of it and what it answers are minutes then.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy import ndarray

from errorbar.app.verbs.rt.names import read_names
from errorbar.app.verbs.rt.stored import OpenModel
from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data import Peaks
from errorbar.rt.evaluate import PartialTimes

__all__ = ["in_minutes", "minutes_of_all", "peaks_in_minutes", "row_minutes"]


def row_minutes(model: OpenModel, peaks: Peaks, beside: Path | str | None = None) -> ndarray | None:
    """How many minutes one unit is in each row; None where times are minutes.

    Species that the model's table does not have are looked up in that of the folder `beside`.
    """
    known = model.names.in_minutes
    if not known:
        return None
    if beside is not None:
        known = read_names(Path(beside)).in_minutes | known
    lost = sorted({each for each in np.unique(peaks.species).tolist() if each not in known})
    if lost:
        raise TableError(
            f"times are shares of a gradient, and of {len(lost)} species its minutes are not "
            f"known, first {lost[0]}: add a row `species,minutes` to minutes.csv beside the model "
            "or the table."
        )
    own, place = np.unique(peaks.species, return_inverse=True)
    return np.array([known[each] for each in own.tolist()], dtype=np.float64)[place]


def minutes_of_all(
    models: Mapping[str, OpenModel], peaks: Peaks, data: Path | str
) -> ndarray | None:
    """The same for models that are compared, all of which must be of one kind of times."""
    beside = Path(data).parent
    found = [row_minutes(model, peaks, beside) for model in models.values()]
    if any(each is None for each in found) and any(each is not None for each in found):
        shares = [name for name, each in zip(models, found) if each is not None]
        raise SettingsError(
            f"{', '.join(shares)} predict shares of a gradient and the other models minutes: "
            "compare models of one table."
        )
    return found[0]


def in_minutes(times: PartialTimes, minutes: ndarray | None) -> PartialTimes:
    """The times of rows in minutes."""
    if minutes is None:
        return times
    scale, inner = minutes[times.scored], times.times
    return replace(times, times=replace(inner, mean=inner.mean * scale, sd=inner.sd * scale))


def peaks_in_minutes(peaks: Peaks, minutes: ndarray | None) -> Peaks:
    """The peaks with their times in minutes."""
    return peaks if minutes is None else replace(peaks, rt=peaks.rt * minutes)
