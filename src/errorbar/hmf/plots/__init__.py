"""Pictures of factorisations: rows and their outliers, bases, weights, grids, convergence."""

from errorbar.hmf.plots.bases import plot_bases, plot_basis
from errorbar.hmf.plots.coefficients import plot_coefficients
from errorbar.hmf.plots.grids import plot_heat_map, plot_selection
from errorbar.hmf.plots.rows import make_gallery, plot_kept, plot_residuals, plot_row
from errorbar.hmf.plots.runs import plot_convergence, plot_weights
from errorbar.hmf.plots.sheets import (
    RankCurve,
    make_bases,
    make_basis,
    make_convergence,
    make_heat_maps,
    make_methods,
    make_rows,
    make_selection,
    make_stretch,
    make_weights,
)

__all__ = [
    "RankCurve",
    "make_bases",
    "make_basis",
    "make_convergence",
    "make_gallery",
    "make_heat_maps",
    "make_methods",
    "make_rows",
    "make_selection",
    "make_stretch",
    "make_weights",
    "plot_bases",
    "plot_basis",
    "plot_coefficients",
    "plot_convergence",
    "plot_heat_map",
    "plot_kept",
    "plot_residuals",
    "plot_row",
    "plot_selection",
    "plot_weights",
]
