"""Claims whose truth is known: calibrated ones, and ones with a planted fault."""

import numpy as np

from errorbar.core.audit.binned import begin_bins
from errorbar.core.audit.claims import read_claims
from errorbar.core.audit.classes import ClassState
from errorbar.core.audit.scores import normal_scores
from errorbar.core.audit.units import equal_mass, read_slices, read_units
from errorbar.core.audit.whole import ScoreState
from errorbar.core.calibrate.base import log_softmax

QUANTILES = {0.05: -1.6449, 0.25: -0.6745, 0.5: 0.0, 0.75: 0.6745, 0.95: 1.6449}
NAMES = ("A", "B", "C", "D")


def softmax(logits):
    return np.exp(log_softmax(logits))


def numbers(rows, seed, *, group=0, shared=0.5):
    """Spreads, standard normal errors, bands, and groups whose rows share part of their errors."""
    rng = np.random.default_rng(seed)
    sd = np.exp(rng.normal(0, 0.5, rows))
    groups = np.arange(rows) // group if group else None
    errors = rng.normal(size=rows)
    if group:
        common = rng.normal(size=rows // group + 1)[groups]
        errors = np.sqrt(shared) * common + np.sqrt(1 - shared) * errors
    return sd, errors, rng.choice(list("abcdef"), rows), groups


def number_state(rows, seed, *, form="sd", tolerance=0.02, **how):
    """Calibrated claims of one form, ready to be asked."""
    sd, errors, band, groups = numbers(rows, seed, **how)
    x = np.random.default_rng(seed + 10**6).normal(size=rows)
    units = read_units(groups, rows)
    slices = (*read_slices({"band": band, "x": x}, rows, 5), equal_mass("predicted sd", sd, 5))
    truth = sd * errors
    if form == "sd":
        z = normal_scores(read_claims(truth, 0 * sd, sd=sd))
        return ScoreState(z, units, slices, tolerance)
    if form == "interval":
        claims = read_claims(truth, lower=-1.96 * sd, upper=1.96 * sd, level=0.95)
    else:
        claims = read_claims(truth, quantiles={at: q * sd for at, q in QUANTILES.items()})
    return begin_bins(claims, units, slices, tolerance)


def classes(rows, seed, *, size=4, scale=2.0, group=0):
    """True logits, labels drawn from them, bands, and groups that share half of their draws."""
    rng = np.random.default_rng(seed)
    groups = np.arange(rows) // group if group else None
    noise = rng.gumbel(size=(rows, size))
    logits = rng.normal(0, scale, (rows, size))
    if group:
        logits = logits[groups]
        common = rng.gumbel(size=(rows // group + 1, size))[groups]
        noise = np.where(rng.random((rows, 1)) < 0.5, common, noise)
    return logits, (logits + noise).argmax(axis=1), rng.choice(list("abcdef"), rows), groups


def class_state(rows, seed, *, tolerance=0.02, **how):
    """Calibrated probabilities, ready to be asked."""
    logits, labels, band, groups = classes(rows, seed, **how)
    units = read_units(groups, rows)
    slices = tuple(read_slices({"band": band}, rows, 5))
    names = NAMES[: logits.shape[1]]
    return ClassState(log_softmax(logits), labels, names, units, slices, tolerance)
