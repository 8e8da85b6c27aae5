r"""Outlying pixels, objects and columns of data that were fitted.

A pixel is an outlier where it kept less than half of its weight, $u < 1/2$, that is where
$W r^2 > c$, and everywhere in an object that is an outlier as a whole (`ObjectRule`,
`CoefficientRule`). A column is one in which far more of the ordinary objects have outlying pixels
than in the typical column: with the share $q$ of $n$ objects with data there, and $q_0$ the median
share, $2 \sqrt n (\arcsin \sqrt q - \arcsin \sqrt{q_0})$ is about standard normal if all columns
are alike. Its centre and scale are taken from all the columns, as those of objects are.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.special import ndtri

from errorbar.core.errors import InputError, SettingsError
from errorbar.hmf.summary.coefficients import CoefficientScores
from errorbar.hmf.summary.features import Features, chunk_features, join_features
from errorbar.hmf.summary.objects import (
    ObjectRule,
    ObjectScores,
    chunk_scores,
    join_scores,
    robust_null,
)
from errorbar.hmf.summary.residuals import keep, residual_chunks

__all__ = ["ColumnScores", "Outliers", "find_outliers"]


@dataclass(frozen=True, slots=True, eq=False)
class ColumnScores:
    """For each column the number of ordinary objects with data, and of outlying pixels among them.

    `significance` is against the other columns; `typical` is the median share of outlying pixels.
    """

    valid: Int[ndarray, " pixels"]
    flagged: Int[ndarray, " pixels"]
    significance: Float[ndarray, " pixels"]
    typical: float

    @property
    def share(self) -> Float[ndarray, " pixels"]:
        """Share of outlying pixels; NaN without data."""
        return np.where(self.valid > 0, self.flagged, np.nan) / np.maximum(self.valid, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Outliers:
    """What was found: flags of objects and columns, and features of outlying pixels.

    `features` cover every pixel whose robust weight is below `cut`, those in flagged objects and
    columns too. `significance` is that of the residuals; an object is flagged for them, or for its
    coefficients where `coefficients` were scored.
    """

    rule: ObjectRule
    cut: float
    scores: ObjectScores
    significance: Float[ndarray, " rows"]
    objects: Bool[ndarray, " rows"]
    column_scores: ColumnScores
    columns: Bool[ndarray, " pixels"]
    features: Features
    coefficients: CoefficientScores | None = None

    @property
    def misfits(self) -> Bool[ndarray, " rows"]:
        """The objects that are flagged for their residuals."""
        return self.rule.flags(self.scores)

    def mask(self, W: ndarray, with_objects: bool = True) -> Bool[ndarray, "rows pixels"]:
        """Every outlying pixel, and all with data of each outlying object unless told otherwise."""
        found = self.features.mask(len(self.objects), len(self.columns))
        if with_objects:
            found[self.objects] = W[self.objects] > 0
        return found


def find_outliers(
    Y: ndarray,
    W: ndarray,
    A: ndarray,
    G: ndarray,
    rule: ObjectRule,
    *,
    cut: float = 0.5,
    column_false_alarm: float = 1e-4,
    coefficients: CoefficientScores | None = None,
) -> Outliers:
    """Outliers of data against a factorisation, at the `c` of a calibrated rule.

    `cut` is the robust weight below which a pixel is an outlier. With scores of the `coefficients`
    an object is an outlier for either.
    """
    if not 0 < cut < 1:
        raise SettingsError(f"cut={cut!r} is a robust weight: between 0 and 1.")
    if not 0 < column_false_alarm < 0.5:
        raise SettingsError(f"column_false_alarm={column_false_alarm!r} must be between 0 and 0.5.")
    if coefficients is not None and len(coefficients.signal) != len(A):
        raise InputError(
            f"{len(coefficients.signal)} objects had their coefficients scored and {len(A)} are "
            "given: score those that are looked at."
        )
    scores, objects, features = [], [], []
    valid, flagged = np.zeros((2, Y.shape[-1]), dtype=np.int64)
    for chunk in residual_chunks(Y, W, A, G):
        low = keep(chunk.z, rule.c) < cut
        scores.append(chunk_scores(chunk, rule.c))
        objects.append(rule.flags(scores[-1]))
        if coefficients is not None:
            objects[-1] = objects[-1] | coefficients.flags[chunk.rows]
        features.append(chunk_features(chunk, low))
        valid += chunk.valid[~objects[-1]].sum(axis=0)
        flagged += low[~objects[-1]].sum(axis=0)
    columns = _score_columns(valid, flagged)
    joined = join_scores(scores)
    return Outliers(
        rule=rule,
        cut=cut,
        scores=joined,
        significance=rule.significance(joined),
        objects=np.concatenate(objects),
        column_scores=columns,
        columns=columns.significance > -ndtri(column_false_alarm),
        features=join_features(features),
        coefficients=coefficients,
    )


def _score_columns(
    valid: Int[ndarray, " pixels"], flagged: Int[ndarray, " pixels"]
) -> ColumnScores:
    # Anscombe's shifts: the variance is then right for small counts too.
    angle = np.arcsin(np.sqrt((flagged + 0.375) / (valid + 0.75)))
    some = valid > 0
    if not some.any():
        return ColumnScores(valid, flagged, np.full(len(valid), np.nan), np.nan)
    departure = 2 * np.sqrt(valid + 0.5) * (angle - np.median(angle[some]))
    centre, scale = robust_null(departure[some])
    significance = np.where(some, (departure - centre) / scale, np.nan)
    return ColumnScores(valid, flagged, significance, float(np.median(flagged[some] / valid[some])))
