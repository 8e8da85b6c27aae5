"""Parts of the model that are found in rounds: heavy tails, replicates, factors of species."""

from dataclasses import replace

import numpy as np
import pytest

from errorbar.core.errors import SettingsError
from errorbar.rt.fit.predict import Predictor
from errorbar.rt.fit.replicates import Replicates
from errorbar.rt.fit.run import fit_pool
from errorbar.rt.model.pool import PoolModel
from errorbar.rt.synth import ProductionSettings, production_table
from tests.rt.fit.dense import join, small_table

HEAVY = ProductionSettings(
    species=8, supercategories=2, compounds=40, pairs=250, features=2, freedom=3.0
)


def test_heavy_tails_are_found_and_help():
    table = production_table(HEAVY, seed=1)
    peaks = table.peaks
    held = np.isin(peaks.run, np.unique(peaks.run)[::4])
    train, test = peaks.select(~held), peaks.select(held)
    plain, robust = (fit_pool(train, PoolModel(freedom=nu)) for nu in ("normal", "learned"))
    assert 2.0 < robust.freedom < 4.5
    assert robust.scales["sigma"] == pytest.approx(HEAVY.noise, rel=0.15)
    scores = [Predictor(fit).times(test).log_density(test.rt).mean() for fit in (plain, robust)]
    assert scores[1] > scores[0] + 0.05


def test_normal_noise_is_not_taken_for_heavy():
    table = production_table(replace(HEAVY, freedom=np.inf), seed=2)
    assert fit_pool(table.peaks, PoolModel(freedom="learned")).freedom > 20


def test_intervals_hold_where_the_tail_is_not_a_t():
    """Compounds whose noise differs tenfold are no t, and its likeliest leaves too much out."""
    uneven = replace(HEAVY, freedom=np.inf, noise_spread=2.0, support=8.0)
    peaks = production_table(uneven, seed=3).peaks
    held = np.isin(peaks.run, np.unique(peaks.run)[::4])
    fit = fit_pool(peaks.select(~held), PoolModel(freedom="learned"))
    times = Predictor(fit).times(peaks.select(held))
    inside = np.abs(times.score(peaks.rt[held])) <= times.reach(0.95)
    assert fit.tail > 1
    assert 0.93 < inside.mean() < 0.985


def test_a_fixed_freedom_is_kept():
    assert fit_pool(small_table(1), PoolModel(freedom=4.0)).freedom == 4.0


@pytest.mark.parametrize("freedom", ["normal", "learned"])
def test_times_in_steps_are_no_more_certain_than_their_step(freedom):
    """Most times of a compound are equal, and a t without a floor would fall into that."""
    step = 0.03
    peaks = production_table(replace(HEAVY, noise=0.006), seed=4).peaks
    peaks = replace(peaks, rt=np.round(peaks.rt / step) * step)
    held = np.isin(peaks.run, np.unique(peaks.run)[::4])
    fit = fit_pool(peaks.select(~held), PoolModel(freedom=freedom))
    times = Predictor(fit).times(peaks.select(held))
    assert fit.parameters.floor == pytest.approx(step / np.sqrt(12), rel=1e-6)
    assert times.sd.min() >= fit.parameters.floor
    inside = np.abs(times.score(peaks.rt[held])) <= times.reach(0.95)
    assert inside.mean() > 0.93


def test_a_floor_that_is_given_is_kept():
    fit = fit_pool(small_table(1), PoolModel(freedom=4.0), floor=0.05)
    assert fit.parameters.floor == 0.05
    parts = fit_pool(iter([small_table(1)]), floor=0.05)
    assert parts.parameters.floor == 0.05


def test_a_table_in_parts_has_the_floor_of_its_steps():
    peaks = production_table(HEAVY, seed=1).peaks
    peaks = replace(peaks, rt=np.round(peaks.rt / 0.05) * 0.05)
    half = len(peaks) // 2
    parts = [peaks.select(np.arange(half)), peaks.select(np.arange(half, len(peaks)))]
    fit = fit_pool(iter(parts))
    assert fit.parameters.floor == pytest.approx(0.05 / np.sqrt(12))
    assert fit.statistics.rows == len(peaks)


def test_rows_said_twice_say_no_more_than_once():
    peaks = small_table(3)
    _, first = np.unique(np.stack([peaks.run, peaks.compound]), axis=1, return_index=True)
    once = peaks.select(np.sort(first))
    one, two = fit_pool(once), fit_pool(join(once, once))
    assert two.log_posterior == pytest.approx(one.log_posterior, abs=0.5)
    assert two.scales["tau_b"] == pytest.approx(one.scales["tau_b"], rel=0.1)
    assert (two.support == 2 * one.support).all()


def test_replicates_weigh_by_what_they_share():
    peaks = small_table(3)
    merged = Replicates.of(join(peaks, replace(peaks, rt=peaks.rt + 0.02)))
    assert len(merged.peaks) <= len(peaks)
    # Errors of their own make a set better than one peak, and no better than its size.
    weight = merged.weight(2 * merged.within)
    assert ((weight >= 1) & (weight <= merged.count)).all()
    assert np.allclose(merged.weight(1e9), 1.0)


def stretched_table(seed, species=30, compounds=80):
    """Systems that show their compounds' offsets by different factors."""
    rng = np.random.default_rng(seed)
    factor, offset = 1 + 0.3 * rng.normal(size=species), rng.normal(size=compounds)
    c, k = np.divmod(np.flatnonzero(rng.random(species * compounds) < 0.5), compounds)
    rt = 8 + 0.3 * rng.normal(size=species)[c] + factor[c] * offset[k]
    rt += 0.1 * rng.normal(size=len(c))
    base = small_table(0)
    nothing = np.full(len(c), -1)
    return factor, replace(
        base,
        rt=rt,
        covariates=np.zeros((len(c), 0)),
        species=c,
        supercategory=c % 3,
        compound=k,
        run=c,
        chem_id=nothing,
        compound_class=nothing,
        rows=np.arange(len(c)),
        feature_names=(),
        run_keys=np.stack([np.arange(species)] * 3, axis=1),
    )


def test_factors_of_species_are_found():
    truth, peaks = stretched_table(1)
    fit = fit_pool(peaks, PoolModel(stretch=True))
    found = 1 + fit.layout.stretch.species
    np.testing.assert_allclose(found / found.mean(), truth / truth.mean(), atol=0.1)
    assert fit.scales["sigma"] == pytest.approx(0.1, rel=0.15)


def test_factors_make_new_pairs_better_and_honest():
    _, peaks = stretched_table(2)
    kept = np.random.default_rng(0).random(len(peaks)) > 0.2
    train, test = peaks.select(kept), peaks.select(~kept)
    plain, own = (fit_pool(train, PoolModel(stretch=flag)) for flag in (False, True))
    times = [Predictor(fit).times(test) for fit in (plain, own)]
    errors = [np.abs(each.mean - test.rt).mean() for each in times]
    assert errors[1] < 0.6 * errors[0]
    assert 0.9 < (np.abs(times[1].score(test.rt)) < 1.96).mean() < 0.985


@pytest.mark.parametrize("name", ["run_effect", "compound_slopes"])
def test_factors_go_alone(name):
    with pytest.raises(SettingsError, match="stretch"):
        PoolModel(stretch=True, **{name: True})
