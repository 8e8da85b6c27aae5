"""Likelihoods, rotations and regularisers of a matrix factorisation."""

from errorbar.hmf.model.likelihoods import (
    CauchyLikelihood,
    GaussianLikelihood,
    Likelihood,
    StudentTLikelihood,
)
from errorbar.hmf.model.regularisers import Regulariser
from errorbar.hmf.model.rotations import (
    FastAffine,
    Identity,
    Ordered,
    Rotation,
    SlowAffine,
    turn,
)

__all__ = [
    "CauchyLikelihood",
    "FastAffine",
    "GaussianLikelihood",
    "Identity",
    "Likelihood",
    "Ordered",
    "Regulariser",
    "Rotation",
    "SlowAffine",
    "StudentTLikelihood",
    "turn",
]
