"""The toy and its two halves."""

from dataclasses import dataclass
from functools import cached_property

from numpy import ndarray

from errorbar.hmf.synth import ToySpectra

__all__ = ["Toy"]


@dataclass(frozen=True)
class Toy:
    """The toy and its two halves."""

    spectra: ToySpectra

    @cached_property
    def train(self) -> tuple[ndarray, ndarray]:
        return self.spectra.Y[self.spectra.train], self.spectra.W[self.spectra.train]

    @cached_property
    def test(self) -> tuple[ndarray, ndarray]:
        return self.spectra.Y[self.spectra.test], self.spectra.W[self.spectra.test]

    @cached_property
    def outliers(self) -> ndarray:
        """True outlying pixels of the test half."""
        return self.spectra.outliers[self.spectra.test]

    @cached_property
    def objects(self) -> ndarray:
        """True outlier spectra of the test half."""
        return self.spectra.outlier_objects[self.spectra.test]
