"""Members, their blend, and what makes their errors true."""

from errorbar.stellar.sed.fit.blend import blend_numbers, blend_probabilities
from errorbar.stellar.sed.fit.classes import ClassesFit, SetSettings, ask_classes, fit_classes
from errorbar.stellar.sed.fit.kernel import KernelSettings
from errorbar.stellar.sed.fit.members import MEMBERS, MemberSettings
from errorbar.stellar.sed.fit.network import NetworkSettings
from errorbar.stellar.sed.fit.numbers import CrossFit, NumbersFit, ask_numbers, fit_numbers
from errorbar.stellar.sed.fit.templates import (
    TemplateAnswer,
    TemplateSet,
    ask_templates,
    learn_templates,
    planck_templates,
)
from errorbar.stellar.sed.fit.trees import TreeSettings

__all__ = [
    "MEMBERS",
    "ClassesFit",
    "CrossFit",
    "KernelSettings",
    "MemberSettings",
    "NetworkSettings",
    "NumbersFit",
    "SetSettings",
    "TemplateAnswer",
    "TemplateSet",
    "TreeSettings",
    "ask_classes",
    "ask_numbers",
    "ask_templates",
    "blend_numbers",
    "blend_probabilities",
    "fit_classes",
    "fit_numbers",
    "learn_templates",
    "planck_templates",
]
