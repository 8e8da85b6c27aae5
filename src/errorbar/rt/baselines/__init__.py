"""Models to beat: ridges and lassos of each pair, and plain means."""

from errorbar.rt.baselines.lasso import LassoFit, fit_lasso
from errorbar.rt.baselines.means import MeansFit, fit_means
from errorbar.rt.baselines.ridge import FastRidgeFit, fit_fast_ridge, fit_ridge
from errorbar.rt.baselines.supercategory import fit_supercategory_ridge, supercategory_evidence

__all__ = [
    "FastRidgeFit",
    "LassoFit",
    "MeansFit",
    "fit_fast_ridge",
    "fit_lasso",
    "fit_means",
    "fit_ridge",
    "fit_supercategory_ridge",
    "supercategory_evidence",
]
