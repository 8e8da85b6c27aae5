"""What is this star, from its magnitudes and its parallax, and how sure are we?

Bands with their zero points, dust by a law, gaps and limits as they are; then classes and
parameters of stars with sets and intervals that hold the truth as often as they claim.
"""

from typing import TYPE_CHECKING

from errorbar.core.late import late

if TYPE_CHECKING:
    from errorbar.stellar.sed.data import (
        BANDS,
        Band,
        BandColumns,
        Photometry,
        SedColumns,
        find_band,
        flux_from_asinh,
        flux_from_mag,
        mag_from_flux,
        merge_epochs,
        read_photometry,
    )
    from errorbar.stellar.sed.estimator import (
        SEDClassifier,
        SEDRegressor,
        SEDTemplates,
        StarClasses,
        StarNumbers,
    )
    from errorbar.stellar.sed.fit import (
        KernelSettings,
        MemberSettings,
        NetworkSettings,
        SetSettings,
        TreeSettings,
    )
    from errorbar.stellar.sed.model import (
        FLAGS,
        Prepared,
        SedRecipe,
        extinction_table,
        prepare,
    )
    from errorbar.stellar.sed.summary import Contradiction, find_contradictions
    from errorbar.stellar.sed.synth import StarSettings, SyntheticStars, make_stars

_ROOMS = {
    "BANDS": "data",
    "Band": "data",
    "BandColumns": "data",
    "Contradiction": "summary",
    "FLAGS": "model",
    "KernelSettings": "fit",
    "MemberSettings": "fit",
    "NetworkSettings": "fit",
    "Photometry": "data",
    "Prepared": "model",
    "SEDClassifier": "estimator",
    "SEDRegressor": "estimator",
    "SEDTemplates": "estimator",
    "SedColumns": "data",
    "SedRecipe": "model",
    "SetSettings": "fit",
    "StarClasses": "estimator",
    "StarNumbers": "estimator",
    "StarSettings": "synth",
    "SyntheticStars": "synth",
    "TreeSettings": "fit",
    "extinction_table": "model",
    "find_band": "data",
    "find_contradictions": "summary",
    "flux_from_asinh": "data",
    "flux_from_mag": "data",
    "mag_from_flux": "data",
    "make_stars": "synth",
    "merge_epochs": "data",
    "prepare": "model",
    "read_photometry": "data",
}

__all__ = [
    "BANDS",
    "FLAGS",
    "Band",
    "BandColumns",
    "Contradiction",
    "KernelSettings",
    "MemberSettings",
    "NetworkSettings",
    "Photometry",
    "Prepared",
    "SEDClassifier",
    "SEDRegressor",
    "SEDTemplates",
    "SedColumns",
    "SedRecipe",
    "SetSettings",
    "StarClasses",
    "StarNumbers",
    "StarSettings",
    "SyntheticStars",
    "TreeSettings",
    "extinction_table",
    "find_band",
    "find_contradictions",
    "flux_from_asinh",
    "flux_from_mag",
    "mag_from_flux",
    "make_stars",
    "merge_epochs",
    "prepare",
    "read_photometry",
]

__getattr__, __dir__ = late(__name__, _ROOMS)
