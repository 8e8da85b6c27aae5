"""The steps of times are found, and nothing else is taken for them."""

from dataclasses import replace

import numpy as np
import pytest

from errorbar.rt.data import describe_peaks, time_step
from errorbar.rt.synth import ProductionSettings, production_table
from tests.rt.fit.dense import join

TABLE = production_table(
    ProductionSettings(species=6, supercategories=2, compounds=30, pairs=120, support=6.0), seed=0
).peaks


def rounded(peaks, step):
    return replace(peaks, rt=np.round(peaks.rt / step) * step)


@pytest.mark.parametrize("step", [0.01, 0.015, 0.05])
def test_the_step_of_rounded_times_is_found(step):
    assert time_step(rounded(TABLE, step)) == pytest.approx(step, rel=1e-6)


def test_scans_that_shift_from_run_to_run_have_about_their_step():
    """Two grids, a thousandth of a minute apart, as scans of two batches are."""
    peaks = rounded(TABLE, 0.018)
    shift = 0.001 * (peaks.run % 2)
    assert time_step(replace(peaks, rt=peaks.rt + shift)) == pytest.approx(0.018, abs=0.0011)


def test_times_that_take_any_value_have_none():
    assert time_step(TABLE) == 0.0
    assert time_step(rounded(TABLE, 1e-5)) == 0.0


def test_peaks_said_twice_are_no_steps():
    assert time_step(join(TABLE, TABLE)) == 0.0


def test_too_few_peaks_tell_nothing():
    few = TABLE.select(np.arange(8))
    assert time_step(replace(few, rt=np.full(8, 3.0))) == 0.0
    assert time_step(TABLE.select(np.zeros(0, dtype=np.int64))) == 0.0


def test_times_that_never_change_have_no_step():
    assert time_step(replace(TABLE, rt=5.0 + TABLE.compound.astype(float))) == 0.0


def test_a_description_tells_the_step():
    told = describe_peaks(rounded(TABLE, 0.05))
    assert told.step == pytest.approx(0.05)
    assert "steps of about 0.05 min" in str(told)
    assert "steps" not in str(describe_peaks(TABLE))
