"""What a notebook holds: models of stars' classes and numbers that are fitted, asked and saved."""

from errorbar.stellar.sed.estimator.answers import Stamp, StarClasses, StarNumbers
from errorbar.stellar.sed.estimator.classifier import SEDClassifier
from errorbar.stellar.sed.estimator.regressor import SEDRegressor
from errorbar.stellar.sed.estimator.templates import SEDTemplates

__all__ = ["SEDClassifier", "SEDRegressor", "SEDTemplates", "Stamp", "StarClasses", "StarNumbers"]
