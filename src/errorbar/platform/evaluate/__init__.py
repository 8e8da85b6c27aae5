"""How good are predictions that nothing was fitted to? Scores, curves, sets, pages."""

from errorbar.platform.evaluate.classes import ClassEvaluation, evaluate_classes
from errorbar.platform.evaluate.numbers import NumberEvaluation, evaluate_numbers
from errorbar.platform.evaluate.sets import ClassSets

__all__ = [
    "ClassEvaluation",
    "ClassSets",
    "NumberEvaluation",
    "evaluate_classes",
    "evaluate_numbers",
]
