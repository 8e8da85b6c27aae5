"""Densities, ranks, intervals and scores of predicted times against numerical integration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats
from scipy.integrate import quad

from errorbar.core.errors import InputError
from errorbar.rt.model import KNOWN, Times


def one_time(mean=5.0, sd=0.02, freedom=np.inf):
    zero = np.zeros(1, dtype=np.int64)
    return Times(np.array([mean]), np.array([sd]), zero, zero, freedom)


def law(times):
    return stats.norm if np.isinf(times.freedom) else stats.t(times.freedom)


freedoms = st.sampled_from([np.inf, 1.5, 2.0, 4.0, 30.0])


@given(freedoms, st.floats(-6, 6), st.floats(1e-3, 10))
def test_density_and_rank_are_those_of_the_law(freedom, z, sd):
    times = one_time(sd=sd, freedom=freedom)
    rt = times.mean + z * sd
    assert_allclose(
        times.log_density(rt), law(times).logpdf(times.score(rt)) - np.log(sd), rtol=1e-9
    )
    assert_allclose(times.pit(rt), law(times).cdf(times.score(rt)), rtol=1e-9)


@pytest.mark.parametrize("freedom", [np.inf, 1.5, 4.0])
def test_density_integrates_to_one(freedom):
    times = one_time(freedom=freedom)
    total = quad(
        lambda z: float(np.exp(times.log_density(times.mean + z * times.sd))[0]) * times.sd[0],
        -np.inf, np.inf,
    )[0]  # fmt: skip
    assert total == pytest.approx(1.0, abs=1e-7)


@pytest.mark.parametrize("freedom", [np.inf, 1.5, 2.0, 4.0, 30.0])
@pytest.mark.parametrize("z", [-3.0, -0.4, 0.0, 1.0, 5.0])
def test_crps_is_the_integral_that_defines_it(freedom, z):
    times = one_time(mean=3.0, sd=0.05, freedom=freedom)
    below = quad(lambda x: law(times).cdf(x) ** 2, -np.inf, z, limit=200)[0]
    above = quad(lambda x: law(times).sf(x) ** 2, z, np.inf, limit=200)[0]
    found = times.crps(times.mean + z * times.sd)
    assert_allclose(found, 0.05 * (below + above), rtol=2e-6)


@given(freedoms.filter(lambda nu: nu > 1), st.floats(-20, 20), st.floats(1e-3, 10))
def test_crps_is_positive_symmetric_and_scales_with_sd(freedom, z, sd):
    times = one_time(mean=0.0, sd=sd, freedom=freedom)
    rt = np.array([z * sd])
    assert times.crps(rt)[0] > 0
    assert_allclose(times.crps(rt), times.crps(-rt), rtol=1e-9)
    unit = one_time(mean=0.0, sd=1.0, freedom=freedom)
    assert_allclose(times.crps(rt), sd * unit.crps(rt / sd), rtol=1e-9)


@given(freedoms, st.floats(0.01, 0.995))
def test_an_interval_holds_its_probability(freedom, level):
    times = one_time(freedom=freedom)
    low, high = times.interval(level)[0]
    held = times.pit(np.array([high])) - times.pit(np.array([low]))
    assert_allclose(held, level, rtol=1e-7)


def test_a_t_of_many_degrees_is_the_normal():
    normal, student = one_time(), one_time(freedom=1e7)
    rt = np.array([5.03])
    for name in ("log_density", "pit", "crps"):
        assert_allclose(getattr(student, name)(rt), getattr(normal, name)(rt), rtol=1e-5)


def test_ranks_of_truths_are_uniform():
    rng = np.random.default_rng(1)
    zero = np.zeros(5000, dtype=np.int64)
    times = Times(zero * 1.0, zero + 2.0, zero, zero, freedom=3.0)
    assert stats.kstest(times.pit(2 * rng.standard_t(3, size=5000)), "uniform").pvalue > 1e-3


def test_rows_can_be_chosen():
    zero = np.zeros(3, dtype=np.int64)
    times = Times(np.arange(3.0), np.ones(3), zero, np.arange(3), 4.0)
    part = times.select(np.array([2, 0]))
    assert part.mean.tolist() == [2.0, 0.0]
    assert part.support.tolist() == [2, 0]
    assert part.freedom == 4.0
    assert len(part) == 2
    assert len(KNOWN) == 5


def test_predictions_without_a_mean_or_an_error_are_refused():
    for mean, sd in ((np.nan, 1.0), (1.0, 0.0), (1.0, np.inf), (1.0, np.nan)):
        with pytest.raises(InputError, match="first at row 0"):
            one_time(mean, sd)
    zero = np.zeros(2, dtype=np.int64)
    with pytest.raises(InputError, match="for each mean"):
        Times(np.zeros(2), np.ones(3), zero, zero)
    with pytest.raises(InputError, match=r"written 0\.95"):
        one_time().interval(95)
    for freedom in (0.0, -2.0, np.nan):
        with pytest.raises(InputError, match="degrees of freedom"):
            one_time(freedom=freedom)
    with pytest.raises(InputError, match="no CRPS"):
        one_time(freedom=1.0).crps(np.zeros(1))
