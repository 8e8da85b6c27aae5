"""Recalibrations: found where planted, none where nothing helps, honest, kept to the bit."""

import json

import numpy as np
import pytest

from errorbar.core.audit import (
    IntervalRecalibration,
    ProbabilityRecalibration,
    audit_intervals,
    audit_probabilities,
    read_claims,
)
from errorbar.core.audit.mend import fit_mend
from errorbar.core.audit.mend_choice import choose_mend
from errorbar.core.audit.units import read_units
from errorbar.core.errors import ArtifactError, InputError
from tests.core.audit.cases import QUANTILES, classes, numbers, softmax

LEVELS = (0.5, 0.68, 0.9, 0.95)


def chosen(truth, sd, seed=0, groups=None):
    claims = read_claims(truth, 0 * sd, sd=sd)
    return choose_mend(claims, read_units(groups, len(sd)), LEVELS, seed)


def test_nothing_is_done_to_true_claims():
    kinds = []
    for seed in range(12):
        sd, errors, _, _ = numbers(1000, seed)
        kinds.append(chosen(sd * errors, sd).recalibration.kind)
    assert kinds.count("identity") >= 11


@pytest.mark.parametrize("kind", ["scale", "shift", "floor", "conformal"])
def test_the_recalibration_that_was_planted_is_found(kind):
    sd, errors, _, _ = numbers(4000, 1)
    rng = np.random.default_rng(1)
    truth = {
        "scale": 1.5 * sd * errors,
        "shift": 0.4 + 1.3 * sd * errors,
        "floor": np.hypot(sd, 0.5) * errors,
        "conformal": sd * rng.standard_t(3, 4000),
    }[kind]
    made = chosen(truth, sd)
    assert made.recalibration.kind == kind
    if kind == "scale":
        assert made.recalibration.scale == pytest.approx(1.5, rel=0.05)
    if kind == "shift":
        assert made.recalibration.shift == pytest.approx(0.4, rel=0.1)
        assert made.recalibration.scale == pytest.approx(1.3, rel=0.05)
    if kind == "floor":
        assert made.recalibration.floor == pytest.approx(0.5, rel=0.15)
        assert made.recalibration.scale == pytest.approx(1, rel=0.1)
    after = dict(made.compared.select("quantity", "after").iter_rows())
    for level in (50, 68, 90, 95):
        assert after[f"coverage_{level}"] == pytest.approx(level / 100, abs=0.02)
    change = dict(made.compared.select("quantity", "change").iter_rows())
    assert change["interval_score"] < 0


def test_held_out_coverage_is_that_of_new_rows():
    sd, errors, _, _ = numbers(20_000, 2)
    truth = 1.4 * sd * errors
    half = slice(0, 4000), slice(4000, None)
    made = chosen(truth[half[0]], sd[half[0]])
    new = read_claims(truth[half[1]], 0 * sd[half[1]], sd=sd[half[1]])
    low, high = made.recalibration.intervals(new)[0.9]
    found = np.mean((new.truth >= low) & (new.truth <= high))
    told = dict(made.compared.select("quantity", "after").iter_rows())["coverage_90"]
    assert found == pytest.approx(0.9, abs=0.015)
    assert told == pytest.approx(found, abs=0.02)


def test_rows_of_one_group_are_never_on_both_sides():
    # Groups with errors of their own: rows alone would seem to say far more than they do.
    sd, errors, _, groups = numbers(2000, 3, group=100, shared=0.95)
    kind = chosen(sd * errors, sd, groups=groups).recalibration.kind
    assert kind == "identity"


@pytest.mark.parametrize("form", ["sd", "bars", "interval", "quantiles"])
def test_every_form_is_stretched_to_its_level(form):
    sd, errors, _, _ = numbers(4000, 4)
    how = {
        "sd": {"mean": 0 * sd, "sd": sd},
        "bars": {"mean": 0 * sd, "sd_minus": sd, "sd_plus": sd},
        "interval": {"lower": -1.645 * sd, "upper": 1.645 * sd, "level": 0.9},
        "quantiles": {"quantiles": {at: q * sd for at, q in QUANTILES.items()}},
    }[form]
    claims = read_claims(1.5 * sd * errors, **how)
    levels = claims.known_levels(LEVELS)
    made = fit_mend(claims, read_units(None, 4000), "conformal", levels)
    for level, (low, high) in made.intervals(claims).items():
        assert np.mean((claims.truth >= low) & (claims.truth <= high)) == pytest.approx(
            level, abs=0.005
        )
    again = IntervalRecalibration.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again.apply(claims).equals(made.apply(claims))


def test_conformal_factors_are_exact_for_two_bars_too():
    sd, errors, _, _ = numbers(3000, 5)
    truth = np.where(errors < 0, 2 * sd * errors, sd * errors)
    claims = read_claims(truth, 0 * sd, sd_minus=sd, sd_plus=0.5 * sd)
    made = fit_mend(claims, read_units(None, 3000), "shift", LEVELS)
    assert made.scale == pytest.approx(2, rel=0.05)


def test_probabilities_are_recalibrated_and_kept_to_the_bit():
    logits, labels, _, _ = classes(3000, 1)
    probs = softmax(2 * logits)
    found = audit_probabilities(labels, probs, trials=10).mend
    made = found.recalibration
    assert made.kind == "temperature"
    after = dict(found.compared.select("quantity", "after").iter_rows())
    before = dict(found.compared.select("quantity", "before").iter_rows())
    assert after["nll"] < before["nll"]
    assert after["ece"] < before["ece"] / 3
    again = ProbabilityRecalibration.from_dict(json.loads(json.dumps(made.to_dict())))
    np.testing.assert_array_equal(again.apply(probs), made.apply(probs))


def test_true_probabilities_are_left_alone():
    kinds = []
    for seed in range(5):
        logits, labels, _, _ = classes(800, seed)
        found = audit_probabilities(labels, softmax(logits), trials=10).mend
        kinds.append(found.recalibration.kind)
    assert kinds.count("identity") >= 4


def test_too_few_groups_choose_nothing_and_say_so():
    sd, errors, _, _ = numbers(19, 0)
    found = audit_intervals(9 * sd * errors, 0 * sd, sd=sd, trials=10).mend
    assert found.recalibration.kind == "identity"
    assert "too few" in found.note


def test_what_no_audit_wrote_is_refused():
    sd, errors, _, _ = numbers(300, 0)
    claims = read_claims(sd * errors, 0 * sd, sd=sd)
    payload = fit_mend(claims, read_units(None, 300), "scale", LEVELS).to_dict()
    with pytest.raises(ArtifactError, match="Fit it again"):
        IntervalRecalibration.from_dict({**payload, "scale": -1.0})
    with pytest.raises(ArtifactError, match="was changed"):
        IntervalRecalibration.from_dict({**payload, "levels": None})
    with pytest.raises(ArtifactError, match="is needed"):
        ProbabilityRecalibration.from_dict(payload)
    ends = read_claims(sd * errors, lower=-sd, upper=sd, level=0.68)
    with pytest.raises(InputError, match="fitted to the form 'sd'"):
        IntervalRecalibration.from_dict(payload).intervals(ends)
