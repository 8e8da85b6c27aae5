"""Pictures of survey summaries, and the figures made of them."""

from errorbar.survey.plots.interactive import interactive_design_space, interactive_slope_plane
from errorbar.survey.plots.make import (
    make_closed_form_check,
    make_common_pivot,
    make_design_space_N_vs_std,
    make_design_space_N_with_L_contours,
    make_fixedN_sigma_vs_L_scatter_from_df,
    make_leverage_panels_from_df,
    make_leverage_panels_with_hdi,
    make_mass_star_fixedN_uncertainty_vs_L_from_df,
    make_mass_star_global_slope_3d_from_df,
    make_met_fixedN_covariance_vs_L_from_df,
    make_met_fixedN_uncertainty_vs_L_from_df,
    make_met_global_slope_3d_from_df,
)
from errorbar.survey.plots.panels import make_posterior_panels
from errorbar.survey.plots.posterior import plot_line, plot_marginal, plot_pair
from errorbar.survey.plots.space import plot_design_space, plot_slope_plane
from errorbar.survey.plots.trends import plot_closed_form, plot_errors, plot_means, plot_pivot
from errorbar.survey.plots.write import figure_place, write_figures

__all__ = [
    "figure_place",
    "interactive_design_space",
    "interactive_slope_plane",
    "make_closed_form_check",
    "make_common_pivot",
    "make_design_space_N_vs_std",
    "make_design_space_N_with_L_contours",
    "make_fixedN_sigma_vs_L_scatter_from_df",
    "make_leverage_panels_from_df",
    "make_leverage_panels_with_hdi",
    "make_mass_star_fixedN_uncertainty_vs_L_from_df",
    "make_mass_star_global_slope_3d_from_df",
    "make_met_fixedN_covariance_vs_L_from_df",
    "make_met_fixedN_uncertainty_vs_L_from_df",
    "make_met_global_slope_3d_from_df",
    "make_posterior_panels",
    "plot_closed_form",
    "plot_design_space",
    "plot_errors",
    "plot_line",
    "plot_marginal",
    "plot_means",
    "plot_pair",
    "plot_pivot",
    "plot_slope_plane",
    "write_figures",
]
