"""Draws surveys from a catalogue, class by class."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from errorbar.core.errors import SettingsError, SurveyError
from errorbar.survey.data import HermesData
from errorbar.survey.data.columns import MASS
from errorbar.survey.data.table import few, numbers
from errorbar.survey.sample.classes import MASS_CLASSES, Selection, chosen_rows
from errorbar.survey.sample.survey import Survey

__all__ = ["DESIGN", "SkippedCell", "SurveySampler"]

FEWEST_PLANETS = 3
# The survey sizes of the reference's main run.
DESIGN = (10, 20, 30, 40, 50, 70, 90, 100)
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class SkippedCell:
    """A survey size that its class, of `size` planets, cannot fill."""

    class_label: str
    n: int
    size: int

    def __str__(self) -> str:
        return f"{self.class_label}: {self.n} planets wanted, {self.size} in the class"


class SurveySampler:
    """Draws mock surveys from a catalogue, class by class.

    Parameters
    ----------
    data
        A `HermesData`, or whatever one can be made from.
    classes
        Label → which planets: a `QuantileCut`, a `RangeCut`, a Polars expression, or a function of
        the catalogue's frame that gives one truth value for each row.
    rng_seed
        Seed of the stream of survey seeds. Every call starts it afresh.
    """

    __slots__ = ("_classes", "_data", "_rng_seed")

    def __init__(
        self,
        data: Any,
        classes: Mapping[str, Selection] = MASS_CLASSES,
        rng_seed: int = 42,
    ) -> None:
        self._data = data if isinstance(data, HermesData) else HermesData(data)
        if not classes:
            raise SettingsError("there is no class to draw surveys from: name at least one.")
        self._classes = {
            label: self._data.df.filter(pl.Series(chosen_rows(self._data.df, label, selection)))
            for label, selection in classes.items()
        }
        self._rng_seed = _seed(rng_seed)

    @property
    def data(self) -> HermesData:
        return self._data

    @property
    def rng_seed(self) -> int:
        return self._rng_seed

    @property
    def class_labels(self) -> tuple[str, ...]:
        return tuple(self._classes)

    @property
    def class_sizes(self) -> dict[str, int]:
        return {label: frame.height for label, frame in self._classes.items()}

    def class_df(self, class_label: str) -> pl.DataFrame:
        """All planets of a class, in the catalogue's order."""
        frame = self._classes.get(class_label)
        if frame is None:
            raise SettingsError(
                f"class {class_label!r} is unknown; there are {', '.join(self._classes)}."
            )
        return frame

    def sample_one(self, class_label: str, n: int, *, seed: int, survey_id: int = 1) -> Survey:
        """One survey of `n` planets: those pandas' `sample(n, random_state=seed)` would take."""
        frame = self._usable(class_label)
        _check_size(n)
        if n > frame.height:
            raise SurveyError(
                f"class {class_label} has {frame.height} planets, so {n} different ones cannot be "
                "drawn: ask for fewer, or widen the class."
            )
        return Survey(survey_id, class_label, _draw(frame, n, _seed(seed)))

    def sample_grid(
        self,
        n_grid: Iterable[int] = DESIGN,
        n_reps: int = 20,
        class_order: Sequence[str] | None = None,
    ) -> list[Survey]:
        """`n_reps` surveys of every class and size, numbered from 1; `skipped` lists what is not.

        The order is class, size, repeat. A size larger than its class is left out.
        """
        sizes, labels = self._design(n_grid, class_order)
        if n_reps < 1:
            raise SettingsError(f"n_reps={n_reps} draws nothing: at least 1 is needed.")
        seeds = np.random.default_rng(self._rng_seed)
        surveys: list[Survey] = []
        for label in labels:
            frame = self._usable(label)
            for n in (n for n in sizes if n <= frame.height):
                for _ in range(n_reps):
                    seed = int(seeds.integers(0, LARGEST_SEED))
                    surveys.append(Survey(len(surveys) + 1, label, _draw(frame, n, seed)))
        if not surveys:
            raise SurveyError(
                "every class is smaller than every survey asked for: "
                + few([str(cell) for cell in self.skipped(sizes, labels)])
                + ". Ask for fewer planets."
            )
        return surveys

    def skipped(
        self, n_grid: Iterable[int] = DESIGN, class_order: Sequence[str] | None = None
    ) -> tuple[SkippedCell, ...]:
        """The sizes that `sample_grid` leaves out because their class is too small."""
        sizes, labels = self._design(n_grid, class_order)
        counts = self.class_sizes
        return tuple(
            SkippedCell(label, n, counts[label])
            for label in labels
            for n in sizes
            if n > counts[label]
        )

    def _design(
        self, n_grid: Iterable[int], class_order: Sequence[str] | None
    ) -> tuple[tuple[int, ...], tuple[str, ...]]:
        sizes = tuple(n_grid)
        if not sizes:
            raise SettingsError("n_grid is empty: name at least one survey size.")
        for n in sizes:
            _check_size(n)
        labels = tuple(self._classes if class_order is None else class_order)
        if not labels:
            raise SettingsError("class_order is empty: name at least one class.")
        for label in labels:
            self.class_df(label)
        return sizes, labels

    def _usable(self, class_label: str) -> pl.DataFrame:
        frame = self.class_df(class_label)
        if frame.height == 0:
            raise SurveyError(
                f"class {class_label} holds none of the {len(self._data)} planets: change its cut."
            )
        masses = numbers(frame, MASS)
        if np.ptp(masses) == 0:
            raise SurveyError(
                f"all {frame.height} planets of class {class_label} have the log mass "
                f"{masses[0]:g}, so no survey of it measures a slope: widen the class."
            )
        return frame


def _draw(frame: pl.DataFrame, n: int, seed: int) -> pl.DataFrame:
    # This generator and this call are what pandas' `DataFrame.sample` makes of an integer seed.
    return frame[np.random.RandomState(seed).choice(frame.height, n, replace=False)]


def _check_size(n: int) -> None:
    if n != int(n) or n < FEWEST_PLANETS:
        raise SurveyError(
            f"a survey of {n} planets has no line with scatter to fit: ask for a whole number, "
            f"{FEWEST_PLANETS} or more."
        )


def _seed(seed: int) -> int:
    if seed != int(seed) or not 0 <= seed < 2**32:
        raise SettingsError(f"seed {seed!r} is not a whole number between 0 and 2**32 - 1.")
    return int(seed)
