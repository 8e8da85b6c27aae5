"""The reference code's own routes, and the long run that checks the integrated scales; in PyMC."""

from errorbar.rt.fit.reference.advi import Advi, fit_advi
from errorbar.rt.fit.reference.graph import Graph, build_graph
from errorbar.rt.fit.reference.joint import FunnelWarning, fit_map, fit_nuts_joint
from errorbar.rt.fit.reference.plug_in import ReferenceFit
from errorbar.rt.fit.reference.scales import ScaleDraws, sample_scales

__all__ = [
    "Advi",
    "FunnelWarning",
    "Graph",
    "ReferenceFit",
    "ScaleDraws",
    "build_graph",
    "fit_advi",
    "fit_map",
    "fit_nuts_joint",
    "sample_scales",
]
