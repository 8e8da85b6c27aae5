"""Simulated planets and surveys whose truth is known."""

from errorbar.survey.synth.catalogue import SyntheticCatalogue, make_catalogue
from errorbar.survey.synth.design import MockDesign, MockPlanets
from errorbar.survey.synth.population import draw_planets
from errorbar.survey.synth.simulate import simulate_joint, simulate_mass_star, simulate_single
from errorbar.survey.synth.truth import Recipe, Truth, read_truth

__all__ = [
    "MockDesign",
    "MockPlanets",
    "Recipe",
    "SyntheticCatalogue",
    "Truth",
    "draw_planets",
    "make_catalogue",
    "read_truth",
    "simulate_joint",
    "simulate_mass_star",
    "simulate_single",
]
