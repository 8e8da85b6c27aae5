"""The classes a notebook holds."""

from errorbar.hmf.estimator.robusta import Robusta, UnknownRowsWarning

__all__ = ["Robusta", "UnknownRowsWarning"]
