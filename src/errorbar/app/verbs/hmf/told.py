"""Data and models of the `hmf` commands: read, and checked against each other."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from errorbar.core.errors import SettingsError
from errorbar.hmf.data import Spectra, read_spectra
from errorbar.hmf.estimator import Robusta, UnknownRowsWarning
from errorbar.hmf.fit.als import NotConvergedWarning

__all__ = ["names_of", "read_both", "told_warnings"]


def read_both(model: Path | str, data: Path | str) -> tuple[Robusta, Spectra]:
    """A model and data on its grid."""
    held, spectra = Robusta.load(model), read_spectra(data)
    basis = held.basis_vectors()
    if spectra.pixels != len(basis):
        raise SettingsError(
            f"{data} has {spectra.pixels} pixels and the basis of {model} has {len(basis)}: bring "
            "the spectra to the grid of the fit first."
        )
    if held.wavelength is not None and spectra.wavelength is not None:
        apart = ~np.isclose(held.wavelength, spectra.wavelength, rtol=1e-9)
        if apart.any():
            first = int(np.argmax(apart))
            raise SettingsError(
                f"{data} and {model} are on different wavelengths at {int(apart.sum())} of "
                f"{len(apart)} pixels, first at pixel {first} ({spectra.wavelength[first]:.9g} and "
                f"{held.wavelength[first]:.9g}): bring the spectra to the grid of the fit first."
            )
    return held, spectra


def names_of(spectra: Spectra) -> tuple[str, ...]:
    """The names of the rows, or their numbers."""
    return tuple(map(str, range(len(spectra)))) if spectra.ids is None else spectra.ids


@contextmanager
def told_warnings(notes: list[str]) -> Iterator[None]:
    """Put what a fit warns of into notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        for kind in (UnknownRowsWarning, NotConvergedWarning):
            warnings.simplefilter("always", kind)
        yield
    notes += [str(one.message) for one in caught]
