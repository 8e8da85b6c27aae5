"""Simulated spectra whose basis, noise and outliers are known."""

from errorbar.hmf.synth.toy import ToyRecipe, ToySpectra, make_toy

__all__ = ["ToyRecipe", "ToySpectra", "make_toy"]
