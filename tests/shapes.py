"""Array shapes and types are checked while tests run, in the rooms named here."""

from beartype import BeartypeConf, beartype

# Rooms whose functions say their shapes. Left out are doors, which take lists and convert them,
# modules that annotate with protocols, which cannot be checked at run time, and modules with
# compiled kernels, which the hook would wrap before the compiler sees them.
ARRAY_ROOMS = (
    "errorbar.core.calibrate.class_scores",
    "errorbar.core.maths.asymmetric",
    "errorbar.core.maths.calibration",
    "errorbar.core.maths.lattice.sums",
    "errorbar.core.maths.lattice.values",
    "errorbar.core.maths.linear",
    "errorbar.hmf.fit.pursuit",
    "errorbar.hmf.summary.features",
    "errorbar.hmf.summary.outliers",
    "errorbar.hmf.summary.residuals",
    "errorbar.hmf.summary.scores",
    "errorbar.hmf.synth.toy",
    "errorbar.survey.fit.lattice",
    "errorbar.survey.fit.one",
    "errorbar.survey.fit.table",
    "errorbar.survey.plan.chance",
    "errorbar.survey.plan.conditional",
    "errorbar.survey.plan.expected",
    "errorbar.survey.plan.information",
    "errorbar.survey.plan.precision",
    "errorbar.survey.summary",
)

# An int where a float is annotated is what Python's typing rules allow.
check = beartype(conf=BeartypeConf(is_pep484_tower=True))
