"""Pictures of factorisations: rows and their outliers, bases, weights, grids, convergence."""

from errorbar.hmf.plots.bases import plot_bases, plot_basis
from errorbar.hmf.plots.grids import plot_heat_map, plot_selection
from errorbar.hmf.plots.rows import make_gallery, plot_kept, plot_residuals, plot_row
from errorbar.hmf.plots.runs import plot_convergence, plot_weights

__all__ = [
    "make_gallery",
    "plot_bases",
    "plot_basis",
    "plot_convergence",
    "plot_heat_map",
    "plot_kept",
    "plot_residuals",
    "plot_row",
    "plot_selection",
    "plot_weights",
]
