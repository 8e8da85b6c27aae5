import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from errorbar.core.calibrate import (
    IntervalConformal,
    coverage_band,
    fit_interval_conformal,
    fit_quantile_conformal,
)
from errorbar.core.errors import ArtifactError, InputError, SettingsError

seeds = st.integers(0, 2**32 - 1)


def noisy(rows, seed):
    """A line whose noise grows along it: x, the noise's sd, and y."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, rows)
    sd = 0.1 + 2 * x
    return x, sd, 3 * x + sd * rng.normal(size=rows)


def held(ends, truth):
    return (truth >= ends[:, 0]) & (truth <= ends[:, 1])


def test_margins_by_hand():
    made = fit_interval_conformal(np.zeros(9), [1, -2, 3, -4, 5, 6, 7, 8, 9], alphas=[0.1, 0.5])
    np.testing.assert_array_equal(made.around([10.0], 0.1), [[1, 19]])
    np.testing.assert_array_equal(made.around([10.0], 0.5), [[5, 15]])
    quantiles = fit_quantile_conformal(np.full(9, -1), np.full(9, 1), np.arange(9), alpha=0.1)
    np.testing.assert_array_equal(quantiles.between([0.0], [1.0], 0.1), [[-7, 8]])


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.32])
@pytest.mark.parametrize("spread", [False, True])
def test_intervals_hold_the_truth_as_often_as_they_say(alpha, spread):
    x, sd, y = noisy(4000, 1)
    made = fit_interval_conformal(3 * x, y, spread=sd if spread else None)
    far, far_sd, truth = noisy(4000, 2)
    ends = made.around(3 * far, alpha, spread=far_sd if spread else None)
    assert coverage_band(4000, alpha, 0.9999, tests=4000).holds(held(ends, truth).mean())
    noisiest = held(ends, truth)[far > 0.8].mean()
    assert noisiest == pytest.approx(1 - alpha, abs=0.04) if spread else noisiest < 1 - alpha - 0.05


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("claimed", [0.3, 1.0, 2.0])
def test_quantiles_that_are_wrong_by_a_factor_are_put_right(symmetric, claimed):
    alpha, z = 0.1, norm.ppf(0.95)
    x, sd, y = noisy(5000, 3)
    made = fit_quantile_conformal(
        3 * x - claimed * z * sd, 3 * x + claimed * z * sd, y, alpha=alpha, symmetric=symmetric
    )
    far, far_sd, truth = noisy(5000, 4)
    low, high = 3 * far - claimed * z * far_sd, 3 * far + claimed * z * far_sd
    ends = made.between(low, high, alpha)
    share = held(ends, truth).mean()
    assert np.all(ends[:, 0] <= ends[:, 1])
    assert share >= coverage_band(5000, alpha, 0.9999, tests=5000).low
    if claimed == 1:
        # True quantiles need no margin, and stay right where noise is largest and smallest.
        assert np.abs(ends - np.column_stack([low, high])).max() < 0.1
        for rows in (far < 0.2, far > 0.8):
            assert held(ends, truth)[rows].mean() == pytest.approx(0.9, abs=0.03)
    if not symmetric:
        assert (truth < ends[:, 0]).mean() <= 0.065
        assert (truth > ends[:, 1]).mean() <= 0.065


def test_bins_of_their_own_have_their_own_promise():
    x, _, y = noisy(6000, 5)
    far, _, truth = noisy(12_000, 6)
    bins, far_bins = np.digitize(x, [0.3, 0.7]), np.digitize(far, [0.3, 0.7])
    made = fit_interval_conformal(3 * x, y, strata=bins)
    found = held(made.around(3 * far, 0.1, strata=far_bins), truth)
    for at in range(3):
        rows = far_bins == at
        count = int(made.margins[0.1].count[at])
        assert coverage_band(count, 0.1, 0.9999, tests=int(rows.sum())).holds(found[rows].mean())
    with pytest.raises(InputError, match=r"2 rows .* first row 0 \('7'\)"):
        made.around([1.0, 2.0], strata=[7, 7])


@given(seed=seeds, shift=st.floats(-100, 100), scale=st.floats(0.1, 10))
def test_intervals_move_and_grow_with_the_unit(seed, shift, scale):
    x, _, y = noisy(30, seed)
    made = fit_interval_conformal(3 * x, y).around(3 * x)
    moved = fit_interval_conformal(scale * 3 * x + shift, scale * y + shift)
    np.testing.assert_allclose(
        moved.around(scale * 3 * x + shift), scale * made + shift, atol=1e-9, rtol=1e-9
    )


def test_crossing_ends_meet_in_the_middle():
    made = fit_quantile_conformal(np.full(50, -9), np.full(50, 9), np.zeros(50), alpha=0.1)
    np.testing.assert_array_equal(made.between([0.0], [2.0], 0.1), [[1, 1]])


def test_json_keeps_every_bit():
    x, sd, y = noisy(200, 7)
    for made in (
        fit_interval_conformal(3 * x, y, spread=sd, strata=x > 0.5),
        fit_quantile_conformal(x - sd, x + sd, y, alpha=1 / 3, symmetric=False),
    ):
        again = IntervalConformal.from_dict(json.loads(json.dumps(made.to_dict())))
        assert again.to_dict() == made.to_dict()
        for alpha, margins in made.margins.items():
            np.testing.assert_array_equal(again.margins[alpha].upper, margins.upper)
    for change, words in (
        ({"type": "x"}, "of format 1"),
        ({"score": "x"}, "changed"),
        ({"strata": ["a", "b"]}, "of 2 rows"),
        ({"margins": [{"alpha": 0.1, "lower": [1], "upper": [1], "count": [1, 2]}]}, "do not fit"),
    ):
        with pytest.raises(ArtifactError, match=words):
            IntervalConformal.from_dict({**made.to_dict(), **change})


def test_what_does_not_belong_together_is_refused():
    x, sd, y = noisy(50, 8)
    plain = fit_interval_conformal(x, y)
    scaled = fit_interval_conformal(x, y, spread=sd)
    quantiles = fit_quantile_conformal(x - 1, x + 1, y)
    with pytest.raises(InputError, match="know no spread"):
        plain.around(x, spread=sd)
    with pytest.raises(InputError, match="pass `spread`"):
        scaled.around(x)
    with pytest.raises(InputError, match="between"):
        quantiles.around(x)
    with pytest.raises(InputError, match="around"):
        plain.between(x, x)
    with pytest.raises(InputError, match="no margins for alpha=0.2"):
        plain.around(x, 0.2)
    with pytest.raises(InputError, match="1 of 50 rows are not, first at row 0"):
        fit_interval_conformal(x, y, spread=np.where(np.arange(50) == 0, 0, sd))
    with pytest.raises(InputError, match="lies above `upper` in 50 of 50"):
        fit_quantile_conformal(x + 1, x - 1, y)
    with pytest.raises(InputError, match="cannot vouch for alpha=0.01"):
        fit_interval_conformal(x, y, alphas=[0.01])
    with pytest.raises(InputError, match="stratum 'False': .*cannot vouch"):
        fit_interval_conformal(x, y, strata=x > 0.1)
    with pytest.raises(InputError, match="not finite in 1 of 50 rows, first at row 3"):
        fit_interval_conformal(x, np.where(np.arange(50) == 3, np.nan, y))
    with pytest.raises(InputError, match="as the others"):
        fit_interval_conformal(x, y[1:])
    with pytest.raises(SettingsError, match="'residual', 'normalised' or 'quantiles'"):
        IntervalConformal("bayes", {})
