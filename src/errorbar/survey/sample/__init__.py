"""Mock surveys: so many planets of such a class, drawn from a catalogue.

The reference code's four classes are nested by mass: S1 is the catalogue, S2, S3 and S4 its upper
three quarters, half and quarter. The cuts are quantiles of the catalogue at hand, so that they move
with it. For the same catalogue and seed the surveys hold the same planets, in the same order, as
the reference's: one stream of seeds runs over class, size and repeat, and a size larger than its
class takes nothing from it.

Leverage is $L = \\sqrt{\\sum_i (x_i - \\bar x)^2}$; weighted by errors it is
$\\sqrt{\\sum_i (x_i - \\bar x)^2 / \\sigma_i^2}$ about the same plain mean.
"""

from errorbar.survey.sample.classes import MASS_CLASSES, QuantileCut, RangeCut, Selection
from errorbar.survey.sample.sampler import DESIGN, SkippedCell, SurveySampler
from errorbar.survey.sample.survey import Survey

__all__ = [
    "DESIGN",
    "MASS_CLASSES",
    "QuantileCut",
    "RangeCut",
    "Selection",
    "SkippedCell",
    "Survey",
    "SurveySampler",
]
