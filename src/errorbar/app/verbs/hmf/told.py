"""Data and models of the `hmf` commands: read, and checked against each other."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.hmf.data import Spectra, read_spectra
from errorbar.hmf.estimator import Robusta, UnknownRowsWarning
from errorbar.hmf.fit.als import NotConvergedWarning

__all__ = [
    "Pixels",
    "check_folder",
    "check_same_grid",
    "named_rows",
    "names_of",
    "read_both",
    "read_typed",
    "told_warnings",
]


@dataclass(frozen=True, slots=True)
class Pixels:
    """How many pixels, and where they are if that is known."""

    pixels: int
    wavelength: ndarray | None

    @classmethod
    def of_model(cls, model: Robusta) -> Self:
        """Those of a model's basis."""
        return cls(len(model.basis_vectors()), model.wavelength)


def check_folder(out: Path | str) -> Path:
    """The folder that results go to; refused where a file is."""
    folder = Path(out)
    if folder.is_file():
        raise SettingsError(f"out={out} is a file: name a folder for the results.")
    return folder


def read_typed(data: Path | str, *, single: bool) -> Spectra:
    """The spectra of a file, in single precision where that is wanted."""
    spectra = read_spectra(data)
    if not single:
        return spectra
    Y, W = spectra.Y.astype(np.float32), spectra.W.astype(np.float32)
    return replace(spectra, Y=Y, W=W)


def read_both(model: Path | str, data: Path | str) -> tuple[Robusta, Spectra]:
    """A model and data on its grid."""
    held, spectra = Robusta.load(model), read_spectra(data)
    own = Pixels(spectra.pixels, spectra.wavelength)
    check_same_grid(own, data, Pixels.of_model(held), f"the basis of {model}")
    return held, spectra


def check_same_grid(own: Pixels, name: Path | str, other: Pixels, where: Path | str) -> None:
    """Refuse spectra that are not on the grid of something else."""
    if own.pixels != other.pixels:
        raise SettingsError(
            f"{name} has {own.pixels} pixels and {where} has {other.pixels}: bring the spectra to "
            "one grid first."
        )
    if own.wavelength is None or other.wavelength is None:
        return
    apart = ~np.isclose(other.wavelength, own.wavelength, rtol=1e-9)
    if apart.any():
        first = int(np.argmax(apart))
        raise SettingsError(
            f"{name} and {where} are on different wavelengths at {int(apart.sum())} of "
            f"{len(apart)} pixels, first at pixel {first} ({own.wavelength[first]:.9g} and "
            f"{other.wavelength[first]:.9g}): bring the spectra to one grid first."
        )


def names_of(spectra: Spectra) -> tuple[str, ...]:
    """The names of the rows, or their numbers."""
    return named_rows(spectra.ids, len(spectra))


def named_rows(ids: tuple[str, ...] | None, rows: int) -> tuple[str, ...]:
    """These names, or numbers where there are none."""
    return tuple(map(str, range(rows))) if ids is None else ids


@contextmanager
def told_warnings(notes: list[str]) -> Iterator[None]:
    """Put what a fit warns of into notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        for kind in (UnknownRowsWarning, NotConvergedWarning):
            warnings.simplefilter("always", kind)
        yield
    notes += [str(one.message) for one in caught]
